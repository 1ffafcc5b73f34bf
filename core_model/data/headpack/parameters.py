"""Everything that is chosen at random for one person; equal parameters give equal heads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core_model.schema.frozen import Frozen

Tone = tuple[float, float, float]
"""Linear RGB."""
Share = Field(ge=0.0, le=1.0)


class Weight(Frozen):
    """A target of the pack and its weight; weights of one target add up."""

    target: str
    weight: float = Field(ge=0.0, le=1.0)


class Glasses(Frozen):
    """Frames and lenses, modelled from the landmarks."""

    shape: Literal["round", "oval", "square", "rimless"]
    width: float = Field(0.7, ge=0.4, le=0.85)
    """Width of a lens, in distances between the pupils."""
    height: float = Field(0.75, ge=0.5, le=1.0)
    """Height of a lens over its width."""
    rim: float = Field(0.006, ge=0.001, le=0.02)
    """Thickness of the rim, world units."""
    tone: Tone = (0.02, 0.02, 0.02)
    lens: Tone = (1.0, 1.0, 1.0)
    """What a lens lets through."""


class HeadParameters(Frozen):
    """One person: shape, expression, and the parts worn (names are keys of the pack's manifest)."""

    seed: int | None = None
    male: float = Field(ge=0.0, le=1.0)
    age: float = Field(ge=0.0, le=1.0)
    """0 = one year, 0.1875 = ten, 0.5 = twenty-five, 1 = ninety years."""
    african: float = Share
    asian: float = Share
    caucasian: float = Share
    muscle: float = Share
    weight: float = Share
    details: tuple[Weight, ...] = ()
    expression: str = "neutral"
    """Name of the expression that `units` make."""
    units: tuple[Weight, ...] = ()
    gaze: tuple[float, float] = (0.0, 0.0)
    """Degrees to the person's left and up."""
    skin: str
    skin_gain: float = Field(1.0, ge=0.5, le=1.5)
    lips: Tone = (0.3, 0.05, 0.05)
    lip_strength: float = Share
    iris: str
    iris_gain: float = Field(0.7, ge=0.3, le=1.2)
    brows: str
    brow_tone: Tone
    brow_alpha: float = Field(1.4, ge=0.5, le=2.5)
    lashes: str
    hair: str | None
    hair_mirrored: bool = False
    hair_colour: str
    hair_tone: Tone
    beard: float = Share
    """Strength of the beard painted on the skin: 0.2 a shadow, 0.4 stubble, 0.8 a short beard."""
    beard_shape: Literal["full", "goatee", "moustache", "none"] = "full"
    hat: str | None = None
    hat_texture: str | None = None
    clothes: str
    clothes_tone: Tone | None = None
    """None: the colours of the picture."""
    glasses: Glasses | None = None
