"""Icon buttons say what they do.

A dustbin deletes (and says so), a cross only takes away, and none is without words.
"""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import Source, sources

ICON = "ICON_FA_"


def icon_calls() -> list[tuple[Source, ast.Call]]:
    """Calls that draw a button with an icon and do not name the icon's function themselves."""
    found = []
    for source in sources("viewer"):
        for node in ast.walk(source.tree):
            name = getattr(
                getattr(node, "func", None), "attr", getattr(getattr(node, "func", None), "id", "")
            )
            if isinstance(node, ast.Call) and (
                name in ("icon_button", "icon") or (name == "button" and ICON in ast.unparse(node))
            ):
                found.append((source, node))
    return found


@pytest.mark.parametrize(
    ("source", "call"),
    icon_calls(),
    ids=lambda v: str(v.path) if isinstance(v, Source) else f"line {v.lineno}",
)
def test_icon_buttons_say_what_they_do(source: Source, call: ast.Call) -> None:
    tips = [k.value for k in call.keywords if k.arg == "tip"] or call.args[2:3]
    assert tips, f"{source.path}:{call.lineno} has no tooltip"
    assert not (isinstance(tips[0], ast.Constant) and not tips[0].value), (
        f"{source.path}:{call.lineno} has an empty tooltip"
    )
    if f"{ICON}TRASH" in ast.unparse(call):
        words = ast.unparse(call).lower()
        assert any(word in words for word in ("delete", "forget")), (
            f"{source.path}:{call.lineno}: a dustbin that deletes nothing"
        )
