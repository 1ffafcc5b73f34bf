"""The ray inspector in the real window: click, hover, pins, recomputation, numbers, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import ImVec2, imgui

from core_model.schema.inspect import RayReport
from tests.gui.window_driver import Hands, Recorder, drive
from viewer.render_client.client import RenderClient
from viewer.state import actions

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]


def at(h: Hands, u: float, v: float) -> ImVec2:
    view = h.loop.place
    return ImVec2(view.origin[0] + u * view.size, view.origin[1] + v * view.size)


def click(h: Hands, u: float, v: float, shift: bool = False) -> None:
    h.ctx.mouse_move_to_pos(at(h, u, v))
    if shift:
        h.ctx.key_down(imgui.Key.mod_shift)
    h.ctx.mouse_click(0)
    if shift:
        h.ctx.key_up(imgui.Key.mod_shift)
    h.ctx.yield_(30)  # longer than a double click takes


def fresh(h: Hands) -> list[RayReport]:
    """The reports of all marks, once they belong to the present view."""
    control = h.loop.coordinator

    def all_fresh() -> bool:
        questions = control.questions(h.loop.place.edge_px)
        return bool(questions) and all(control.rays.is_fresh(q) for q in questions)

    h.until(all_fresh, "the rays of the present view", 2000)
    return [r for m in h.doc.rays.all if (r := control.rays.report(m)) is not None]


def test_a_click_inspects_and_a_drag_does_not(recorder: Recorder):

    def body(h: Hands) -> None:
        h.until_full()
        assert not {t: v for t, v, _ in h.app.panels_shown()}["Ray"]
        h.ctx.mouse_move_to_pos(at(h, 0.5, 0.5))
        h.ctx.mouse_drag_with_delta(ImVec2(40.0, 0.0))
        h.ctx.yield_(10)
        assert h.doc.rays.selected is None and recorder.rays == []
        camera, lies = h.doc.camera, (h.loop.place.origin, h.loop.place.size)
        click(h, 0.5, 0.4)
        h.ctx.yield_(10)
        assert (h.loop.place.origin, h.loop.place.size) == lies, "the clicked pixel stays under the cursor"
        ray, view = (imgui.internal.find_window_by_name(n) for n in ("Ray", "View"))
        assert ray.dock_node is None and ray.pos.x + ray.size.x < view.pos.x
        assert h.doc.camera == camera, "a click must not turn the head"
        assert {t: v for t, v, _ in h.app.panels_shown()}["Ray"]
        (report,) = fresh(h)
        u, v = h.doc.rays.selected
        assert (report.x, report.y) == (int(u * report.width), int(v * report.height))
        h.until_full()
        depth = h.frames.arrays["depth"]
        shown = depth[int(v * depth.shape[0]), int(u * depth.shape[1])]
        assert report.numbers["expected depth"] == pytest.approx(float(shown), abs=0.03)
        h.ctx.item_click("//Ray/##copy-ray")
        h.ctx.yield_(2)
        text = imgui.get_clipboard_text()
        assert f"pixel {report.x},{report.y}" in text and f"{report.numbers['expected depth']:.4f}" in text
        h.ctx.item_click("//Ray/##close-ray")
        h.ctx.yield_(3)
        assert h.doc.rays.selected is None

    drive(body, recorder)


def test_pins_stay_on_the_surface_are_chosen_frozen_and_removed(recorder: Recorder):

    def body(h: Hands) -> None:
        h.until_full()
        click(h, 0.5, 0.4, shift=True)
        click(h, 0.4, 0.5)
        h.ctx.key_press(imgui.Key.p)
        h.ctx.yield_(2)
        first, second = h.doc.rays.pins
        assert h.doc.rays.selected == second and first.point is not None and second.point is not None
        before = fresh(h)
        assert len(before) == 2
        asked = len(recorder.rays)
        h.loop.store.doc = h.doc.replace(camera=h.doc.camera.replace(yaw=0.44))
        after = fresh(h)
        assert len(recorder.rays) == asked + 2, "each pin once, after the view came to rest"
        for pin, report in zip((second, first), after, strict=True):
            toward = np.asarray(pin.point) - np.asarray(report.origin)
            found = toward / np.linalg.norm(toward)
            np.testing.assert_allclose(found, report.direction, atol=0.01)  # a pixel of 96
            far = np.linalg.norm(toward)
            assert report.numbers["expected depth"] == pytest.approx(float(far), abs=0.05)
        h.ctx.scroll_to_bottom("//Ray")
        h.ctx.item_click("//Ray/**/##pin0")
        h.ctx.yield_(2)
        assert h.doc.rays.selected == first
        h.ctx.item_click("//Ray/**/###hold0")
        h.ctx.yield_(2)
        frozen = h.doc.rays.pins[0]
        assert frozen.frozen and h.doc.rays.selected == frozen
        fresh(h)
        assert recorder.rays[-1][0].camera == frozen.camera != h.doc.camera
        h.ctx.item_click("//Ray/**/###unpin1")
        h.ctx.yield_(2)
        assert h.doc.rays.pins == (frozen,)
        h.ctx.item_click("//Ray/##pin")
        h.ctx.yield_(2)
        assert h.doc.rays.pins == ()
        h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        h.ctx.yield_(2)
        assert len(h.doc.rays.pins) >= 1

    drive(body, recorder)


def test_readings_are_kept_across_seeds_and_two_pins_are_measured(recorder: Recorder):

    def body(h: Hands) -> None:
        h.until_full()
        click(h, 0.5, 0.4, shift=True)
        click(h, 0.5, 0.6, shift=True)
        fresh(h)
        readings = h.loop.features["ray"].panel.readings
        h.ctx.scroll_to_bottom("//Ray")
        h.ctx.item_click("//Ray/###keep-readings")
        h.ctx.yield_(2)
        assert len(readings.kept) == 2
        h.ctx.key_press(imgui.Key.right_bracket)
        h.ctx.yield_(2)
        assert h.doc.latent.seeds[0].seed == 1
        h.until_full()
        fresh(h)
        h.ctx.item_click("//Ray/###keep-readings")
        h.ctx.yield_(2)
        assert [("seed 1" in r.said) for r in readings.kept] == [False, False, True, True]
        h.ctx.scroll_to_bottom("//Ray")
        h.choose("//Ray/##measure-from", "0")
        a, b = h.doc.rays.pins
        assert h.doc.rays.measured == (a, b), "the other one is taken by itself"
        up = abs(a.point[1] - b.point[1])
        assert 0.05 < up < 0.4
        h.ctx.scroll_to_bottom("//Ray")
        h.ctx.item_click("//Ray/###clear-readings")
        h.ctx.yield_(2)
        assert readings.kept == () and len(h.doc.rays.pins) == 2

    drive(body, recorder)


def test_kept_readings_come_back_in_the_next_window() -> None:
    left = []

    def first(h: Hands) -> None:
        h.until_full()
        click(h, 0.5, 0.4, shift=True)
        fresh(h)
        h.ctx.scroll_to_bottom("//Ray")
        h.ctx.item_click("//Ray/###keep-readings")
        h.ctx.yield_(2)
        left.append(h.loop.features["ray"].panel.readings.kept[0].said)

    def second(h: Hands) -> None:
        panel = h.loop.features["ray"].panel
        document = h.loop.opening.autosave.found.document
        assert len(document.rays.pins) == 1 and not panel.readings.kept
        h.loop.dispatch(actions.RestoreSession())
        h.until(lambda: h.doc.rays.pins == document.rays.pins, "the session before")
        h.loop.dispatch(actions.ShowPanel("Ray", True))
        h.until(lambda: panel.readings.kept, "its readings")
        assert [r.said for r in panel.readings.kept] == left

    drive(first)
    drive(second)


def test_hovering_with_the_key_follows_the_cursor(recorder: Recorder):

    def body(h: Hands) -> None:
        h.until_full()
        h.ctx.mouse_move_to_pos(at(h, 0.3, 0.3))
        h.ctx.yield_(5)
        assert h.doc.rays.selected is None
        h.ctx.key_down(imgui.Key.i)
        seen = set()
        for u in (0.35, 0.45, 0.55):
            h.ctx.mouse_move_to_pos(at(h, u, 0.5))
            h.ctx.yield_(4)
            seen |= {(r.x, r.y) for r in fresh(h)}
        h.ctx.key_up(imgui.Key.i)
        assert len(seen) >= 3
        kept = h.doc.rays.selected
        h.ctx.mouse_move_to_pos(at(h, 0.7, 0.7))
        h.ctx.yield_(4)
        assert h.doc.rays.selected == kept

    drive(body, recorder)


def test_a_ray_is_written_in_every_format_under_its_own_name(tmp_path: Path):
    def body(h: Hands) -> None:
        h.until_full()
        click(h, 0.5, 0.4)
        (report,) = fresh(h)
        h.ctx.item_input_value("//Ray/##folder", str(tmp_path / "nowhere"))
        h.ctx.yield_(2)
        assert not list(tmp_path.glob("ray-*"))
        h.ctx.item_input_value("//Ray/##folder", str(tmp_path))
        h.ctx.yield_(2)
        for suffix in (".json", ".csv", ".png", ".json"):
            before = len(list(tmp_path.glob("ray-*")))
            h.ctx.item_click(f"//Ray/###export{suffix}")
            h.until(lambda before=before: len(list(tmp_path.glob("ray-*"))) > before, f"the {suffix} file")
        names = sorted(p.name for p in tmp_path.glob("ray-*"))
        stem = f"ray-blob-demo-x{report.x}-y{report.y}"
        assert names == sorted([f"{stem}.json", f"{stem}.csv", f"{stem}.png", f"{stem}-2.json"])
        assert RayReport.model_validate_json((tmp_path / f"{stem}.json").read_text()).t == report.t

    drive(body)


def test_all_plots_of_a_ray_share_one_axis_that_zooms_and_is_kept():
    def body(h: Hands) -> None:
        h.until_full()
        click(h, 0.5, 0.4)
        (report,) = fresh(h)
        plots = h.loop.features["ray"].panel._plots
        close = plots.limits
        h.ctx.item_click("//Ray/span/Whole ray")
        h.ctx.yield_(3)
        assert plots.limits == pytest.approx((report.near, report.far))
        assert close[1] - close[0] < 0.5 * (report.far - report.near)
        h.ctx.scroll_to_top("//Ray")
        window = h.ctx.get_window_by_ref("//Ray")
        for share in (
            0.25,
            0.32,
            0.39,
            0.46,
            0.6,
            0.68,
            0.76,
            0.84,
            0.92,
        ):  # whichever lies in a plot, not between two
            h.ctx.mouse_move_to_pos(
                ImVec2(window.pos.x + 0.4 * window.size.x, window.pos.y + share * window.size.y)
            )
            h.ctx.yield_(3)
            if plots.cursor is not None:
                break
        assert plots.cursor is not None and report.near < plots.cursor < report.far
        assert plots.readout().startswith(f"t {plots.cursor:.4f}")
        h.ctx.mouse_wheel_y(3.0)
        h.ctx.yield_(3)
        zoomed = plots.limits
        assert zoomed[1] - zoomed[0] < 0.95 * (report.far - report.near), "one axis for all plots"
        click(h, 0.45, 0.45)
        fresh(h)
        h.ctx.item_click("//Ray/span/Keep")
        h.ctx.yield_(2)
        kept = plots.limits
        click(h, 0.5, 0.4)
        fresh(h)
        h.ctx.yield_(3)
        assert plots.limits == pytest.approx(kept)

    drive(body)


def show_seed(h: Hands, seed: int) -> None:
    """The Latent panel lies under the ray inspector, so the document is changed as `]` does it."""
    latent = h.doc.latent.replace(seeds=(h.doc.latent.seeds[0].replace(seed=seed),))
    h.loop.store.doc = h.doc.replace(latent=latent)


def test_a_ray_that_fails_says_why_and_the_next_one_is_there():
    def body(h: Hands) -> None:
        h.until_full()
        click(h, 0.5, 0.4)
        fresh(h)
        show_seed(h, 14)
        mark = h.doc.rays.selected
        h.until(lambda: h.loop.coordinator.rays.error(mark) is not None, "the failed question")
        assert "could not be walked" in h.loop.coordinator.rays.error(mark).message
        show_seed(h, 15)
        assert len(fresh(h)) == 1

    drive(body)


def test_a_worker_process_answers_while_it_renders(tmp_path: Path):
    client = RenderClient(factory="tests.blob_head.session:BlobSession")

    def body(h: Hands) -> None:
        h.until_full()
        click(h, 0.5, 0.4)
        assert fresh(h)[0].family == "blob"
        h.ctx.item_input_value("//Ray/##folder", str(tmp_path))
        h.ctx.item_click("//Ray/###export.csv")
        h.until(lambda: list(tmp_path.glob("ray-*.csv")), "the file", 3000)
        h.until(lambda: "Wrote" in h.loop.store.notice, "the remark", 3000)

    drive(body, client)
