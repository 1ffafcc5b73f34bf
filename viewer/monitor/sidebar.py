"""Left column: a card for every run (state, progress, ETA, alarms) and the figures of this machine."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import math

import dearpygui.dearpygui as dpg

from viewer.monitor.theme import Look, Rgba, Tag, rgba
from viewer.monitor.view import View
from viewer.runs.format import duration, in_ranges, size
from viewer.runs.host import HostSample
from viewer.runs.job_record import ShownState
from viewer.runs.reader import RunReader
from viewer.runs.run_health import TONES, alarm_words, images_words, progress_of, rate_words, written_words

WIDTH = 316
INNER = WIDTH - 28
CARD_HEIGHT = 104


def state_colour(look: Look, state: ShownState) -> Rgba:
    return rgba(getattr(look.palette, TONES.get(state, "muted")))


class Bar:
    """A thin bar that fills from the left, drawn: Dear PyGui's own progress bar is a text field high."""

    def __init__(self, look: Look, width: int, height: int = 5) -> None:
        self._look, self._width, self._height = look, width, height
        with dpg.drawlist(width, height):
            dpg.draw_rectangle(
                (0, 0),
                (width, height),
                rounding=height / 2,
                fill=rgba(look.palette.field_active),
                color=(0, 0, 0, 0),
            )
            self._fill = dpg.draw_rectangle((0, 0), (1, height), rounding=height / 2, color=(0, 0, 0, 0))

    def set(self, share: float, colour: Rgba) -> None:
        right = self._width * min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
        dpg.configure_item(
            self._fill, pmax=(max(right, 0.01), self._height), fill=colour if right > 0 else (0, 0, 0, 0)
        )


class RunCard:
    def __init__(self, view: View, index: int, run: RunReader) -> None:
        look = view.look
        self._view, self._run = view, run
        with dpg.child_window(
            width=INNER, height=CARD_HEIGHT, border=True, no_scrollbar=True, always_use_window_padding=True
        ) as self._card:
            dpg.bind_item_theme(self._card, look.card)
            with dpg.group(horizontal=True, horizontal_spacing=6):
                dpg.add_checkbox(default_value=True, callback=self._show, tag=f"run-{index}-shown")
                name = in_ranges(run.name)
                name = name if len(name) <= 27 else name[:25] + "…"
                title = dpg.add_text(name, color=view.colour(run))
                dpg.bind_item_font(title, look.faces.bold)
                with dpg.tooltip(title):
                    dpg.add_text(in_ranges(str(run.path)))
            self._bar = Bar(look, INNER - 20)
            with dpg.table(header_row=False, policy=dpg.mvTable_SizingStretchSame, width=INNER - 20):
                dpg.add_table_column()
                dpg.add_table_column()
                cells = []
                for _ in range(2):
                    with dpg.table_row():
                        cells += [
                            dpg.add_text("", color=look.text_muted),
                            dpg.add_text("", color=look.text_muted),
                        ]
                self._state, self._images, self._rate, self._eta = cells
            for cell in cells:
                dpg.bind_item_font(cell, look.faces.small)
        with dpg.handler_registry():
            dpg.add_mouse_click_handler(0, callback=self._choose)

    def update(self) -> None:
        view, run, look = self._view, self._run, self._view.look
        now = progress_of(run)
        colour = state_colour(look, now.state)
        self._bar.set(1.0 if now.state == "done" and now.total <= 0 else now.share, colour)
        dpg.configure_item(self._state, color=colour)
        dpg.set_value(self._state, f"reading {now.read:.0%}" if now.reading else now.state)
        dpg.set_value(self._images, f"{images_words(now.done, now.total)} images")
        goes_on = now.state in ("running", "starting")
        told = rate_words(now.rate) if now.rate == now.rate and goes_on else written_words(run)
        dpg.set_value(self._rate, told)
        note, tone = (f"ETA {duration(now.eta)}" if goes_on and now.eta == now.eta else "", look.text_muted)
        if now.alarms:
            note, tone = alarm_words(now.alarms), look.level("bad")
        if now.fault:
            note, tone = in_ranges(now.fault), look.level("warn")
        dpg.configure_item(self._eta, color=tone)
        dpg.set_value(self._eta, note)
        chosen = view.run is run and len(view.poller.runs) > 1
        dpg.bind_item_theme(self._card, look.card_chosen if chosen else look.card)

    def _show(self, sender: Tag, shown: bool) -> None:
        self._view.selection.tick(self._run.path, shown)

    def _choose(self) -> None:
        if dpg.is_item_hovered(self._card):
            self._view.selection.choose(self._run.path)


