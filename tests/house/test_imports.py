"""Imports go down the layers only (design §1); the process that draws never loads torch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.house.sources import ROOT, Import, Source, imports, sources

# Lowest first; a package may import itself and everything before it.
LAYERS = (
    "schema", "ops", "nn",
    "geometry", "fields",
    "sampling", "discriminators", "data",
    "rendering", "losses",
    "families",
    "checkpoints", "metrics", "meshing", "inversion",
    "session", "training",
    "cli",
)  # fmt: skip

# The only bridges from the library to the window, and only inside a function.
OPENS_THE_WINDOW = {"core_model.cli.view", "core_model.cli.demo"}
# The only modules of the viewer that may reach past the schema, and only inside a function.
RUNS_THE_MODEL = {"viewer.render_client.worker", "viewer.render_client.inline"}
GUI_MAY_IMPORT = ("core_model", "core_model.schema")


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def library_faults(source: Source, found: list[Import]) -> list[str]:
    own = source.module.split(".")[1] if "." in source.module else ""
    faults = []
    for one in found:
        if is_within(one.target, "viewer") and not (source.module in OPENS_THE_WINDOW and one.lazy):
            faults.append(f"{source.path}:{one.line} imports {one.target} (core_model never imports viewer)")
        parts = one.target.split(".")
        if parts[0] != "core_model" or len(parts) < 2 or not own or parts[1] == "__version__":
            continue
        if parts[1] not in LAYERS:
            faults.append(f"{source.path}:{one.line} imports {one.target}, which has no place in the layers")
        elif LAYERS.index(parts[1]) > LAYERS.index(own):
            faults.append(
                f"{source.path}:{one.line} imports {one.target} (up: {own} stands below {parts[1]})"
            )
    return faults


def sibling_faults(source: Source, found: list[Import], parent: str, children: set[str]) -> list[str]:
    """Imports from one child of `parent` into another: family → family, panel → panel."""
    own = source.module.removeprefix(parent + ".").split(".")[0]
    if not is_within(source.module, parent) or own not in children:
        return []
    return [
        f"{source.path}:{one.line} imports {one.target} ({parent} never import each other)"
        for one in found
        if is_within(one.target, parent)
        and one.target != parent
        and (other := one.target.removeprefix(parent + ".").split(".")[0]) in children
        and other != own
    ]


def viewer_faults(source: Source, found: list[Import]) -> list[str]:
    faults = []
    for one in found:
        beyond = is_within(one.target, "core_model") and not (
            one.target in GUI_MAY_IMPORT or is_within(one.target, "core_model.schema")
        )
        heavy = is_within(one.target, "torch")
        allowed = source.module in RUNS_THE_MODEL and one.lazy
        if (beyond or heavy) and not allowed and one.target != "core_model.__version__":
            faults.append(
                f"{source.path}:{one.line} imports {one.target} (the viewer imports the schema only)"
            )
    return faults


def test_every_package_has_its_layer() -> None:
    packages = {s.module.split(".")[1] for s in sources("core_model") if s.module.count(".") >= 1}
    assert packages - {"__main__"} <= set(LAYERS), f"give these a place: {sorted(packages - set(LAYERS))}"


def test_library_imports_go_down() -> None:
    faults = [fault for s in sources("core_model") for fault in library_faults(s, imports(s))]
    assert not faults, "\n".join(faults)


def test_viewer_imports_the_schema_only() -> None:
    faults = [fault for s in sources("viewer") for fault in viewer_faults(s, imports(s))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("parent", ["core_model.families", "viewer.features"])
def test_siblings_stay_apart(parent: str) -> None:
    root = parent.split(".")[0]
    depth = parent.count(".") + 1
    members = [s for s in sources(root) if s.module.startswith(parent + ".")]
    # Families are folders (their shared contract is the module `base`); panels are modules.
    folders = parent == "core_model.families"
    children = {
        s.module.split(".")[depth]
        for s in members
        if not folders or s.module.count(".") > depth or s.is_package
    }
    assert children, f"nothing under {parent}"
    faults = [fault for s in sources(root) for fault in sibling_faults(s, imports(s), parent, children)]
    assert not faults, "\n".join(faults)


def test_the_checks_see_what_they_must() -> None:
    """The rules above on made-up files, so that a rule that sees nothing is noticed."""
    lazy, eager = Import("viewer.shell.app", 3, True), Import("viewer.shell.app", 3, False)
    (view,) = [s for s in sources("core_model") if s.module == "core_model.cli.view"]
    (errors,) = [s for s in sources("core_model") if s.module == "core_model.schema.errors"]
    assert (
        not library_faults(view, [lazy]) and library_faults(view, [eager]) and library_faults(errors, [lazy])
    )
    assert library_faults(errors, [Import("core_model.fields.base", 1, True)])
    (package,) = [s for s in sources("viewer") if s.module == "viewer.state"]
    assert viewer_faults(package, [Import("core_model.session", 1, True), Import("torch", 2, False)])
    assert not viewer_faults(package, [Import("core_model.schema.errors", 1, False)])


def loaded_by(statement: str) -> set[str]:
    """Names of the modules in a fresh interpreter after `statement`."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_no_torch_in_the_process_that_draws() -> None:
    modules = [s.module for s in sources("viewer") if not s.module.endswith("__main__")]
    loaded = loaded_by("\n".join(f"import {name}" for name in modules))
    assert "viewer.shell.app" in loaded
    assert not {
        m for m in loaded if m == "torch" or m.startswith(("core_model.session", "core_model.families"))
    }


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "from core_model.cli.main import main; main(['--help'])",
            {"torch", "viewer", "numpy", "tyro", "pydantic"},
        ),
        ("import core_model.cli.view", {"torch", "viewer", "tyro"}),
        ("import core_model.schema.render", {"torch"}),
        ("import core_model.checkpoints.layout, core_model.checkpoints.locate", {"torch"}),
    ],
)
def test_the_command_line_loads_only_what_it_needs(statement: str, absent: set[str]) -> None:
    assert not absent & loaded_by(statement)
