"""One fraction and one ETA for a mesh in the making, from the seconds that the forecast gives each stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from core_model.schema.mesh import MeshProgress

Listener = Callable[[MeshProgress], None]


class Meter:
    """Stages in their order with their forecast seconds; `tell(stage, its fraction)` advances the whole,
    never back.
    """

    def __init__(self, seconds: Mapping[str, float], listener: Listener | None = None) -> None:
        self._seconds = {name: max(s, 1e-3) for name, s in seconds.items()}
        self._total = sum(self._seconds.values())
        self._listener = listener
        self._started = self._stage_started = time.monotonic()
        self._stage = ""
        self._fraction = 0.0
        self.spent: dict[str, float] = {}

    def tell(self, stage: str, fraction: float) -> None:
        """`stage` may be one that the forecast does not know; it then takes no share of the whole."""
        now = time.monotonic()
        if stage != self._stage:
            self.finish()
            self._stage, self._stage_started = stage, now
        before = 0.0
        for name, s in self._seconds.items():
            if name == stage:
                break
            before += s
        part = self._seconds.get(stage, 0.0)
        self._fraction = max(
            self._fraction, min(1.0, (before + part * min(1.0, max(0.0, fraction))) / self._total)
        )
        if self._listener is not None:
            elapsed = now - self._started
            left = (
                elapsed * (1.0 - self._fraction) / self._fraction
                if self._fraction > 0.02
                else self._total * (1.0 - self._fraction)
            )
            self._listener(MeshProgress(stage=stage, fraction=self._fraction, elapsed_s=elapsed, eta_s=left))

    def finish(self) -> dict[str, float]:
        """Close the current stage; seconds of each stage so far."""
        if self._stage:
            self.spent[self._stage] = (
                self.spent.get(self._stage, 0.0) + time.monotonic() - self._stage_started
            )
            self._stage = ""
        return {name: round(s, 3) for name, s in self.spent.items()}
