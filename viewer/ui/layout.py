"""The docking layout as data.

+--------+--------------------------+---------+
| Model  |            :             | View    |
+--------+  Viewport  :    Ray      |         |
| Latent |            :             +---------+
+--------+--------------------------+ Sampler |
| Camera |  Timings   :             |         |
+--------+--------------------------+---------+

The ray inspector opens with the first click on a pixel; until then the viewport has its place.
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


SPLITS: tuple[Split, ...] = (
    Split(MAIN, "left", "left", 0.19),
    Split(MAIN, "right", "right", 0.245),
    Split(MAIN, "beside", "right", 0.54),
    Split(MAIN, "bottom", "down", 0.205),
    Split("left", "left-low", "down", 0.385),
    Split("left", "left-middle", "down", 0.56),
    Split("right", "right-low", "down", 0.545),
)


@dataclass(frozen=True)
class Slot:
    """Window of one panel: its label (item path in tests: "//Latent/##seed") and the dock space that it
    opens in.

    bare: no padding, no tab, no scrolling, cannot be hidden. closed: hidden until it is asked for.
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


def docking_splits(scale: float = 1.0) -> list[hello_imgui.DockingSplit]:
    """SPLITS in hello_imgui's terms; the side columns and the bottom grow with the interface scale."""
    sides = {"left": imgui.Dir.left, "right": imgui.Dir.right, "up": imgui.Dir.up, "down": imgui.Dir.down}
    grown = [min(s.share * scale, 0.36) if s.parent == MAIN and s.share < 0.36 else s.share for s in SPLITS]
    return [
        hello_imgui.DockingSplit(s.parent, s.name, sides[s.direction], g)
        for s, g in zip(SPLITS, grown, strict=True)
    ]
