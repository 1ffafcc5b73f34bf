"""The window: hello_imgui's runner, theme, fonts, docking. `shell/frame_loop.py` draws what is in it.

The first frame needs no numpy, pydantic or OpenGL binding, so that it appears quickly: they are imported
between the first and the second frame, when the render process starts too. Nothing here imports torch.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, ImVec4, hello_imgui, imgui

from core_model.schema.assets import demo_checkpoint, find_asset
from core_model.schema.config_dir import FILE_NAME, config_dir
from core_model.schema.errors import SEE_DOCTOR, InputError, TriscopeError
from viewer.shell import layout
from viewer.shell.arrangement import Arrangement
from viewer.shell.ending import Ending
from viewer.shell.start_trace import StartTrace
from viewer.state.palette import PALETTES
from viewer.widgets import glyphs, theme

if TYPE_CHECKING:
    from viewer.gl.framebuffer import Underlay
    from viewer.render_client.protocol import Renderer
    from viewer.shell.frame_loop import FrameLoop

TITLE = "triscope"
FRAMES_PER_SECOND = 60.0
SOFTWARE_FRAMES_PER_SECOND, DRAGGING_FRAMES_PER_SECOND = 30.0, 15.0
"""Drawing on the CPU takes cores from the renderer, most of all while a drag wants new pictures."""
DOCK_SPACE = "MainDockSpace"  # hello_imgui's name of it
IDLE_FRAMES_PER_SECOND = 1.0
SETTLING_FRAMES_PER_SECOND = 20.0
"""Until the columns have shared their height: nothing is to move under a cursor that comes back later."""
TOUR_FRAMES_PER_SECOND = 12.0
DEFAULT_SIZE = (1600, 1000)


@dataclass(frozen=True)
class AppOptions:
    """How the window starts.

    checkpoint: file or analytic:NAME; None = the demo head.
    factory: dotted path of the session class; "" = the product's own.
    client: renderer to use instead of a worker process.
    size: window in logical pixels; None = that of the last session.
    tests: called with the App to register GUI tests; switches Dear ImGui's test engine on.
    on_frame: called at the end of each complete GUI frame.
    keep_layout: read and write layout.ini. eager: never idle (tests).
    touring: a script drives the window, so that it may not sleep for long.
    worker: command that leads to a far renderer; "" = one starts here.
    """

    checkpoint: str | None = None
    factory: str = ""
    client: Renderer | None = None
    size: tuple[int, int] | None = None
    tests: Callable[[App], None] | None = None
    on_frame: Callable[[App], None] | None = None
    keep_layout: bool = True
    eager: bool = False
    touring: bool = False
    worker: str = ""


class App:
    """One window. `run()` returns when it was closed; `loop` exists from the second frame on."""

    def __init__(self, options: AppOptions) -> None:
        self.options = options
        self.params = hello_imgui.RunnerParams()
        self.loop: FrameLoop | None = None
        self.theme: theme.Theme | None = None
        self.frame = 0
        self._look = _saved_look()
        self._restyle = False
        self._fonts: theme.Fonts | None = None
        self._capture: Path | None = None
        self._wake: Callable[[], None] | None = None
        self._drop_callback: object = None
        self._hidden: list[str] = []
        self._docked: dict[str, bool] = {}
        self._underlay: Underlay | None = None
        self._arrangement = Arrangement(self.params)
        self._software = False
        self._trace = StartTrace()
        self._ending = Ending(self.quit, self.wake, self._display_lost)
        self._bare = imgui.WindowClass()
        self._bare.dock_node_flags_override_set = int(imgui.internal.DockNodeFlagsPrivate_.no_tab_bar)

    def run(self) -> None:
        """Opens the window and blocks until it is closed. Raises TriscopeError where no window can be made."""
        self._fill_params()
        # Mesa's software renderer would use every core, and the worker needs half of them; with a single
        # thread the window waits for it.
        os.environ.setdefault("LP_NUM_THREADS", str(max(2, (os.cpu_count() or 2) // 2)))
        with self._ending:
            try:
                hello_imgui.run(self.params)
            except Exception as error:
                if self.loop is not None:
                    raise
                raise TriscopeError(f"the window does not open: {_why(error)}; {SEE_DOCTOR}") from error
            finally:
                self._wake = None
                if self.loop is not None:
                    self.loop.stop()
        if self._ending.status:
            raise SystemExit(self._ending.status)

    # What the frame loop may ask of the window

    def set_look(self, name: theme.ThemeName, scale: float) -> None:
        """Theme and interface scale from the next frame on."""
        self._look = replace(self._look, theme=name, scale=scale)
        self._restyle = True

    def wake(self) -> None:
        """From any thread: an idle window draws at once."""
        if self._wake is not None:
            self._wake()

    def panels_shown(self) -> tuple[tuple[str, bool, bool], ...]:
        """(title, visible, can be hidden) of every panel."""
        bare = {s.title for s in layout.slots() if s.bare}
        return tuple(
            (w.label, w.is_visible, w.label not in bare) for w in self.params.docking_params.dockable_windows
        )

    def show_panel(self, title: str, visible: bool) -> None:
        self._arrangement.show(title, visible)

    def front_panel(self, title: str) -> None:
        """Bring a panel to the front of its tab group."""
        window = self.params.docking_params.dockable_window_of_name(title)
        window.is_visible = window.focus_window_at_next_frame = True

    def toggle_panels(self) -> None:
        """Hides every panel but the viewport, or brings back those that were hidden."""
        if self._hidden:
            for title in self._hidden:
                self.show_panel(title, True)
            self._hidden = []
            return
        self._hidden = [title for title, visible, can in self.panels_shown() if visible and can]
        for title in self._hidden:
            self.show_panel(title, False)

    def reset_layout(self) -> None:
        for slot in layout.slots():
            self.show_panel(slot.title, not slot.closed)
        self._hidden = []
        for one in self._arrangement.floating.values():
            one.moved = False
        self._arrangement.reset()

    def set_title(self, text: str) -> None:
        """What is open, for the desktop's window list."""
        import glfw
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        glfw.set_window_title(glfw_window_hello_imgui(), f"{text} - {TITLE}")

    def pace(self, frames_per_second: float, dragging: bool) -> None:
        """Frames per second while no event comes in. dragging: a lower limit, which leaves the processor to the
        renderer.
        """
        if self.loop is not None and self.loop.workspace.exploring and self._arrangement.settling:
            frames_per_second = max(frames_per_second, SETTLING_FRAMES_PER_SECOND)
        if self._software:
            limit = DRAGGING_FRAMES_PER_SECOND if dragging else SOFTWARE_FRAMES_PER_SECOND
            self.params.fps_idling.fps_max = limit
        idling = self.params.fps_idling
        if idling.enable_idling:
            floor = TOUR_FRAMES_PER_SECOND if self.options.touring else IDLE_FRAMES_PER_SECOND
            idling.fps_idle = min(max(frames_per_second, floor), idling.fps_max)

    def quit(self) -> None:
        self.params.app_shall_exit = True

    def screenshot(self, path: Path) -> None:
        """Writes the whole window as PNG at the end of this GUI frame."""
        self._capture = path

    # Set up

    def _fill_params(self) -> None:
        p = self.params
        p.app_window_params.window_title = TITLE
        p.app_window_params.window_geometry.size = self.options.size or self._look.size
        p.app_window_params.restore_previous_geometry = False
        window = p.imgui_window_params
        window.default_imgui_window_type = hello_imgui.DefaultImGuiWindowType.provide_full_screen_dock_space
        window.show_menu_bar, window.show_menu_app, window.show_menu_view = True, False, False
        window.show_status_bar, window.show_status_fps = True, False
        window.remember_theme = window.remember_status_bar_settings = False
        if self.options.keep_layout:
            p.ini_folder_type = hello_imgui.IniFolderType.absolute_path
            p.ini_filename = str(config_dir() / "layout.ini")
            p.ini_filename_use_app_window_title = False
        else:
            p.ini_disable = True
        # Dear ImGui smooths its own edges; 8 samples per pixel would cost most of a frame on software OpenGL.
        gl = hello_imgui.OpenGlOptions()
        gl.major_version, gl.minor_version, gl.use_core_profile = 3, 3, True
        gl.use_forward_compat = True
        gl.anti_aliasing_samples = 0
        p.renderer_backend_options.open_gl_options = gl
        p.fps_idling.fps_idle = IDLE_FRAMES_PER_SECOND
        # Long enough for a tooltip to appear; everything later is announced by an event.
        p.fps_idling.time_active_after_last_event = 0.6
        p.fps_idling.fps_max = 0.0 if self.options.eager else FRAMES_PER_SECOND
        p.fps_idling.enable_idling = not self.options.eager
        p.docking_params.dockable_windows = [self._dockable(slot) for slot in layout.SLOTS]
        self._arrangement.first(self.options.size or self._look.size, theme.BODY_PX * self._look.scale)
        p.docking_params.main_dock_space_node_flags = int(imgui.DockNodeFlags_.none)
        self._fill_callbacks(p.callbacks)

    def _fill_callbacks(self, calls: hello_imgui.RunnerCallbacks) -> None:
        calls.load_additional_fonts = self._load_fonts
        calls.setup_imgui_config = self._config
        calls.setup_imgui_style = self._style
        calls.post_init = self._post_init
        calls.pre_new_frame = self._before_frame
        calls.show_menus = self._menus
        calls.show_status = self._status
        calls.post_render_dockable_windows = self._after_panels
        calls.before_imgui_render = self._under_gui
        calls.before_swap = self._before_swap
        calls.after_swap = self._after_swap
        calls.before_exit = self._before_exit
        tests = self.options.tests
        if tests is not None:
            self.params.use_imgui_test_engine = True
            calls.register_tests = lambda: tests(self)

    def _dockable(self, slot: layout.Slot) -> hello_imgui.DockableWindow:
        window = hello_imgui.DockableWindow(slot.title, slot.dock, lambda: self._draw(slot))
        window.can_be_closed = (
            False  # panels are hidden by the View menu; a close button on every tab would only distract
        )
        window.include_in_view_menu = False
        window.is_visible = not slot.closed
        window.imgui_window_flags = self._flags(slot)
        window.call_begin_end = not (slot.bare or slot.floats is not None or slot.added)
        return window

    def _flags(self, slot: layout.Slot) -> int:
        """Flags of a panel's window.

        In the main dock space it draws no background: the cleared window has that colour already, and filling
        it twice costs half a frame on software OpenGL. A floating panel draws its own.
        """
        flags = imgui.WindowFlags_.no_collapse
        if slot.bare:
            flags |= imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse
        if self._docked.get(slot.title):
            flags |= imgui.WindowFlags_.no_background
        return int(flags)

    def _note_docked(self, slot: layout.Slot) -> None:
        """Record, inside a panel's window, whether it is docked in the main dock space; its next flags depend
        on it.
        """
        if slot.bare and self.loop is not None:
            self.loop.see_through = self._docked.get(slot.title, False)
        root = imgui.internal.get_current_window().root_window_dock_tree
        docked = imgui.is_window_docked() and root.name.startswith(DOCK_SPACE)
        if self._docked.get(slot.title) != docked:
            self._docked[slot.title] = docked
            if not slot.bare:
                self.params.docking_params.dockable_window_of_name(
                    slot.title
                ).imgui_window_flags = self._flags(slot)

    def _load_fonts(self) -> None:
        glyphs.restart()
        self._fonts = theme.load_fonts()

    def _config(self) -> None:
        io = imgui.get_io()
        io.config_flags |= imgui.ConfigFlags_.docking_enable | imgui.ConfigFlags_.nav_enable_keyboard
        io.config_windows_move_from_title_bar_only = True

    def _style(self) -> None:
        palette = theme.apply(self._look.theme, self._look.scale)
        assert self._fonts is not None
        self.theme = theme.Theme(palette=palette, fonts=self._fonts, scale=self._look.scale)
        self.params.imgui_window_params.background_color = ImVec4(*palette.panel, 1.0)
        self._restyle = False

    def _post_init(self) -> None:
        import glfw
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        self._wake = glfw.post_empty_event
        self._ending.watch_display()
        # The binding keeps no reference to the callback: without the attribute it would be collected.
        self._drop_callback = self._dropped
        glfw.set_drop_callback(glfw_window_hello_imgui(), self._drop_callback)  # pyright: ignore

    def _dropped(self, _window: object, paths: list[str]) -> None:
        if paths and self.loop is not None:
            self.loop.dropped(list(paths))

    # One GUI frame

    def _before_frame(self) -> None:
        if self.frame == 1 and self.loop is None:
            self._load_loop()
        if self._restyle:
            self._style()
        if self.frame > 2:
            glyphs.step()
        if self.loop is not None and self.theme is not None:
            self.loop.begin_frame(self.theme, time.monotonic())

    def _load_loop(self) -> None:
        """Import and build what the first frame does not need: records, panels, renderer."""
        from viewer.shell.frame_loop import FrameLoop

        self.loop = FrameLoop(self)
        self._add_installed()
        named = self.options.checkpoint is not None or self.options.touring or bool(self.options.worker)
        self.loop.start(self.options.checkpoint or default_checkpoint(), named)

    def _add_installed(self) -> None:
        """Tabs for the features of other packages, each in its group of this window's arrangement."""
        from viewer.widgets.feature import PLUGINS

        found = [
            layout.Slot(p.name, p.title, p.dock, closed=not p.shown, added=True) for p in PLUGINS.values()
        ]
        new = layout.add_slots(found)
        if not new:
            return
        docking = self.params.docking_params
        docks = self._arrangement.docks(theme.BODY_PX * self._look.scale)
        windows = [self._dockable(slot) for slot in new]
        for window in windows:
            window.dock_space_name = docks[window.label]
        docking.dockable_windows = [*docking.dockable_windows, *windows]

    def _draw(self, slot: layout.Slot) -> None:
        window = self.params.docking_params.dockable_window_of_name(slot.title)
        if not window.call_begin_end and window.focus_window_at_next_frame:
            # hello_imgui forgets this wish only of windows that it begins itself, and shows the others for ever
            imgui.set_next_window_focus()
            window.focus_window_at_next_frame = False
        if slot.floats is not None:
            if self._arrangement.floating[slot.title].begin(slot.title, self._flags(slot)):
                self._fill(slot)
            imgui.end()
        elif slot.added:
            docking = self.params.docking_params
            space = docking.dock_space_id_from_name(
                docking.dockable_window_of_name(slot.title).dock_space_name
            )
            if space is not None:  # where a saved layout does not know it
                imgui.set_next_window_dock_id(space, imgui.Cond_.first_use_ever)
            if imgui.begin(slot.title, None, self._flags(slot))[0]:
                self._fill(slot)
            imgui.end()
        elif slot.bare:
            imgui.set_next_window_class(self._bare)
            imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0.0, 0.0))
            visible = imgui.begin(slot.title, None, self._flags(slot))[0]
            imgui.pop_style_var()
            if visible:
                self._fill(slot)
            imgui.end()
        else:
            self._fill(slot)

    def _fill(self, slot: layout.Slot) -> None:
        self._note_docked(slot)
        if self.loop is not None:
            self.loop.draw_panel(slot.panel)
        elif slot.bare and self.theme is not None:
            theme.canvas(self.theme)

    def _menus(self) -> None:
        if self.loop is not None:
            self.loop.draw_menus()
        else:
            for title in ("File", "Edit", "View", "Help"):
                if imgui.begin_menu(title):
                    imgui.end_menu()

    def _status(self) -> None:
        if self.loop is not None:
            self.loop.draw_status()

    def _after_panels(self) -> None:
        if self.loop is None:
            return
        self.loop.end_frame()
        if self.loop.workspace.exploring:
            self._arrangement.keep(self.panels_shown())
            self._arrangement.balance()
        if self.options.on_frame is not None:
            self.options.on_frame(self)

    def _under_gui(self) -> None:
        """Draw the viewport's picture between clearing the window and drawing the GUI."""
        picture = None if self.loop is None else self.loop.underlaid
        if self.loop is None or picture is None:
            return
        from viewer.gl.framebuffer import Underlay

        self.loop.underlaid = None
        self._underlay = self._underlay or Underlay()
        size, density = imgui.get_io().display_size, imgui.get_io().display_framebuffer_scale
        self._underlay.draw(picture, int(size.y * density.y))

    def _before_swap(self) -> None:
        if self._capture is None:
            return
        from viewer.gl.framebuffer import save_window

        size, density = imgui.get_io().display_size, imgui.get_io().display_framebuffer_scale
        save_window(self._capture, int(size.x * density.x), int(size.y * density.y))
        self._capture = None

    def _after_swap(self) -> None:
        self.frame += 1
        if self.frame == 1:
            self._trace.first_frame()
            self.wake()
        elif self.frame == 3:
            self._after_start()
        if self.loop is not None and self.loop.place.drawn:
            self._trace.first_picture()

    def _after_start(self) -> None:
        from viewer.gl.program import is_software

        self._software = is_software() and not self.options.eager
        _set_window_icon()

    def _before_exit(self) -> None:
        self._wake = None
        self._arrangement.close()
        if self.loop is not None:
            self._keep(self.loop)
            self.loop.close()

    def _keep(self, loop: FrameLoop) -> None:
        size = imgui.get_main_viewport().size
        loop.keep(None if self.options.size else (int(size.x), int(size.y)))

    def _display_lost(self) -> None:
        """The display is gone, so nothing can be drawn: save the session and end the renderer."""
        if self.loop is not None:
            self._keep(self.loop)
            self.loop.stop()


