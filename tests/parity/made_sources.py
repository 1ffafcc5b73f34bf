"""Synthetic checkpoints of the three programs in other configurations than the fixtures', in every form that
people have them in.

A `Made` holds what the original program would know (tensors under its names, keyword records, layer scalars).
`written` stores it as a persistence pickle with source text in it, as a state dict of torch.save (zip or
legacy, bare, wrapped or of DataParallel), or as a safetensors file of another program.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.unit.checkpoints.importing.foreign import network, pickled
from tests.unit.checkpoints.importing.samples import RENDERING, config_node, easy

FORMS = ("pkl", "raw", "zip.pt", "legacy.pth", "wrapped.pt", "parallel.pt", "lightning.ckpt", "safetensors")
"""pkl: a snapshot with G, D and G_ema. raw: a snapshot without G_ema. The others hold tensors alone, under
various prefixes."""
FACES: dict[str, Any] = {
    "depth_resolution": 48, "depth_resolution_importance": 48, "ray_start": 2.25, "ray_end": 3.3, "box_warp": 1, "c_scale": 1,
    "decoder_lr_mul": 1, "avg_camera_radius": 2.7, "avg_camera_pivot": [0, 0, 0.2], "sr_antialias": True, "clamp_mode": "softplus",
    "superresolution_noise_mode": "none", "c_gen_conditioning_zero": False,
}  # fmt: skip
LEGACY_AXES = [
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
    [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
]
FIXED_AXES = [
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
    [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
]
SR_WIDTHS = {
    "SuperresolutionHybrid8XDC": (256, 128), "SuperresolutionHybrid8X": (128, 64), "SuperresolutionHybrid4X": (128, 64),
    "SuperresolutionHybridDeepfp32": (128, 64), "SuperresolutionHybrid2X": (128, 64), "SuperresolutionHybrid16XDC": (256, 128, 64),
}  # fmt: skip
SR_SIZES = {
    "SuperresolutionHybrid8XDC": (256, 512), "SuperresolutionHybrid8X": (256, 512), "SuperresolutionHybrid4X": (128, 256),
    "SuperresolutionHybridDeepfp32": (128, 256), "SuperresolutionHybrid2X": (64, 128), "SuperresolutionHybrid16XDC": (256, 512, 1024),
}  # fmt: skip


@dataclass
class Made:
    """state: float32 tensors.

    attributes, layers: plain attributes of the network and of its parts, by dotted path.
    """

    family: str
    class_name: str
    state: dict[str, Tensor]
    init_kwargs: dict[str, Any]
    attributes: dict[str, Any]
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    cfg: dict[str, Any] | None = None

    @property
    def double(self) -> dict[str, Tensor]:
        return {name: value.double() for name, value in self.state.items()}


class Maker:
    """Random tensors and the scalars that the programs' layers carry."""

    def __init__(self, seed: int, *, noise: bool = True, clamp: float | None = None) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self.noise, self.clamp = noise, clamp
        self.state: dict[str, Tensor] = {}
        self.layers: dict[str, dict[str, Any]] = {}

    def add(self, name: str, *shape: int, scale: float = 1.0) -> Tensor:
        self.state[name] = torch.randn(shape, generator=self.rng) * scale
        return self.state[name]

    def linear(
        self, name: str, out: int, inside: int, *, m: float = 1.0, bias: float = 0.1, plus: float = 0.0
    ) -> None:
        self.add(f"{name}.weight", out, inside, scale=1.0 / m)
        self.add(f"{name}.bias", out, scale=bias)
        self.state[f"{name}.bias"] += plus
        self.layers[name] = {
            "weight_gain": np.float64(m / math.sqrt(inside)), "bias_gain": np.float64(m) if m != 1 else m, "activation": "linear",
            "in_features": inside, "out_features": out,
        }  # fmt: skip

    def conv(
        self, name: str, out: int, inside: int, w: int, size: int, *, up: int = 1, styles: int | None = None
    ) -> None:
        self.add(f"{name}.weight", out, inside, 3, 3)
        self.add(f"{name}.bias", out, scale=0.1)
        if self.noise:
            self.add(f"{name}.noise_strength", scale=0.2)
            self.add(f"{name}.noise_const", size, size)
        self.state[f"{name}.resample_filter"] = (
            torch.tensor([1.0, 3.0, 3.0, 1.0]).outer(torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
        )
        self.linear(f"{name}.affine", styles or inside, w, plus=1.0)
        self.layers[name] = {
            "up": up, "resolution": size, "use_noise": self.noise, "activation": "lrelu", "conv_clamp": self.clamp, "padding": 1,
            "act_gain": np.float64(math.sqrt(2)),
        }  # fmt: skip

    def torgb(self, name: str, out: int, inside: int, w: int, *, styles: int | None = None) -> None:
        self.add(f"{name}.weight", out, inside, 1, 1)
        self.add(f"{name}.bias", out, scale=0.1)
        self.linear(f"{name}.affine", styles or inside, w, plus=1.0)
        self.layers[name] = {"conv_clamp": self.clamp}

    def synthesis(
        self,
        prefix: str,
        size: int,
        img: int,
        w: int,
        base: int,
        most: int,
        *,
        batch_axis: bool = False,
        fp16: int = 0,
    ) -> None:
        inside = 0
        for r in (4 << i for i in range(int(math.log2(size)) - 1)):
            width = min(base // r, most)
            if not inside:
                self.add(f"{prefix}b4.const", *((1,) if batch_axis else ()), width, 4, 4)
            else:
                self.conv(f"{prefix}b{r}.conv0", width, inside, w, r, up=2)
            self.conv(f"{prefix}b{r}.conv1", width, width, w, r)
            self.torgb(f"{prefix}b{r}.torgb", img, width, w)
            self.state[f"{prefix}b{r}.resample_filter"] = torch.zeros(4, 4)
            self.layers[f"{prefix}b{r}"] = {
                "use_fp16": fp16 > 0 and r >= max(size >> (fp16 - 1), 8),
                "architecture": "skip",
                "is_last": r == size,
                "resolution": r,
            }
            inside = width

    def mapping(self, prefix: str, z: int, c: int, w: int, depth: int) -> None:
        self.add(f"{prefix}w_avg", w, scale=0.5)
        if c:
            self.linear(f"{prefix}embed", w, c)
        for k in range(depth):
            self.linear(f"{prefix}fc{k}", w, (z + (w if c else 0)) if k == 0 else w, m=0.01)

    def osg(self, features: int, m: float, colours: int = 32) -> None:
        self.linear("decoder.net.0", 64, features, m=m)
        self.linear("decoder.net.2", 1 + colours, 64, m=m)
        self.state["decoder.net.2.weight"][0] *= 8.0  # a scene that is neither empty nor full
        self.state["decoder.net.2.bias"][0] = 5.0 / m

    def superres(self, name: str, features: int, *, clamp: float | None) -> None:
        before, self.clamp = self.clamp, clamp
        noise, self.noise = self.noise, True
        inside = features
        for k, (width, size) in enumerate(zip(SR_WIDTHS[name], SR_SIZES[name], strict=True)):
            home = f"superresolution.block{k}"
            self.conv(f"{home}.conv0", width, inside, 512, size)
            self.conv(f"{home}.conv1", width, width, 512, size)
            self.torgb(f"{home}.torgb", 3, width, 512)
            inside = width
        self.clamp, self.noise = before, noise


def eg3d(
    seed: int = 0, *, z: int = 40, c: int = 25, w: int = 512, depth: int = 2, base: int = 512, most: int = 12, planes: int = 32,
    sr: str | None = "SuperresolutionHybrid2X", neural: int = 32, noise: bool = True, fp16: int = 0, sr_fp16: int = 4,
    m: float = 1.0, axes: list[Any] | None = None, **rendering: Any,
) -> Made:  # fmt: skip
    """A network of EG3D. rendering: changes of rendering_kwargs; a value `missing` leaves the key out."""
    clamp = 256.0 if fp16 else None
    k = Maker(seed, noise=noise, clamp=clamp)
    k.synthesis("backbone.synthesis.", planes, 96, w, base, most, fp16=fp16)
    k.mapping("backbone.mapping.", z, c, w, depth)
    k.osg(32, m)
    size = SR_SIZES[sr][-1] if sr else neural
    kwargs = (
        FACES
        | {
            "decoder_lr_mul": m,
            "superresolution_module": f"training.superresolution.{sr}",
            "image_resolution": size,
        }
        | rendering
    )
    kwargs = {name: value for name, value in kwargs.items() if value != "missing"}
    if sr:
        k.superres(sr, 32, clamp=256.0 if sr_fp16 else None)
    k.add("dataset_label_std", 25)
    init = {
        "z_dim": z, "c_dim": c, "w_dim": w, "img_resolution": size, "img_channels": 3, "mapping_kwargs": easy(num_layers=depth),
        "rendering_kwargs": dict(kwargs, box_warp=kwargs.get("box_warp", 1) * 3), "channel_base": base, "channel_max": most,
        "num_fp16_res": fp16, "sr_num_fp16_res": sr_fp16, "conv_clamp": clamp, "fused_modconv_default": "inference_only",
        "sr_kwargs": easy(channel_base=base, channel_max=most, fused_modconv_default="inference_only"),
    }  # fmt: skip
    own = {
        "z_dim": z, "c_dim": c, "w_dim": w, "img_resolution": size, "img_channels": 3, "neural_rendering_resolution": neural,
        "rendering_kwargs": kwargs, "_last_planes": None,
    }  # fmt: skip
    if not sr:
        own["superresolution"] = None
    k.layers["renderer"] = {"plane_axes": torch.tensor(axes or LEGACY_AXES).float()}
    if sr:
        k.layers["superresolution"] = {"class": sr}
    return Made("eg3d", "TriPlaneGenerator", k.state, init, own, k.layers)


def mimic3d(
    seed: int = 0, *, z: int = 24, c: int = 25, w: int = 48, depth: int = 2, base: int = 256, most: int = 12, planes: int = 16, f: int = 6,
    aware: tuple[int, ...] = (4, 8, 16), attention: bool = False, tail: str = "separate", sr: str | None = None, neural: int = 32,
    act: str | bool | None = None, dual: bool = True, noise: bool = True, **rendering: Any,
) -> Made:  # fmt: skip
    """A network of Mimic3D.

    tail: "", "mean" (one block), "separate" (two), "sr3d" (two in a module of their own).
    """
    k = Maker(seed, noise=noise)
    k.synthesis("backbone.synthesis.", planes, 3 * f, w, base, most, batch_axis=True)

    def plane_block(name: str, seen: int, size: int, up: int) -> None:
        k.conv(f"{name}.conv0", f, seen, w, size, up=up, styles=3 * seen)
        k.conv(f"{name}.conv1", f, seen, w, size, styles=3 * seen)
        k.torgb(f"{name}.torgb", f, seen, w, styles=3 * seen)

    for r in aware:
        last = r == aware[-1]
        plane_block(f"backbone.synthesis.b3d{r}.block", 3 * f, r if last else 2 * r, 1 if last else 2)
    home = "backbone.synthesis.sr3d" if tail == "sr3d" else f"backbone.synthesis.b3d{planes}"
    if tail:
        plane_block(f"{home}.block2", 3 * f if tail == "mean" else f, 2 * planes, 2)
        if tail != "mean":
            plane_block(f"{home}.block3", f, 2 * planes, 1)
    k.mapping("backbone.mapping.", z, c, w, depth)
    k.osg(f, 1.0)
    if sr:
        k.superres(sr, 32, clamp=256.0)
    size = SR_SIZES[sr][-1] if sr else neural
    kwargs = (
        FACES
        | {"superresolution_module": f"training.superresolution.{sr or 'SuperresolutionHybrid2X'}"}
        | rendering
    )
    init = {
        "z_dim": z, "c_dim": c, "w_dim": w, "img_resolution": size, "mapping_kwargs": easy(num_layers=depth), "rendering_kwargs": kwargs,
        "triplane_resolution": planes, "triplane_channels": 3 * f, "triplane_act": act, "aware3d_res": list(aware),
        "aware3d_att": attention, "roll_out": None, "blur_plane": False, "decoder_output_dim": 32, "depth_guided_sample": 0,
        "add_sr_module": tail == "sr3d", "sr_num_fp16_res": 4, "num_fp16_res": 0, "conv_clamp": None,
    }  # fmt: skip
    if dual:
        init["retidx"] = [-2, -1] if tail == "mean" else [-3, -1]
    own = {
        "z_dim": z, "c_dim": c, "w_dim": w, "img_resolution": size, "neural_rendering_resolution": neural, "rendering_kwargs": kwargs,
        "triplane_resolution": planes, "roll_out": None, "depth_guided_sample": 0,
    }  # fmt: skip
    if sr:
        k.layers["superresolution"] = {"class": sr}
    else:
        own["superresolution"] = None
    return Made(
        "mimic3d", "DualTriPlaneGenerator" if dual else "TriPlaneGenerator", k.state, init, own, k.layers
    )


def epigraf(
    seed: int = 0, *, z: int = 24, w: int = 40, depth: int = 2, base: int = 256, most: int = 12, planes: int = 16, feat: int = 6,
    classes: int = 0, camera_cond: bool = False, layers: int = 2, hidden: int = 16, posenc: float = 0.0, view: bool = False,
    background: str | None = None, noise: bool = True, fp32: bool = False, size: int = 24, **changes: Any,
) -> Made:  # fmt: skip
    """A network of EpiGRAF.

    changes: settings of cfg by dotted name with `__` for the dot (`dataset__cube_scale=0.3`).
    """
    clamp = None if fp32 else 256.0
    k = Maker(seed, noise=noise, clamp=clamp)
    out = 3 * feat + (3 if background == "plane" else 0)
    k.synthesis("synthesis.tri_plane_decoder.", planes, out, w, base, most, fp16=0 if fp32 else 4)
    mlp = "synthesis.tri_plane_mlp."
    octaves = math.ceil(math.log2(posenc)) if posenc else 0
    dims = [feat + 6 * octaves, *[hidden] * (layers - 1), *([hidden + 1 if view else 4] if layers else [])]
    for n, (i, o) in enumerate(zip(dims[:-1], dims[1:], strict=True)):
        k.linear(f"{mlp}model.{n}", o, i)
    if layers:
        k.state[f"{mlp}model.{layers - 1}.weight"][-1] *= 8.0
    if octaves:
        k.add(f"{mlp}pos_enc.fourier_encoder.fourier_coefs", octaves)
    if view:
        k.add(f"{mlp}ray_dir_enc.fourier_encoder.fourier_coefs", 3)
        k.linear(f"{mlp}color_network.0", 32, hidden + 12)
        k.linear(f"{mlp}color_network.1", 3, 32)
    bg = {"type": background, "output_channels": 4, "coord_dim": 4, "num_blocks": 2, "cbase": 64, "cmax": 14,
          "fmm": {"enabled": False}, "posenc_period_len": 32.0, "num_steps": 6, "start": 0.9}  # fmt: skip
    if background == "sphere":
        inside = 4 * 2 * 5
        k.add("synthesis.bg_model.blocks.0.scalar_enc.fourier_encoder.fourier_coefs", 5)
        for n in range(2):
            width = min(64 >> (n + 2), 14)
            for name, o, i in (
                ("conv0", width, inside),
                ("conv1", width, width if n else inside),
                ("to_out", 4, width),
            ):
                if (n, name) != (0, "conv0"):
                    full = f"synthesis.bg_model.blocks.{n}.{name}"
                    k.add(f"{full}.weight", o, i)
                    k.add(f"{full}.bias", o, scale=0.1)
                    k.linear(f"{full}.affine", i, w, plus=1.0)
            inside = width
    label = classes + 2 * camera_cond
    k.mapping("mapping.", z, label, w, depth)
    k.state["mapping.mean_camera_pose"] = torch.tensor([1.5, 1.6, 0.0])
    cfg: dict[str, Any] = {
        "backbone": "stylegan2", "num_ray_steps": 12, "clamp_mode": "softplus", "density_shift": 0.0, "use_noise": noise,
        "camera_cond": camera_cond, "w_dim": w, "map_depth": depth,
        "tri_plane": {"res": planes, "feat_dim": feat, "fp32": fp32, "has_view_cond": view, "posenc_period_len": posenc,
                      "mlp": {"n_layers": layers, "hid_dim": hidden}},
        "bg_model": bg,
        "dataset": {"camera": {"fov": 12.0, "ray_start": 0.88, "ray_end": 1.12, "radius": 1.0, "dist": "spherical"}, "cube_scale": 0.2,
                    "white_back": False, "last_back": False, "c_dim": classes, "resolution": size},
        "patch": {"enabled": True, "resolution": 16, "distribution": "beta"},
    }  # fmt: skip
    for name, value in changes.items():
        *path, last = name.split("__")
        place = cfg
        for part in path:
            place = place[part]
        place[last] = value
    init = {"z_dim": z, "w_dim": w, "c_dim": classes, "img_channels": 3, "img_resolution": size, "channel_base": base, "channel_max": most,
            "mapping_kwargs": easy(num_layers=depth)}  # fmt: skip
    k.layers["synthesis"] = {
        "img_resolution": size,
        "test_resolution": size,
        "train_resolution": 16,
        "bg_model": None,
    }
    if background == "sphere":
        del k.layers["synthesis"]["bg_model"]
    return Made(
        "epigraf",
        "Generator",
        k.state,
        init,
        {"z_dim": z, "c_dim": classes, "w_dim": w, "img_resolution": size},
        k.layers,
        cfg,
    )


def snapshot(made: Made, name: str = "G_ema") -> dict[str, Any]:
    """The dict of the persistence pickle that the program would have written."""
    layers = {
        path: {k: v for k, v in scalars.items() if k != "class"} for path, scalars in made.layers.items()
    }
    own = dict(made.attributes) | {"_init_args": (), "_init_kwargs": easy(**made.init_kwargs)}
    package = "src." if made.family == "epigraf" else ""
    classes = {"": ("", made.class_name)}
    if made.family == "epigraf":
        assert made.cfg is not None
        experiment: dict[str, Any] = {
            "dataset": made.cfg["dataset"],
            "training": {"patch": made.cfg["patch"]},
        }
        experiment["model"] = {
            "generator": made.cfg | {"dataset": "node:${dataset}", "patch": "node:${training.patch}"}
        }
        own["cfg"] = config_node(experiment)._content["model"]._content["generator"]
        own["_init_kwargs"] = easy(cfg=own["cfg"], **made.init_kwargs)
    else:
        classes |= {
            "backbone": ("", "Generator"), "decoder": ("training.triplane", "OSGDecoder"),
            "decoder.net": ("torch.nn.modules.container", "Sequential"),
            "renderer": (f"{RENDERING}.renderer", "ImportanceRenderer"), "ray_sampler": (f"{RENDERING}.ray_sampler", "RaySampler"),
        }  # fmt: skip
        if "class" in made.layers.get("superresolution", {}):
            classes["superresolution"] = ("", made.layers["superresolution"]["class"])
    data = {"training_set_kwargs": {"path": "/data/things.zip"}, "D": None, "augment_pipe": None}
    return data | {name: network(made.state, classes, {"": own, **layers}, package)}


def written(made: Made, folder: Path, form: str = "pkl") -> Path:
    """The file; its suffix is what follows the first dot of `form`, or .pkl."""
    if form in ("pkl", "raw"):
        path = folder / f"network-snapshot-{17 if form == 'pkl' else 18:06d}.pkl"
        path.write_bytes(pickled(snapshot(made, "G_ema" if form == "pkl" else "G")))
        return path
    path = folder / (form if "." in form else f"other.{form}")
    state: Mapping[str, Any] = made.state
    if form == "safetensors":
        from safetensors.torch import save_file

        save_file(
            {name: value.contiguous() for name, value in state.items()}, path, metadata={"format": "pt"}
        )
        return path
    if form == "wrapped.pt":
        state = {"state_dict": state, "epoch": 3}
    elif form == "parallel.pt":
        state = {f"module.{name}": value for name, value in state.items()}
    elif form == "lightning.ckpt":
        other = {f"G.{name}": torch.zeros_like(value) for name, value in state.items()}
        state = {
            "state_dict": other | {f"G_ema.{name}": value for name, value in state.items()},
            "global_step": 5,
        }
    torch.save(state, path, _use_new_zipfile_serialization=form != "legacy.pth")
    return path


__all__ = ["FIXED_AXES", "FORMS", "LEGACY_AXES", "Made", "eg3d", "epigraf", "mimic3d", "snapshot", "written"]
