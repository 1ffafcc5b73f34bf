"""One window's frames: begin, let each panel draw, end; then the document, what was asked for, and the next
request follow.

Drawn by `viewer/shell/app.py`. The walk of a mouse drag through these files is told in CONTRIBUTING.md.
"""

from __future__ import annotations

import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
from imgui_bundle import imgui

import viewer.features  # noqa: F401  (registers the features)
from core_model.schema import plugins
from core_model.schema.assets import demo_checkpoint
from core_model.schema.atomic import FULL, not_written
from core_model.schema.errors import InputError
from core_model.schema.rest import Rest
from viewer.features.export.clipboard import WHY_NOT as NO_CLIPBOARD
from viewer.features.export.clipboard import clipboard_tool, copy_picture
from viewer.features.inversion.settings import CODE, base_of
from viewer.features.inversion.settings import KIND as INVERSION
from viewer.features.latent.walk_controls import toggled_walk, walked
from viewer.features.training import timeline
from viewer.features.training.window import TrainWindow
from viewer.gl.framebuffer import Underlaid
from viewer.jobs import folders
from viewer.jobs.desk import Desk, LocalDesk
from viewer.jobs.run_rows import RunRow
from viewer.jobs.tasks import Task, Tasks
from viewer.render_client.client import RenderClient
from viewer.render_client.link import WorkerLink
from viewer.render_client.protocol import DEFAULT_FACTORY, OpenLink
from viewer.shell import banner, hint, job_strip, menu_presets, menus, sheets, statusbar
from viewer.shell.baked_stage import BakedStage
from viewer.shell.command_palette import CommandPalette
from viewer.shell.commands import DEFAULT_KEYS, Situation
from viewer.shell.coordinator import RenderCoordinator
from viewer.shell.dispatcher import Dispatcher
from viewer.shell.doctor_sheet import DoctorSheet
from viewer.shell.escape import Escape, Layer
from viewer.shell.keys import shortcuts
from viewer.shell.opening import Opening
from viewer.shell.pictures import Pictures
from viewer.shell.pinning import Pinning
from viewer.shell.restore import is_photo, is_record_file
from viewer.shell.toasts import Toasts
from viewer.shell.values import AllLayers, FrameValues, call
from viewer.shell.welcome import Welcome
from viewer.shell.window_protocol import WindowProtocol
from viewer.state import actions, preferences
from viewer.state.basket import Shelf
from viewer.state.camera_glide import CameraGlide
from viewer.state.document import Document
from viewer.state.exports import Exports
from viewer.state.key_map import KeyMap
from viewer.state.latent_walk import Walk
from viewer.state.presets import Presets
from viewer.state.ray_marks import Pin
from viewer.state.screen import PicturePlace
from viewer.state.shown_map import MapCache
from viewer.state.store import Banner, Store
from viewer.state.workspace import SnapshotWatch, Workspace
from viewer.widgets import controls
from viewer.widgets.feature import FEATURES, Feature, make_features
from viewer.widgets.file_chooser import FileChooser
from viewer.widgets.histogram import HistogramCache
from viewer.widgets.inputs import Inputs, begin_tabbing
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme

SPINNING = 20.0
"""Frames per second while a progress bar moves."""
WORKING = 4.0
"""Frames per second while the status bar tells what the renderer works on."""
RESTING = 1.0
"""Frames per second that a window at rest may still want, to show figures of the machine."""


