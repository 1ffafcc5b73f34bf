"""Camera and path tools in the real window: prior plot, view cube, flying, projection, pasted poses, keys and scrubbing."""

from __future__ import annotations

import math

import pytest
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose, label25
from tests.gui.window_driver import Hands, Recorder, drive
from viewer.features.viewport import view_cube

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]
PICTURE_EDGE = 64


def _middle(h: Hands) -> ImVec2:
    view = h.loop.place
    return ImVec2(view.origin[0] + 0.5 * view.size, view.origin[1] + 0.5 * view.size)


def test_the_prior_plot_drags_the_camera_and_turns_to_one_sigma(recorder: Recorder):
    def body(h: Hands) -> None:
        h.ctx.item_drag_with_delta("//Camera/##prior", ImVec2(40.0, -15.0))
        h.ctx.yield_(2)
        dragged = h.doc.camera
        assert dragged.yaw > 0.1 and dragged.pitch > 0.03 and dragged.radius == 2.7
        assert any(r.camera == dragged for r in recorder.requests)
        h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        h.ctx.yield_(2)
        assert h.doc.camera == OrbitPose()

        h.ctx.item_click("//Camera/###prior-yaw+1")
        h.until(lambda: h.doc.camera.yaw == pytest.approx(0.3), "the turn to one sigma")
        assert h.doc.camera.pitch == 0.0

    drive(body, recorder)


def test_poses_are_pasted_and_typed_and_other_text_changes_nothing():
    def body(h: Hands) -> None:
        pose = OrbitPose(yaw=0.5, pitch=-0.2, radius=2.0)
        imgui.set_clipboard_text(str(label25(pose).tolist()))
        h.ctx.item_click("//Camera/##fold-exact-pose")
        h.ctx.yield_(8)
        h.ctx.item_click("//Camera/###paste-pose")
        h.ctx.yield_(2)
        assert h.doc.camera.yaw == pytest.approx(0.5, abs=1e-5) and h.doc.camera.radius == pytest.approx(
            2.0, abs=1e-5
        )
        before = h.doc.camera
        imgui.set_clipboard_text("not a pose")
        h.ctx.item_click("//Camera/###paste-pose")
        h.ctx.yield_(2)
        assert h.doc.camera == before
        h.ctx.item_input_value("//Camera/##pose-text", '{"yaw": -0.25}')
        h.ctx.yield_(2)
        assert h.doc.camera == before.replace(yaw=-0.25)

    drive(body)


def test_parallel_views_have_a_height_in_world_units(recorder: Recorder):
    def body(h: Hands) -> None:
        h.ctx.item_click("//Camera/projection/Orthographic")
        h.ctx.yield_(2)
        h.ctx.item_input_value("//Camera/##view-height", 0.8)
        h.ctx.yield_(2)
        assert h.doc.camera.orthographic and h.doc.camera.view_height == pytest.approx(0.8, abs=1e-4)
        h.until_full()
        assert recorder.requests[-1].camera == h.doc.camera

    drive(body, recorder)


def test_a_click_on_the_cube_turns_the_camera_in_one_step_of_the_history():
    def body(h: Hands) -> None:
        h.until_full()
        em = h.app.theme.em
        shown = h.doc.camera.world_from_cam()
        low = h.ctx.item_info("//Viewport/##cube").rect_full
        spot = view_cube.spot(shown, (1, 0, 1), view_cube.HALF_EM * em)
        assert spot is not None
        h.ctx.mouse_move_to_pos(
            ImVec2(0.5 * (low.min.x + low.max.x) + spot[0], 0.5 * (low.min.y + low.max.y) + spot[1])
        )
        h.ctx.mouse_click()
        h.until(lambda: h.doc.camera.yaw == pytest.approx(math.pi / 4), "the turn to the right front")
        h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        h.ctx.yield_(2)
        assert h.doc.camera == OrbitPose(), "a turn is one step of the history"

    drive(body)


