"""Milliseconds of each stage of the last picture, and their history."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from core_model.schema.render import STAGES, StageTime
from viewer.render_client.events import LineStatus, WorkerStatus
from viewer.state.document import Document
from viewer.state.frames import Timing
from viewer.widgets import controls
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import nice_ticks, tick_text

_HINTS = {
    "checkpoint": "Reading weights",
    "w": "Mapping network: z to w",
    "planes": "Synthesis network: w to tri-planes",
    "skip": "Grid of empty space",
    "probe": "Coarse pass that feeds the proposal network",
    "proposal": "Proposal network",
    "samples": "Placing samples on the rays",
    "field": "Evaluating the field at the samples",
    "composite": "Quadrature along the rays",
    "superres": "Super-resolution: rendered features to the picture",
    "channels": "Finishing the channels",
    "copy": "Copying the picture to the window",
}


class TimingsPanel:
    def draw(
        self,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        history: tuple[Timing, ...],
        status: WorkerStatus,
    ) -> Document:
        result = picture.result
        if status.line is not None:
            _line(theme, status.line)
        if result is None or not result.timings:
            controls.note(theme, "Times by stage appear with the first picture.")
            return doc
        room, em = imgui.get_content_region_avail(), theme.em
        plot = min(max(0.4 * room.x, 14 * em), 34 * em)
        bars = room.x - plot - 1.6 * em
        if bars < 16 * em:
            bars, plot = room.x, 0.0
        corner = imgui.get_cursor_screen_pos()
        self._bars(theme, result.timings, result.total_ms, bars, room.y)
        if plot:
            imgui.set_cursor_screen_pos(ImVec2(corner.x + bars + 1.6 * em, corner.y))
            self._sparkline(doc, theme, history, plot, room.y)
        return doc

    def _bars(
        self, theme: Theme, timings: tuple[StageTime, ...], total: float, width: float, height: float
    ) -> None:
        em = theme.em
        row = round(1.3 * em)
        rows = max(int(height // row), 1)
        columns = 2 if len(timings) > rows and width > 30 * em else 1
        per_column = -(-len(timings) // columns)
        longest = max(max((t.ms for t in timings), default=0.0), 1e-3)
        column_width = (width - (columns - 1) * 1.5 * em) / columns
        corner = imgui.get_cursor_screen_pos()
        for index, timing in enumerate(timings):
            x = corner.x + (index // per_column) * (column_width + 1.5 * em)
            y = corner.y + (index % per_column) * row
            self._bar(theme, timing, x, y, column_width, row, longest, total)
        imgui.set_cursor_screen_pos(corner)
        imgui.dummy(ImVec2(width, per_column * row))

    def _bar(
        self,
        theme: Theme,
        timing: StageTime,
        x: float,
        y: float,
        width: float,
        row: float,
        longest: float,
        total: float,
    ) -> None:
        draw, em = imgui.get_window_draw_list(), theme.em
        p, middle = theme.palette, y + 0.5 * row
        order = STAGES.index(timing.stage) if timing.stage in STAGES else 0
        ink = p.stages[order % len(p.stages)]
        imgui.set_cursor_screen_pos(ImVec2(x, y))
        imgui.dummy(ImVec2(width, row))
        if imgui.is_item_hovered():
            share = (
                "from the cache"
                if timing.cached
                else f"{100 * timing.ms / max(total, 1e-6):.1f} % of {total:.1f} ms"
            )
            imgui.set_tooltip(f"{_HINTS.get(timing.stage, timing.stage)}\n{timing.ms:.2f} ms, {share}")
        with controls.font(theme.fonts.body, BODY_PX * 0.9):
            text = imgui.calc_text_size(timing.stage)
            draw.add_text(ImVec2(round(x), round(middle - 0.5 * text.y)), theme.colour(p.muted), timing.stage)
        with controls.font(theme.fonts.mono, BODY_PX * 0.86):
            number = "cached" if timing.cached else f"{timing.ms:.1f} ms"
            size = imgui.calc_text_size(number)
            ink_text = theme.colour(p.muted if timing.cached else p.text)
            draw.add_text(ImVec2(round(x + width - size.x), round(middle - 0.5 * size.y)), ink_text, number)
            number_width = max(imgui.calc_text_size("8888.8 ms").x, size.x)
        left, right = x + 5.6 * em, x + width - number_width - 0.5 * em
        half = 0.21 * em
        draw.add_rect_filled(
            ImVec2(left, middle - half), ImVec2(right, middle + half), theme.colour(p.field), half
        )
        if not timing.cached and right > left:
            end = left + max((right - left) * timing.ms / longest, 2.0)
            draw.add_rect_filled(
                ImVec2(left, middle - half), ImVec2(end, middle + half), theme.colour(ink), half
            )

    def _sparkline(
        self, doc: Document, theme: Theme, history: tuple[Timing, ...], width: float, height: float
    ) -> None:
        """Total milliseconds of the last pictures, one bar each.

        The line is the time that moving pictures aim at.
        """
        draw, em = imgui.get_window_draw_list(), theme.em
        p, corner = theme.palette, imgui.get_cursor_screen_pos()
        target = 1000.0 / doc.quality.target_fps
        times = [t.ms for t in history]
        # One slow picture must not flatten the others: the axis ends above nine tenths of them, longer bars
        # are cut.
        usual = sorted(times)[int(0.9 * (len(times) - 1))] if times else 0.0
        top = max(target * 1.6, usual * 1.4)
        left, right = corner.x + 2.6 * em, corner.x + width
        low, high = corner.y + height - 0.2 * em, corner.y + 1.55 * em
        with controls.font(theme.fonts.body, BODY_PX * 0.9):
            draw.add_text(
                ImVec2(round(left), round(corner.y)), theme.colour(p.muted), f"Last {len(times)} pictures, ms"
            )
        draw.add_rect_filled(ImVec2(left, high), ImVec2(right, low), theme.colour(p.field, 0.45), 0.2 * em)
        ticks = nice_ticks(0.0, top, 4)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        with controls.font(theme.fonts.mono, BODY_PX * 0.78):
            line = imgui.get_text_line_height()
            for tick in ticks:
                y = low - (low - high) * tick / top
                text = tick_text(tick, step)
                draw.add_line(ImVec2(left, y), ImVec2(right, y), theme.colour(p.line), 1.0)
                draw.add_text(
                    ImVec2(round(left - 0.4 * em - imgui.calc_text_size(text).x), round(y - 0.5 * line)),
                    theme.colour(p.muted),
                    text,
                )
        capacity = max(int((right - left) / (0.42 * em)), 1)
        bar = (right - left) / capacity
        for i, timing in enumerate(history[-capacity:]):
            x = right - bar * (len(history[-capacity:]) - i)
            moving = timing.tier.value == "moving"
            y = low - (low - high) * min(timing.ms / top, 1.0)
            draw.add_rect_filled(
                ImVec2(x + 1, y), ImVec2(x + bar - 1, low), theme.colour(p.accent if moving else p.faint), 1.0
            )
        y = low - (low - high) * target / top
        draw.add_line(ImVec2(left, y), ImVec2(right, y), theme.colour(p.warn), 1.5)
        imgui.set_cursor_screen_pos(ImVec2(left, high))
        imgui.dummy(ImVec2(right - left, max(low - high, 1.0)))
        if imgui.is_item_hovered():
            i = len(history) - 1 - int((right - imgui.get_mouse_pos().x) / bar)
            if 0 <= i < len(history):
                t = history[i]
                imgui.set_tooltip(
                    f"{t.ms:.1f} ms  {t.tier.value}  {t.edge}²\n"
                    f"Line: {target:.0f} ms, the aim of moving pictures"
                )


def _line(theme: Theme, line: LineStatus) -> None:
    """The line to a far renderer in one row of numbers."""
    with controls.font(theme.fonts.mono, BODY_PX * 0.86), controls.text_colour(theme.palette.muted):
        imgui.text_unformatted(line_text(line))
    controls.tooltip(
        "The line to the far renderer: shortest round trip, what it carries, the last picture and how moving pictures are "
        "coded, pictures per second, bytes received and sent so far"
    )


def line_text(line: LineStatus) -> str:
    parts = [
        f"Line {line.round_trip_ms:.0f} ms",
        f"{line.rate / 1e6:.1f} MB/s" if line.rate else "",
        f"picture {line.picture_bytes / 1e3:.0f} kB" if line.picture_bytes else "",
        f"moving {line.coding}" if line.coding else "",
        f"{line.pictures_per_s:.0f} pictures/s" if line.pictures_per_s else "",
        f"{line.bytes_in / 1e6:.1f} MB in, {line.bytes_out / 1e6:.2f} MB out",
    ]
    return "   ".join(part for part in parts if part)


FEATURES.add("timings", lambda: Feature(TimingsPanel()))
