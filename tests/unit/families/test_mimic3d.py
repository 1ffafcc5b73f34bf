"""Mimic3D: 3D-aware views against plain loops, which results become planes, and what a stored network is
recognised by.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.osg import native
from core_model.fields.osg import OsgField
from core_model.fields.triplane import Planes
from core_model.nn.aware3d import PlaneBlock, see_attention, see_means
from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from tests.unit.families.foreign_nets import Net, mimic3d_state, opened

RENDERING = {
    "depth_resolution": 8, "depth_resolution_importance": 8, "ray_start": 2.25, "ray_end": 3.3, "box_warp": 1, "c_scale": 1,
}  # fmt: skip
N, F = 5, 3


def net(
    class_name: str = "DualTriPlaneGenerator",
    tail: str = "separate",
    aware: tuple[int, ...] = (4, 8, 16),
    **kwargs: Any,
) -> Net:
    kwargs = {"rendering_kwargs": RENDERING, "neural_rendering_resolution": 8, **kwargs}
    return Net(class_name, mimic3d_state(tail=tail, aware=aware), kwargs)


def triple() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(stacked [6, F, N, N] of two samples, A[y, x], B[z, y], C[x, z] of the second sample)."""
    x = torch.randn(6, F, N, N, generator=torch.Generator().manual_seed(5))
    return x, x[3], x[4], x[5]


def test_means_reach_the_coordinate_that_is_shared() -> None:
    x, a, b, c = triple()
    got = see_means(x)[3:]
    for i in range(N):
        for j in range(N):
            y, xx = i, j
            want = torch.cat([a[:, y, xx], b[:, :, y].mean(-1), c[:, xx, :].mean(-1)])
            torch.testing.assert_close(got[0][:, y, xx], want)
            z, y = i, j
            want = torch.cat([a[:, y, :].mean(-1), b[:, z, y], c[:, :, z].mean(-1)])
            torch.testing.assert_close(got[1][:, z, y], want)
            xx, z = i, j
            want = torch.cat([a[:, :, xx].mean(-1), b[:, z, :].mean(-1), c[:, xx, z]])
            torch.testing.assert_close(got[2][:, xx, z], want)


def attended(q: Tensor, keys: Tensor) -> Tensor:
    """q [F], keys [F, K] → [F]."""
    return keys @ torch.softmax(q @ keys, dim=0)


def test_attention_order_differs_from_the_means() -> None:
    x, a, b, c = triple()
    got = see_attention(x)[3:]
    for i in range(N):
        for j in range(N):
            y, xx = i, j
            q = a[:, y, xx]
            torch.testing.assert_close(
                got[0][:, y, xx], torch.cat([q, attended(q, b[:, :, y]), attended(q, c[:, xx, :])])
            )
            z, y = i, j
            q = b[:, z, y]
            torch.testing.assert_close(
                got[1][:, z, y], torch.cat([q, attended(q, c[:, :, z]), attended(q, a[:, y, :])])
            )
            xx, z = i, j
            q = c[:, xx, z]
            torch.testing.assert_close(
                got[2][:, xx, z], torch.cat([q, attended(q, a[:, :, xx]), attended(q, b[:, z, :])])
            )


def test_planes_have_styles_of_their_own_and_a_gain_of_their_width() -> None:
    torch.manual_seed(0)
    block = PlaneBlock(F, 7, N, view="separate", up=1, use_noise=False)
    assert block.torgb.style_gain == pytest.approx(1 / math.sqrt(F))
    assert PlaneBlock(F, 7, N, view="mean", up=1).torgb.style_gain == pytest.approx(1 / math.sqrt(F))
    x, w = torch.randn(6, F, N, N), torch.randn(2, 7)
    with torch.no_grad():
        got = block(x, w)
        other = x.clone()
        other[4] += 1.0
        changed = (block(other, w) - got).abs().amax(dim=(1, 2, 3)) > 0
    assert changed.tolist() == [False, False, False, False, True, False]


def test_levels_of_the_two_stages() -> None:
    dual, header = opened("mimic3d", net(retidx=[-3, -1]))
    ws = dual.map(LatentSpec())
    levels = dual.planes(ws, "const").levels
    assert [tuple(p.shape) for p in levels] == [(1, 3, 8, 16, 16), (1, 3, 8, 32, 32)]
    assert (
        header.conventions.plane_axes == (("x", "y"), ("y", "z"), ("z", "x")) and dual.sizes.plane_size == 32
    )
    single, _ = opened("mimic3d", net("TriPlaneGenerator", tail=""))
    assert [tuple(p.shape) for p in single.planes(ws, "const").levels] == [(1, 3, 8, 16, 16)]
    assert dual.sizes.num_ws == single.sizes.num_ws == 6


