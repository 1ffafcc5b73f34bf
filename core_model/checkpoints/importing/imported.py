"""A network read from another program's checkpoint.

Tensors and plain data, before its family makes it native.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class ImportedNetwork:
    """One network of a foreign file. Nothing in here can run: only numbers, text, containers and arrays.

    family: eg3d, epigraf or mimic3d, told by class name and tensors.
    class_name: undecorated class name, e.g. TriPlaneGenerator; empty where the file is a bare state dict.
    network: key in the file: `G_ema`, or `G` where there is no average; empty for a bare network, and for a
        state dict that does not say.
    state: name → float32 array, exactly the names and shapes of the original state_dict.
    init_kwargs: the constructor's keywords as stored (mapping_kwargs, rendering_kwargs … at construction
        time).
    attributes: plain attributes of the network object; they win over init_kwargs (rendering_kwargs, z_dim …).
        Two come from its parts: `renderer.plane_axes` (float32 [3, 3, 3]) and `superresolution_class` (a
        class name). EpiGRAF's `cfg` has `${a.b}` resolved against the whole experiment.
    layers: dotted module path → its plain attributes (`bias_gain`, `conv_clamp`, `up` …); "" is the network
        itself. Numpy scalars are Python numbers; tensors and arrays are float32 arrays.
    classes: dotted module path → class name; "" is the network itself.
    training: facts of the training (`training_set_kwargs`, `stats`) as plain data.
    images_seen: images that training had shown, from `stats` or the file name; None if neither says.
    """

    family: str
    class_name: str
    network: str
    state: Mapping[str, Array]
    init_kwargs: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    images_seen: float | None = None
    source: str = ""
    sha256: str = ""

    @property
    def is_ema(self) -> bool | None:
        """Whether the weights are an average; None where the file does not say (a bare network)."""
        return "ema" in self.network.lower() if self.network else None

    @property
    def cfg(self) -> Mapping[str, Any] | None:
        """EpiGRAF's resolved configuration; None elsewhere."""
        found = self.attributes.get("cfg")
        return found if isinstance(found, dict) else None

    @property
    def plane_axes(self) -> Array | None:
        """[3, 3, 3] float32 table of EG3D's renderer as stored in the file; None where there is none."""
        found = self.attributes.get("renderer.plane_axes")
        return found if isinstance(found, np.ndarray) else None
