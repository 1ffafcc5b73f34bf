"""The sampler report's results as plain data: `report.json` is these records."""

from __future__ import annotations

from core_model.schema.frozen import Frozen
from core_model.schema.inspect import RayReport

COUNTS = (2, 4, 8, 16, 32, 64)
STRATEGIES = ("unstratified", "stratified", "robust")
REFERENCE_SPP = 384
PSNR_LIMIT = 99.0

DEFINITIONS = {
    "reference": f"importance sampler, {REFERENCE_SPP} samples per ray, half coarse; nothing skipped",
    "squared error": "of one pixel: mean over the three sRGB channels, each in [0, 1]",
    "psnr": f"-10·log10(mean squared error) in dB, at most {PSNR_LIMIT:g} (identical pictures)",
    "all": "every pixel of the picture",
    "foreground": "pixels whose opacity in the reference exceeds 0.05",
    "worst_1": "the 1 % of all pixels with the largest squared error, chosen anew for each picture",
    "worst_01": "the 0.1 % of all pixels with the largest squared error, chosen anew for each picture",
    "l2": "Euclidean distance of two sRGB colours, each channel in [0, 1]: 0 … 1.73",
    "samples": "samples per ray; those of the probe are not counted",
}


class Psnr(Frozen):
    """PSNR [dB] over four sets of pixels; `DEFINITIONS` says which."""

    all: float
    foreground: float
    worst_1: float
    worst_01: float


class Score(Frozen):
    """One picture against the reference.

    spp: mean samples per ray; evaluated: field evaluations per pixel.
    """

    name: str
    title: str
    strategy: str = ""
    spp: float
    evaluated: float
    ms: float
    psnr: Psnr


class ChosenPixel(Frozen):
    """The pixel of Fig. 4 and of the enlarged details; x, y count from 0 at the upper left."""

    x: int
    y: int
    how: str
    leftover: float | None = None
    opacity: float = 0.0


class Check(Frozen):
    """A claim of the paper, held against this checkpoint: `holds` if robust ≥ the best of the others [dB]."""

    claim: str
    robust: float
    others: float
    holds: bool


class SamplerReport(Frozen):
    """Figures 4, A5, A6 and A7 of What You See is What You GAN for one checkpoint and view, as numbers.

    view: what the figures say of the picture: checkpoint, latent, camera.
    """

    checkpoint: str
    view: str
    width: int
    height: int
    pixel: ChosenPixel
    foreground_share: float
    probe_per_pixel: float
    reference_ms: float
    strategies: tuple[Score, ...]
    adaptive: tuple[Score, ...]
    adaptive_pixels: int
    checks: tuple[Check, ...]
    definitions: dict[str, str] = DEFINITIONS
    ray: RayReport
    device: str = ""
    seconds: float = 0.0

    def score(self, strategy: str, spp: int) -> Score:
        """The A5 picture of one strategy at one budget."""
        return next(s for s in self.strategies if s.strategy == strategy and round(s.spp) == spp)


def checks_of(scores: tuple[Score, ...]) -> tuple[Check, ...]:
    """Robust against the better of the two others, on the worst 1 %, at each budget."""
    found = []
    for n in sorted({round(s.spp) for s in scores}):
        row = {s.strategy: s.psnr.worst_1 for s in scores if round(s.spp) == n}
        others = max(v for k, v in row.items() if k != "robust")
        found.append(
            Check(
                claim=f"at {n} samples robust is at least as good as the others on the worst 1 % of pixels",
                robust=row["robust"],
                others=others,
                holds=row["robust"] >= others,
            )
        )
    return tuple(found)