@pytest.mark.parametrize(("tail", "views", "levels"), [
    ("separate", ["separate", "separate"], (-3, -1)), ("sr3d", ["separate", "separate"], (-3, -1)),
    ("mean", ["mean"], (-2, -1)), ("", [], (-1,)),
])  # fmt: skip
def test_a_bare_state_dict_tells_its_blocks(tail: str, views: list[str], levels: tuple[int, ...]) -> None:
    cfg: Mimic3dConfig = opened("mimic3d", Net("", mimic3d_state(tail=tail)))[0].module.cfg
    assert (
        [b.view for b in cfg.tail] == views
        and cfg.levels == levels
        and [b.up for b in cfg.tail] == [2, 1][: len(views)]
    )
    assert cfg.aware == (4, 8, 16) and cfg.plane_channels == 8


def test_detail_features_are_added_to_the_coarse_ones() -> None:
    model, _ = opened("mimic3d", net())
    planes = model.planes(model.map(LatentSpec()), "const")
    points = torch.rand(1, 9, 3) - 0.5
    levels = [Planes((level,), planes.conventions) for level in planes.levels]
    parts = [OsgField(level, model.module.decoder).features(points) for level in levels]
    torch.testing.assert_close(model.field(planes, torch.float32).features(points), parts[0] + parts[1])


def test_branch_that_stops_early_hands_its_planes_back() -> None:
    model, _ = opened("mimic3d", net("TriPlaneGenerator", tail="", aware=(4, 8)))
    g, ws = model.module, model.map(LatentSpec())
    with torch.no_grad():
        found = g.results(ws)
        assert [tuple(r.shape) for r in found] == [(3, 8, 8, 8), (3, 8, 8, 8), (3, 8, 16, 16)]
        x = img = None
        for k in range(2):
            x, img = g.backbone.blocks[k](x, img, (ws[:, max(2 * k - 1, 0)], ws[:, 2 * k], ws[:, 2 * k + 1]))
        merged = torch.cat([found[1][p] for p in range(3)])[None]
        _, last = g.backbone.blocks[2](x, merged, (ws[:, 3], ws[:, 4], ws[:, 5]))
    torch.testing.assert_close(found[2], last.unflatten(1, (3, 8))[0])


@pytest.mark.parametrize(
    ("stored", "act"), [(None, None), ("tanh", "tanh"), (False, "sigmoid"), ("sigmoid", "sigmoid")]
)
def test_plane_activation_false_means_sigmoid(stored: Any, act: str | None) -> None:
    model, _ = opened("mimic3d", net(triplane_act=stored))
    assert model.module.cfg.plane_act == act
    level = model.planes(model.map(LatentSpec()), "const").levels[1]
    assert bool((level >= (0 if act == "sigmoid" else -1)).all() and (level <= 1).all()) == (act is not None)


def test_attention_is_known_from_the_keyword_only() -> None:
    assert opened("mimic3d", net(aware3d_att=True))[0].module.aware[0].view == "attention"
    assert opened("mimic3d", net())[0].module.aware[0].view == "mean"


def test_native_picture_and_depth_guide() -> None:
    plain, _ = opened("mimic3d", net())
    guided, _ = opened("mimic3d", net(depth_guided_sample=0.05))
    ws = plain.map(LatentSpec())
    planes = plain.planes(ws, "const")
    request = RenderRequest(checkpoint="x", width=8, height=8, camera=OrbitPose())
    one, two = native.render(plain, request, ws, planes), native.render(guided, request, ws, planes)
    assert one["rgb"].shape == (3, 8, 8) and guided.module.cfg.depth_guide == 0.05
    # every sample lies within the guide (and one step of the jitter) of the first render, so the depths
    # spread less
    assert two["depth"].std() <= one["depth"].std() + 0.1 and (one["rgb"] != two["rgb"]).any()


def test_unused_options_are_refused() -> None:
    rolled = net()
    rolled.state["backbone.synthesis.b4.const"] = np.zeros((3, 8, 4, 4), np.float32)
    with pytest.raises(InputError, match="rolled-out"):
        opened("mimic3d", rolled)
    with pytest.raises(InputError, match="blurred"):
        opened("mimic3d", net(blur_plane=2))
