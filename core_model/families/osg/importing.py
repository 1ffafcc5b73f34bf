"""Keyword records and tensors of EG3D and Mimic3D files → shared settings; missing keys take the original
defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core_model.families.imported import (
    Array,
    ImportedNet,
    clamp_of,
    layer_setting,
    number,
    prefixed,
    record,
    setting,
)
from core_model.families.osg.settings import SuperResConfig, VolumetricConfig
from core_model.nn.superres_variants import VARIANTS
from core_model.schema.camera import EG3D_FOCAL
from core_model.schema.errors import InputError

SHAPENET_FOCAL = 1.7074
FACES = {
    "depth_resolution": 48,
    "depth_resolution_importance": 48,
    "ray_start": 2.25,
    "ray_end": 3.3,
    "box_warp": 1,
    "white_back": False,
    "avg_camera_radius": 2.7,
    "avg_camera_pivot": (0.0, 0.0, 0.2),
    "c_scale": 1,
    "decoder_lr_mul": 1,
    "sr_antialias": True,
}
OBJECTS = FACES | {
    "depth_resolution": 64,
    "depth_resolution_importance": 64,
    "ray_start": 0.1,
    "ray_end": 2.6,
    "box_warp": 1.6,
    "white_back": True,
    "avg_camera_radius": 1.7,
    "avg_camera_pivot": (0.0, 0.0, 0.0),
}


def rendering_record(net: ImportedNet, image_size: int) -> dict[str, Any]:
    """rendering_kwargs of the network; without them the published preset (faces, or ShapeNet for 128 pixels)."""
    kwargs = record(setting(net, "rendering_kwargs"))
    return kwargs or dict(OBJECTS if image_size == 128 else FACES)


def volumetric_config(kwargs: Mapping[str, Any], neural_size: int) -> VolumetricConfig:
    """VolumetricConfig of rendering_kwargs; missing keys take the original defaults (c_scale: 0)."""
    preset = OBJECTS if number(kwargs.get("avg_camera_radius", 2.7), "avg_camera_radius") < 2.0 else FACES
    near, far = (
        _bound(kwargs.get("ray_start", preset["ray_start"])),
        _bound(kwargs.get("ray_end", preset["ray_end"])),
    )
    if (near is None) != (far is None):
        raise InputError(
            what="wrong ray bounds",
            where="rendering_kwargs",
            expected="two numbers or 'auto' twice",
            got=f"{near}, {far}",
        )
    clamp = kwargs.get("clamp_mode", "softplus")
    if clamp != "softplus":
        raise InputError(
            what="unknown density activation",
            where="rendering_kwargs",
            expected="softplus",
            got=repr(clamp)[:40],
        )
    pivot = tuple(
        number(x, "avg_camera_pivot") for x in kwargs.get("avg_camera_pivot", preset["avg_camera_pivot"])
    )
    if len(pivot) != 3:
        raise InputError(
            what="wrong avg_camera_pivot",
            where="rendering_kwargs",
            expected="three numbers",
            got=f"{len(pivot)}",
        )
    fine = kwargs.get("depth_resolution_importance", 0)
    return VolumetricConfig(
        coarse=int(number(kwargs.get("depth_resolution", preset["depth_resolution"]), "depth_resolution")),
        fine=int(number(fine if fine is not None else 0, "depth_resolution_importance")),
        near=near,
        far=far,
        box_warp=number(kwargs.get("box_warp", preset["box_warp"]), "box_warp"),
        disparity=bool(kwargs.get("disparity_space_sampling", False)),
        white_back=bool(kwargs.get("white_back", False)),
        c_scale=number(kwargs.get("c_scale", 0), "c_scale"),
        zero_condition=bool(kwargs.get("c_gen_conditioning_zero", False)),
        neural_size=neural_size,
        camera_radius=number(kwargs.get("avg_camera_radius", 2.7), "avg_camera_radius"),
        camera_pivot=(pivot[0], pivot[1], pivot[2]),
        focal=SHAPENET_FOCAL if preset is OBJECTS else EG3D_FOCAL,
    )


def superres_config(net: ImportedNet, kwargs: Mapping[str, Any]) -> SuperResConfig | None:
    """The super-resolution network of the tensors, its variant by name, else by shapes; None where there is
    none.
    """
    conv0 = net.state.get("superresolution.block0.conv0.weight")
    if conv0 is None:
        return None
    named = setting(net, "superresolution_class") or kwargs.get("superresolution_module")
    name = str(named).rsplit(".", 1)[-1] if named else _variant_of_shapes(net)
    if name not in VARIANTS:
        raise InputError(
            what="unknown super-resolution network",
            where=net.class_name,
            expected=", ".join(VARIANTS),
            got=name[:60],
        )
    halves = setting(net, "sr_num_fp16_res", 0 if net.init_kwargs else 4)
    noise = str(kwargs.get("superresolution_noise_mode", "none"))
    return SuperResConfig.model_validate({
        "variant": name, "w_dim": int(net.state["superresolution.block0.conv0.affine.weight"].shape[1]),
        "clamp": clamp_of(net, "superresolution.block0.conv0", 256.0 if number(halves, "sr_num_fp16_res") > 0 else None),
        "antialias": bool(kwargs.get("sr_antialias", True)),
        "use_noise": "superresolution.block0.conv0.noise_const" in net.state, "noise": noise,
    })  # fmt: skip


def _variant_of_shapes(net: ImportedNet) -> str:
    """The super-resolution variant, by its widths and the size of the last noise image.

    4X is preferred to Deepfp32, which has the same shapes.
    """
    count = sum(1 for k in range(4) if f"superresolution.block{k}.conv1.weight" in net.state)
    widths = tuple(int(net.state[f"superresolution.block{k}.conv1.weight"].shape[0]) for k in range(count))
    noise = net.state.get(f"superresolution.block{count - 1}.conv1.noise_const")
    size = int(noise.shape[0]) if noise is not None else setting(net, "img_resolution")
    for name, v in VARIANTS.items():
        if v.widths == widths and size in (None, v.out_size):
            return name
    raise InputError(
        what="unknown super-resolution network",
        where=net.class_name,
        expected=", ".join(VARIANTS),
        got=f"widths {widths}",
    )


def _bound(value: Any) -> float | None:
    return None if isinstance(value, str) and value == "auto" else number(value, "ray bound")


def image_size_hint(net: ImportedNet) -> int:
    """The stored image size, or the last super-resolution noise image, or 512."""
    size = setting(net, "img_resolution")
    if size is None:
        noise = [
            v
            for k, v in net.state.items()
            if k.startswith("superresolution.") and k.endswith("conv1.noise_const")
        ]
        size = max((int(v.shape[0]) for v in noise), default=512)
    return int(number(size, "img_resolution"))


def neural_size(net: ImportedNet, superres: SuperResConfig | None) -> int:
    """neural_rendering_resolution of the object; else 64, the class default (128 for the published 512 pixel
    models).
    """
    stored = setting(net, "neural_rendering_resolution")
    if stored is not None:
        return int(number(stored, "neural_rendering_resolution"))
    return 128 if superres is not None and superres.out_size >= 512 else 64


def decoder_and_superres(net: ImportedNet) -> dict[str, Array]:
    """Decoder and super-resolution tensors under native names."""
    out = prefixed(net, "decoder.net.0.", "decoder.fc0.") | prefixed(net, "decoder.net.2.", "decoder.fc1.")
    for k in range(4):
        out |= prefixed(net, f"superresolution.block{k}.", f"superres.blocks.{k}.")
    return out


def decoder_lr_mul(net: ImportedNet, kwargs: Mapping[str, Any]) -> float:
    """Learning-rate multiplier of the decoder's layers, which changes their output."""
    return number(
        layer_setting(net, "decoder.net.0", "bias_gain", kwargs.get("decoder_lr_mul", 1)), "decoder_lr_mul"
    )
