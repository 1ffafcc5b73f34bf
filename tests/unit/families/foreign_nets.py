"""Small random networks with the tensor names and shapes that EG3D, Mimic3D and EpiGRAF store, and their
models.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core_model.checkpoints.store import load_into
from core_model.families import FAMILIES
from core_model.schema.checkpoint import CheckpointHeader

LEGACY_TABLE = np.array(
    [[[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1], [0, 1, 0]], [[0, 0, 1], [1, 0, 0], [0, 1, 0]]],
    np.float32,
)


@dataclass(frozen=True)
class Net:
    class_name: str
    state: dict[str, np.ndarray]
    init_kwargs: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)


def native(family: str, net: Net) -> tuple[CheckpointHeader, dict[str, Tensor]]:
    """Header and tensors of the native file of `net`."""
    convert = FAMILIES.get(family).convert
    assert convert is not None
    header, arrays = convert(net)
    return header, {name: torch.from_numpy(np.array(array, np.float32)) for name, array in arrays.items()}


def opened(family: str, net: Net) -> tuple[Any, CheckpointHeader]:
    """The model that a native file of `net` gives; every tensor must find its place."""
    spec = FAMILIES.get(family)
    header, tensors = native(family, net)
    header = CheckpointHeader.model_validate_json(header.model_dump_json())
    model: Any = spec.build(header, "test")
    model.module = model.module.to_empty(device="cpu")
    load_into(model.module, tensors, where="test")
    model.module.eval().requires_grad_(False)
    return model, header


class Maker:
    """Random tensors in the order of the calls, from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self.state: dict[str, np.ndarray] = {}

    def add(self, name: str, *shape: int) -> None:
        self.state[name] = torch.randn(shape, generator=self.rng).numpy()

    def linear(self, name: str, out: int, inside: int) -> None:
        self.add(f"{name}.weight", out, inside)
        self.add(f"{name}.bias", out)

    def conv(self, name: str, out: int, inside: int, w: int, size: int, styles: int | None = None) -> None:
        self.add(f"{name}.weight", out, inside, 3, 3)
        self.add(f"{name}.bias", out)
        self.add(f"{name}.noise_strength")
        self.add(f"{name}.noise_const", size, size)
        self.add(f"{name}.resample_filter", 4, 4)
        self.linear(f"{name}.affine", styles or inside, w)

    def torgb(self, name: str, out: int, inside: int, w: int, styles: int | None = None) -> None:
        self.add(f"{name}.weight", out, inside, 1, 1)
        self.add(f"{name}.bias", out)
        self.linear(f"{name}.affine", styles or inside, w)

    def synthesis(
        self, prefix: str, channels: tuple[int, ...], img: int, w: int, *, batch_axis: bool = False
    ) -> None:
        inside = 0
        for k, width in enumerate(channels):
            r = 4 << k
            self.add(f"{prefix}b{r}.resample_filter", 4, 4)
            if k == 0:
                self.add(f"{prefix}b4.const", *((1,) if batch_axis else ()), width, 4, 4)
            else:
                self.conv(f"{prefix}b{r}.conv0", width, inside, w, r)
            self.conv(f"{prefix}b{r}.conv1", width, width, w, r)
            self.torgb(f"{prefix}b{r}.torgb", img, width, w)
            inside = width

    def mapping(self, prefix: str, z: int, c: int, widths: tuple[int, ...], embed: int | None = None) -> None:
        w = widths[-1]
        embed = (embed or w) if c else 0
        self.add(f"{prefix}w_avg", w)
        if c:
            self.linear(f"{prefix}embed", embed, c)
        for k, (i, o) in enumerate(zip((z + embed, *widths[:-1]), widths, strict=True)):
            self.linear(f"{prefix}fc{k}", o, i)

    def osg(self, features: int, colours: int = 32) -> None:
        self.linear("decoder.net.0", 64, features)
        self.linear("decoder.net.2", 1 + colours, 64)

    def superres(
        self, widths: tuple[int, ...], ups: tuple[int, ...], size: int, w: int = 512, features: int = 32
    ) -> None:
        inside = features
        for k, (width, up) in enumerate(zip(widths, ups, strict=True)):
            size *= up
            self.conv(f"superresolution.block{k}.conv0", width, inside, w, size)
            self.conv(f"superresolution.block{k}.conv1", width, width, w, size)
            self.torgb(f"superresolution.block{k}.torgb", 3, width, w)
            inside = width


