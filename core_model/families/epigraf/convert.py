"""Converts files of the EpiGRAF program to native checkpoints, and describes these. Torch-free."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from core_model.families.configs import config_errors, read_config
from core_model.families.description import Description, Sizes
from core_model.families.epigraf.config import EpigrafConfig, SphereConfig, octaves_of
from core_model.families.imported import (
    Array,
    ImportedNet,
    block_channels,
    clamp_of,
    layer_setting,
    mapping_sizes,
    mapping_tensors,
    number,
    prefixed,
    record,
    setting,
    synthesis_tensors,
    tensor_of,
)
from core_model.schema.camera import CameraPrior
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError

BACKBONE, MAPPING = "synthesis.tri_plane_decoder.", "mapping."
MLP, SPHERE = "synthesis.tri_plane_mlp.", "synthesis.bg_model.blocks."


def to_native(net: ImportedNet) -> tuple[CheckpointHeader, dict[str, Array]]:
    """Header and tensors; raises InputError for a network that this family cannot show."""
    with config_errors(net.class_name or "imported network"):
        cfg = config_of(net)
    tensors = tensors_of(net)
    header = CheckpointHeader(
        family="epigraf",
        name="EpiGRAF",
        config=cfg.model_dump(mode="json"),
        conventions=cfg.conventions(),
        camera=_seen_from(cfg.prior(), tensors["mean_camera_pose"]),
    )
    return header, tensors


def _seen_from(prior: CameraPrior, mean: Array) -> CameraPrior:
    """The prior with the mean camera [3] of the data (yaw, polar pitch, roll) as its default: the program's heads face +x."""
    yaw, polar = (float(v) for v in np.asarray(mean, np.float64).reshape(-1)[:2])
    if not (math.isfinite(yaw) and 0.0 <= polar <= math.pi):
        return prior
    pose = prior.default.replace(yaw=0.5 * math.pi - yaw, pitch=0.5 * math.pi - polar)
    return prior.replace(default=pose)


def config_of(net: ImportedNet) -> EpigrafConfig:
    """Sizes from the tensors, settings from the stored cfg; where it is missing, those of ffhq_posed."""
    cfg = record(setting(net, "cfg"))
    data, tri = record(cfg.get("dataset")), record(cfg.get("tri_plane"))
    camera = record(data.get("camera")) or record(
        data.get("sampling")
    )  # the name before EpiGRAF's publication
    refuse_unknown(net, cfg)
    sizes = mapping_sizes(net, MAPPING)
    label = sizes.pop("c_dim")
    camera_cond = is_camera_conditioned(net, cfg, label)
    if label < 2 * camera_cond:
        raise InputError(
            what="wrong label",
            where=net.class_name,
            expected="at least yaw and pitch",
            got=f"{label} numbers",
        )
    default = SETTINGS | {"clamp": None if tri.get("fp32") else 256.0}
    value = lambda found, name: number(found if found is not None else default[name], name)
    return EpigrafConfig.model_validate(
        dict(
            **sizes,
            c_dim=label - 2 * camera_cond,
            camera_cond=camera_cond,
            channels=block_channels(net, BACKBONE),
            noise=f"{BACKBONE}b4.conv1.noise_const" in net.state,
            clamp=clamp_of(net, f"{BACKBONE}b4.conv1", default["clamp"]),
            **mlp_sizes(net, tri),
            activation=str(cfg.get("clamp_mode", "softplus")),
            density_shift=value(cfg.get("density_shift"), "density_shift"),
            steps=int(value(cfg.get("num_ray_steps"), "num_ray_steps")),
            fov=value(camera.get("fov"), "fov"),
            near=value(camera.get("ray_start"), "ray_start"),
            far=value(camera.get("ray_end"), "ray_end"),
            radius=value(camera.get("radius"), "radius"),
            cube_scale=value(data.get("cube_scale"), "cube_scale"),
            white_back=bool(data.get("white_back", False)),
            last_back=bool(data.get("last_back", False)),
            image_size=image_size(net, data),
            **background_of(net, cfg),
        )
    )


SETTINGS: dict[str, Any] = {
    "density_shift": 0.0,
    "num_ray_steps": 48,
    "fov": 12.0,
    "ray_start": 0.88,
    "ray_end": 1.12,
    "radius": 1.0,
    "cube_scale": 0.2,
}


def refuse_unknown(net: ImportedNet, cfg: Mapping[str, Any]) -> None:
    """Backbones and options that this family does not have."""
    backbone = cfg.get("backbone", "stylegan2")
    if backbone != "stylegan2":
        raise InputError(
            what="unknown backbone", where="EpiGRAF network", expected="stylegan2", got=str(backbone)[:40]
        )
    beta = number(layer_setting(net, "synthesis", "nerf_sp_beta", 1.0), "nerf_sp_beta")
    if beta != 1.0:
        raise InputError(
            what="density softplus of another sharpness",
            where="EpiGRAF network",
            expected="nerf_sp_beta 1",
            got=f"{beta:g}",
        )
    if record(record(cfg.get("bg_model")).get("fmm")).get("enabled"):
        raise InputError(
            what="factorised background layers (fmm)",
            where="EpiGRAF network",
            expected="fmm.enabled false",
            got="true",
        )


