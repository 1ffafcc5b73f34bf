"""LatentSpec → ws, the same for every family with a StyleGAN2 mapping network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core_model.families.description import Sizes
from core_model.nn.mapping import broadcast_truncate, truncated
from core_model.schema.errors import InputError
from core_model.schema.latent import Edit, LatentSpec

CENTRE_SAMPLES, CENTRE_SEED = 256, 42


def latent_from_seed(seed: int, z_dim: int) -> Tensor:
    """z [1, Z]: numpy RandomState(seed) normals, as the scripts of this line of models draw them."""
    return torch.from_numpy(np.random.RandomState(seed).randn(1, z_dim)).float()


def class_centre(model: Mapped, latent: LatentSpec, z_dim: int, average: Tensor) -> Tensor:
    """The w [D] that psi draws towards: `average`, or the mean w of the latent's class.

    The class mean is over 256 seeds under the mean (frontal) camera. EpiGRAF's network truncates towards its
    average; its scripts, for networks with classes, towards such a mean, drawn anew each time. Here the seeds
    are always the same. Raises InputError where the network has no classes.
    """
    if latent.centre == "average":
        return average
    if not model.sizes.num_classes:
        raise InputError(
            what="no classes to truncate towards",
            where="latent",
            expected="a class-conditional checkpoint",
            got="none",
        )
    z = (
        torch.from_numpy(np.random.RandomState(CENTRE_SEED).randn(CENTRE_SAMPLES, z_dim))
        .float()
        .to(average.device)
    )
    return map_batch(model, z, latent.replace(cond=None)).mean(dim=0)


def styles_of(
    latent: LatentSpec, mapping: Callable[[Tensor], Tensor], w_avg: Tensor, *, z_dim: int, num_ws: int
) -> Tensor:
    """ws [1, L, D]: blend of seeds (or an explicit z or w), truncation, style mixing, edits.

    mapping: z [1, Z] → w [1, D] with the label already bound. Raises InputError for a z, w or direction of
    the wrong shape.
    """
    ws = _unedited(latent, mapping, w_avg, z_dim=z_dim, num_ws=num_ws)
    return _edited(ws, latent.edits) if latent.edits else ws


def _edited(ws: Tensor, edits: tuple[Edit, ...]) -> Tensor:
    """ws [1, L, D] moved along each direction, in the layers that it names."""
    ws = ws.clone()
    for edit in edits:
        if len(edit.direction) != ws.shape[2]:
            raise InputError(
                what="wrong direction",
                where="latent",
                expected=f"{ws.shape[2]} numbers",
                got=str(len(edit.direction)),
            )
        first, last = edit.layers or (0, ws.shape[1] - 1)
        ws[:, first : last + 1] += edit.strength * torch.tensor(
            edit.direction, device=ws.device, dtype=ws.dtype
        )
    return ws


def _unedited(
    latent: LatentSpec, mapping: Callable[[Tensor], Tensor], w_avg: Tensor, *, z_dim: int, num_ws: int
) -> Tensor:
    device = w_avg.device
    if latent.w is not None:
        ws = torch.tensor([latent.w], device=device)
        if ws.dim() != 3 or ws.shape[1] not in (1, num_ws) or ws.shape[2] != w_avg.shape[-1]:
            raise InputError(
                what="wrong w",
                where="latent",
                expected=f"[{num_ws}, {w_avg.shape[-1]}]",
                got=str(list(ws.shape[1:])),
            )
        ws = truncated(ws.expand(1, num_ws, w_avg.shape[-1]), w_avg, latent.psi, latent.cutoff)
        return _mixed(ws, latent, mapping, w_avg, z_dim)
    if latent.z is not None:
        if len(latent.z) != z_dim:
            raise InputError(
                what="wrong z", where="latent", expected=f"{z_dim} numbers", got=str(len(latent.z))
            )
        w = mapping(torch.tensor([latent.z], device=device))
    else:
        total = sum(s.weight for s in latent.seeds)
        parts = [
            mapping(latent_from_seed(s.seed, z_dim).to(device)) * (s.weight / total) for s in latent.seeds
        ]
        w = parts[0] if len(parts) == 1 else torch.stack(parts).sum(dim=0)
    ws = broadcast_truncate(w, w_avg, num_ws, latent.psi, latent.cutoff)
    return _mixed(ws, latent, mapping, w_avg, z_dim)


def _mixed(
    ws: Tensor, latent: LatentSpec, mapping: Callable[[Tensor], Tensor], w_avg: Tensor, z_dim: int
) -> Tensor:
    """ws [1, L, D] with the layers of the mix from its seed, truncated alike."""
    if latent.mix is None:
        return ws
    other = mapping(latent_from_seed(latent.mix.seed, z_dim).to(w_avg.device))
    mixed = broadcast_truncate(other, w_avg, ws.shape[1], latent.psi, latent.cutoff)
    layers = [i for i in latent.mix.layers if 0 <= i < ws.shape[1]]
    ws = ws.clone()
    ws[:, layers] = mixed[:, layers]
    return ws


class Mapped(Protocol):
    """What a model with a StyleGAN2 mapping network offers beside the Model protocol."""

    @property
    def module(self) -> nn.Module: ...

    @property
    def sizes(self) -> Sizes: ...

    def label(self, latent: LatentSpec) -> Tensor | None:
        """Conditioning label [1, C]; None where the mapping takes none."""
        ...


def map_batch(model: Mapped, z: Tensor, latent: LatentSpec) -> Tensor:
    """z [B, Z] → untruncated w [B, D] under the latent's label."""
    label = model.label(latent)
    mapping: Callable[[Tensor, Tensor | None], Tensor] = model.module.get_submodule("mapping")
    return mapping(z, None if label is None else label.expand(len(z), -1))
