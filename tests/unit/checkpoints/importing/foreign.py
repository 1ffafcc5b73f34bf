"""Writes pickles of the structure that EG3D, EpiGRAF and Mimic3D write, with made-up modules of their names.

The stream is made by Python's own pickler; tensors, parameters and numpy scalars reduce themselves as they do
in the real programs. Importing this module imports none of those programs.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
# What the real files carry is executed by the real loader. Here it would end the test run.
SOURCE = "raise SystemExit('the source text of the file was executed')\n" + "# padding\n" * 50
BUFFERS = {"resample_filter", "noise_const", "w_avg", "mean_camera_pose", "plane_axes", "dataset_label_std"}
EG3D_AXES = torch.tensor(
    [[[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1], [0, 1, 0]], [[0, 0, 1], [1, 0, 0], [0, 1, 0]]],
    dtype=torch.float32,
)


_CLASSES: dict[tuple[str, str], Any] = {}
_FUNCTIONS: dict[tuple[str, str], Any] = {}


def stand_in(module: str, name: str, base: type = object) -> Any:
    """A class that pickles under another program's name; the same one for the same name."""
    if module.startswith("torch."):
        return getattr(sys.modules[module], name)
    if (module, name) not in _CLASSES:
        _CLASSES[module, name] = type(name, (base,), {"__module__": module, "__qualname__": name})
    return _CLASSES[module, name]


class Persistent:
    """An object of a decorated class: pickled as a call of the persistence function with one dict."""

    def __init__(self, class_name: str, state: dict[str, Any], package: str = "") -> None:
        self.class_name, self.state, self.package = class_name, state, package

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {
            "type": "class", "version": 6, "module_src": SOURCE, "class_name": self.class_name,
            "state": self.state,
        }  # fmt: skip
        return stand_in_function(f"{self.package}torch_utils.persistence", "_reconstruct_persistent_obj"), (
            meta,
        )


def stand_in_function(module: str, name: str) -> Any:
    """A function that pickles under another program's name; the same object for the same name."""

    def function(*args: object) -> None:
        raise AssertionError(f"{module}.{name} was called")

    function.__module__, function.__name__, function.__qualname__ = module, name, name
    return _FUNCTIONS.setdefault((module, name), function)


class Located:
    """A float32 tensor whose storage carries any location string."""

    def __init__(self, tensor: Tensor, location: str = "cuda:0") -> None:
        self.tensor, self.location = tensor, location

    def __reduce__(self) -> tuple[Any, ...]:
        storage = _Blob(storage_blob(self.tensor, self.location))
        arguments = (storage, 0, tuple(self.tensor.shape), self.tensor.stride(), False, OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments


class _Blob:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return torch.storage._load_from_bytes, (self.data,)


def storage_blob(tensor: Tensor, location: str = "cpu", **changes: Any) -> bytes:
    """A bare float32 storage as torch.save writes it without zip; `changes` spoil single parts."""
    flat = tensor.detach().contiguous().reshape(-1)
    parts = {
        "magic": MAGIC, "version": VERSION, "count": flat.numel(), "said": flat.numel(), "keys": ["0"],
        "system": {"protocol_version": VERSION, "little_endian": True, "type_sizes": {"int": 4}},
        "kind": torch.FloatStorage, "raw": flat.numpy().astype("<f4").tobytes(), "view": None,
    } | changes  # fmt: skip

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: object) -> Any:
            return obj[1] if isinstance(obj, tuple) and obj[:1] == ("persistent",) else None

    out = io.BytesIO()
    for part in (parts["magic"], parts["version"], parts["system"]):
        pickle.dump(part, out, protocol=2)
    key = ("storage", parts["kind"], "0", location, parts["count"], parts["view"])
    Pickler(out, protocol=2).dump(("persistent", key))
    pickle.dump(parts["keys"], out, protocol=2)
    return out.getvalue() + struct.pack("<q", parts["said"]) + parts["raw"]


def module_state(
    parameters: Mapping[str, Any], buffers: Mapping[str, Any], modules: Mapping[str, Any], **attributes: Any
) -> dict[str, Any]:
    """The instance dictionary of a torch module as old torch has it."""
    hooks = {f"_{kind}_hooks": OrderedDict() for kind in ("backward", "forward", "state_dict")}
    return {
        "training": False, "_parameters": OrderedDict(parameters), "_buffers": OrderedDict(buffers),
        "_non_persistent_buffers_set": set(), **hooks, "_modules": OrderedDict(modules), **attributes,
    }  # fmt: skip


def plain_object(module: str, name: str, state: dict[str, Any]) -> Any:
    """An object of an undecorated class: NEWOBJ with an empty tuple, then BUILD."""
    kind = stand_in(module, name)
    made = kind.__new__(kind)
    made.__dict__.update(state)
    return made


def network(
    tensors: Mapping[str, Any], classes: Mapping[str, tuple[str, str]], attributes: Mapping[str, dict[str, Any]],
    package: str = "",
) -> Any:  # fmt: skip
    """Module objects of a state dict. classes: path → (module, class name); without an entry: persistent."""

    def build(path: str) -> Any:
        inside = {n.removeprefix(f"{path}.") if path else n: t for n, t in tensors.items() if _below(n, path)}
        own = {n: t for n, t in inside.items() if "." not in n}
        names = {n.split(".")[0] for n in inside if "." in n}
        names |= {
            p.removeprefix(f"{path}." if path else "").split(".")[0] for p in classes if p and _below(p, path)
        }
        children = {n: build(f"{path}.{n}" if path else n) for n in sorted(names)}
        parameters = {
            n: nn.Parameter(t, False) if isinstance(t, Tensor) else t
            for n, t in own.items()
            if n not in BUFFERS
        }
        buffers = {n: t for n, t in own.items() if n in BUFFERS}
        state = module_state(parameters, buffers, children, **attributes.get(path, {}))
        module, name = classes.get(path, ("", "SynthesisLayer"))
        return plain_object(module, name, state) if module else Persistent(name, state, package)

    return build("")


def _below(name: str, path: str) -> bool:
    return not path or name.startswith(f"{path}.")


def pickled(obj: object, protocol: int = 4) -> bytes:
    """The stream of `obj`; the names in it belong to modules that exist only while it is written."""
    with _modules_of_the_stream():
        return pickle.dumps(obj, protocol)


_FOREIGN_MODULES = (
    "torch_utils.persistence", "src.torch_utils.persistence", "dnnlib.util", "src.dnnlib.util", "training.triplane",
    "training.volumetric_rendering.renderer", "training.volumetric_rendering.ray_marcher",
    "training.volumetric_rendering.ray_sampler", "omegaconf.dictconfig", "omegaconf.listconfig", "omegaconf.nodes",
    "omegaconf.base",
)  # fmt: skip


@contextmanager
def _modules_of_the_stream() -> Iterator[None]:
    """sys.modules gives any stand-in that the pickler looks up, so that it may write the name."""
    before = dict(sys.modules)
    parents = {name.rsplit(".", k)[0] for name in _FOREIGN_MODULES for k in (1, 2)}
    names = [name for name in {*_FOREIGN_MODULES, *parents} if name not in before]
    for name in names:
        sys.modules[name] = _Anything(name)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


class _Anything(types.ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = _FUNCTIONS.get((self.__name__, name)) or _CLASSES.get((self.__name__, name))
        if found is None:
            raise AttributeError(name)
        return found
