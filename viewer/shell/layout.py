"""The docking layout as data.

+--------+--------------------------+---------+
| Model  |            :             | View    |
+--------+  Viewport  :    Ray      |         |
| Latent |            :             +---------+
+--------+--------------------------+ Sampler |
| Camera |  Timings   :             |         |
+--------+--------------------------+---------+

The ray inspector opens with the first click on a pixel; until then the viewport has its place. Where the
window is small for its font, groups of panels become tabs of one another (`plan`), so that every panel stays
wide enough and the picture large enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgui_bundle import hello_imgui, imgui

MAIN = "MainDockSpace"
Direction = Literal["left", "right", "up", "down"]


@dataclass(frozen=True)
class Split:
    """`name` takes `share` of `parent` at its `direction` side."""

    parent: str
    name: str
    direction: Direction
    share: float


PICTURE_PX = 400.0
"""The picture is never less wide or high than this: panels move together or behind tabs first."""
COLUMN_EM, WIDE_COLUMN_EM, LONE_COLUMN_EM = 17.5, 21.5, 22.5
"""Least and most width of a side column, and width of the only one where there is no room for two."""
RAY_EM = 19.0
"""Least width of the ray panel beside the picture; with less it is a tab of the right column."""
_MARGIN_EM = 2.0
"""Around the picture, both sides together."""
_BARS_EM = 4.2
"""Menu bar and status bar."""
_TAB_EM = 1.6
_SPLITTER_PX = 8.0


@dataclass(frozen=True)
class Plan:
    """Where the panels go in a window of one size. key: arrangements with the same key need no docking anew."""

    key: str
    splits: tuple[Split, ...]
    docks: dict[str, str]


def smallest(em: float) -> tuple[int, int]:
    """Least width and height of the window in which every panel can be used; em: font size, logical pixels."""
    least = PICTURE_PX + _MARGIN_EM * em
    return round(least + LONE_COLUMN_EM * em + _SPLITTER_PX), round(least + (_BARS_EM + _TAB_EM + 4.0) * em)


def plan(width: float, height: float, em: float) -> Plan:
    """The arrangement for a window of this size (logical pixels).

    Columns are as wide as their controls need; the picture gets the rest.
    """
    least = PICTURE_PX + _MARGIN_EM * em
    tall = max(height - _BARS_EM * em, 1.0)
    lone = width - 2 * COLUMN_EM * em - 2 * _SPLITTER_PX < least
    column = min(max(0.195 * width, COLUMN_EM * em), WIDE_COLUMN_EM * em)
    side = min(LONE_COLUMN_EM * em, max(width - least - _SPLITTER_PX, 0.2 * width)) if lone else column
    centre = width - (1 if lone else 2) * (side + _SPLITTER_PX)
    low = min(max(0.205 * tall, 10.5 * em), max(tall - least - _SPLITTER_PX, (_TAB_EM + 3.0) * em))
    ray = min(0.54 * centre, centre - least - _SPLITTER_PX)
    beside = ray >= RAY_EM * em
    three = tall >= 38 * em
    splits = [Split(MAIN, "left", "left", side / width)]
    if not lone:
        splits.append(Split(MAIN, "right", "right", side / (width - side)))
    if beside:
        splits.append(Split(MAIN, "beside", "right", ray / centre))
    splits.append(Split(MAIN, "bottom", "down", low / tall))
    docks = {slot.title: slot.dock for slot in SLOTS}
    if lone:
        splits.append(Split("left", "left-low", "down", 0.5))
        docks |= dict.fromkeys(("Latent", "Basket", "Directions"), "left")
        docks |= dict.fromkeys(("View", "Section", "Planes", "Sampler", "Mesh"), "left-low")
        docks["Camera"] = "bottom"
    elif three:
        splits += [Split("left", "left-low", "down", 0.385), Split("left", "left-middle", "down", 0.56)]
    else:
        splits.append(Split("left", "left-low", "down", 0.5))
        docks |= dict.fromkeys(("Latent", "Basket", "Directions"), "left")
    if not lone:
        splits.append(Split("right", "right-low", "down", 0.545))
    if not beside:
        docks["Ray"] = "left" if lone else "right"
    key = f"{'one column' if lone else 'three groups' if three else 'two groups'}, ray {'beside' if beside else 'behind'}"
    return Plan(key, tuple(splits), docks)


@dataclass(frozen=True)
class Slot:
    """Window of one panel: its label (item path in tests: "//Latent/##seed") and the dock space that it opens
    in.

    bare: no padding, tab or scrolling, and cannot be hidden. closed: hidden until it is opened.
    """

    panel: str
    title: str
    dock: str
    bare: bool = False
    closed: bool = False


SLOTS: tuple[Slot, ...] = (
    Slot("viewport", "Viewport", MAIN, bare=True),
    Slot("model", "Model", "left"),
    Slot("latent", "Latent", "left-middle"),
    Slot("basket", "Basket", "left-middle"),
    Slot("directions", "Directions", "left-middle"),
    Slot("camera", "Camera", "left-low"),
    Slot("view", "View", "right"),
    Slot("section", "Section", "right"),
    Slot("planes", "Planes", "right"),
    Slot("sampler", "Sampler", "right-low"),
    Slot("mesh", "Mesh", "right-low"),
    Slot("ray", "Ray", "beside", closed=True),
    Slot("compare", "Compare", "bottom", closed=True),
    Slot("timings", "Timings", "bottom"),
    Slot("seeds", "Seeds", "bottom"),
    Slot("path", "Path", "bottom"),
    Slot("export", "Export", "bottom"),
)


def docking_splits(splits: tuple[Split, ...]) -> list[hello_imgui.DockingSplit]:
    """Splits in hello_imgui's terms."""
    sides = {"left": imgui.Dir.left, "right": imgui.Dir.right, "up": imgui.Dir.up, "down": imgui.Dir.down}
    return [hello_imgui.DockingSplit(s.parent, s.name, sides[s.direction], s.share) for s in splits]
