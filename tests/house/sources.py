"""The house's Python files as syntax trees, read once."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One file: path relative to the root, dotted module name, text and tree."""

    path: Path
    module: str
    text: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


@dataclass(frozen=True)
class Import:
    """One imported module, absolute; `lazy` = inside a function."""

    target: str
    line: int
    lazy: bool


def sources(*folders: str) -> tuple[Source, ...]:
    """All Python files under the named folders of the root."""
    return tuple(s for folder in folders for s in _read(folder))


@functools.cache
def _read(folder: str) -> tuple[Source, ...]:
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        relative = path.relative_to(ROOT)
        parts = list(relative.with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        text = path.read_text(encoding="utf-8")
        found.append(Source(relative, ".".join(parts), text, ast.parse(text, filename=str(relative))))
    return tuple(found)


def imports(source: Source) -> list[Import]:
    """Every import of a file: typing-only and lazy ones too, relative ones made absolute.

    `from a.b import c` counts as a.b and as a.b.c, because c may be a module.
    """
    found: list[Import] = []

    def visit(node: ast.AST, lazy: bool) -> None:
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(source, node)
            found.append(Import(base, node.lineno, lazy))
            found.extend(Import(f"{base}.{alias.name}", node.lineno, lazy) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(source.tree, False)
    return found


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.module.split(".")
    keep = len(parts) - node.level + (1 if source.is_package else 0)
    return ".".join([*parts[:keep], *([node.module] if node.module else [])])


def modules_imported(source: Source, known: set[str]) -> set[str]:
    """Which of the `known` modules a file imports, typing-only and lazy imports included.

    `from a.b import c` means a.b.c where that is a module, else a.b.
    """
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(source, node)
            inner = {f"{base}.{alias.name}" for alias in node.names}
            found |= (inner & known) | ({base} if inner - known else set())
    return found & known
