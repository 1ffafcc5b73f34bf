"""StyleGAN2 mapping network with pose conditioning, truncation psi and cutoff, as EG3D uses it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core_model.nn.layers import EqualLinear, second_moment_norm


class MappingNetwork(nn.Module):
    """z [B, Z] and label c [B, C] (none when C is 0) → w [B, D]; learning-rate multiplier 0.01.

    hidden: widths of all layers but the last, where they differ from w_dim; embed_dim: width of the embedded
    label.
    """

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_layers: int = 2,
        lr_mul: float = 0.01,
        *,
        hidden: Sequence[int] | None = None,
        embed_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim = z_dim, c_dim, w_dim
        embed_dim = w_dim if embed_dim is None else embed_dim
        self.embed = EqualLinear(c_dim, embed_dim) if c_dim else None
        widths = [w_dim] * (num_layers - 1) if hidden is None else list(hidden)
        dims = [z_dim + (embed_dim if c_dim else 0), *widths, w_dim]
        self.layers = nn.ModuleList(
            EqualLinear(i, o, lr_mul=lr_mul, activate=True) for i, o in zip(dims[:-1], dims[1:], strict=True)
        )
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Untruncated w [B, D]."""
        x = second_moment_norm(z.float())
        if self.embed is not None:
            if c is None:
                raise ValueError(f"mapping: expected a label [B, {self.c_dim}], got none")
            x = torch.cat([x, second_moment_norm(self.embed(c.float()))], dim=-1)
        for layer in self.layers:
            x = layer(x)
        return x

    def track_average(self, w: Tensor, decay: float = 0.998) -> None:
        """w_avg ← lerp(batch mean, w_avg, decay), used by training."""
        self.w_avg.copy_(torch.lerp(w.detach().float().mean(dim=0), self.w_avg, decay))


def broadcast_truncate(w: Tensor, w_avg: Tensor, num_ws: int, psi: float, cutoff: int | None) -> Tensor:
    """w [B, D] → ws [B, L, D]; slots below `cutoff` (all when None) become lerp(w_avg, w, psi)."""
    return truncated(w.unsqueeze(1).repeat(1, num_ws, 1), w_avg, psi, cutoff)


def truncated(ws: Tensor, w_avg: Tensor, psi: float, cutoff: int | None) -> Tensor:
    """ws [B, L, D] with the slots below `cutoff` (all when None) at lerp(w_avg, ws, psi); ws itself where psi is 1."""
    if psi == 1.0:
        return ws
    n = ws.shape[1] if cutoff is None else min(cutoff, ws.shape[1])
    return torch.cat([torch.lerp(w_avg.to(ws).expand_as(ws[:, :n]), ws[:, :n], psi), ws[:, n:]], dim=1)
