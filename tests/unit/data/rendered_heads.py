"""Views of heads for tests, drawn in a process of their own: PyOpenGL has one platform per process."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from core_model.data.head_cameras import look_at_camera
from core_model.data.head_renderer import HeadRenderer, HeadView, draw_lighting
from core_model.data.head_renderer.lighting import Lighting, backdrop
from core_model.data.headpack import HeadParameters, assemble


@dataclass(frozen=True)
class Shot:
    """A head from (yaw, pitch)."""

    parameters: HeadParameters
    yaw: float = 0.0
    pitch: float = 0.0
    size: int = 64
    supersample: int = 3
    light: Lighting | None = None


@dataclass(frozen=True)
class Shown:
    view: HeadView
    visibility: dict[str, np.ndarray]


def photographed(shots: list[Shot]) -> list[Shown]:
    """The shots, in one new process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_photographed, shots).result()


def _photographed(shots: list[Shot]) -> list[Shown]:
    renderer = HeadRenderer()
    shown = []
    for shot in shots:
        renderer.load(assemble(shot.parameters))
        camera = look_at_camera(shot.yaw, shot.pitch)
        light = shot.light or draw_lighting(1)
        plain = backdrop("plain", 0, shot.size)
        view = renderer.view(camera, shot.size, light, plain, supersample=shot.supersample)
        shown.append(Shown(view, renderer.visibility))
    renderer.close()
    return shown