def test_flying_moves_the_eye_looks_about_and_changes_its_speed():
    def body(h: Hands) -> None:
        h.until_full()
        view = h.loop.place
        h.ctx.item_click("//Camera/navigation/Fly")
        h.ctx.yield_(2)
        assert h.doc.navigation.mode == "fly"
        eye = h.doc.camera.world_from_cam()[:3, 3]
        h.ctx.mouse_move_to_pos(_middle(h))
        h.ctx.mouse_down(0)
        h.ctx.key_down(imgui.Key.d)
        h.ctx.yield_(10)
        h.ctx.key_up(imgui.Key.d)
        h.ctx.mouse_up(0)
        h.ctx.yield_(2)
        moved = h.doc.camera.world_from_cam()[:3, 3] - eye
        assert (
            moved[0] > 0.02 and abs(moved[1]) < 1e-9 and abs(moved[2]) < 1e-9 and h.doc.rays.selected is None
        )
        before = h.doc.camera
        h.ctx.mouse_move_to_pos(_middle(h))
        h.ctx.mouse_drag_with_delta(ImVec2(60.0, 0.0))
        h.ctx.yield_(2)
        assert h.doc.camera.world_from_cam()[0, 3] == pytest.approx(before.world_from_cam()[0, 3], abs=1e-9)
        assert h.doc.camera.yaw < before.yaw - 0.01
        h.ctx.mouse_wheel_y(2.0)
        h.ctx.yield_(2)
        assert h.doc.navigation.speed == pytest.approx(0.5 * 1.2**2) and h.doc.camera.radius == 2.7
        assert view.edge_px > 0

    drive(body)


def test_tumbling_rolls_the_camera():
    def body(h: Hands) -> None:
        h.until_full()
        h.ctx.item_click("//Camera/navigation/Tumble")
        h.ctx.mouse_move_to_pos(_middle(h))
        h.ctx.mouse_drag_with_delta(ImVec2(50.0, 60.0))
        h.ctx.yield_(2)
        assert abs(h.doc.camera.roll) > 0.01

    drive(body)


def two_keys(h: Hands) -> None:
    """A path from 20° on one side to 20° on the other, in a second."""
    h.ctx.window_focus("//Path")
    h.ctx.yield_(2)
    h.ctx.item_input_value("//Camera/##yaw", -20.0)
    h.ctx.item_click("//Path/##add-key")
    h.ctx.item_input_value("//Camera/##yaw", 20.0)
    h.ctx.item_click("//Path/##add-key")
    h.ctx.yield_(2)


def test_keys_of_a_path_are_added_scrubbed_and_dragged(recorder: Recorder):
    def body(h: Hands) -> None:
        two_keys(h)
        path = h.doc.path
        assert path.times == (0.0, 1.0) and [round(math.degrees(k.pose.yaw)) for k in path.keys] == [-20, 20]

        h.ctx.item_input_value("//Path/##duration", 1.0)
        h.ctx.yield_(2)
        h.ctx.item_input_value("//Path/##key-time", 1.0)
        h.ctx.yield_(2)
        assert h.doc.path.duration == 1.0 and h.doc.path.times[-1] == 1.0
        known = len(recorder.requests)
        first, second = (h.ctx.item_info(f"//Path/##key-{i}").rect_full for i in (0, 1))
        line = h.ctx.item_info("//Path/##timeline").rect_full
        middle = ImVec2(0.25 * (first.min.x + first.max.x + second.min.x + second.max.x), line.min.y + 5.0)
        h.ctx.mouse_move_to_pos(middle)
        h.ctx.mouse_click()
        h.ctx.yield_(3)
        assert abs(h.doc.camera.yaw) < 0.03
        assert any(abs(r.camera.yaw) < 0.03 and r.tier == "moving" for r in recorder.requests[known:])

        h.ctx.mouse_move_to_pos(
            ImVec2(0.5 * (second.min.x + second.max.x), 0.5 * (second.min.y + second.max.y))
        )
        h.ctx.mouse_drag_with_delta(ImVec2(-0.3 * (second.min.x - first.min.x), 0.0))
        h.ctx.yield_(2)
        assert h.doc.path.times[1] == pytest.approx(0.7, abs=0.06)
        h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        h.ctx.yield_(2)
        assert h.doc.path.times[1] == 1.0

    drive(body, recorder, size=(1280, 900))


def test_a_path_is_played_looped_and_shortened():
    def body(h: Hands) -> None:
        two_keys(h)
        h.ctx.item_input_value("//Path/##duration", 1.0)
        h.ctx.yield_(2)
        h.ctx.item_input_value("//Path/##key-time", 1.0)
        h.ctx.yield_(2)
        h.ctx.item_click("//Path/##to-start")
        h.ctx.yield_(2)
        assert math.degrees(h.doc.camera.yaw) == pytest.approx(-20, abs=0.01)
        h.ctx.item_click("//Path/##play")
        h.until(
            lambda: math.degrees(h.doc.camera.yaw) == pytest.approx(20, abs=0.01), "the end of the path", 3000
        )
        h.ctx.item_click("//Path/##loop")
        h.ctx.yield_(2)
        assert h.doc.path.loop and h.doc.path.duration == pytest.approx(2.0)
        h.ctx.item_click("//Path/##delete-key")
        h.ctx.yield_(2)
        assert len(h.doc.path.keys) == 1

    drive(body)
