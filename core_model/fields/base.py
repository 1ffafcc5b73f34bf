"""What a field answers, and the protocol that every family's field obeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor


@dataclass(frozen=True)
class FieldSample:
    """Values at points [B, N]; a family fills what it has.

    sdf: signed distance, negative inside, world units [B, N] (SDF families).
    beta: width of the surface, world units [B, N] (SDF families).
    raw: density before its activation [B, N] (density families; their fields apply the rule of
    `Conventions`). density: volume density, 1 / world unit [B, N].
    features: input of `Field.colour` [B, N, F], or final colour features of density families.
    """

    density: Tensor
    sdf: Tensor | None = None
    beta: Tensor | None = None
    raw: Tensor | None = None
    features: Tensor | None = None

    def select(self, index: Tensor | slice) -> "FieldSample":
        """The samples at positions `index` [M] of a batch of one; of a slice a view."""
        take = (
            (lambda x: x[:, index])
            if isinstance(index, slice)
            else (lambda x: x[0].index_select(0, index)[None])
        )
        pick = lambda x: None if x is None else take(x)
        return FieldSample(
            take(self.density), pick(self.sdf), pick(self.beta), pick(self.raw), pick(self.features)
        )

    def detached(self) -> "FieldSample":
        """The same values without their graph."""
        free = lambda x: None if x is None else x.detach()
        return FieldSample(
            self.density.detach(), free(self.sdf), free(self.beta), free(self.raw), free(self.features)
        )


class Field(Protocol):
    """A scene as two functions; colours are asked for separately, because few samples carry weight."""

    is_sdf: bool

    def geometry(self, points: Tensor) -> FieldSample:
        """points [B, N, 3] world units → FieldSample."""
        ...

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        """Radiance [B, N, 3] of samples that `geometry` returned for `points`.

        dirs [B, N, 3] unit, camera to scene.
        """
        ...


@runtime_checkable
class BackedField(Protocol):
    """A field that may also know what lies behind it, ray by ray."""

    @property
    def is_backed(self) -> bool: ...

    def behind(self, origins: Tensor, dirs: Tensor, places: Tensor) -> Tensor:
        """Radiance [R, 3] beyond the box, of rays [R, 3].

        places [R, 2]: where the rays cross the picture (column, row; its edges are ±1).
        """
        ...
