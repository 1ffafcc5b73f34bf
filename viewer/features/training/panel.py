"""The Training workspace: runs at the left, the chosen run's pages at the right, a form for new ones."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from viewer.features.training import alarms as alarm_page
from viewer.features.training import machine
from viewer.features.training.charts import ChartPage
from viewer.features.training.empty import empty
from viewer.features.training.facts import OverviewDrawing
from viewer.features.training.head import RunHead
from viewer.features.training.launch import LaunchPage
from viewer.features.training.log import LogDrawing
from viewer.features.training.pictures import PictureDrawing
from viewer.features.training.queue import QueueList
from viewer.features.training.run_index import RunIndex
from viewer.features.training.run_list import RunList
from viewer.features.training.snapshots import SnapshotPage
from viewer.jobs.errands import Errands, Outcome
from viewer.jobs.run_rows import RunRow
from viewer.jobs.tasks import Tasks
from viewer.runs.reader import RunReader
from viewer.runs.run_health import alarms_of
from viewer.runs.selection import Selection, Tab
from viewer.state.actions import Dispatch
from viewer.state.document import Document
from viewer.state.query_cache import QueryCache
from viewer.state.workspace import Workspace
from viewer.widgets import controls
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.file_chooser import FileChooser
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme

TABS: tuple[tuple[Tab, str], ...] = (
    ("charts", "Charts"),
    ("pictures", "Pictures"),
    ("snapshots", "Snapshots"),
    ("log", "Log"),
    ("alarms", "Alarms"),
    ("overview", "Overview"),
    ("machine", "Machine"),
    ("launch", "New run"),
)
_NEW_TIP = "Settings, check and start of a new run"
LIVE, QUIET = 4.0, 1.0
"""Frames per second while a run goes on, and while none does.

