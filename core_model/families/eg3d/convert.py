"""EG3D without torch: its configuration, the conversion of its program's files to native checkpoints, its
description.
"""

from __future__ import annotations

import numpy as np
from pydantic import model_validator

from core_model.families.configs import config_errors
from core_model.families.imported import (
    Array,
    ImportedNet,
    block_channels,
    clamp_of,
    mapping_sizes,
    mapping_tensors,
    setting,
    synthesis_tensors,
    tensor_of,
)
from core_model.families.osg.importing import (
    decoder_and_superres,
    decoder_lr_mul,
    image_size_hint,
    neural_size,
    rendering_record,
    superres_config,
    volumetric_config,
)
from core_model.families.osg.settings import GeneratorConfig, volumetric_description
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError

BACKBONE, MAPPING = "backbone.synthesis.", "backbone.mapping."
LEGACY_AXES = (("x", "y"), ("x", "z"), ("z", "x"))  # xz twice and yz never: the table of the published code


class Eg3dConfig(GeneratorConfig):
    """The shared settings and nothing else; all planes come from one plain backbone."""

    @model_validator(mode="after")
    def _sizes(self) -> "Eg3dConfig":
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ValueError(f"channels needs at least two positive widths, got {self.channels}")
        return self


def to_native(net: ImportedNet) -> tuple[CheckpointHeader, dict[str, Array]]:
    """Header and tensors; raises InputError for a network that this family cannot show."""
    with config_errors(net.class_name or "imported network"):
        cfg = config_of(net)
    axes = plane_axes(net)
    header = CheckpointHeader(
        family="eg3d",
        name="EG3D",
        config=cfg.model_dump(mode="json"),
        conventions=cfg.volumetric.conventions(axes),
        camera=cfg.volumetric.prior(),
    )
    return header, tensors_of(net)


def config_of(net: ImportedNet) -> Eg3dConfig:
    """Sizes from the tensors, settings from the keyword records, published defaults where there are none."""
    channels = block_channels(net, BACKBONE)
    superres = superres_config(net, rendering_record(net, image_size_hint(net)))
    image_size = superres.out_size if superres is not None else image_size_hint(net)
    kwargs = rendering_record(net, image_size)
    planes = int(tensor_of(net, f"{BACKBONE}b4.torgb.weight").shape[0])
    if planes % 3:
        raise InputError(
            what="wrong plane channels", where=net.class_name, expected="a multiple of 3", got=str(planes)
        )
    hidden, colours = tensor_of(net, "decoder.net.0.weight"), tensor_of(net, "decoder.net.2.weight")
    return Eg3dConfig(
        **mapping_sizes(net, MAPPING),
        channels=channels,
        plane_channels=planes // 3,
        noise=f"{BACKBONE}b4.conv1.noise_const" in net.state,
        clamp=clamp_of(net, f"{BACKBONE}b4.conv1", setting(net, "conv_clamp")),
        decoder_hidden=int(hidden.shape[0]),
        decoder_colours=int(colours.shape[0]) - 1,
        decoder_lr_mul=decoder_lr_mul(net, kwargs),
        superres=superres,
        volumetric=volumetric_config(kwargs, neural_size(net, superres)),
    )


def plane_axes(net: ImportedNet) -> tuple[tuple[str, str], ...]:
    """(width, height) axes of each plane, from the table in the file (no tensor of the state); else the
    legacy table.
    """
    table = None
    for key in ("plane_axes", "renderer.plane_axes"):
        table = net.attributes.get(key) if table is None else table
    if table is None:
        return LEGACY_AXES
    matrices = np.asarray(table, dtype=np.float64)
    if (
        matrices.shape != (3, 3, 3)
        or not np.isfinite(matrices).all()
        or (np.abs(np.linalg.det(matrices)) < 1e-6).any()
    ):
        raise InputError(
            what="wrong plane axes",
            where=net.class_name,
            expected="three invertible 3 x 3 matrices",
            got=str(matrices.shape),
        )
    axes = []
    for m in np.linalg.inv(matrices):
        if not np.isin(m, (0.0, 1.0)).all() or not (m.sum(axis=0) == 1).all():
            raise InputError(
                what="planes that are not spanned by axes",
                where=net.class_name,
                expected="permutations",
                got=str(m.tolist()),
            )
        axes.append(("xyz"[int(m[:, 0].argmax())], "xyz"[int(m[:, 1].argmax())]))
    return tuple(axes)


def tensors_of(net: ImportedNet) -> dict[str, Array]:
    """The state under native names, constants left out."""
    out = mapping_tensors(net, MAPPING, "mapping.") | synthesis_tensors(net, BACKBONE, "backbone.")
    return out | decoder_and_superres(net)


LICENCE_NOTE = "not stated in the file; EG3D and its published models: NVIDIA Source Code License for EG3D, research and evaluation only"
DESCRIPTION = volumetric_description("eg3d", "EG3D", Eg3dConfig, to_native, LICENCE_NOTE)
