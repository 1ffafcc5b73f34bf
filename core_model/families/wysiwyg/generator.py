"""The WYSIWYG generator: z, c → w → T' → T → field (spec §1 and §2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core_model.families.wysiwyg.config import WysiwygConfig
from core_model.families.wysiwyg.decoder import RgbMlp, SdfMlp, WysiwygField
from core_model.fields.triplane import Planes
from core_model.nn.mapping import MappingNetwork, broadcast_truncate
from core_model.nn.synthesis import SynthesisBlock, SynthesisNetwork, channels_at
from core_model.sampling.proposal_net import ProposalNetwork
from core_model.schema.conventions import Conventions


class WysiwygGenerator(nn.Module):
    """EG3D's backbone T' with twice the capacity, a StyleGAN2 block per plane to T, SDF and colour heads,
    proposal network.
    """

    def __init__(self, cfg: WysiwygConfig, conventions: Conventions, seed: int = 0) -> None:
        super().__init__()
        self.cfg, self.conventions = cfg, conventions
        hidden = [cfg.mapping_width or cfg.w_dim] * (cfg.mapping_layers - 1)
        self.mapping = MappingNetwork(cfg.z_dim, cfg.c_dim, cfg.w_dim, cfg.mapping_layers, hidden=hidden)
        self.backbone = SynthesisNetwork(
            cfg.w_dim,
            cfg.base_size,
            3 * cfg.plane_channels,
            channel_base=cfg.channel_base,
            channel_max=cfg.channel_max,
            use_noise=cfg.noise,
            start=cfg.start_size,
        )
        self.plane_blocks = nn.ModuleList()
        if cfg.plane_size > cfg.base_size:
            width = cfg.plane_block_channels or channels_at(cfg.plane_size, cfg.channel_base, cfg.channel_max)
            self.plane_blocks.extend(
                SynthesisBlock(
                    cfg.plane_channels,
                    width,
                    cfg.w_dim,
                    cfg.plane_size,
                    cfg.plane_channels,
                    use_noise=cfg.noise,
                )
                for _ in range(3)
            )
        self.sdf_mlp, self.rgb_mlp = SdfMlp(cfg), RgbMlp(cfg)
        self.proposal = (
            ProposalNetwork(cfg.probe_samples - 1, cfg.proposal_channels, cfg.proposal_ups)
            if cfg.proposal_channels
            else None
        )
        if not self.sdf_mlp.fc0.weight.is_meta:
            self._init_planes()
            rng = torch.Generator().manual_seed(seed)
            self.sdf_mlp.init_sphere(cfg, conventions.box, rng)
            self.rgb_mlp.init_spread(rng)

    @torch.no_grad()
    def _init_planes(self) -> None:
        """Start planes near 1 when features are multiplied.

        (1+a)(1+b)(1+c) behaves like a sum, whereas the product of three wide Gaussians has tails that make
        the first gradients useless.
        """
        if self.conventions.reduction != "product":
            return
        backbone = [b for b in self.backbone.blocks if isinstance(b, SynthesisBlock)]
        details = [b for b in self.plane_blocks if isinstance(b, SynthesisBlock)]
        for block in [*backbone, *details]:
            block.torgb.weight.mul_(0.2)
        backbone[0].torgb.bias.add_(1.0)
        for block in details:
            block.torgb.weight.mul_(0.05)  # T starts as T' upsampled; detail grows from there

    @property
    def num_ws(self) -> int:
        """Style slots; the plane blocks reuse the last one, as EG3D's super-resolution does."""
        return self.backbone.num_ws

    def map(self, z: Tensor, c: Tensor | None, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """z [B, Z], c [B, C] → ws [B, L, D]."""
        w = self.mapping(z, c)
        return broadcast_truncate(w, self.mapping.w_avg, self.num_ws, psi, cutoff)

    def synthesize(
        self,
        ws: Tensor,
        noise: str = "const",
        rng: torch.Generator | None = None,
        *,
        up_to: int | None = None,
    ) -> Planes:
        """ws [B, L, D] → Planes with one level [B, 3, C, H, W]; up_to stops at that resolution."""
        ch = self.cfg.plane_channels
        base = self.backbone(ws, noise, rng, up_to=up_to)
        if self.plane_blocks and (up_to is None or up_to > self.cfg.base_size):
            slices = base.split(ch, dim=1)
            last = ws[:, -1]
            slices = [
                block(s, s, (last, last, last), noise, rng)[1]
                for block, s in zip(self.plane_blocks, slices, strict=True)
            ]
            return Planes((torch.stack(slices, dim=1),), self.conventions)
        return Planes((base.unflatten(1, (3, ch)),), self.conventions)

    def field(self, planes: Planes, *, fast: bool = True, dtype: torch.dtype = torch.float32) -> WysiwygField:
        """The field over cached planes; fast = inference path."""
        return WysiwygField(planes, self.sdf_mlp, self.rgb_mlp, self.cfg, fast=fast, dtype=dtype)
