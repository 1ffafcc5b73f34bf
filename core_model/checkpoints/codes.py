"""Inverted codes: the w, camera and change of weights that make one checkpoint show one photograph.

A code is a small safetensors file: `w` [L, D], `delta/NAME` (what is added to a weight, half precision), `noise/NAME`
(noise maps that replace the checkpoint's), and a `CodeHeader` under the metadata key `triscope-code`. It is bound to its
checkpoint by that file's SHA-256 and opens wherever a checkpoint does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from core_model.checkpoints.layout import (
    StoredCheckpoint,
    TensorEntry,
    file_sha256,
    first_problem,
    read_table,
)
from core_model.schema.assets import demo_checkpoint
from core_model.schema.camera import MatrixCamera, fov_from_focal, orbit_from_matrix
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.inversion import CodeHeader
from core_model.schema.latent import LatentSpec

if TYPE_CHECKING:
    from torch import Tensor

CODE_KEY = "triscope-code"
DELTA, NOISE, LATENT = "delta/", "noise/", "w"
MAX_LATENT = 1 << 20  # numbers


@dataclass(frozen=True)
class StoredCode:
    """What a code says of itself. w [L, D] float32."""

    path: Path
    header: CodeHeader
    tensors: Mapping[str, TensorEntry]
    file_bytes: int
    w: np.ndarray

    @property
    def latent(self) -> LatentSpec:
        """Its w, one row where all layers are alike."""
        rows = self.w[:1] if bool((self.w == self.w[:1]).all()) else self.w
        return LatentSpec(w=tuple(tuple(row) for row in rows.tolist()))

    @property
    def camera(self) -> MatrixCamera:
        return MatrixCamera.from_label(self.header.camera, where=str(self.path))


def is_code(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is an inverted code; False for anything that cannot be read."""
    try:
        if Path(path).suffix.lower() != ".safetensors":
            return False
        return CODE_KEY in read_table(Path(path))[1]
    except InputError:
        return False


def read_code(path: str | os.PathLike[str]) -> StoredCode:
    """Header and w of a code; raises InputError for anything else."""
    path = Path(path)
    table, metadata, size = read_table(path)
    try:
        header = CodeHeader.model_validate_json(metadata.get(CODE_KEY, ""))
    except ValidationError as error:
        raise _damaged(path, "a valid description", first_problem(error)) from None
    entry = table.get(LATENT)
    if entry is None or len(entry.shape) != 2 or entry.dtype != "F32" or not 0 < entry.numel <= MAX_LATENT:
        raise _damaged(path, "w as float32 [layers, width]", "none" if entry is None else str(entry)[:80])
    strange = [n for n in table if n != LATENT and not n.startswith((DELTA, NOISE))]
    if strange:
        raise _damaged(path, "w, delta/… and noise/…", f"a tensor {strange[0][:60]!r}")
    start = size - max(e.end for e in table.values())
    with open(path, "rb") as file:
        file.seek(start + entry.begin)
        w = np.frombuffer(file.read(entry.end - entry.begin), np.float32).reshape(entry.shape)
    if not np.isfinite(w).all():
        raise _damaged(path, "finite numbers", "NaN or infinity in w")
    return StoredCode(path, header, table, size, w)


def base_of(code: StoredCode) -> str:
    """The file of the code's checkpoint, found by its SHA-256: where it lay, beside the code or above it, or the demo.

    Raises InputError where it is nowhere, or where a file of its name is another one.
    """
    header, wrong = code.header, ""
    places = [Path(header.base_path)] if header.base_path else []
    if header.base_name:
        near = code.path.absolute().parent
        places += [folder / Path(header.base_name).name for folder in (near, *list(near.parents)[:3])]
    demo = demo_checkpoint()
    places += [Path(demo)] if demo else []
    for place in dict.fromkeys(places):
        try:
            if not place.is_file():
                continue
        except OSError:
            continue
        if file_sha256(place) == header.base_sha256:
            if is_code(place):
                raise InputError(
                    what="the code's checkpoint is a code itself",
                    where=str(code.path),
                    expected="a checkpoint",
                )
            return str(place)
        wrong = wrong or (str(place) if place.name == header.base_name else "")
    name, home = header.base_name or "its checkpoint", header.base_path or "its old place"
    fault = "is not the one that it was made with" if wrong else "is missing"
    raise InputError(
        what=f"the inverted code's checkpoint {fault}",
        where=str(code.path),
        expected=f"{name} with SHA-256 {header.base_sha256[:12]}…, beside the code or at {home}",
        got=f"another file, {wrong}" if wrong else "no such file",
    )


def described(code: StoredCode, base: StoredCheckpoint) -> StoredCheckpoint:
    """The code as a stored checkpoint: the base's tensors and conventions, the photograph's camera and latent first."""
    header, camera = base.header, code.camera
    k = camera.intrinsics()
    pose = orbit_from_matrix(
        camera.world_from_cam(), fov_from_focal(float(k[0, 0])), header.camera.default.pivot
    )
    made = header.provenance.replace(
        made_by=code.header.made_by, made_at=code.header.made_at, source=code.header.base_name,
        source_sha256=code.header.base_sha256,
        notes=f"inverted from {code.header.name} at {code.header.size}² pixels"
        + (f", {code.header.psnr:.1f} dB" if code.header.psnr is not None else ""),
    )  # fmt: skip
    shown: CheckpointHeader = header.replace(
        name=code.header.name or code.path.stem, camera=header.camera.replace(default=pose), provenance=made
    )
    return StoredCheckpoint(code.path, shown, base.tensors, code.file_bytes, code.latent, base.path)


def tuned_tensors(code: StoredCode, base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The base's tensors with the code's changes; raises InputError where they do not fit."""
    from core_model.checkpoints.store import check_finite

    state: dict[str, Any] = dict(base)
    changes = code_tensors(code)
    check_finite(changes, where=str(code.path))
    for name, value in changes.items():
        kind, _, target = name.partition("/")
        own = state.get(target)
        if own is None or own.shape != value.shape:
            raise _damaged(
                code.path,
                "changes of its checkpoint's tensors",
                f"{target[:60]!r} of shape {list(value.shape)}",
            )
        state[target] = value.to(own.dtype) if kind == "noise" else own + value.to(own.dtype)
    return state


def code_tensors(code: StoredCode) -> dict[str, Tensor]:
    """delta/… and noise/… as stored."""
    from safetensors import safe_open

    with safe_open(code.path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in code.tensors if name != LATENT}


def save_code(
    path: Path, header: CodeHeader, w: Tensor, deltas: Mapping[str, Tensor], noise: Mapping[str, Tensor]
) -> Path:
    """Write a code atomically. w [L, D]; deltas by the weights' names, noise maps by their buffers' names.

    Weights that did not change are left out. Raises InputError for NaN and infinity.
    """
    import torch
    from safetensors.torch import save_file

    from core_model.checkpoints.store import check_finite
    from core_model.schema.atomic import replacing

    plain = lambda x, dtype: x.detach().to("cpu", dtype).clone(memory_format=torch.contiguous_format)
    tensors = {LATENT: plain(w, torch.float32)}
    tensors |= {DELTA + n: plain(x, torch.float16) for n, x in deltas.items() if bool((x != 0).any())}
    tensors |= {NOISE + n: plain(x, torch.float16) for n, x in noise.items()}
    check_finite(tensors, where=str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable=True) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt", CODE_KEY: header.model_dump_json()})
    return path


def _damaged(path: Path, expected: str, got: str) -> InputError:
    return InputError(what="corrupt inverted code", where=str(path), expected=expected, got=got)
