"""EpiGRAF: configuration from cfg or shapes, labels, encodings, view conditioning, both backgrounds,
integration.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.families.epigraf import native
from core_model.families.epigraf.background import inverse_sphere_points
from core_model.families.epigraf.config import octaves_of
from core_model.families.epigraf.decoder import periodic_features
from core_model.families.epigraf.spec import angles_of, turn_share
from core_model.geometry.rays import camera_rays
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from tests.unit.families.foreign_nets import Net, epigraf_state, opened
from tests.unit.families.foreign_nets import native as native_file

CFG: dict[str, Any] = {
    "backbone": "stylegan2", "num_ray_steps": 8, "clamp_mode": "softplus", "density_shift": 0.0, "camera_cond": False,
    "tri_plane": {"fp32": True, "posenc_period_len": 0},
    "bg_model": {"type": None, "posenc_period_len": 64.0, "num_steps": 8, "start": 1.0},
    "dataset": {
        "camera": {"fov": 30.0, "ray_start": 0.75, "ray_end": 1.25, "radius": 1.0}, "cube_scale": 0.475, "white_back": False,
        "last_back": False, "resolution": 16,
    },
}  # fmt: skip


def net(cfg: dict[str, Any] | None = None, **state: Any) -> Net:
    return Net("Generator", epigraf_state(**state), {"img_resolution": 12}, {"cfg": CFG | (cfg or {})})


def draw(model: Any, camera: OrbitPose | None = None, size: int = 6) -> dict[str, np.ndarray]:
    ws = model.map(LatentSpec(psi=1.0, cutoff=None))
    request = RenderRequest(
        checkpoint="x",
        width=size,
        height=size,
        camera=camera or OrbitPose(radius=1.0, fov=0.5),
        channels=("rgb", "normal", "position"),
    )
    return native.render(model, request, ws, model.planes(ws, "const"))


def test_settings_come_from_the_cfg() -> None:
    model, header = opened("epigraf", net())
    cfg, conv = model.cfg, header.conventions
    assert (cfg.fov, cfg.near, cfg.far, cfg.cube_scale, cfg.steps, cfg.clamp, cfg.image_size) == (
        30.0,
        0.75,
        1.25,
        0.475,
        8,
        None,
        12,
    )
    assert (
        conv.align_corners
        and conv.box == 0.475
        and conv.background == (0.5, 0.5, 0.5)
        and conv.camera_label == "angles"
    )
    assert (
        header.camera.default.fov == pytest.approx(math.radians(30.0)) and header.camera.default.radius == 1.0
    )
    assert model.sizes.num_ws == 6 and model.planes(model.map(LatentSpec()), "const").levels[0].shape == (
        1,
        3,
        6,
        16,
        16,
    )


def test_a_bare_state_dict_takes_the_settings_of_posed_faces() -> None:
    cfg = opened("epigraf", Net("", epigraf_state(noise=False, freqs=3)))[0].cfg
    assert (cfg.fov, cfg.near, cfg.far, cfg.cube_scale, cfg.steps, cfg.clamp) == (
        12.0,
        0.88,
        1.12,
        0.2,
        48,
        256.0,
    )
    assert not cfg.noise and cfg.point_freqs == 3 and cfg.plane_channels == 6 and cfg.background is None


@pytest.mark.parametrize(("background", "slots"), [("plane", 6), ("sphere", 10)])
def test_background_is_told_by_shapes(background: str, slots: int) -> None:
    model, _ = opened("epigraf", Net("", epigraf_state(background=background)))
    assert (
        model.cfg.background == background and model.cfg.plane_channels == 6 and model.sizes.num_ws == slots
    )


def test_periodic_features() -> None:
    assert [octaves_of(m) for m in (0, 1, 8, 10, 64)] == [0, 0, 3, 4, 6]
    x = torch.tensor([[0.3, -0.7]])
    got = periodic_features(x, 4, 10.0)
    want = []
    for value in (0.3, -0.7):
        angles = [math.pi * 2**k / 16 * 10.0 * value for k in range(4)]
        want += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
    torch.testing.assert_close(got, torch.tensor([want]))
    directions = periodic_features(x, 3, 8.0, cosines=False, raw=True)
    torch.testing.assert_close(
        directions[0, :4], torch.tensor([0.3, *(math.sin(math.pi * 2**k * 0.3) for k in range(3))])
    )


def test_label_holds_class_and_turns() -> None:
    model, _ = opened("epigraf", net({"camera_cond": True}, label=5))
    assert (model.cfg.c_dim, model.sizes.c_dim) == (3, 5)
    pose = OrbitPose(yaw=0.4, pitch=-0.1, radius=1.0)
    label = model.label(LatentSpec(cond=pose, class_index=2))
    assert label[0].tolist() == pytest.approx(
        [0, 0, 1, (math.pi / 2 - 0.4) / (2 * math.pi), (math.pi / 2 + 0.1) / (2 * math.pi)]
    )
    mean = model.module.mean_camera_pose[:2].numpy().astype(np.float64)
    assert model.label(LatentSpec())[0, 3:].tolist() == pytest.approx(turn_share(mean).tolist())
    with pytest.raises(InputError, match="no such class"):
        model.label(LatentSpec(class_index=3))


@pytest.mark.parametrize(
    ("mean", "yaw", "pitch"),
    [
        ((0.0, 0.5 * math.pi, 0.0), 0.5 * math.pi, 0.0),
        ((1.4, 1.7, 0.1), 0.5 * math.pi - 1.4, 0.5 * math.pi - 1.7),
        ((0.3, -2.0, 0.0), 0.0, 0.0),
    ],
)
def test_a_file_opens_from_the_mean_camera_of_its_data(
    mean: tuple[float, float, float], yaw: float, pitch: float
) -> None:
    source = net({})
    source.state["mapping.mean_camera_pose"] = np.array(mean, np.float32)
    _, header = opened("epigraf", source)
    default = header.camera.default
    assert (default.yaw, default.pitch) == (pytest.approx(yaw, abs=1e-6), pytest.approx(pitch, abs=1e-6))
    assert angles_of(default) == pytest.approx(mean[:2] if mean[1] > 0 else (0.5 * math.pi, 0.5 * math.pi))


def test_turns_keep_their_sign() -> None:
    assert turn_share(np.array([-7.0, 1.0])).tolist() == pytest.approx(
        [-(7.0 - 2 * math.pi) / (2 * math.pi), 1.0 / (2 * math.pi)]
    )


def test_angles_of_both_kinds_of_camera_agree() -> None:
    pose = OrbitPose(yaw=0.5, pitch=0.2, radius=1.0)
    assert angles_of(MatrixCamera.from_label(label25(pose))) == pytest.approx(angles_of(pose), abs=1e-6)
    theta, phi = angles_of(pose)
    want = [math.sin(phi) * math.cos(theta), math.cos(phi), math.sin(phi) * math.sin(theta)]
    assert pose.world_from_cam()[:3, 3].tolist() == pytest.approx(want)


def test_rays_are_aligned_with_the_corners() -> None:
    _, dirs = native.camera_dirs(OrbitPose(radius=1.0, fov=math.radians(30.0)), 5, torch.device("cpu"))
    corner = torch.tensor([-1.0, 1.0, -1.0 / math.tan(math.radians(15.0))])
    torch.testing.assert_close(dirs[0, 0], corner / corner.norm())
    torch.testing.assert_close(dirs[0, 12], torch.tensor([0.0, 0.0, -1.0]))


def test_last_interval_and_transmittance() -> None:
    t, density = torch.tensor([[[1.0, 1.1, 1.3]]]), torch.tensor([[[2.0, 0.0, 1e-3]]])
    weights, passed = native.integrate(density, t, native.ENDLESS)
    first = 1 - math.exp(-0.2)
    assert weights[0, 0].tolist() == pytest.approx([first, 0.0, 1 - first]) and float(
        passed
    ) == pytest.approx(1 - first)
    assert native.integrate(density, t, native.CLOSED)[0][0, 0, 2] < 1e-5


def test_samples_are_cell_middles_with_half_cells_at_the_ends() -> None:
    cfg = opened("epigraf", net())[0].cfg
    t = native.coarse_depths(cfg, torch.zeros(1, 1, 3))[0, 0]
    step = 0.5 / 7
    assert float(t[0]) == pytest.approx(0.75 + step / 4) and float(t[3]) == pytest.approx(0.75 + 3 * step)
    jitter = torch.zeros(1, 1, 8)
    assert float(native.coarse_depths(cfg, torch.zeros(1, 1, 3), jitter)[0, 0, 1]) == pytest.approx(
        0.75 + step / 2
    )


def test_view_dependent_colour() -> None:
    model, _ = opened("epigraf", net(view=True))
    field = model.field(model.planes(model.map(LatentSpec()), "const"), torch.float32)
    points = torch.rand(1, 4, 3) * 0.4 - 0.2
    dirs = torch.nn.functional.normalize(torch.randn(1, 4, 3), dim=-1)
    sample = field.geometry(points)
    assert (
        sample.features is not None and sample.features.shape[-1] == 16 and model.cfg.view_widths == (32, 3)
    )
    one, two = field.colour(sample, points, dirs), field.colour(sample, points, -dirs)
    assert one.shape == (1, 4, 3) and (one != two).any()
    assert np.isfinite(draw(model)["rgb"]).all()


def test_density_rule_and_shift() -> None:
    for mode, rule in (("softplus", torch.nn.functional.softplus), ("relu", torch.relu)):
        model, _ = opened("epigraf", net({"clamp_mode": mode, "density_shift": 0.3}))
        field = model.field(model.planes(model.map(LatentSpec()), "const"), torch.float32)
        sample = field.geometry(torch.rand(1, 30, 3) * 0.4)
        assert sample.raw is not None
        torch.testing.assert_close(sample.density, rule(sample.raw + 0.3))


def test_inverse_sphere_points_are_nerf_plus_plus() -> None:
    origin = torch.tensor([[[0.2, 0.1, 0.9]]])
    direction = torch.nn.functional.normalize(torch.tensor([[[0.1, 0.3, -1.0]]]), dim=-1)
    inverse = torch.tensor([1.0, 0.5, 0.1])
    got = inverse_sphere_points(origin, direction, inverse)
    assert torch.equal(got[0, 0, :, 3], inverse)
    for k, share in enumerate(inverse.tolist()):  # the same ray, cut with the sphere of radius 1/share
        b = float((origin * direction).sum())
        t = -b + math.sqrt(b * b - float(origin.square().sum()) + 1 / share**2)
        torch.testing.assert_close(
            got[0, 0, k, :3], (origin + t * direction)[0, 0] * share, atol=1e-5, rtol=1e-4
        )


def test_sphere_background_fills_what_the_foreground_leaves() -> None:
    model, _ = opened("epigraf", net({"density_shift": -200.0}, background="sphere"))
    picture = draw(model)
    assert picture["opacity"].max() < 1e-3
    origins, dirs = native.camera_dirs(OrbitPose(radius=1.0, fov=0.5), 6, torch.device("cpu"))
    ws = model.map(LatentSpec(psi=1.0, cutoff=None))
    behind = native.sphere_colours(model.module.background, origins, dirs, ws[:, 6:], "softplus")
    np.testing.assert_allclose(picture["rgb"].reshape(3, -1) * 2 - 1, behind[0].T.numpy(), atol=1e-4)


def test_plane_background_is_the_last_three_channels() -> None:
    model, _ = opened("epigraf", net({"density_shift": -200.0}, background="plane"))
    ws = model.map(LatentSpec(psi=1.0, cutoff=None))
    planes = model.planes(ws, "const")
    assert [tuple(p.shape) for p in planes.levels] == [(1, 3, 6, 16, 16), (1, 1, 3, 16, 16)]
    rgb = draw(model, size=16)["rgb"] * 2 - 1
    np.testing.assert_allclose(rgb, planes.levels[1][0, 0].numpy(), atol=1e-3)


def test_white_back_and_last_back() -> None:
    dataset = CFG["dataset"]
    empty = {"density_shift": -200.0}
    assert draw(opened("epigraf", net(empty))[0])["rgb"] == pytest.approx(0.5, abs=1e-4)
    white, header = opened("epigraf", net(empty | {"dataset": dataset | {"white_back": True}}))
    assert draw(white)["rgb"] == pytest.approx(1.0, abs=1e-4) and header.conventions.background == (
        1.0,
        1.0,
        1.0,
    )
    last, _ = opened("epigraf", net(empty | {"dataset": dataset | {"last_back": True}}))
    assert (np.abs(draw(last)["rgb"] - 0.5) > 1e-3).any()


@pytest.mark.parametrize(
    "bad", [{"backbone": "stylegan3-r"}, {"bg_model": {"fmm": {"enabled": True}}}, {"clamp_mode": "exp"}]
)
def test_unknown_options_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        opened("epigraf", net(bad))


@pytest.mark.parametrize("background", ["sphere", "plane"])
def test_own_samplers_show_the_background_model(background: str, tmp_path: Path) -> None:
    """Behind a foreground without density stands what the native renderer shows there, in the middle of the
    pixels.
    """
    foreign = net(background=background)
    foreign.state["synthesis.tri_plane_mlp.model.1.weight"][-1] = 0.0
    foreign.state["synthesis.tri_plane_mlp.model.1.bias"][-1] = -40.0
    path = str(save_checkpoint(tmp_path / "a.safetensors", *native_file("epigraf", foreign)))
    session = RenderSession(device="cpu", threads=1)
    request = RenderRequest(
        checkpoint=path, latent=LatentSpec(psi=1.0, cutoff=None), camera=OrbitPose(radius=1.0, fov=0.5), width=5, height=5,
        sampler=SamplerSpec(name="uniform", spp=8),
    )  # fmt: skip
    own, model = session.render(request), opened("epigraf", foreign)[0]
    assert own.result.error is None, own.result.error
    ws = model.map(request.latent)
    planes = model.planes(ws, "const")
    if background == "sphere":
        rays = camera_rays(request.camera, 5, 5)
        want = native.sphere_colours(
            model.module.background, rays[0][None], rays[1][None], ws[:, 6:], "softplus"
        )
    else:
        at = (torch.arange(5) + 0.5) * 0.4 - 1.0
        places = torch.stack(torch.meshgrid(at, at, indexing="xy"), dim=-1)[None]
        want = (
            torch.nn.functional.grid_sample(planes.levels[1][:, 0], places, align_corners=True)[0]
            .flatten(1)
            .T[None]
        )
    want = ((want[0].T.reshape(3, 5, 5) + 1.0) * 0.5).clamp(0.0, 1.0).numpy()
    np.testing.assert_allclose(own.arrays["rgb"], want, atol=1e-3)
    plain = session.render(request.replace(background=(0.25, 0.5, 0.75)))
    np.testing.assert_allclose(plain.arrays["rgb"][:, 2, 2], [0.25, 0.5, 0.75], atol=1e-3)


def test_truncation_towards_the_class_or_the_average() -> None:
    """psi 0 is the centre itself.

    The mean of a class is that of 256 w under its label and the mean camera.
    """
    model, _ = opened("epigraf", net({"camera_cond": True}, label=5))  # three classes, yaw and pitch
    centres = {}
    for index in range(3):
        latent = LatentSpec(class_index=index, psi=0.0, cutoff=None, centre="class")
        ws = model.map(latent)
        z = torch.from_numpy(np.random.RandomState(42).randn(256, 9)).float()
        label = model.label(latent).expand(256, -1)
        torch.testing.assert_close(
            ws[0], model.module.mapping(z, label).mean(dim=0).expand_as(ws[0]), atol=1e-5, rtol=1e-5
        )
        centres[index] = ws[0, 0]
        average = model.map(latent.replace(centre="average"))
        assert torch.equal(average[0, 0], model.module.mapping.w_avg)
        whole, half = (model.map(latent.replace(psi=psi, cond=OrbitPose(yaw=0.4))) for psi in (1.0, 0.5))
        torch.testing.assert_close(half, 0.5 * (whole + ws), atol=1e-5, rtol=1e-5)
    assert all((centres[a] - centres[b]).abs().max() > 1e-6 for a, b in ((0, 1), (1, 2), (0, 2)))


def test_a_network_without_classes_has_no_class_mean() -> None:
    model, _ = opened("epigraf", net())
    with pytest.raises(InputError, match="classes"):
        model.map(LatentSpec(centre="class", psi=0.5))
