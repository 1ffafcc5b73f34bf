"""Imports go down the layers only (design §1); the process that draws never loads torch."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import ROOT, Import, Source, imports, modules_imported, sources

# Lowest first; a part may import itself and everything before it.
LAYERS: dict[str, tuple[str, ...]] = {
    "core_model": (
        "schema", "ops", "nn",
        "geometry", "fields",
        "sampling", "discriminators", "data",
        "rendering", "losses",
        "families",
        "checkpoints", "metrics", "meshing", "inversion",
        "session", "queries", "output", "report", "training", "doctor",
        "cli",
        "api",
    ),
    # `jobs` and `runs` know nothing of the window's state; the monitor draws what `runs` reads, as a window of its own.
    "viewer": ("runs", "jobs", "wire", "render_client", "gl", "state", "widgets", "monitor", "features", "shell", "tour"),
}  # fmt: skip
# A part whose window is not the viewer's: it may import these only.
NARROW: dict[str, tuple[str, ...]] = {"viewer.monitor": ("runs", "jobs", "wire", "state", "widgets")}
# Siblings that never import each other, and the folders among them that several may use.
SIBLINGS: dict[str, set[str]] = {"core_model.families": {"osg"}, "viewer.features": set()}

# The only bridges from the library to the window, and only inside a function.
OPENS_THE_WINDOW = {"core_model.cli.view", "core_model.cli.demo"}
# The only modules of the viewer that may reach past the schema, and only inside a function.
RUNS_THE_MODEL = {"viewer.render_client.worker"}
GUI_MAY_IMPORT = ("core_model", "core_model.schema")


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def layer_faults(source: Source, found: list[Import]) -> list[str]:
    """Imports from one part of a package into a part above it, or from core_model into viewer."""
    package, _, rest = source.module.partition(".")
    own, layers = rest.split(".")[0], LAYERS[package]
    faults = []
    for one in found:
        if package == "core_model" and is_within(one.target, "viewer"):
            if not (source.module in OPENS_THE_WINDOW and one.lazy):
                faults.append(
                    f"{source.path}:{one.line} imports {one.target} (core_model never imports viewer)"
                )
        part = one.target.removeprefix(package + ".").split(".")[0]
        if not is_within(one.target, package) or one.target == package or own not in layers:
            continue  # the package itself, and `python -m PACKAGE`
        if part not in layers:
            if part != "__version__":
                faults.append(
                    f"{source.path}:{one.line} imports {one.target}, which has no place in the layers"
                )
        elif layers.index(part) > layers.index(own):
            faults.append(f"{source.path}:{one.line} imports {one.target} (up: {own} stands below {part})")
        elif part != own and part not in NARROW.get(f"{package}.{own}", layers):
            faults.append(f"{source.path}:{one.line} imports {one.target} ({own} does without {part})")
    return faults


def sibling_faults(source: Source, found: list[Import], parent: str, children: set[str]) -> list[str]:
    """Imports from one child of `parent` into another: family → family, feature → feature."""
    own = source.module.removeprefix(parent + ".").split(".")[0]
    if not is_within(source.module, parent) or own not in children:
        return []
    return [
        f"{source.path}:{one.line} imports {one.target} ({parent} never import each other)"
        for one in found
        if is_within(one.target, parent)
        and one.target != parent
        and (other := one.target.removeprefix(parent + ".").split(".")[0]) in children - SIBLINGS[parent]
        and other != own
    ]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or around corners (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            at = stack.index(name)
            group = stack[at:]
            del stack[at:]
            if len(group) > 1:
                found.append(sorted(group))

    for name in graph:
        if name not in order:
            visit(name)
    return found


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


@pytest.mark.parametrize("package", list(LAYERS))
def test_every_part_has_its_layer(package: str) -> None:
    parts = {s.module.split(".")[1] for s in sources(package) if "." in s.module} - {"__main__"}
    assert parts <= set(LAYERS[package]), f"give these a place: {sorted(parts - set(LAYERS[package]))}"


@pytest.mark.parametrize("package", list(LAYERS))
def test_imports_go_down(package: str) -> None:
    faults = [fault for s in sources(package) for fault in layer_faults(s, imports(s))]
    assert not faults, "\n".join(faults)


def test_no_imports_in_a_circle() -> None:
    """Typing-only imports and those inside functions count: two files that need each other are one idea, or lack a third."""
    house = {s.module: s for s in sources(*LAYERS)}
    found = circles({name: modules_imported(source, set(house)) - {name} for name, source in house.items()})
    assert not found, "\n".join(" - ".join(group) for group in found)


def test_viewer_imports_the_schema_only() -> None:
    faults = [fault for s in sources("viewer") for fault in viewer_faults(s, imports(s))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("parent", list(SIBLINGS))
def test_siblings_stay_apart(parent: str) -> None:
    """Families and features are folders; a module beside them (the shared contract `families/base.py`) is for all."""
    root, depth = parent.split(".")[0], parent.count(".") + 1
    children = {
        s.module.split(".")[depth]
        for s in sources(root)
        if is_within(s.module, parent) and s.module.count(".") > depth
    }
    assert children, f"nothing under {parent}"
    faults = [fault for s in sources(root) for fault in sibling_faults(s, imports(s), parent, children)]
    assert not faults, "\n".join(faults)


def test_the_checks_see_what_they_must() -> None:
    """The rules above on made-up imports, so that a rule that sees nothing is noticed."""

    def made(module: str, text: str = "") -> Source:
        return Source(Path(*module.split(".")).with_suffix(".py"), module, text, ast.parse(text))

    def goes_up(module: str, target: str, lazy: bool = False) -> bool:
        return bool(layer_faults(made(module), [Import(target, 1, lazy)]))

    assert not goes_up("core_model.cli.view", "viewer.shell.app", lazy=True)
    assert goes_up("core_model.cli.view", "viewer.shell.app")
    assert goes_up("core_model.schema.errors", "viewer.shell.app", lazy=True)
    assert goes_up("core_model.schema.errors", "core_model.fields.base", lazy=True)
    assert goes_up("core_model.session.session", "core_model.queries") and goes_up(
        "core_model.queries.mesh", "core_model.report"
    )
    assert goes_up("viewer.jobs.local", "viewer.state.document") and goes_up(
        "viewer.state.store", "viewer.widgets.theme"
    )
    assert goes_up("viewer.features.ray.panel", "viewer.shell.app") and not goes_up(
        "viewer.shell.app", "viewer.features.ray"
    )
    assert goes_up("viewer.monitor.window", "viewer.gl.textures") and goes_up(
        "viewer.gl.textures", "viewer.elsewhere"
    )
    ray = made("viewer.features.ray.panel")
    mesh = [Import("viewer.features.mesh.stage", 1, True)]
    assert sibling_faults(ray, mesh, "viewer.features", {"ray", "mesh"})
    eg3d = made("core_model.families.eg3d.generator")
    kin = [Import("core_model.families.osg.model", 1, False), Import("core_model.families.base", 1, False)]
    assert not sibling_faults(eg3d, kin, "core_model.families", {"eg3d", "osg", "mimic3d"})
    state = made("viewer.state")
    assert viewer_faults(state, [Import("core_model.session", 1, True), Import("torch", 2, False)])
    assert not viewer_faults(state, [Import("core_model.schema.errors", 1, False)])
    a = made(
        "viewer.runs.a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from viewer.runs.b import B",
    )
    b = made("viewer.runs.b", "def late():\n    from viewer.runs import a")
    graph = {s.module: modules_imported(s, {"viewer.runs", a.module, b.module}) for s in (a, b)}
    assert graph == {a.module: {b.module}, b.module: {a.module}}
    assert circles(graph) == [[a.module, b.module]] and not circles({"a": {"b"}, "b": set()})


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
        ("import viewer.monitor.window", {"torch", "imgui_bundle", "OpenGL", "glfw"}),
    ],
)
def test_the_command_line_loads_only_what_it_needs(statement: str, absent: set[str]) -> None:
    assert not absent & loaded_by(statement)
