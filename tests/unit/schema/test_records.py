"""Requests as keys, cameras and latents that refuse nonsense, registries, errors of one line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from core_model.schema.camera import (
    EG3D_FOCAL,
    EG3D_FOV,
    CameraSpec,
    MatrixCamera,
    OrbitPose,
    focal_from_fov,
    fov_from_focal,
    label25,
)
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec, SeedWeight, StyleMix
from core_model.schema.registry import Registry
from core_model.schema.render import RenderRequest, RenderResult, StageTime
from core_model.schema.sampler import SamplerSpec


def request(**changes: object) -> RenderRequest:
    return RenderRequest(checkpoint="analytic:sphere", **changes)  # type: ignore[arg-type]


def test_equal_requests_are_one_key() -> None:
    a, b = request(camera=OrbitPose(yaw=0.25)), request(camera=OrbitPose(yaw=0.25))
    assert a == b and hash(a) == hash(b) and len({a, b}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"camera": OrbitPose(yaw=0.1)},
        {"latent": LatentSpec.of_seed(1)},
        {"latent": LatentSpec(psi=0.5)},
        {"sampler": SamplerSpec(tau=0.9)},
        {"width": 128},
        {"channels": ("rgb", "depth")},
        {"seed": 3},
        {"precision": "bf16"},
        {"camera": MatrixCamera.from_label(label25(OrbitPose()))},
    ],
)
def test_every_field_counts(change: dict[str, object]) -> None:
    assert request(**change) != request()


def test_requests_survive_the_pipe() -> None:
    """JSON there and back gives the same key, with either kind of camera."""
    for camera in (OrbitPose(yaw=0.1, fov=0.3), MatrixCamera.from_label(label25(OrbitPose(yaw=0.2)))):
        asked = request(
            camera=camera, latent=LatentSpec(mix=StyleMix(seed=3, layers=(1, 2)), cond=OrbitPose(yaw=1))
        )
        back = RenderRequest.model_validate_json(asked.model_dump_json())
        assert back == asked and hash(back) == hash(asked)


def test_results_survive_the_pipe_with_infinite_numbers() -> None:
    result = RenderResult(
        request=request(), total_ms=math.inf, timings=(StageTime(stage="w", ms=1.5, cached=True),)
    )
    assert RenderResult.model_validate_json(result.model_dump_json()) == result


def test_records_are_frozen_and_refuse_unknown_keys() -> None:
    with pytest.raises(ValidationError):
        request().width = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        request(colour="red")
    with pytest.raises(ValidationError):
        request().replace(width=0)  # a copy is checked like the original


@pytest.mark.parametrize(
    "make",
    [
        lambda: OrbitPose(pitch=1.6),
        lambda: OrbitPose(radius=0.0),
        lambda: OrbitPose(yaw=math.nan),
        lambda: OrbitPose(radius=math.inf),
        lambda: OrbitPose(pivot=(0.0, math.nan, 0.0)),
        lambda: LatentSpec(w=((1.0, 2.0), (1.0,))),
        lambda: LatentSpec(w=((math.nan,),)),
        lambda: SeedWeight(weight=math.nan),
        lambda: request(seed=2**64),
        lambda: OrbitPose(fov=math.pi),
        lambda: MatrixCamera(pose=(1.0,) * 15, normalized_intrinsics=(1.0,) * 9),
        lambda: MatrixCamera(pose=(math.nan,) * 16, normalized_intrinsics=(1.0,) * 9),
        lambda: MatrixCamera(pose=(1.0,) * 16, normalized_intrinsics=(-1.0,) + (1.0,) * 8),
        lambda: LatentSpec(z=(math.inf,)),
        lambda: LatentSpec(seeds=()),
        lambda: LatentSpec(seeds=(SeedWeight(weight=1.0), SeedWeight(seed=1, weight=-1.0))),
        lambda: SeedWeight(seed=-1),
        lambda: LatentSpec(cutoff=-1),
    ],
)
def test_nonsense_is_refused(make: object) -> None:
    with pytest.raises(ValidationError):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("label", [[1.0] * 24, [math.nan] * 25, [0.0] * 25])
def test_bad_labels_are_input_errors(label: list[float]) -> None:
    with pytest.raises(InputError, match="camera label"):
        MatrixCamera.from_label(label)


def test_the_camera_union_tells_its_members_apart() -> None:
    adapter = TypeAdapter(CameraSpec)
    assert isinstance(adapter.validate_python({"kind": "orbit", "yaw": 1.0}), OrbitPose)
    with pytest.raises(ValidationError):
        adapter.validate_python({"yaw": 1.0})


def test_focal_and_angle_are_inverse() -> None:
    assert fov_from_focal(EG3D_FOCAL) == pytest.approx(EG3D_FOV)
    assert focal_from_fov(fov_from_focal(1.3)) == pytest.approx(1.3)
    assert math.degrees(EG3D_FOV) == pytest.approx(13.37, abs=0.01)
    assert OrbitPose().intrinsics()[0, 0] == pytest.approx(EG3D_FOCAL)


def test_the_label_is_row_major_pose_then_intrinsics() -> None:
    pose = OrbitPose(yaw=0.4)
    label = label25(pose)
    assert label.shape == (25,) and label.dtype == np.float32
    np.testing.assert_allclose(label[[3, 7, 11]], pose.world_from_cam()[:3, 3], rtol=1e-6)
    np.testing.assert_allclose(
        label[[16, 18, 20, 21, 24]], [EG3D_FOCAL, 0.5, EG3D_FOCAL, 0.5, 1.0], rtol=1e-6
    )


def test_registries_keep_order_and_refuse_doubles() -> None:
    table: Registry[int] = Registry("thing")
    table.add("alpha", 1)
    table.add("beta", 2)
    assert (
        table.names() == ("alpha", "beta") and list(table) == [1, 2] and "alpha" in table and len(table) == 2
    )
    with pytest.raises(ValueError, match="twice"):
        table.add("alpha", 3)


def test_unknown_names_come_with_the_nearest_known_one() -> None:
    table: Registry[int] = Registry("thing")
    table.add("importance", 1)
    with pytest.raises(InputError) as caught:
        table.get("importanc", where="request")
    assert "did you mean 'importance'" in str(caught.value) and "request" in str(caught.value)
    assert caught.value.exit_status == 2


def test_an_input_error_is_one_line() -> None:
    line = str(InputError(what="bad\nthing", where="a  file", expected="x", got="y\n z"))
    assert line == "bad thing in a file: expected x, got y z"


def test_conventions_of_older_checkpoints_open_and_misspelt_ones_do_not() -> None:
    """Fields that were stored and never read are dropped; anything else that is unknown is still an error."""
    old = {"box": 0.6, "quadrature": "midpoint", "quirks": ["jitter_shift"], "up": [0.0, 1.0, 0.0]}
    conv = Conventions.model_validate(old)
    assert conv == Conventions(box=0.6) and not {"quadrature", "quirks", "up"} & conv.model_dump().keys()
    with pytest.raises(ValidationError):
        Conventions.model_validate({"boks": 0.6})
