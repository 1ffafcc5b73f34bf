"""Cross-section and tri-planes in the window: asked once, dragged in the picture, cells and their pixels, planes taken out."""

from __future__ import annotations

import numpy as np
import pytest
from imgui_bundle import ImVec2, imgui

from core_model.schema.question_planes import PlanesQuestion, SectionQuestion
from tests.gui.window_driver import Hands, Recorder, drive

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]


def show(h: Hands, title: str) -> None:
    h.app.params.docking_params.dockable_window_of_name(title).focus_window_at_next_frame = True
    h.ctx.yield_(4)


def middle(h: Hands, item: str) -> ImVec2:
    rect = h.ctx.item_info(item).rect_full
    return ImVec2(0.5 * (rect.min.x + rect.max.x), 0.5 * (rect.min.y + rect.max.y))


def test_a_slice_is_asked_for_when_its_panel_is_in_sight_and_follows_its_plane(recorder: Recorder):

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["section"].panel
        h.until_full()
        assert not recorder.asked(SectionQuestion), "a hidden panel asks nothing"
        show(h, "Section")
        h.until(lambda: panel._last is not None and panel._last[0].size == 192, "the first slice")
        asked = len(recorder.questions)
        ctx.yield_(10)
        assert len(recorder.questions) == asked, "the same slice is asked for once"
        renders = len(recorder.requests)
        ctx.item_click("//Section/section-axis/x")
        ctx.item_input_value("//Section/##section-offset", 0.1)
        h.until(
            lambda: panel._last[0].normal == (1.0, 0.0, 0.0) and panel._last[0].offset == pytest.approx(0.1),
            "the other slice",
        )
        h.choose("//Section/##section-quantity", "density")
        ctx.yield_(3)
        assert h.doc.section.quantity == "density" and panel._piece[1].shown.channel.unit == "1 / world unit"
        assert len(recorder.requests) == renders, "a slice renders no picture"

        ctx.item_click("//Section/###section-reset")
        ctx.yield_(2)
        assert h.doc.section.axis == "z" and h.doc.section.offset == 0.0

    drive(body, recorder)


def test_the_slope_has_colours_of_its_own_and_they_are_undone():
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["section"].panel
        show(h, "Section")
        h.until(lambda: panel._last is not None, "a slice")
        h.choose("//Section/##section-quantity", "slope")
        h.until(lambda: panel._last[0].also == "slope", "the slope")
        ctx.item_click("//Section/##section-iso")
        h.choose("//Section/##section-colours", "magma")
        view = next(v for v in h.doc.view.channel_views if v.name == "section.slope")
        assert view.iso and view.colormap == "magma"
        ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        ctx.yield_(2)
        assert next(v for v in h.doc.view.channel_views if v.name == "section.slope").colormap == "balance"

    drive(body)


def test_the_handle_in_the_picture_drags_the_plane_and_a_click_copies_the_value(recorder: Recorder):

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["section"].panel
        show(h, "Section")
        ctx.item_click("//Section/section-axis/x")
        h.until_full()
        h.until(lambda: panel._last is not None, "a slice")
        camera = h.doc.camera
        ctx.mouse_move_to_pos(middle(h, "//Viewport/##section-handle"))
        ctx.mouse_down(0)
        sizes = []
        for _ in range(6):  # the front view: x runs to the right
            ctx.mouse_move_to_pos(ImVec2(imgui.get_mouse_pos().x + 12.0, imgui.get_mouse_pos().y))
            ctx.yield_(3)
            sizes.append(panel._last[0].size)
        ctx.mouse_up(0)
        ctx.yield_(2)
        world = 2.0 * camera.radius * np.tan(0.5 * camera.fov)
        assert h.doc.section.offset == pytest.approx(72.0 / h.loop.place.size * world, rel=0.15)
        assert h.doc.camera == camera, "the picture does not turn with it"
        assert 64 in sizes, "coarse slices follow the hand"
        h.until(
            lambda: panel._last[0].size == 192 and panel._last[0].offset == h.doc.section.offset,
            "the fine slice",
        )
        ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        ctx.yield_(2)
        assert h.doc.section.offset == 0.0, "one drag is one step"
        h.until(lambda: panel._last[0].offset == 0.0, "the slice before")
        ctx.item_click("//Section/##slice")
        ctx.yield_(2)
        text = imgui.get_clipboard_text()
        assert text.startswith("Signed distance -0.") and "world units at x 0.0" in text
        assert (
            h.loop.features["section"].panel.link.slice_point is not None
            and len(h.loop.features["section"].panel.link.cut) > 20
        )

    drive(body, recorder)


def test_a_cell_shows_the_pixels_that_it_feeds():

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["planes"].panel
        show(h, "Planes")
        h.until(lambda: panel._last is not None, "the planes")
        h.until_full()
        assert panel._last[0].mode == "pca"
        ctx.item_click("//Planes/planes-mode/Channel")
        ctx.item_input_value("//Planes/##planes-channel", 5)
        h.until(lambda: panel._last[0].channel == 5, "channel 5")
        ctx.item_click("//Planes/##plane-0")
        h.until(lambda: h.doc.planes.cell is not None, "the chosen cell")
        cell = h.doc.planes.cell
        assert cell.plane == 0 and cell.column in (31, 32) and cell.row in (31, 32)
        ctx.yield_(3)
        assert 0 < h.loop.features["planes"].panel.link.fed.pixels < 60
        ctx.item_click("//Planes/##planes-release")
        ctx.yield_(2)
        assert h.doc.planes.cell is None

    drive(body)


def test_planes_are_taken_out_put_back_and_undone(recorder: Recorder):
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["planes"].panel
        show(h, "Planes")
        h.until(lambda: panel._last is not None, "the planes")
        ctx.item_click("//Planes/planes-mode/Channel")
        ctx.item_input_value("//Planes/##planes-channel", 5)
        h.until(lambda: panel._last[0].channel == 5, "channel 5")
        h.until_full()
        before = h.picture()
        ctx.item_click("//Planes/##ablate-1")
        ctx.yield_(2)
        assert h.doc.latent.ablate.planes == ((0, 1),) and h.doc.latent.ablate.fill == "mean"
        h.until_full()
        assert h.frames.result.request.latent.ablate.planes == ((0, 1),)
        h.until(lambda: np.ptp(panel._last[1].arrays["pictures"][1]) == 0, "the flat plane")
        ctx.item_click("//Planes/planes-fill/Zero")
        ctx.yield_(2)
        assert h.doc.latent.ablate.fill == "zero"
        ctx.item_click("//Planes/###planes-back")
        ctx.yield_(2)
        assert h.doc.latent.ablate is None
        ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        ctx.yield_(2)
        assert h.doc.latent.ablate is not None, "undo takes it out again"
        ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.y))
        h.until_full()
        assert before.shape == h.picture().shape

    drive(body, recorder)
    assert any(q.latent.ablate is not None for q in recorder.asked(PlanesQuestion))
