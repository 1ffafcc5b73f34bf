"""Tests work on what others may use: none writes a private attribute of an object that is not its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.sources import sources

OWN = {"self", "cls"}
DOCUMENTED = {"_exit"}
"""Public names of the standard library that begin with an underscore: `os._exit`."""


def private(name: object) -> bool:
    """`_name`, also as the end of a dotted path; names with two underscores on both sides are Python's."""
    if not isinstance(name, str):
        return False
    last = name.rsplit(".", 1)[-1]
    return (
        last.startswith("_")
        and not (last.startswith("__") and last.endswith("__"))
        and last not in DOCUMENTED
    )


def written(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, text) of every write to a private attribute: `x._a = …`, `del x._a`, `setattr(x, "_a", …)`, `monkeypatch.setattr`."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store | ast.Del)
            and private(node.attr)
        ):
            if not (isinstance(node.value, ast.Name) and node.value.id in OWN):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in (
            "setattr",
            "delattr",
        ):
            names = [a.value for a in node.args[:2] if isinstance(a, ast.Constant)]
            if any(private(name) for name in names):
                yield node.lineno, ast.unparse(node)


def test_no_test_writes_private_attributes() -> None:
    found = [f"{s.path}:{line} {text}" for s in sources("tests") for line, text in written(s.tree)]
    assert not found, "give the product a parameter, or test what it shows:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("a._b = 1", 1), ("a.b._c, d._e = 1, 2", 2), ("del a._b", 1), ("a._b += 1", 1), ("self.a._b = 1", 1),
        ("monkeypatch.setattr(a, '_b', 1)", 1), ("monkeypatch.setattr('a.b._c', 1)", 1), ("setattr(a, '_b', 1)", 1),
        ("self._b = 1", 0), ("f.__name__ = 'g'", 0), ("a.b = c._d", 0), ("monkeypatch.setattr(os, '_exit', f)", 0),
    ],
)  # fmt: skip
def test_writes_are_found(code: str, count: int) -> None:
    assert len(list(written(ast.parse(code)))) == count
