"""Where a slice changes sign, as line segments: the cut of the surface, drawn over the picture. Pure."""

from __future__ import annotations

import numpy as np

DRAWN = 96
"""Edge of the grid that is searched: more segments than this gives would only cost time."""


def zero_contour(values: np.ndarray, most: int = DRAWN) -> np.ndarray:
    """values [N, N] → segments [M, 2, 2] in slice coordinates (a right, b up) in [-1, 1].

    values: row 0 on top, at pixel centres. Marching squares; cells with a value that is not finite give
    nothing.
    """
    n = values.shape[0]
    stride = max(1, -(-n // most))
    v = values[::stride, ::stride].astype(np.float64)
    at = (np.arange(0, n, stride) + 0.5) / n * 2.0 - 1.0
    corners = np.stack([v[:-1, :-1], v[:-1, 1:], v[1:, 1:], v[1:, :-1]])  # clockwise from the upper left
    rows, columns = np.nonzero(
        np.isfinite(corners).all(axis=0) & (corners.min(axis=0) < 0) & (corners.max(axis=0) >= 0)
    )
    if not len(rows):
        return np.zeros((0, 2, 2))
    c = corners[:, rows, columns]
    x = np.stack([at[columns], at[columns + 1], at[columns + 1], at[columns]])
    y = -np.stack([at[rows], at[rows], at[rows + 1], at[rows + 1]])
    following = np.roll(c, -1, axis=0)
    crossed = (c < 0) != (following < 0)
    share = np.where(crossed, c / np.where(crossed, c - following, 1.0), 0.0)
    points = np.stack(
        [x + share * (np.roll(x, -1, axis=0) - x), y + share * (np.roll(y, -1, axis=0) - y)], axis=-1
    )
    order = np.argsort(~crossed, axis=0, kind="stable")
    cells = np.arange(len(rows))
    segments = [np.stack([points[order[0], cells], points[order[1], cells]], axis=1)]
    saddle = np.flatnonzero(crossed.all(axis=0))
    if len(saddle):
        segments.append(np.stack([points[2, saddle], points[3, saddle]], axis=1))
    return np.concatenate(segments)
