"""What is known of a family's checkpoints without building a network. Torch-free: `triscope info` does not
wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core_model.families.imported import Array, ImportedNet
from core_model.schema.checkpoint import CheckpointHeader

ToNative = Callable[[ImportedNet], tuple[CheckpointHeader, dict[str, Array]]]


@dataclass(frozen=True)
class Sizes:
    """What the GUI and `triscope info` show of a network, known without building it.

    neural_size: edge of the feature image that a super-resolution lifts to the picture [pixels]; 0 = none,
    rays make the picture.
    """

    title: str
    z_dim: int = 0
    w_dim: int = 0
    num_ws: int = 0
    c_dim: int = 0
    num_classes: int = 0
    image_size: int = 512
    neural_size: int = 0
    plane_size: int = 0
    plane_channels: int = 0
    is_sdf: bool = True
    has_proposal: bool = False
    view_dependent: bool = False
    default_spp: float = 17.6
    probe_size: int = 128
    probe_samples: int = 192
    proposal_size: int = 512


@dataclass(frozen=True)
class Description:
    """describe: header and where it comes from (for messages) → sizes.

    convert: a network read from a foreign file → header and float32 arrays of a native checkpoint; None for
        families of triscope's own.
    licence_note: what is known of the licence of files that the original program made; empty for triscope's
        own.
    """

    name: str
    describe: Callable[[CheckpointHeader, str], Sizes]
    convert: ToNative | None = None
    licence_note: str = ""


@dataclass(frozen=True)
class FamilyPlugin:
    """A family of another package (entry point `triscope.families`).

    spec: its `FamilySpec`; called when the first checkpoint is opened, so that torch is not imported before.
    """

    description: Description
    spec: Callable[[], Any]
