"""The hand on the window: what Esc closes, what a double click does not open, typed numbers, and slow frames that lose nothing."""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Iterator

import pytest
from imgui_bundle import ImVec2, imgui

from tests.blob_head.session import BlobSession
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.shell.app import App, AppOptions
from viewer.widgets.inputs import CONTROL, PRESS, Inputs

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]
PICTURE_EDGE = 64


def centre(h: Hands, u: float = 0.5, v: float = 0.5) -> ImVec2:
    view = h.loop.place
    return ImVec2(view.origin[0] + u * view.size, view.origin[1] + v * view.size)


def ray_shown(app: App) -> bool:
    return next(visible for title, visible, _ in app.panels_shown() if title == "Ray")


def test_esc_closes_one_thing_a_press_and_never_quits() -> None:
    def body(h: Hands) -> None:
        ctx = h.ctx

        def esc() -> None:
            ctx.key_press(imgui.Key.escape)
            ctx.yield_(3)

        def popups() -> int:
            return len(imgui.get_current_context().open_popup_stack)

        h.until_full()
        ctx.mouse_move_to_pos(centre(h))
        ctx.mouse_click(0)
        h.until(lambda: ray_shown(h.app), "the ray panel")
        ctx.yield_(5)
        ctx.item_click("//Sampler/##sampler")
        assert popups() == 1, "a drop-down"
        esc()
        assert popups() == 0 and ray_shown(h.app)
        ctx.item_click("//##MainMenuBar##MenuBar/File")
        ctx.yield_(3)
        assert popups() == 1, "a menu"
        esc()
        assert popups() == 0 and ray_shown(h.app)
        ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key.p))
        h.until(lambda: h.loop.palette.open, "the palette")
        ctx.yield_(3)
        esc()
        assert not h.loop.palette.open and ray_shown(h.app)
        h.loop.keys_open = h.loop.about_open = True
        ctx.yield_(3)
        esc()
        assert h.loop.keys_open and not h.loop.about_open and ray_shown(h.app), "one sheet a press"
        esc()
        assert not h.loop.keys_open and ray_shown(h.app)
        esc()
        assert not ray_shown(h.app) and h.doc.rays.selected is None
        seed = h.doc.latent.seeds[0].seed
        ctx.item_click("//Latent/##seed")
        ctx.key_chars_replace("77")
        esc()
        assert h.doc.latent.seeds[0].seed == seed, "what was typed goes back"
        esc()
        assert not h.app.params.app_shall_exit

    drive(body)


def test_a_double_click_recentres_and_opens_nothing() -> None:
    def body(h: Hands) -> None:
        h.until_full()
        before, seen = h.doc.camera, []
        h.ctx.mouse_move_to_pos(centre(h))
        h.ctx.mouse_double_click()
        for _ in range(40):
            h.ctx.yield_()
            seen.append(ray_shown(h.app) or h.doc.rays.selected is not None)
        assert not any(seen), "the inspector flashed open"
        assert h.doc.camera.pivot != before.pivot

    drive(body)


def test_an_orbit_from_the_middle_leaves_the_section_alone_and_its_handle_moves_it() -> None:
    def body(h: Hands) -> None:
        h.app.params.docking_params.dockable_window_of_name("Section").focus_window_at_next_frame = True
        h.ctx.yield_(4)
        h.until_full()
        camera = h.doc.camera
        h.ctx.mouse_move_to_pos(centre(h))
        h.ctx.mouse_drag_with_delta(ImVec2(60.0, 20.0))
        h.ctx.yield_(3)
        assert h.doc.section.offset == 0.0 and h.doc.camera.yaw < camera.yaw - 0.05, (
            "the middle is where one begins to turn"
        )
        h.ctx.item_click("//Section/section-axis/x")
        h.ctx.key_press(imgui.Key.r)
        h.until_full()
        camera, rect = h.doc.camera, h.ctx.item_info("//Viewport/##section-handle").rect_full
        h.ctx.mouse_move_to_pos(ImVec2(0.5 * (rect.min.x + rect.max.x), 0.5 * (rect.min.y + rect.max.y)))
        h.ctx.mouse_drag_with_delta(ImVec2(50.0, 0.0))
        h.ctx.yield_(3)
        assert h.doc.section.offset > 0.01 and h.doc.camera == camera

    drive(body)


def test_typed_seeds_are_whole_or_refused_beside_their_field() -> None:
    def body(h: Hands) -> None:
        ctx, typing = h.ctx, lambda: h.app.theme.typing
        h.until_full()

        def seed(text: str) -> int:
            ctx.item_click("//Latent/##seed")
            ctx.key_chars_replace_enter(text)
            ctx.yield_(3)
            return h.doc.latent.seeds[0].seed

        assert seed("1e3") == 1000 and typing().refusal is None
        for text, said in (
            ("-5", "too small"),
            ("4294967296", "too large"),
            ("abc", "no number"),
            ("1.5", "not whole"),
        ):
            assert seed(text) == 1000
            assert (
                typing().refusal is not None
                and said in typing().refusal.text
                and "It stays 1000" in typing().refusal.text
            )
        assert seed("7") == 7 and typing().refusal is None

    drive(body)


