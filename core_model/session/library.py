"""Opening checkpoints: header → description, tensors → model in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from core_model.checkpoints.importing import is_foreign, open_source
from core_model.checkpoints.layout import StoredCheckpoint, read_header
from core_model.checkpoints.locate import newest_snapshot
from core_model.checkpoints.store import load_into, load_tensors
from core_model.families import FAMILIES, Model, Sizes
from core_model.families.analytic.spec import PREFIX, analytic_header
from core_model.rendering.channels import available_channels
from core_model.rendering.samplers import available_samplers
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.errors import InputError

FRAME_BYTES = 512 * 512 * 4 * 16


@dataclass(frozen=True)
class OpenCheckpoint:
    """A model in memory with its description; `stamp` tells whether the file changed since."""

    info: CheckpointInfo
    model: Model
    stamp: tuple[int, int]


def describe_checkpoint(path: str) -> CheckpointInfo:
    """Everything that is known without building the network. Raises InputError for anything that is not a checkpoint."""
    if path.startswith(PREFIX):
        return _info(path, analytic_header(path), None)
    return describe_stored(path, stored_checkpoint(path))


def stored_checkpoint(path: str) -> StoredCheckpoint:
    """Header and tensor table of a file: native, or imported into memory (.pkl, .pt …). Raises InputError."""
    path = file_of(path)
    return open_source(path).stored if is_foreign(path) else read_header(path)


def file_of(path: str) -> str:
    """The file behind a path: a run folder stands for its newest snapshot. Raises InputError for a folder without one."""
    return str(newest_snapshot(Path(path))) if os.path.isdir(path) else path


def describe_stored(path: str, stored: StoredCheckpoint) -> CheckpointInfo:
    """What `describe_checkpoint` says, of a file that was already looked at."""
    return _info(path, stored.header, stored)


def open_checkpoint(path: str, device: torch.device) -> OpenCheckpoint:
    """Description, network and weights on `device`."""
    stamp = file_stamp(path)  # before reading: a file that is replaced meanwhile is noticed next time
    file = file_of(path)
    foreign = open_source(file) if is_foreign(file) else None
    info = describe_stored(path, foreign.stored) if foreign is not None else describe_checkpoint(path)
    model = FAMILIES.get(info.family, where=path).build(info.header, path)
    if model.module is not None:
        state = foreign.tensors if foreign is not None else load_tensors(file)
        module = model.module.to_empty(device="cpu")
        load_into(module, state, where=path)
        if device.type == "cpu":  # the layout that CPU convolutions want
            module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        module.to(device).eval().requires_grad_(False)
    return OpenCheckpoint(info, model, stamp)


def file_stamp(path: str) -> tuple[int, int]:
    """(modification time [ns], size) of the file behind a path; zeros where there is none."""
    try:
        status = os.stat(file_of(path))
    except (OSError, InputError):
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _info(path: str, header: CheckpointHeader, stored: StoredCheckpoint | None) -> CheckpointInfo:
    family = FAMILIES.get(header.family, where=path)
    sizes = family.describe(header, path)
    if stored is not None:
        _check_known_tensors(stored, path)
    parameters = stored.parameters_by_part() if stored else {}
    return CheckpointInfo(
        path=path, sha256=stored.sha256 if stored else "", file_bytes=stored.file_bytes if stored else 0, header=header,
        title=sizes.title, z_dim=sizes.z_dim, w_dim=sizes.w_dim, num_ws=sizes.num_ws, c_dim=sizes.c_dim, num_classes=sizes.num_classes,
        image_size=sizes.image_size, plane_size=sizes.plane_size, plane_channels=sizes.plane_channels,
        parameters=parameters, memory_bytes=_memory_estimate(sizes, sum(parameters.values())),
        has_proposal=sizes.has_proposal,
        channels=available_channels(is_sdf=sizes.is_sdf, has_proposal=sizes.has_proposal),
        samplers=available_samplers(has_proposal=sizes.has_proposal, learned_spp=sizes.default_spp),
    )


def _check_known_tensors(stored: StoredCheckpoint, path: str) -> None:
    if not stored.tensors:
        raise InputError(what="checkpoint holds no tensors", where=path, expected="the tensors of its model", got="none")


def _memory_estimate(sizes: Sizes, parameters: int) -> int:
    """Weights, planes twice (image layout and lookup table), proposals and a 512² frame, in bytes."""
    planes = 3 * sizes.plane_channels * sizes.plane_size**2 * 4 * 2
    proposals = sizes.proposal_size**2 * sizes.probe_samples * 4 * 2 if sizes.has_proposal else 0
    return parameters * 4 + planes + proposals + FRAME_BYTES