def is_camera_conditioned(net: ImportedNet, cfg: Mapping[str, Any], label: int) -> bool:
    """Whether the mapping takes the camera: by the cfg, else by the label's width.

    Without a cfg: the label has two numbers, or two more than there are classes.
    """
    if "camera_cond" in cfg:
        return bool(cfg["camera_cond"])
    classes = setting(net, "c_dim")
    return label == 2 if classes is None else label == int(number(classes, "c_dim")) + 2


def image_size(net: ImportedNet, data: Mapping[str, Any]) -> int:
    """The resolution of the network at inference; that of the planes where the file does not tell (all
    published files).
    """
    planes = 4 << (len(block_channels(net, BACKBONE)) - 1)
    stored = layer_setting(
        net, "synthesis", "test_resolution", setting(net, "img_resolution", data.get("resolution", planes))
    )
    return int(number(stored, "test_resolution"))


def mlp_sizes(net: ImportedNet, tri: Mapping[str, Any]) -> dict[str, Any]:
    """Widths of the MLP, the encoding of positions and the number of plane features."""
    count = sum(1 for n in net.state if re.match(re.escape(MLP) + r"model\.\d+\.weight$", n))
    if (
        not count and number(record(tri.get("mlp")).get("n_layers", 1), "n_layers") == 0
    ):  # the plane features are the answer
        return {
            "plane_channels": int(number(tri.get("feat_dim", 4), "feat_dim")),
            "mlp_widths": (),
            "point_freqs": 0,
        }
    layers = [tensor_of(net, f"{MLP}model.{k}.weight") for k in range(max(1, count))]
    views = [net.state.get(f"{MLP}color_network.{k}.weight") for k in range(2)]
    encoding = net.state.get(f"{MLP}pos_enc.fourier_encoder.fourier_coefs")
    period = number(tri.get("posenc_period_len", 0) or 0, "posenc_period_len")
    freqs = int(encoding.size) if encoding is not None else octaves_of(period)
    return {
        "plane_channels": int(layers[0].shape[1]) - 6 * freqs,
        "mlp_widths": tuple(int(w.shape[0]) for w in layers),
        "point_freqs": freqs,
        "point_period": period if freqs and period else float(2**freqs if freqs else 0),
        "view_widths": tuple(int(w.shape[0]) for w in views if w is not None),
    }


def background_of(net: ImportedNet, cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Kind of background: a sphere has tensors of its own, a plane has three channels more than the planes."""
    bg = record(cfg.get("bg_model"))
    count = len({m.group(1) for n in net.state if (m := re.match(re.escape(SPHERE) + r"(\d+)\.", n))})
    if count:
        blocks = [tensor_of(net, f"{SPHERE}{k}.conv1.weight") for k in range(count)]
        period = number(bg.get("posenc_period_len", 2.0 ** (blocks[0].shape[1] / 8)), "posenc_period_len")
        if 8 * octaves_of(period) != blocks[0].shape[1]:
            raise InputError(
                what="wrong background encoding",
                where=net.class_name,
                expected=f"{8 * octaves_of(period)} inputs",
                got=str(blocks[0].shape[1]),
            )
        sphere = SphereConfig(
            widths=tuple(int(w.shape[0]) for w in blocks),
            outputs=int(tensor_of(net, f"{SPHERE}0.to_out.weight").shape[0]),
            period=period,
            steps=int(number(bg.get("num_steps", 8), "num_steps")),
            start=number(bg.get("start", 1.0), "start"),
        )
        return {"background": "sphere", "sphere": sphere}
    tri = record(cfg.get("tri_plane"))
    extra = (
        int(tensor_of(net, f"{BACKBONE}b4.torgb.weight").shape[0]) - 3 * mlp_sizes(net, tri)["plane_channels"]
    )
    if extra not in (0, 3):
        raise InputError(
            what="wrong plane channels",
            where=net.class_name,
            expected="three planes, or a background more",
            got=f"{extra} left over",
        )
    return {"background": "plane" if extra else None}


def tensors_of(net: ImportedNet) -> dict[str, Array]:
    """The state under native names; Fourier coefficients are constants and left out."""
    out = mapping_tensors(net, MAPPING, "mapping.") | synthesis_tensors(net, BACKBONE, "backbone.")
    out |= prefixed(net, f"{MLP}model.", "decoder.layers.") | prefixed(
        net, f"{MLP}color_network.", "decoder.colour."
    )
    out |= {
        n: v
        for n, v in prefixed(net, SPHERE, "background.blocks.").items()
        if not n.endswith("fourier_coefs")
    }
    pose = net.state.get(f"{MAPPING}mean_camera_pose")
    # networks of data sets without poses have none; frontal then
    out["mean_camera_pose"] = (
        pose if pose is not None else np.array([0.5 * math.pi, 0.5 * math.pi, 0.0], np.float32)
    )
    return out


LICENCE_NOTE = "not stated in the file; parts of the EpiGRAF program are NVIDIA's StyleGAN: ask its authors before any use but research"


def describe(header: CheckpointHeader, where: str) -> Sizes:
    cfg = read_config(EpigrafConfig, header, where)
    return Sizes(
        title="EpiGRAF",
        z_dim=cfg.z_dim,
        w_dim=cfg.w_dim,
        num_ws=cfg.num_ws,
        c_dim=cfg.label_dim,
        num_classes=cfg.c_dim,
        image_size=cfg.image_size,
        plane_size=cfg.plane_size,
        plane_channels=cfg.plane_channels,
        is_sdf=False,
        view_dependent=bool(cfg.view_widths),
    )


DESCRIPTION = Description("epigraf", describe, to_native, LICENCE_NOTE)
