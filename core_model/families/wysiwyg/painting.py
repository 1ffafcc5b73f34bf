"""WYSIWYG pictures with gradients to latent, camera and weights: samples placed by the learned sampler, then culled.

Where samples lie has no gradient; what is found there has. The samples of a picture may serve for the next few, in
which the scene moves little: placing them costs as much as rendering them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.base import Painted
from core_model.families.description import Sizes
from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.families.wysiwyg.outline import REACH, Grazing, find_grazing, pixel_width, softened
from core_model.families.wysiwyg.sparse_march import composited, learning_scene, light_of
from core_model.fields.lattice import cell_centres
from core_model.geometry.rays import Rays, Window, label_rays
from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import stratified_u
from core_model.rendering.empty import live_rays, space_of
from core_model.rendering.evaluate import Scene
from core_model.rendering.probe import run_probe, run_proposals
from core_model.sampling.placement import adaptive_mask, draw_adaptive, pdf_on_bins, stratified_samples
from core_model.sampling.types import RaySamples
from core_model.schema.camera import MatrixCamera
from core_model.schema.sampler import SamplerSpec

SPACE_CELLS = 48
LIGHT_FLOOR = 5e-3
"""Share of a ray's light below which a sample is not learned from."""
PLAIN_SAMPLES = 64
"""Samples per ray of checkpoints without a proposal network."""


@dataclass(frozen=True)
class _Placed:
    """Samples of the rays hit [H] of a size² picture: distance beyond the near bound and interval [H, S]; seen [H, S]
    are those that matter. grazing: the rays of the outline, where it is softened."""

    size: int
    grazing: Grazing | None
    hit: Tensor
    beyond: Tensor
    delta: Tensor
    seen: Tensor


class WysiwygPainter:
    """`Painter` of the wysiwyg family; colours are those of the frontal direction, as in its pictures (A3.1)."""

    def __init__(self, module: WysiwygGenerator, sizes: Sizes) -> None:
        self.module, self.sizes = module, sizes
        self._placed: _Placed | None = None

    def paint(self, ws: Tensor, label: Tensor, size: int, *, fresh: bool, edge: float = 0.0) -> Painted:
        g, conv = self.module, self.module.conventions
        planes = g.synthesize(ws, "const" if g.cfg.noise else "none")
        rays = label_rays(label, Window(size, 0, 0, size), conv)
        colour = conv.background
        background = None if colour is None else torch.tensor(colour, device=label.device)
        kept = self._placed
        if fresh or kept is None or kept.size != size or bool(edge) != (kept.grazing is not None):
            with torch.no_grad():
                self._placed = kept = self._place(
                    g.field(planes, fast=True), rays, label, size, background, edge
                )
        field, grazing = g.field(planes, fast=False), kept.grazing
        scene = learning_scene(field, background if grazing is None else None, camera_dirs=False)
        t = rays.near.detach().reshape(-1)[kept.hit][:, None] + kept.beyond
        rgb, opacity, _, _ = composited(scene, rays, kept.hit, t, kept.delta, kept.seen)
        if grazing is not None:
            ground = torch.zeros(3, device=label.device) if background is None else background
            flat = Rays(rays.origins[0], rays.dirs[0], rays.near[0].detach(), rays.far[0], rays.hit[0])
            pixel = pixel_width(flat, label, size)
            rgb = softened(field, flat, grazing, rgb[0], opacity[0], ground, edge * pixel, scene.frontal)
        picture = lambda x: x.reshape(1, size, size, -1).permute(0, 3, 1, 2)
        return Painted(picture(rgb), picture(opacity.detach()), field)

    def _place(
        self,
        field: WysiwygField,
        rays: Rays,
        label: Tensor,
        size: int,
        background: Tensor | None,
        edge: float,
    ) -> _Placed:
        """The samples of `triscope render`, and around them whatever may come to light while the scene moves a little."""
        conv, device = self.module.conventions, label.device
        flat = Rays(rays.origins[0], rays.dirs[0], rays.near[0], rays.far[0], rays.hit[0])
        camera = MatrixCamera.from_label(label[0].detach().cpu().numpy())
        lattice = field.geometry(cell_centres(SPACE_CELLS, conv.box, device))
        space = space_of(lattice, conv.box, SPACE_CELLS)
        grazing = None
        if edge:
            assert lattice.sdf is not None
            reach = REACH * edge * float(pixel_width(flat, label, size).max())
            cells = lattice.sdf.reshape(SPACE_CELLS, SPACE_CELLS, SPACE_CELLS)
            grazing = find_grazing(field, cells, conv.box, flat, reach)
        frontal = torch.tensor([0.0, 0.0, -1.0], device=device)
        scene = Scene(field, space, background, frontal)
        live = live_rays(space, camera, size, size, flat.hit)
        some = flat.select(live)
        if not len(live):
            empty = torch.zeros(0, 2, device=device)
            return _Placed(size, grazing, live, empty, empty, empty > 0)
        if self.module.proposal is not None:
            samples = self._proposed(scene, some, camera, live, size)
        else:
            samples = stratified_samples(
                some.near, some.far, stratified_u(len(live), PLAIN_SAMPLES, None, device)
            )
        light = light_of(scene, some, samples)
        seen = (light > LIGHT_FLOOR) & samples.valid
        near_by = F.max_pool1d(seen.float()[:, None], 3, stride=1, padding=1)[:, 0] > 0
        met = seen.any(dim=-1)
        beyond = samples.t - some.near[:, None]
        return _Placed(
            size, grazing, live[met], beyond[met], samples.delta[met], (near_by & samples.valid)[met]
        )

    def _proposed(
        self, scene: Scene, rays: Rays, camera: MatrixCamera, live: Tensor, size: int
    ) -> RaySamples:
        """Robust stratified samples by the proposal network; the hardest rays get more (WYSIWYG §4.4, A3.4)."""
        sizes, spec, conv = self.sizes, SamplerSpec(), self.module.conventions
        assert self.module.proposal is not None
        edge = round(min(sizes.probe_size, max(8.0, size * sizes.probe_size / sizes.proposal_size)))
        probe = run_probe(scene, camera, conv, edge, edge, sizes.probe_samples)
        proposals = run_proposals(probe, self.module.proposal)
        pdf = pdf_on_bins(proposals.at_pixels(live, size, size), rays.near, rays.far)
        hard = adaptive_mask(proposals.leftover(spec, size, size), spec.adaptive_share)[live]
        return draw_adaptive(pdf, spec, spec.budgets(sizes.default_spp), hard, PixelNoise(0, live))
