"""Maps and comparison in the real window: frames, components, iso-lines, outline, copied values; wipe, side, error, reference."""

from __future__ import annotations

import numpy as np
import pytest
from imgui_bundle import ImVec2, imgui

from tests.gui.window_driver import Hands, Recorder, drive
from viewer.state.actions import ShowPanel

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]


def centre(h: Hands, u: float = 0.5, v: float = 0.5) -> ImVec2:
    view = h.loop.place
    return ImVec2(view.origin[0] + u * view.size, view.origin[1] + v * view.size)


def test_vector_maps_and_iso_lines_render_nothing_and_their_value_is_copied(recorder: Recorder):

    def body(h: Hands) -> None:
        ctx = h.ctx
        h.choose("//View/##channel", "normal")
        h.until_full()
        asked, plain = len(recorder.requests), h.picture()
        ctx.item_click("//View/frame/Camera")
        ctx.yield_(2)
        view = h.doc.view.channel_views[0]
        assert (view.name, view.frame) == ("normal", "camera")
        assert np.abs(h.picture().astype(int) - plain).max() <= 2, "the frontal camera's axes are the world's"
        ctx.item_click("//View/component/z")
        ctx.yield_(2)
        scalar = h.picture()
        assert np.abs(scalar.astype(int) - plain).mean() > 5
        ctx.item_click("//View/##iso")
        ctx.yield_(2)
        assert (h.picture() != scalar).any(axis=-1).mean() > 0.002, "iso-lines are drawn"
        ctx.mouse_move_to_pos(centre(h, 0.5, 0.45))
        ctx.yield_(2)
        ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.c))
        ctx.yield_(2)
        text = imgui.get_clipboard_text()
        u, v = h.loop.place.hover
        values = h.frames.arrays["normal"]
        z = values[2, int(v * values.shape[1]), int(u * values.shape[2])]
        assert f"Normal z (camera) {z:.3f}" in text and text.startswith("x ")
        assert len(recorder.requests) == asked, "maps never render again"

    drive(body, recorder)


def test_the_outline_of_the_chosen_rays_is_switched_off():
    def body(h: Hands) -> None:
        ctx = h.ctx
        h.choose("//View/##channel", "leftover")
        h.until_full()
        lined = h.picture()
        ctx.item_click("//View/##outline")
        ctx.yield_(8)
        assert not h.doc.view.of("leftover", h.loop.coordinator.info.channels[5]).outline
        assert (h.picture() != lined).any(), "the outline of the chosen rays is gone"

    drive(body)


def compare(h: Hands) -> None:
    """The Compare panel in front of the others."""
    h.until_full()
    h.loop.dispatch(ShowPanel("Compare", True))
    h.ctx.yield_(4)
    h.ctx.window_focus("//Compare")
    h.ctx.yield_(2)


def test_wipe_and_side_follow_what_b_is_and_where_the_camera_looks(recorder: Recorder):

    def body(h: Hands) -> None:
        ctx, second = h.ctx, h.loop.coordinator.compared
        compare(h)
        h.choose("//Compare/##columns/##tiles/##what-B", "psi")
        ctx.item_click("//Compare/##columns/mode/Wipe")
        h.until(lambda: second.matches(h.doc, h.frames.result) and second.pending is None, "B")
        assert recorder.requests[-1].latent.psi == pytest.approx(1.0)
        found = second.apart(h.doc, h.frames)
        assert found is not None and 10 < found.psnr < 60 and found.worst_01 <= found.worst_1 <= found.psnr
        ctx.item_drag_with_delta("//Viewport/##divider", ImVec2(60.0, 0.0))
        ctx.yield_(2)
        edge = h.loop.place.size
        assert h.doc.compare.split == pytest.approx(0.5 + 60 / edge, abs=12 / edge)
        assert h.doc.camera.yaw == 0.0, "the divider is not the camera"
        h.choose("//Compare/##columns/##tiles/##what-B", "sampler")
        h.choose("//Compare/##columns/##tiles/##sampler-B", "learned:unstratified")
        h.until(lambda: recorder.requests[-1].sampler.strategy == "unstratified", "the other strategy")
        h.choose("//Compare/##columns/##tiles/##what-B", "psi")
        ctx.item_click("//Compare/##columns/mode/Side")
        ctx.item_input_value("//Camera/##yaw", 20.0)
        h.until(
            lambda: (
                second.matches(h.doc, h.frames.result)
                and second.views[1].frames.result.request.camera == h.doc.camera
            ),
            "B turned too",
            2000,
        )

    drive(body, recorder)


def test_the_reference_is_accumulated_measured_and_asked_for_no_longer(recorder: Recorder):
    def body(h: Hands) -> None:
        ctx, second = h.ctx, h.loop.coordinator.compared
        compare(h)
        ctx.item_click("//Compare/##columns/mode/Error")
        ctx.yield_(3)
        h.choose("//Compare/##columns/##tiles/##what-B", "reference")
        ctx.item_input_value("//Compare/##columns/##tiles/##reference-B", 256)
        h.until(lambda: second.accumulated(1) >= 256, "the reference", 2000)
        assert {r.seed for r in recorder.requests if r.sampler.name == "stratified"} >= {1, 2}
        ctx.item_click("//Compare/##columns/##tiles/##curve-B")
        h.until(lambda: len(second.views[1].curve) == 6, "the curve", 2000)
        ctx.mouse_move_to_pos(centre(h))
        ctx.key_press(imgui.Key.v, 2)  # from the error map over the grid on to none
        ctx.yield_(2)
        assert h.doc.compare.mode == "off"
        asked = len(recorder.requests)
        ctx.yield_(20)
        assert len(recorder.requests) == asked

    drive(body, recorder)
