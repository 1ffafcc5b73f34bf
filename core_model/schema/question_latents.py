"""Questions about the space of w that the window asks beside pictures."""

from __future__ import annotations

from pydantic import Field

from core_model.schema.question import Question


class DirectionsQuestion(Question):
    """Principal directions of w.

    PCA of `samples` mapped w of the checkpoint under its frontal camera (GANSpace).

    Arrays: directions [K, D] (unit vectors), sigma [K] (standard deviation of w along each), share [K] (of
    the whole variance).
    """

    count: int = Field(default=16, ge=1, le=512)
    samples: int = Field(default=4096, ge=16, le=1 << 20)
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    class_index: int | None = None
