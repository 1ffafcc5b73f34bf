"""The distance of two pinned points: which two, and how far they are apart."""

from __future__ import annotations

from core_model.schema.conventions import HEAD_HEIGHT
from viewer.state.document import Document
from viewer.state.ray_marks import Pin, distance
from viewer.widgets import choice_rows, controls
from viewer.widgets.theme import Theme


def distance_text(a: Pin, b: Pin) -> str:
    """World units, and percent of the mean head's height."""
    far = distance(a, b)
    return "" if far is None else f"{far:.4f} w.u.  {100.0 * far / HEAD_HEIGHT:.1f} % of a head"


def draw_measure(doc: Document, theme: Theme) -> Document:
    """Two drop-downs of pins, and the distance."""
    rays = doc.rays
    points = [(i, p) for i, p in enumerate(rays.pins) if p.point is not None]
    options = [(-1, "none", "Measure nothing"), *((i, f"Pin {i + 1}", "") for i, _ in points)]
    why_not = "" if len(points) > 1 else "Pin two points of the surface first (Shift + click)"
    now = (-1, -1)
    if rays.measured is not None and all(p in rays.pins for p in rays.measured):
        now = (rays.pins.index(rays.measured[0]), rays.pins.index(rays.measured[1]))
    chosen = tuple(
        choice_rows.combo(
            theme, title, f"##measure-{title.lower()}", value, options, why_not=why_not, tip="A pinned point"
        )
        for title, value in zip(("From", "To"), now, strict=True)
    )
    if chosen != now:
        free = [i for i, _ in points]
        a, b = chosen
        if -1 in chosen and now != (-1, -1):
            return doc.replace(rays=rays.replace(measured=None))
        a = a if a >= 0 else next(i for i in free if i != b)
        b = b if b >= 0 else next(i for i in free if i != a)
        return doc.replace(rays=rays.replace(measured=(rays.pins[a], rays.pins[b])))
    if rays.measured is not None:
        a, b = rays.measured
        if a.point is not None and b.point is not None:
            steps = ", ".join(f"{y - x:+.4f}" for x, y in zip(a.point, b.point, strict=True))
            tip = f"Along x, y, z: {steps} world units. A mean head is {HEAD_HEIGHT:g} world units from chin to crown"
            controls.value_row(theme, "Distance", distance_text(a, b), tip, mono=True)
    return doc
