"""Finds shaders and assets, in a checkout and in an installed wheel.

A checkout holds `shaders/` and `assets/` beside `viewer/`; a wheel carries both under `viewer/_data/`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from core_model.schema.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]
_ROOTS = (_PACKAGE / "_data", _PACKAGE.parent)


@cache
def data_root() -> Path:
    """Folder that holds `shaders/` and `assets/`; raises InputError naming the places looked at."""
    for root in _ROOTS:
        if (root / "shaders").is_dir() and (root / "assets").is_dir():
            return root
    raise InputError(
        what="shaders and assets are missing",
        where="installation",
        expected=f"folders shaders/ and assets/ in {' or '.join(str(r) for r in _ROOTS)}",
        got="neither",
    )


def shader_path(name: str) -> Path:
    """Path of a GLSL file, e.g. "present.frag"."""
    return _existing(data_root() / "shaders" / name, "shader")


def asset_path(name: str) -> Path:
    """Path of an asset relative to `assets/`, e.g. "fonts/Inter-Regular.otf"."""
    return _existing(data_root() / "assets" / name, "asset")


def find_asset(name: str) -> Path | None:
    """Like `asset_path`, but None where the file is absent (e.g. the demo checkpoint of a slim
    installation).
    """
    path = data_root() / "assets" / name
    return path if path.exists() else None


def demo_checkpoint() -> str | None:
    """Path of the demo checkpoint; None where the installation lacks it."""
    path = find_asset("demo.safetensors")
    return str(path) if path else None


def _existing(path: Path, kind: str) -> Path:
    if not path.exists():
        raise InputError(
            what=f"{kind} is missing", where=str(path.parent), expected=path.name, got="no such file"
        )
    return path
