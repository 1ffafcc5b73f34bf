"""Runs the real monitor in this process with a script in place of its loop, and prints what the script saw as JSON.

`python -m tests.gui.monitor_driver SCENE RUN [RUN …]`: scenes are the functions below, each given (window, contents, runs).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dearpygui.dearpygui as dpg

from tests.unit.runs.synthetic import Plan, line, tick
from viewer.monitor.chart_tab import ChartTab
from viewer.monitor.contents import Contents
from viewer.monitor.options import MonitorOptions
from viewer.monitor.window import MonitorWindow

ROUNDS = 4
"""How often every tab is drawn: with whole files, then with every file cut at a random place."""
Scene = Callable[["Stage"], dict[str, object]]


class Stage:
    """The open window and what a scene does with it."""

    def __init__(self, window: MonitorWindow, contents: Contents, runs: tuple[Path, ...]) -> None:
        self.window, self.contents, self.runs = window, contents, runs

    @property
    def board(self) -> ChartTab:
        board = self.contents.tabs["charts"]
        assert isinstance(board, ChartTab)
        return board

    def frames(self, count: int = 3) -> None:
        for _ in range(count):
            self.window.step(self.contents)

    def until(self, condition: Callable[[], object], seconds: float = 30.0) -> bool:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.frames(1)
            time.sleep(0.01)
        return bool(condition())

    def choose(self, tag: str, value: object) -> None:
        """Set a control and run its callback, as a hand would."""
        dpg.set_value(tag, value)
        dpg.get_item_callback(tag)(tag, value)
        self.frames()

    @property
    def chosen(self) -> int:
        """Number of the chosen run."""
        path = self.contents.view.selection.chosen
        return self.runs.index(path) if path is not None else -1

    def titles(self) -> list[str]:
        return [card.model.chart.title for card in self.board.cards]


def live(stage: Stage) -> dict[str, object]:
    """New lines arrive while the window is open; a torn one and a replaced file do no harm."""
    run, path = stage.contents.view.poller.runs[0], stage.runs[0] / "stats.jsonl"
    stage.until(lambda: not run.catching_up and stage.board.cards)
    before, plan = len(run.scalars), Plan(ticks=400)
    stage.choose("chart-filter", "adversarial")  # what is scrolled out of sight is not drawn
    with open(path, "a") as file:
        file.write(line(tick(plan, before)) + "\n" + line(tick(plan, before + 1))[:40])
    arrived = stage.until(lambda: len(run.scalars) == before + 1)
    card = next(c for c in stage.board.cards if c.model.chart.title == "Adversarial loss")
    stage.until(lambda: len(card.model.lines[0].curve.x) == before + 1)
    drawn = len(dpg.get_value(card._drawn[0].smooth)[0])
    path.write_text("".join(line(tick(plan, i)) + "\n" for i in range(5)))
    replaced = stage.until(lambda: len(run.scalars) == 5)
    path.unlink()
    stage.frames()
    return {
        "before": before,
        "arrived": arrived,
        "drawn": drawn,
        "replaced": replaced,
        "why": stage.contents.view.poller.why,
    }


def controls(stage: Stage) -> dict[str, object]:
    """Filter, axis, smoothing, log scale, hidden runs, zoom and jump."""
    view, poller = stage.contents.view.selection, stage.contents.view.poller
    stage.until(
        lambda: stage.contents.settled and len(stage.titles()) > 15
    )  # the second run may be read a few frames after the first
    everything = stage.titles()
    stage.choose("chart-filter", "sign logit")
    filtered = stage.titles()
    stage.choose("chart-filter", "")
    stage.choose("chart-axis", "Time")
    stage.choose("chart-smoothing", 0.95)
    stage.choose("chart-log", True)
    stage.choose("chart-columns", "2")
    card = stage.board.cards[0]
    label = dpg.get_item_label(card._x)
    view.window = (10.0, 600.0)
    stage.frames(6)
    limits = [round(v * card.model.scale, 3) for v in dpg.get_axis_limits(card._x)]
    stage.choose("run-0-shown", False)
    hidden = stage.titles()
    view.window = None
    dpg.set_value("tabs", "tab-alarms")
    stage.until(lambda: stage.contents.tab == "alarms")
    stage.frames(4)
    buttons = [
        i
        for i in dpg.get_all_items()
        if dpg.get_item_type(i) == "mvAppItemType::mvButton" and dpg.get_item_label(i) == "Show"
    ]
    dpg.get_item_callback(buttons[0])(buttons[0], None, dpg.get_item_user_data(buttons[0]))
    stage.frames(3)
    return {
        "everything": everything, "filtered": filtered, "axis": label, "limits": limits, "hidden": hidden, "alarms": len(buttons),
        "tab": stage.contents.tab, "window": view.window, "chosen": stage.chosen, "why": poller.why,
    }  # fmt: skip


def tabs(stage: Stage) -> dict[str, object]:
    """Every tab is drawn, and again with damaged and missing files."""
    stage.until(lambda: stage.contents.settled)
    seen, rng = [], random.Random(1)
    files = [
        (path, path.read_bytes()) for run in stage.runs for path in sorted(run.rglob("*")) if path.is_file()
    ]
    for damaged in range(ROUNDS):
        for path, whole in files if damaged else ():
            path.write_bytes(whole[: rng.randrange(len(whole) + 1)])
        time.sleep(1.2 if damaged else 0.0)
        for name in stage.contents.tabs:
            stage.contents.show_tab(name)
            stage.frames(4)
            seen.append(stage.contents.tab)
    for path, whole in files:
        path.write_bytes(whole)
    stage.until(lambda: all(len(run.scalars) == 40 for run in stage.contents.view.poller.runs))
    stage.contents.show_tab("log")
    stage.choose("log-search", "tick 3")
    found = len(stage.contents.tabs["log"].page.found)  # type: ignore[union-attr]
    return {
        "seen": seen,
        "found": found,
        "whole": [len(run.scalars) for run in stage.contents.view.poller.runs],
        "why": stage.contents.view.poller.why,
        "torch": "torch" in sys.modules,
        "imgui": "imgui_bundle" in sys.modules,
    }


def hand(stage: Stage) -> dict[str, object]:
    """A quick hand at ten frames per second: clicks on cards and away again, Esc in an open drop-down, words into the filter."""

    def do(*words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], check=True)

    def slow(count: int) -> None:
        for _ in range(count):
            time.sleep(0.1)
            stage.frames(1)

    stage.until(lambda: stage.contents.settled and len(stage.titles()) > 5)
    origin, chosen = dpg.get_viewport_pos(), []
    for index in (1, 0, 1):
        x, y = dpg.get_item_rect_min(f"run-{index}-shown")
        do(
            "mousemove",
            origin[0] + x + 150,
            origin[1] + y + 60,
            "click",
            1,
            "mousemove",
            origin[0] + 600,
            origin[1] + 400,
        )
        slow(4)
        chosen.append(stage.chosen)
    x, y = dpg.get_item_rect_min("chart-axis")
    do("mousemove", origin[0] + x + 20, origin[1] + y + 8, "click", 1)
    slow(4)
    do("key", "Down", "Escape")  # the marked line is not taken
    slow(6)
    x, y = dpg.get_item_rect_min("chart-filter")
    do("mousemove", origin[0] + x + 20, origin[1] + y + 8, "click", 1, "type", "--delay", 5, "sign logit")
    slow(30)
    return {
        "chosen": chosen, "axis": stage.contents.view.selection.axis, "filter": dpg.get_value("chart-filter"),
        "running": dpg.is_dearpygui_running(),
        "focused": dpg.is_item_focused("chart-axis"),
    }  # fmt: skip


def steer(stage: Stage) -> dict[str, object]:
    """Pause by a button, which the trainer then carries out, and a run that has ended."""
    run = stage.runs[0]
    record = json.loads((run / "run.json").read_text())

    def offered() -> list[str]:
        stage.frames()
        return [a for a in ("stop", "pause", "continue", "snapshot") if dpg.is_item_shown(f"steer-{a}")]

    def note() -> str:
        return str(dpg.get_value(stage.contents.tabs["overview"].steering._note))  # type: ignore[union-attr]

    def becomes(**changes: object) -> None:
        part = run / "run.json.part"
        part.write_text(json.dumps(record | changes | {"updated": time.time()}))
        part.replace(run / "run.json")

    becomes()
    stage.contents.show_tab("overview")
    stage.until(lambda: "pause" in offered())
    before = offered()
    dpg.get_item_callback("steer-pause")()
    asked = stage.until((run / "control.json").exists) and stage.until(lambda: note().startswith("asked"))
    wish = json.loads((run / "control.json").read_text())
    waiting = [note(), offered()]
    becomes(state="paused", last_control=wish["id"])
    paused = stage.until(lambda: "continue" in offered())
    becomes(state="stopped", last_control=wish["id"])
    ended = stage.until(lambda: not offered() and "not under way" in note())
    page = stage.contents.tabs["overview"]
    below_tabs = dpg.get_item_rect_min(page.steering._note)[1] - dpg.get_item_rect_max("tab-overview")[1]  # type: ignore[union-attr]
    return {
        "before": before,
        "asked": asked,
        "action": wish["action"],
        "waiting": waiting,
        "paused": paused,
        "ended": ended,
        "below_tabs": below_tabs,
    }


SCENES: dict[str, Scene] = {"live": live, "controls": controls, "tabs": tabs, "hand": hand, "steer": steer}


def main(scene: str, *names: str) -> None:
    runs = tuple(Path(name) for name in names)
    window = MonitorWindow(MonitorOptions(runs, size=(860, 600)))
    window.run(lambda contents: print(json.dumps(SCENES[scene](Stage(window, contents, runs)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
