"""The recorded networks, rebuilt from their weights, and their parameters under the original names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.parity.recording import Recording, Table
from core_model.discriminators.stylegan2 import CLAMP, DualDiscriminator, ImageDiscriminator
from core_model.families.configs import read_config
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError

Array = np.ndarray[Any, Any]
EACH, ROUNDING = 5e-3, 1e-5


@dataclass(frozen=True)
class RecordedNet:
    """The recorded generator as the families' converters read it."""

    class_name: str
    state: Mapping[str, Array]
    init_kwargs: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Named:
    """A network and its parameters by the names of the original program."""

    module: Any
    parameters: dict[str, nn.Parameter]

    def gradients(self) -> dict[str, Tensor]:
        return {n: p.grad for n, p in self.parameters.items() if p.grad is not None}


def with_noise_images(state: dict[str, Array]) -> dict[str, Array]:
    """The state with the noise images of the plain blocks, which are zero and were left out of the file."""
    out = dict(state)
    for name in state:
        if name.endswith("noise_strength"):
            block = re.search(r"\.b(\d+)\.conv\d\.noise_strength$", name)
            if block or ".block0." in name or ".block1." in name:
                edge = int(block.group(1)) if block else 1
                out[name.replace("noise_strength", "noise_const")] = np.zeros((edge, edge), np.float32)
    return out


def generator_of(
    net: RecordedNet,
    convert: Callable[[RecordedNet], tuple[CheckpointHeader, dict[str, Array]]],
    tensors_of: Callable[[RecordedNet], dict[str, Array]],
    config: type[Any],
    build: Callable[[Any, Any], nn.Module],
) -> Named:
    """The family's generator with the recorded weights and noise images of zeros."""
    header, arrays = convert(net)
    module = build(read_config(config, header, "recording"), header.conventions)
    state = {n: torch.from_numpy(np.array(v)) for n, v in arrays.items() if not n.endswith("noise_const")}
    missing, unexpected = module.load_state_dict(state, strict=False)
    wrong = [n for n in missing if not n.endswith("noise_const")] + list(unexpected)
    if wrong:
        raise InputError(
            what="weights that do not fit", where="recording", expected="one network", got=wrong[0]
        )
    for name, buffer in module.named_buffers():
        if name.endswith("noise_const"):
            buffer.zero_()
    # the converter renames tensors: filled with their numbers, they tell where each has gone
    order = list(net.state)
    numbered = RecordedNet(
        net.class_name,
        {n: np.full(net.state[n].shape, float(k)) for k, n in enumerate(order)},
        net.init_kwargs,
        net.attributes,
        net.layers,
    )
    own = dict(module.named_parameters())
    names = {order[int(np.asarray(v).flat[0])]: own[n] for n, v in tensors_of(numbered).items() if n in own}
    return Named(module, names)


def discriminator_of(recording: Recording, prefix: str, kwargs: Mapping[str, Any], *, dual: bool) -> Named:
    """A discriminator of EG3D or Mimic3D: sizes from its keyword record, weights from `prefix`."""
    weights = recording.weights(prefix)
    epilogue = kwargs.get("epilogue_kwargs", {})
    mapping = kwargs.get("mapping_kwargs", {})
    clamp = kwargs.get("conv_clamp", CLAMP if kwargs.get("num_fp16_res", 4) else None)
    settings: dict[str, Any] = {
        "label_dim": int(kwargs.get("c_dim", 0)),
        "channel_base": int(kwargs.get("channel_base", 32768)),
        "channel_max": int(kwargs.get("channel_max", 512)),
        "label_layers": int(mapping.get("num_layers", count_layers(weights))),
        "label_width": kwargs.get("cmap_dim"),
        "std_group": epilogue.get("mbstd_group_size", 4),
        "std_channels": int(epilogue.get("mbstd_num_channels", 1)),
        "clamp": None if clamp is None else float(clamp),
    }
    colours, size = int(kwargs.get("img_channels", 3)), int(kwargs["img_resolution"])
    module = (
        DualDiscriminator(size, colours=colours, **settings)
        if dual
        else ImageDiscriminator(size, image_channels=colours, **settings)
    )
    load(module, weights)
    return Named(module, dict(module.named_parameters()))


def count_layers(weights: Mapping[str, Tensor], home: str = "mapping") -> int:
    return sum(1 for n in weights if re.fullmatch(rf"{home}\.fc\d+\.weight", n))


def load(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Weights under the module's own names; all must fit."""
    try:
        module.load_state_dict(dict(weights), strict=True)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise InputError(
            what="weights that do not fit", where="recording", got=" ".join(lines[1:2]).strip()[:120]
        ) from None


def check_gradients(table: Table, phase: str, net: Named) -> None:
    """Norm and sum of each parameter's gradient, whole gradients and joint norms of groups."""
    found = net.gradients()
    home = f"out/{phase}/grad"
    names: list[str] = table.recording.setting("names", home)
    absent = [n for n in names if n not in found]
    extra = [n for n in found if n not in names]
    if absent or extra:
        which = ", ".join(f"none of {n}" for n in absent[:3]) or ", ".join(
            f"unrecorded {n}" for n in extra[:3]
        )
        table.fail(home, f"other parameters have gradients: {which}")
        return
    norms = torch.stack([found[n].double().norm() for n in names])
    roots = torch.tensor([float(found[n].numel()) for n in names], dtype=torch.float64).sqrt()
    sums = torch.stack([found[n].double().sum() for n in names])
    if f"{home}/norm" in table.recording:
        check_each(table, f"{home}/norm", norms, norms, names)
    if f"{home}/sum" in table.recording:
        check_each(table, f"{home}/sum", sums, norms * roots, names)
    for name in table.recording.below(f"{home}/full"):
        if name in found:
            table.check(f"{home}/full/{name}", found[name])
        else:
            table.fail(f"{home}/full/{name}", "no such parameter here")
    for prefix in table.recording.below(f"{home}/group"):
        parts = [g.double().square().sum() for n, g in found.items() if n.startswith(prefix)]
        total = torch.stack(parts).sum().sqrt() if parts else torch.zeros(())
        table.check(f"{home}/group/{prefix}", total)


def check_each(table: Table, name: str, got: Tensor, scale: Tensor, names: list[str]) -> None:
    """One number per parameter: against the array's largest scale, and each against its own.

    A single parameter may differ by EACH, which is what float32 costs in the worst of them (inverse cdf, sign
    flips of the density regulariser); parameters whose gradient is rounding's alone are not held to it.
    """
    want = torch.from_numpy(np.array(table.recording.array(name), np.float64))
    if want.shape != got.shape:
        table.check(name, got)
        return
    largest = float(scale.max()) or 1.0
    own = (got - want).abs() / scale.clamp_min(ROUNDING * largest)
    worst = int(own.argmax())
    note = f"each by itself {float(own[worst]):.1e}, {names[worst]}"
    table.check(name, got, scale=largest, note=note)
    if float(own[worst]) > EACH:
        row = table.rows[-1]
        row.error, row.off = max(row.error, float(own[worst])), own.numpy()
