"""Description of an output channel: what the GUI needs to show it with units, range and colour map."""

from __future__ import annotations

from typing import Literal

from core_model.schema.frozen import Frozen


class ChannelInfo(Frozen):
    """One image that the renderer can produce.

    kind: colour [3, H, W] in [0, 1]; direction [3, H, W] unit vectors; position [3, H, W] world units; scalar
        [H, W].
    low, high: fixed display range in `unit`; None = from the data.
    """

    name: str
    title: str
    kind: Literal["colour", "direction", "position", "scalar"]
    unit: str = ""
    colormap: str = "viridis"
    low: float | None = None
    high: float | None = None
    description: str = ""
    decimals: int = 3
    needs_proposal: bool = False
    needs_superres: bool = False
