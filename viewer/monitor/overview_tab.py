"""Who, where, with what: facts of the chosen run, and the settings of all shown runs side by side."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import json
import shlex
from typing import Any

import dearpygui.dearpygui as dpg

from core_model.schema.schedule import Curve
from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs import foreign, words
from viewer.runs.reader import RunReader

LABEL = 150


class OverviewTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self._body: Tag = 0
        self._key: object = None
        self._words = ""
        self._different = False
        self._values: dict[tuple[str, str], Tag] = {}

    def build(self, parent: Tag) -> None:
        self._body = dpg.add_child_window(parent=parent, border=False, tag="overview-body")
        dpg.bind_item_theme(self._body, self.view.look.plain)

    def update(self) -> None:
        """New rows rebuild the page; new values are put in place."""
        run = self.view.run
        with run.lock:
            groups = facts(run)
        trees = [(i, settings(r)) for i, r in self.view.shown]
        shape = (self.view.chosen, [(g, [label for label, _ in rows]) for g, rows in groups], repr(trees), self._words, self._different)
        if shape != self._key:
            self._key = shape
            self._rebuild(groups, trees)
        for group, rows in groups:
            for label, text in rows:
                if (group, label) in self._values:
                    dpg.set_value(self._values[group, label], text)

    def _rebuild(self, groups: list[tuple[str, list[tuple[str, str]]]], trees: list[tuple[int, dict[str, str]]]) -> None:
        look = self.view.look
        dpg.delete_item(self._body, children_only=True)
        self._values = {}
        width = int(dpg.get_item_rect_size(self._body)[0] or 1200)
        left = min(640, width // 2 - 8)
        with dpg.group(horizontal=True, horizontal_spacing=8, parent=self._body):
            with dpg.child_window(width=left, border=True, always_use_window_padding=True) as card:
                dpg.bind_item_theme(card, look.card)
                for group, rows in groups:
                    dpg.bind_item_font(dpg.add_text(group), look.faces.bold)
                    for label, _ in rows:
                        self._row(group, label, left)
                    dpg.add_spacer(height=6)
                dpg.add_button(
                    label="Copy the command", tag="overview-copy", callback=self._copy_command, show=bool(command_of(self.view.run))
                )
            with dpg.child_window(width=-1, border=True, always_use_window_padding=True) as card:
                dpg.bind_item_theme(card, look.card)
                self._settings(trees)

    def _row(self, group: str, label: str, width: int) -> None:
        with dpg.group(horizontal=True):
            dpg.add_text(label, color=self.view.look.text_muted)
            self._values[group, label] = dpg.add_text("", indent=LABEL, wrap=width - 20)

    def _settings(self, trees: list[tuple[int, dict[str, str]]]) -> None:
        look, view = self.view.look, self.view
        with dpg.group(horizontal=True, horizontal_spacing=10):
            dpg.bind_item_font(dpg.add_text("Settings"), look.faces.bold)
            dpg.add_input_text(
                hint="Filter settings", width=190, default_value=self._words, tag="settings-filter", callback=self._set("_words")
            )
            dpg.add_checkbox(
                label="Only what differs", default_value=self._different, show=len(trees) > 1, callback=self._set("_different")
            )
        names = dict.fromkeys(name for _, tree in trees for name in tree)
        wanted = self._words.lower().split()
        with dpg.table(
            policy=dpg.mvTable_SizingStretchProp, borders_innerH=True, scrollY=True, freeze_rows=1, resizable=True, pad_outerX=False
        ):
            dpg.add_table_column(label="Setting", init_width_or_weight=1.2)
            for i, _ in trees:
                dpg.add_table_column(label=view.poller.runs[i].name[:22], init_width_or_weight=1.0)
            for name in names:
                values = [tree.get(name, "–") for _, tree in trees]
                differs = len(set(values)) > 1
                contrary = len({tree[name] for _, tree in trees if name in tree}) > 1
                if not all(w in name.lower() for w in wanted) or (self._different and not differs):
                    continue
                with dpg.table_row():
                    dpg.add_text(name, color=look.text_muted)
                    for value in values:
                        dpg.add_text(value[:80], color=look.level("warn") if contrary else look.text)

    def _copy_command(self) -> None:
        dpg.set_clipboard_text(shlex.join(command_of(self.view.run)))

    def _set(self, name: str):
        return lambda sender, value: setattr(self, name, value)


def command_of(run: RunReader) -> tuple[str, ...]:
    record, job = run.record, run.job
    return (record.command if record else ()) or (job.argv if job else ())


def facts(run: RunReader) -> list[tuple[str, list[tuple[str, str]]]]:
    """(group, [(label, text)]) of everything known about a run."""
    record, job = run.record, run.job
    done, total = run.images_done(), run.images_total()
    progress = [
        ("State", run.state),
        ("Images", f"{words.amount(done)} of {words.amount(total)} ({done / total:.1%})" if total > 0 else words.amount(done)),
        ("Step", words.amount(run.scalars.step.last) if len(run.scalars) else "–"),
        ("Speed", speed_of(run)),
        ("Time left", words.duration(run.eta_seconds())),
        ("Size", f"{words.size(run.listing.total_bytes)}, {len(run.listing.snapshots)} snapshots, {run.listing.picture_count} pictures"),
        ("Last written", words.moment(run.last_written)),
    ]
    groups = [("Progress", progress)]
    if record is not None:
        groups.append(("Run", [
            ("Id", record.id), ("Preset", record.preset), ("Host", record.host), ("Process", f"{record.pid}, {record.world_size} in all"),
            ("Device", record.device), ("Started", words.moment(record.started)), ("Training time", words.duration(record.wall_s)),
            ("Resumed", f"{record.resumes} times"), ("Code", record.code_version), ("torch", record.torch_version),
            ("Newest snapshot", record.last_snapshot), ("Error", record.error),
        ]))  # fmt: skip
        best = [(name, f"{words.number(value)}   {record.best_snapshot.get(name, '')}".rstrip()) for name, value in record.best.items()]
        groups.append(("Best", best))
    if job is not None:
        groups.append(
            (
                "Job",
                [
                    ("Backend", job.backend),
                    ("Number", job.native_id),
                    ("Devices", ", ".join(job.devices)),
                    ("Submitted", words.moment(job.submitted)),
                ],
            )
        )
    if run.options:
        groups.append(("Run of the EG3D family", foreign.facts(run.options)))
    data = run.config.get("data")
    if isinstance(data, dict) and data.get("path"):
        groups.append(("Data", [("Path", str(data["path"])), ("Resolution", f"{data.get('resolution', '–')} pixels")]))
    if command_of(run):
        groups.append(("Command", [("", shlex.join(command_of(run)))]))
    return [(group, kept) for group, rows in groups if (kept := [(a, b) for a, b in rows if b not in ("", "–")])]


def speed_of(run: RunReader) -> str:
    """Images a second and time of a tick; "–" before there are enough ticks."""
    if run.rate() != run.rate():
        return "–"
    return f"{words.number(run.rate())} images/s, a tick every {words.duration(run.tick_seconds())}"


def settings(run: RunReader) -> dict[str, str]:
    """Every leaf of a run's settings by its dotted path."""
    return flat(run.config or run.options)


def _written(value: Any) -> str:
    """A leaf as text; the curves of a schedule in their short form."""
    if isinstance(value, list) and value and all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        try:
            return Curve.model_validate(value).text()
        except ValueError:
            pass
    return json.dumps(value, ensure_ascii=False)


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value if isinstance(value, str) else _written(value)
    return out
