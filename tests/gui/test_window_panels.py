"""Panels, menus and errors, driven by item path."""

from __future__ import annotations

import os
import signal

import pytest
from imgui_bundle import imgui

from tests.gui.window_driver import Hands, Recorder, drive
from viewer.render_client.client import RenderClient
from viewer.state.preferences import load_preferences

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]


def test_seed_and_truncation_reach_the_document_and_the_requests(recorder: Recorder):
    def body(h: Hands) -> None:
        ctx = h.ctx
        ctx.item_input_value("//Latent/##seed", "4242")
        ctx.yield_(2)
        assert h.doc.latent.seeds[0].seed == 4242
        ctx.item_click("//Latent/##seed+")
        ctx.yield_(2)
        assert h.doc.latent.seeds[0].seed == 4243
        ctx.item_input_value("//Latent/##psi", 0.5)
        ctx.yield_(2)
        assert h.doc.latent.psi == pytest.approx(0.5)
        ctx.item_click("//Latent/##cutoff-all")
        ctx.yield_(2)
        assert h.doc.latent.cutoff is None

        h.until_full()

    drive(body, recorder)
    last = recorder.requests[-1].latent
    assert last.seeds[0].seed == 4243 and last.psi == pytest.approx(0.5)


def test_a_colour_map_changes_the_view_and_renders_nothing(recorder: Recorder):
    def body(h: Hands) -> None:
        ctx = h.ctx
        h.choose("//View/##channel", "depth")
        ctx.yield_(2)
        assert h.doc.view.channel == "depth"
        h.until_full()
        asked = len(h.loop.coordinator.client.requests)
        h.choose("//View/##colormap", "magma")
        ctx.item_click("//View/##invert")
        ctx.item_click("//View/range/Fixed")
        ctx.yield_(2)
        ctx.item_input_value("//View/##low", 2.25)
        ctx.yield_(3)
        view = h.doc.view.of("depth", next(c for c in h.loop.coordinator.info.channels if c.name == "depth"))
        assert (view.colormap, view.invert, view.auto_range, view.low) == (
            "magma",
            True,
            False,
            pytest.approx(2.25),
        )
        assert len(h.loop.coordinator.client.requests) == asked, "a colour map must not render again"

    drive(body, recorder)


def test_sampler_and_background_reach_the_document_and_the_requests(recorder: Recorder):
    def body(h: Hands) -> None:
        ctx = h.ctx
        ctx.item_click("//Sampler/strategy/Stratified")
        ctx.yield_(2)
        assert h.doc.sampler.strategy == "stratified"
        ctx.item_click("//Sampler/hard-rule/Leftover")
        ctx.yield_(2)
        assert h.doc.sampler.hard_rule == "leftover"
        ctx.item_input_value("//Sampler/##spp", 24.0)
        ctx.yield_(2)
        assert h.doc.sampler.spp == pytest.approx(24.0)
        h.choose("//Sampler/##sampler", "uniform")
        ctx.yield_(2)
        assert h.doc.sampler.name == "uniform"
        ctx.item_click("//View/background/White")
        ctx.yield_(2)
        assert h.doc.background == (1.0, 1.0, 1.0)

    drive(body, recorder)
    assert recorder.requests[-1].sampler.name == "uniform"


def test_camera_numbers_are_typed_and_copied():
    def body(h: Hands) -> None:
        ctx = h.ctx
        ctx.item_input_value("//Camera/##yaw", 30.0)
        ctx.item_input_value("//Camera/##radius", 3.5)
        ctx.yield_(2)
        assert h.doc.camera.yaw == pytest.approx(
            0.5235988, abs=1e-5
        ) and h.doc.camera.radius == pytest.approx(3.5)
        ctx.item_click("//Camera/##fold-exact-pose")
        ctx.yield_(8)
        ctx.item_click("//Camera/###copy-pose")
        ctx.yield_(2)
        assert imgui.get_clipboard_text().startswith('{"yaw": 0.5235')

    drive(body)


def test_theme_and_interface_size_are_kept_and_esc_closes_the_list_of_keys():
    def body(h: Hands) -> None:
        ctx = h.ctx
        ctx.menu_click("//##MainMenuBar/View/Theme/Light")
        ctx.yield_(3)
        assert h.app.theme is not None and h.app.theme.palette.name == "light"
        assert load_preferences()[0].theme == "light"
        ctx.menu_click("//##MainMenuBar/View/Interface size/125 %")
        ctx.yield_(3)
        assert h.app.theme.scale == pytest.approx(1.25)
        ctx.key_press(imgui.Key.f1)
        ctx.yield_(3)
        assert h.loop.keys_open
        ctx.key_press(imgui.Key.escape)
        ctx.yield_(3)
        assert not h.loop.keys_open and not h.app.params.app_shall_exit

    drive(body)


