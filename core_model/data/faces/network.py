"""Small convolutional networks on numpy alone: steps and weights of assets/faces/faces.safetensors.

Two networks of some 35 million multiplications each need no runtime, which no package offers as lightly for every system: a picture
takes some hundredths of a second.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import numpy as np
from safetensors import safe_open

from core_model.schema.assets import asset_path
from core_model.schema.errors import InputError

FILE = "faces/faces.safetensors"


@dataclass(frozen=True)
class Network:
    """steps: what is done in order; values are known by numbers, channels come last."""

    input: int
    outputs: tuple[int, ...]
    steps: tuple[dict, ...]
    weights: dict[str, np.ndarray]

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """Outputs of pictures [N, H, W, 3] float32."""
        last = {value: k for k, step in enumerate(self.steps) for value in step["in"]}
        values: dict[int, np.ndarray] = {self.input: pictures}
        for k, step in enumerate(self.steps):
            values[step["out"]] = self._done(step, [values[i] for i in step["in"]])
            for i in step["in"]:
                if last[i] == k and i not in self.outputs:
                    values.pop(i, None)
        return tuple(values[i] for i in self.outputs)

    def _done(self, step: dict, given: list[np.ndarray]) -> np.ndarray:
        kind, x = step["op"], given[0]
        if kind == "conv":
            return _conv(x, self.weights[step["w"]], step["stride"], step["same"]) + self.weights[step["b"]]
        if kind == "depthwise":
            return _depthwise(x, self.weights[step["w"]][0], step["stride"]) + self.weights[step["b"]]
        if kind == "prelu":
            return np.maximum(x, 0.0) + self.weights[step["w"]] * np.minimum(x, 0.0)
        if kind == "relu":
            return np.maximum(x, 0.0)
        if kind == "add":
            return x + given[1]
        if kind == "halve":
            n, h, w, c = x.shape
            return x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
        if kind == "widen":
            return np.pad(x, ((0, 0), (0, 0), (0, 0), (0, step["by"])))
        if kind == "rows":
            return x.reshape(len(x), -1, step["width"])
        if kind == "join":
            return np.concatenate(given, axis=1)
        raise ValueError(kind)


def _padded(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """Zeros around x, so that ⌈edge / stride⌉ windows fit: an odd one comes behind."""
    edges = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[1:3]]
    return np.pad(x, ((0, 0), *((e // 2, e - e // 2) for e in edges), (0, 0)))


def _conv(x: np.ndarray, kernel: np.ndarray, stride: int, same: bool) -> np.ndarray:
    """x [N, H, W, C], kernel [D, K, K, C]."""
    deep, k = kernel.shape[:2]
    if k == 1 and stride == 1:
        return x @ kernel.reshape(deep, -1).T
    if same:
        x = _padded(x, k, stride)
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))[:, ::stride, ::stride]
    n, h, w = windows.shape[:3]
    rows = windows.transpose(0, 1, 2, 4, 5, 3).reshape(n, h, w, -1)
    return rows @ kernel.reshape(deep, -1).T


def _depthwise(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """x [N, H, W, C], kernel [K, K, C]: each channel by itself."""
    k = len(kernel)
    h, w = (-(-n // stride) for n in x.shape[1:3])
    x = _padded(x, k, stride)
    reach = lambda start, count: slice(start, start + (count - 1) * stride + 1, stride)
    return sum(x[:, reach(i, h), reach(j, w)] * kernel[i, j] for i in range(k) for j in range(k))  # type: ignore[return-value]


@cache
def networks() -> tuple[dict[str, Network], dict[str, np.ndarray]]:
    """(networks by name, other tensors of the file); raises InputError where the installation lacks it."""
    path = asset_path(FILE)
    try:
        with safe_open(str(path), "numpy") as file:
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
            graphs = json.loads(file.metadata()["networks"])
    except Exception as error:  # a damaged file may break the reader in any way
        raise InputError(what="damaged asset", where=str(path), got=str(error)[:100]) from None
    built = {
        name: Network(g["input"], tuple(g["outputs"]), tuple(g["steps"]), tensors)
        for name, g in graphs.items()
    }
    return built, {name: tensors[name] for name in ("canonical", "rigid")}
