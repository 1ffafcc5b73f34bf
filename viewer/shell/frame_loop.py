"""One window's working state: panels and controller between the frames' begin and end. Drawn by
`viewer/shell/app.py`.
"""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import imgui

import viewer.features  # noqa: F401  (registers the panels)
from core_model.schema.errors import InputError
from viewer.shell.coordinator import Controller
from viewer.gl.resources import demo_checkpoint
from viewer.jobs.tasks import Tasks
from viewer.render_client.client import RenderClient
from viewer.render_client.protocol import DEFAULT_FACTORY
from viewer.state import preferences as preferences
from viewer.state.document import ChannelView
from viewer.features.export.clipboard import WHY_NOT as NO_CLIPBOARD
from viewer.features.export.clipboard import clipboard_tool, copy_picture
from viewer.state.export_desk import Exports
from viewer.state.key_map import KeyMap
from viewer.state.latent_walk import Walk
from viewer.state.presets import Presets
from viewer.shell.restore import is_record_file
from viewer.state.shown_map import ShownMap
from viewer.state.workspace import Workspace
from viewer.state import actions as act
from viewer.features.training import timeline as train_timeline
from viewer.shell import banner, menu_presets, menus, sheets, statusbar
from viewer.widgets import controls
from viewer.shell.command_palette import CommandPalette
from viewer.shell.commands import DEFAULT_KEYS
from viewer.widgets.context import PanelContext, ShownRange, Viewport, iso_step_of
from viewer.shell.escape import Escape, Layer
from viewer.widgets.inputs import Inputs
from viewer.shell.keys import shortcuts
from viewer.features.latent.walk_controls import walked
from viewer.features.mesh.stage import MeshStage
from viewer.shell.opening import Opening
from viewer.widgets.panel import PANELS, Panel
from viewer.widgets.theme import Theme
from viewer.features.training.window import TrainWindow
from viewer.shell.window_protocol import WindowFace

if TYPE_CHECKING:
    from viewer.gl.presenter import Presenter

SPINNING = 20.0
"""Frames per second while a progress bar moves."""
WORKING = 4.0
"""Frames per second while the status bar tells what the renderer works on."""


