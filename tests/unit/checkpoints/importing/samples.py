"""Small networks of the three programs, as objects to be pickled.

A few tensors each, all records that matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.unit.checkpoints.importing.foreign import EG3D_AXES, Located, network, plain_object, stand_in

RENDERING = "training.volumetric_rendering"


def easy(**items: Any) -> Any:
    """dnnlib's dict with attributes."""
    made = stand_in("dnnlib.util", "EasyDict", dict)()
    made.update(items)
    return made


def eg3d_tensors(seed: int = 0) -> dict[str, Tensor]:
    """A handful of EG3D's names with odd shapes; enough to be recognised."""
    g = torch.Generator().manual_seed(seed)
    shapes = {
        "backbone.synthesis.b4.const": (6, 4, 4), "backbone.synthesis.b4.resample_filter": (4, 4),
        "backbone.synthesis.b4.conv1.weight": (6, 6, 3, 3), "backbone.synthesis.b4.conv1.noise_strength": (),
        "backbone.synthesis.b4.conv1.noise_const": (4, 4), "backbone.mapping.w_avg": (8,),
        "backbone.mapping.fc0.weight": (8, 12), "decoder.net.0.weight": (5, 2), "decoder.net.0.bias": (5,),
        "decoder.net.2.weight": (3, 5), "superresolution.block0.conv0.weight": (4, 2, 3, 3),
    }  # fmt: skip
    return {name: torch.randn(shape, generator=g) for name, shape in shapes.items()}


def eg3d_network(tensors: dict[str, Tensor], **attributes: Any) -> Any:
    """G_ema of EG3D: keyword records, plane table beside the state, numpy scalars in the layers."""
    rendering = {
        "box_warp": 1,
        "ray_start": 2.25,
        "ray_end": 3.3,
        "avg_camera_pivot": [0, 0, 0.2],
        "white_back": False,
    }
    classes = {
        "": ("", "TriPlaneGenerator"), "backbone": ("", "Generator"), "decoder": ("training.triplane", "OSGDecoder"),
        "superresolution": ("", "SuperresolutionHybrid2X"), "decoder.net": ("torch.nn.modules.container", "Sequential"),
        "decoder.net.1": ("torch.nn.modules.activation", "Softplus"),
        "renderer": (f"{RENDERING}.renderer", "ImportanceRenderer"),
        "renderer.ray_marcher": (f"{RENDERING}.ray_marcher", "MipRayMarcher2"),
        "ray_sampler": (f"{RENDERING}.ray_sampler", "RaySampler"),
    }  # fmt: skip
    scalars = {"weight_gain": np.float64(0.25), "bias_gain": np.float64(0.5), "activation": "linear"}
    return network(
        tensors,
        classes,
        {
            "": {
                "z_dim": 4, "w_dim": 8, "neural_rendering_resolution": 64, "rendering_kwargs": rendering,
                "_last_planes": None, "_init_args": (), "_init_kwargs": easy(
                    z_dim=4, mapping_kwargs=easy(num_layers=2), rendering_kwargs={"box_warp": 2}, conv_clamp=None,
                ), **attributes,
            },
            "renderer": {"plane_axes": EG3D_AXES.clone()},
            "decoder.net.0": scalars,
            "backbone.synthesis.b4.conv1": {"conv_clamp": 256, "act_gain": np.float64(2**0.5), "use_noise": True},
        },
    )  # fmt: skip


def eg3d_file(tensors: dict[str, Tensor] | None = None) -> dict[str, Any]:
    """The dict of a network-snapshot."""
    tensors = tensors if tensors is not None else eg3d_tensors()
    data = easy(class_name="training.dataset.ImageFolderDataset", path="/data/faces.zip", resolution=128)
    return {
        "training_set_kwargs": dict(data), "G": eg3d_network(eg3d_tensors(5)), "D": None,
        "G_ema": eg3d_network(tensors), "augment_pipe": None,
    }  # fmt: skip


def mimic3d_file() -> dict[str, Any]:
    """Mimic3D's first stage: EG3D's class name, other facts."""
    tensors = eg3d_tensors()
    tensors["backbone.synthesis.b4.const"] = tensors["backbone.synthesis.b4.const"][None]
    return {"G_ema": eg3d_network(tensors, triplane_resolution=32, superresolution=None, plane_act=None)}


def config_node(value: Any, parent: Any = None) -> Any:
    """A tree of omegaconf stand-ins with children that know their parents.

    `${a.b}` of dicts is their content.
    """
    metadata = plain_object(
        "omegaconf.base", "ContainerMetadata", {"ref_type": Any, "object_type": dict, "key": None}
    )
    if isinstance(value, dict | list) or (isinstance(value, str) and value.startswith("node:")):
        kind = "list" if isinstance(value, list) else "dict"
        node = plain_object(
            f"omegaconf.{kind}config", f"{kind.title()}Config", {"_metadata": metadata, "_parent": parent}
        )
        if isinstance(value, dict):
            content: Any = {k: config_node(v, node) for k, v in value.items()}
        elif isinstance(value, list):
            content = [config_node(v, node) for v in value]
        else:
            content = value.removeprefix("node:")
        vars(node).update(_content=content)  # as the pickle's own state would
        return node
    return plain_object(
        "omegaconf.nodes", "AnyNode", {"_metadata": metadata, "_parent": parent, "_val": value}
    )


EXPERIMENT = {
    "dataset": {"camera": {"fov": 12.0, "ray_start": 0.88}, "cube_scale": 0.2, "name": "faces", "c_dim": 0},
    "training": {"patch": {"enabled": True, "resolution": 16}, "gpus": [0, 1]},
    "env": {"home": "${oc.env:HOME}", "out": "runs/${dataset.name}_${training.patch.resolution}"},
    "model": {
        "generator": {
            "w_dim": 128, "dataset": "node:${dataset}", "patch": "node:${training.patch}", "fov": "${dataset.camera.fov}",
            "out": "${env.out}", "home": "${env.home}", "tri_plane": {"res": 64, "mlp": {"n_layers": 2}},
            "nothing": "${no.such.key}",
        }
    },
}  # fmt: skip


def epigraf_file() -> dict[str, Any]:
    """EpiGRAF: other module prefix, a configuration with circles, storages of a GPU, statistics as numpy
    arrays.
    """
    cfg = config_node(EXPERIMENT)._content["model"]._content["generator"]
    tensors = {
        "synthesis.tri_plane_decoder.b4.const": Located(torch.arange(6.0).reshape(2, 3)),
        "synthesis.tri_plane_mlp.model.0.weight": Located(torch.randn(4, 2)),
        "mapping.mean_camera_pose": torch.tensor([0.1, 0.2, 0.3]),
    }
    keywords = {
        "cfg": cfg,
        "z_dim": 4,
        "mapping_kwargs": easy(mean_camera_pose=torch.tensor([0.5, 1.5, 0.0])),
    }
    classes = {"": ("", "Generator"), "synthesis": ("", "SynthesisNetwork")}
    generator = network(
        tensors,
        classes,
        {"": {"cfg": cfg, "z_dim": 4, "_init_kwargs": keywords}, "synthesis": {"bg_model": None}},
        "src.",
    )
    stats = {"cur_nimg": 1_234_000, "best_metric_value": float("inf")}
    return {
        "G_ema": generator,
        "stats": stats,
        "vis": {"grid_size": (2, 2), "labels": np.arange(6, dtype=np.int64)},
    }
