"""Which of the three programs a network comes from, told by its class name and its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from core_model.checkpoints.importing.refusal import Refusal, shown

EG3D, EPIGRAF, MIMIC3D = "eg3d", "epigraf", "mimic3d"
ROOTS = ("backbone.synthesis.b4.const", "synthesis.tri_plane_decoder.b4.const")
"""Tensors that every generator of these programs has, under its own names."""


def own_names(names: Iterable[str]) -> tuple[str, str]:
    """(key of the network, prefix) of a state dict whose names may stand under another module.

    `module.` of DataParallel, `G_ema.` …. Of several networks the averaged one is taken, else the one that
    stands highest. ("", "") where there is nothing to leave out.
    """
    prefixes = {n.removesuffix(root) for n in names for root in ROOTS if n == root or n.endswith(f".{root}")}
    found = sorted(prefixes, key=lambda p: (len(p), p))
    if not found or found[0] == "":
        return "", ""
    prefix = next((p for p in found if "ema" in p.lower()), found[0])
    return ("G_ema" if "ema" in prefix.lower() else ""), prefix


def family_of(
    class_name: str,
    state: Mapping[str, np.ndarray[Any, Any]],
    attributes: Mapping[str, Any],
    keywords: Mapping[str, Any],
) -> str:
    """eg3d, epigraf or mimic3d; raises Refusal for other networks.

    Mimic3D's first stage has EG3D's class name: its option `triplane_resolution`, its `b3d*` blocks and its
    constant input with a batch axis tell it apart.
    """
    if any(name.startswith("synthesis.tri_plane_decoder.") for name in state):
        return EPIGRAF
    if "backbone.synthesis.b4.const" in state and any(name.startswith("decoder.net.") for name in state):
        own = (
            class_name == "DualTriPlaneGenerator"
            or "triplane_resolution" in attributes
            or "triplane_resolution" in keywords
            or any(name.startswith(("backbone.synthesis.b3d", "backbone.synthesis.sr3d")) for name in state)
            or state["backbone.synthesis.b4.const"].ndim == 4
        )
        return MIMIC3D if own else EG3D
    got = f"a network {shown(class_name)}" if class_name else "other tensors"
    first = next(iter(state), None)
    raise Refusal(
        "not a tri-plane generator",
        "the generator of EG3D, EpiGRAF or Mimic3D",
        f"{got}, first tensor {shown(first)}" if first else f"{got} without tensors",
    )
