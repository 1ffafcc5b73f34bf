"""Small generators of every family, for inversions that take no time."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

from core_model.families.description import Sizes
from core_model.families.wysiwyg.config import describe
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.checkpoint import CheckpointHeader
from tests.contracts.tiny_checkpoint import TINY, tiny_generator
from tests.unit.families import test_epigraf, test_mimic3d
from tests.unit.families.foreign_nets import Net, eg3d_state, opened

KWARGS: dict[str, Any] = {
    "depth_resolution": 8, "depth_resolution_importance": 8, "ray_start": 2.25, "ray_end": 3.3, "box_warp": 1, "c_scale": 1,
    "avg_camera_radius": 2.7, "avg_camera_pivot": [0, 0, 0.2],
}  # fmt: skip


def eg3d() -> Any:
    return opened(
        "eg3d",
        Net(
            "TriPlaneGenerator",
            eg3d_state(),
            {"rendering_kwargs": KWARGS},
            {"neural_rendering_resolution": 8},
        ),
    )[0]


def mimic3d() -> Any:
    return opened("mimic3d", test_mimic3d.net())[0]


def epigraf() -> Any:
    return opened("epigraf", test_epigraf.net())[0]


def wysiwyg() -> Any:
    """With what inversion reads of a model: module, sizes, label."""
    generator = tiny_generator()
    sizes: Sizes = describe(CheckpointHeader(family="wysiwyg", config=TINY.model_dump()), "test")
    return SimpleNamespace(
        module=generator,
        sizes=sizes,
        conventions=generator.conventions,
        label=lambda latent: torch.zeros(1, sizes.c_dim) if sizes.c_dim else None,
    )


MODELS: dict[str, Callable[[], Any]] = {
    "wysiwyg": wysiwyg, "eg3d": eg3d, "mimic3d": mimic3d, "epigraf": epigraf,
}  # fmt: skip


def camera(family: str, **pose: float) -> MatrixCamera:
    """A camera that sees the family's scene, frontal unless told otherwise."""
    start = OrbitPose(radius=1.0, fov=0.5) if family == "epigraf" else OrbitPose()
    return MatrixCamera.from_label(label25(start.replace(**pose)))
