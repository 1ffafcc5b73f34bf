"""Questions that the window asks beside pictures: what a w is, a thumbnail, a slice.

Answered when nothing else waits. A question is a frozen record whose class says what is asked;
`core_model.queries` holds one function for each class. The same question always has the same answer, so that
the window may keep it.
"""

from __future__ import annotations

from pydantic import Field

from core_model.schema.frozen import Frozen
from core_model.schema.latent import SEEDS, LatentSpec
from core_model.schema.render import RenderRequest


class Question(Frozen):
    """Base of all questions; `checkpoint` is a file or analytic:NAME."""

    checkpoint: str


class LatentQuestion(Question):
    """Which w [L, D] a latent is, after truncation and mixing; with `w_avg` [L, D]."""

    latent: LatentSpec


class PictureQuestion(Question):
    """A small picture, rendered whenever there is time: thumbnails, strips, boards.

    Its channels come as arrays.
    """

    request: RenderRequest


class DescribeQuestion(Question):
    """What a file is, without building its network.

    `stamp` tells a changed file from the one that was described.
    """

    stamp: float = 0.0


class DirectionsQuestion(Question):
    """Principal directions of w.

    PCA of `samples` mapped w of the checkpoint under its frontal camera (GANSpace).

    Arrays: directions [K, D] (unit vectors), sigma [K] (standard deviation of w along each), share [K] (of
    the whole variance).
    """

    count: int = Field(default=16, ge=1, le=512)
    samples: int = Field(default=4096, ge=16, le=1 << 20)
    seed: int = Field(default=0, ge=0, le=SEEDS - 1)
    class_index: int | None = None
