"""The question for a baked volume: what the worker makes by itself for the view, asked for by walks, boards and files."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core_model.schema.latent import LatentSpec
from core_model.schema.question import Question

BAKE_LEVELS = (64, 128, 256, 512)
"""Cells per edge that a volume can have."""


class BakeQuestion(Question):
    """One head as bricks near its surface.

    Answer: value `spec` (a `BakedSpec`), arrays `index`, `clear`, `value`, `colour` (see `BakedArrays`).
    """

    latent: LatentSpec = LatentSpec()
    level: int = Field(default=128, description="cells per edge of the box")
    precision: Literal["fp32", "bf16"] = "fp32"
