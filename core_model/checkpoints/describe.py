"""What is known of a checkpoint without building its network.

The record behind `triscope info` and the viewer. No torch here.
"""

from __future__ import annotations

import os
from pathlib import Path

from core_model.checkpoints.codes import base_of, described, is_code, read_code
from core_model.checkpoints.importing import is_foreign, open_source
from core_model.checkpoints.layout import StoredCheckpoint, read_header
from core_model.checkpoints.locate import newest_snapshot
from core_model.families.analytic.description import PREFIX, analytic_header
from core_model.families.description import Sizes
from core_model.families.known import DESCRIPTIONS
from core_model.rendering.channels import available_channels
from core_model.sampling.samplers import available_samplers
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.plugins import broken

FRAME_BYTES = 512 * 512 * 4 * 16


def describe_checkpoint(path: str) -> CheckpointInfo:
    """Everything that is known without building the network.

    Raises InputError for anything that is not a checkpoint.
    """
    if path.startswith(PREFIX):
        return _info(path, analytic_header(path), None)
    return describe_stored(path, stored_checkpoint(path))


def stored_checkpoint(path: str) -> StoredCheckpoint:
    """Header and tensor table of a file: native, imported into memory (.pkl, .pt …), or an inverted code with its base.

    Raises InputError.
    """
    path = file_of(path)
    if is_code(path):
        code = read_code(path)
        return described(code, stored_checkpoint(base_of(code)))
    return open_source(path).stored if is_foreign(path) else read_header(path)


def file_of(path: str) -> str:
    """The file behind a path: a run folder stands for its newest snapshot.

    Raises InputError for a folder without one.
    """
    return str(newest_snapshot(Path(path))) if os.path.isdir(path) else path


def describe_stored(path: str, stored: StoredCheckpoint) -> CheckpointInfo:
    """What `describe_checkpoint` says, of a file that was already looked at."""
    return _info(path, stored.header, stored)


def _info(path: str, header: CheckpointHeader, stored: StoredCheckpoint | None) -> CheckpointInfo:
    description = DESCRIPTIONS.get(header.family, where=path)
    sizes = description.describe(header, path)
    if stored is not None and not stored.tensors:
        raise InputError(
            what="checkpoint holds no tensors", where=path, expected="the tensors of its model", got="none"
        )
    parameters = stored.parameters_by_part() if stored else {}
    return CheckpointInfo(
        path=path,
        sha256=stored.sha256 if stored else "",
        file_bytes=stored.file_bytes if stored else 0,
        header=header,
        latent=stored.latent if stored else None,
        base_path=str(stored.base) if stored and stored.base else "",
        base_sha256=header.provenance.source_sha256 if stored and stored.base else "",
        title=header.name if stored and stored.base else sizes.title,
        z_dim=sizes.z_dim,
        w_dim=sizes.w_dim,
        num_ws=sizes.num_ws,
        c_dim=sizes.c_dim,
        num_classes=sizes.num_classes,
        image_size=sizes.image_size,
        neural_size=sizes.neural_size,
        plane_size=sizes.plane_size,
        plane_channels=sizes.plane_channels,
        parameters=parameters,
        memory_bytes=_memory_estimate(sizes, sum(parameters.values())),
        has_proposal=sizes.has_proposal,
        view_dependent=sizes.view_dependent,
        has_native=description.convert is not None,
        channels=available_channels(
            is_sdf=sizes.is_sdf, has_proposal=sizes.has_proposal, has_superres=sizes.neural_size > 0
        ),
        samplers=available_samplers(
            has_proposal=sizes.has_proposal,
            learned_spp=sizes.default_spp,
            is_sdf=sizes.is_sdf,
            has_superres=sizes.neural_size > 0,
        ),
        left_out=tuple(plugin.line for plugin in broken()),
    )


def _memory_estimate(sizes: Sizes, parameters: int) -> int:
    """Weights, planes twice (image layout and lookup table), proposals and a 512² frame, in bytes."""
    planes = 3 * sizes.plane_channels * sizes.plane_size**2 * 4 * 2
    proposals = sizes.proposal_size**2 * sizes.probe_samples * 4 * 2 if sizes.has_proposal else 0
    return parameters * 4 + planes + proposals + FRAME_BYTES
