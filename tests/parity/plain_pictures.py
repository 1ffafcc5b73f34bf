"""From a made checkpoint, a z and a camera to the picture of the original program, by the plain
double-precision evaluation alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.parity import plain_nets as nets
from tests.parity import plain_renders as renders
from tests.parity.made_sources import Made


@dataclass(frozen=True)
class View:
    """What is rendered. label, cond: camera of the picture and of the conditioning, 25 numbers (EG3D,
    Mimic3D). angles, cond_angles: yaw, pitch (EpiGRAF; cond_angles None = the mean camera).
    """

    z: np.ndarray
    psi: float = 1.0
    cutoff: int | None = None
    label: np.ndarray | None = None
    cond: np.ndarray | None = None
    angles: tuple[float, float] = (1.6, 1.5)
    cond_angles: tuple[float, float] | None = None
    index: int = 0


@dataclass(frozen=True)
class Plain:
    """ws [1, L, W]; planes: levels [3, F, H, W]; picture [3, R, R]; raw [3, r, r]; depth [r, r].

    Double precision.
    """

    ws: Tensor
    planes: list[Tensor]
    picture: Tensor
    raw: Tensor
    depth: Tensor


def plain(made: Made, view: View, *, superres: bool = True) -> Plain:
    """The original program's picture."""
    with torch.no_grad():
        return _epigraf(made, view) if made.family == "epigraf" else _eg3d(made, view, superres)


def _eg3d(made: Made, view: View, superres: bool) -> Plain:
    sd, kw = made.double, made.attributes["rendering_kwargs"]
    z = torch.from_numpy(view.z)[None].double()
    assert view.label is not None and view.cond is not None
    c = None
    if made.attributes["c_dim"]:
        c = torch.zeros(1, made.attributes["c_dim"], dtype=torch.float64)
        if not kw.get("c_gen_conditioning_zero"):
            c[0, :25] = torch.from_numpy(view.cond).double() * kw.get("c_scale", 0)
    w = nets.mapped(sd, "backbone.mapping.", z, c)
    plain_blocks = [
        n
        for n in sd
        if n.startswith("backbone.synthesis.b") and n.endswith("torgb.weight") and ".b3d" not in n
    ]
    size = max(int(n.split(".")[2][1:]) for n in plain_blocks)
    ws = nets.truncated(w, sd["backbone.mapping.w_avg"], 2 * int(math.log2(size)) - 2, view.psi, view.cutoff)
    if made.family == "eg3d":
        clamp = made.layers["backbone.synthesis.b4.conv1"]["conv_clamp"]
        levels = [
            nets.synthesis(sd, "backbone.synthesis.", ws, size, clamp=clamp)[0].reshape(3, -1, size, size)
        ]
        table = np.array(made.layers["renderer"]["plane_axes"], dtype=np.float64)
        inverses = [np.linalg.inv(m) for m in table]
        axes = tuple("xyz"[int(m[:, 0].argmax())] + "xyz"[int(m[:, 1].argmax())] for m in inverses)
    else:
        levels = _mimic3d_levels(made, ws, size)
        axes = ("xy", "yz", "zx")
    neural = made.attributes["neural_rendering_resolution"]
    query = renders.osg_query(sd, levels, axes, kw["box_warp"], kw.get("decoder_lr_mul", 1))
    origin, dirs = renders.eg3d_rays(torch.from_numpy(view.label).double(), neural)
    features, depth, _ = renders.eg3d_render(query, origin, dirs, kw)
    image = features.T.reshape(1, -1, neural, neural)
    raw = image[:, :3]
    picture = raw
    if superres and "superresolution.block0.conv0.weight" in sd:
        name = made.layers["superresolution"]["class"]
        single = made.state  # large pictures in single precision: the double one would take minutes
        picture = nets.superres(
            single, name, raw.float(), image.float(), ws[:, -1].float(), antialias=kw.get("sr_antialias", True),
            noise=kw.get("superresolution_noise_mode", "none"), clamp=256.0 if made.init_kwargs["sr_num_fp16_res"] else None,
        )  # fmt: skip
    return Plain(ws, levels, picture[0].double(), raw[0], depth.reshape(neural, neural))


def _mimic3d_levels(made: Made, ws: Tensor, size: int) -> list[Tensor]:
    kw = made.init_kwargs
    view = "attention" if kw["aware3d_att"] else "mean"
    tail: list[dict[str, Any]] = []
    for home in (f"b3d{size}", "sr3d"):
        for block, up in (("block2", True), ("block3", False)):
            weight = made.state.get(f"backbone.synthesis.{home}.{block}.conv0.weight")
            if weight is not None:
                wide = weight.shape[1] == 3 * weight.shape[0]
                tail.append({"name": f"{home}.{block}", "view": view if wide else "separate", "up": up})
    results = nets.mimic3d_results(made.double, ws, size, tuple(kw["aware3d_res"]), tail, view)
    if made.class_name == "DualTriPlaneGenerator":
        picked = [results[i] for i in kw["retidx"]]
    else:
        picked = [results[-1]]
    if kw["triplane_act"] is not None:
        picked = [torch.tanh(p) if kw["triplane_act"] == "tanh" else torch.sigmoid(p) for p in picked]
    return picked


def _epigraf(made: Made, view: View) -> Plain:
    sd, cfg = made.double, made.cfg
    assert cfg is not None
    data, bg = cfg["dataset"], cfg["bg_model"]
    parts = []
    if data["c_dim"]:
        parts.append(torch.eye(data["c_dim"], dtype=torch.float64)[view.index : view.index + 1])
    if cfg["camera_cond"]:
        angles = view.cond_angles or tuple(sd["mapping.mean_camera_pose"][:2].tolist())
        turns = [math.copysign(math.fmod(abs(a), 2 * math.pi) / (2 * math.pi), a) for a in angles]
        parts.append(torch.tensor([turns], dtype=torch.float64))
    c = torch.cat(parts, dim=1) if parts else None
    w = nets.mapped(sd, "mapping.", torch.from_numpy(view.z)[None].double(), c)
    size = cfg["tri_plane"]["res"]
    own = 2 * int(math.log2(size)) - 2
    slots = own + (2 * bg["num_blocks"] if bg["type"] == "sphere" else 0)
    ws = nets.truncated(w, sd["mapping.w_avg"], slots, view.psi, view.cutoff)
    flat = nets.synthesis(
        sd, "synthesis.tri_plane_decoder.", ws, size, clamp=None if cfg["tri_plane"]["fp32"] else 256.0
    )[0]
    planes = flat[: 3 * cfg["tri_plane"]["feat_dim"]].reshape(3, -1, size, size)
    query = renders.epigraf_query(sd, planes, data["cube_scale"], cfg["tri_plane"]["posenc_period_len"])
    edge = made.attributes["img_resolution"]
    origin, dirs = renders.epigraf_camera(*view.angles, data["camera"]["radius"], data["camera"]["fov"], edge)
    colour, depth, passed = renders.epigraf_render(query, origin, dirs, cfg, backed=bg["type"] is not None)
    if bg["type"] == "plane":
        colour = colour + renders.corner_resized(flat[-3:], edge) * passed[:, None]
    elif bg["type"] == "sphere":
        colour = (
            colour
            + renders.sphere_background(sd, origin, dirs, ws[:, own:], bg, cfg["clamp_mode"])
            * passed[:, None]
        )
    picture = colour.T.reshape(3, edge, edge)
    return Plain(ws, [planes], picture, picture, depth.reshape(edge, edge))