def eg3d_state(
    seed: int = 0,
    *,
    channels: tuple[int, ...] = (8, 6, 4),
    widths: tuple[int, ...] = (12, 10),
    c: int = 25,
    embed: int | None = None,
) -> dict[str, np.ndarray]:
    m = Maker(seed)
    m.synthesis("backbone.synthesis.", channels, 96, widths[-1])
    m.mapping("backbone.mapping.", 9, c, widths, embed)
    m.osg(32)
    m.add("dataset_label_std", 25)
    return m.state


def mimic3d_state(
    seed: int = 0,
    *,
    channels: tuple[int, ...] = (8, 6, 4),
    aware: tuple[int, ...] = (4, 8, 16),
    tail: str = "",
    f: int = 8,
) -> dict[str, np.ndarray]:
    """tail: "" none, "separate" block2 and block3, "mean" one 3D-aware block2, "sr3d" the separate module."""
    m, w, last = Maker(seed), 10, 4 << (len(channels) - 1)
    m.synthesis("backbone.synthesis.", channels, 3 * f, w, batch_axis=True)
    for r in aware:
        block(m, f"backbone.synthesis.b3d{r}.block", f, 3 * f, w, r if r == aware[-1] else 2 * r)
    home = f"backbone.synthesis.{'sr3d' if tail == 'sr3d' else f'b3d{last}'}"
    if tail in ("separate", "sr3d"):
        block(m, f"{home}.block2", f, f, w, 2 * last)
        block(m, f"{home}.block3", f, f, w, 2 * last)
    elif tail == "mean":
        block(m, f"{home}.block2", f, 3 * f, w, 2 * last)
    m.mapping("backbone.mapping.", 9, 25, (12, w))
    m.osg(f)
    return m.state


def block(m: Maker, name: str, f: int, seen: int, w: int, size: int) -> None:
    m.conv(f"{name}.conv0", f, seen, w, size, 3 * seen)
    m.conv(f"{name}.conv1", f, seen, w, size, 3 * seen)
    m.torgb(f"{name}.torgb", f, seen, w, 3 * seen)


def epigraf_state(
    seed: int = 0,
    *,
    label: int = 0,
    background: str = "",
    view: bool = False,
    freqs: int = 0,
    feat: int = 6,
    noise: bool = True,
) -> dict[str, np.ndarray]:
    m, w, hid = Maker(seed), 10, 16
    m.synthesis("synthesis.tri_plane_decoder.", (8, 6, 4), 3 * feat + (3 if background == "plane" else 0), w)
    m.linear("synthesis.tri_plane_mlp.model.0", hid, feat + 6 * freqs)
    m.linear("synthesis.tri_plane_mlp.model.1", hid + 1 if view else 4, hid)
    if freqs:
        m.add("synthesis.tri_plane_mlp.pos_enc.fourier_encoder.fourier_coefs", freqs)
    if view:
        m.add("synthesis.tri_plane_mlp.ray_dir_enc.fourier_encoder.fourier_coefs", 3)
        m.linear("synthesis.tri_plane_mlp.color_network.0", 32, hid + 12)
        m.linear("synthesis.tri_plane_mlp.color_network.1", 3, 32)
    if background == "sphere":
        m.add("synthesis.bg_model.blocks.0.scalar_enc.fourier_encoder.fourier_coefs", 6)
        for k in range(2):
            for name, out, inside in (("conv0", 14, 14), ("conv1", 14, 14 if k else 48), ("to_out", 4, 14)):
                if (k, name) != (0, "conv0"):
                    m.linear(f"synthesis.bg_model.blocks.{k}.{name}", out, inside)
                    m.linear(f"synthesis.bg_model.blocks.{k}.{name}.affine", inside, w)
    m.mapping("mapping.", 9, label, (12, w))
    m.add("mapping.mean_camera_pose", 3)
    if not noise:
        m.state = {k: v for k, v in m.state.items() if "noise_" not in k}
    return m.state
