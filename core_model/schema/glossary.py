"""The words of triscope: one name for each quantity, in code, labels, plots and documentation.

Labels take `title`, tooltips `tip`: plain words first, the paper's reference after them ("What You See is What
You GAN", arXiv 2401.02411; sections A… are of its supplement). Two words that are near to each other and mean
different things:

    picture   what is rendered and looked at        images    what a discriminator has seen, the unit of training, and what a data set holds
    resume    go on with what was stopped or paused (never "continue")
    leftover  predicted mass outside the largest bins    hard ray    a ray that gets the large budget
    stratified, of a sampler: one draw in equal lengths of the ray; of a strategy: in equal parts of the predicted mass
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """title: as a label; meaning: one plain sentence without its full stop; paper: where the paper has it."""

    title: str
    meaning: str
    paper: str = ""

    @property
    def tip(self) -> str:
        return f"{self.meaning} ({self.paper})" if self.paper else self.meaning


UNSTRATIFIED = Term("Unstratified", "Independent draws from the predicted distribution")
STRATIFIED = Term("Stratified", "One draw in each of equally likely parts of the predicted distribution")
ROBUST = Term(
    "Robust", "Equal shares to all bins of the smallest set that holds tau of the predicted mass", "A3.5"
)
STRATEGIES: dict[str, Term] = {"robust": ROBUST, "stratified": STRATIFIED, "unstratified": UNSTRATIFIED}
"""By the names that `SamplerSpec.strategy` has."""

SURFACE_VARIANCE = Term(
    "Surface variance",
    "Mean of beta along the ray, weighted as the picture is; world units",
    "B in the paper",
)
LEFTOVER_MASS = Term(
    "Leftover mass",
    "Predicted mass outside the largest bins; the rays with most of it get the large budget",
    "A3.4",
)
ADAPTIVE = Term("Adaptive", "Gives the rays with most leftover mass the large budget", "A3.4")
SWD = Term(
    "SWD", "Sliced Wasserstein distance: patches of pictures against those of the data, by size of the patch"
)
ROBUST_THRESHOLD = Term("robust threshold", "Density of the last bin that robust sampling keeps", "A3.5")
