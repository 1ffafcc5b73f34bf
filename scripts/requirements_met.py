"""Exit 0 when everything that pyproject.toml asks for is installed, so that no package index is asked.

Usage: .venv/bin/python scripts/requirements_met.py [EXTRA ...]   (from the repository root)
       PYTHON scripts/requirements_met.py --torch    (whether an environment made of PYTHON can use its torch)
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement


def unmet(requirements: list[str]) -> list[str]:
    """The requirements that the installed distributions do not satisfy."""
    missing = []
    for line in requirements:
        need = Requirement(line)
        if need.marker is not None and not need.marker.evaluate():
            continue
        try:
            have = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            missing.append(line)
            continue
        if not need.specifier.contains(have, prereleases=True):
            missing.append(f"{line} (found {have})")
    return missing


def of_extras(project: dict, extras: Iterable[str]) -> list[str]:
    """What extras ask for, those that they name in turn (`triscope[mesh]`) included."""
    found = []
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            need = Requirement(line)
            found += of_extras(project, need.extras) if need.name == project["name"] else [line]
    return found


def this_checkout_installed(project: dict, root: Path) -> bool:
    """True when the distribution is installed, editable, from this very folder with the same entry points."""
    try:
        dist = metadata.distribution(project["name"])
    except metadata.PackageNotFoundError:
        return False
    origin = dist.read_text("direct_url.json") or ""
    scripts = {e.name: e.value for e in dist.entry_points if e.group == "console_scripts"}
    return root.as_uri() in origin and scripts == project["scripts"]


def main() -> int:
    root = Path.cwd()
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if sys.argv[1:] == ["--torch"]:
        # An environment made inside another one sees the packages of the base only.
        torch = [line for line in project["dependencies"] if Requirement(line).name == "torch"]
        return 0 if sys.prefix == sys.base_prefix and not unmet(torch) else 1
    missing = unmet([*project["dependencies"], *of_extras(project, sys.argv[1:])])
    for line in missing:
        print(f"needed: {line}")
    return 0 if not missing and this_checkout_installed(project, root) else 1


if __name__ == "__main__":
    sys.exit(main())