@dataclass(frozen=True)
class _Look:
    """What the first frame must know of the preferences."""

    theme: theme.ThemeName = "dark"
    scale: float = 1.0
    size: tuple[int, int] = DEFAULT_SIZE


def _saved_look() -> _Look:
    """Saved theme and scale, read without validating the preferences, which would delay the first frame.

    Wrong values fall back to the defaults; `load_preferences` reports them later.
    """
    try:
        saved = json.loads((config_dir() / FILE_NAME).read_text(encoding="utf-8"))
        name, scale, size = (
            saved["theme"],
            float(saved["ui_scale"]),
            tuple(int(v) for v in saved["window_size"]),
        )
        if name in PALETTES and 0.5 <= scale <= 4.0 and len(size) == 2 and size[0] >= 480 and size[1] >= 320:
            return _Look(name, scale, size)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return _Look()


def _why(error: Exception) -> str:
    """What stopped the window before its first panel; hello_imgui names only the C++ assertion that failed."""
    text = str(error)
    if "glfwInit" in text:
        return "no display answers"
    if "IM_ASSERT" in text and "window" in text.lower():
        return "the display offers no OpenGL 3.3"
    return f"{type(error).__name__}: {text}"


def default_checkpoint() -> str:
    """What opens when nothing is named: the demo head, else the analytic sphere."""
    return demo_checkpoint() or "analytic:sphere"


def _set_window_icon() -> None:
    """Puts assets/icon.png on the window, where the desktop shows one."""
    import glfw
    from imgui_bundle.glfw_utils import glfw_window_hello_imgui
    from PIL import Image

    path = find_asset("icon.png")
    if path is not None and glfw.get_platform() in (glfw.PLATFORM_X11, glfw.PLATFORM_WIN32):
        icon = Image.open(path).convert("RGBA")
        glfw.set_window_icon(glfw_window_hello_imgui(), 1, [icon])  # pyright: ignore


def run(checkpoint: str | None, options: AppOptions | None = None) -> None:
    """Opens the window on `checkpoint` (None = the demo) and blocks until it is closed.

    Raises InputError where there is no display to open a window on, SystemExit where a signal ended it.
    """
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise InputError(
            what="there is no display",
            where="DISPLAY",
            expected="a desktop session, or `triscope demo` for pictures without one",
            got=f"neither DISPLAY nor WAYLAND_DISPLAY; {SEE_DOCTOR}",
        )
    chosen = options or AppOptions()
    App(replace(chosen, checkpoint=checkpoint or chosen.checkpoint)).run()
