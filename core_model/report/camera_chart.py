"""Where the cameras of an image set stand: directions, distances, and how many pixels their crops had."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from core_model.report.charts import BLUE, ORANGE, Chart, Figure
from core_model.schema.camera import EG3D_FOV, orbit_from_matrix

WIDTH, HEIGHT = 1120, 520
_BINS = 24


def camera_chart(labels: np.ndarray, edges: Sequence[float], size: int, title: str) -> Image.Image:
    """A picture of labels [N, 25] and of the edges of the crops [pixels of their sources] of images of `size` pixels."""
    poses = [orbit_from_matrix(row[:16].reshape(4, 4), EG3D_FOV) for row in np.asarray(labels, np.float64)]
    turn = np.degrees([[p.yaw, p.pitch] for p in poses]).reshape(-1, 2)
    places = np.asarray(labels, np.float64)[:, [3, 7, 11]]
    away = [round(math.sqrt(float(place @ place)), 4) for place in places]
    mean, spread = turn.mean(axis=0), turn.std(axis=0)
    told = f"yaw {mean[0]:+.1f} ± {spread[0]:.1f}°, pitch {mean[1]:+.1f} ± {spread[1]:.1f}°"
    figure = Figure(WIDTH, HEIGHT, title, told)
    reach = np.maximum(30.0, np.ceil(np.abs(turn).max(axis=0) / 10.0) * 10.0)
    chart = Chart(
        figure, (70, 110, 560, 450), (-reach[0], reach[0]), (-reach[1], reach[1]), "Directions", "yaw, degrees", "pitch, degrees"
    )  # fmt: skip
    chart.draw_axes()
    half = 2.0 if len(turn) < 2000 else 1.0
    for yaw, pitch in turn:
        x, y = chart.x(float(yaw)), chart.y(float(pitch))
        figure.rectangle((x - half, y - half, x + half, y + half), BLUE)
    _histogram(figure, (650, 110, 1090, 240), away, "Distances to the origin", "world units", 0.05)
    _histogram(
        figure, (650, 320, 1090, 450), list(edges), "Edges of the crops", "pixels of the photographs", size
    )
    return figure.image()


def _histogram(
    figure: Figure, frame: tuple[float, float, float, float], values: list[float], title: str, unit: str, room: float
) -> None:  # fmt: skip
    """Counts of the values; `room`: how far the axis reaches beyond them at least."""
    low, high = min(values), max(values)
    margin = max(0.05 * (high - low), room)
    low, high = max(0.0, low - margin), high + margin
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    top = float(max(1, counts.max())) * 1.1
    chart = Chart(figure, frame, (low, high), (0.0, top), title, unit, "images")
    chart.draw_axes(y_ticks=3)
    for count, left, right in zip(counts, edges, edges[1:]):
        figure.rectangle((chart.x(left) + 1, chart.y(float(count)), chart.x(right), frame[3]), ORANGE)
