"""The imported families in a session: native pictures, triscope's own samplers and channels, cached planes, the inspector."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.cli.cameras import pose_from_epigraf
from core_model.queries import QuerySession
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from tests.parity.recorded import Recorded, psnr
from tests.unit.families.foreign_nets import Net, native

IMAGES = {"eg3d": ("out/image", 128), "mimic3d": ("out/m0/image", 32), "epigraf": ("out/image", 32)}


@cache
def recorded(family: str) -> Recorded:
    return Recorded(f"{family}_small")


def network(family: str) -> Net:
    r = recorded(family)
    kwargs = r.meta["init_kwargs"]
    if family == "eg3d":
        axes = torch.tensor(r.meta["plane_axes"])
        return Net(
            "TriPlaneGenerator",
            r.state,
            kwargs,
            {"neural_rendering_resolution": 32, "renderer.plane_axes": axes},
        )
    if family == "mimic3d":
        return Net(r.meta["network"], r.state, kwargs)
    return Net("Generator", r.state, kwargs, {"cfg": r.meta["cfg"]})


@pytest.fixture(scope="module")
def session() -> QuerySession:
    return QuerySession(device="cpu", threads=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = Path(tmp_path_factory.mktemp("imported"))
    made = {}
    for family in IMAGES:
        made[family] = str(
            save_checkpoint(folder / f"{family}.safetensors", *native(family, network(family)))
        )
    return made


def request(family: str, path: str, **more: object) -> RenderRequest:
    r = recorded(family)
    camera: OrbitPose | MatrixCamera
    cond: MatrixCamera | None = None
    if family == "epigraf":
        camera = pose_from_epigraf(
            r.npz["in/camera_angles"][0], OrbitPose(radius=1.0, fov=math.radians(12.0))
        )
    else:
        camera, cond = r.camera("in/c_render"), r.camera("in/c_cond")
    latent = LatentSpec(z=tuple(r.npz["in/z"][0].tolist()), psi=1.0, cutoff=None, cond=cond)
    fields = {"checkpoint": path, "latent": latent, "camera": camera} | more
    return RenderRequest.model_validate(fields)


@pytest.mark.parametrize("family", IMAGES)
def test_native_picture(session: QuerySession, files: dict[str, str], family: str) -> None:
    key, size = IMAGES[family]
    channels = ("rgb", "depth", "opacity", "samples", "normal", "position")
    frame = session.render(
        request(family, files[family], width=size, height=size, native=True, channels=channels)
    )
    assert frame.result.error is None, frame.result.error
    assert session.open(files[family]).image_size == size
    image = torch.from_numpy(frame.arrays["rgb"])[None] * 2 - 1
    assert psnr(image, recorded(family)[key][:1]) >= 60.0
    assert ("raw_rgb" in frame.arrays) == (family == "eg3d")
    for name in channels[1:4]:
        assert frame.arrays[name].shape == (32, 32) and np.isfinite(frame.arrays[name]).all()


@pytest.mark.parametrize("family", IMAGES)
def test_own_samplers_channels_and_cached_planes(
    session: QuerySession, files: dict[str, str], family: str
) -> None:
    info = session.open(files[family])
    assert {"rgb", "depth", "normal", "opacity", "samples", "position"} <= {c.name for c in info.channels}
    assert "beta" not in {c.name for c in info.channels}
    for sampler in info.samplers:
        if not sampler.available:
            assert sampler.name in ("learned", "surface")
            continue
        spec = SamplerSpec(name=sampler.name, spp=24)
        channels = tuple(c.name for c in info.channels)
        frame = session.render(
            request(family, files[family], width=16, height=16, sampler=spec, channels=channels)
        )
        assert frame.result.error is None, frame.result.error
        assert set(frame.arrays) == set(channels) and np.isfinite(frame.arrays["rgb"]).all()
    stages = {t.stage: t.cached for t in frame.result.timings}
    assert stages["w"] and stages["planes"]


@pytest.mark.parametrize("family", IMAGES)
def test_inspector(session: QuerySession, files: dict[str, str], family: str) -> None:
    report = session.inspect(
        request(family, files[family], width=16, height=16, sampler=SamplerSpec(name="importance", spp=24)),
        8,
        3,
    )
    assert report.family == family and len(report.t) == len(report.density) > 8 and report.ticks
    assert max(report.density) > 0 and np.isnan(report.sdf).all()


def test_native_needs_an_imported_family_and_its_own_size(
    session: QuerySession, files: dict[str, str]
) -> None:
    other = session.render(RenderRequest(checkpoint="analytic:sphere", native=True, width=8, height=8))
    assert other.result.error is not None and "no native picture" in other.result.error.message
    wrong = session.render(request("eg3d", files["eg3d"], width=64, height=64, native=True))
    assert (
        wrong.result.error is not None
        and wrong.result.error.kind == "input"
        and "128 x 128" in wrong.result.error.message
    )
