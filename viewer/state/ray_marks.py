"""Which rays are looked at: a pixel of the present view, and pins that stay where they are in the world."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from core_model.schema.camera import OrbitPose, Vec3
from core_model.schema.frozen import Frozen
from viewer.state import orbit
from viewer.state.screen import project_points

MAX_PINS = 8
Mark = tuple[float, float]
"""A pixel of the picture: image coordinates in [0, 1], x right, y down."""


class Pin(Frozen):
    """A place that is kept while view, sampler, head and checkpoint change.

    camera, mark: the view and the pixel in which it was taken. point: what the surface was there, world units; None where the ray met
    nothing. frozen: the ray itself is held, seen from `camera` for good; else the point is, through which the ray of each view goes.
    """

    camera: OrbitPose
    mark: Mark
    point: Vec3 | None = None
    frozen: bool = False

    @property
    def is_ray(self) -> bool:
        return self.frozen or self.point is None

    def seen_at(self, camera: OrbitPose) -> Mark | None:
        """Where the point lies in a view; None outside of it, and for a ray."""
        if self.is_ray or self.point is None:
            return None
        found = project_points(camera, np.asarray([self.point]))
        u, v = (float(x) for x in found.uv[0])
        return (u, v) if found.ahead[0] and 0.0 <= u < 1.0 and 0.0 <= v < 1.0 else None


Key = Mark | Pin
"""What a question about a ray is known by."""


class RayMarks(Frozen):
    """selected: the inspected ray. measured: two pins whose distance is told."""

    selected: Mark | Pin | None = None
    pins: tuple[Pin, ...] = Field(default=(), max_length=MAX_PINS)
    measured: tuple[Pin, Pin] | None = None

    @property
    def all(self) -> tuple[Key, ...]:
        """Selected first, then the pins, each once."""
        first: tuple[Key, ...] = () if self.selected is None else (self.selected,)
        return first + tuple(p for p in self.pins if p != self.selected)

    def pin_at(self, camera: OrbitPose, key: Key | None) -> Pin | None:
        """The pin that is `key`, or that was taken at this pixel of this view."""
        return next((p for p in self.pins if p == key or (p.camera, p.mark) == (camera, key)), None)

    def with_pin(self, pin: Pin) -> RayMarks:
        """A copy with one pin more, which is inspected; the oldest goes when there are too many."""
        kept = self.replace(pins=(*self.pins, pin)[-MAX_PINS:], selected=pin)
        return kept if kept._measures() else kept.replace(measured=None)

    def without_pin(self, pin: Pin) -> RayMarks:
        """A copy without that pin; where it is inspected, its pixel stays so."""
        selected = pin.mark if self.selected == pin else self.selected
        kept = self.replace(pins=tuple(p for p in self.pins if p != pin), selected=selected)
        return kept if kept._measures() else kept.replace(measured=None)

    def changed(self, pin: Pin, now: Pin) -> RayMarks:
        """A copy in which `now` stands for `pin`."""
        other = lambda p: now if p == pin else p
        measured = None if self.measured is None else (other(self.measured[0]), other(self.measured[1]))
        return RayMarks(selected=other(self.selected), pins=tuple(map(other, self.pins)), measured=measured)

    def _measures(self) -> bool:
        return self.measured is None or all(p in self.pins for p in self.measured)


def ray_of(key: Key, camera: OrbitPose) -> tuple[Vec3, Vec3] | None:
    """(origin, unit direction) of the ray that `key` means in a view; None where its point is outside."""
    if not isinstance(key, Pin):
        return orbit.ray(camera, *key)
    if key.is_ray:
        return orbit.ray(key.camera, *key.mark)
    mark = key.seen_at(camera)
    return None if mark is None else orbit.ray(camera, *mark)


def distance(a: Pin, b: Pin) -> float | None:
    """World units between two pinned points; None where one has none."""
    return None if a.point is None or b.point is None else math.dist(a.point, b.point)
