"""Layers in the window: asked only while the panel is in sight, followed by latent and camera, shown, searched, written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import ImVec2, imgui
from PIL import Image

from core_model.schema.question_layers import LayerInfo, LayersQuestion, LayerValuesQuestion
from core_model.schema.record_file import read_provenance
from tests.gui.window_driver import Hands, Recorder, drive
from viewer.shell.layout import SLOTS
from viewer.state import actions

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]
SIZE = (1600, 1000)


def opened(h: Hands):
    """The panel, with the planes of the first view in it."""
    panel = h.loop.features["layers"].panel
    h.loop.dispatch(actions.FrontPanel("Layers"))
    h.until(lambda: panel.asking.looked is not None and len(panel.asking.parts) == 6, "the layers")
    h.ctx.yield_(4)
    return panel


def choose(h: Hands, part: str, name: str) -> None:
    panel = h.loop.features["layers"].panel
    panel.list.words = name
    h.ctx.yield_(3)
    h.ctx.item_click(f"//Layers/**/##{part}:{name}")
    panel.list.words = ""
    h.until(lambda: panel.asking.looked.info.name == name, f"the layer {name}")
    h.ctx.yield_(3)


def test_layers_are_asked_for_only_while_the_panel_is_in_sight(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        h.until_full()
        h.ctx.yield_(20)
        assert not recorder.asked(LayersQuestion), "a closed panel asks nothing"
        renders = len(recorder.requests)
        panel = opened(h)
        asked = len(recorder.questions)
        h.ctx.yield_(20)
        assert len(recorder.questions) == asked, "each thing is asked for once"
        assert len(recorder.requests) == renders, "no picture of the view is rendered for it"
        assert panel.asking.looked.info.name == "planes"
        h.app.show_panel("Layers", False)
        h.ctx.yield_(3)
        h.ctx.item_input_value("//Latent/##seed", 3)
        h.until_full()
        assert len(recorder.questions) == asked

    drive(body, recorder, size=SIZE)


def test_the_key_opens_it_and_latent_and_camera_are_followed(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        h.until_full()
        h.ctx.key_press(imgui.Key.n)
        panel = h.loop.features["layers"].panel
        h.until(lambda: panel.asking.looked is not None, "the planes")
        choose(h, "backbone", "backbone.blocks.2.conv0")
        before = panel.asking.looked.arrays["picture"]
        h.ctx.key_press(imgui.Key.right_bracket)
        h.until(lambda: panel.asking.looked.question.latent.seeds[0].seed == 1, "the next seed")
        assert not np.array_equal(before, panel.asking.looked.arrays["picture"])
        h.until(
            lambda: all(q.latent == h.doc.latent for q in panel.asking._last.values()), "every part of it"
        )
        asked = len(recorder.asked(LayersQuestion))
        h.ctx.item_input_value("//Camera/##yaw", 25.0)
        camera = h.doc.camera
        h.until(lambda: panel.asking._last["decoder"].camera == camera, "the decoder from there")
        h.until(lambda: panel.asking._last["proposal"].camera == camera, "the proposals from there")
        again = {q.part for q in recorder.asked(LayersQuestion)[asked:]}
        assert not {"mapping", "backbone"} & again, "what the camera does not change is not asked for again"

    drive(body, recorder, size=SIZE)


def test_pages_order_range_and_the_large_channel(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        panel = opened(h)
        looked = panel.asking.looked
        assert looked.arrays["cells"].shape[0] == 64 and looked.channels == 96
        h.ctx.item_click("//Layers/##layers-after")
        h.until(lambda: panel.asking.looked.question.first == 64, "the second page")
        assert panel.asking.looked.arrays["which"].tolist() == list(range(64, 96))
        h.ctx.item_click("//Layers/layers-order/RMS")
        h.until(lambda: panel.asking.looked.question.order == "rms", "the strongest first")
        h.ctx.item_click("//Layers/##layers-before")
        h.until(lambda: panel.asking.looked.question.first == 0, "the first page")
        h.ctx.yield_(3)
        h.ctx.item_click("//Layers/**/##layers-cells")
        channel = h.doc.layers.channel
        assert channel in panel.asking.looked.arrays["which"]
        h.until(lambda: panel.asking.looked.question.channel == channel, "the channel large")
        h.ctx.item_input_value("//Layers/##layers-channel", 5)
        h.until(lambda: panel.asking.looked.question.channel == 5, "channel 5")
        h.ctx.item_click("//Layers/layers-range/± max")
        h.ctx.yield_(2)
        span = panel.pictures.span(panel.asking.looked, h.doc.layers)
        assert span.low == -span.high
        h.ctx.item_click("//Layers/layers-range/Fixed")
        h.ctx.yield_(3)
        assert (h.doc.layers.low, h.doc.layers.high) == pytest.approx((span.low, span.high)), (
            "begins with what is shown"
        )
        h.ctx.item_input_value("//Layers/##layers-high", 2.5)
        h.choose("//Layers/##layers-colours", "magma")
        asked = len(recorder.questions)
        h.ctx.yield_(10)
        assert (
            h.doc.layers.high == 2.5 and h.doc.layers.colormap == "magma" and len(recorder.questions) == asked
        )
        h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        h.ctx.yield_(2)
        assert h.doc.layers.colormap == "viridis", "it is undone"

    drive(body, recorder, size=SIZE)


def test_the_value_under_the_cursor_is_read_and_copied() -> None:
    def body(h: Hands) -> None:
        panel = opened(h)
        rect = h.ctx.item_info("//Layers/##layers-large").rect_full
        at = ImVec2(
            rect.min.x + 0.25 * (rect.max.x - rect.min.x), rect.min.y + 0.75 * (rect.max.y - rect.min.y)
        )
        h.ctx.mouse_move_to_pos(at)
        h.ctx.mouse_click(0)
        h.ctx.yield_(3)
        picture = panel.asking.looked.arrays["picture"]
        row, column = int(0.75 * picture.shape[0]), int(0.25 * picture.shape[1])
        text = imgui.get_clipboard_text()
        assert text.startswith("planes channel xy 0 row ")
        told = [int(w.strip(",:")) for w in text.split() if w.strip(",:").isdigit()]
        assert told[0] == 0 and abs(told[1] - row) <= 2 and abs(told[2] - column) <= 2
        assert float(text.split(": ")[-1]) == pytest.approx(float(picture[told[1], told[2]]), rel=1e-3)

    drive(body, size=SIZE)


def test_the_list_is_searched_and_rows_are_shown_as_lines() -> None:
    def body(h: Hands) -> None:
        panel = opened(h)
        choose(h, "mapping", "w")
        assert panel.asking.looked.arrays["picture"].shape == (14, 128)
        panel.list.words = "affine"
        h.ctx.yield_(3)
        assert h.ctx.item_exists("//Layers/**/##backbone:backbone.blocks.2.conv0.affine")
        assert not h.ctx.item_exists("//Layers/**/##mapping:w")
        choose(h, "backbone", "backbone.blocks.2.conv0.affine")

    drive(body, size=SIZE)


def test_a_sheet_and_the_values_are_written_with_the_record_of_the_view(
    recorder: Recorder, tmp_path: Path
) -> None:
    def save(h: Hands, button: str, path: Path) -> None:
        panel = h.loop.features["layers"].panel
        h.loop.files.system = False
        h.ctx.item_click(f"//Layers/{button}")
        h.until(lambda: h.loop.files.open, "the browser")
        h.loop.files._browser.folder = path.parent
        h.loop.files._browser.name = path.name
        h.ctx.yield_(8)
        h.ctx.item_click("//##files/**/###files-take")
        h.until(lambda: path.exists() and not panel.files.busy, f"the file {path.name}")
        h.ctx.yield_(2)
        assert panel.files.note.startswith(f"Wrote {path.name}")

    def body(h: Hands) -> None:
        opened(h)
        choose(h, "backbone", "backbone.blocks.2.conv0")
        save(h, "###layers-png", tmp_path / "sheet.png")
        save(h, "###layers-npz", tmp_path / "values.npz")

    drive(body, recorder, size=SIZE)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 8 * 128 and len(set(sheet.convert("RGB").getdata())) > 100
    with np.load(tmp_path / "values.npz", allow_pickle=False) as npz:
        assert npz["values"].shape == (96, 16, 16) and npz["values"].dtype == np.float32
        assert npz["channels"].tolist() == [str(c) for c in range(96)]
        assert LayerInfo.model_validate_json(str(npz["layer"])).kind == "StyleConv"
    for name in ("sheet.png", "values.npz"):
        record = read_provenance(tmp_path / name)
        assert record.request.checkpoint == "blob:demo" and record.request.latent.seeds[0].seed == 0
    assert len(recorder.asked(LayerValuesQuestion)) == 1


def test_the_chosen_layer_is_part_of_the_session(tmp_path: Path) -> None:
    """It lies in the document, which comes back at the next start (`autosave`)."""

    def first(h: Hands) -> None:
        opened(h)
        choose(h, "decoder", "sdf_mlp.fc0")
        h.ctx.item_input_value("//Layers/##layers-channel", 9)
        h.ctx.yield_(2)

    def second(h: Hands) -> None:
        assert (h.doc.layers.part, h.doc.layers.layer, h.doc.layers.channel) == ("decoder", "sdf_mlp.fc0", 9)
        panel = opened(h)
        assert panel.asking.looked.info.name == "sdf_mlp.fc0"

    drive(first, size=SIZE)
    saved = json.loads((tmp_path / "sessions" / "last.json").read_text())
    assert saved["document"]["layers"]["layer"] == "sdf_mlp.fc0"
    from viewer.shell.autosave import Autosave

    document = Autosave().found
    assert document is not None

    def restored(h: Hands) -> None:
        h.loop.store.restart(document.document)
        h.ctx.yield_(2)
        second(h)

    drive(restored, size=SIZE)


def test_every_panel_that_was_brought_to_the_front_can_be_hidden_again() -> None:
    """Floating ones stayed for ever: their wish for the focus was never forgotten."""

    def body(h: Hands) -> None:
        shown = lambda title: next(v for t, v, _ in h.app.panels_shown() if t == title)
        for slot in SLOTS:
            if slot.bare:
                continue
            h.loop.dispatch(actions.FrontPanel(slot.title))
            h.ctx.yield_(4)
            assert shown(slot.title) and imgui.internal.find_window_by_name(slot.title).active, slot.title
            h.app.show_panel(slot.title, False)
            h.ctx.yield_(4)
            window = imgui.internal.find_window_by_name(slot.title)
            assert not shown(slot.title) and not window.active, slot.title

    drive(body, size=SIZE)
