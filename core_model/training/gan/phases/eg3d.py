"""EG3D's phases (Chan et al. 2022, and its released program).

Generator: adversarial loss; density regulariser. Discriminator: adversarial loss; R1. The discriminator sees
pairs of a picture and its raw render. Fakes: the picture blurred, the raw render not. Reals: both, the raw one
made from the picture before it is blurred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.fade_blur import fade_blur
from core_model.discriminators.stylegan2 import DualDiscriminator, noisy_label, resized
from core_model.families.osg.learning import Picture, Uniforms, mapped, picture, raw_density, styles
from core_model.families.osg.model import VolumetricGenerator
from core_model.fields.triplane import Planes
from core_model.losses.adversarial import is_found_out, passes_as_real, r1_gradients, squared_norms
from core_model.losses.density import DensityKind, RawDensity, density_terms
from core_model.ops.draw_source import DrawSource
from core_model.ops.resample import fir, upsample2
from core_model.training.gan.phases.term import Term, logit_reports


@dataclass(frozen=True)
class Fakes:
    """z [B, Z]; condition [B, L] of the mapping (None = no conditioning, a label of zeros); label [B, 25]."""

    z: Tensor
    condition: Tensor | None
    label: Tensor


@dataclass(frozen=True)
class Reals:
    """images [B, 3, R, R] in [-1, 1] and their labels [B, 25]."""

    images: Tensor
    label: Tensor


@dataclass(frozen=True)
class View:
    """How a phase renders and judges.

    size: of the raw render. sigma: of the fading blur. resize: how a real image is brought to the raw size
    (`resized_real`). augment, p: None = no augmentation. label_noise: strength of `noisy_label`.
    noise: of the backbone; rng: where it is drawn. dtype: of the super-resolution's feature maps.
    levels: number of plane levels that are rendered, all by default.
    """

    size: int
    sigma: float
    draws: DrawSource
    augment: AdaPipe | None = None
    p: float = 0.0
    label_noise: float = 0.0
    resize: str | float = "antialiased"
    noise: str = "random"
    rng: torch.Generator | None = None
    dtype: torch.dtype | None = None
    uniforms: Uniforms = Uniforms()
    levels: int | None = None


def resized_real(images: Tensor, size: int, how: str | float = "antialiased") -> Tensor:
    """Real images at the raw render's size.

    how: antialiased; none (bilinear alone); a number between them; classic (up by two with [1, 3, 3, 1],
    bilinear, down by two).
    """
    if how == "antialiased":
        return resized(images, size)
    if how == "classic":
        edge = 2 * size + 2
        x = F.interpolate(upsample2(images), size=(edge, edge), mode="bilinear", align_corners=False)
        return fir(x, 0, 0, stride=2)
    plain = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
    return plain if how == "none" else torch.lerp(plain, resized(images, size), float(how))


def real_pair(images: Tensor, view: View) -> Picture:
    """Real images and their raw counterparts, blurred; before augmentation."""
    raw = fade_blur(resized_real(images, view.size, view.resize), view.sigma)
    return Picture(fade_blur(images, view.sigma), raw)


def augmented(pair: Picture, view: View) -> Picture:
    """Picture and raw image through one augmentation, the raw one at the picture's size and back."""
    if view.augment is None:
        return pair
    c = pair.image.shape[1]
    both = torch.cat([pair.image, resized(pair.raw, pair.image.shape[-1])], dim=1)
    both = view.augment(both, view.p, view.draws)
    return Picture(both[:, :c], resized(both[:, c:], pair.raw.shape[-1]))


def judged(d: DualDiscriminator, pair: Picture, label: Tensor, view: View) -> tuple[Tensor, Tensor]:
    """(logits [B, 1], the labels as the discriminator has left them)."""
    if view.label_noise:
        label = noisy_label(label, view.label_noise, view.draws.normal(*label.shape))
    return d.judge(pair.image, pair.raw, label), label


def synthesised(g: VolumetricGenerator, w: Tensor, view: View) -> Planes:
    planes = g.synthesize(styles(g, w), view.noise, view.rng)
    return planes if view.levels is None else Planes(planes.levels[: view.levels], planes.conventions)


def rendered(g: VolumetricGenerator, w: Tensor, label: Tensor, view: View) -> Picture:
    """The fake as the generator returns it."""
    return picture(
        g,
        synthesised(g, w, view),
        styles(g, w),
        label,
        view.size,
        uniforms=view.uniforms,
        rng=view.rng,
        dtype=view.dtype,
    )


