"""The settings of EG3D-shaped generators as their families' configs, and back from a checkpoint that is fine-tuned."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from torch import nn

from core_model.families.eg3d.convert import LEGACY_AXES
from core_model.families.osg.settings import CAMERA_LABEL, GeneratorConfig, SuperResConfig, VolumetricConfig
from core_model.nn.superres_variants import VARIANTS
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.train_osg import OsgNetworkConfig, OsgRenderConfig

C = TypeVar("C", bound=GeneratorConfig)
PLANE_AXES = {"published": LEGACY_AXES, "three": (("x", "y"), ("x", "z"), ("y", "z"))}


def family_config(
    kind: type[C],
    network: OsgNetworkConfig,
    render: OsgRenderConfig,
    *,
    neural_size: int,
    zero_condition: bool,
    branch: str,
    **more: Any,
) -> C:
    """The family's config of the settings; `branch` names them in complaints.

    neural_size: edge of the rendered features [pixels]. more: what the family adds. Raises InputError.
    """
    n, r = network, render
    if n.c_dim not in (0, CAMERA_LABEL):
        raise InputError(
            what=f"bad value of {branch}.network.c_dim",
            expected="25 (EG3D's camera label) or 0",
            got=str(n.c_dim),
        )
    superres = None
    if n.superres != "none":
        superres = SuperResConfig(
            variant=n.superres,
            w_dim=n.superres_w_dim,
            clamp=n.superres_clamp,
            antialias=n.superres_antialias,
            use_noise=n.superres_noise != "absent",
            noise="none" if n.superres_noise == "absent" else n.superres_noise,
        )
    shared = (
        "z_dim",
        "c_dim",
        "w_dim",
        "embed_dim",
        "mapping_hidden",
        "channels",
        "plane_channels",
        "noise",
        "clamp",
        "mapping_lr_mul",
    )
    decoder = ("decoder_hidden", "decoder_colours", "decoder_lr_mul")
    marched = ("coarse", "fine", "near", "far", "box_warp", "disparity", "white_back", "c_scale")
    try:
        return kind(
            **{name: getattr(n, name) for name in (*shared, *decoder)},
            superres=superres,
            volumetric=VolumetricConfig(
                **{name: getattr(r, name) for name in marched},
                zero_condition=zero_condition,
                neural_size=neural_size,
                camera_pivot=(0.0, 0.0, 0.0),
            ),
            **more,
        )
    except ValidationError as error:
        first = first_complaint(error)
        raise InputError(
            what=f"bad value of {branch}.network.{first.place}".rstrip("."), expected=first.says
        ) from None


def check_sizes(network: OsgNetworkConfig, branch: str, image_size: int, rendered: float) -> None:
    """Raise InputError where the super-resolution makes other pictures than the data's, or takes smaller ones."""
    if network.superres == "none":
        if round(rendered) != image_size:
            raise InputError(
                what=f"without {branch}.network.superres, schedule.resolution must be data.resolution",
                expected=str(image_size),
                got=f"{rendered:g}",
            )
        return
    variant = VARIANTS[network.superres]
    if variant.out_size != image_size:
        fitting = [name for name, v in VARIANTS.items() if v.out_size == image_size]
        raise InputError(
            what=f"{branch}.network.superres does not make pictures of data.resolution ({image_size} pixels)",
            expected=", ".join(fitting) or f"data.resolution {variant.out_size}",
            got=f"{network.superres}, which makes {variant.out_size}",
        )
    if variant.grow_only and rendered > variant.in_size:
        raise InputError(
            what=f"schedule.resolution exceeds what {network.superres} takes",
            expected=f"at most {variant.in_size} pixels",
            got=f"{rendered:g}",
        )


def adopted_network(header: CheckpointHeader) -> dict[str, Any]:
    """The settings below `network` and `render` that a checkpoint of such a family has, by dotted path."""
    config = header.config
    volumetric, superres = dict(config.get("volumetric") or {}), config.get("superres")
    found: dict[str, Any] = {}
    for name in OsgNetworkConfig.model_fields:
        if name in config and name != "superres":
            found[f"network.{name}"] = config[name]
    for name in OsgRenderConfig.model_fields:
        if name in volumetric:
            found[f"render.{name}"] = volumetric[name]
    found["network.superres"] = "none" if superres is None else superres["variant"]
    if superres is not None:
        more: Mapping[str, Any] = superres
        found["network.superres_w_dim"] = more.get("w_dim", 512)
        found["network.superres_clamp"] = more.get("clamp", 256.0)
        found["network.superres_antialias"] = more.get("antialias", True)
        found["network.superres_noise"] = (
            more.get("noise", "none") if more.get("use_noise", True) else "absent"
        )
    axes = tuple(tuple(pair) for pair in header.conventions.plane_axes)
    found["network.plane_axes"] = next((name for name, a in PLANE_AXES.items() if a == axes), str(axes))
    return found


N = TypeVar("N", bound=nn.Module)


def placed(generator: N, device: torch.device) -> tuple[N, N]:
    """(generator, its average) on the device."""
    generator = generator.to(device)
    average = copy.deepcopy(generator)
    average.requires_grad_(False)
    return generator, average


def all_parameters(module: nn.Module) -> dict[str, list[nn.Parameter]]:
    """One group: equalised layers carry their multipliers in themselves."""
    return {"generator": list(module.parameters())}
