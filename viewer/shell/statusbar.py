"""The status bar: worker, device and memory at the left; tier, samples and time of the picture at the right."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from viewer.render_client.events import WorkerStatus
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import BODY_PX, Theme


def draw(theme: Theme, picture: ShownPicture, status: WorkerStatus, notice: str) -> None:
    """Draw into the current (status bar) window; `notice` is a short message such as "Copied"."""
    with controls.font(theme.fonts.mono, BODY_PX * 0.86):
        _worker(theme, status)
        if status.device:
            _item(theme, status.device, "Device that renders")
        if status.memory_bytes:
            _item(theme, f"{status.memory_bytes / 2**20:.0f} MiB", "Resident memory of the render process")
        if status.far:
            _item(theme, "far", f"The renderer runs elsewhere, reached by: {status.far}")
        if status.restarts:
            _item(theme, f"restarted {status.restarts}×", "How often the render process was started again")
        if notice:
            _item(theme, notice, "")
        _picture(theme, picture)


def _worker(theme: Theme, status: WorkerStatus) -> None:
    """A coloured dot and the state of the render process in words."""
    p, em = theme.palette, theme.em
    if not status.alive and status.far:
        ink, text, tip = p.bad, "not connected", f"It is reached by: {status.far}"
    elif not status.alive:
        ink, text, tip = p.bad, "stopped", "The render process is not running"
    elif status.started_s == 0 and status.far:
        ink, text, tip = p.warn, status.stage or "connecting", f"Waiting for: {status.far}"
    elif status.started_s == 0:
        ink, text, tip = p.warn, "starting", "The render process is loading its libraries"
    elif status.busy:
        share = f" {100 * status.fraction:.0f} %" if status.fraction > 0 else ""
        ink, text, tip = p.accent, f"{status.stage or 'working'}{share}", "What the render process works on"
    else:
        ink, text, tip = p.good, "ready", "The render process waits for work"
    corner, height = imgui.get_cursor_screen_pos(), imgui.get_text_line_height()
    imgui.get_window_draw_list().add_circle_filled(
        ImVec2(corner.x + 0.35 * em, corner.y + 0.5 * height), 0.26 * em, theme.colour(ink), 16
    )
    imgui.dummy(ImVec2(0.8 * em, height))
    imgui.same_line(0.0, 0.2 * em)
    imgui.text_unformatted(legible(f"{text:<14}"))
    controls.tooltip(f"{tip}. Process {status.pid}, up after {status.started_s:.1f} s" if status.pid else tip)


def _item(theme: Theme, text: str, tip: str) -> None:
    imgui.same_line(0.0, 1.1 * theme.em)
    with controls.text_colour(theme.palette.muted):
        imgui.text_unformatted(legible(text))
    controls.tooltip(tip)


def _picture(theme: Theme, picture: ShownPicture) -> None:
    result = picture.result
    if result is None or result.request is None:
        return
    tier = result.request.tier.value
    parts = [
        (
            tier if picture.frames.averaged <= 1 else f"{tier} ×{picture.frames.averaged}",
            "Quality tier: moving, settled, full, refined",
        ),
        (f"{result.width} × {result.height}", "Size of the picture, pixels"),
        (f"{result.samples_per_pixel:5.1f} spp", "Samples per pixel, the probe not counted"),
    ]
    if result.probe_per_pixel > 0:
        parts.append((f"+{result.probe_per_pixel:.1f} probe", "Samples per pixel of the coarse probe"))
    if result.evaluated_per_pixel > 0:
        parts.append(
            (
                f"{result.evaluated_per_pixel:5.1f} evaluated",
                "Field evaluations per pixel after empty space was skipped",
            )
        )
    parts.append((f"{result.total_ms:7.1f} ms", "Time of the last picture"))
    gap = 1.1 * theme.em
    width = sum(imgui.calc_text_size(text).x for text, _ in parts) + gap * (len(parts) - 1)
    imgui.same_line(imgui.get_window_width() - width - 0.9 * theme.em)
    for index, (text, tip) in enumerate(parts):
        if index:
            imgui.same_line(0.0, gap)
        with controls.text_colour(theme.palette.text if index == len(parts) - 1 else theme.palette.muted):
            imgui.text_unformatted(text)
        controls.tooltip(tip)
