"""EpiGRAF against arrays of the original program, stage by stage."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
import torch

from core_model.cli.cameras import pose_from_epigraf
from core_model.families.epigraf import native
from core_model.families.epigraf.decoder import EpigrafField
from core_model.fields.triplane import Planes
from core_model.schema.camera import OrbitPose
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from tests.parity.recorded import Recorded, psnr, relative_error, share_within
from tests.unit.families.foreign_nets import Net, opened


@cache
def recorded() -> Recorded:
    return Recorded("epigraf_small")


@cache
def model() -> Any:
    r = recorded()
    return opened("epigraf", Net("Generator", r.state, r.meta["init_kwargs"], {"cfg": r.meta["cfg"]}))[0]


@cache
def planes() -> Planes:
    return model().planes(recorded()["out/ws"], "const")


def camera(index: int) -> OrbitPose:
    base = OrbitPose(radius=1.0, fov=math.radians(12.0))
    return pose_from_epigraf(recorded().npz["in/camera_angles"][index], base)


def latent(index: int) -> LatentSpec:
    return LatentSpec(z=tuple(recorded().npz["in/z"][index].tolist()), psi=1.0, cutoff=None)


@cache
def rays() -> tuple[torch.Tensor, torch.Tensor]:
    both = [native.camera_dirs(camera(i), 32, torch.device("cpu")) for i in (0, 1)]
    return torch.cat([b[0] for b in both]), torch.cat([b[1] for b in both])


@cache
def front() -> native.Integrated:
    return native.foreground(EpigrafField(planes(), model().module.decoder, fast=False), *rays())


@pytest.mark.parametrize("index", [0, 1])
def test_w(index: int) -> None:
    assert relative_error(model().map(latent(index)), recorded()["out/ws"][index : index + 1]) < 1e-5


def test_planes() -> None:
    sub = recorded().meta["plane_sub"]
    flat = planes().levels[0].flatten(1, 2)
    picked = flat[..., sub["offset"] :: sub["stride"], sub["offset"] :: sub["stride"]]
    assert relative_error(picked, recorded()["out/planes_sub"]) < 2e-5


@pytest.mark.parametrize("fast", [True, False])
def test_field_at_points(fast: bool) -> None:
    points = recorded()["in/points"].expand(2, -1, -1)
    field = EpigrafField(planes(), model().module.decoder, fast=fast)
    raw, features = field.query(points)
    got = torch.cat([field.colours(features, points), raw[..., None]], dim=-1)
    assert relative_error(got, recorded()["out/point_out"]) < 5e-5
    assert relative_error(raw[..., None], recorded()["out/densities"]) < 5e-5


def test_rays() -> None:
    origins, dirs = rays()
    assert relative_error(dirs, recorded()["out/ray_dirs"]) < 1e-6
    assert relative_error(origins[:, :1], recorded()["out/ray_origins"]) < 1e-6


def test_depths_and_weights_of_both_passes() -> None:
    r, got = recorded(), front()
    index = torch.from_numpy(r.npz["out/dbg_ray_index"])
    cfg = model().cfg
    assert relative_error(native.coarse_depths(cfg, rays()[1])[:, index], r["out/depths_coarse"]) < 1e-6
    assert share_within(got.weights_coarse[:, index], r["out/weights_coarse"], 1e-3) > 0.999
    assert share_within(got.t_fine[:, index], r["out/depths_fine"], 1e-5) > 0.99
    assert share_within(got.weights[:, index], r["out/weights_final"], 1e-3) > 0.99


def test_depth_and_transmittance() -> None:
    r, got = recorded(), front()
    assert share_within(got.depth.reshape(2, 1, 32, 32), r["out/depth"], 1e-3) > 0.995
    assert share_within(got.passed, r["out/final_transmittance"], 1e-3) > 0.995


@pytest.mark.parametrize("index", [0, 1])
def test_native_picture(index: int) -> None:
    request = RenderRequest(checkpoint="x", latent=latent(index), camera=camera(index), width=32, height=32)
    ws = model().map(request.latent)
    arrays = native.render(model(), request, ws, model().planes(ws, "const"))
    image = torch.from_numpy(arrays["rgb"])[None] * 2 - 1
    want = recorded()["out/image"][index : index + 1]
    assert psnr(image, want) >= 60.0
    assert share_within(image, want, 1e-3) > 0.995
    assert "raw_rgb" not in arrays