def test_a_failed_frame_leaves_a_banner_and_a_working_window():
    def body(h: Hands) -> None:
        ctx, control = h.ctx, h.loop.coordinator
        h.until_full()
        good = h.frames.version
        ctx.item_input_value("//Latent/##seed", "13")
        h.until(lambda: control.store.banner is not None, "the banner of a failed frame")
        assert "NaN in tile 3" in control.store.banner.text and h.frames.version == good
        ctx.item_click("//##banner/###copy-error")
        ctx.yield_(2)
        assert "NaN in tile 3" in imgui.get_clipboard_text()
        ctx.item_input_value("//Latent/##seed", "14")
        h.until(lambda: h.frames.version > good and control.store.banner is None, "the next good picture")

    drive(body)


def test_a_bad_file_leaves_a_banner_and_the_next_file_opens():
    def body(h: Hands) -> None:
        ctx, control = h.ctx, h.loop.coordinator
        h.until_full()
        ctx.window_focus("//Model")
        ctx.yield_(8)
        ctx.item_input_value("//Model/##path", "nothing/here.safetensors")
        ctx.key_press(imgui.Key.enter)
        h.until(lambda: control.store.banner is not None, "the banner of a bad file")
        assert "here.safetensors" in control.store.banner.title and control.info.path == "blob:demo"
        ctx.item_click("//##banner/###dismiss")
        ctx.yield_(2)
        assert control.store.banner is None
        ctx.item_input_value("//Model/##path", "blob:other")
        ctx.key_press(imgui.Key.enter)
        h.until(lambda: control.info.path == "blob:other" and h.frames.arrays, "the other checkpoint")

    drive(body)
    assert load_preferences()[0].recent[:2] == ("blob:other", "blob:demo")


def test_a_killed_worker_is_announced_and_replaced():
    client = RenderClient(factory="tests.blob_head.session:BlobSession")

    def body(h: Hands) -> None:
        control = h.loop.coordinator
        h.until_full()
        first = client.status.pid
        os.kill(first, signal.SIGKILL)
        h.until(lambda: control.store.banner is not None, "the banner", 3000)
        assert "stopped" in control.store.banner.title and "restarted" in control.store.banner.title
        h.until(
            lambda: client.status.alive and client.status.started_s > 0 and client.status.pid != first,
            "a new worker",
            3000,
        )
        good = h.frames.version
        h.ctx.item_input_value("//Latent/##seed", "7")
        h.until(lambda: h.frames.version > good, "a picture of the new worker", 3000)

    drive(body, Recorder(client))
    assert not client.status.alive


def test_a_panel_that_raises_is_set_aside_and_can_be_tried_again():
    def body(h: Hands) -> None:
        panel = h.loop.features["camera"].panel
        draws = panel.draw

        def fails(doc):
            imgui.begin_disabled(True)
            imgui.push_id("half drawn")
            raise RuntimeError("a slip in a panel")

        panel.draw = fails
        h.until(lambda: h.loop.store.banner is not None, "the banner")
        assert "a slip in a panel" in h.loop.store.banner.text
        h.ctx.item_click("//##banner/###dismiss")
        panel.draw = draws
        h.ctx.item_click("//Camera/###try-again")
        h.ctx.item_input_value("//Camera/##yaw", 10.0)
        h.ctx.yield_(2)
        assert h.doc.camera.yaw == pytest.approx(0.1745329, abs=1e-5)

    drive(body)


def test_controls_have_tooltips():
    """Hovers one control of each panel and looks for the tooltip window."""
    paths = ("//Latent/##psi", "//Camera/##fov", "//View/##channel", "//Sampler/##tau", "//Model/##path")

    def body(h: Hands) -> None:
        for path in paths:
            h.ctx.window_focus(path.rsplit("/", 1)[0])
            h.ctx.yield_(8)
            h.ctx.mouse_move(path)
            h.ctx.yield_(36)
            tip = h.ctx.get_window_by_ref("//##Tooltip_00")
            assert tip is not None and tip.active, f"no tooltip over {path}"

    drive(body)
