"""EG3D: what its configuration is read from, plane tables, labels, bounds, super-resolution variants and
quirks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core_model.families.eg3d.convert import plane_axes
from core_model.families.osg import native
from core_model.families.osg.native import label_rays
from core_model.families.osg.twopass import TwoPassRule, ray_limits, render_two_pass
from core_model.fields.osg import OsgField
from core_model.nn.superres import VARIANTS, SuperResolution
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from tests.unit.families.foreign_nets import LEGACY_TABLE, Maker, Net, eg3d_state, opened

KWARGS: dict[str, Any] = {
    "depth_resolution": 8, "depth_resolution_importance": 8, "ray_start": 2.25, "ray_end": 3.3, "box_warp": 1, "c_scale": 1,
    "avg_camera_radius": 2.7, "avg_camera_pivot": [0, 0, 0.2],
}  # fmt: skip


def net(
    rendering: dict[str, Any] | None = None, state: dict[str, np.ndarray] | None = None, **attributes: Any
) -> Net:
    attributes = {"neural_rendering_resolution": 8, **attributes}
    return Net(
        "TriPlaneGenerator",
        state or eg3d_state(),
        {"rendering_kwargs": KWARGS | (rendering or {})},
        attributes,
    )


def test_a_bare_state_dict_takes_the_published_settings() -> None:
    model, header = opened("eg3d", Net("", eg3d_state()))
    v = model.volumetric
    assert (v.coarse, v.fine, v.near, v.far, v.box_warp, v.neural_size, v.c_scale) == (
        48,
        48,
        2.25,
        3.3,
        1.0,
        64,
        1.0,
    )
    assert header.conventions.plane_axes == (("x", "y"), ("x", "z"), ("z", "x"))
    assert (model.sizes.z_dim, model.sizes.w_dim, model.sizes.num_ws, model.sizes.plane_size) == (
        9,
        10,
        6,
        16,
    )


def test_sizes_come_from_the_tensors() -> None:
    model, _ = opened("eg3d", net(state=eg3d_state(channels=(5, 7, 9, 3), widths=(11, 13, 6), c=25, embed=4)))
    cfg = model.module.cfg
    assert (
        cfg.channels == (5, 7, 9, 3)
        and cfg.mapping_hidden == (11, 13)
        and cfg.w_dim == 6
        and cfg.embed_dim == 4
    )
    assert model.planes(model.map(LatentSpec()), "const").levels[0].shape == (1, 3, 32, 32, 32)


@pytest.mark.parametrize(
    ("third", "axes"),
    [([[0, 0, 1], [1, 0, 0], [0, 1, 0]], ("z", "x")), ([[0, 0, 1], [0, 1, 0], [1, 0, 0]], ("z", "y"))],
)
def test_plane_table_of_the_file_decides(third: list[list[int]], axes: tuple[str, str]) -> None:
    table = np.concatenate([LEGACY_TABLE[:2], np.array([third], np.float32)])
    assert plane_axes(net(**{"renderer.plane_axes": table})) == (("x", "y"), ("x", "z"), axes)


def test_lookup_follows_the_matrices() -> None:
    model, _ = opened("eg3d", net(plane_axes=LEGACY_TABLE))
    planes = model.planes(model.map(LatentSpec()), "const")
    points = torch.rand(1, 50, 3, generator=torch.Generator().manual_seed(1)) * 1.4 - 0.7
    want = torch.zeros(1, 50, 32)
    for p in range(3):
        uv = (2.0 * points @ torch.linalg.inv(torch.from_numpy(LEGACY_TABLE[p])))[..., :2]
        looked_up = torch.nn.functional.grid_sample(planes.levels[0][:, p], uv[:, None], align_corners=False)
        want += looked_up[:, :, 0].transpose(1, 2) / 3
    torch.testing.assert_close(
        OsgField(planes, model.module.decoder).features(points), want, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("table", [np.full((3, 3, 3), 1.0), np.zeros((2, 3, 3)), LEGACY_TABLE * -1.0])
def test_other_plane_tables_are_refused(table: np.ndarray) -> None:
    with pytest.raises(InputError, match="plane"):
        plane_axes(net(plane_axes=table))


def test_label_is_scaled_zeroed_or_left_out() -> None:
    pose = OrbitPose(yaw=0.3)
    want = torch.from_numpy(label25(pose))[None]
    latent = LatentSpec(cond=pose)
    assert torch.equal(opened("eg3d", net({"c_scale": 0.5}))[0].label(latent), want * 0.5)
    for record in ({"c_gen_conditioning_zero": True}, {"c_scale": None}):
        kwargs = {k: v for k, v in (KWARGS | record).items() if v is not None}
        model, _ = opened("eg3d", Net("TriPlaneGenerator", eg3d_state(), {"rendering_kwargs": kwargs}))
        assert not model.label(latent).any()  # a missing c_scale is zero in the original
    unconditioned, _ = opened("eg3d", net(state=eg3d_state(c=0)))
    assert unconditioned.label(latent) is None and unconditioned.map(latent).shape == (1, 6, 10)


def test_frontal_camera_stands_on_the_z_axis_and_looks_at_the_pivot() -> None:
    prior = opened("eg3d", net())[0].prior
    pose = prior.default.world_from_cam()
    assert pose[:3, 3].tolist() == pytest.approx([0.0, 0.0, 2.7]) and pose[:3, 2].tolist() == pytest.approx(
        [0, 0, -1]
    )


def test_truncation_stops_at_the_cutoff() -> None:
    model, _ = opened("eg3d", net())
    full, some = model.map(LatentSpec(psi=1.0)), model.map(LatentSpec(psi=0.4, cutoff=3))
    w_avg = model.module.mapping.w_avg
    torch.testing.assert_close(some[:, :3], torch.lerp(w_avg.expand_as(full[:, :3]), full[:, :3], 0.4))
    assert torch.equal(some[:, 3:], full[:, 3:])


def test_layer_scalars_win_over_keyword_records() -> None:
    layers = {
        "decoder.net.0": {"bias_gain": 0.25},
        "backbone.mapping.fc0": {"bias_gain": 0.02},
        "backbone.synthesis.b4.conv1": {"conv_clamp": 99.0},
    }
    base = net()
    cfg = opened("eg3d", Net(base.class_name, base.state, base.init_kwargs, base.attributes, layers))[
        0
    ].module.cfg
    assert (cfg.decoder_lr_mul, cfg.mapping_lr_mul, cfg.clamp) == (0.25, 0.02, 99.0)
    assert opened("eg3d", net({"decoder_lr_mul": 0.5}))[0].module.cfg.decoder_lr_mul == 0.5


def test_automatic_bounds_end_missing_rays_at_the_largest_near() -> None:
    rule = TwoPassRule(None, None, 8, 8, 0.5)
    dirs = torch.nn.functional.normalize(
        torch.tensor([[[0.0, 0.0, -1.0], [0.1, 0.0, -1.0], [2.0, 0.0, -1.0]]]), dim=-1
    )
    near, far = ray_limits(torch.tensor([0.0, 0.0, 2.0]).expand(1, 3, 3), dirs, rule)
    assert near[0, 0] == pytest.approx(1.5) and far[0, 0] == pytest.approx(2.5)
    assert near[0, 2] == near[0, :2].min() and far[0, 2] == near[0, :2].max()


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = opened("eg3d", net())
    field = OsgField(model.planes(model.map(LatentSpec()), "const"), model.module.decoder, fast=False)
    rays = label_rays(torch.from_numpy(label25(OrbitPose()))[None], 6)
    whole = render_two_pass(field.query, *rays, model.volumetric.rule())
    monkeypatch.setattr("core_model.families.osg.twopass.CHUNK_SAMPLES", 80)
    parts = render_two_pass(field.query, *rays, model.volumetric.rule(), keep=False)
    torch.testing.assert_close(parts.features, whole.features)
    torch.testing.assert_close(parts.depth, whole.depth)
    assert parts.weights.numel() == 0 and whole.weights.shape == (1, 36, 15)


def test_white_background_one_pass_and_disparity() -> None:
    model, header = opened(
        "eg3d", net({"white_back": True, "depth_resolution_importance": 0, "disparity_space_sampling": True})
    )
    assert header.conventions.background == (1.0, 1.0, 1.0)
    empty = lambda points: (torch.full(points.shape[:2], -30.0), torch.zeros(*points.shape[:2], 32))
    rays = label_rays(torch.from_numpy(label25(OrbitPose()))[None], 2)
    got = render_two_pass(empty, *rays, model.volumetric.rule())
    assert got.t.shape[-1] == 8 and got.t_fine.shape[-1] == 0
    torch.testing.assert_close(got.features, torch.ones_like(got.features))
    s = (torch.arange(8) + 0.5) / 7
    torch.testing.assert_close(got.t[0, 0], 1.0 / ((1 - s) / 2.25 + s / 3.3))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_super_resolution_makes_its_size(name: str) -> None:
    """On the meta device: shapes only, from the stored tensors' shapes to the picture."""
    v = VARIANTS[name]
    with torch.device("meta"):
        network = SuperResolution(name, 32, 512, clamp=256.0, antialias=True)
        for size in (v.in_size, v.in_size // 2):
            image, _ = network(
                torch.empty(1, 3, size, size), torch.empty(1, 32, size, size), torch.empty(1, 512)
            )
            assert image.shape == (1, 3, v.out_size, v.out_size)
    assert network.blocks[0].conv0.weight.shape == (v.widths[0], 32, 3, 3)
    if v.grow_only:
        with pytest.raises(InputError, match="too large"):
            network(
                torch.empty(1, 3, 256, 256, device="meta"),
                torch.empty(1, 32, 256, 256, device="meta"),
                torch.empty(1, 512, device="meta"),
            )


@pytest.mark.parametrize(("widths", "ups", "size", "name"), [
    ((256, 128), (2, 2), 128, "SuperresolutionHybrid8XDC"), ((128, 64), (2, 2), 128, "SuperresolutionHybrid8X"),
    ((128, 64), (1, 2), 128, "SuperresolutionHybrid4X"), ((128, 64), (1, 2), 64, "SuperresolutionHybrid2X"),
])  # fmt: skip
def test_variant_is_told_by_its_shapes(
    widths: tuple[int, ...], ups: tuple[int, ...], size: int, name: str
) -> None:
    m = Maker(3)
    m.superres(widths, ups, size)
    model, _ = opened("eg3d", Net("", eg3d_state() | m.state))
    assert model.superres.variant == name and model.superres.clamp == 256.0
    assert model.sizes.image_size == VARIANTS[name].out_size == size * ups[0] * ups[1]


def test_raw_image_keeps_what_the_first_block_adds() -> None:
    """Quirk image_raw_in_place: only where the first block neither doubles nor resizes."""
    torch.manual_seed(0)
    network = SuperResolution("SuperresolutionHybrid2X", 32, 16, clamp=None, antialias=True)
    rgb, x, w = torch.randn(1, 3, 64, 64), torch.randn(1, 32, 64, 64), torch.randn(1, 16)
    with torch.no_grad():
        image, left = network(rgb, x, w)
        added = network.blocks[0](x, torch.zeros_like(rgb), (w, w, w), "none")[1]
        torch.testing.assert_close(left, rgb + added)
        small = network(rgb[..., ::2, ::2], x[..., ::2, ::2], w)[1]
    assert torch.equal(small, rgb[..., ::2, ::2]) and image.shape[-1] == 128


def test_native_picture_has_one_size_and_needs_perspective() -> None:
    model, _ = opened("eg3d", net())
    ws = model.map(LatentSpec())
    planes = model.planes(ws, "const")
    request = RenderRequest(
        checkpoint="x",
        width=8,
        height=8,
        channels=("rgb", "normal", "position"),
        camera=MatrixCamera.from_label(label25(OrbitPose())),
    )
    arrays = native.render(model, request, ws, planes)
    assert arrays["rgb"].shape == arrays["normal"].shape == arrays["position"].shape == (3, 8, 8)
    assert arrays["samples"].max() == 16 and "raw_rgb" not in arrays
    for other in (request.replace(width=9), request.replace(camera=OrbitPose(orthographic=True))):
        with pytest.raises(InputError, match="no native picture"):
            native.render(model, other, ws, planes)


def test_field_colour_and_density_are_those_of_the_native_rule() -> None:
    model, _ = opened("eg3d", net())
    field = model.field(model.planes(model.map(LatentSpec()), "const"), torch.float32)
    points = torch.rand(1, 20, 3) - 0.5
    sample = field.geometry(points)
    raw, colours = field.query(points)
    torch.testing.assert_close(sample.density, torch.log1p(torch.exp(raw - 1.0)))
    assert torch.equal(field.colour(sample, points, points), colours[..., :3]) and not field.is_sdf


@pytest.mark.parametrize("record", [
    {"avg_camera_pivot": [0, 0]}, {"depth_resolution": "many"}, {"ray_start": "auto"}, {"clamp_mode": "relu"}, {"box_warp": -1.0},
    {"depth_resolution": 2}, {"ray_end": float("nan")}, {"avg_camera_pivot": 3},
])  # fmt: skip
def test_odd_records_end_in_one_line(record: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        opened("eg3d", net(record))


def test_odd_tensors_end_in_one_line() -> None:
    state = eg3d_state()
    for name, value in (("decoder.net.0.weight", np.zeros(3)), ("backbone.mapping.fc0.weight", np.zeros(()))):
        with pytest.raises(InputError):
            opened("eg3d", net(state=state | {name: value}))
    with pytest.raises(InputError, match="synthesis"):
        opened("eg3d", net(state={k: v for k, v in state.items() if ".b8." not in k}))


def test_labels_that_are_not_only_a_camera() -> None:
    """28 numbers: a camera and three classes; 4 numbers: classes alone."""
    pose, want = OrbitPose(yaw=0.3), torch.zeros(1, 28)
    want[0, :25] = torch.from_numpy(label25(pose))
    wide, _ = opened("eg3d", net({"c_scale": 0.5}, state=eg3d_state(c=28)))
    assert wide.sizes.num_classes == 3 and torch.equal(wide.label(LatentSpec(cond=pose)), want * 0.5)
    want[0, 27] = 1.0
    assert torch.equal(wide.label(LatentSpec(cond=pose, class_index=2)), want * 0.5)
    narrow, _ = opened("eg3d", net(state=eg3d_state(c=4)))
    assert narrow.sizes.num_classes == 4 and narrow.label(LatentSpec(class_index=1)).tolist() == [
        [0.0, 1.0, 0.0, 0.0]
    ]
    with pytest.raises(InputError, match="class"):
        narrow.label(LatentSpec(class_index=4))


def test_backbones_of_another_architecture_are_refused() -> None:
    """`resnet` blocks have a skip convolution, and a ToRGB only at the end."""
    state = {k: v for k, v in eg3d_state().items() if not k.startswith("backbone.synthesis.b4.torgb")}
    with pytest.raises(InputError, match=r"b4\.torgb"):
        opened("eg3d", net(state=state))