New lines of a followed run wake the window by themselves.
"""


class TrainingPanel:
    """The choices of the user are in `view`, the runs on the disk in `index`; threads start with the first
    frame.
    """

    def __init__(self) -> None:
        self.view = Selection()
        self._wake: Callable[[], None] = lambda: None
        self.index = RunIndex(wake=self._woken)
        self.errands = Errands(wake=self._woken)
        self.outcome: Outcome | None = None
        self.runs = RunList()
        self.queue = QueueList(self.errands, self.index)
        self.head = RunHead(self.errands, self.index)
        self.charts = ChartPage()
        self.pictures = PictureDrawing()
        self.log = LogDrawing()
        self.overview = OverviewDrawing()
        self.launch = LaunchPage(self.errands, self.index)
        self.snapshots = SnapshotPage()
        self._seen = 0

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        tasks: Tasks,
        workspace: Workspace,
        opening: str,
        files: FileChooser,
        dispatch: Dispatch,
        now: float,
    ) -> Document:
        self._begin(workspace)
        em = theme.em
        padded = int(imgui.ChildFlags_.always_use_window_padding)
        imgui.push_style_color(imgui.Col_.child_bg, ImVec4(*theme.palette.panel, 1.0))
        side = padded | int(imgui.ChildFlags_.resize_x)
        imgui.set_next_window_size_constraints(ImVec2(13 * em, -1.0), ImVec2(32 * em, -1.0))
        if controls.begin_child("side", ImVec2(19 * em, 0.0), side):
            imgui.pop_style_color()
            self.runs.draw(theme, self.view, self.index, workspace, self.queue, files)
            imgui.push_style_color(imgui.Col_.child_bg, ImVec4(*theme.palette.panel, 1.0))
        imgui.end_child()
        imgui.pop_style_color()
        imgui.same_line(0.0, 0.0)
        if controls.begin_child("main", ImVec2(0.0, 0.0), padded):
            self._main(doc, theme, info, queries, tasks, workspace, opening, files, dispatch, now)
        imgui.end_child()
        return doc

    def close(self) -> None:
        """The window goes: its threads end, the runs go on."""
        self.index.stop()

    def _woken(self) -> None:
        """From a thread that has found something new."""
        self._wake()

    def _begin(self, workspace: Workspace) -> None:
        """Take the results of the threads, and tell them which runs to read."""
        view, index, self._wake = self.view, self.index, workspace.wake
        index.use(workspace.desk)
        self.launch.use(workspace.desk, workspace.wake)
        index.start(workspace.folders)
        index.look_in(workspace.folders)
        if index.looked != self._seen:
            self._seen = index.looked
            view.drop_missing({row.path for row in index.rows})
            if self._seen == 1 and not index.rows and view.tab == "charts":
                view.show("launch")  # nothing to look at: begin one
            if view.chosen is None and index.rows and not view.ticked:
                view.choose(index.rows[0].path)
        index.follow(view.followed)
        for done in self.errands.take():
            self.outcome = done if done.error else None
        reading = any(run.catching_up for run in index.poller.runs)
        busy = bool(self.errands.under_way) or reading or self.pictures.page.playing
        workspace.fps = 12.0 if busy else (LIVE if index.live else QUIET)

    def _main(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        tasks: Tasks,
        workspace: Workspace,
        opening: str,
        files: FileChooser,
        dispatch: Dispatch,
        now: float,
    ) -> None:
        view, index = self.view, self.index
        row, run = index.row(view.chosen), index.reader(view.chosen)
        self._trouble(theme, workspace)
        self._outcome(theme)
        if row is not None and view.tab != "launch":
            self.head.draw(theme, row, run, self._duplicate)
        compared = [one for path in view.compared if (one := index.reader(path)) is not None]
        alarms = alarms_of(compared)
        active = sum(alarm.active for _, alarm in alarms)
        wanted, view.go_to = view.go_to, None
        imgui.push_style_color(imgui.Col_.tab_selected, ImVec4(*theme.palette.field_active, 1.0))
        for role in (imgui.Col_.tab_selected_overline, imgui.Col_.tab_dimmed_selected_overline):
            imgui.push_style_color(role, ImVec4(*theme.palette.accent, 1.0))
        imgui.push_style_var(imgui.StyleVar_.tab_bar_overline_size, 2.0 * theme.scale)
        if not imgui.begin_tab_bar("pages", int(imgui.TabBarFlags_.draw_selected_overline)):
            imgui.pop_style_var()
            imgui.pop_style_color(3)
            return
        for tab, title in TABS:
            shown = f"{title}  {active}" if tab == "alarms" and active else title
            flags = imgui.TabItemFlags_.set_selected if tab == wanted else imgui.TabItemFlags_.none
            if imgui.begin_tab_item(f"{shown}###page-{tab}", None, int(flags))[0]:
                view.tab = tab
                self._page(
                    tab,
                    doc,
                    theme,
                    info,
                    queries,
                    tasks,
                    workspace,
                    opening,
                    files,
                    dispatch,
                    now,
                    row,
                    run,
                    compared,
                )
                imgui.end_tab_item()
        imgui.end_tab_bar()
        imgui.pop_style_var()
        imgui.pop_style_color(3)

    def _page(
        self,
        tab: Tab,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        tasks: Tasks,
        workspace: Workspace,
        opening: str,
        files: FileChooser,
        dispatch: Dispatch,
        now: float,
        row: RunRow | None,
        run: RunReader | None,
        compared: list[RunReader],
    ) -> None:
        view = self.view
        if tab == "charts":
            self.charts.draw(theme, view, compared, run)
        elif tab == "machine":
            machine.draw(theme, self.index.poller.host)
        elif tab == "launch":
            self.launch.draw(theme, tasks, workspace, files, dispatch, view)
        elif run is None or row is None:
            words = "Choose one at the left, or begin a new one: its charts, pictures, snapshots and log are shown here."
            if empty(theme, fa.ICON_FA_LIST, "No run is chosen", words, "New run###empty-new", _NEW_TIP):
                view.show("launch")
        elif tab == "pictures":
            self.pictures.draw(theme, view, run, now)
        elif tab == "snapshots":
            self.snapshots.draw(
                doc, theme, info, queries, tasks, workspace, opening, files, dispatch, view, run
            )
        elif tab == "log":
            self.log.draw(theme, dispatch, run)
        elif tab == "alarms":
            alarm_page.draw(theme, view, alarms_of(compared))
        elif tab == "overview":
            self.overview.draw(theme, dispatch, run, compared)

    def _outcome(self, theme: Theme) -> None:
        """What an errand complained about, until it is put away."""
        if self.outcome is None:
            return
        with controls.text_colour(theme.palette.bad):
            imgui.text_wrapped(f"{self.outcome.what}: {self.outcome.error}")
        if controls.button(theme, "Put away###put-away", tip="Hide this message"):
            self.outcome = None

    def _trouble(self, theme: Theme, workspace: Workspace) -> None:
        """The line to the machine that trains is down, or it does not answer: what is shown is old."""
        why = workspace.desk.trouble or self.index.trouble
        if why:
            with controls.text_colour(theme.palette.warn):
                imgui.text_wrapped(
                    legible(f"{why}. What is shown is from before; it goes on as soon as the line does.")
                )

    def _duplicate(self, row: RunRow) -> None:
        run = self.index.reader(row.path)
        self.launch.duplicate(row, run.config if run is not None else {})
        self.view.show("launch")


def _training() -> Feature:
    panel = TrainingPanel()
    return Feature(panel, close=panel.close)


FEATURES.add("training", _training)
