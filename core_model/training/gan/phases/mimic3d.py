"""Mimic3D's phases of its 3D stage (Chen et al. 2023, and its released program).

The coarse planes are trained as EG3D is. A patch rendered with all planes at the picture's full resolution
imitates the super-resolved picture, which does not learn from that, and is judged by a discriminator of its
own that knows neither camera nor place. The 2D stage is EG3D's recipe with Mimic3D's generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core_model.discriminators.fade_blur import fade_blur
from core_model.discriminators.stylegan2 import DualDiscriminator, ImageDiscriminator
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.families.osg.learning import feature_picture, mapped, picture, styles
from core_model.families.osg.native import label_rays
from core_model.fields.triplane import Planes
from core_model.losses.adversarial import is_found_out, passes_as_real, r1_gradients, squared_norms
from core_model.ops.draw_source import DrawSource
from core_model.training.gan.phases.eg3d import Fakes, View, judged_fake
from core_model.training.gan.phases.term import Term, logit_reports

Distance = Callable[[Tensor, Tensor], Tensor]
"""Two pictures [B, 3, H, W] in [-1, 1] → perceptual distance [B]."""


@dataclass(frozen=True)
class Patches:
    """size: edge of a patch; full: edge of the picture that it is a window of [pixels].

    imitation, adversarial: weights of the two losses of the generator's patch.
    """

    size: int
    full: int
    imitation: float = 1.0
    adversarial: float = 0.1

    def corners(self, draws: DrawSource, batch: int, full: int | None = None) -> Tensor:
        """(top, left) [B, 2], whole numbers; windows never leave the picture."""
        options = (full or self.full) - self.size + 1
        return draws.choice(options, 2 * batch).reshape(batch, 2)


def windows(images: Tensor, corners: Tensor, size: int) -> Tensor:
    """Windows [B, C, size, size] of images [B, C, H, W] from (top, left) corners [B, 2] on."""
    at = torch.arange(size, device=images.device)
    corners = corners.to(images.device)
    rows, columns = corners[:, :1] + at, corners[:, 1:] + at
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return images[batch, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def rendered_patch(
    g: Mimic3dGenerator, planes: Planes, label: Tensor, corners: Tensor, sizes: Patches, view: View
) -> Tensor:
    """A window of the picture at its full resolution, marched through all planes [B, 3, size, size]."""
    origins, dirs = label_rays(label, sizes.size, sizes.full, corners.to(label.device))
    return feature_picture(g, planes, origins, dirs, sizes.size, view.uniforms)[:, :3]


def generator_main(
    g: Mimic3dGenerator,
    d: DualDiscriminator,
    d_patch: ImageDiscriminator,
    fakes: Fakes,
    view: View,
    sizes: Patches,
    distance: Distance,
) -> Iterator[Term]:
    """Gmain: the coarse branch against D, the patch against the picture and against D_patch, in one term."""
    w = mapped(g, fakes.z, fakes.condition)
    ws = styles(g, w)
    corners = sizes.corners(view.draws, len(w))
    planes = g.synthesize(ws, view.noise, view.rng)
    coarse = Planes(planes.levels[:1], planes.conventions)
    fake = picture(
        g, coarse, ws, fakes.label, view.size, uniforms=view.uniforms, rng=view.rng, dtype=view.dtype
    )
    patch = rendered_patch(g, planes, fakes.label, corners, sizes, view)
    target = windows(fake.image.detach(), corners, sizes.size)
    logits, seen = judged_fake(d, fake, fakes.label, view)
    adversarial = passes_as_real(logits)[:, 0]
    imitation = distance(patch, target)
    shown = _shown(patch, view)
    patch_logits = d_patch(shown)
    patch_loss = sizes.adversarial * passes_as_real(patch_logits)[:, 0]
    value = (adversarial + sizes.imitation * imitation + patch_loss).mean()
    reports = {
        **logit_reports("fake", logits),
        **logit_reports("patch_fake", patch_logits),
        "G_loss": adversarial.detach(),
        "G_lpips": imitation.detach(),
        "G_patch": patch_loss.detach(),
    }
    seen |= {
        "gen_patch_image": target,
        "gen_patch_image_raw": patch.detach(),
        "gen_image_raw": fake.raw.detach(),
        "gen_image": fake.image.detach(),
        "P0_patch_image_raw": shown.detach(),
    }
    yield Term(value, reports, seen)


def _shown(patch: Tensor, view: View) -> Tensor:
    """A patch as D_patch sees it: blurred as the pictures are, augmented on its own."""
    x = fade_blur(patch, view.sigma)
    return x if view.augment is None else view.augment(x, view.p, view.draws)


def patch_discriminator_main(
    g: Mimic3dGenerator,
    d_patch: ImageDiscriminator,
    fakes: Callable[[], Fakes],
    reals: Tensor,
    view: View,
    sizes: Patches,
) -> Iterator[Term]:
    """D_patchmain: softplus(D(fake)) + softplus(-D(real)) in one term; w_avg does not move.

    reals [B, 3, R, R] in [-1, 1]; their windows are drawn first. fakes: the phase's latents.
    """
    real_corners = sizes.corners(view.draws, len(reals), reals.shape[-1])
    batch = fakes()
    with torch.no_grad():
        ws = styles(g, mapped(g, batch.z, batch.condition))
        corners = sizes.corners(view.draws, len(ws))
        planes = g.synthesize(ws, view.noise, view.rng)
        fake = rendered_patch(g, planes, batch.label, corners, sizes, view)
    shown_fake = _shown(fake, view)
    fake_logits = d_patch(shown_fake)
    shown_real = _shown(windows(reals, real_corners, sizes.size), view)
    real_logits = d_patch(shown_real)
    loss = (is_found_out(fake_logits) + passes_as_real(real_logits))[:, 0]
    reports = {
        **logit_reports("patch_fake", fake_logits),
        **logit_reports("patch_real", real_logits),
        "D_patch_loss": loss.detach(),
    }
    seen = {"gen_patch_image_raw": fake, "P0_patch_image_raw": shown_fake, "P1_patch_image": shown_real}
    yield Term(loss.mean(), reports, seen)


def patch_discriminator_penalty(
    d_patch: ImageDiscriminator, reals: Tensor, view: View, sizes: Patches, gamma: float
) -> Iterator[Term]:
    """D_patchreg: R1 on new windows of the reals, with respect to the patch as D_patch receives it."""
    corners = sizes.corners(view.draws, len(reals), reals.shape[-1])
    leaf = _shown(windows(reals, corners, sizes.size), view).detach().requires_grad_(True)
    logits = d_patch(leaf)
    r1 = squared_norms(r1_gradients([leaf], logits)[0])
    penalty = r1 * (gamma / 2)
    reports = {
        **logit_reports("patch_real", logits),
        "patch_r1_penalty": r1.detach(),
        "D_patch_reg": penalty.detach(),
    }
    yield Term(penalty.mean(), reports, {"P0_patch_image": leaf.detach()})


def coarse_view(view: View) -> View:
    """What D's phases render: the coarse planes alone."""
    return replace(view, levels=1)
