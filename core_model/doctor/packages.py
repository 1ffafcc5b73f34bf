"""Installed packages and their versions against the ranges that triscope asks for."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

import core_model
from core_model.doctor.devices import GET_TORCH
from core_model.schema.doctor import Facts, Finding
from core_model.schema.extras import install_line

NAME = "triscope"
UNTOLD = ("dev", "docs", "all")
"""Extras of developers, and that of all others."""


def findings() -> list[Finding]:
    """One for each package that is always needed, then one for each extra."""
    needed, extras = requirements()
    return [*(_package(r) for r in needed), *(_extra(name, rs) for name, rs in sorted(extras.items()))]


def requirements() -> tuple[list[Requirement], dict[str, list[Requirement]]]:
    """What triscope asks for on this machine: always, and by extra.

    Of a checkout its pyproject.toml counts, which may be newer than what was installed from it.
    """
    project = checkout()
    if project is not None:
        always = [Requirement(line) for line in project["dependencies"]]
        extras = {k: [Requirement(line) for line in v] for k, v in project["optional-dependencies"].items()}
        needed = [r for r in always if _asked(r)]
        return needed, {k: [r for r in v if _asked(r)] for k, v in extras.items() if k not in UNTOLD}
    try:
        found = metadata.metadata(NAME)
        lines = [Requirement(line) for line in metadata.requires(NAME) or ()]
    except metadata.PackageNotFoundError:
        return [], {}
    needed = [r for r in lines if _asked(r)]
    always_names = {str(r) for r in needed}
    names = [n for n in found.get_all("Provides-Extra") or () if n not in UNTOLD]
    return needed, {n: [r for r in lines if _asked(r, n) and str(r) not in always_names] for n in names}


def checkout() -> dict | None:
    """[project] of the pyproject.toml beside the packages; None in an installation."""
    path = Path(core_model.__file__).resolve().parents[1] / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return None
    return project if project.get("name") == NAME else None


def _asked(need: Requirement, extra: str = "") -> bool:
    return need.marker is None or need.marker.evaluate({"extra": extra})


def _package(need: Requirement) -> Finding:
    have = installed(need.name)
    wanted = str(need.specifier)
    facts: Facts = {"installed": have, "wanted": wanted}
    if have is None:
        return Finding(
            group="Packages", name=f"package.{need.name}", title=need.name, value=f"missing; wanted {wanted or 'any'}",
            status="fatal", remedy=_install(need), facts=facts,
        )  # fmt: skip
    fits = need.specifier.contains(have, prereleases=True)
    return Finding(
        group="Packages", name=f"package.{need.name}", title=need.name,
        value=have if fits else f"{have}, which nobody tested; wanted {wanted}",
        status="ok" if fits else "problem", remedy="" if fits else _install(need), facts=facts,
    )  # fmt: skip


def _extra(name: str, needs: list[Requirement]) -> Finding:
    own = [r for r in needs if r.name != NAME]
    have = {r.name: installed(r.name) for r in own}
    missing = [n for n, version in have.items() if version is None]
    old = [
        r
        for r in own
        if have[r.name] is not None and not r.specifier.contains(have[r.name] or "", prereleases=True)
    ]
    facts: Facts = dict(have)
    line = install_line(name)
    title = f"[{name}]"
    if missing:
        return Finding(
            group="Packages", name=f"extra.{name}", title=title, status="note", facts=facts,
            value=f"not installed ({', '.join(missing)} missing); {line}",
        )  # fmt: skip
    if old:
        wrong = ", ".join(f"{r.name} {have[r.name]} (wanted {r.specifier})" for r in old)
        return Finding(
            group="Packages", name=f"extra.{name}", title=title, status="problem", facts=facts, value=f"nobody tested {wrong}", remedy=line,
        )  # fmt: skip
    there = ", ".join(f"{n} {version}" for n, version in have.items())
    return Finding(
        group="Packages", name=f"extra.{name}", title=title, value=there or "nothing needed here", facts=facts
    )


def _install(need: Requirement) -> str:
    if need.name == "torch":
        return f"choose the build for this machine at {GET_TORCH}, version {need.specifier}"
    return f'pip install "{need.name}{need.specifier}"'


def installed(name: str) -> str | None:
    """Version of an installed distribution; None where it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
