"""Where faces are: boxes of BlazeFace's short-range network (Bazarevsky et al. 2019, MediaPipe), over tiles of the picture.

The network looks at 128² pixels and knows faces from about a seventh of that edge on; smaller ones are found in overlapping tiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core_model.data.faces.network import networks

EDGE = 128
THRESHOLD = 0.5
SAME = 0.3
"""Share of the union that two boxes of one face have in common."""
LEVELS = (1, 2, 4)
"""Tiles along the longer edge of the picture; the last only where the others show nothing."""
_BATCH = 8


@dataclass(frozen=True)
class Box:
    """centre [2] and edges [2], pixels; eyes [2, 2]: the eye at the left of the picture first; score in 0 … 1."""

    centre: np.ndarray
    edges: np.ndarray
    eyes: np.ndarray
    score: float

    @property
    def area(self) -> float:
        return float(self.edges[0] * self.edges[1])

    def overlap(self, other: Box) -> float:
        """Shared area over the area of both together."""
        low = np.maximum(self.centre - 0.5 * self.edges, other.centre - 0.5 * other.edges)
        high = np.minimum(self.centre + 0.5 * self.edges, other.centre + 0.5 * other.edges)
        shared = float(np.prod(np.maximum(high - low, 0.0)))
        return shared / max(self.area + other.area - shared, 1e-9)


def face_boxes(image: Image.Image) -> list[Box]:
    """Boxes of the faces of an RGB picture, each face once."""
    found: list[Box] = []
    for level in LEVELS:
        if level == LEVELS[-1] and found:
            break
        found += _in_tiles(image, _tiles(image.size, level))
    return _once(found)


def _tiles(size: tuple[int, int], count: int) -> list[tuple[float, float, float]]:
    """(left, top, edge) of squares, half over each other; count 1 holds all of the picture."""
    edge = max(size) / count
    if count > 1 and edge < 0.5 * EDGE:
        return []
    starts = []
    for length in size:
        steps = max(0, round(2.0 * (length / edge - 1.0)))
        starts.append(
            np.linspace(0.0, length - edge, steps + 1) if length > edge else [0.5 * (length - edge)]
        )
    return [(float(x), float(y), edge) for y in starts[1] for x in starts[0]]


def _in_tiles(image: Image.Image, tiles: list[tuple[float, float, float]]) -> list[Box]:
    found = []
    for start in range(0, len(tiles), _BATCH):
        part = tiles[start : start + _BATCH]
        pictures = np.stack([_tile(image, *tile) for tile in part])
        rows, scores = networks()[0]["detector"](pictures)
        for row, score, tile in zip(rows, scores[..., 0], part):
            found += _boxes(row, score, *tile)
    return found


def _tile(image: Image.Image, left: float, top: float, edge: float) -> np.ndarray:
    """[128, 128, 3] in [-1, 1]; black beyond the rim."""
    scale = edge / EDGE
    inner = (max(left, 0.0), max(top, 0.0), min(left + edge, image.width), min(top + edge, image.height))
    width, height = (max(1, round((inner[k + 2] - inner[k]) / scale)) for k in (0, 1))
    small = image.resize((width, height), Image.Resampling.BILINEAR, box=inner, reducing_gap=2.0)
    whole = Image.new("RGB", (EDGE, EDGE))
    whole.paste(small, (round((inner[0] - left) / scale), round((inner[1] - top) / scale)))
    return np.asarray(whole, dtype=np.float32) / 127.5 - 1.0


def _anchors() -> np.ndarray:
    """Centres [896, 2], shares of the tile: two in each cell of 16², six in each of 8²."""
    parts = []
    for cells, each in ((16, 2), (8, 6)):
        y, x = np.mgrid[0:cells, 0:cells]
        centres = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells
        parts.append(np.repeat(centres, each, axis=0))
    return np.concatenate(parts)


_ANCHORS = _anchors()


def _boxes(rows: np.ndarray, scores: np.ndarray, left: float, top: float, edge: float) -> list[Box]:
    """Boxes of a tile's rows [896, 16] (centre, edges, six points, all in the tile's pixels) and scores [896]."""
    chance = 1.0 / (1.0 + np.exp(-np.clip(scores, -80.0, 80.0)))
    corner = np.array([left, top])
    boxes = []
    for k in np.flatnonzero(chance > THRESHOLD):
        sizes = rows[k].reshape(8, 2).astype(np.float64) / EDGE * edge
        places = sizes + _ANCHORS[k] * edge + corner
        boxes.append(Box(places[0], sizes[1], places[2:4], float(chance[k])))
    return _once(boxes)


def _once(boxes: list[Box]) -> list[Box]:
    """The boxes of each face as one, their mean weighted by score; the surest first."""
    waiting, kept = sorted(boxes, key=lambda b: -b.score), []
    while waiting:
        first = waiting[0]
        group = [b for b in waiting if b is first or first.overlap(b) > SAME]
        waiting = [b for b in waiting if all(b is not g for g in group)]
        weights = [b.score for b in group]
        centre, edges, eyes = (
            np.average(
                [row[k] for row in ((b.centre, b.edges, b.eyes) for b in group)], axis=0, weights=weights
            )
            for k in range(3)
        )
        kept.append(Box(centre, edges, eyes, first.score))
    return kept
