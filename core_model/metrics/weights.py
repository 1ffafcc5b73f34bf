"""Reads published weights (Inception, VGG16) that a user names, without running anything that the file holds.

A state dict (.pth, .pt as torch.save writes it, or .safetensors) is data: it is read with `weights_only`,
which builds tensors and containers and nothing else. A TorchScript archive (such as inception-2015-12-05.pt)
is a program, so it is refused.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from core_model.metrics.inception import Inception
from core_model.schema.errors import InputError

FILE_NAME = "pt_inception-2015-12-05-6726825d.pth"
MAX_BYTES = 1 << 30
_UNUSED = ("fc.", "AuxLogits.")


def load_inception(path: Path, device: torch.device | str = "cpu") -> tuple[Inception, str]:
    """(network, SHA-256 of the file). Raises InputError that says which file is expected."""
    where = f"--inception {path}"
    expected = f"the state dict {FILE_NAME}"
    state = read_weights(path, "Inception", where, expected)
    with torch.device("meta"):  # nothing is initialised only to be overwritten
        network = Inception()
    wanted = network.state_dict()
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    lacking = [n for n in wanted if n not in state and n not in counters]
    if lacking:
        raise InputError(
            what="not the Inception weights", where=where, expected=expected, got=f"no tensor {lacking[0]}"
        )
    strange = [n for n in state if n not in wanted and not n.startswith(_UNUSED)]
    if strange:
        raise InputError(
            what="not the Inception weights",
            where=where,
            expected=expected,
            got=f"a tensor {strange[0][:80]!r}",
        )
    for name in wanted.keys() - counters:
        if state[name].shape != wanted[name].shape:
            got = f"{name} of shape {list(state[name].shape)}, not {list(wanted[name].shape)}"
            raise InputError(what="not the Inception weights", where=where, expected=expected, got=got)
        if not torch.isfinite(state[name]).all():
            raise InputError(
                what="damaged Inception weights",
                where=where,
                expected="finite numbers",
                got=f"NaN or infinity in {name}",
            )
    whole = {n: torch.tensor(0) if n in counters else state[n].float() for n in wanted}
    network.load_state_dict(whole, assign=True)
    return network.requires_grad_(False).to(device), _sha256(path)


def read_weights(path: Path, kind: str, where: str, expected: str) -> dict[str, Tensor]:
    """The tensors of a state dict by name. kind: of the weights, for complaints. Raises InputError."""
    if not path.is_file():
        raise InputError(what=f"no {kind} weights", where=where, expected=expected, got="no such file")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            what=f"file is too large for {kind} weights",
            where=where,
            expected=expected,
            got=f"{size:,} bytes",
        )
    if path.suffix.lower() == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(
                what=f"cannot read the {kind} weights", where=where, expected=expected, got=str(error)[:160]
            ) from None
    if _is_program(path):
        raise InputError(
            what="a TorchScript archive is a program and is not run",
            where=where,
            expected=expected,
            got="an archive with code",
        )
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file may break the reader in any way
        got = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(
            what=f"cannot read the {kind} weights", where=where, expected=expected, got=got
        ) from None
    inner = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(inner, dict) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in inner.items()
    ):
        raise InputError(
            what=f"not {kind} weights",
            where=where,
            expected=expected,
            got=f"a {type(inner).__name__} of other things",
        )
    return dict(inner)


def _is_program(path: Path) -> bool:
    """torch.jit.save writes its code below `code/` and its constants beside it."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [name.split("/") for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return any("code" in p[:-1] or p[-1] == "constants.pkl" for p in parts)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
