"""Which images a set holds, and the camera of each: EG3D's or EpiGRAF's `dataset.json`, or a plain folder of images.

EG3D's dataset.json      {"labels": [["00000/img00000000.png", [25 numbers]], ...]}, or "labels": null
EpiGRAF's dataset.json   {"labels": [[name, class], ...], "camera_angles": [[name, [yaw, pitch, roll]], ...]}, either
                         or both; a name counts without its extension

EpiGRAF's angles are 0, π/2 in front of the subject; yaw > 0 stands on the picture's left. Roll is left out, as there.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_model.data.labels import LABEL_NUMBERS, label_fault, label_faults
from core_model.data.sources import MAX_JSON_BYTES, Source, is_image
from core_model.schema.camera import EG3D_FOV, OrbitPose, label25, orbit_from_matrix
from core_model.schema.errors import InputError

LABEL_FILE = "dataset.json"
HEADS_FILE = "heads.json"
TRUTH_FOLDERS = ("normals/", "depth/", "masks/", "parts/")
MOST_CLASSES = 1 << 20
_MIRROR = "_mirror"


@dataclass(frozen=True)
class ImageIndex:
    """Names of the images in sorted order, and their labels [N, 25] (None: not labelled).

    classes: [N] whole numbers from 0, None = the set has no classes.
    by_angles: cameras were given as angles, so that their distance and angle of view are made up.
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
    classes: np.ndarray | None = None
    by_angles: bool = False


def read_index(source: Source, where: str, *, labels: bool) -> ImageIndex:
    """The images of a set.

    Raises InputError when there are none, or no labels although `labels` asks for them.
    """
    files = frozenset(source.names)
    is_heads = HEADS_FILE in files and LABEL_FILE in files
    images = [n for n in source.names if is_image(n) and not (is_heads and n.startswith(TRUTH_FOLDERS))]
    if not images:
        raise InputError(what="no images", where=where, expected="PNG, JPEG or WebP files", got="none")
    document = _read_document(source, where) if LABEL_FILE in files else {}
    where_labels = f"{where}:{LABEL_FILE}"
    table = _entries(document.get("labels"), "labels", where_labels)
    classes = (
        _classes(table, images, where_labels) if table and _is_class(next(iter(table.values()))) else None
    )
    angles = _by_stem(_entries(document.get("camera_angles"), "camera_angles", where_labels), images)
    if classes is not None or not table:
        cameras = {name: _label_of_angles(value, name, where_labels) for name, value in angles.items()}
    else:
        cameras, angles = {name: _numbers(label, name, where_labels) for name, label in table.items()}, {}
    if not cameras:
        if labels:
            got = f"no {LABEL_FILE}" if LABEL_FILE not in files else f"no labels in {LABEL_FILE}"
            raise InputError(
                what="no camera labels",
                where=where,
                expected=f'{LABEL_FILE} with {{"labels": [[name, [25 numbers]], …]}}',
                got="classes but no cameras" if classes is not None else got,
            )
        names = tuple(images) if classes is None else tuple(sorted(classes))
        return ImageIndex(names, None, is_heads=is_heads, classes=_column(classes, names, where_labels))
    names = sorted(cameras)
    known = tuple(n for n in names if n in files)
    if not known:
        raise InputError(
            what="labels of other images",
            where=where_labels,
            expected="names of this set",
            got=repr(names[0]),
        )
    return ImageIndex(
        known,
        np.stack([cameras[n] for n in known]),
        tuple(n for n in names if n not in files),
        len(set(images) - set(known)),
        _stores_mirrors(known),
        is_heads,
        _column(classes, known, where_labels),
        bool(angles),
    )


def read_label_file(path: Path) -> dict[str, np.ndarray]:
    """Labels [25] by name of a JSON file: as `dataset.json` of a set, or {name: [25 numbers]}. Raises InputError."""
    where = str(path)
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            what="cannot read the labels", where=where, got=error.strerror or str(error)
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(what="damaged JSON", where=where, got=str(error)[:200]) from None
    fields = document if isinstance(document, dict) else {"labels": document}
    if not {"labels", "camera_angles"} & set(fields):
        fields = {"labels": fields}
    table = _entries(fields.get("labels"), "labels", where)
    if table and not _is_class(next(iter(table.values()))):
        return {name: _numbers(label, name, where) for name, label in table.items()}
    angles = _entries(fields.get("camera_angles"), "camera_angles", where)
    if not angles:
        raise InputError(what="no camera labels", where=where, expected="{name: [25 numbers]}", got="none")
    return {name: _label_of_angles(value, name, where) for name, value in angles.items()}


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


