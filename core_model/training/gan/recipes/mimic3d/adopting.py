"""Settings of Mimic3D's blocks over planes from a checkpoint that is fine-tuned."""

from __future__ import annotations

from typing import Any

from core_model.schema.checkpoint import CheckpointHeader


def adopted_planes(header: CheckpointHeader) -> dict[str, Any]:
    """The settings below `mimic3d.network` that only this family has, by path below `mimic3d`; of another family none.

    What a 2D stage does not say stays: its detail blocks are yet to come.
    """
    if header.family != "mimic3d":
        return {}
    config = header.config
    found: dict[str, Any] = {
        "network.aware": len(config.get("aware") or ()),
        "network.attention": bool(config.get("attention", False)),
        "network.plane_act": config.get("plane_act") or "none",
    }
    tail, levels = config.get("tail") or (), config.get("levels") or ()
    if tail:
        found["network.detail"] = tail[0]["view"]
        found["network.detail_ups"] = [block["up"] for block in tail]
    if len(levels) == 2:
        found["network.levels"] = list(levels)
    return found
