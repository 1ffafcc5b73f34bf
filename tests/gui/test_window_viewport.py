"""The viewport under the mouse and the keyboard: camera, modes, seeds, undo; pixels against an offscreen
render.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import ImVec2, imgui
from PIL import Image

from core_model.schema.render import RenderRequest
from tests.blob_head.session import BlobSession
from tests.gui.window_driver import Hands, Recorder, drive

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]


def _centre(hands: Hands) -> ImVec2:
    view = hands.loop.place
    return ImVec2(view.origin[0] + 0.5 * view.size, view.origin[1] + 0.5 * view.size)


def test_left_drag_orbits_and_is_one_undo_step(recorder: Recorder):
    def body(h: Hands) -> None:
        before = h.doc.camera
        h.ctx.mouse_move_to_pos(_centre(h))
        h.ctx.mouse_drag_with_delta(ImVec2(60.0, 25.0))
        h.ctx.yield_(2)
        turned, edge = h.doc.camera, h.loop.place.size
        # Half a turn an edge, less the few pixels that ImGui takes before a drag counts.
        assert turned.yaw == pytest.approx(-60 * math.pi / edge, abs=8 * math.pi / edge)
        assert turned.pitch == pytest.approx(25 * math.pi / edge, abs=8 * math.pi / edge)
        assert turned.radius == before.radius and turned.pivot == before.pivot
        h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        h.ctx.yield_(2)
        assert h.doc.camera == before
        h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.y))
        h.ctx.yield_(2)
        assert h.doc.camera == turned

    drive(body, recorder)
    requests = recorder.requests
    assert any(r.tier == "moving" and r.camera.yaw < -0.1 for r in requests)


def test_pan_dolly_fov_and_reset():
    def body(h: Hands) -> None:
        home = h.doc.camera
        h.ctx.mouse_move_to_pos(_centre(h))
        h.ctx.mouse_drag_with_delta(ImVec2(50.0, 0.0), 2)
        h.ctx.yield_(2)
        assert h.doc.camera.pivot[0] < -1e-3 and h.doc.camera.yaw == home.yaw
        h.ctx.mouse_move_to_pos(_centre(h))
        h.ctx.key_down(imgui.Key.mod_shift)
        h.ctx.mouse_drag_with_delta(ImVec2(-50.0, 0.0))
        h.ctx.key_up(imgui.Key.mod_shift)
        h.ctx.yield_(2)
        assert (
            h.doc.camera.pivot[0] == pytest.approx(home.pivot[0], abs=0.02) and h.doc.camera.yaw == home.yaw
        )
        h.ctx.mouse_wheel_y(2.0)
        h.ctx.yield_(2)
        assert h.doc.camera.radius == pytest.approx(home.radius / 1.1**2, rel=1e-6)
        h.ctx.key_down(imgui.Key.mod_ctrl)
        h.ctx.mouse_wheel_y(1.0)
        h.ctx.key_up(imgui.Key.mod_ctrl)
        h.ctx.yield_(2)
        assert h.doc.camera.fov < home.fov
        h.ctx.key_press(imgui.Key.r)
        h.ctx.yield_(2)
        assert h.doc.camera == home

    drive(body)


def test_double_click_turns_about_the_surface():
    def body(h: Hands) -> None:
        h.until_full()
        request = h.frames.result.request
        depth = h.frames.arrays["depth"]
        h.ctx.mouse_move_to_pos(_centre(h))
        h.ctx.mouse_double_click()
        h.ctx.yield_(2)
        mid = depth.shape[0] // 2
        nose = request.camera.radius - float(depth[mid, mid])
        assert h.doc.camera.pivot[2] == pytest.approx(nose, abs=0.02)
        assert h.doc.camera.radius < request.camera.radius

    drive(body)


def test_digits_choose_modes_and_the_picture_follows(recorder: Recorder):
    def body(h: Hands) -> None:
        h.until_full()
        colour = h.picture().astype(float)
        for digit, channel in (
            (imgui.Key._2, "depth"),
            (imgui.Key._3, "normal"),
            (imgui.Key._5, "samples"),
            (imgui.Key._1, "rgb"),
        ):
            h.ctx.key_press(digit)
            h.ctx.yield_(2)
            assert h.doc.view.channel == channel
            h.until(lambda c=channel: c in h.frames.arrays, channel, 3000)
            h.ctx.yield_(2)
            if channel == "normal":
                h.until_full()
                assert np.abs(h.picture().astype(float) - colour).mean() > 10
        h.ctx.key_press(imgui.Key.left_bracket)
        h.ctx.key_press(imgui.Key.right_bracket, 3)
        h.ctx.yield_(2)
        assert h.doc.latent.seeds[0].seed == 2

    drive(body, recorder)
    requests = recorder.requests
    assert {"depth", "normal", "samples"} <= {c for r in requests for c in r.channels}


def test_viewport_shows_the_offscreen_render_of_its_request():
    def body(h: Hands) -> None:
        h.loop.draft = h.loop.store.doc = h.doc.replace(camera=h.doc.camera.replace(yaw=0.4, pitch=0.1))
        h.until_full()
        h.ctx.yield_(3)
        shown = h.picture().astype(np.float64) / 255.0
        request = h.frames.result.request
        assert isinstance(request, RenderRequest)
        offscreen = (
            BlobSession().render(request.replace(width=shown.shape[1], height=shown.shape[0])).arrays["rgb"]
        )
        error = np.abs(shown - offscreen.transpose(1, 2, 0))
        assert error.mean() < 0.02, f"mean absolute error {error.mean():.4f}"
        mirrored = np.abs(shown[:, ::-1] - offscreen.transpose(1, 2, 0)).mean()
        assert mirrored > 3 * error.mean()

    drive(body)


def test_a_view_to_turn_to_and_hidden_panels():
    def body(h: Hands) -> None:
        h.until_full()
        h.ctx.item_click("//Camera/###view-right")
        h.until(lambda: h.doc.camera.yaw == pytest.approx(math.pi / 2), "the turn to the right")
        edge, shown = h.loop.place.edge_px, h.app.panels_shown()
        assert {t for t, visible, _ in shown if not visible} == {"Ray", "Compare", "Inversion", "Layers"}
        h.ctx.mouse_move_to_pos(_centre(h))
        h.ctx.key_press(imgui.Key.h)
        h.ctx.yield_(4)
        assert [t for t, visible, _ in h.app.panels_shown() if visible] == ["Viewport"]
        assert h.loop.place.edge_px > edge
        h.ctx.key_press(imgui.Key.h)
        h.ctx.yield_(4)
        assert h.app.panels_shown() == shown
        h.ctx.key_press(imgui.Key.escape)
        h.ctx.yield_(3)
        assert not h.app.params.app_shall_exit

    drive(body)
    assert os.environ["TRISCOPE_CONFIG_DIR"]


def test_the_window_shows_the_picture_pixel_by_pixel_docked_and_floating(tmp_path: Path):
    """Docked, the picture lies under the GUI and no panel has a ground of its own; floating, both are drawn by Dear ImGui."""

    def seen(h: Hands, name: str) -> np.ndarray:
        path = tmp_path / f"{name}.png"
        h.app.screenshot(path)
        h.until(path.exists, "the screenshot")
        whole = np.asarray(Image.open(path).convert("RGB"))
        view, edge = h.loop.place, h.loop.place.edge_px
        x, y = (round(v) for v in view.origin)
        return whole[y : y + edge, x : x + edge]

    def body(h: Hands) -> None:
        h.until_full()
        h.ctx.mouse_move("//Camera/###view-front")
        h.ctx.yield_(3)
        for name in ("docked", "floating"):
            picture, shown = h.picture(), seen(h, name)
            assert h.loop.see_through == (name == "docked")
            assert shown.shape == picture.shape
            middle = slice(int(0.35 * len(shown)), int(0.65 * len(shown)))
            assert np.array_equal(shown[middle, middle], picture[middle, middle]), name
            assert len(np.unique(picture[middle, middle].reshape(-1, 3), axis=0)) > 50, (
                "a picture of one colour proves nothing"
            )
            internal = imgui.internal
            internal.dock_context_process_undock_window(
                imgui.get_current_context(), internal.find_window_by_name("Viewport")
            )
            h.ctx.yield_(8)

    drive(body)
