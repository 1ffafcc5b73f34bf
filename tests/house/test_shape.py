"""Names and leftovers: what CONTRIBUTING.md promises of every file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.house.sources import Source, sources

# What `gan` and `fit` share (the run directory, ranks, clock), and its tests.
SHARED_BY_TRAINERS = {Path("core_model/training/common"), Path("tests/unit/training/common")}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\braise NotImplementedError\b")

HOUSE = ("core_model", "viewer", "benchmarks", "scripts")


def functions(source: Source) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_names_say_what_is_inside() -> None:
    bad = [
        str(s.path)
        for s in sources(*HOUSE, "tests")
        if BANNED_NAMES & set(s.path.with_suffix("").parts) and SHARED_BY_TRAINERS.isdisjoint(s.path.parents)
    ]
    assert not bad


def test_every_module_says_what_it_is() -> None:
    bare = [str(s.path) for s in sources(*HOUSE) if s.tree.body and ast.get_docstring(s.tree) is None]
    assert not bare, f"no module docstring: {bare}"


def test_no_leftovers() -> None:
    found = [
        f"{s.path}:{number} {line.strip()}"
        for s in sources(*HOUSE)
        for number, line in enumerate(s.text.splitlines(), 1)
        if LEFTOVERS.search(line)
    ]
    assert not found, "\n".join(found)


def is_stub(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True for a body of nothing but `pass`, `...` or a docstring; a private no-op that says why is none."""
    if node.name.startswith("_") and ast.get_docstring(node):
        return False
    return all(
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in node.body
    )


def declared_only(tree: ast.Module) -> set[ast.AST]:
    """Functions that are meant to be empty: members of a Protocol, abstract methods, overloads."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases):
            found.update(ast.walk(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = {ast.unparse(d).split(".")[-1] for d in node.decorator_list}
            if names & {"abstractmethod", "overload"}:
                found.add(node)
    return found


def test_no_stub_functions() -> None:
    stubs = [
        f"{s.path}:{node.lineno} {node.name}"
        for s in sources(*HOUSE)
        for node in functions(s)
        if is_stub(node) and node not in declared_only(s.tree)
    ]
    assert not stubs, "\n".join(stubs)


CHECKING_CALL = re.compile(r"raises|check|assert|CHECK|warns|try_all")


def checks_something(node: ast.AST, checking: set[str]) -> bool:
    """True where `node` asserts, expects an exception or calls something that checks (also one of `checking`)."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            return True
        if isinstance(inner, ast.Call):
            name = ast.unparse(inner.func)
            if CHECKING_CALL.search(name) or name in checking:
                return True
    return False


def test_every_test_asserts_something() -> None:
    """A test without an assertion, an expected exception or a call that checks proves nothing."""
    empty = []
    for source in sources("tests"):
        others = [n for n in functions(source) if not n.name.startswith("test_")]
        checking = {n.name for n in others if checks_something(n, set())}
        for node in functions(source):
            if node.name.startswith("test_") and not checks_something(node, checking):
                empty.append(f"{source.path}:{node.lineno} {node.name}")
    assert not empty, "\n".join(empty)
