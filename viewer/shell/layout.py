"""The docking layout as data.

+-----------------+--------------------------+---------------------+
| Latent  Basket  |                          | View Section Planes |
| Directions ...  |         Viewport         |                     |
+-----------------+                          +---------------------+
| Camera          +--------------------------+ Sampler Mesh Export |
|                 |  Timings  Seeds  Path    |                     |
+-----------------+--------------------------+---------------------+

Columns are as wide as their controls need, the picture gets the rest; within a column the two groups share the
height by what their front panels need (`share`). The ray inspector floats over the left column (`ray_place`):
it opens with a click on a pixel, and that pixel must stay under the cursor; View and Sampler at the right stay
in sight. The Inversion panel floats over the picture while a photograph is worked on. Where the window is small for
its font, groups become tabs of one another (`plan`), so that every panel stays wide enough and the picture large enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
"""The viewport is never less wide or high than this: panels move together or behind tabs first."""
COLUMN_EM, WIDE_COLUMN_EM, LONE_COLUMN_EM = 17.95, 22.0, 23.0
"""Least and most width of a side column, and width of the only one where there is no room for two."""
BOTTOM_EM, LOW_BOTTOM_EM = 10.5, 6.5
"""Height of the strip under the picture, and the least with which it is worth having."""
GROUP_EM = 12.0
"""Least height of each of two groups in a column."""
LEAST_PANEL_EM = 17.4
"""Least width of any panel, the strip under the picture too: 1600 pixels at 200 % just hold it between two columns."""
RAY_EM = COLUMN_EM
"""Least width of the ray inspector: it lies over the left column and covers nothing of the picture."""
LAYERS_EM = (20.5, 28.0)
"""Least and most width of the Layers panel where it floats."""
PHOTO_EM = 46.0
"""Least width of the Inversion panel, where the window is as wide."""
_MARGIN_EM = 2.0
"""Around the picture, both sides together."""
_BARS_EM = 4.2
"""Menu bar and status bar."""
_SPLITTER_PX = 8.0
FOCUS_SHARE = 0.58
"""Of a column's height, for the panel that was brought to the front last, where both panels want more than
there is."""


@dataclass(frozen=True)
class Plan:
    """Where the panels go in a window of one size. key: arrangements with the same key need no docking anew."""

    key: str
    splits: tuple[Split, ...]
    docks: dict[str, str]


def smallest(em: float) -> tuple[int, int]:
    """Least width and height of the window in which every panel can be used; em: font size, logical pixels."""
    wide = PICTURE_PX + COLUMN_EM * em + _SPLITTER_PX
    return round(wide), round(max(PICTURE_PX, 18.0 * em) + _BARS_EM * em)


def plan(width: float, height: float, em: float) -> Plan:
    """The arrangement for a window of this size (logical pixels)."""
    least = PICTURE_PX + _MARGIN_EM * em
    tall = max(height - _BARS_EM * em, 1.0)
    lone = width - 2 * COLUMN_EM * em - 2 * _SPLITTER_PX < least
    column = min(max(0.195 * width, COLUMN_EM * em), WIDE_COLUMN_EM * em)
    if lone:
        column = min(LONE_COLUMN_EM * em, max(width - least - _SPLITTER_PX, COLUMN_EM * em))
    low = min(max(0.205 * tall, BOTTOM_EM * em), tall - least - _SPLITTER_PX)
    middle = width - (1 if lone else 2) * column
    strip = low >= LOW_BOTTOM_EM * em and middle >= LEAST_PANEL_EM * em
    groups = tall >= 2 * GROUP_EM * em
    splits = [Split(MAIN, "left", "left", column / width)]
    docks = {slot.title: slot.dock for slot in slots()}
    if lone:
        docks = {
            t: {"right": "left-low", "right-low": "left-low", "left-low": "left"}.get(d, d)
            for t, d in docks.items()
        }
    else:
        splits.append(Split(MAIN, "right", "right", column / (width - column)))
    if strip:
        splits.append(Split(MAIN, "bottom", "down", low / tall))
    else:
        docks = {t: ("left-low" if lone else "right-low") if d == "bottom" else d for t, d in docks.items()}
    for side in ("left",) if lone else ("left", "right"):
        if groups:
            splits.append(Split(side, f"{side}-low", "down", 0.5))
        else:
            docks = {t: side if d == f"{side}-low" else d for t, d in docks.items()}
    key = (
        f"{'one column' if lone else 'two columns'}, {'two groups' if groups else 'one group'}, strip {strip}"
    )
    return Plan(key, tuple(splits), docks)


def share(needs: tuple[float, float], room: float, focus: int | None = None) -> float:
    """Share of a column's height for its upper group. needs: pixels that the front panels of both take; room: there are.

    Where both fit, what is left over goes to them in proportion. Where they do not, the smaller need is met
    first; if both are more than half, `focus` (0 upper, 1 lower) gets FOCUS_SHARE.
    """
    upper, lower = (max(need, 1.0) for need in needs)
    if upper + lower <= room:
        return upper / (upper + lower)
    large = 0.5 if focus is None else FOCUS_SHARE
    most = (room * (large if focus != 1 else 1.0 - large), room * (large if focus != 0 else 1.0 - large))
    if upper <= most[0]:
        return upper / room
    if lower <= most[1]:
        return 1.0 - lower / room
    return most[0] / room


Box = tuple[float, float, float, float]
"""x, y, width, height; pixels."""


def ray_place(window: Box, picture: Box, em: float) -> Box:
    """Of the ray inspector: over the left column. window: of the dock space; picture: of the viewport."""
    x, y, wide, high = window
    return x, y, min(max(picture[0] - x - _SPLITTER_PX / 2, RAY_EM * em), 0.6 * wide), high


def photo_place(window: Box, picture: Box, em: float) -> Box:
    """Of the Inversion panel: over the picture and what lies below it, wider where the picture is small."""
    x, y, wide, high = window
    width = min(max(picture[2], PHOTO_EM * em), wide)
    left = min(max(picture[0] + 0.5 * (picture[2] - width), x), x + wide - width)
    return left, y, width, high


def layers_place(window: Box, picture: Box, em: float) -> Box:
    """Of the Layers panel: over the column at the right and what is free beside the square picture, as high as the window;
    over the left column where there is none at the right.
    """
    x, y, wide, high = window
    left, right = picture[0] - x, x + wide - picture[0] - picture[2]
    if right < 0.5 * RAY_EM * em and left > right and left > LAYERS_EM[0] * em:
        return ray_place(window, picture, em)
    beside = max(0.5 * (picture[2] - picture[3]), 0.0)
    taken = min(max(right - _SPLITTER_PX / 2 + beside, LAYERS_EM[0] * em), LAYERS_EM[1] * em, wide)
    return x + wide - taken, y, taken, high


@dataclass(frozen=True)
class Slot:
    """Window of one panel: its label (item path in tests: "//Latent/##seed") and the dock space that it opens
    in.

    bare: no padding, tab or scrolling, and cannot be hidden. closed: hidden until it is opened. floats: where it lies over
    the others until the user docks it. added: of an installed package, and there from the second frame on.
    """

    panel: str
    title: str
    dock: str
    bare: bool = False
    closed: bool = False
    floats: Callable[[Box, Box, float], Box] | None = None
    added: bool = False


SLOTS: tuple[Slot, ...] = (
    Slot("viewport", "Viewport", MAIN, bare=True),
    Slot("latent", "Latent", "left"),
    Slot("basket", "Basket", "left"),
    Slot("directions", "Directions", "left"),
    Slot("model", "Model", "left"),
    Slot("camera", "Camera", "left-low"),
    Slot("view", "View", "right"),
    Slot("section", "Section", "right"),
    Slot("planes", "Planes", "right"),
    Slot("sampler", "Sampler", "right-low"),
    Slot("mesh", "Mesh", "right-low"),
    Slot("export", "Export", "right-low"),
    Slot("ray", "Ray", "left", closed=True, floats=ray_place),
    Slot("layers", "Layers", "right", closed=True, floats=layers_place),
    Slot("inversion", "Inversion", "right-low", closed=True, floats=photo_place),
    Slot("compare", "Compare", "bottom", closed=True),
    Slot("timings", "Timings", "bottom"),
    Slot("seeds", "Seeds", "bottom"),
    Slot("path", "Path", "bottom"),
)
_added: list[Slot] = []


def slots() -> tuple[Slot, ...]:
    """Every panel's place: the product's own, then those of installed features."""
    return (*SLOTS, *_added)


def add_slots(found: Iterable[Slot]) -> tuple[Slot, ...]:
    """Give further panels their places; returns those that are new. A title or name that is taken is left out."""
    taken = {key for slot in slots() for key in (slot.panel, slot.title)}
    new = tuple(slot for slot in found if not {slot.panel, slot.title} & taken)
    _added.extend(new)
    return new


PAIRS = (("left", "left-low"), ("right", "right-low"))
"""Groups that lie above one another and share their column's height."""


def docking_splits(splits: tuple[Split, ...]) -> list[hello_imgui.DockingSplit]:
    """Splits in hello_imgui's terms."""
    sides = {"left": imgui.Dir.left, "right": imgui.Dir.right, "up": imgui.Dir.up, "down": imgui.Dir.down}
    return [hello_imgui.DockingSplit(s.parent, s.name, sides[s.direction], s.share) for s in splits]
