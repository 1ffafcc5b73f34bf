"""What a family needs of a foreign checkpoint to make a native one of it.

With the renaming of StyleGAN2's tensors. The record itself is made by `core_model.checkpoints.importing`,
which stands above the families; here is only its protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from core_model.schema.errors import InputError

MAX_BLOCKS = 11  # 4096 pixels; noise images grow with the square of the size, whatever the file holds
CONSTANTS = ("resample_filter", "dataset_label_std")
Array = np.ndarray[Any, Any]


class ImportedNet(Protocol):
    """A network read from a foreign file.

    Names as the original program gives them, plain values only; arrays are float32.
    """

    @property
    def class_name(self) -> str: ...
    @property
    def state(self) -> Mapping[str, Array]: ...
    @property
    def init_kwargs(self) -> Mapping[str, Any]: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...
    @property
    def layers(self) -> Mapping[str, Mapping[str, Any]]: ...


def setting(net: ImportedNet, name: str, default: Any = None) -> Any:
    """A keyword record of the network.

    Attributes win, because the programs overwrite them after construction.
    """
    if net.attributes.get(name) is not None:
        return net.attributes[name]
    return net.init_kwargs.get(name, default)


def layer_setting(net: ImportedNet, path: str, name: str, default: Any = None) -> Any:
    """A scalar of one layer, e.g. `bias_gain` or `conv_clamp`, else `default`.

    What a layer says of itself is better than guessing.

    None is a value too: a layer that has `conv_clamp: None` does not clamp.
    """
    return net.layers.get(path, {}).get(name, default)


def clamp_of(net: ImportedNet, path: str, default: Any) -> float | None:
    """Bound of a convolution's outputs: the layer's own, else `default`."""
    value = layer_setting(net, path, "conv_clamp", default)
    return None if value is None else number(value, "conv_clamp")


def record(value: Any) -> dict[str, Any]:
    """A nested keyword record as a dictionary; missing = empty."""
    return dict(value) if isinstance(value, Mapping) else {}


def number(value: Any, what: str) -> float:
    """A finite number of a keyword record; numpy scalars and 0-d tensors are taken."""
    try:
        out = float(value)
    except (TypeError, ValueError):
        raise InputError(
            what=f"wrong {what}", where="imported network", expected="a number", got=repr(value)[:60]
        ) from None
    if out != out or out in (float("inf"), float("-inf")):
        raise InputError(
            what=f"wrong {what}", where="imported network", expected="a finite number", got=repr(value)[:60]
        )
    return out


def tensor_of(net: ImportedNet, name: str) -> Array:
    """A tensor that the family must have; raises InputError naming it."""
    if name not in net.state:
        raise InputError(
            what="network lacks a tensor",
            where=net.class_name,
            expected=repr(name),
            got=f"{len(net.state)} others",
        )
    return net.state[name]


def block_sizes(names: Iterable[str], prefix: str) -> list[int]:
    """Resolutions of the blocks `prefix.b<r>.…`, ascending; raises InputError unless they are 4, 8, …, R."""
    found = {int(m.group(1)) for n in names if (m := re.match(re.escape(prefix) + r"b(\d+)\.", n))}
    sizes = sorted(found)
    if not 2 <= len(sizes) <= MAX_BLOCKS or sizes != [4 * 2**k for k in range(len(sizes))]:
        raise InputError(
            what="wrong synthesis network",
            where=prefix,
            expected=f"blocks b4, b8, … bR, at most {MAX_BLOCKS}",
            got=str(sizes)[:80],
        )
    return sizes


def block_channels(net: ImportedNet, prefix: str) -> tuple[int, ...]:
    """Widths of the blocks of a synthesis network, from the tensors."""
    sizes = block_sizes(net.state, prefix)
    return tuple(int(tensor_of(net, f"{prefix}b{r}.conv1.weight").shape[0]) for r in sizes)


def synthesis_tensors(net: ImportedNet, prefix: str, target: str) -> dict[str, Array]:
    """`prefix.b<r>.…` renamed to `target.blocks.<k>.…`; the learned constant loses a leading axis of one."""
    out = {}
    for k, r in enumerate(block_sizes(net.state, prefix)):
        source = f"{prefix}b{r}."
        for name, value in net.state.items():
            if name.startswith(source) and name.rsplit(".", 1)[-1] not in CONSTANTS:
                tail = name.removeprefix(source)
                out[f"{target}blocks.{k}.{tail}"] = value[0] if tail == "const" and value.ndim == 4 else value
    return out


def mapping_tensors(net: ImportedNet, prefix: str, target: str) -> dict[str, Array]:
    """`prefix.fcN.…` renamed to `target.layers.N.…`, with `embed` and `w_avg`."""
    out = {}
    for name, value in net.state.items():
        if name.startswith(prefix):
            tail = re.sub(r"^fc(\d+)\.", r"layers.\1.", name.removeprefix(prefix))
            if tail.startswith(("layers.", "embed.")) or tail == "w_avg":
                out[target + tail] = value
    return out


def mapping_sizes(net: ImportedNet, prefix: str) -> dict[str, Any]:
    """z_dim, w_dim, label width, embedding width and hidden widths of a mapping network, from the tensors."""
    count = sum(1 for n in net.state if re.match(re.escape(prefix) + r"fc\d+\.weight$", n))
    if count == 0:
        raise InputError(
            what="network lacks its mapping", where=net.class_name, expected=f"{prefix}fc0.weight", got="none"
        )
    layers = [tensor_of(net, f"{prefix}fc{i}.weight") for i in range(count)]
    embed = net.state.get(f"{prefix}embed.weight")
    embed_dim = int(embed.shape[0]) if embed is not None else 0
    kwargs = record(setting(net, "mapping_kwargs"))
    lr_mul = layer_setting(net, f"{prefix}fc0", "bias_gain", kwargs.get("lr_multiplier", 0.01))
    return {
        "z_dim": int(layers[0].shape[1]) - embed_dim,
        "w_dim": int(layers[-1].shape[0]),
        "c_dim": int(embed.shape[1]) if embed is not None else 0,
        "embed_dim": embed_dim,
        "mapping_hidden": tuple(int(w.shape[0]) for w in layers[:-1]),
        "mapping_lr_mul": number(lr_mul, "lr_multiplier"),
    }


def prefixed(net: ImportedNet, source: str, target: str) -> dict[str, Array]:
    """Tensors below `source` renamed to stand below `target`, without the constants."""
    return {
        target + n.removeprefix(source): v
        for n, v in net.state.items()
        if n.startswith(source) and n.rsplit(".", 1)[-1] not in CONSTANTS
    }
