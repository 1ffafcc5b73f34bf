"""How the three programs change with the number of images shown: fades, growth, averages, learning rates.

`images` is counted before the iteration's own batch. Sections 1.2, 1.3, 2.3 and 3.2 of their training recipes.
"""

from __future__ import annotations

from dataclasses import dataclass

from core_model.discriminators.fade_blur import fade_sigma
from core_model.losses.terms import lazy_rate

BLUR_SIGMA, BLUR_KIMG = 10.0, 200.0
SWAP_KIMG = 1000.0
RAMP_UP = 0.05


def linear(start: float, end: float, images: float, kimg: float) -> float:
    """From start to end over `kimg` thousand images, then end (at once where kimg is 0)."""
    share = min(images / (kimg * 1e3), 1.0) if kimg > 0 else 1.0
    return start + (end - start) * share


def batch_blur(images: float, batch: int, start: float = BLUR_SIGMA, kimg: float = BLUR_KIMG) -> float:
    """Sigma of EG3D's and Mimic3D's fading blur, whose length grows with the batch (EpiGRAF's does not)."""
    return fade_sigma(images, start, kimg * batch / 32)


def swap_probability(images: float, end: float, kimg: float = SWAP_KIMG) -> float:
    """With which the generator is conditioned on another camera than it renders; kimg 0 (resumed): end at once."""
    return linear(1.0, end, images, kimg)


def render_size(images: float, first: int, last: int | None, kimg: float) -> int:
    """Edge of the raw render [pixels], halves rounded to even."""
    return first if last is None else round(linear(float(first), float(last), images, kimg))


def average_keep(images: float, batch: int, half_life: float, ramp_up: float | None = RAMP_UP) -> float:
    """Share of the old running average that an iteration keeps.

    half_life: in images. ramp_up: the half-life never exceeds this share of the images shown, so that the
    first iteration copies the generator; None = constant (resumed).
    """
    half = half_life if ramp_up is None else min(half_life, images * ramp_up)
    return 0.5 ** (batch / max(half, 1e-8))


@dataclass(frozen=True)
class AdamRule:
    """Rate and betas as Adam gets them."""

    lr: float
    beta1: float
    beta2: float

    @classmethod
    def lazy(cls, lr: float, interval: int | None, beta1: float = 0.0, beta2: float = 0.99) -> AdamRule:
        """Corrected for a regulariser every `interval` iterations (StyleGAN2, appendix B); None = none."""
        share = lazy_rate(interval) if interval else 1.0
        return cls(lr * share, beta1**share, beta2**share)
