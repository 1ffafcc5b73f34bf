"""The New run page: the form at the left; data, place, device, forecast, exact command and start at the
right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa
from pydantic_core import to_json

from core_model.schema.errors import InputError
from core_model.schema.overrides import read_tree
from core_model.schema.recipes import RECIPES
from core_model.schema.train import TrainConfig
from viewer.features.training import forecast_cards, preset_cards
from viewer.features.training.data_rows import DataRows
from viewer.features.training.draft import Draft
from viewer.features.training.form import FormPage
from viewer.features.training.preset_cards import KIND
from viewer.features.training.rows import progress_line
from viewer.features.training.run_index import RunIndex
from viewer.jobs.asked import CONFIG_BYTES, SHORT_S, Asked
from viewer.jobs.backend import BACKENDS
from viewer.jobs.command import forecast_words
from viewer.jobs.config_diff import diff
from viewer.jobs.desk import Desk
from viewer.jobs.errands import Errands
from viewer.jobs.run_rows import RunRow
from viewer.jobs.tasks import Task, Tasks
from viewer.runs.job_record import read_console
from viewer.runs.selection import Selection
from viewer.runs.source import whole
from viewer.state.actions import CopyText, Dispatch
from viewer.state.workspace import Workspace
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.glyphs import legible
from viewer.widgets.path_field import PathField
from viewer.widgets.theme import BODY_PX, Theme


class LaunchPage:
    """The draft lives as long as the window; the check is a task, which outlives it."""

    def __init__(self, errands: Errands, index: RunIndex) -> None:
        self.errands, self.index = errands, index
        self.asked = Asked(index.desk)
        self.draft = Draft(asked=self.asked)
        self.form = FormPage()
        self.data = DataRows()
        self._out = PathField("out", FileWish("Folder in which the run is made", "folder"))
        self.complaint = ""
        self.against = ""
        self.costs = preset_cards.Costs()
        self.text_open = False
        self._named = self._offered = False
        self._naming: tuple[PurePath, str] | None = None
        self._report: tuple[str, str] = ("", "")
        self._trees: dict[str, TrainConfig | None] = {}

    def use(self, desk: Desk, wake: Callable[[], None]) -> None:
        """The machine that trains."""
        if desk is not self.asked.desk:
            self.draft.asked = self.asked = Asked(desk, wake)
            self.data.use(desk, wake)

    def duplicate(self, row: RunRow, config: Mapping[str, Any]) -> None:
        """Start the form from the settings of a run, with its data and a free name beside it."""
        draft = self.draft
        self.complaint = ""
        try:
            draft.take(read_tree(TrainConfig, to_json(dict(config)), str(row.path / "config.json")), row.name)
        except InputError as error:
            if row.job is None:
                self.complaint = f"its settings cannot be read: {error}"
                return
            draft.take_arguments(row.job.argv, row.name)
        if row.job is not None:
            draft.backend = row.job.backend if row.job.backend in BACKENDS.names() else "local"
            draft.device = ", ".join(row.job.devices) or draft.device
        self._call(row.path.parent, row.name.rstrip("0123456789-") or row.name)
        self.against = str(row.path)

    def draw(
        self,
        theme: Theme,
        tasks: Tasks,
        workspace: Workspace,
        files: FileChooser,
        dispatch: Dispatch,
        view: Selection,
    ) -> None:
        self._name(workspace)
        em = theme.em
        room = imgui.get_content_region_avail().x
        left = max(24 * em, 0.52 * room)
        padded = int(imgui.ChildFlags_.always_use_window_padding)
        imgui.push_style_color(imgui.Col_.child_bg, ImVec4(*theme.palette.panel, 1.0))
        if controls.begin_child("launch-form", ImVec2(left, 0.0), padded):
            self._recipe(theme)
            self._preset(theme, tasks)
            self.form.draw(theme, self.draft)
        imgui.end_child()
        imgui.same_line()
        if controls.begin_child("launch-side", ImVec2(0.0, 0.0), padded):
            self._side(theme, tasks, workspace, files, dispatch, view)
        imgui.end_child()
        imgui.pop_style_color()

    def _name(self, workspace: Workspace) -> None:
        """Default place of the run until one is typed: beside the others, named after the preset."""
        desk, facts = self.asked.desk, self.asked.facts()
        if not self._named and facts is not None:
            folder = desk.path(workspace.folders[0] if workspace.folders else facts.folder)
            if any(row.path == folder for row in self.index.rows):
                folder = folder.parent
            self._call(folder, self.draft.preset)
        if self._naming is not None:
            name = self.asked.free_name(*self._naming)
            if name is not None:
                untouched = self.draft.out == str(self._naming[0] / self._naming[1])
                self.draft.out = str(name) if untouched else self.draft.out
                self._naming = None
        if not self._offered and not self.draft.data and (self.index.looked or not workspace.folders):
            found = self.asked.known_data(tuple(row.path for row in self.index.rows))
            if found is not None:
                self._offered, self.draft.data = True, found

    def _call(self, folder: PurePath, stem: str) -> None:
        """Give the run a name that is free in a folder: at once, or as soon as the far machine has said which one is."""
        name = self.asked.free_name(folder, stem)
        self.draft.out = str(name or folder / stem)
        self._naming = None if name is not None else (folder, stem)
        self._named = True

    def _recipe(self, theme: Theme) -> None:
        """The first choice: how it is trained, with what that is in two sentences."""
        controls.section(theme, "Start from")
        draft = self.draft
        options = [(name, about.title, about.about) for name, about in RECIPES.items()]
        tip = "How it is trained: networks, discriminators and losses"
        chosen = choice_rows.combo(theme, "Recipe", "##recipe", draft.recipe, options, tip=tip)
        if chosen != draft.recipe:
            self._start_from(lambda: draft.choose_recipe(chosen))
        controls.note(theme, RECIPES.get(draft.recipe).about)

    def _preset(self, theme: Theme, tasks: Tasks) -> None:
        draft = self.draft
        chosen = preset_cards.draw(theme, draft.presets(), draft.preset, tasks, self.costs)
        imgui.dummy(ImVec2(0.0, 0.2 * theme.em))
        if chosen != draft.preset:
            self._start_from(lambda: draft.choose_preset(chosen))
        if draft.origin:
            controls.note(
                theme, f"Settings of {draft.origin}; marks show what differs from the preset {draft.preset}."
            )

    def _start_from(self, choose: Callable[[], None]) -> None:
        """Another preset; a run directory that bears the former one's name gets the new name."""
        draft = self.draft
        auto, folder = draft.run.name.startswith(draft.preset), draft.run.parent
        choose()
        if auto:
            self._call(folder, draft.preset)

    def _side(
        self,
        theme: Theme,
        tasks: Tasks,
        workspace: Workspace,
        files: FileChooser,
        dispatch: Dispatch,
        view: Selection,
    ) -> None:
        draft = self.draft
        controls.section(theme, "Data and place")
        fault = self.data.draw(theme, tasks, files, draft)
        controls.label(theme, "Run", "Run directory: settings, statistics, pictures and snapshots go here")
        tip = "Made when the run starts; a run that is there already can only be resumed"
        why = "" if self.asked.desk.here else "Folders of the far machine are typed"
        name = draft.run.name
        draft.out = self._out.draw(theme, files, draft.out, tip=tip, why_not=why)
        if self._out.took:  # a folder for the run was chosen, not the run's own
            self._call(self.asked.desk.path(draft.out), name or draft.preset)
        controls.section(theme, "Where it runs")
        self._place(theme)
        problems = draft.problems(fault)
        busy = f"Starting {draft.run.name}" in self.errands.under_way
        why = "Starting …" if busy else "\n".join(problems)
        imgui.dummy(ImVec2(0.0, 0.2 * theme.em))
        tip = "Write the run directory and start the command; the run outlives this window"
        if controls.button(
            theme, f"{fa.ICON_FA_PLAY}  Start###start-run", tip=tip, why_not=why, primary=not why, width=-1.0
        ):
            self._start(workspace, view)
        for text in [*problems, *([self.complaint] if self.complaint else [])]:
            with controls.text_colour(theme.palette.warn if text != self.complaint else theme.palette.bad):
                imgui.text_wrapped(legible(text))
        controls.section(theme, "Forecast")
        self._forecast(theme, tasks)
        if draft.tree is not None:
            controls.section(theme, "Schedule")
            forecast_cards.draw_schedule(theme, draft.tree)
        controls.section(theme, "Command")
        self._command(theme, dispatch)
        self._difference(theme)

    def _place(self, theme: Theme) -> None:
        draft = self.draft
        facts = self.asked.facts()
        backends = [
            (name, name, facts.why_not(name) if facts is not None else "") for name in BACKENDS.names()
        ]
        off = [name for name, _, why in backends if why]
        draft.backend = choice_rows.combo(
            theme,
            "Backend",
            "##backend",
            draft.backend,
            backends,
            tip="The machine itself, or a cluster through Slurm",
            unavailable=off,
        )
        for name, _, why in backends:
            if why:
                controls.note(theme, f"{name}: {why}")
        if draft.backend == "local":
            gpus = self.index.poller.host.history[-1].gpus if self.index.poller.host.history else ()
            controls.label(theme, "Devices", "cpu, or one or several GPUs: cuda:0, cuda:1. One process a GPU")
            changed, text = imgui.input_text("##device", draft.device)
            draft.device = text if changed else draft.device
            known = (
                ", ".join(f"cuda:{gpu.index} {gpu.name}" for gpu in gpus)
                or self.index.poller.host.why_no_gpu
                or "no GPU found"
            )
            controls.tooltip(
                "Jobs of the same devices wait for each other in the order in which they were started"
            )
            where = "Here" if self.asked.desk.here else "There"
            controls.note(theme, f"{where}: cpu; {known}. {self._queue()}")
            return
        tip = "GPUs of one node, one process each"
        draft.gpus = number_rows.drag_int(
            theme, "GPUs", "##gpus", draft.gpus, speed=0.05, low=0, high=64, tip=tip
        )
        tip = "Cores; 0 = the cluster's default"
        draft.cpus = number_rows.drag_int(
            theme, "Processors", "##cpus", draft.cpus, speed=0.1, low=0, high=512, tip=tip
        )
        tip = "Time limit; 0 = the cluster's default"
        draft.hours = number_rows.drag_float(
            theme, "Time", "##hours", draft.hours, speed=0.1, low=0.0, high=1000.0, fmt="%.1f h", tip=tip
        )
        controls.label(theme, "Partition", "Partition of the cluster; empty = its default")
        changed, text = imgui.input_text("##partition", draft.partition)
        draft.partition = text if changed else draft.partition

    def _queue(self) -> str:
        """How many jobs would come first on the chosen devices."""
        wanted = set(self.draft.resources().devices)
        ahead = [self.asked.desk.path(one.run).name for one in self.index.queue if wanted & set(one.devices)]
        return (
            f"It waits for {', '.join(ahead[:3])}{' and others' if len(ahead) > 3 else ''}."
            if ahead
            else "It starts at once."
        )

    def _forecast(self, theme: Theme, tasks: Tasks) -> None:
        """Memory, time and disk by `triscope train --dry-run`, which is a task of its own."""
        draft = self.draft
        line = draft.line()
        task = next(iter(tasks.views(KIND)), None)
        running = task is not None and not task.ended
        why = "Already being made" if running else ("" if line is not None else "A setting is wrong")
        tip = "Schedule, parameters, memory, time (a few real steps of just this command, within a minute) and disk"
        if controls.button(theme, "Make a forecast###dry-run", tip=tip, why_not=why) and line is not None:
            folder = tasks.new_folder()
            words = line.dry(folder if self.asked.desk.here else None)
            whole = {"preset": draft.preset} if not draft.typed else {}
            pinned = {"of": list(line.argv()), **whole}
            tasks.start(KIND, f"Forecast of {draft.preset}", words, folder / "schedule.png", folder, pinned)
        if task is None:
            return
        if running:
            imgui.same_line()
            progress_line(theme, 0.5, theme.palette.accent, 4 * theme.em)
            return
        if line is None or tuple(task.record.pinned.get("of", ())) != line.argv():
            imgui.same_line()
            with controls.text_colour(theme.palette.warn):
                imgui.align_text_to_frame_padding()
                imgui.text_unformatted("for earlier settings: make it anew")
        self._forecast_text(theme, task)

    def _forecast_text(self, theme: Theme, task: Task) -> None:
        if self._report[0] != task.record.id:
            self._report = (task.record.id, read_console(task.folder))
        report = self._report[1]
        if task.state != "done":
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(legible(report or task.message or task.state))
            return
        forecast_cards.draw_cards(theme, forecast_cards.facts(report))
        controls.note(theme, forecast_words(report))
        self.text_open = controls.fold(
            theme, "As text", "##forecast-text", self.text_open, tip="What `triscope train --dry-run` printed"
        )
        if not self.text_open:
            return
        imgui.push_style_color(imgui.Col_.child_bg, ImVec4(*theme.palette.field, 0.5))
        padded = int(imgui.ChildFlags_.always_use_window_padding)
        flags = int(imgui.WindowFlags_.horizontal_scrollbar)
        if controls.begin_child("forecast", ImVec2(0.0, 13 * theme.em), padded, flags):
            with controls.font(theme.fonts.mono, BODY_PX * 0.8):
                imgui.text_unformatted(legible(report))
        imgui.end_child()
        imgui.pop_style_color()

    def _command(self, theme: Theme, dispatch: Dispatch) -> None:
        line = self.draft.command()
        if not line or not self.draft.data.strip():
            controls.note(
                theme, "A setting is wrong." if not line else "It appears here once the data set is named."
            )
            return
        with controls.font(theme.fonts.mono, BODY_PX * 0.82):
            imgui.push_text_wrap_pos(0.0)
            imgui.text_unformatted(legible(line))
            imgui.pop_text_wrap_pos()
        if controls.button(
            theme,
            f"{fa.ICON_FA_COPY}  Copy###copy-line",
            tip="Exactly what is started, as it would be typed in a shell",
        ):
            dispatch(CopyText(line, "command"))

    def _start(self, workspace: Workspace, view: Selection) -> None:
        draft, run = self.draft, self.draft.run
        line, backend, resources = draft.line(), draft.backend, draft.resources()
        index, desk = self.index, self.asked.desk
        if line is None:
            return

        def begin() -> None:
            desk.start(run, line, backend, resources)
            index.look()
            view.choose(run)
            view.show("log")

        if str(run.parent) not in workspace.folders:
            workspace.folders = workspace.with_folder(str(run.parent))
            index.look_in(workspace.folders)
        self._named = False
        self.errands.run(f"Starting {run.name}", begin)

    def _difference(self, theme: Theme) -> None:
        """What is set differently than in the preset, or in another run."""
        tree = self.draft.tree
        if tree is None:
            return
        controls.section(theme, "Differences")
        options = [("", f"preset {self.draft.preset}", "")]
        options += [(str(row.path), row.name, str(row.path)) for row in self.index.rows if not row.foreign][
            :40
        ]
        self.against = choice_rows.combo(
            theme, "From", "##against", self.against, options, tip="With which settings these are compared"
        )
        other = self._tree_of(self.against) if self.against else self.draft.base
        if other is None:
            controls.note(theme, "That run has no settings that can be read.")
            return
        found = [d for d in diff(other, tree) if d.path not in ("preset", "data.path")]
        if not found:
            controls.note(theme, "No difference.")
            return
        if imgui.begin_table(
            "differences", 3, int(imgui.TableFlags_.borders_inner_h | imgui.TableFlags_.sizing_stretch_prop)
        ):
            for title in ("Setting", "There", "Here"):
                imgui.table_setup_column(title)
            imgui.table_headers_row()
            for one in found:
                imgui.table_next_row()
                cells = (
                    (one.path, theme.palette.muted),
                    (one.left or "–", theme.palette.text),
                    (one.right or "–", theme.palette.accent),
                )
                for text, ink in cells:
                    imgui.table_next_column()
                    with controls.text_colour(ink):
                        imgui.text_unformatted(controls.ellipsis(text, imgui.get_content_region_avail().x))
                    controls.tooltip(text if text != one.path else one.help)
            imgui.end_table()

    def _tree_of(self, run: str) -> TrainConfig | None:
        """Settings of a listed run; None while they are not there."""
        if self._trees.get(run) is None:
            source = self.asked.desk.source(self.asked.desk.path(run))
            path = self.asked.desk.path(run) / "config.json"
            text = self.asked.want(
                ("config", run),
                lambda: whole(source, path, CONFIG_BYTES)[1],
                0.0 if self.asked.desk.here else SHORT_S,
            )
            try:
                self._trees[run] = None if text is None else read_tree(TrainConfig, text, run)
            except InputError:
                return None
        return self._trees[run]