class Sidebar:
    def __init__(self, view: View) -> None:
        self.view = view
        self._cards: list[RunCard] = []
        self._gauges: dict[str, tuple[Bar, Tag]] = {}
        self._machine: Tag = 0
        self._note: Tag = 0
        self._gpus = -1

    def build(self, parent: Tag) -> None:
        look = self.view.look
        with dpg.child_window(
            parent=parent, width=WIDTH, border=False, always_use_window_padding=True
        ) as side:
            dpg.bind_item_theme(side, look.side)
            self._heading(f"RUNS · {len(self.view.poller.runs)}" if len(self.view.poller.runs) > 1 else "RUN")
            for index, run in enumerate(self.view.poller.runs):
                self._cards.append(RunCard(self.view, index, run))
            dpg.add_spacer(height=8)
            self._heading("THE FAR MACHINE" if self.view.worker else "THIS MACHINE")
            self._machine = dpg.add_group()
            self._note = dpg.add_text("", color=look.text_muted, wrap=INNER)
            dpg.bind_item_font(self._note, look.faces.small)

    def update(self) -> None:
        for card in self._cards:
            card.update()
        history = self.view.poller.host.history
        if history:
            self._host(history[-1])
        poller = self.view.poller
        gpu = f"GPU figures: {poller.host.why_no_gpu}" if poller.host.why_no_gpu else ""
        dpg.set_value(self._note, in_ranges(poller.away or poller.why or gpu))

    def _heading(self, text: str) -> None:
        dpg.bind_item_font(dpg.add_text(text, color=self.view.look.text_muted), self.view.look.faces.small)

    def _host(self, now: HostSample) -> None:
        if self._gpus != len(now.gpus):
            self._gpus = len(now.gpus)
            dpg.delete_item(self._machine, children_only=True)
            names = ["Processor", "Memory", "Disk"] + [
                f"{kind} {gpu.index}" for gpu in now.gpus for kind in ("GPU", "GPU memory", "GPU power")
            ]
            self._gauges = {name: self._gauge(name) for name in names}
        self._set(
            "Processor", now.cpu / 100, f"{now.cpu:.0f} % of {now.cores} core{'s' if now.cores > 1 else ''}"
        )
        self._set("Memory", now.ram_used / now.ram_total, f"{size(now.ram_used)} of {size(now.ram_total)}")
        self._set("Disk", 1 - now.disk_free / now.disk_total, f"{size(now.disk_free)} free")
        for gpu in now.gpus:
            heat = f", {gpu.temperature:.0f} °C" if math.isfinite(gpu.temperature) else ""
            self._set(f"GPU {gpu.index}", gpu.load / 100, f"{gpu.load:.0f} %{heat}")
            self._set(
                f"GPU memory {gpu.index}",
                gpu.memory_used / gpu.memory_total,
                f"{size(gpu.memory_used)} of {size(gpu.memory_total)}",
            )
            self._set(
                f"GPU power {gpu.index}",
                gpu.power / gpu.power_limit,
                f"{gpu.power:.0f} of {gpu.power_limit:.0f} W",
            )

    def _gauge(self, name: str) -> tuple[Bar, Tag]:
        look = self.view.look
        with dpg.group(parent=self._machine):
            with dpg.group(horizontal=True):
                dpg.bind_item_font(dpg.add_text(name), look.faces.small)
                value = dpg.add_text("", color=look.text_muted, indent=112)
                dpg.bind_item_font(value, look.faces.small)
            bar = Bar(look, INNER)
            dpg.add_spacer(height=3)
        return bar, value

    def _set(self, name: str, share: float, text: str) -> None:
        bar, value = self._gauges[name]
        p = self.view.look.palette
        high = share > (0.97 if name.startswith("GPU ") and "memory" not in name else 0.92)
        bar.set(
            share,
            rgba(p.warn if high and name in ("Memory", "Disk") or "memory" in name and high else p.accent),
        )
        dpg.set_value(value, text)
