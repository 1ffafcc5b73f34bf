"""Which images a set holds, and the camera of each: EG3D's `dataset.json`, or a plain folder of images.

dataset.json   {"labels": [["00000/img00000000.png", [25 numbers]], ...]}, or "labels": null
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np

from core_model.data.labels import LABEL_NUMBERS, label_fault, label_faults
from core_model.data.sources import MAX_JSON_BYTES, Source, is_image
from core_model.schema.errors import InputError

LABEL_FILE = "dataset.json"
HEADS_FILE = "heads.json"
TRUTH_FOLDERS = ("normals/", "depth/", "masks/", "parts/")
_MIRROR = "_mirror"


@dataclass(frozen=True)
class ImageIndex:
    """Names of the images in sorted order, and their labels [N, 25] (None: not labelled).

    missing: labelled names without a file.
    unlabelled: images that dataset.json leaves out.
    stored_mirrors: the set holds mirrored copies itself (EG3D writes them as NAME_mirror.png).
    """

    names: tuple[str, ...]
    labels: np.ndarray | None
    missing: tuple[str, ...] = ()
    unlabelled: int = 0
    stored_mirrors: bool = False
    is_heads: bool = False


def read_index(source: Source, where: str, *, labels: bool) -> ImageIndex:
    """The images of a set.

    Raises InputError when there are none, or no labels although `labels` asks for them.
    """
    files = frozenset(source.names)
    is_heads = HEADS_FILE in files and LABEL_FILE in files
    images = [n for n in source.names if is_image(n) and not (is_heads and n.startswith(TRUTH_FOLDERS))]
    if not images:
        raise InputError(what="no images", where=where, expected="PNG, JPEG or WebP files", got="none")
    table = _read_labels(source, where) if LABEL_FILE in files else None
    if table is None:
        if labels:
            got = f"no {LABEL_FILE}" if LABEL_FILE not in files else f"no labels in {LABEL_FILE}"
            raise InputError(
                what="no camera labels",
                where=where,
                expected=f'{LABEL_FILE} with {{"labels": [[name, [25 numbers]], …]}}',
                got=got,
            )
        return ImageIndex(tuple(images), None, is_heads=is_heads)
    names = sorted(table)
    known = tuple(n for n in names if n in files)
    if not known:
        raise InputError(
            what="labels of other images",
            where=f"{where}:{LABEL_FILE}",
            expected="names of this set",
            got=repr(names[0]),
        )
    rows = np.stack([table[n] for n in known])
    left_out = len(set(images) - set(known))
    mirrors = _stores_mirrors(known)
    return ImageIndex(known, rows, tuple(n for n in names if n not in files), left_out, mirrors, is_heads)


def bad_labels(index: ImageIndex) -> list[str]:
    """One line for each label that is no camera: 'NAME: fault'."""
    if index.labels is None:
        return []
    return [
        f"{index.names[i]}: label with {label_fault(index.labels[i])}"
        for i in np.flatnonzero(label_faults(index.labels))
    ]


def _stores_mirrors(names: tuple[str, ...]) -> bool:
    stems = {n.rsplit(".", 1)[0] for n in names}
    return any(s.endswith(_MIRROR) and s.removesuffix(_MIRROR) in stems for s in stems)


def _read_labels(source: Source, where: str) -> dict[str, np.ndarray] | None:
    """name → [25] float64; None where the file has no labels.

    Every entry is looked at: the first wrong one is named.
    """
    where = f"{where}:{LABEL_FILE}"
    try:
        document = json.loads(source.read(LABEL_FILE, MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(
            what="damaged JSON", where=where, got=str(error)[:200] or type(error).__name__
        ) from None
    entries = document.get("labels") if isinstance(document, dict) else document
    if entries is None and isinstance(document, dict):
        return None
    if isinstance(entries, dict):  # some tools write {name: label}
        entries = list(entries.items())
    if not isinstance(entries, list):
        raise InputError(
            what="bad labels",
            where=where,
            expected="a list of [name, [25 numbers]]",
            got=type(entries).__name__,
        )
    table: dict[str, np.ndarray] = {}
    for number, entry in enumerate(entries):
        if not (isinstance(entry, list | tuple) and len(entry) == 2 and isinstance(entry[0], str)):
            raise InputError(
                what=f"bad label {number}", where=where, expected="[name, [25 numbers]]", got=repr(entry)[:80]
            )
        name, label = entry
        if name in table:
            raise InputError(
                what=f"bad label {number}", where=where, expected="each name once", got=repr(name)
            )
        table[name] = _numbers(label, name, where)
    return table or None


def _numbers(label: object, name: str, where: str) -> np.ndarray:
    fine = (
        isinstance(label, list)
        and len(label) == LABEL_NUMBERS
        and all(type(v) in (int, float) for v in label)
    )
    if not fine:
        got = f"{len(label)} entries" if isinstance(label, list) else repr(label)[:60]
        if isinstance(label, list) and len(label) == LABEL_NUMBERS:
            got = "entries that are no numbers"
        raise InputError(
            what=f"bad label of {name}", where=where, expected=f"{LABEL_NUMBERS} numbers", got=got
        )
    try:
        return np.array([float(v) for v in label], dtype=np.float64)  # type: ignore[union-attr]
    except OverflowError:
        return np.full(LABEL_NUMBERS, math.inf)
