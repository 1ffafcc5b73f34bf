"""EpiGRAF's phases (Skorokhodov et al. 2022, and its released program).

Generator: adversarial loss on patches. Discriminator: adversarial loss; R1 on new patches of the same reals,
with respect to the patch *before* blur and augmentation. Every use draws its own windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.fade_blur import fade_blur
from core_model.discriminators.patch_aware import CameraCode, PatchDiscriminator
from core_model.families.epigraf.generator import EpigrafGenerator
from core_model.families.epigraf.learning import RayDraws, density_noise, patches, styles
from core_model.geometry.patches import Windows, clamped_angles, crop
from core_model.losses.adversarial import is_found_out, passes_as_real, r1_gradients, squared_norms
from core_model.ops.draw_source import DrawSource
from core_model.training.gan.phases.term import Term, logit_reports


@dataclass(frozen=True)
class Fakes:
    """z [B, Z], classes [B, C], angles of the cameras [B, 3] and those that the mapping is told."""

    z: Tensor
    classes: Tensor
    angles: Tensor
    condition: Tensor


@dataclass(frozen=True)
class Reals:
    """images [B, 3, R, R] in [-1, 1], classes [B, C], angles [B, 3]."""

    images: Tensor
    classes: Tensor
    angles: Tensor


@dataclass(frozen=True)
class View:
    """How a phase renders and judges.

    patch: edge of a patch; image_size: of the whole picture. windows: draws those of a micro-batch. sigma: of
    the fading blur, in pixels of the patch. density_std: of the noise on raw densities. noise: of the
    backbone, drawn from rng. camera: how the mapping is told the camera, beyond its two wrapped angles.
    """

    patch: int
    image_size: int
    windows: Callable[[], Windows]
    sigma: float
    draws: DrawSource
    augment: AdaPipe | None = None
    p: float = 0.0
    density_std: float = 0.0
    noise: str = "random"
    rng: torch.Generator | None = None
    rays: RayDraws = RayDraws()
    camera: CameraCode = CameraCode(raw=True)


def mapped(g: EpigrafGenerator, fakes: Fakes, view: View) -> Tensor:
    """w [B, D]."""
    label = [fakes.classes] if g.cfg.c_dim else []
    if g.cfg.camera_cond:
        # pitch is clamped when the camera is built, which in the program is after the mapping
        label.append(view.camera(fakes.condition, view.draws))
    return g.mapping(fakes.z, torch.cat(label, dim=1) if label else None)


def rendered(g: EpigrafGenerator, w: Tensor, fakes: Fakes, view: View) -> tuple[Tensor, Windows]:
    """A fake patch [B, 3, r, r] and its windows."""
    ws, windows = styles(g, w), view.windows()
    planes = g.synthesize(ws, view.noise, view.rng)
    noise = density_noise(g, view.density_std, len(w), view.patch**2, view.draws)
    shown = patches(
        g,
        planes,
        ws,
        fakes.angles,
        windows,
        view.patch,
        image_size=view.image_size,
        noise=noise,
        rays=view.rays,
    )
    return shown, windows


def judged(
    d: PatchDiscriminator,
    patch: Tensor,
    windows: Windows,
    classes: Tensor,
    angles: Tensor,
    view: View,
    seen: dict[str, Tensor],
) -> Tensor:
    """Logits [B] of a blurred and augmented patch; what was seen is noted as the next call's."""
    x = fade_blur(patch, view.sigma)
    if view.augment is not None:
        x = view.augment(x, view.p, view.draws)
    number = len(seen) // 3
    seen[f"D{number}/scales"], seen[f"D{number}/offsets"] = windows.scales, windows.offsets
    seen[f"D{number}/img"] = x.detach()
    return d(x, windows, classes=classes, angles=clamped_angles(angles), draws=view.draws)


def generator_main(g: EpigrafGenerator, d: PatchDiscriminator, fakes: Fakes, view: View) -> Iterator[Term]:
    """Gall: softplus(-D(patch))."""
    seen: dict[str, Tensor] = {}
    shown, windows = rendered(g, mapped(g, fakes, view), fakes, view)
    logits = judged(d, shown, windows, fakes.classes, fakes.angles, view, seen)
    loss = passes_as_real(logits)
    yield Term(loss.mean(), {**logit_reports("fake", logits), "G_loss": loss.detach()}, seen)


def discriminator_main(
    g: EpigrafGenerator, d: PatchDiscriminator, fakes: Fakes, reals: Reals, view: View, r1: float = 0.0
) -> Iterator[Term]:
    """Dmain: softplus(D(fake)), which also moves w_avg, then softplus(-D(real)).

    r1: gamma where R1 belongs to this phase.
    """
    seen: dict[str, Tensor] = {}
    with torch.no_grad():
        w = mapped(g, fakes, view)
        g.mapping.track_average(w)
        shown, windows = rendered(g, w, fakes, view)
    logits = judged(d, shown, windows, fakes.classes, fakes.angles, view, seen)
    found = is_found_out(logits)
    yield Term(found.mean(), logit_reports("fake", logits), seen)
    leaf, logits = _judged_real(d, reals, view, seen, r1 > 0)
    passed = passes_as_real(logits)
    reports = {**logit_reports("real", logits), "D_loss": (found + passed).detach()}
    if not r1:
        yield Term(passed.mean(), reports, seen)
        return
    penalty, more = _penalty(leaf, logits, r1)
    yield Term((passed + penalty).mean(), reports | more, seen)


def discriminator_penalty(d: PatchDiscriminator, reals: Reals, view: View, gamma: float) -> Iterator[Term]:
    """Dreg: R1 through augmentation and blur."""
    seen: dict[str, Tensor] = {}
    leaf, logits = _judged_real(d, reals, view, seen, True)
    penalty, more = _penalty(leaf, logits, gamma)
    yield Term(penalty.mean(), {**logit_reports("real", logits), **more}, seen)


def _judged_real(
    d: PatchDiscriminator, reals: Reals, view: View, seen: dict[str, Tensor], learns: bool
) -> tuple[Tensor, Tensor]:
    """A new patch of the reals, as what R1 differentiates by, and its logits."""
    windows = view.windows()
    leaf = crop(reals.images, windows, view.patch).detach().requires_grad_(learns)
    return leaf, judged(d, leaf, windows, reals.classes, reals.angles, view, seen)


def _penalty(leaf: Tensor, logits: Tensor, gamma: float) -> tuple[Tensor, dict[str, Tensor]]:
    r1 = squared_norms(r1_gradients([leaf], logits)[0])
    return r1 * (gamma / 2), {"D_r1_penalty": r1.detach(), "D_reg": (r1 * (gamma / 2)).detach()}
