"""The last good frame, and the running mean of refined ones.

The picture on the screen is always `FrameStore.arrays`; an error leaves it as it was and sets `error`.
"""

from __future__ import annotations

import numpy as np

from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier


class FrameStore:
    """Newest finished frame: its result record, channel arrays and how many jittered frames they average.

    version grows whenever the arrays change, so that textures are uploaded only then.
    """

    def __init__(self) -> None:
        self.result: RenderResult | None = None
        self.arrays: dict[str, np.ndarray] = {}
        self.error: ErrorInfo | None = None
        self.averaged = 0
        self.version = 0
        self._counts: dict[str, np.ndarray] = {}
        self._means: dict[str, np.ndarray] = {}

    def add(self, result: RenderResult, arrays: dict[str, np.ndarray]) -> bool:
        """Take a finished render; True when the picture changed. Results older than the shown one are
        dropped.

        Raises ValueError when a refined frame differs in shape from the frames it is to be averaged with.
        """
        if self.result is not None and result.generation < self.result.generation:
            return False
        if result.error is not None:
            if result.error.kind != "cancelled":
                self.error = result.error
            return False
        self.error = None
        joins = self.averaged > 0 and _is_refined(result) and self._same_view(result)
        if joins and set(arrays) <= set(self.arrays):
            self._average(arrays)
            self.averaged += 1
        else:
            self.arrays = dict(arrays)
            self._means = dict(arrays)
            self._counts = {}
            self.averaged = 1 if _is_refined(result) else 0
        self.result = result
        self.version += 1
        return True

    def clear(self) -> None:
        """Forget picture and error (another checkpoint was opened); versions go on."""
        version = self.version
        self.__init__()
        self.version = version + 1

    def extremes(self, name: str) -> tuple[float, float]:
        """Finite (low, high) of a channel of the shown picture; (0, 1) where it has no finite value."""
        values = self.arrays.get(name)
        if values is None:
            return 0.0, 1.0
        finite = values[np.isfinite(values)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)

    def value(self, name: str, x: int, y: int) -> tuple[float, ...] | None:
        """Value(s) of a channel at pixel (x, y) of the shown picture; None where there is none."""
        values = self.arrays.get(name)
        if values is None or not (0 <= x < values.shape[-1] and 0 <= y < values.shape[-2]):
            return None
        found = tuple(float(v) for v in np.atleast_1d(values[..., y, x]))
        return found if all(np.isfinite(found)) else None

    def _same_view(self, result: RenderResult) -> bool:
        return self.result is not None and view_of(self.result.request) == view_of(result.request)

    def _average(self, arrays: dict[str, np.ndarray]) -> None:
        """Mean over the frames in which a pixel has a value; unit vectors are made unit again."""
        for name, new in arrays.items():
            old = self._means[name]
            if old.shape != new.shape:
                raise ValueError(f"refined frame of channel {name!r}: expected {old.shape}, got {new.shape}")
            counts = self._counts.get(name)
            if counts is None:
                counts = np.isfinite(old).astype(np.float32)
            valid = np.isfinite(new)
            counts = counts + valid
            base = np.where(np.isfinite(old), old, 0.0)
            step = np.where(valid, new - base, 0.0) / np.maximum(counts, 1.0)
            mean = np.where(counts > 0, base + step, np.nan).astype(np.float32)
            self._counts[name], self._means[name] = counts, mean
            self.arrays[name] = _unit(mean) if name == "normal" else mean


def view_of(request: RenderRequest | None) -> RenderRequest | None:
    """A request without what differs between the refined frames of one picture."""
    return None if request is None else request.model_copy(update={"seed": 0, "tile_rays": None})


def _is_refined(result: RenderResult) -> bool:
    return result.request is not None and result.request.tier is Tier.REFINED


def _unit(v: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(v, axis=0, keepdims=True)
    return (v / np.where(length > 1e-6, length, 1.0)).astype(np.float32)
