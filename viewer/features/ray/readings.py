"""What pins said in another view, with another sampler, head or checkpoint: kept beside what they say now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from core_model.schema.config_dir import config_dir, save_kept
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.inspect import RayReport
from viewer.state.document import Document
from viewer.state.latent_blend import describe
from viewer.state.ray_marks import Pin
from viewer.state.ray_queries import RayQueries

MOST = 24
LARGEST = 64 << 20
"""Bytes of a file of readings that is read: 24 of them take some 2 MB."""


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


class SavedReading(Frozen):
    """A kept reading with the pin itself: numbers of pins are those of one session."""

    pin: Pin
    said: str
    report: RayReport


class SavedReadings(Frozen):
    """What lies in the file; the oldest first."""

    readings: tuple[SavedReading, ...] = ()


class Readings:
    """The kept ones, oldest first; they go with their pin, and come back with it at a later start.

    note: why they could not be saved. Nothing is read or written before a checkpoint is open.
    """

    def __init__(self) -> None:
        self.kept: tuple[Reading, ...] = ()
        self.note = ""
        self._pins: tuple[Pin, ...] = ()
        self._waiting: tuple[SavedReading, ...] | None = None
        """Of the file, whose pins are not there: another session's."""

    def follow(self, doc: Document) -> None:
        """Pins that are gone take their readings along; those that remain keep their colour's number; those that are back bring theirs."""
        if not doc.checkpoint:
            return
        if self._waiting is None:
            self._waiting = _read()
        pins, before = doc.rays.pins, self._pins
        if pins == before:
            return
        place = {}
        for old, pin in enumerate(before):
            near = _place(pin, pins)
            if near is not None:
                place[old] = near
        left = tuple(Reading(place[r.pin], r.said, r.report) for r in self.kept if r.pin in place)
        gone, self._pins = len(left) < len(self.kept), pins
        back = [(s, _place(s.pin, pins)) for s in self._waiting]
        self._waiting = tuple(s for s, near in back if near is None)
        self.kept = (*(Reading(near, s.said, s.report) for s, near in back if near is not None), *left)[
            -MOST:
        ]
        if gone:
            self._save()

    def keep(self, doc: Document, rays: RayQueries) -> None:
        """Adds what the pins say now; the same report is not kept twice."""
        said, known = situation(doc), {id(r.report) for r in self.kept}
        new = tuple(Reading(r.pin, said, r.report) for r in present(doc, rays) if id(r.report) not in known)
        self.kept = (*self.kept, *new)[-MOST:]
        self._save()

    def drop(self, index: int) -> None:
        self.kept = self.kept[:index] + self.kept[index + 1 :]
        self._save()

    def clear(self) -> None:
        """Forget all that belong to the pins of this session."""
        self.kept = ()
        self._save()

    def _save(self) -> None:
        own = tuple(SavedReading(pin=self._pins[r.pin], said=r.said, report=r.report) for r in self.kept)
        every = (*(self._waiting or ()), *own)[-MOST:]
        self.note = ""
        try:
            save_kept(_file(), "readings", SavedReadings(readings=every).model_dump_json().encode())
        except InputError as error:
            self.note = str(error)


def _place(pin: Pin, pins: tuple[Pin, ...]) -> int | None:
    """Number of the pin that was taken at the same pixel of the same view."""
    return next((i for i, p in enumerate(pins) if (p.camera, p.mark) == (pin.camera, pin.mark)), None)


def _file() -> Path:
    return config_dir() / "readings.json"


def _read() -> tuple[SavedReading, ...]:
    """Of the file; none where it is missing or cannot be read."""
    try:
        if _file().stat().st_size > LARGEST:
            return ()
        return SavedReadings.model_validate_json(_file().read_bytes()).readings[-MOST:]
    except (OSError, ValidationError):
        return ()
