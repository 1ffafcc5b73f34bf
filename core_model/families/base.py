"""What an opened checkpoint can do, and the table of families."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core_model.families.description import Description, Sizes, ToNative
from core_model.fields.base import Field
from core_model.fields.triplane import Planes
from core_model.sampling.occupancy import Guide
from core_model.schema.camera import CameraSpec
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.conventions import Conventions
from core_model.schema.latent import LatentSpec
from core_model.schema.plugins import refuse
from core_model.schema.registry import Registry
from core_model.schema.render import RenderRequest


class Model(Protocol):
    """A checkpoint in memory. Nothing here caches: stages are kept by the session."""

    @property
    def conventions(self) -> Conventions: ...

    @property
    def sizes(self) -> Sizes: ...

    @property
    def module(self) -> nn.Module | None: ...

    def map(self, latent: LatentSpec) -> Tensor | None:
        """ws [1, L, D]; None for families without latents."""
        ...

    def planes(self, ws: Tensor | None, noise: str) -> Planes | None:
        """Planes of ws; None for families without planes."""
        ...

    def field(self, planes: Planes | None, precision: torch.dtype) -> Field:
        """The scene."""
        ...

    def propose(self, weights: Tensor, image: Tensor, dirs: Tensor) -> Tensor:
        """Log-probabilities of the proposal network; raises if there is none."""
        ...


NativePicture = Callable[
    [Any, RenderRequest, Tensor | None, Planes | None, Guide | None], dict[str, np.ndarray]
]


@dataclass(frozen=True)
class FinalPicture:
    """How a family lifts rendered features to its picture.

    Only checkpoints with a `Sizes.neural_size` use it.

    features: the field whose colours are all the features that the super-resolution takes, over the planes
        and tables of the given one.
    background: what rays that meet nothing add to each feature, in the field's range [0, 1].
    march: (model, that field, camera, ray grid edge, guide, samples per ray or None) → `NeuralRender`. One
        guided pass with a guide, the two passes of the original program without; either is within 45 dB of
        the program's picture when samples is None.
    lift: (model, features [C, n, n] in [0, 1], ws, dtype of the feature maps or None for single precision,
        `pause`, which is called between blocks and may raise) → picture [3, R, R] in [0, 1] before any clamp.
    """

    features: Callable[[Field], Field]
    background: Callable[[Any], float]
    march: Callable[[Any, Field, CameraSpec, int, Guide | None, float | None], NeuralRender]
    lift: Callable[[Any, Tensor, Tensor, torch.dtype | None, Callable[[], None]], Tensor]


@dataclass(frozen=True)
class NeuralRender:
    """Features [C, n, n] in the field's range [0, 1]; depth (world units), opacity and samples evaluated per
    ray [n, n].
    """

    features: Tensor
    depth: Tensor
    opacity: Tensor
    samples: Tensor


@dataclass(frozen=True)
class Painted:
    """image [1, 3, S, S] in about [0, 1], with gradients; opacity [1, 1, S, S] without; field: the scene of the picture, with
    gradients to latent and weights.
    """

    image: Tensor
    opacity: Tensor
    field: Field


class Painter(Protocol):
    """The pictures of one checkpoint with gradients to latent, camera and weights (inversion)."""

    def paint(self, ws: Tensor, label: Tensor, size: int, *, fresh: bool, edge: float = 0.0) -> Painted:
        """The picture of ws [1, L, D] under the camera label [1, 25], size² pixels, as the family's viewer shows it.

        fresh: samples are placed anew; otherwise those of the last call may be kept, where the scene has moved little.
        edge: pixels over which a hard outline is softened, so that it teaches the shape; 0 = as it is. Families whose densities
        are soft have gradients there anyway and pay it no heed.
        """
        ...


@dataclass(frozen=True)
class FamilySpec:
    """One family: its description, and construction from a header.

    build gives the model with unset tensors (its `module` lies on the meta device); the session fills and
    moves them. The second argument of `build` and `describe` says where the header comes from, for messages.
    native: the picture of the original program, (model, request, ws, planes, guide) → float32 arrays by
    channel name, each at its own size; None for families that imitate nothing. With a guide, evaluations that
    cannot change the picture are left out.
    painter: pictures with gradients, of a model whose weights are filled; None for families without latents.
    """

    description: Description
    build: Callable[[CheckpointHeader, str], Model]
    native: NativePicture | None = None
    final: FinalPicture | None = None
    painter: Callable[[Any], Painter] | None = None

    @property
    def name(self) -> str:
        return self.description.name

    @property
    def describe(self) -> Callable[[CheckpointHeader, str], Sizes]:
        return self.description.describe

    @property
    def convert(self) -> ToNative | None:
        return self.description.convert


def _installed() -> None:
    """Families of other packages."""
    from core_model.families.known import DESCRIPTIONS, PLUGINS

    DESCRIPTIONS.names()
    for entry, found in PLUGINS.items():
        try:
            spec = found.spec()
            if not isinstance(spec, FamilySpec):
                raise TypeError(f"its spec() gives a {type(spec).__name__}, not a FamilySpec")
            FAMILIES.add(found.description.name, spec)
        except (Exception, SystemExit) as error:  # foreign code: anything may come out of it
            refuse("families", entry, error)


FAMILIES: Registry[FamilySpec] = Registry("family", _installed)