def test_typed_reals_are_within_their_limits_or_refused():
    def body(h: Hands) -> None:
        ctx, typing = h.ctx, lambda: h.app.theme.typing
        h.until_full()
        for item, text, kept in (
            ("//Latent/##psi", "9", 0.7),
            ("//Camera/##yaw", "x1", 0.0),
            ("//Camera/##pivot/##1", "1e9", 0.0),
        ):
            ctx.key_down(imgui.Key.mod_ctrl)
            ctx.item_click(item)
            ctx.key_up(imgui.Key.mod_ctrl)
            ctx.yield_(3)
            ctx.key_chars_replace_enter(text)
            ctx.yield_(3)
            now = {"##psi": h.doc.latent.psi, "##yaw": h.doc.camera.yaw, "##1": h.doc.camera.pivot[1]}[
                item.rsplit("/", 1)[1]
            ]
            assert now == pytest.approx(kept) and typing().refusal is not None, item
        ctx.item_input_value("//Camera/##yaw", 30)
        ctx.yield_(3)
        assert h.doc.camera.yaw == pytest.approx(math.radians(30.0))

    drive(body)


def played(script, slow_s: float = 0.1) -> None:
    """Runs the window without the test engine, a frame every `slow_s`; script(app) is a generator: one step a frame."""
    steps: list[Iterator[None]] = []
    failed: list[BaseException] = []

    def on_frame(app: App) -> None:
        time.sleep(slow_s)
        if app.loop is None or not app.loop.coordinator.frames.arrays:
            return
        try:
            if not steps:
                steps.append(script(app))
            next(steps[0])
        except StopIteration:
            app.quit()
        except BaseException as error:
            failed.append(error)
            app.quit()

    App(
        AppOptions(
            checkpoint="blob:demo",
            client=InlineClient(BlobSession),
            size=(1100, 700),
            on_frame=on_frame,
            keep_layout=False,
            eager=True,
        )
    ).run()
    if failed:
        raise failed[0]


def test_a_quick_hand_on_slow_frames_loses_no_click_and_no_key() -> None:
    """What glfw tells within one frame: a move with its click, a drag, a double click, Ctrl that goes up before S."""
    import glfw

    def script(app: App) -> Iterator[None]:
        loop = app.loop
        assert loop is not None
        saves, hand = [], loop.inputs
        loop.exports.quick = lambda *a: saves.append(a) or "saved"  # type: ignore[method-assign]
        view = loop.place
        x, y = view.origin[0] + 0.5 * view.size, view.origin[1] + 0.5 * view.size

        def rest(frames: int) -> Iterator[None]:
            for _ in range(frames):
                yield

        yield from rest(3)
        hand.cursor(window(), 60.0, 400.0)
        yield from rest(3)
        click(hand, x, y)
        yield from rest(10)
        assert ray_shown(app), "a click in the frame in which the mouse came"
        app.show_panel("Ray", False)
        yield from rest(3)
        view = loop.place
        x, y = view.origin[0] + 0.5 * view.size, view.origin[1] + 0.5 * view.size
        yaw = loop.store.doc.camera.yaw
        hand.cursor(window(), x, y)
        hand.button(window(), 0, PRESS, 0)
        hand.cursor(window(), x + 60, y)
        hand.button(window(), 0, 0, 0)
        yield from rest(10)
        assert loop.store.doc.camera.yaw < yaw - 0.05 and not ray_shown(app), "a drag within a frame"
        pivot = loop.store.doc.camera.pivot
        click(hand, x, y)
        click(hand, x, y)
        yield from rest(12)
        assert loop.store.doc.camera.pivot != pivot and not ray_shown(app), "a double click within a frame"
        hand.cursor(window(), 60.0, 690.0)
        for _ in range(3):
            chord(hand, glfw)
            yield from rest(5)
        assert len(saves) == 3, "Ctrl+S with Ctrl let go first"

    played(script)


def window() -> int:
    """Address of the window, as glfw gives it to its callbacks."""
    from imgui_bundle.glfw_utils import glfw_window_hello_imgui

    address = ctypes.cast(glfw_window_hello_imgui(), ctypes.c_void_p).value
    assert address is not None
    return address


def click(hand: Inputs, x: float, y: float) -> None:
    hand.cursor(window(), x, y)
    hand.button(window(), 0, PRESS, 0)
    hand.button(window(), 0, 0, 0)


def chord(hand: Inputs, glfw) -> None:
    """Ctrl and S go down, Ctrl goes up, S goes up; scan codes as none: the key's own number counts."""
    hand.key(window(), glfw.KEY_LEFT_CONTROL, 37, PRESS, 0)
    hand.key(window(), glfw.KEY_S, 39, PRESS, CONTROL)
    hand.key(window(), glfw.KEY_LEFT_CONTROL, 37, 0, CONTROL)
    hand.key(window(), glfw.KEY_S, 39, 0, 0)