class Desk:
    """Begin a frame, let each panel draw, end the frame: then the document, the actions and the next request
    follow.
    """

    def __init__(self, app: WindowFace) -> None:
        self.app = app
        self.prefs, message = preferences.load_preferences()
        client = app.options.client or RenderClient(
            factory=app.options.factory or DEFAULT_FACTORY, wake=app.wake
        )
        self.controller = Controller(client, self.prefs.quality)
        if message:
            self.controller.banner = banner.Banner("Preferences", message, severity="note")
        self.viewport = Viewport()
        self.draft = self.controller.doc
        self.keys_open = False
        self.about_open = False
        self.tasks = Tasks()
        self.inputs = Inputs()
        self.keys = KeyMap(DEFAULT_KEYS, self.prefs.keys)
        self.presets = Presets()
        self.palette = CommandPalette()
        self.escape = Escape()
        self.opening = Opening()
        self.exports = Exports(self.prefs.export_folder)
        self.walk = Walk()
        self.workspace = Workspace(folders=self.prefs.run_folders, wake=app.wake)
        self.mesh = MeshStage()
        self.train_window = TrainWindow()
        self._panels: dict[str, Panel] = {name: make() for name, make in PANELS.items()}
        self._broken: dict[str, str] = {}
        self._actions: list[act.Action] = []
        self._presenters: dict[int, Presenter] = {}
        self._ctx: PanelContext | None = None

    def start(self, checkpoint: str) -> None:
        """Starts the renderer and opens `checkpoint`."""
        self.inputs.listen()
        self.controller.client.start()
        self.opening.start(checkpoint, self.controller, self.prefs.recent)

    def open(self, path: str) -> None:
        self.controller.open(path)

    def dropped(self, paths: list[str]) -> None:
        """Files from the desktop: the first checkpoint, or file whose view can be restored, is taken."""
        self.opening.take(paths, self.controller, self.prefs.recent)

    def stop(self) -> None:
        self.controller.client.stop()

    def keep(self, window_size: tuple[int, int] | None) -> None:
        """Remember the view, and what the user chose; draws nothing. window_size None leaves the saved choices."""
        self.opening.autosave.close(self.controller.doc)
        if window_size is not None:
            folder = self.exports.settings.folder
            self._save(window_size=window_size, quality=self.controller.doc.quality, export_folder=folder)

    def close(self) -> None:
        """Frees the GL objects."""
        for panel in self._panels.values():
            ended = getattr(panel, "close", None)
            if ended is not None:
                ended()
        for presenter in self._presenters.values():
            presenter.delete()
        self._presenters.clear()
        self.mesh.delete()
        implot = sys.modules.get("imgui_bundle.implot")
        if implot is not None and implot.get_current_context() is not None:
            implot.destroy_context()

    def ask(self, action: act.Action) -> None:
        """Queue an action for the end of the frame, as a panel does."""
        self._actions.append(action)

    # One frame

    def begin_frame(self, theme: Theme, now: float) -> None:
        control = self.controller
        self.inputs.give()
        self.escape.begin_frame()
        control.poll(now)
        self.opening.poll(control, self.prefs.recent, now)  # before the draft is taken: it may bring another document
        if self.opening.front:
            self.app.front_panel(self.opening.front)
            self.opening.front = ""
        self.draft = control.doc
        for path in control.opened_paths:
            self._save(recent=self.prefs.with_recent(path).recent)
            self.app.set_title(control.info.title or Path(path).stem if control.info else Path(path).stem)
        if control.opened_paths:
            self.mesh.clear()
            self.opening.offer_crashed(control)
        control.opened_paths.clear()
        self._poll_tasks(now)
        recent = tuple(p for p in self.prefs.recent if control.info is None or p != control.info.path)
        self._ctx = PanelContext(
            info=control.info,
            frames=control.frames,
            rays=control.rays,
            answers=control.answers,
            tasks=self.tasks,
            keys=self.keys,
            inputs=self.inputs,
            presets=self.presets,
            exports=self.exports,
            walk=self.walk,
            workspace=self.workspace,
            mesh=self.mesh,
            questions=control.questions(self.viewport.edge_px),
            status=control.client.status,
            theme=theme,
            viewport=self.viewport,
            history=tuple(control.history),
            recent=recent,
            opening=control.opening,
            dialog_available=self.opening.dialog_available,
            present=self._present,
            second=control.second,
            emit=self._actions.append,
            now=now,
            work=control.work(now),
        )

    def _poll_tasks(self, now: float) -> None:
        self.tasks.poll(now)
        for task in self.tasks.take_ended():
            if task.state == "done":
                self.controller.say(f"Wrote {task.record.out}", now)
            elif task.state != "cancelled":
                self.controller.banner = banner.Banner(f"{task.record.title}: {task.state}", task.message or "It left no message.")

    def draw_panel(self, name: str) -> None:
        """Hands the draft of the document through one panel; a panel that raises is set aside, and the
        window lives on.
        """
        ctx = self._ctx
        if ctx is None:
            return
        if not self.workspace.exploring and name != "training":
            self.train_window.cover(name)
            return
        self.train_window.uncover(name)
        if name in self._broken:
            self._draw_broken(name, ctx)
            return
        state = imgui.internal.ErrorRecoveryState()
        imgui.internal.error_recovery_store_state(state)
        try:
            self.draft = self._panels[name].draw(self.draft, ctx)
        except Exception:
            self._broken[name] = traceback.format_exc()
            io = imgui.get_io()
            io.config_error_recovery_enable_assert = io.config_error_recovery_enable_tooltip = False
            imgui.internal.error_recovery_try_to_recover_window_state(state)
            io.config_error_recovery_enable_assert = True
            self.controller.banner = banner.Banner(
                f"The panel {name!r} failed and was set aside", self._broken[name]
            )

    def _draw_broken(self, name: str, ctx: PanelContext) -> None:
        controls.note(ctx.theme, "This panel failed:\n" + self._broken[name].strip().splitlines()[-1])
        if controls.button(ctx.theme, "Try again###try-again", tip="Draw the panel again"):
            del self._broken[name]
            self._panels[name] = PANELS.get(name)()

    def draw_menus(self) -> None:
        if self._ctx is None:
            return
        undo = self.controller.undo
        menus.draw(
            self._ctx,
            menus.MenuState(
                panels=self.app.panels_shown(),
                can_undo=undo.can_undo,
                can_redo=undo.can_redo,
                demo=demo_checkpoint() or "",
            ),
        )

    def draw_status(self) -> None:
        if self._ctx is not None:
            statusbar.draw(self._ctx, self.controller.notice)

    def end_frame(self) -> None:
        """Banner, sheets, keys; then the frame's document, its actions and the next request."""
        ctx, control = self._ctx, self.controller
        if ctx is None:
            return
        self.inputs.take()
        train_timeline.keep_up(ctx)
        if self.workspace.exploring:
            train_timeline.draw_over(ctx)
        else:
            self.train_window.draw(ctx, lambda: self.draw_panel("training"))
        if control.banner is not None:
            banner.draw(control.banner, ctx)
        choosing = bool(self.keys.choosing)
        self.keys_open = self.keys_open and sheets.keys(ctx)
        self.about_open = self.about_open and sheets.about(ctx)
        self.draft = self.palette.draw(self.draft, ctx, [t for t, _, can in self.app.panels_shown() if can])
        self.escape.end_frame(self._layers(), choosing)
        self.draft = walked(shortcuts(self.draft, ctx), ctx)
        edge_px = self.viewport.edge_px if self.workspace.exploring else 0  # a hidden picture is not rendered
        dragged = self.walk.playing or any(imgui.is_mouse_down(b) for b in (0, 1, 2))
        control.finish(self.draft, edge_px, dragged, ctx.now)
        self.opening.autosave.keep(control.doc, ctx.now)
        for action in self._actions:
            if isinstance(action, act.OpenCheckpoint) and is_record_file(action.path):
                self.dropped([action.path])
            elif not control.handle(action, ctx.now):
                self._handle(action, ctx.now)
        self._actions.clear()
        if self.workspace.folders != self.prefs.run_folders:
            self._save(run_folders=self.workspace.folders)
        self._pace(ctx)

    def _layers(self) -> tuple[Layer, ...]:
        """What Esc closes beside popups, the first that is open; while text is edited only the palette, whose text it is."""
        if imgui.get_io().want_text_input and not self.palette.open:
            return ()
        ray = self.workspace.exploring and any(title == "Ray" and visible for title, visible, _ in self.app.panels_shown())
        return (
            Layer(self.palette.open, self.palette.toggle),
            Layer(self.about_open, lambda: setattr(self, "about_open", False)),
            Layer(self.keys_open, lambda: setattr(self, "keys_open", False)),
            Layer(self.walk.playing, self.walk.stop),
            Layer(ray, self._close_ray),
            Layer(any(w.shown for w in self.controller.work(time.monotonic())), lambda: self.ask(act.CancelWork())),
        )

    def _close_ray(self) -> None:
        self.app.show_panel("Ray", False)
        self.draft = self.draft.replace(rays=self.draft.rays.replace(selected=None))

    def _pace(self, ctx: PanelContext) -> None:
        """Sleep until an event, the renderer's wake-up call, or the moment at which the scheduler asks for
        more.
        """
        control = self.controller
        wait = control.wait_s(ctx.now)
        idle = 0.0 if wait is None else 1.0 / max(wait, 1e-3)
        if not self.workspace.exploring:
            idle = max(idle, self.workspace.fps)
        if self.walk.playing:
            idle = max(idle, SPINNING)
        if ctx.status.busy or self.tasks.active:
            idle = max(idle, WORKING)
        idle, self.viewport.moving_fps = max(idle, self.viewport.moving_fps), 0.0
        if self.opening.drops.reading or control.opening or (control.info is not None and not control.frames.arrays):
            idle = max(idle, SPINNING)
        self.app.pace(idle, dragging=bool(self.viewport.held))

    # What panels ask for

    def _handle(self, action: act.Action, now: float) -> None:
        match action:
            case act.OpenDialog():
                self.opening.ask(self.controller, now)
            case act.ForgetRecent(path=path):
                self._save(recent=tuple(p for p in self.prefs.recent if p != path))
                self.controller.say(f"{Path(path).name} is not there any more", now)
            case act.CopyText(text=text, what=what):
                imgui.set_clipboard_text(text)
                self.controller.say(f"Copied the {what}", now)
            case act.SavePicture():
                control = self.controller
                edge = min(self.viewport.edge_px, control.doc.quality.max_size)
                control.say(self.exports.quick(control.doc, control.info, edge, control.frames.arrays, self.tasks), now)
            case act.CopyPicture():
                self._copy_picture(now)
            case act.SetTheme(name=name):
                self._save(theme=name)
                self.app.set_look(name, self.prefs.ui_scale)
            case act.SetScale(scale=scale):
                self._save(ui_scale=scale)
                self.app.set_look(self.prefs.theme, scale)
            case act.ShowWorkspace(name=name):
                self.workspace.name = name
            case act.ShowPanel(title=title, visible=visible):
                self.app.show_panel(title, visible)
            case act.TogglePanels():
                self.app.toggle_panels()
            case act.ResetLayout():
                self.app.reset_layout()
            case act.ToggleKeys():
                self.keys_open = not self.keys_open
            case act.TogglePalette():
                self.palette.toggle()
            case act.RestoreSession():
                self.opening.restore(self.controller, now)
            case act.ApplyPreset(name=name):
                self.controller.adopt(self.presets.applied(name, self.controller.doc), "preset", now)
            case act.SavePreset() | act.RemovePreset():
                menu_presets.carry_out(action, self.presets, self.controller, now)
            case act.KeepKeys():
                self._save(keys=dict(self.keys.own))
            case act.ShowAbout():
                self.about_open = True
            case act.Quit():
                self.app.quit()

    def _copy_picture(self, now: float) -> None:
        picture, tool = self.picture(), clipboard_tool()
        if picture is None or tool is None:
            self.controller.say("There is no picture yet" if picture is None else NO_CLIPBOARD, now)
            return
        copy_picture(picture, tool)
        self.controller.say(f"Copied the picture, {picture.shape[1]} × {picture.shape[0]}", now)

    # Pictures and preferences

    def _present(
        self,
        shown: ShownMap,
        view: ChannelView,
        span: ShownRange,
        edge: int,
        slot: int = 0,
    ) -> int:
        """Draws a map into the texture of `slot`, `edge`² framebuffer pixels; returns its GL name."""
        from viewer.gl.presenter import Presentation, Presenter

        if slot not in self._presenters:
            self._presenters[slot] = Presenter()
        assert self._ctx is not None
        palette = self._ctx.theme.palette
        how = Presentation(
            kind=shown.channel.kind,
            width=edge,
            height=edge,
            colormap=view.colormap,
            low=span.low,
            high=span.high,
            invert=view.invert,
            checker_dark=palette.checker_dark,
            checker_light=palette.checker_light,
            checker_size=max(round(0.6 * self._ctx.theme.em), 4),
            iso_step=iso_step_of(view, span) if shown.values.ndim == 2 else 0.0,
        )
        return self._presenters[slot].draw(shown.version, shown.values, how, shown.chosen)

    def picture(self) -> np.ndarray | None:
        """[H, W, 3] uint8 of the picture as the viewport shows it; None before the first. Needs the window's
        context.
        """
        return self._presenters[0].read() if 0 in self._presenters else None

    def _save(self, **changes: object) -> None:
        self.prefs = self.prefs.replace(**changes)
        try:
            preferences.save_preferences(self.prefs)
        except InputError as error:
            self.controller.say(str(error), time.monotonic())
