"""mkdocs hooks: the reference made from the code, the shipped pictures, and CONTRIBUTING.md as a page."""

from __future__ import annotations

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SHIPPED = ("icon.png", "heads.jpg", *(f"tour/{name}" for name in (
    "colour.png", "compare.png", "layers.png", "light.png", "map.png", "mesh.png", "planes.png", "ray.png", "samples.png", "section.png",
)))  # fmt: skip
"""Files of assets/ that pages show, as shipped/NAME."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    sys.path.insert(0, str(HERE))
    import reference

    for path, text in reference.pages().items():
        files.append(File.generated(config, path, content=text))
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "contributing.md", content=contributing))
    for name in SHIPPED:
        files.append(File.generated(config, f"shipped/{name}", abs_src_path=str(ROOT / "assets" / name)))
    return files
