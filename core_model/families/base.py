"""What an opened checkpoint can do, and the table of families."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core_model.families.imported import ImportedNet
from core_model.fields.base import Field
from core_model.fields.triplane import Planes
from core_model.rendering.occupancy import Guide
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.conventions import Conventions
from core_model.schema.latent import LatentSpec
from core_model.schema.registry import Registry
from core_model.schema.render import RenderRequest


@dataclass(frozen=True)
class Sizes:
    """What the GUI and `triscope info` show of a network, known without building it."""

    title: str
    z_dim: int = 0
    w_dim: int = 0
    num_ws: int = 0
    c_dim: int = 0
    num_classes: int = 0
    image_size: int = 512
    plane_size: int = 0
    plane_channels: int = 0
    is_sdf: bool = True
    has_proposal: bool = False
    default_spp: float = 17.6
    probe_size: int = 128
    probe_samples: int = 192
    proposal_size: int = 512


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


NativePicture = Callable[[Any, RenderRequest, Tensor | None, Planes | None, Guide | None], dict[str, np.ndarray]]
ToNative = Callable[[ImportedNet], tuple[CheckpointHeader, dict[str, Tensor]]]


@dataclass(frozen=True)
class FamilySpec:
    """One family: description without building, and construction from a header.

    build gives the model with unset tensors (its `module` lies on the meta device); the session fills and moves them.
    The second argument of both says where the header comes from, for messages.
    native: the exact picture of the original program, (model, request, ws, planes, guide) → float32 arrays by channel name, each at
    its own size; None for families that imitate nothing. With a guide, evaluations that cannot change the picture are left out.
    convert: a network read from a foreign file → header and tensors of a native checkpoint; None for families of triscope's own.
    """

    name: str
    describe: Callable[[CheckpointHeader, str], Sizes]
    build: Callable[[CheckpointHeader, str], Model]
    native: NativePicture | None = None
    convert: ToNative | None = None


FAMILIES: Registry[FamilySpec] = Registry("family")
