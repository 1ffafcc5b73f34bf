"""EG3D against arrays of the original program, stage by stage."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from core_model.families.osg import native
from core_model.families.osg.native import finish, label_rays
from core_model.families.osg.twopass import Marched, render_two_pass
from core_model.fields.osg import OsgField
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from tests.parity.recorded import Recorded, psnr, relative_error, share_within
from tests.unit.families.foreign_nets import Net, opened


@cache
def recorded() -> Recorded:
    return Recorded("eg3d_small")


@cache
def model() -> Any:
    r = recorded()
    axes = torch.tensor(r.meta["plane_axes"])
    attributes = {"neural_rendering_resolution": r.meta["neural_rendering_resolution"], "plane_axes": axes}
    return opened("eg3d", Net("TriPlaneGenerator", r.state, r.meta["init_kwargs"], attributes))[0]


def latent() -> LatentSpec:
    r = recorded()
    z = tuple(r.npz["in/z"][0].tolist())
    return LatentSpec(
        z=z, psi=r.meta["truncation_psi"], cutoff=r.meta["truncation_cutoff"], cond=r.camera("in/c_cond")
    )


@cache
def marched() -> Marched:
    field = OsgField(model().planes(recorded()["out/ws"], "const"), model().module.decoder, fast=False)
    origins, dirs = label_rays(recorded()["in/c_render"], 32)
    return render_two_pass(field.query, origins, dirs, model().volumetric.rule())


def test_w() -> None:
    assert relative_error(model().map(latent()), recorded()["out/ws"]) < 1e-5


def test_planes() -> None:
    sub = recorded().meta["plane_sub"]
    planes = model().planes(recorded()["out/ws"], "const").levels[0]
    picked = planes[..., sub["offset"] :: sub["stride"], sub["offset"] :: sub["stride"]]
    assert relative_error(picked, recorded()["out/planes_sub"]) < 2e-5


def test_field_at_points_both_lookups() -> None:
    planes = model().planes(recorded()["out/ws"], "const")
    for fast in (True, False):
        raw, colours = OsgField(planes, model().module.decoder, fast=fast).query(recorded()["in/points"])
        assert relative_error(raw[..., None], recorded()["out/point_sigma"]) < 5e-5
        assert relative_error(colours, recorded()["out/point_rgb"]) < 5e-5


def test_rays() -> None:
    origins, dirs = label_rays(recorded()["in/c_render"], 32)
    assert relative_error(dirs, recorded()["out/ray_dirs"]) < 1e-6
    assert relative_error(origins[:, ::32], recorded()["out/ray_origins"]) < 1e-6


def test_depths_and_weights_of_both_passes() -> None:
    r, got = recorded(), marched()
    index = torch.from_numpy(r.npz["out/dbg_ray_index"])
    assert relative_error(got.t_coarse[:, index], r["out/dbg_depths_coarse"]) < 1e-6
    assert relative_error(got.weights_coarse[:, index], r["out/dbg_weights_coarse"]) < 1e-4
    assert share_within(got.t_fine[:, index], r["out/dbg_depths_fine"], 1e-5) > 0.99


def test_low_resolution_render() -> None:
    r, got = recorded(), marched()
    features = got.features.transpose(1, 2).reshape(1, 32, 32, 32)
    assert relative_error(features, r["out/features"]) < 1e-3
    assert share_within(features, r["out/features"], 5e-4) > 0.99
    assert relative_error(got.weight_sum.reshape(1, 1, 32, 32), r["out/weight_sum"]) < 1e-3
    seen = r["out/weight_sum"] > 0.01
    depth = got.depth.reshape(1, 1, 32, 32)
    assert relative_error(depth[seen], r["out/depth"][seen]) < 1e-3


def test_super_resolution_alone() -> None:
    features = recorded()["out/features"].flatten(2).transpose(1, 2)
    same = marched()
    given = Marched(features, *(getattr(same, name) for name in list(Marched.__dataclass_fields__)[1:]))
    image, raw = finish(model(), given, recorded()["out/ws"], 32)
    assert raw is not None
    assert relative_error(image, recorded()["out/image"]) < 1e-3
    assert relative_error(raw, recorded()["out/image_raw_as_returned"]) < 1e-5


def test_native_picture() -> None:
    r = recorded()
    request = RenderRequest(
        checkpoint="x", latent=latent(), camera=r.camera("in/c_render"), width=128, height=128
    )
    ws = model().map(request.latent)
    arrays = native.render(model(), request, ws, model().planes(ws, "const"))
    image = torch.from_numpy(arrays["rgb"])[None] * 2 - 1
    assert psnr(image, r["out/image"]) >= 60.0
    assert relative_error(image, r["out/image"]) < 1e-3
    assert psnr(torch.from_numpy(arrays["raw_rgb"])[None] * 2 - 1, r["out/image_raw"]) >= 60.0
