"""Slices and tri-planes of the blob head, for window tests: numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core_model.schema.question_planes import PlanesQuestion, SectionQuestion, slice_frame
from core_model.schema.question_volume import RayVolumeQuestion

BOX, CHANNELS, SIZE = 0.5, 16, 64
Distance = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def blob_section(
    question: SectionQuestion, distance: Distance
) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """values and arrays of a slice, as the real session gives them."""
    frame = slice_frame(question.normal, question.offset, BOX)
    points = frame.centres(question.size)
    sdf = distance(points.reshape(-1, 3))[0].reshape(points.shape[:2])
    sdf = np.where((np.abs(points) <= BOX).all(axis=-1), sdf, np.nan).astype(np.float32)
    beta = np.where(np.isfinite(sdf), 0.004, np.nan).astype(np.float32)
    arrays = {
        "sdf": sdf,
        "beta": beta,
        "density": (1.0 / (1.0 + np.exp(np.minimum(sdf / 0.004, 50.0))) / 0.004).astype(np.float32),
    }
    if question.also:
        arrays[question.also] = np.where(np.isfinite(sdf), 1.0, np.nan).astype(np.float32)
    return {"ms": 1.0, "half": frame.half}, arrays


def blob_planes(question: PlanesQuestion) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """Ramps: plane p, channel c holds column + 100·p + c; an ablated plane is flat."""
    row, column = np.mgrid[0:SIZE, 0:SIZE]
    pictures = np.stack([column + 0.5 * row + 100.0 * p + question.channel for p in range(3)]).astype(
        np.float32
    )
    ablate = question.latent.ablate
    for _, plane in ablate.planes if ablate is not None else ():
        pictures[plane] = pictures[plane].mean() if ablate is not None and ablate.fill == "mean" else 0.0
    values: dict[str, object] = {"channels": CHANNELS, "levels": 1}
    if question.mode == "pca":
        pictures = np.stack([pictures, -pictures, pictures % 7], axis=1)
        values["explained"] = (0.5, 0.3, 0.1)
        low, high = pictures.min(axis=(0, 2, 3)), pictures.max(axis=(0, 2, 3))
    else:
        low, high = pictures.min()[None], pictures.max()[None]
    return values, {"pictures": pictures, "low": low, "high": high}


def blob_volume(question: RayVolumeQuestion) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """A ramp across the picture, brighter with depth; the level set has no value in its left half."""
    near, far, bins = 2.2, 3.2, 63
    middle, half = near + question.depth * (far - near), 0.5 * question.thickness * (far - near)
    arrays = {"image": np.full((3, 16, 16), 0.5, np.float32)}
    for name, size in (("probe", 16), ("proposal", 64)):
        ramp = np.tile(np.linspace(0.0, question.depth, size, dtype=np.float32), (size, 1))
        arrays[name] = (
            ramp
            if question.form == "slice"
            else np.where(ramp > 0.25, near + ramp, np.nan).astype(np.float32)
        )
    return {"near": near, "far": far, "start": middle - half, "end": middle + half, "bins": bins}, arrays
