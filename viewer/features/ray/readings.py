"""What pins said in another view, with another sampler, head or checkpoint: kept beside what they say now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from core_model.schema.inspect import RayReport
from viewer.state.document import Document
from viewer.state.latent_blend import describe
from viewer.state.ray_marks import Pin
from viewer.state.ray_queries import RayQueries

MOST = 24


@dataclass(frozen=True, eq=False)
class Reading:
    """One pin's report. pin: its number from 0; said: what was open then; is_now: the present view's."""

    pin: int
    said: str
    report: RayReport
    is_now: bool = False


def situation(doc: Document) -> str:
    """Head, sampler, view and checkpoint, in a few words: what changes most often first."""
    camera, sampler = doc.camera, doc.sampler
    way = f"{sampler.name} {sampler.strategy}" if sampler.name == "learned" else sampler.name
    name = Path(doc.checkpoint.replace(":", "-")).stem
    view = f"{math.degrees(camera.yaw):+.0f}° {math.degrees(camera.pitch):+.0f}°"
    return f"{describe(doc.latent)}, {way}, {view}, {name}"


def present(doc: Document, rays: RayQueries) -> tuple[Reading, ...]:
    """What the pins say now; those without an answer yet are left out."""
    found = ((i, rays.report(pin)) for i, pin in enumerate(doc.rays.pins))
    return tuple(Reading(i, "now", report, True) for i, report in found if report is not None)


class Readings:
    """The kept ones, oldest first; they go with their pin."""

    def __init__(self) -> None:
        self.kept: tuple[Reading, ...] = ()
        self._pins: tuple[Pin, ...] = ()

    def follow(self, doc: Document) -> None:
        """Pins that are gone take their readings along; those that remain keep their colour's number."""
        pins, before = doc.rays.pins, self._pins
        if pins == before:
            return
        place = {}
        for old, pin in enumerate(before):
            near = next((i for i, p in enumerate(pins) if (p.camera, p.mark) == (pin.camera, pin.mark)), None)
            if near is not None:
                place[old] = near
        self.kept = tuple(Reading(place[r.pin], r.said, r.report) for r in self.kept if r.pin in place)
        self._pins = pins

    def keep(self, doc: Document, rays: RayQueries) -> None:
        """Adds what the pins say now; the same report is not kept twice."""
        said, known = situation(doc), {id(r.report) for r in self.kept}
        new = tuple(Reading(r.pin, said, r.report) for r in present(doc, rays) if id(r.report) not in known)
        self.kept = (*self.kept, *new)[-MOST:]

    def drop(self, index: int) -> None:
        self.kept = self.kept[:index] + self.kept[index + 1 :]
