"""Contents of the monitor's window: runs on the left, tabs on the right."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import dearpygui.dearpygui as dpg

from viewer.monitor.alarm_tab import AlarmTab
from viewer.monitor.chart_tab import ChartTab
from viewer.monitor.log_tab import LogTab
from viewer.monitor.machine_tab import MachineTab
from viewer.monitor.options import MonitorOptions
from viewer.monitor.overview_tab import OverviewTab
from viewer.monitor.picture_tab import PictureTab
from viewer.monitor.sidebar import Sidebar
from viewer.monitor.steering import Steering
from viewer.monitor.theme import Look, Tag
from viewer.monitor.view import Readout, View
from viewer.runs.poller import Poller
from viewer.runs.run_health import active_alarms
from viewer.runs.selection import Selection

TITLES = {
    "charts": "Charts",
    "pictures": "Pictures",
    "log": "Log",
    "alarms": "Alarms",
    "overview": "Overview",
    "machine": "Machine",
}


class Contents:
    """`build` once, `update` every frame, `close` at the end. Draws on the caller's thread only."""

    def __init__(self, options: MonitorOptions, look: Look) -> None:
        self.options = options
        chosen = Selection(ticked=list(options.runs), chosen=options.runs[0], log_scale="linear")
        desk = options.desk
        poller = (
            Poller(options.runs)
            if desk is None
            else Poller(options.runs, sources=desk.source, host=desk.host())
        )
        self.view = View(look, poller, Readout(look), chosen, options.worker)
        for run in options.runs:
            chosen.colour_of(run)
        self.sidebar = Sidebar(self.view)
        self.tabs = {
            "charts": ChartTab(self.view),
            "pictures": PictureTab(self.view),
            "log": LogTab(self.view),
            "alarms": AlarmTab(self.view),
            "overview": OverviewTab(self.view, Steering(self.view, desk)),
            "machine": MachineTab(self.view),
        }
        self.tab = options.tab
        self._alarm_count = -1

    @property
    def settled(self) -> bool:
        """Everything that is on disk is on the screen."""
        pictures = self.tabs["pictures"]
        drawn = self.tab != "pictures" or (isinstance(pictures, PictureTab) and pictures.settled)
        return (
            drawn
            and not any(run.catching_up for run in self.view.poller.runs)
            and bool(self.view.poller.host.history)
        )

    @property
    def version(self) -> int:
        """Grows when anything that could be drawn has changed."""
        return self.view.poller.version + sum(run.version for run in self.view.poller.runs)

    def build(self) -> None:
        dpg.delete_item("root", children_only=True)
        with dpg.group(horizontal=True, horizontal_spacing=0, parent="root"):
            dpg.add_child_window(tag="side-place", width=316, border=False, no_scrollbar=True)
            with dpg.child_window(
                border=False, no_scrollbar=True, always_use_window_padding=True, tag="main-place"
            ) as main:
                dpg.bind_item_theme(main, _padded())
                with dpg.tab_bar(tag="tabs", callback=self._chosen):
                    for name, title in TITLES.items():
                        with dpg.tab(label=title, tag=f"tab-{name}"):
                            self.tabs[name].build(f"tab-{name}")
        self.sidebar.build("side-place")
        self.show_tab(self.tab)
        self.view.poller.start()

    def update(self) -> None:
        """Everything in sight, once."""
        self.sidebar.update()
        if self.view.selection.go_to is not None:
            self.show_tab(self.view.selection.go_to)
            self.view.selection.go_to = None
        self.tab = _name(dpg.get_value("tabs")) or self.tab
        self.tabs[self.tab].update()
        self.view.readout.end_frame()
        active = 0
        for run in self.view.shown:
            with run.lock:
                active += active_alarms(run)
        if active != self._alarm_count:
            self._alarm_count = active
            dpg.configure_item("tab-alarms", label=f"Alarms  {active}" if active else "Alarms")

    def show_tab(self, name: str) -> None:
        self.tab = name
        dpg.set_value("tabs", f"tab-{name}")

    def close(self) -> None:
        self.view.poller.stop()
        self.view.poller.host.close()

    def _chosen(self, sender: Tag, tab: Tag) -> None:
        self.tab = _name(tab) or self.tab


def _name(tab: Tag | None) -> str:
    alias = tab if isinstance(tab, str) else (dpg.get_item_alias(tab) or "" if tab else "")
    return alias.removeprefix("tab-")


def _padded() -> Tag:
    with dpg.theme() as theme, dpg.theme_component(dpg.mvChildWindow):
        dpg.add_theme_style(dpg.mvStyleVar_WindowPadding, 14, 10)
    return theme
