"""The recorded networks (tests/fixtures) as the pickles that their programs would have written."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.fixtures import FIXTURES
from tests.unit.checkpoints.importing.foreign import Located, network
from tests.unit.checkpoints.importing.samples import RENDERING, config_node, easy


def recorded(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(state dict, facts) of a fixture."""
    with np.load(FIXTURES / f"{name}.npz", allow_pickle=False) as file:
        tensors = {k[3:]: torch.from_numpy(file[k]) for k in file.files if k.startswith("sd/")}
        return tensors, json.loads(str(file["meta"]))


def eg3d(name: str = "eg3d_small") -> dict[str, Any]:
    """A snapshot of EG3D (or of Mimic3D, which says so in its records)."""
    tensors, meta = recorded(name)
    keywords = meta["init_kwargs"]
    classes = {
        "": ("", meta.get("network", "TriPlaneGenerator")), "backbone": ("", "Generator"),
        "decoder": ("training.triplane", "OSGDecoder"), "decoder.net": ("torch.nn.modules.container", "Sequential"),
        "renderer": (f"{RENDERING}.renderer", "ImportanceRenderer"),
    }  # fmt: skip
    own = {
        k: keywords[k]
        for k in (
            "z_dim",
            "w_dim",
            "c_dim",
            "img_resolution",
            "rendering_kwargs",
            "triplane_resolution",
            "roll_out",
            "depth_guided_sample",
        )
        if k in keywords
    }
    own |= {
        "neural_rendering_resolution": meta["neural_rendering_resolution"],
        "_init_kwargs": easy(**keywords),
        "_init_args": (),
    }
    attributes: dict[str, dict[str, Any]] = {"": own}
    if "plane_axes" in meta:
        attributes["renderer"] = {"plane_axes": torch.tensor(meta["plane_axes"])}
    if any(n.startswith("superresolution.") for n in tensors):
        classes["superresolution"] = (
            "",
            keywords["rendering_kwargs"]["superresolution_module"].split(".")[-1],
        )
    else:
        own["superresolution"] = None
    return {
        "training_set_kwargs": {"path": "faces.zip"},
        "G": None,
        "D": None,
        "G_ema": network(tensors, classes, attributes),
    }


def mimic3d() -> dict[str, Any]:
    return eg3d("mimic3d_small")


def epigraf() -> dict[str, Any]:
    """A snapshot of EpiGRAF with storages of a GPU and its configuration inside that of the experiment."""
    tensors, meta = recorded("epigraf_small")
    cfg = dict(meta["cfg"])
    experiment = {"dataset": cfg["dataset"], "training": {"patch": cfg["patch"]}}
    experiment["model"] = {
        "generator": cfg | {"dataset": "node:${dataset}", "patch": "node:${training.patch}"}
    }
    tree = config_node(experiment)._content["model"]._content["generator"]
    own = {
        "cfg": tree,
        "_init_kwargs": easy(cfg=tree, **meta["init_kwargs"]),
        "_init_args": (),
        "z_dim": meta["init_kwargs"]["z_dim"],
    }
    located = {name: Located(tensor) for name, tensor in tensors.items()}
    classes = {"": ("", "Generator"), "synthesis": ("", "SynthesisNetwork")}
    made = network(located, classes, {"": own, "synthesis": {"bg_model": None}}, "src.")
    return {"G_ema": made, "stats": {"cur_nimg": 64_000}, "augment_pipe": None}


FILES = {"eg3d": eg3d, "epigraf": epigraf, "mimic3d": mimic3d}
