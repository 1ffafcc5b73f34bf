"""Files in which torch itself writes every tensor and every module.

Real `nn.Module` objects, pickled by Python's pickler. A `Written` module stands for a decorated class of the
three programs: its instance dictionary, as torch made it, goes through their persistence call. What must come
out of a file is the module's own `state_dict()`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core_model.checkpoints.importing import ImportedNetwork, import_bytes
from tests.unit.checkpoints.importing.foreign import BUFFERS, SOURCE, pickled, stand_in_function

CONTAINERS = ("pickle", "zip", "legacy")
Array = np.ndarray[Any, Any]


class Written(nn.Module):
    """A module that pickles as one of a decorated class named `class_name` in `package` (`""` or `src.`)."""

    def __init__(self, class_name: str = "SynthesisLayer", package: str = "") -> None:
        super().__init__()
        self.__dict__["_written"] = (class_name, package)

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        class_name, package = self.__dict__["_written"]
        state = {k: v for k, v in self.__dict__.items() if k != "_written"}
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": class_name, "state": state}
        return stand_in_function(f"{package}torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,)


def module_of(tensors: Mapping[str, Tensor], classes: Mapping[str, str], package: str = "") -> Written:
    """Modules of a state dict: path → class name (`SynthesisLayer` where none is given).

    tensors become parameters or buffers.
    """
    root = Written(classes.get("", "Generator"), package)
    for name, tensor in tensors.items():
        *path, leaf = name.split(".")
        module: nn.Module = root
        for k, part in enumerate(path):
            if part not in module._modules:
                module.add_module(
                    part, Written(classes.get(".".join(path[: k + 1]), "SynthesisLayer"), package)
                )
            found = module._modules[part]
            assert found is not None
            module = found
        if leaf in BUFFERS or not tensor.is_floating_point():
            module.register_buffer(leaf, tensor)
        else:
            module.register_parameter(leaf, nn.Parameter(tensor))
    return root


def written(obj: object, container: str) -> bytes:
    """`obj` by Python's pickler, or by torch.save with or without zip."""
    if container == "pickle":
        return pickled(obj)
    out = io.BytesIO()
    torch.save(obj, out, _use_new_zipfile_serialization=container == "zip")
    return out.getvalue()


def read(obj: object, container: str = "pickle") -> ImportedNetwork:
    return import_bytes(written(obj, container), "network-snapshot-000064.pkl")


def same_as_torch(got: Array, want: Tensor) -> bool:
    """True where the importer's array is the tensor: shape, float32, values to the last bit.

    Fails saying how it is not.
    """
    assert (
        isinstance(got, np.ndarray) and got.dtype == np.float32 and got.flags.owndata | (got.base is not None)
    )
    assert got.shape == tuple(want.shape)
    np.testing.assert_array_equal(got, want.detach().to(torch.float32).resolve_neg().numpy())
    return True
