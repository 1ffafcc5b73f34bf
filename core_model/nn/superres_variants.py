"""The super-resolution networks of EG3D and its descendants as data.

No torch here: `triscope info` reads this table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SuperResVariant:
    """in_size: edge of the input [pixels]; ups: 1 or 2 per block.

    grow_only: larger inputs than in_size cannot be taken.
    """

    in_size: int
    ups: tuple[int, ...]
    widths: tuple[int, ...]
    grow_only: bool = False
    may_antialias: bool = True

    @property
    def out_size(self) -> int:
        size = self.in_size
        for up in self.ups:
            size *= up
        return size


VARIANTS: dict[str, SuperResVariant] = {
    "SuperresolutionHybrid8XDC": SuperResVariant(128, (2, 2), (256, 128)),
    "SuperresolutionHybrid8X": SuperResVariant(128, (2, 2), (128, 64)),
    "SuperresolutionHybrid4X": SuperResVariant(128, (1, 2), (128, 64), grow_only=True),
    "SuperresolutionHybridDeepfp32": SuperResVariant(
        128, (1, 2), (128, 64), grow_only=True, may_antialias=False
    ),
    "SuperresolutionHybrid2X": SuperResVariant(64, (1, 2), (128, 64)),
    "SuperresolutionHybrid16XDC": SuperResVariant(128, (2, 2, 2), (256, 128, 64)),
    "TriscopeDoubled32": SuperResVariant(32, (2,), (32,)),  # triscope's own, for pictures of 64 pixels
}
