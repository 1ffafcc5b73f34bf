"""Questions for a photograph: its pixels upright, and the faces in it."""

from __future__ import annotations

from pydantic import Field

from core_model.schema.question import Question

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""Endings of files that may be photographs, small letters."""
PHOTO_EDGE = 1024
"""Largest edge of the pixels that the window gets."""


class PhotoQuestion(Question):
    """A photograph as a person has it (PNG, JPEG, WebP, TIFF, BMP; EXIF turn, alpha, grey, 16 bit). `checkpoint` is not used.

    Answer: array `pixels` [h, w, 3] sRGB in [0, 1], upright, over white, its larger edge at most `edge`; values `width`,
    `height` [pixels of the upright photograph]. Raises InputError for a file that is no photograph.
    """

    checkpoint: str = ""
    photo: str = Field(min_length=1, max_length=4096)
    edge: int = Field(default=PHOTO_EDGE, ge=16, le=8192)


class FacesQuestion(Question):
    """The faces of a photograph, the largest first, in the portrait convention of `checkpoint`, a generator; seconds.

    Answer: arrays of F faces, pixels of the photograph upright: `points` [F, 10] x, y of eyes, nose tip and corners of the
    mouth, those at the left of the picture first; `boxes` [F, 4] left, top, right, bottom; `crops` [F, 3] left, top, edge;
    `labels` [F, 25] EG3D labels of the crops' cameras. Values `convention`: JSON of `schema.portrait.Convention`; `own`: whether
    the checkpoint's mean head told it. Raises InputError for a file that is no photograph.
    """

    photo: str = Field(min_length=1, max_length=4096)
