"""Which w is rendered, as hashable data: the same spec gives the same w on the same checkpoint."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from core_model.schema.camera import CameraSpec
from core_model.schema.frozen import Frozen

SEEDS = 2**32
"""So many seeds numpy's RandomState has: 0 to 2³² - 1."""


class SeedWeight(Frozen):
    """One seed of a blend in w; weights of a spec are normalised to sum 1."""

    seed: int = Field(default=0, ge=0, le=SEEDS - 1, description="numpy RandomState seed of z")
    weight: float = Field(default=1.0, allow_inf_nan=False)


class StyleMix(Frozen):
    """Layers whose w comes from another seed."""

    seed: int = Field(ge=0, le=SEEDS - 1)
    layers: tuple[int, ...]


class Edit(Frozen):
    """A step along a direction of w, as data.

    The same spec gives the same picture without whoever found the direction. direction [D]: one standard
    deviation of w along it, so that `strength` counts standard deviations.
    """

    name: str = Field(default="", max_length=80)
    direction: tuple[float, ...] = Field(min_length=1, description="step of w at strength 1, [D]")
    strength: float = Field(default=0.0, ge=-100.0, le=100.0, description="standard deviations")
    layers: tuple[int, int] | None = Field(
        default=None, description="first and last layer of w that move; none = all"
    )

    @field_validator("direction")
    @classmethod
    def _finite_direction(cls, v: tuple[float, ...]) -> tuple[float, ...]:
        if not all(math.isfinite(x) for x in v):
            raise ValueError("the direction holds NaN or infinity")
        return v

    @field_validator("layers")
    @classmethod
    def _ordered(cls, v: tuple[int, int] | None) -> tuple[int, int] | None:
        if v is not None and not 0 <= v[0] <= v[1]:
            raise ValueError("layers are first and last, counted from 0")
        return v


class Ablation(Frozen):
    """Tri-planes that are replaced by something flat, to see what they carry.

    (level, plane), both from 0 as the family has them.

    fill: what takes their place: the plane's own mean of each channel, or zero.
    """

    planes: tuple[tuple[int, int], ...] = Field(min_length=1)
    fill: Literal["mean", "zero"] = "mean"

    @field_validator("planes")
    @classmethod
    def _in_order(cls, v: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        if any(level < 0 or not 0 <= plane <= 2 for level, plane in v):
            raise ValueError("planes are counted (level, 0 to 2)")
        return tuple(sorted(set(v)))


class LatentSpec(Frozen):
    """z (by seed or by value) → w: blend, truncation, style mixing, edits, conditioning camera, noise."""

    seeds: tuple[SeedWeight, ...] = (SeedWeight(),)
    z: tuple[float, ...] | None = Field(default=None, description="explicit z; replaces the seeds")
    w: tuple[tuple[float, ...], ...] | None = Field(
        default=None, description="explicit w [L][D]; replaces the mapping. Its psi is 1 unless one is given"
    )
    psi: float = Field(default=0.7, ge=-2.0, le=2.0, description="truncation: lerp(w_avg, w, psi)")
    cutoff: int | None = Field(default=14, ge=0, description="layers below it are truncated; none = all")
    mix: StyleMix | None = None
    cond: CameraSpec | None = Field(
        default=None, description="conditioning camera; none = frontal, as in the paper"
    )
    class_index: int | None = Field(default=None, ge=0, description="class of class-conditional families")
    centre: Literal["average", "class"] = Field(
        default="average",
        description="what psi draws towards: the network's average w, or the mean w of the class",
    )
    noise: Literal["const", "none"] = "const"
    ablate: Ablation | None = Field(
        default=None, description="planes replaced by something flat; none = all as they are"
    )
    edits: tuple[Edit, ...] = Field(
        default=(), description="steps along directions, after truncation and mixing"
    )

    @field_validator("z")
    @classmethod
    def _finite_z(cls, v: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if v is not None and not all(math.isfinite(x) for x in v):
            raise ValueError("z holds NaN or infinity")
        return v

    @field_validator("w")
    @classmethod
    def _finite_w(cls, v: tuple[tuple[float, ...], ...] | None) -> tuple[tuple[float, ...], ...] | None:
        if v is None:
            return v
        if len({len(row) for row in v}) != 1:
            raise ValueError("w needs layers of equal width")
        if not all(math.isfinite(x) for row in v for x in row):
            raise ValueError("w holds NaN or infinity")
        return v

    @model_validator(mode="after")
    def _weights(self) -> "LatentSpec":
        if not self.seeds and self.z is None and self.w is None:
            raise ValueError("a latent needs at least one seed, a z or a w")
        if self.seeds and abs(sum(s.weight for s in self.seeds)) < 1e-9:
            raise ValueError("seed weights sum to zero")
        return self

    @model_validator(mode="before")
    @classmethod
    def _own_w_as_it_is(cls, data: Any) -> Any:
        """A w that someone names is meant as it is: psi is 1 where nothing is said of it."""
        own = isinstance(data, dict) and data.get("w") is not None and "psi" not in data
        return data | {"psi": 1.0} if own else data

    @classmethod
    def of_seed(cls, seed: int, **more: object) -> "LatentSpec":
        return cls(seeds=(SeedWeight(seed=seed),), **more)  # type: ignore[arg-type]
