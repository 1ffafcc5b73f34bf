"""Converts files of the Mimic3D program to native checkpoints, and describes these. Torch-free."""

from __future__ import annotations

import re
from typing import Any

from core_model.families.configs import config_errors
from core_model.families.imported import (
    Array,
    ImportedNet,
    block_channels,
    clamp_of,
    mapping_sizes,
    mapping_tensors,
    number,
    prefixed,
    setting,
    synthesis_tensors,
    tensor_of,
)
from core_model.families.mimic3d.config import AXES, Mimic3dConfig, TailBlock
from core_model.families.osg.importing import (
    decoder_and_superres,
    decoder_lr_mul,
    image_size_hint,
    neural_size,
    rendering_record,
    superres_config,
    volumetric_config,
)
from core_model.families.osg.settings import volumetric_description
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError

BACKBONE, MAPPING = "backbone.synthesis.", "backbone.mapping."


def to_native(net: ImportedNet) -> tuple[CheckpointHeader, dict[str, Array]]:
    """Header and tensors; raises InputError for a network that this family cannot show."""
    with config_errors(net.class_name or "imported network"):
        cfg = config_of(net)
    header = CheckpointHeader(
        family="mimic3d",
        name="Mimic3D",
        config=cfg.model_dump(mode="json"),
        conventions=cfg.volumetric.conventions(AXES),
        camera=cfg.volumetric.prior(),
    )
    return header, tensors_of(net)


def config_of(net: ImportedNet) -> Mimic3dConfig:
    """Sizes from the tensors, settings from the keyword records, published defaults where there are none."""
    refuse_unknown(net)
    kwargs = rendering_record(net, image_size_hint(net))
    superres = superres_config(net, kwargs)
    hidden, colours = tensor_of(net, "decoder.net.0.weight"), tensor_of(net, "decoder.net.2.weight")
    attention = is_attention(net)
    act = net.init_kwargs.get("triplane_act")
    tail = tail_blocks(net, attention)
    return Mimic3dConfig(
        **mapping_sizes(net, MAPPING),
        channels=block_channels(net, BACKBONE),
        plane_channels=int(hidden.shape[1]),
        noise=f"{BACKBONE}b4.conv1.noise_const" in net.state,
        clamp=clamp_of(net, f"{BACKBONE}b4.conv1", setting(net, "conv_clamp")),
        aware=aware_sizes(net),
        attention=attention,
        tail=tail,
        levels=levels_of(net, tail),
        # the program asks whether the setting is None, so its `False` means sigmoid
        plane_act=None if act is None else "tanh" if act == "tanh" else "sigmoid",
        decoder_hidden=int(hidden.shape[0]),
        decoder_colours=int(colours.shape[0]) - 1,
        decoder_lr_mul=decoder_lr_mul(net, kwargs),
        superres=superres,
        depth_guide=number(setting(net, "depth_guided_sample", 0) or 0, "depth_guided_sample"),
        volumetric=volumetric_config(kwargs, neural_size(net, superres)),
    )


def refuse_unknown(net: ImportedNet) -> None:
    """Options of the program that no published configuration uses."""
    const = tensor_of(net, f"{BACKBONE}b4.const")
    if const.ndim == 4 and const.shape[0] != 1:
        raise InputError(
            what="rolled-out backbone",
            where=net.class_name,
            expected="a constant [1, C, 4, 4]",
            got=str(list(const.shape)),
        )
    if number(setting(net, "blur_plane", 0) or 0, "blur_plane") > 0:
        raise InputError(
            what="blurred planes",
            where=net.class_name,
            expected="blur_plane 0",
            got=str(setting(net, "blur_plane")),
        )


def aware_sizes(net: ImportedNet) -> tuple[int, ...]:
    """Resolutions of the 3D-aware blocks."""
    pattern = re.compile(re.escape(BACKBONE) + r"b3d(\d+)\.block\.")
    return tuple(sorted({int(m.group(1)) for name in net.state if (m := pattern.match(name))}))


def is_attention(net: ImportedNet) -> bool:
    """The variant that no tensor shows."""
    return bool(setting(net, "aware3d_att", False)) or setting(net, "roll_out") == "a"


def tail_prefixes(net: ImportedNet) -> list[str]:
    """Prefixes of the blocks after the branch, in order."""
    last = aware_sizes(net)[-1:]
    homes = [f"{BACKBONE}b3d{r}." for r in last] + [f"{BACKBONE}sr3d."]
    return [
        f"{home}block{k}." for home in homes for k in (2, 3) if f"{home}block{k}.conv0.weight" in net.state
    ]


def tail_blocks(net: ImportedNet, attention: bool) -> tuple[TailBlock, ...]:
    """View and doubling of the blocks after the branch, from shapes; without noise images the first doubles,
    the second not.
    """
    size = 4 << (len(block_channels(net, BACKBONE)) - 1)
    blocks: list[TailBlock] = []
    for number_, prefix in enumerate(tail_prefixes(net)):
        weight = tensor_of(net, f"{prefix}conv0.weight")
        noise = net.state.get(f"{prefix}conv0.noise_const")
        up: Any = int(noise.shape[0]) // size if noise is not None else (2 if number_ == 0 else 1)
        size *= up
        wide = weight.shape[1] == 3 * weight.shape[0]
        blocks.append(TailBlock(view=("attention" if attention else "mean") if wide else "separate", up=up))
    return tuple(blocks)


def levels_of(net: ImportedNet, tail: tuple[TailBlock, ...]) -> tuple[int, ...]:
    """Sampled plane results: the stored `retidx` of a dual generator, else by its tail; the last one of a
    single generator.
    """
    dual = (
        "Dual" in net.class_name
        if net.class_name in ("DualTriPlaneGenerator", "TriPlaneGenerator")
        else bool(tail)
    )
    if not dual:
        return (-1,)
    stored = net.init_kwargs.get("retidx")
    if isinstance(stored, list | tuple) and len(stored) == 2:
        return tuple(int(number(i, "retidx")) for i in stored)
    return (-1 - len(tail), -1)


def tensors_of(net: ImportedNet) -> dict[str, Array]:
    """The state under native names, constants left out."""
    out = mapping_tensors(net, MAPPING, "mapping.") | synthesis_tensors(net, BACKBONE, "backbone.")
    for k, r in enumerate(aware_sizes(net)):
        out |= prefixed(net, f"{BACKBONE}b3d{r}.block.", f"aware.{k}.")
    for k, prefix in enumerate(tail_prefixes(net)):
        out |= prefixed(net, prefix, f"tail.{k}.")
    return out | decoder_and_superres(net)


LICENCE_NOTE = (
    "not stated in the file; Mimic3D's program: MIT, parts are EG3D's (NVIDIA, research and evaluation only)"
)
DESCRIPTION = volumetric_description("mimic3d", "Mimic3D", Mimic3dConfig, to_native, LICENCE_NOTE)
