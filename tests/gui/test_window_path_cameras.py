"""The path's cameras in the real window: seen from outside, chosen and dragged; ease; a preview from the baked volume."""

from __future__ import annotations

import math

import pytest
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath, PathKey
from tests.gui.window_driver import Hands, Recorder, drive

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]


def with_path(h: Hands) -> None:
    """Three keys about the front view, and the Path panel in front."""
    base = h.doc.camera
    keys = tuple(PathKey(time=t, pose=base.replace(yaw=y)) for t, y in ((0.0, -0.5), (1.0, 0.0), (2.0, 0.5)))
    h.loop.store.doc = h.doc.replace(path=CameraPath(keys=keys, duration=2.0))
    h.ctx.window_focus("//Path")
    h.ctx.yield_(2)


def test_a_camera_is_chosen_and_dragged_in_the_picture(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        h.until_full()
        with_path(h)
        panel = h.loop.features["path"].panel
        h.ctx.item_click("//Path/##overview")
        h.until(lambda: math.degrees(h.doc.camera.fov) > 39.9, "the view from outside")
        h.until_full()
        before, view = h.doc.path.keys, h.doc.camera
        h.ctx.item_drag_with_delta("//Viewport/##path-camera-2", ImVec2(0.0, -40.0))
        h.ctx.yield_(2)
        assert panel.chosen == 2 and panel.head == pytest.approx(2.0)
        moved = h.doc.path.keys[2].pose
        assert moved.pitch > before[2].pose.pitch + 0.05 and moved.radius == before[2].pose.radius
        assert h.doc.path.keys[:2] == before[:2] and h.doc.camera == view, "the view itself stays"
        h.ctx.item_click("//Viewport/##path-camera-1")
        h.ctx.yield_(2)
        assert panel.chosen == 1 and h.doc.path.keys[1] == before[1], "a click moves nothing"
        h.choose("//Path/##ease", "in-out")
        assert h.doc.path.keys[1].ease == "in-out"
        h.ctx.item_click("//Path/##cameras")
        h.ctx.yield_(3)
        assert not panel.cameras and not h.ctx.item_exists("//Viewport/##path-camera-1")

    drive(body, recorder)


def test_a_path_is_previewed_from_the_view_of_each_moment(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        h.until_full()
        with_path(h)
        h.ctx.item_click("//Path/##play")
        seen: set[OrbitPose] = set()
        for _ in range(60):
            h.ctx.yield_()
            seen.add(h.doc.camera)
        assert len(seen) >= 3 and all(-0.51 <= pose.yaw <= 0.51 for pose in seen)

    drive(body, recorder)


@pytest.mark.parametrize("size", [(1000, 640), (1024, 700), (1280, 720)])
def test_the_whole_time_line_is_in_sight_in_a_low_window(size: tuple[int, int]) -> None:
    def body(h: Hands) -> None:
        with_path(h)
        h.settle()
        window = imgui.internal.find_window_by_name("Path")
        line = h.ctx.item_info("//Path/##timeline").rect_full
        clip = window.inner_clip_rect
        assert window.scroll_max.y == 0.0, "nothing of it lies under a fold"
        assert clip.min.y <= line.min.y and line.max.y <= clip.max.y + 1.0
        assert line.get_width() > 150.0 and line.get_height() > 30.0
        used = h.ctx.item_info("//Path/##cameras").rect_full
        assert used.max.y <= line.min.y or used.max.x <= line.min.x, "the controls lie beside it or above it"

    drive(body, size=size)
