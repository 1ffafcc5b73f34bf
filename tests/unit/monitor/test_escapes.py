"""The monitor's fonts are Latin: every name, path and line of a log that it draws is escaped where they cannot draw it."""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import Source, sources
from viewer.runs.format import escaped, in_ranges

FOREIGN = ("run.name", "run.path", "path.name", ".fault", "line.text", "row.name", "alarm_cells(", "legend(")


def test_text_is_escaped_character_by_character() -> None:
    assert in_ranges("rün – “a” …\n×") == "rün – “a” …\n×"
    assert in_ranges("中😀Ж") == "\\u4e2d\\U0001f600\\u0416"
    assert in_ranges("plain") == "plain"
    for character in "中😀é":
        assert escaped(character).encode().decode("unicode_escape") == character


def drawn() -> list[tuple[Source, ast.Call]]:
    """Calls of the monitor that draw a text made of a name, a path or a line of a file."""
    found = []
    for source in sources("viewer/monitor"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "dpg.add_text",
                "dpg.set_value",
                "dpg.add_table_column",
            ):
                if any(name in ast.unparse(node) for name in FOREIGN):
                    found.append((source, node))
    return found


@pytest.mark.parametrize(
    ("source", "call"), drawn(), ids=lambda v: v.path.stem if isinstance(v, Source) else f"line {v.lineno}"
)
def test_the_monitor_escapes_what_it_draws(source: Source, call: ast.Call) -> None:
    assert "in_ranges" in ast.unparse(call), f"{source.path}:{call.lineno} draws {ast.unparse(call)[:80]}"


def test_the_monitor_draws_such_texts() -> None:
    assert len(drawn()) >= 5
