"""Options → records: cameras, latents, samplers, channels; arrays from files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from core_model.cli.cameras import CameraOptions, camera_of, conditioning_of
from core_model.cli.files import read_array
from core_model.cli.inspect import parse_pixel
from core_model.cli.options import (
    LatentOptions,
    MachineOptions,
    SamplerOptions,
    channels_of,
    latent_of,
    request_of,
    sampler_of,
)
from core_model.schema.camera import EG3D_FOCAL, MatrixCamera, OrbitPose, label25
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.sampler import SamplerInfo


def info(label: str = "eg3d25", **more: object) -> CheckpointInfo:
    header = CheckpointHeader(
        family="wysiwyg", conventions=Conventions.model_validate({"camera_label": label})
    )
    samplers = (
        SamplerInfo(name="uniform", title="", description=""),
        SamplerInfo(name="importance", title="", description=""),
        SamplerInfo(
            name="learned", title="", description="", available=False, why_not="it has no proposal network"
        ),
    )
    channels = tuple(ChannelInfo(name=n, title=n, kind="scalar") for n in ("rgb", "depth", "normal"))
    base = CheckpointInfo(
        path="x.safetensors",
        header=header,
        samplers=samplers,
        channels=channels,
        z_dim=8,
        num_ws=6,
        image_size=96,
    )
    return base.replace(**more)


class TestCameras:
    def test_default_is_the_checkpoints(self) -> None:
        assert camera_of(CameraOptions(), info()) == OrbitPose()
        assert conditioning_of(CameraOptions(), info()) is None

    def test_numbers_replace_parts(self) -> None:
        pose = camera_of(CameraOptions(yaw=0.3, fov=0.5), info())
        assert pose == OrbitPose(yaw=0.3, fov=0.5)

    def test_label_is_exact(self, tmp_path: Path) -> None:
        label = label25(OrbitPose(yaw=0.4, pitch=-0.2))
        np.save(tmp_path / "c.npy", label[None])
        camera = camera_of(CameraOptions(label=tmp_path / "c.npy"), info())
        assert isinstance(camera, MatrixCamera)
        np.testing.assert_array_equal(label25(camera), label)
        assert conditioning_of(CameraOptions(cond_label=tmp_path / "c.npy"), info()) == camera
        assert camera.intrinsics()[0, 0] == pytest.approx(EG3D_FOCAL)

    def test_angles_follow_the_checkpoints_label(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.array([0.25, 0.1, 0.05]))
        options = CameraOptions(angles=tmp_path / "a.npy", cond_angles=tmp_path / "a.npy")
        assert camera_of(options, info()) == OrbitPose(yaw=0.25, pitch=0.1, roll=0.05)
        assert conditioning_of(options, info()) == OrbitPose(yaw=0.25, pitch=0.1, roll=0.05)

    @pytest.mark.parametrize("theta, phi", [(0.25, 1.45), (math.pi / 2, math.pi / 2), (-0.4, 1.7)])
    def test_epigraf_angles_put_the_camera_where_epigraf_does(
        self, tmp_path: Path, theta: float, phi: float
    ) -> None:
        np.save(tmp_path / "a.npy", np.array([theta, phi, 0.0], dtype=np.float32))
        pose = camera_of(CameraOptions(angles=tmp_path / "a.npy", radius=1.0), info("angles"))
        place = [math.sin(phi) * math.cos(theta), math.cos(phi), math.sin(phi) * math.sin(theta)]
        np.testing.assert_allclose(pose.world_from_cam()[:3, 3], place, atol=1e-6)
        np.testing.assert_allclose(pose.world_from_cam()[:3, 2], -np.array(place), atol=1e-6)

    @pytest.mark.parametrize("more", [{"yaw": 0.1}, {"radius": 2.0}, {"angles": Path("a.npy")}])
    def test_twice_is_refused(self, more: dict) -> None:
        with pytest.raises(InputError, match="given twice"):
            camera_of(CameraOptions(label=Path("c.npy"), **more), info())

    def test_impossible_values_are_named(self) -> None:
        with pytest.raises(InputError, match="bad camera pitch"):
            camera_of(CameraOptions(pitch=2.0), info())
        with pytest.raises(InputError, match="bad camera fov"):
            camera_of(CameraOptions(fov=float("nan")), info())


class TestArrays:
    def save(self, path: Path, values: object) -> Path:
        np.save(path, np.asarray(values))
        return path

    def test_one_sample_of_a_batch_is_taken(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "z.npy", np.arange(8.0)[None])
        assert read_array(path, "--z", ((8,),)).tolist() == list(range(8))

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            (np.zeros(7), "expected [8], got [7]"),
            (np.zeros((2, 8)), "got [2, 8]"),
            (np.float32(3), "got []"),
            (np.array([1.0] * 7 + [np.nan]), "1 NaN or infinite"),
            (np.array(["a"] * 8), "real numbers"),
            (np.zeros(8, dtype=complex), "complex128"),
        ],
    )
    def test_wrong_arrays_are_named(self, tmp_path: Path, values: object, words: str) -> None:
        path = self.save(tmp_path / "z.npy", values)
        with pytest.raises(InputError) as error:
            read_array(path, "--z", ((8,),))
        assert words in str(error.value) and "z.npy" in str(error.value)

    def test_pickled_objects_are_refused_unread(self, tmp_path: Path) -> None:
        np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
        with pytest.raises(InputError, match="cannot read"):
            read_array(tmp_path / "o.npy", "--z", ((8,),))

    def test_damaged_missing_and_archives(self, tmp_path: Path) -> None:
        (tmp_path / "d.npy").write_bytes(b"\x93NUMPY\x01\x00junk")
        np.savez(tmp_path / "two.npz", a=np.zeros(8), b=np.zeros(8))
        np.savez(tmp_path / "one.npz", a=np.ones(8))
        for name in ("d.npy", "none.npy", "two.npz"):
            with pytest.raises(InputError, match=name):
                read_array(tmp_path / name, "--z", ((8,),))
        assert read_array(tmp_path / "one.npz", "--z", ((8,),)).sum() == 8


class TestRequests:
    def test_latent(self, tmp_path: Path) -> None:
        np.save(tmp_path / "z.npy", np.linspace(0, 1, 8))
        latent = latent_of(LatentOptions(z=tmp_path / "z.npy", psi=0.5, cutoff=None), CameraOptions(), info())
        assert latent.z is not None and len(latent.z) == 8 and latent.psi == 0.5 and latent.cutoff is None
        assert latent_of(LatentOptions(), CameraOptions(), info()).cutoff == 6
        with pytest.raises(InputError, match="--psi"):
            latent_of(LatentOptions(psi=9.0), CameraOptions(), info())
        with pytest.raises(InputError, match="--seed"):
            latent_of(LatentOptions(seed=-1), CameraOptions(), info())

    def test_sampler_choice(self) -> None:
        assert sampler_of(SamplerOptions(), info()).name == "importance"
        assert sampler_of(SamplerOptions(sampler="uniform", spp=12), info()).spp == 12
        with pytest.raises(InputError, match="did you mean 'uniform'"):
            sampler_of(SamplerOptions(sampler="unifrom"), info())
        with pytest.raises(InputError, match="no proposal network"):
            sampler_of(SamplerOptions(sampler="learned"), info())
        with pytest.raises(InputError, match="--spp"):
            sampler_of(SamplerOptions(spp=0.5), info())

    def test_channels(self) -> None:
        assert list(channels_of("depth, rgb", info(), ())) == ["depth", "rgb"]
        assert list(channels_of(None, info(), ("rgb",))) == ["rgb"]
        with pytest.raises(InputError, match="did you mean 'depth'"):
            channels_of("rgb,dpeth", info(), ())
        with pytest.raises(InputError, match="no channel"):
            channels_of(" , ", info(), ())

    def test_request_size(self) -> None:
        parts = (LatentOptions(), CameraOptions(), SamplerOptions(), MachineOptions())
        assert request_of(info(), *parts, size=None, channels=("rgb",)).width == 96
        with pytest.raises(InputError, match="--width"):
            request_of(info(), *parts, size=0, channels=("rgb",))

    @pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "-1,2", "96,0", "1.5,2"])
    def test_bad_pixels(self, text: str) -> None:
        with pytest.raises(InputError, match="--pixel"):
            parse_pixel(text, 96, 96)

    def test_pixel(self) -> None:
        assert parse_pixel("95, 0", 96, 96) == (95, 0)