class FrameLoop:
    """Everything of one window between its frames; panels get of it what they name (`viewer.shell.values`).

    see_through: the viewport has no ground of its own, what is drawn into the window before the GUI shows;
    underlaid: what to draw there in this frame. place: where the picture lies, as the viewport said last.
    broken: panels that raised, with their tracebacks.
    """

    def __init__(self, app: WindowProtocol) -> None:
        self.app = app
        self.prefs, message = preferences.load_preferences()
        link: OpenLink = WorkerLink
        desk: Desk = LocalDesk()
        run_folders = self.prefs.run_folders
        if app.options.worker:
            from viewer.render_client.remote_link import remote  # with the line's records and zstd: 0.07 s
            from viewer.wire.desk_line import DeskLine
            from viewer.wire.far_desk import FarDesk

            line = DeskLine(app.options.worker, app.wake)
            link, desk = remote(app.options.worker, line), FarDesk(line)
            run_folders = self.prefs.far_folders.get(app.options.worker, ())
        client = app.options.client or RenderClient(
            factory=app.options.factory or DEFAULT_FACTORY, wake=app.wake, link=link, far=app.options.worker
        )
        self.store = Store(self.prefs.quality)
        self.coordinator = RenderCoordinator(client, self.store)
        if message:
            self.store.banner = Banner("Preferences", message, severity="note")
        self.draft = self.store.doc
        self.place = PicturePlace()
        self.see_through = False
        self.underlaid: Underlaid | None = None
        self.keys_open = False
        self.about_open = False
        self.doctor = DoctorSheet(app.wake)
        self.welcome = Welcome()
        self.tasks = Tasks(worker=app.options.worker)
        self.inputs = Inputs()
        self.keys = KeyMap(DEFAULT_KEYS, self.prefs.keys)
        self.presets = Presets()
        self.palette = CommandPalette()
        self.toasts = Toasts()
        self.files = FileChooser(app.wake, self.prefs.folders)
        self._first: Document | None = None
        self.runs_ended = job_strip.Ended()
        self.escape = Escape()
        self.opening = Opening()
        self.exports = Exports(self.prefs.export_folder)
        self.basket = Shelf()
        self.pinning = Pinning()
        self.walk = Walk()
        self.glide = CameraGlide()
        self.baked = BakedStage(app.wake)
        self.pictures = Pictures(self.coordinator, self.baked, self._request_frames)
        watch = SnapshotWatch(source=desk.source)
        self.workspace = Workspace(folders=run_folders, wake=app.wake, snapshots=watch, desk=desk)
        self.train_window = TrainWindow()
        self.features: dict[str, Feature] = make_features()
        self.dispatch = Dispatcher()
        self._register()
        self._maps, self._histograms = MapCache(), HistogramCache()
        self._fps, self._moving, self._was_moving = 0.0, False, False
        self.broken: dict[str, str] = {}
        self._rest = Rest()
        self.values: FrameValues | None = None
        self._left_out: set[str] = set()

    def start(self, checkpoint: str, named: bool = True) -> None:
        """Starts the renderer and opens `checkpoint`; what nobody named gives way to the last session."""
        self.inputs.listen()
        self.coordinator.client.start()
        self.welcome.open = self.opening.start(checkpoint, self.coordinator, self.prefs.recent, named)

    def open(self, path: str) -> None:
        self.coordinator.open(path)

    def dropped(self, paths: list[str]) -> None:
        """Files from the desktop: the first checkpoint, or file whose view can be restored, is taken."""
        self.opening.take(paths, self.coordinator, self.prefs.recent)

    def stop(self) -> None:
        self.doctor.stop()
        self.coordinator.client.stop()

    def keep(self, window_size: tuple[int, int] | None) -> None:
        """Remember the view, and what the user chose; draws nothing. window_size None leaves the saved
        choices.
        """
        self.opening.autosave.close(self.store.doc)
        if window_size is not None:
            folder = self.exports.settings.folder
            self._save(window_size=window_size, quality=self.store.doc.quality, export_folder=folder)

    def close(self) -> None:
        """Frees the GL objects."""
        for feature in self.features.values():
            feature.close()
        self.pictures.close()
        self.baked.close()
        implot = sys.modules.get("imgui_bundle.implot")
        if implot is not None and implot.get_current_context() is not None:
            implot.destroy_context()

    # One frame

    def begin_frame(self, theme: Theme, now: float) -> None:
        control, store = self.coordinator, self.store
        theme = replace(theme, keys=self.keys)
        self.inputs.give()
        begin_tabbing()
        self.escape.begin_frame()
        control.walking = self.walk.playing or self.features["path"].panel.walks  # pyright: ignore[reportAttributeAccessIssue]
        control.poll(now)
        store.forget_notice(now)
        # before the draft is taken: it may bring another document
        self.opening.poll(control, now)
        if self.opening.photo:
            self.dispatch(actions.OpenPhoto(self.opening.photo))
            self.opening.photo = ""
        if self.opening.front:
            self.app.front_panel(self.opening.front)
            self.opening.front = ""
        self.draft = store.doc
        for path in control.opened_paths:
            if not self.app.options.worker:  # paths of another machine mean nothing here
                self._save(recent=self.prefs.with_recent(path).recent)
            self.app.set_title(control.info.title or Path(path).stem if control.info else Path(path).stem)
        if control.opened_paths:
            self.baked.forget()
            for feature in self.features.values():
                feature.opened()
            if control.info is not None:
                self.basket.take_code(control.info)
            self.opening.offer_crashed(control)
            self._name_left_out()
        control.opened_paths.clear()
        if control.volumes:
            self.baked.offer(*control.volumes.pop())
        self.baked.take_in()
        self._poll_tasks(now)
        control.rays.asked = control.questions(self.place.edge_px)
        self.pictures.theme = theme
        self.values = self._frame_values(theme, now)

    def _frame_values(self, theme: Theme, now: float) -> FrameValues:
        control = self.coordinator
        layers = AllLayers(tuple(f.layer for f in self.features.values() if f.layer is not None))
        layers.values = FrameValues(
            theme=theme,
            info=control.info,
            picture=ShownPicture(
                control.info,
                control.frames,
                self.place,
                self._maps,
                self._histograms,
                self.baked.camera,
                self.baked.head,
            ),
            place=self.place,
            layers=layers,
            rays=control.rays,
            queries=control.queries,
            compared=control.compared,
            basket=self.basket,
            work=control.work(now),
            tasks=self.tasks,
            exports=self.exports,
            keys=self.keys,
            inputs=self.inputs,
            presets=self.presets,
            walk=self.walk,
            glide=self.glide,
            workspace=self.workspace,
            status=control.client.status,
            history=tuple(control.history),
            recent=()
            if self.app.options.worker
            else tuple(p for p in self.prefs.recent if control.info is None or p != control.info.path),
            opening=control.opening,
            files=self.files,
            moving=self._was_moving,
            now=now,
            present=self.pictures.present,
            stand_in=self.pictures.stand_in,
            underlay=self._underlay,
            request_frames=self._request_frames,
            dispatch=self.dispatch,
        )
        return layers.values

    def _request_frames(self, fps: float, moving: bool = False) -> None:
        self._fps, self._moving = max(self._fps, fps), self._moving or moving

    def _underlay(self, picture: Underlaid) -> bool:
        """Draw a picture under the GUI of this frame; False where the viewport has a ground of its own."""
        if self.see_through:
            self.underlaid = picture
        return self.see_through

    def _name_left_out(self) -> None:
        """Plugins that cannot be used here or in the render process, once."""
        info = self.coordinator.info
        lines = {one.line for one in plugins.broken()} | set(info.left_out if info is not None else ())
        new = sorted(lines - self._left_out)
        if new and self.store.banner is None:
            self._left_out |= lines
            self.store.banner = Banner("An installed plugin cannot be used", "\n".join(new), severity="note")

    def _poll_tasks(self, now: float) -> None:
        self.tasks.poll(now)
        for task in self.tasks.take_ended():
            if task.state == "done":
                self._show_code(task)
                self.toasts.add(f"{task.record.title} is there", task.record.out, now)
            elif task.state != "cancelled":
                title = f"{task.record.title}: {task.state}"
                self.store.banner = Banner(title, task.message or "It left no message.")

        for title, path in self.store.finished:
            self.toasts.add(title, path, now)
        self.store.finished.clear()
        for row in self.runs_ended.of(self._runs()):
            self.toasts.add(f"{row.name}: {row.state}", str(row.path), now)

    def _show_code(self, task: Task) -> None:
        """An inversion is done: its head comes into the view, where its checkpoint is still the open one."""
        info = self.coordinator.info
        code = Path(task.record.out) / CODE
        if task.record.kind != INVERSION or info is None or not code.is_file():
            return
        if base_of(info) == task.record.pinned.get("base") and not self.coordinator.opening:
            self.coordinator.open(str(code))
            self.app.show_panel("Inversion", False)

    def _runs(self) -> tuple[RunRow, ...]:
        """The runs of the folders that are watched; looking begins with the first frame that has such folders."""
        index = self.features["training"].panel.index  # pyright: ignore[reportAttributeAccessIssue]
        if self.workspace.folders:
            index.use(self.workspace.desk)
            index.start(self.workspace.folders)
        return index.rows

    def draw_panel(self, name: str) -> None:
        """Hands the draft of the document through one panel; a panel that raises is set aside, and the window
        lives on.
        """
        values = self.values
        if values is None:
            return
        if not self.workspace.exploring and name != "training":
            self.train_window.cover(name)
            return
        self.train_window.uncover(name)
        if name in self.broken:
            self._draw_broken(name, values.theme)
            return
        state = imgui.internal.ErrorRecoveryState()
        imgui.internal.error_recovery_store_state(state)
        try:
            self.draft = call(self.features[name].panel.draw, values, doc=self.draft)
        except Exception as error:
            if (
                isinstance(error, OSError) and error.errno in FULL
            ):  # a button had something written: the panel is whole
                self.store.say(not_written(error), time.monotonic())
            else:
                self.broken[name] = traceback.format_exc()
            io = imgui.get_io()
            io.config_error_recovery_enable_assert = io.config_error_recovery_enable_tooltip = False
            imgui.internal.error_recovery_try_to_recover_window_state(state)
            io.config_error_recovery_enable_assert = True
            if name in self.broken:
                self.store.banner = Banner(f"The panel {name!r} failed and was set aside", self.broken[name])

    def _draw_broken(self, name: str, theme: Theme) -> None:
        controls.note(theme, "This panel failed:\n" + self.broken[name].strip().splitlines()[-1])
        if controls.button(theme, "Try again###try-again", tip="Draw the panel again"):
            del self.broken[name]
            self.features[name] = FEATURES.get(name)()

    def draw_menus(self) -> None:
        undo = self.store.undo
        state = menus.MenuState(
            panels=self.app.panels_shown(),
            can_undo=undo.can_undo,
            can_redo=undo.can_redo,
            demo=demo_checkpoint() or "",
        )
        if self.values is not None:
            call(menus.draw, self.values, state=state)

    def draw_status(self) -> None:
        if self.values is not None:
            jobs = job_strip.running(self.tasks, self._runs())
            call(statusbar.draw, self.values, notice=self.store.notice, jobs=jobs)

    def end_frame(self) -> None:
        """Banner, sheets, keys; then the frame's document, what was asked for, and the next request."""
        values = self.values
        if values is None:
            return
        self.inputs.take()
        call(timeline.keep_up, values)
        if self.workspace.exploring:
            call(timeline.draw_over, values)
        else:
            self.train_window.draw(values.theme, lambda: self.draw_panel("training"))
        if self.store.banner is not None:
            call(banner.draw, values, banner=self.store.banner)
        call(self.toasts.draw, values)
        self._hint(values)
        choosing = bool(self.keys.choosing)
        self.keys_open = self.keys_open and call(sheets.keys, values)
        self.about_open = self.about_open and call(sheets.about, values)
        call(self.doctor.draw, values)
        call(self.welcome.draw, values)
        situation = Situation(self.draft, values.info, self.workspace.exploring, self.place.value)
        panels = [title for title, _, can_hide in self.app.panels_shown() if can_hide]
        self.files.draw(values.theme)
        call(self.palette.draw, values, situation=situation, panels=panels)
        self.escape.end_frame(self._layers(), choosing)
        call(shortcuts, values, situation=situation)
        self.draft = call(walked, values, doc=self.draft)
        self._finish(values.now)

    def _hint(self, values: FrameValues) -> None:
        """The line of first steps, until one of them was taken; never in a tour's pictures."""
        if self.prefs.hint_read or self.app.options.touring or values.info is None or not self.place.drawn:
            return
        if self._first is None or self._first.checkpoint != values.info.path:
            self._first = Document.defaults_from(values.info, quality=self.draft.quality)
        if hint.is_read(self._first, self.draft, self.palette.open):
            self._save(hint_read=True)
        elif self.workspace.exploring and not self.welcome.open:  # it holds the same
            call(hint.draw, values)

    def _finish(self, now: float) -> None:
        self.store.grip(self.walk.playing or any(imgui.is_mouse_down(b) for b in (0, 1, 2)))
        self.store.edit(self.store.doc, self.draft, now)
        for problem in self.dispatch.carry_out(now):
            self.store.say(problem, now)
        self._take_pin(now)
        # a hidden picture is not rendered
        self.coordinator.ask(self.place.edge_px if self.workspace.exploring else 0, now, self.baked.question)
        self.opening.autosave.keep(self.store.doc, now)
        self._keep_folders()
        self._pace(now)

    def _keep_folders(self) -> None:
        """The folders of runs, those of each far machine for themselves."""
        folders, worker = self.workspace.folders, self.app.options.worker
        if worker and folders != self.prefs.far_folders.get(worker, ()):
            self._save(far_folders=(self.prefs.far_folders | {worker: folders}))
        elif not worker and folders != self.prefs.run_folders:
            self._save(run_folders=folders)
        if self.files.recent != self.prefs.folders:
            self._save(folders=self.files.recent)

    def _layers(self) -> tuple[Layer, ...]:
        """What Esc closes beside popups, the first that is open; while text is edited only the palette and
        the browser of files, whose text it is.
        """
        if imgui.get_io().want_text_input and not (self.palette.open or self.files.open):
            return ()
        shown = {title for title, visible, _ in self.app.panels_shown() if visible}
        return (
            Layer(self.palette.open, self.palette.toggle),
            Layer(self.files.open, self.files.close),
            Layer(self.about_open, lambda: setattr(self, "about_open", False)),
            Layer(self.doctor.open, self.doctor.close),
            Layer(self.welcome.open, self.welcome.close),
            Layer(self.keys_open, lambda: setattr(self, "keys_open", False)),
            Layer(self.walk.playing, self.walk.stop),
            Layer(
                self.workspace.exploring and "Inversion" in shown,
                lambda: self.app.show_panel("Inversion", False),
            ),
            Layer(
                self.workspace.exploring and "Layers" in shown, lambda: self.app.show_panel("Layers", False)
            ),
            Layer(self.workspace.exploring and "Ray" in shown, self._close_ray),
            Layer(
                any(w.shown for w in self.coordinator.work(time.monotonic())),
                lambda: self.dispatch(actions.CancelWork()),
            ),
        )

    def _close_ray(self) -> None:
        self.app.show_panel("Ray", False)
        self.draft = self.draft.replace(rays=self.draft.rays.replace(selected=None))

    def _pace(self, now: float) -> None:
        """Sleep until an event, the renderer's wake-up call, or the moment at which the scheduler asks for
        more.
        """
        control = self.coordinator
        waits = [
            w
            for w in (
                control.wait_s(now),
                self.store.notice_s(now),
                self.toasts.rests_s(now),
                self.baked.rests_s(now),
            )
            if w is not None
        ]
        idle = 1.0 / max(min(waits), 1e-3) if waits else 0.0
        if not self.workspace.exploring:
            idle = max(idle, self.workspace.fps)
        if self.walk.playing:
            idle = max(idle, SPINNING)
        if control.client.status.busy or self.tasks.active or self.doctor.asking:
            idle = max(idle, WORKING)
        waiting = control.info is not None and not control.frames.arrays
        if self.opening.drops.reading or control.opening or waiting or control.compared.photos.reading:
            idle = max(idle, SPINNING)
        moving = self._moving or bool(self.place.held)
        if self.baked.busy:
            idle = max(idle, SPINNING)
        if moving or max(idle, self._fps) > RESTING:
            self._rest.worked()
        else:
            self._rest.look()
        # software OpenGL leaves the renderer its processor, unless it is the volume that moves
        self.app.pace(max(idle, self._fps), dragging=moving and self.baked.camera is None)
        self._was_moving = moving
        self._fps, self._moving = 0.0, False

    # What panels ask for

    def _register(self) -> None:
        """Each kind of action with its one handler: the renderer's, the store's, and those of the window
        itself.
        """
        on, store = self.dispatch.on, self.store
        for kind, handler in self.coordinator.handlers().items():
            on(kind, handler)
        on(actions.Edit, lambda a, now: store.edit(a.before, a.after, now))
        on(actions.Undo, lambda a, now: store.take_back(now))
        on(actions.Redo, lambda a, now: store.redo(now))
        on(actions.DismissBanner, lambda a, now: setattr(store, "banner", None))
        on(
            actions.ApplyPreset,
            lambda a, now: store.adopt(self.presets.applied(a.name, store.doc), "preset", now),
        )
        for kind in (actions.SavePreset, actions.RemovePreset):
            on(kind, lambda a, now: menu_presets.carry_out(a, self.presets, store, now))
        on(actions.OpenCheckpoint, self._open)
        on(actions.OpenPhoto, self._open_photo)
        on(
            actions.OpenDialog,
            lambda a, now: self.opening.ask(self.coordinator, self.files, self.prefs.recent),
        )
        on(actions.RestoreSession, lambda a, now: self.opening.restore(self.coordinator, now))
        on(actions.ForgetRecent, self._forget_recent)
        on(actions.CopyText, self._copy_text)
        on(actions.SavePicture, self._save_picture)
        on(actions.CopyPicture, self._copy_picture)
        on(actions.ShowFolder, self._show_folder)
        on(actions.ExportMesh, self._export_mesh)
        on(actions.CancelTask, lambda a, now: self.tasks.cancel(a.task_id))
        on(actions.StopRun, self._stop_run)
        on(actions.SetTheme, lambda a, now: self._set_look(theme=a.name))
        on(actions.SetScale, lambda a, now: self._set_look(ui_scale=a.scale))
        on(actions.ShowWorkspace, lambda a, now: setattr(self.workspace, "name", a.name))
        on(actions.ShowPanel, lambda a, now: self.app.show_panel(a.title, a.visible))
        on(actions.FrontPanel, lambda a, now: self.app.front_panel(a.title))
        on(actions.FocusMenus, lambda a, now: menus.focus())
        on(actions.TogglePanels, lambda a, now: self.app.toggle_panels())
        on(actions.ResetLayout, lambda a, now: self.app.reset_layout())
        on(actions.ToggleKeys, lambda a, now: setattr(self, "keys_open", not self.keys_open))
        on(actions.TogglePalette, lambda a, now: self.palette.toggle())
        on(actions.ShowAbout, lambda a, now: setattr(self, "about_open", True))
        on(actions.ShowDoctor, lambda a, now: self.doctor.show(now))
        on(actions.ShowWelcome, lambda a, now: setattr(self.welcome, "open", True))
        on(actions.KeepKeys, lambda a, now: self._save(keys=dict(self.keys.own)))
        on(
            actions.ToggleWalk,
            lambda a, now: store.edit(store.doc, toggled_walk(store.doc, self.walk, now), now),
        )
        on(actions.PinRay, self._pin)
        on(actions.PicturePlaced, lambda a, now: setattr(self, "place", a.place))
        on(actions.Quit, lambda a, now: self.app.quit())

    def _open(self, action: actions.OpenCheckpoint, now: float) -> None:
        if is_record_file(action.path) or is_photo(action.path):
            self.dropped([action.path])
        else:
            self.coordinator.open(action.path, action.keep_view)

    def _open_photo(self, action: actions.OpenPhoto, now: float) -> None:
        self.app.show_panel("Inversion", True)
        panel = self.features["inversion"].panel
        panel.take(action.path, self.files)  # pyright: ignore[reportAttributeAccessIssue]

    def _forget_recent(self, action: actions.ForgetRecent, now: float) -> None:
        self._save(recent=tuple(p for p in self.prefs.recent if p != action.path))
        self.store.say(f"{Path(action.path).name} is not there any more", now)

    def _copy_text(self, action: actions.CopyText, now: float) -> None:
        imgui.set_clipboard_text(action.text)
        self.store.say(f"Copied the {action.what}", now)

    def _save_picture(self, action: actions.SavePicture, now: float) -> None:
        doc, control = self.store.doc, self.coordinator
        edge = min(self.place.edge_px, doc.quality.max_size)
        self.store.say(self.exports.quick(doc, control.info, edge, control.frames.arrays, self.tasks), now)

    def _show_folder(self, action: actions.ShowFolder, now: float) -> None:
        problem = folders.show_folder(Path(action.path))
        if problem:
            self.store.say(problem, now)

    def _export_mesh(self, action: actions.ExportMesh, now: float) -> None:
        rows = self.features["mesh"].panel.export  # pyright: ignore[reportAttributeAccessIssue]
        self.store.say(rows.quick(self.store.doc, self.tasks), now)

    def _pin(self, action: actions.PinRay, now: float) -> None:
        doc = self.store.doc
        known = doc.rays.pin_at(doc.camera, action.mark)
        if known is not None:
            self.store.edit(doc, doc.replace(rays=doc.rays.without_pin(known)), now)
        elif not isinstance(action.mark, Pin):
            self.pinning.ask(action.mark, doc.camera)

    def _take_pin(self, now: float) -> None:
        doc = self.store.doc
        pin = self.pinning.due(doc, self.coordinator.frames)
        if pin is not None:
            self.store.edit(doc, doc.replace(rays=doc.rays.with_pin(pin)), now)

    def _stop_run(self, action: actions.StopRun, now: float) -> None:
        run = self.workspace.desk.path(action.path)
        training = self.features["training"].panel
        training.head.stop(run)  # pyright: ignore[reportAttributeAccessIssue]
        self.store.say(f"{run.name} stops after its present step", now)

    def _copy_picture(self, action: actions.CopyPicture, now: float) -> None:
        if self.baked.camera is not None:
            self.store.say("The exact picture is on its way: copy it when it is there", now)
            return
        picture, tool = self.picture(), clipboard_tool()
        if picture is None or tool is None:
            self.store.say("There is no picture yet" if picture is None else NO_CLIPBOARD, now)
            return
        copy_picture(picture, tool)
        self.store.say(f"Copied the picture, {picture.shape[1]} × {picture.shape[0]}", now)

    def _set_look(self, **changes: object) -> None:
        self._save(**changes)
        self.app.set_look(self.prefs.theme, self.prefs.ui_scale)

    # Pictures and preferences

    def picture(self) -> np.ndarray | None:
        """[H, W, 3] uint8 of the picture as the viewport shows it; None before the first. Needs the window's
        context.
        """
        return self.pictures.read()

    def _save(self, **changes: object) -> None:
        self.prefs = self.prefs.replace(**changes)
        try:
            preferences.save_preferences(self.prefs)
        except InputError as error:
            self.store.say(str(error), time.monotonic())
