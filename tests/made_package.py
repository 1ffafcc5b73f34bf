"""Packages made up on the spot, installed as far as Python's metadata are concerned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def made_package(folder: Path, name: str, code: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """A module `name` with `code` in `folder`, and its entry points {group: {name: value}}, version 1.0."""
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [
        line
        for group, those in points.items()
        for line in (f"[triscope.{group}]", *(f"{key} = {value}" for key, value in those.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
