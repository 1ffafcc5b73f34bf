"""What the renderer does for the person, in words, with how far it is.

What the viewport's work badge shows and can cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core_model.schema.question import Question
from core_model.schema.render import Tier

WorkKind = Literal["second", "question", "picture"]
SHOWN_AFTER_S = 1.0
"""Work that is over sooner is not worth a word."""

_QUESTIONS = {
    "DirectionsQuestion": "Finding directions",
    "PictureQuestion": "Small pictures",
    "SectionQuestion": "Cross-section",
    "PlanesQuestion": "Tri-planes",
    "FieldHistogramQuestion": "Histogram of the field",
    "MeshForecastQuestion": "Forecast of the mesh",
    "MeshPreviewQuestion": "Mesh at this level",
    "LayersQuestion": "Layers of the networks",
    "LayerQuestion": "A layer of the networks",
    "LayerValuesQuestion": "Values of a layer",
    "LatentQuestion": "Latent code",
    "DescribeQuestion": "Reading a file",
}
_TIERS = {Tier.FULL: "Rendering the full picture"}


@dataclass(frozen=True)
class Work:
    """kind: what cancelling would end.

    stage, fraction [0, 1]: of the current work, "" and 0 while it waits its turn; at_once: named before it
    has taken long, because its place on the screen is empty.
    """

    kind: WorkKind
    title: str
    stage: str = ""
    fraction: float = 0.0
    seconds: float = 0.0
    at_once: bool = False

    @property
    def shown(self) -> bool:
        return self.at_once or self.seconds >= SHOWN_AFTER_S


def question_title(question: Question) -> str:
    return _QUESTIONS.get(type(question).__name__, "Answering")


def picture_title(tier: Tier) -> str:
    return _TIERS.get(tier, "Rendering")
