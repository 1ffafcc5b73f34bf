"""Other configurations than the fixtures'.

Made sources are opened, their configuration compared with the one that made them, and their pictures with the
plain double-precision evaluation; the fixtures anchor that evaluation to the original programs.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core_model.cli.cameras import pose_from_epigraf
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.latent import LatentSpec, StyleMix
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from tests.fixtures import FIXTURES
from tests.parity.made_sources import FIXED_AXES, FORMS, Made, eg3d, epigraf, mimic3d, written
from tests.parity.plain_pictures import Plain, View, plain

SR = "SuperresolutionHybrid"
FEW = {"depth_resolution": 10, "depth_resolution_importance": 8}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "eg3d-2X": (eg3d, {**FEW}),
    "eg3d-2X-resized": (eg3d, {"neural": 40, **FEW, "sr_antialias": False}),
    "eg3d-fixed-axes": (eg3d, {"sr": None, "axes": FIXED_AXES, "neural": 24, "w": 20, **FEW}),
    "eg3d-no-label": (eg3d, {"sr": None, "c": 0, "neural": 20, "w": 14, "depth": 3, **FEW}),
    "eg3d-wide-label": (eg3d, {"sr": None, "c": 28, "neural": 16, "w": 14, **FEW}),
    "eg3d-c-scale": (eg3d, {"sr": None, "c_scale": 0.5, "neural": 16, "w": 16, "depth": 1, **FEW}),
    "eg3d-c-scale-missing": (eg3d, {"sr": None, "c_scale": "missing", "neural": 16, "w": 16, **FEW}),
    "eg3d-zeroed": (eg3d, {"sr": None, "c_gen_conditioning_zero": True, "neural": 16, "w": 16, "depth": 8, **FEW}),
    "eg3d-fp16": (eg3d, {"fp16": 4, "neural": 16, **FEW}),
    "eg3d-no-noise": (eg3d, {"noise": False, "sr": None, "neural": 16, "w": 24, **FEW}),
    "eg3d-lr-mul": (eg3d, {"m": 0.5, "sr": None, "neural": 16, "w": 24, **FEW}),
    "eg3d-box-white": (eg3d, {"box_warp": 1.6, "white_back": True, "ray_start": 1.9, "ray_end": 3.5, "sr": None, "neural": 20, "w": 24,
                              **FEW}),
    "eg3d-auto": (eg3d, {"ray_start": "auto", "ray_end": "auto", "sr": None, "neural": 20, "w": 24, **FEW}),
    "eg3d-disparity": (eg3d, {"disparity_space_sampling": True, "sr": None, "neural": 16, "w": 24, **FEW}),
    "eg3d-one-pass": (eg3d, {"depth_resolution": 14, "depth_resolution_importance": 0, "sr": None, "neural": 16, "w": 24}),
    "eg3d-wide": (eg3d, {"base": 4096, "most": 64, "planes": 64, "sr": None, "neural": 16, "w": 96, "z": 64, **FEW}),
    "eg3d-sr-fp32": (eg3d, {"sr_fp16": 0, "superresolution_noise_mode": "const", "neural": 16, **FEW}),
    "mimic3d-dual": (mimic3d, {**FEW}),
    "mimic3d-attention": (mimic3d, {"attention": True, "neural": 20, **FEW}),
    "mimic3d-one-tail": (mimic3d, {"tail": "mean", "neural": 20, **FEW}),
    "mimic3d-sr3d": (mimic3d, {"tail": "sr3d", "neural": 20, **FEW}),
    "mimic3d-single": (mimic3d, {"tail": "", "dual": False, "neural": 20, **FEW}),
    "mimic3d-early-stop": (mimic3d, {"tail": "", "dual": False, "aware": (4, 8), "neural": 20, **FEW}),
    "mimic3d-tanh": (mimic3d, {"act": "tanh", "neural": 16, **FEW}),
    "mimic3d-false-act": (mimic3d, {"act": False, "neural": 16, "tail": "", "dual": False, **FEW}),
    "mimic3d-2X": (mimic3d, {"w": 512, "sr": f"{SR}2X", "neural": 32, "tail": "", "dual": False, **FEW}),
    "epigraf": (epigraf, {}),
    "epigraf-classes": (epigraf, {"classes": 5, "depth": 3}),
    "epigraf-cond": (epigraf, {"camera_cond": True}),
    "epigraf-classes-cond": (epigraf, {"classes": 3, "camera_cond": True, "fp32": True}),
    "epigraf-deep-mlp": (epigraf, {"layers": 4, "hidden": 20, "posenc": 10.0}),
    "epigraf-no-mlp": (epigraf, {"layers": 0, "feat": 4, "density_shift": 2.0}),
    "epigraf-view": (epigraf, {"view": True}),
    "epigraf-relu": (epigraf, {"clamp_mode": "relu", "density_shift": 0.3, "noise": False}),
    "epigraf-white": (epigraf, {"dataset__white_back": True, "dataset__cube_scale": 0.475, "dataset__camera__fov": 30.0,
                                "dataset__camera__ray_start": 0.75, "dataset__camera__ray_end": 1.25}),
    "epigraf-last-back": (epigraf, {"dataset__last_back": True, "background": "plane"}),
    "epigraf-plane": (epigraf, {"background": "plane", "planes": 32, "size": 20}),
    "epigraf-sphere": (epigraf, {"background": "sphere", "density_shift": -3.0}),
}  # fmt: skip
SLOW: dict[str, tuple[Any, dict[str, Any]]] = {
    f"eg3d-{name}-{neural}": (eg3d, {"sr": SR + name, "neural": neural, "seed": i, **FEW})
    for i, (name, neural) in enumerate(
        [("8XDC", 64), ("8XDC", 128), ("8X", 32), ("4X", 40), ("4X", 128), ("Deepfp32", 64), ("2X", 64), ("2X", 128)]
    )
} | {
    "eg3d-full": (eg3d, {"z": 512, "base": 32768, "most": 512, "planes": 256, "sr": f"{SR}8XDC", "neural": 48}),
    "mimic3d-8XDC": (mimic3d, {"w": 512, "sr": f"{SR}8XDC", "neural": 64, "tail": "", "dual": False, **FEW}),
    "mimic3d-16XDC": (mimic3d, {"w": 512, "sr": f"{SR}16XDC", "neural": 64, "tail": "", "dual": False, **FEW}),
    "mimic3d-beyond-sr": (mimic3d, {"w": 512, "sr": f"{SR}8XDC", "neural": 144, **FEW}),
    "epigraf-full": (epigraf, {"z": 512, "w": 512, "base": 32768, "most": 512, "planes": 512, "feat": 32, "hidden": 64, "num_ray_steps": 48,
                               "size": 40}),
}  # fmt: skip


@cache
def made(name: str) -> Made:
    maker, options = (CASES | SLOW)[name]
    return maker(**options)


def view_of(case: Made, **more: Any) -> View:
    """A camera off the axis, a conditioning camera of its own, a z of the right width."""
    z = np.random.RandomState(7).randn(case.attributes["z_dim"]).astype(np.float32)
    render = OrbitPose(yaw=0.3, pitch=-0.15, radius=2.7, pivot=(0.0, 0.0, 0.1))
    cond = OrbitPose(yaw=-0.2, pitch=0.1, radius=2.7)
    more = {"cond_angles": (1.4, 1.7) if case.cfg and case.cfg["camera_cond"] else None, "index": 2, **more}
    return View(z, label=label25(render), cond=label25(cond), **more)


def request_of(case: Made, path: Path, view: View, size: int, **more: Any) -> RenderRequest:
    cond: Any = MatrixCamera.from_label(view.cond) if case.family != "epigraf" else None
    if case.family == "epigraf":
        assert case.cfg is not None
        pose = OrbitPose(
            radius=case.cfg["dataset"]["camera"]["radius"],
            fov=math.radians(case.cfg["dataset"]["camera"]["fov"]),
        )
        camera: Any = pose_from_epigraf(np.array([*view.angles, 0.0]), pose)
        cond = pose_from_epigraf(np.array([*view.cond_angles, 0.0]), pose) if view.cond_angles else None
    else:
        camera = MatrixCamera.from_label(view.label)
    classes = case.cfg["dataset"]["c_dim"] if case.cfg else 0
    latent = LatentSpec(
        z=tuple(map(float, view.z)),
        psi=view.psi,
        cutoff=view.cutoff,
        cond=cond,
        class_index=view.index if classes else None,
    )
    fields = {
        "checkpoint": str(path),
        "latent": latent,
        "camera": camera,
        "width": size,
        "height": size,
    } | more
    return RenderRequest.model_validate(fields)


def relative(got: np.ndarray, want: torch.Tensor) -> float:
    assert got.shape == tuple(want.shape), (got.shape, want.shape)
    return float(np.abs(got - want.numpy()).max() / want.abs().max())


def check(session: RenderSession, case: Made, path: Path, view: View, want: Plain) -> None:
    """w, planes and picture of the product against the plain ones."""
    size = want.picture.shape[-1]
    assert session.open(str(path)).image_size == size
    frame = session.render(
        request_of(case, path, view, size, native=True, channels=("rgb", "depth", "opacity"))
    )
    assert frame.result.error is None, frame.result.error
    model = session.model_of(str(path))
    ws = model.map(request_of(case, path, view, size).latent)
    assert ws is not None and relative(ws.numpy(), want.ws) < 1e-5
    planes = model.planes(ws, "const")
    assert planes is not None
    for level, plane in zip(planes.levels, want.planes, strict=False):  # a background may follow
        assert relative(level[0].numpy(), plane) < 1e-4
    got = frame.arrays["rgb"].astype(np.float64) * 2 - 1
    error = np.abs(got - want.picture.numpy())
    span = max(2.0, float(want.picture.abs().max()))
    assert 10 * math.log10(span**2 / max(1e-30, float((error**2).mean()))) >= 60, (
        f"psnr, largest error {error.max()}"
    )
    assert float((error <= 1e-3 * span).mean()) > 0.995
    if case.family == "eg3d" or want.depth.shape == (size, size):
        near = np.abs(frame.arrays["depth"] - want.depth.numpy()) < 2e-3
        seen = frame.arrays["opacity"] > 0.008
        assert seen.mean() > 0.01 and near[seen].mean() > 0.99
    assert float(want.picture.std()) > 1e-3


@pytest.fixture(scope="module")
def session() -> RenderSession:
    return RenderSession(device="cpu", threads=1)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("psi", [pytest.param(1.0, marks=pytest.mark.slow), 0.5])
def test_pictures_of_other_configurations(
    session: RenderSession, tmp_path: Path, name: str, psi: float
) -> None:
    case = made(name)
    path = written(case, tmp_path, "pkl" if psi == 1.0 else "raw")
    view = view_of(case, psi=psi, cutoff=None if psi == 1.0 else 5)
    check(session, case, path, view, plain(case, view))
    session.close(str(path))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SLOW)
def test_pictures_of_large_configurations(session: RenderSession, tmp_path: Path, name: str) -> None:
    case = made(name)
    path = written(case, tmp_path)
    view = view_of(case, psi=0.5)
    above = name == "mimic3d-beyond-sr"
    check(session, case, path, view, plain(case, view, superres=not above))
    session.close(str(path))


DEFAULTS: dict[str, Made] = {
    "eg3d": eg3d(3, w=20, sr=None, neural=64),
    "mimic3d": mimic3d(3, neural=64),
    "epigraf": epigraf(3, num_ray_steps=48, planes=16, size=16),
}
"""With the published settings: what a state dict alone is opened with."""


@cache
def described(family: str, form: str, folder: Path) -> Any:
    from core_model.checkpoints.importing import open_source

    return open_source(written(DEFAULTS[family], folder, form))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", DEFAULTS)
def test_every_form_of_a_checkpoint(tmp_path: Path, family: str, form: str) -> None:
    """The same tensors and configuration from a snapshot, a state dict under any prefix, and a safetensors
    file of another program.
    """
    snapshot, other = described(family, "pkl", tmp_path), described(family, form, tmp_path)
    assert other.stored.header.config == snapshot.stored.header.config
    assert other.stored.header.conventions == snapshot.stored.header.conventions
    assert {n: a.tobytes() for n, a in other.arrays.items()} == {
        n: a.tobytes() for n, a in snapshot.arrays.items()
    }
    ema = {"pkl": True, "raw": False, "lightning.ckpt": True}.get(form)
    assert other.stored.header.provenance.ema is ema
    assert "not stated in the file" in other.stored.header.licence


def config_of(name: str, folder: Path) -> dict[str, Any]:
    from core_model.checkpoints.importing import open_source

    return open_source(written(made(name), folder)).stored.header.config


def test_configurations_are_read_from_the_file(tmp_path: Path) -> None:
    """What no picture at one size shows: every setting that the maker chose."""
    wide = config_of("eg3d-wide", tmp_path)
    assert wide["channels"] == [64, 64, 64, 64, 64] == [min(4096 // r, 64) for r in (4, 8, 16, 32, 64)]
    assert (wide["z_dim"], wide["w_dim"], wide["c_dim"], wide["embed_dim"], wide["mapping_hidden"]) == (
        64,
        96,
        25,
        96,
        [96],
    )
    box = config_of("eg3d-box-white", tmp_path)["volumetric"]
    assert (box["box_warp"], box["white_back"], box["near"], box["far"], box["neural_size"]) == (
        1.6,
        True,
        1.9,
        3.5,
        20,
    )
    assert config_of("eg3d-zeroed", tmp_path)["mapping_hidden"] == [16] * 7
    auto = config_of("eg3d-auto", tmp_path)["volumetric"]
    assert (auto["near"], auto["far"], auto["coarse"], auto["fine"]) == (None, None, 10, 8)
    sr = config_of("eg3d-2X-resized", tmp_path)["superres"]
    assert (sr["variant"], sr["clamp"], sr["antialias"], sr["noise"], sr["w_dim"]) == (
        f"{SR}2X",
        256.0,
        False,
        "none",
        512,
    )
    sr = config_of("eg3d-sr-fp32", tmp_path)["superres"]
    assert sr["clamp"] is None and sr["noise"] == "const"
    assert (
        config_of("eg3d-fp16", tmp_path)["clamp"] == 256.0 and config_of("eg3d-2X", tmp_path)["clamp"] is None
    )
    assert (
        config_of("eg3d-lr-mul", tmp_path)["decoder_lr_mul"] == 0.5
        and config_of("eg3d-no-noise", tmp_path)["noise"] is False
    )
    deep = config_of("epigraf-deep-mlp", tmp_path)
    assert (deep["mlp_widths"], deep["point_freqs"], deep["point_period"], deep["plane_channels"]) == (
        [20, 20, 20, 4],
        4,
        10.0,
        6,
    )
    both = config_of("epigraf-classes-cond", tmp_path)
    assert (both["c_dim"], both["camera_cond"], both["clamp"]) == (3, True, None)
    white = config_of("epigraf-white", tmp_path)
    assert (white["cube_scale"], white["fov"], white["near"], white["far"], white["white_back"]) == (
        0.475,
        30.0,
        0.75,
        1.25,
        True,
    )
    sphere = config_of("epigraf-sphere", tmp_path)
    assert sphere["sphere"] == {"widths": [14, 8], "outputs": 4, "period": 32.0, "steps": 6, "start": 0.9}
    assert sphere["density_shift"] == -3.0
    early = config_of("mimic3d-early-stop", tmp_path)
    assert early["aware"] == [4, 8] and early["tail"] == [] and early["levels"] == [-1]
    attention = config_of("mimic3d-attention", tmp_path)
    assert (
        attention["attention"] is True
        and attention["levels"] == [-3, -1]
        and [t["view"] for t in attention["tail"]] == ["separate"] * 2
    )
    assert config_of("mimic3d-false-act", tmp_path)["plane_act"] == "sigmoid"


OWN = ("eg3d-box-white", "mimic3d-dual", "epigraf-sphere", "epigraf-view")


@pytest.mark.parametrize("name", OWN)
def test_own_samplers_channels_and_mixing(session: RenderSession, tmp_path: Path, name: str) -> None:
    """Every channel of every sampler that the checkpoint has; two seeds mixed by layer.

    The fine picture agrees with the plain raw one.
    """
    case = made(name)
    path, view = written(case, tmp_path), view_of(case, psi=0.5)
    info = session.open(str(path))
    base = request_of(case, path, view, 12, channels=tuple(c.name for c in info.channels))
    mixed = base.latent.replace(z=None, mix=StyleMix(seed=5, layers=(0, 2, 3)))
    for sampler in (s for s in info.samplers if s.available):
        frame = session.render(base.replace(latent=mixed, sampler=SamplerSpec(name=sampler.name, spp=16)))
        assert frame.result.error is None, frame.result.error
        assert set(frame.arrays) == {c.name for c in info.channels}
        assert np.isfinite(frame.arrays["rgb"]).all() and np.isfinite(frame.arrays["depth"]).any()
    model = session.model_of(str(path))
    one, other, both = (model.map(latent) for latent in (mixed.replace(mix=None), mixed.replace(mix=None).replace(
        seeds=(mixed.seeds[0].replace(seed=5),)), mixed))  # fmt: skip
    assert one is not None and other is not None and both is not None
    layers = [0, 2, 3]
    assert torch.equal(both[:, layers], other[:, layers]) and torch.equal(both[:, 1], one[:, 1])
    session.close(str(path))


def recorded_case(name: str) -> tuple[Made, View, Any]:
    """A fixture of the original program as a made network with its view."""
    npz = np.load(FIXTURES / f"{name}.npz", allow_pickle=False)
    meta = json.loads(str(npz["meta"]))
    state = {
        k[3:]: torch.from_numpy(np.asarray(npz[k], np.float32)) for k in npz.files if k.startswith("sd/")
    }
    init, z = meta["init_kwargs"], npz["in/z"][0].astype(np.float32)
    psi = {"psi": meta.get("truncation_psi", 1.0), "cutoff": meta.get("truncation_cutoff")}
    if name == "epigraf_small":
        own = {"z_dim": len(z), "img_resolution": npz["out/image"].shape[-1]}
        angles = tuple(map(float, npz["in/camera_angles"][0][:2]))
        return (
            Made("epigraf", "Generator", state, init, own, {}, meta["cfg"]),
            View(z, angles=angles, **psi),
            npz,
        )
    own = {
        "c_dim": 25,
        "rendering_kwargs": init["rendering_kwargs"],
        "neural_rendering_resolution": meta["neural_rendering_resolution"],
    }
    layers: dict[str, dict[str, Any]] = {"backbone.synthesis.b4.conv1": {"conv_clamp": None}}
    if "plane_axes" in meta:
        layers["renderer"] = {"plane_axes": meta["plane_axes"]}
        layers["superresolution"] = {
            "class": init["rendering_kwargs"]["superresolution_module"].split(".")[-1]
        }
    view = View(
        z, label=npz["in/c_render"][0].astype(np.float64), cond=npz["in/c_cond"][0].astype(np.float64), **psi
    )
    family = name.split("_")[0]
    return (
        Made(
            family,
            meta.get("network", "TriPlaneGenerator"),
            state,
            {"sr_num_fp16_res": 4} | init,
            own,
            layers,
        ),
        view,
        npz,
    )


@pytest.mark.parametrize(
    ("name", "key"),
    [
        pytest.param("eg3d_small", "out/image", marks=pytest.mark.slow),
        ("mimic3d_small", "out/m0/image"),
        ("epigraf_small", "out/image"),
    ],
)
def test_the_plain_evaluation_gives_the_recorded_pictures(name: str, key: str) -> None:
    """The judge is judged: its picture of the fixture is that of the original program."""
    case, view, npz = recorded_case(name)
    made_plainly, want = plain(case, view), npz[key][0].astype(np.float64)
    got = made_plainly.picture.numpy()
    assert np.abs(made_plainly.ws.numpy() - npz["out/ws"][:1]).max() < 1e-5
    assert got.shape == want.shape and 10 * math.log10(4 / np.square(got - want).mean()) >= 60
