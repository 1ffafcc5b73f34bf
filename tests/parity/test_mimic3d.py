"""Mimic3D (3D stage, no super-resolution) against arrays of the original program, in its three modes, stage
by stage.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

from core_model.families.osg import native
from core_model.families.osg.native import label_rays
from core_model.families.osg.twopass import render_two_pass
from core_model.fields.osg import OsgField
from core_model.fields.triplane import Planes
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from tests.parity.recorded import Recorded, psnr, relative_error, share_within
from tests.unit.families.foreign_nets import Net, opened

MODES = (0, 1, 2)


@cache
def recorded() -> Recorded:
    return Recorded("mimic3d_small")


@cache
def model() -> Any:
    r = recorded()
    return opened("mimic3d", Net(r.meta["network"], r.state, r.meta["init_kwargs"]))[0]


@cache
def planes() -> Planes:
    return model().planes(recorded()["out/ws"], "const")


def latent(index: int) -> LatentSpec:
    r = recorded()
    return LatentSpec(
        z=tuple(r.npz["in/z"][index].tolist()), psi=1.0, cutoff=None, cond=r.camera("in/c_cond", index)
    )


@pytest.mark.parametrize("index", [0, 1])
def test_w(index: int) -> None:
    assert relative_error(model().map(latent(index)), recorded()["out/ws"][index : index + 1]) < 1e-5


def test_coarse_and_detail_planes() -> None:
    sub = recorded().meta["plane_sub"]
    assert len(planes().levels) == 2
    for number, level in enumerate(planes().levels):
        picked = level[..., sub["offset"] :: sub["stride"], sub["offset"] :: sub["stride"]]
        assert relative_error(picked, recorded()[f"out/planes{number}_sub"]) < 5e-5


def at_mode(mode: int) -> Planes:
    """The levels of the program's `coarse` argument: 0 both, 1 the coarse one, 2 the detail one."""
    both = planes()
    return both if mode == 0 else Planes((both.levels[mode - 1],), both.conventions)


@pytest.mark.parametrize("mode", MODES)
def test_field_at_points(mode: int) -> None:
    r = recorded()
    raw, colours = OsgField(at_mode(mode), model().module.decoder).query(r["in/points"].expand(2, -1, -1))
    want = r[f"out/m{mode}/point_rgb"]
    assert relative_error(raw[..., None], r[f"out/m{mode}/point_sigma"]) < 5e-5
    assert relative_error(colours[..., : want.shape[-1]], want) < 5e-5


def test_rays() -> None:
    origins, dirs = label_rays(recorded()["in/c_render"], 32)
    assert relative_error(dirs, recorded()["out/ray_dirs"]) < 1e-6
    assert relative_error(origins[:, :1], recorded()["out/ray_origins"]) < 1e-6


@pytest.mark.parametrize("mode", MODES)
def test_render(mode: int) -> None:
    r = recorded()
    field = OsgField(at_mode(mode), model().module.decoder, fast=False)
    got = render_two_pass(field.query, *label_rays(r["in/c_render"], 32), model().volumetric.rule())
    features = got.features.transpose(1, 2).reshape(2, 32, 32, 32)
    want = r[f"out/m{mode}/features"]
    assert share_within(got.t_fine, r[f"out/m{mode}/depths_fine"], 1e-5) > 0.99
    assert share_within(features, want, 1e-3) > 0.999
    assert relative_error(features, want) < 5e-3
    assert psnr(features, want) >= 60.0
    assert share_within(got.weight_sum.reshape(2, 1, 32, 32), r[f"out/m{mode}/weight_sum"], 1e-3) > 0.999
    seen = r[f"out/m{mode}/weight_sum"] > 0.01
    depth, want = got.depth.reshape(2, 1, 32, 32)[seen], r[f"out/m{mode}/depth"][seen]
    assert share_within(depth, want, 1e-3) > 0.999


@pytest.mark.parametrize("index", [0, 1])
def test_native_picture_of_both_levels(index: int) -> None:
    r = recorded()
    request = RenderRequest(
        checkpoint="x", latent=latent(index), camera=r.camera("in/c_render", index), width=32, height=32
    )
    ws = model().map(request.latent)
    arrays = native.render(model(), request, ws, model().planes(ws, "const"))
    image = torch.from_numpy(arrays["rgb"])[None] * 2 - 1
    assert psnr(image, r["out/m0/image"][index : index + 1]) >= 60.0
    assert "raw_rgb" not in arrays