def _read_document(source: Source, where: str) -> dict[str, object]:
    """What `dataset.json` holds by name; a bare list is its labels."""
    where = f"{where}:{LABEL_FILE}"
    try:
        document = json.loads(source.read(LABEL_FILE, MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(
            what="damaged JSON", where=where, got=str(error)[:200] or type(error).__name__
        ) from None
    return document if isinstance(document, dict) else {"labels": document}


def _entries(entries: object, field: str, where: str) -> dict[str, object]:
    """name → value of one field of the document, in its order; every entry's form is looked at."""
    one = field.removesuffix("s").replace("_", " ")
    if entries is None:
        return {}
    if isinstance(entries, dict):  # some tools write {name: label}
        entries = list(entries.items())
    if not isinstance(entries, list):
        raise InputError(
            what=f"bad {field.replace('_', ' ')}",
            where=where,
            expected="a list of [name, [25 numbers]]",
            got=type(entries).__name__,
        )
    table: dict[str, object] = {}
    for number, entry in enumerate(entries):
        if not (isinstance(entry, list | tuple) and len(entry) == 2 and isinstance(entry[0], str)):
            raise InputError(
                what=f"bad {one} {number}", where=where, expected="[name, [25 numbers]]", got=repr(entry)[:80]
            )
        name, value = entry
        if name in table:
            raise InputError(
                what=f"bad {one} {number}", where=where, expected="each name once", got=repr(name)
            )
        table[name] = value
    return table


def _is_class(value: object) -> bool:
    return type(value) is int


def _classes(table: dict[str, object], images: list[str], where: str) -> dict[str, int]:
    """Image → class."""
    for name, value in table.items():
        if not (type(value) is int and 0 <= value < MOST_CLASSES):
            raise InputError(
                what=f"bad class of {name}",
                where=where,
                expected=f"a whole number from 0 to {MOST_CLASSES - 1}, as the first entry has",
                got=repr(value)[:60],
            )
    return {name: int(value) for name, value in _by_stem(table, images).items()}  # type: ignore[call-overload]


def _column(classes: dict[str, int] | None, names: tuple[str, ...], where: str) -> np.ndarray | None:
    """[N] classes of the images."""
    if classes is None:
        return None
    missing = next((name for name in names if name not in classes), None)
    if missing is not None:
        raise InputError(what=f"no class of {missing}", where=where, expected="a class for each image")
    return np.array([classes[name] for name in names], dtype=np.int64)


def _by_stem(table: dict[str, object], images: list[str]) -> dict[str, object]:
    """The entries under the names of the set's images, which may differ from theirs by the extension."""
    files = {_stem(name): name for name in images}
    return {files.get(_stem(name), name): value for name, value in table.items()}


def _stem(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.rsplit(".", 1)[0]


def _label_of_angles(value: object, name: str, where: str) -> np.ndarray:
    """[25] of EpiGRAF's angles, at EG3D's distance and angle of view."""
    fine = isinstance(value, list) and len(value) == 3 and all(type(v) in (int, float) for v in value)
    if not fine or not all(math.isfinite(v) for v in value):  # type: ignore[union-attr]
        raise InputError(
            what=f"bad camera angles of {name}",
            where=where,
            expected="[yaw, pitch, roll] in radians",
            got=repr(value)[:60],
        )
    yaw, pitch = float(value[0]), min(max(float(value[1]), 0.0), math.pi)  # type: ignore[index]
    return label25(OrbitPose(yaw=-yaw, pitch=0.5 * math.pi - pitch)).astype(np.float64)


def camera_angles(label: np.ndarray) -> list[float]:
    """EpiGRAF's angles of a label [25]: of the direction of view, with the roll that readers leave out."""
    pose = orbit_from_matrix(np.asarray(label, np.float64)[:16].reshape(4, 4), EG3D_FOV)
    return [-pose.yaw, 0.5 * math.pi - pose.pitch, pose.roll]


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
