"""`import_network`: a foreign checkpoint file becomes an `ImportedNetwork`, or one clear line.

Steps: bytes → inert records (source_file, machine, allowed) → the network's modules (module_tree) → plain
data and float32 arrays (plain, arrays) → which family it is (recognise).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core_model.checkpoints.importing import source_file
from core_model.checkpoints.importing.arrays import Array, tensor_of
from core_model.checkpoints.importing.imported import ImportedNetwork
from core_model.checkpoints.importing.limits import DEFAULT_LIMITS, Budget, Limits
from core_model.checkpoints.importing.module_tree import is_module, state_dict_tensors, walk
from core_model.checkpoints.importing.plain import Plain
from core_model.checkpoints.importing.recognise import family_of, own_names
from core_model.checkpoints.importing.records import Record, TensorRecord
from core_model.checkpoints.importing.refusal import Refusal, shown
from core_model.schema.errors import InputError

NETWORKS = ("G_ema", "g_ema", "G", "g", "generator")
WRAPPERS = ("state_dict", "model")
_FACTS = ("training_set_kwargs", "stats", "cur_nimg", "cur_tick")
_SNAPSHOT = re.compile(r"network-snapshot-(\d{1,9})\Z")


def import_network(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> ImportedNetwork:
    """Read the generator of a foreign file without running anything of it. Raises InputError, one line."""
    source = Path(path)
    try:
        data = source_file.read_bytes(source, limits)
        return import_bytes(data, str(source), limits)
    except Refusal as refusal:
        raise _error(refusal, str(source)) from None
    except MemoryError:
        raise InputError(what="not enough memory to import", where=str(source)) from None


def import_bytes(data: bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> ImportedNetwork:
    """Read the generator of a foreign file's bytes, as `import_network`. Raises InputError."""
    budget = Budget(limits, len(data))
    try:
        root = source_file.parse(data, budget)
        name, network = choose_network(root)
        return _imported(root, name, network, budget, source, source_file.sha256_of(data))
    except Refusal as refusal:
        raise _error(refusal, source) from None


def choose_network(root: object) -> tuple[str, Any]:
    """(key, module record or state dict): the averaged network before the other, else the object itself."""
    inner = [root.get(name) for name in WRAPPERS] if isinstance(root, dict) else []
    places = [place for place in (root, *inner) if isinstance(place, dict)]
    for place in places:
        for name in NETWORKS:
            if isinstance(place.get(name), Record | dict):
                return name, place[name]
    if places:
        return "", places[-1]
    if isinstance(root, Record):
        return "", root
    raise Refusal("no network in the file", "a dict with G_ema", shown(root))


def _imported(
    root: object, name: str, network: Any, budget: Budget, source: str, sha256: str
) -> ImportedNetwork:
    plain = Plain(budget)
    if is_module(network):
        tree = walk(network, plain, budget)
        attributes, init_kwargs = tree.layers[""], network.state.get("_init_kwargs")
        tensors, layers, classes = tree.tensors, tree.layers, tree.classes
    else:
        found = state_dict_tensors(network, budget)
        if found is None:
            keys = ", ".join(shown(k, 20) for k in list(network)[:6]) if isinstance(network, dict) else ""
            raise Refusal(
                "no network in the file", "G_ema, or a state dict of tensors", keys or shown(str(network))
            )
        own, prefix = own_names(found)
        name = name or own
        tensors = {
            key.removeprefix(prefix): record for key, record in found.items() if key.startswith(prefix)
        }
        attributes, init_kwargs, layers, classes = {}, None, {}, {}
    state = {key: _tensor(key, record, budget) for key, record in tensors.items()}
    keywords = plain.mapping(_without_cfg(init_kwargs), "keywords of the network")
    attributes = attributes | _of_parts(layers, classes)
    training = _training(root, plain)
    class_name = classes.get("", "")
    return ImportedNetwork(
        family=family_of(class_name, state, attributes, keywords),
        class_name=class_name, network=name, state=state, init_kwargs=keywords, attributes=attributes,
        layers=layers, classes=classes, training=training, images_seen=_images_seen(training, source), source=source, sha256=sha256,
    )  # fmt: skip


def _tensor(name: str, record: TensorRecord, budget: Budget) -> Array:
    try:
        return tensor_of(record, budget)
    except Refusal as refusal:
        refusal.what = f"{refusal.what} ({name})"
        raise


def _of_parts(layers: Mapping[str, Mapping[str, Any]], classes: Mapping[str, str]) -> dict[str, Any]:
    """The two facts of parts that families need beside the attributes of the network itself."""
    found: dict[str, Any] = {}
    if isinstance(layers.get("renderer", {}).get("plane_axes"), np.ndarray):
        found["renderer.plane_axes"] = layers["renderer"]["plane_axes"]
    if "superresolution" in classes:
        found["superresolution_class"] = classes["superresolution"]
    return found


def _without_cfg(keywords: object) -> object:
    """The keyword `cfg` is the same tree as the attribute and is given once."""
    return {k: v for k, v in keywords.items() if k != "cfg"} if isinstance(keywords, dict) else keywords


def _training(root: object, plain: Plain) -> dict[str, Any]:
    return {k: plain.value(root[k]) for k in _FACTS if k in root} if isinstance(root, dict) else {}


def _images_seen(training: Mapping[str, Any], source: str) -> float | None:
    """Images that training had shown: from the counters in the file, else from its name (…-KIMG)."""
    stats = training.get("stats")
    for place in (training, stats if isinstance(stats, dict) else {}):
        count = place.get("cur_nimg")
        if isinstance(count, int | float) and not isinstance(count, bool) and 0 <= count < 1e12:
            return float(count)
    match = _SNAPSHOT.search(Path(source).stem)
    return 1000.0 * int(match[1]) if match else None


def _error(refusal: Refusal, source: str) -> InputError:
    where = f"{source}, byte {refusal.at:,}" if refusal.at is not None else source
    return InputError(what=refusal.what, where=where, expected=refusal.expected, got=refusal.got)
