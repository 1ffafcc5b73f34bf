"""The last good frame, and its running mean with refined ones.

`FrameStore.arrays` is the displayed picture; an error leaves it unchanged and sets `error`. The full frame is
the first of the mean. Its samples lie in the middle of their strata, those of refined frames elsewhere in the
same strata (`core_model.ops.pixel_noise.frame_shift`), so that every refined frame improves the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier
from core_model.schema.sampler import SamplerSpec

OF_THE_SAMPLER = ("samples", "leftover", "entropy")
"""Channels that tell what the sampler does, not what the scene is: those of the full frame stay, as refined
frames take more samples."""


@dataclass(frozen=True)
class Timing:
    """One finished frame in the history: total milliseconds, tier and edge in pixels."""

    ms: float
    tier: Tier
    edge: int


class FrameStore:
    """Newest finished frame: its result record, channel arrays and how many refined frames are in them.

    base: the request of the first frame in them, which is the full one unless the caller asked for refined
    ones alone, with the channels that were made beside it since. result stays that frame's but for tier, seed
    and generation: samples and times are those of the sampler that the user chose. version grows whenever the
    arrays change, so that textures are uploaded only then.
    """

    def __init__(self) -> None:
        self.result: RenderResult | None = None
        self.base: RenderRequest | None = None
        self.arrays: dict[str, np.ndarray] = {}
        self.error: ErrorInfo | None = None
        self.version = 0
        self._counts: dict[str, np.ndarray] = {}
        self._means: dict[str, np.ndarray] = {}
        self._seeds: dict[str, set[int]] = {}

    @property
    def averaged(self) -> int:
        """Refined frames in the channel that has most of them."""
        return max((len(seeds) for seeds in self._seeds.values()), default=0)

    def averaged_in(self, name: str) -> int:
        """Refined frames in one channel: the displayed one has them first."""
        return len(self._seeds.get(name, ()))

    def add(self, result: RenderResult, arrays: dict[str, np.ndarray]) -> bool:
        """Take a finished render; True when the picture changed.

        Results older than the displayed one are dropped. Raises ValueError when a refined frame differs in
        shape from the frames that it is averaged with.
        """
        if self.result is not None and result.generation < self.result.generation:
            return False
        if result.error is not None:
            if result.error.kind != "cancelled":
                self.error = result.error
            return False
        self.error = None
        if result.request is not None and result.request.tier is Tier.BESIDE:
            return self._beside(result.request, arrays, result.generation)
        joins = _is_refined(result) and self._may_join(result)
        if joins and set(arrays) <= set(self.arrays):
            assert self.result is not None and self.base is not None and result.request is not None
            self._average(arrays, result.request.seed)
            request = self.base.model_copy(update={"tier": Tier.REFINED, "seed": result.request.seed})
            self.result = self.result.model_copy(update={"request": request, "generation": result.generation})
        else:
            self.arrays = dict(arrays)
            self._means = dict(arrays)
            self._counts = {}
            seeds = {result.request.seed} if result.request is not None and _is_refined(result) else set()
            self._seeds = {name: set(seeds) for name in arrays}
            self.base, self.result = result.request, result
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

    def under(self, name: str, u: float, v: float) -> tuple[float, ...] | None:
        """Value(s) of a channel at image coordinates in [0, 1]; maps may have another size than the colours."""
        values = self.arrays.get(name)
        return (
            None if values is None else self.value(name, int(u * values.shape[-1]), int(v * values.shape[-2]))
        )

    def _may_join(self, result: RenderResult) -> bool:
        """Whether the shown picture is a full or refined one of the same view."""
        if (
            self.result is None
            or self.result.request is None
            or self.result.request.tier not in (Tier.FULL, Tier.REFINED)
        ):
            return False
        return view_of(self.result.request) == view_of(result.request)

    def _beside(self, request: RenderRequest, arrays: dict[str, np.ndarray], generation: int) -> bool:
        """Further channels of the picture that is there; dropped where it is another one by now."""
        if self.base is None or self.result is None or _picture_of(request) != _picture_of(self.base):
            return False
        new = {name: values for name, values in arrays.items() if name not in self.arrays}
        self.arrays = {**self.arrays, **new}
        self._means |= new
        self._seeds |= {name: set() for name in new}
        self.base = self.base.replace(channels=(*self.base.channels, *new))
        self.result = self.result.model_copy(update={"generation": generation})
        self.version += 1
        return True

    def _average(self, arrays: dict[str, np.ndarray], seed: int) -> None:
        """Mean over the frames in which a pixel has a value; unit vectors are made unit again.

        A frame that is there already, from when another channel was shown, does not count twice.
        """
        for name, new in arrays.items():
            seeds = self._seeds.setdefault(name, set())
            if seed in seeds:
                continue
            seeds.add(seed)
            if name in OF_THE_SAMPLER:
                continue
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
    """A request without what differs between the frames of one mean."""
    if request is None:
        return None
    alike = {
        "seed": 0,
        "tile_rays": None,
        "tier": Tier.FULL,
        "channels": (),
        "sampler": SamplerSpec(name=request.sampler.name),
    }
    return request.model_copy(update=alike)


def _picture_of(request: RenderRequest) -> RenderRequest:
    """A request without its channels, and whether they were made beside others."""
    return request.replace(channels=(), tier=Tier.FULL if request.tier is Tier.BESIDE else request.tier)


def _is_refined(result: RenderResult) -> bool:
    return result.request is not None and result.request.tier is Tier.REFINED


def _unit(v: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(v, axis=0, keepdims=True)
    return (v / np.where(length > 1e-6, length, 1.0)).astype(np.float32)