def judged_fake(
    d: DualDiscriminator, fake: Picture, label: Tensor, view: View
) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits of a rendered fake, and what was seen."""
    shown = augmented(Picture(fade_blur(fake.image, view.sigma), fake.raw), view)
    logits, _ = judged(d, shown, label, view)
    return logits, {"fake_image": shown.image.detach(), "fake_raw": shown.raw.detach()}


def generator_main(g: VolumetricGenerator, d: DualDiscriminator, fakes: Fakes, view: View) -> Iterator[Term]:
    """Gmain: softplus(-D(fake))."""
    fake = rendered(g, mapped(g, fakes.z, fakes.condition), fakes.label, view)
    logits, seen = judged_fake(d, fake, fakes.label, view)
    loss = passes_as_real(logits)
    yield Term(loss.mean(), {**logit_reports("fake", logits), "G_loss": loss.detach()}, seen)


def generator_density(
    g: VolumetricGenerator,
    kind: DensityKind,
    batch: int,
    fresh: Callable[[], Fakes],
    view: View,
    *,
    weight: float,
    offset: float,
) -> Iterator[Term]:
    """Greg: the density regulariser of all plane levels.

    fresh: gives the phase's `batch` latents once for every term, each time with conditions of their own (the
        program draws one swap for the whole micro-batch each time).
    """

    def query() -> RawDensity:
        fakes = fresh()
        planes = synthesised(g, mapped(g, fakes.z, fakes.condition), replace(view, levels=None))
        return lambda points: raw_density(g, planes, points)

    edge = g.cfg.volumetric.box_warp
    for value in density_terms(kind, query, batch, weight=weight, offset=offset, edge=edge, draws=view.draws):
        yield Term(value, {"G_reg": value.detach()})


def discriminator_main(
    g: VolumetricGenerator, d: DualDiscriminator, fakes: Fakes, reals: Reals, view: View, r1: float = 0.0
) -> Iterator[Term]:
    """Dmain: softplus(D(fake)), which also moves w_avg, then softplus(-D(real)).

    r1: gamma where R1 belongs to this phase (Dboth, for an interval of 1).
    """
    with torch.no_grad():
        w = mapped(g, fakes.z, fakes.condition)
        g.mapping.track_average(w)
        fake = rendered(g, w, fakes.label, view)
    logits, seen = judged_fake(d, fake, fakes.label, view)
    found = is_found_out(logits)
    seen |= {"gen_image": fake.image, "gen_image_raw": fake.raw}
    yield Term(found.mean(), logit_reports("fake", logits), seen)
    pair = augmented(real_pair(reals.images, view), view)
    leaves = [x.detach().requires_grad_(r1 > 0) for x in (pair.image, pair.raw)]
    logits, label = judged(d, Picture(*leaves), reals.label, view)
    passed = passes_as_real(logits)
    reports = {**logit_reports("real", logits), "D_loss": (found + passed).detach()}
    seen = {"real_image": leaves[0].detach(), "real_raw": leaves[1].detach(), "label": label}
    if not r1:
        yield Term(passed.mean(), reports, seen)
        return
    penalty, more = _penalty(leaves, logits, r1)
    yield Term((passed + penalty[:, None]).mean(), reports | more, seen)


def discriminator_penalty(d: DualDiscriminator, reals: Reals, view: View, gamma: float) -> Iterator[Term]:
    """Dreg: R1 with respect to both pictures as the discriminator receives them, blurred and augmented."""
    pair = augmented(real_pair(reals.images, view), view)
    leaves = [x.detach().requires_grad_(True) for x in (pair.image, pair.raw)]
    logits, label = judged(d, Picture(*leaves), reals.label, view)
    penalty, more = _penalty(leaves, logits, gamma)
    seen = {"real_image": leaves[0].detach(), "real_raw": leaves[1].detach(), "label": label}
    yield Term(penalty.mean(), {**logit_reports("real", logits), **more}, seen)


def _penalty(leaves: list[Tensor], logits: Tensor, gamma: float) -> tuple[Tensor, dict[str, Tensor]]:
    """gamma/2 · R1 [B], and its parts."""
    gradients = r1_gradients(leaves, logits)
    image, raw = (squared_norms(g) for g in gradients)
    r1 = image + raw
    return r1 * (gamma / 2), {
        "r1_image_part": image.detach(),
        "r1_raw_part": raw.detach(),
        "r1_image_gradient": gradients[0].detach(),
        "r1_penalty": r1.detach(),
        "D_reg": (r1 * (gamma / 2)).detach(),
    }
