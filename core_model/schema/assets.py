"""Where assets and shaders lie: in a checkout at the root, in an installed wheel under `viewer/_data`.

Light: the window looks here before anything heavy is imported.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import core_model
from core_model.schema.errors import InputError


@cache
def data_root() -> Path:
    """The folder that holds `assets/` and `shaders/`; raises InputError naming the places looked at."""
    root = Path(core_model.__file__).resolve().parent.parent
    places = (root / "viewer" / "_data", root)
    for place in places:
        if (place / "assets").is_dir():
            return place
    raise InputError(
        what="installation lacks its assets",
        where=str(root),
        expected=f"a folder assets/ in {' or '.join(map(str, places))}",
        got="neither",
    )


def assets_dir() -> Path:
    """The folder of fonts, colour maps and the demo checkpoint."""
    return data_root() / "assets"


def asset_path(name: str) -> Path:
    """Path of an asset relative to `assets/`, e.g. "fonts/Inter-Regular.otf"; raises InputError where it is
    missing.
    """
    return _existing(assets_dir() / name, "asset")


def shader_path(name: str) -> Path:
    """Path of a GLSL file, e.g. "present.frag"; raises InputError where it is missing."""
    return _existing(data_root() / "shaders" / name, "shader")


def find_asset(name: str) -> Path | None:
    """Like `asset_path`, but None where the file is absent (e.g. the demo checkpoint of a slim installation)."""
    path = assets_dir() / name
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
