"""Image sets for training and evaluation: EG3D's layout, own folders of images, generated heads.

In a folder or a zip. With labels, `dataset.json` gives the camera of each image. Without them the cameras are
drawn from one distribution: image i then has a camera that is likely but not its own (`posed` is False, and a
discriminator must not be told of it). Mirrored copies are made on the fly: item N + i is image i mirrored,
with the mirrored camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core_model.data.image_files import BadImage, decode, image_size
from core_model.data.index import ImageIndex, bad_labels, read_index
from core_model.data.labels import LabelTable, mirror_label, prior_labels
from core_model.data.sources import MAX_IMAGE_BYTES, Source, open_source
from core_model.schema.camera import CameraPrior
from core_model.schema.errors import InputError
from core_model.schema.home import expanded

SMALLEST = 4
PRIOR_SEED = 0x3D


@dataclass(frozen=True)
class ImageDataset:
    """Images with camera labels.

    Item i is (image [3, R, R] uint8 sRGB, label [25] float32 as in `core_model.data.labels`); a set that is opened
    with classes has the class as a 26th number.

    resolution: R.
    posed: the labels are those of the images.
    mirrored: the second half are mirrored copies.
    notes: what was decided on the way, one line each, for a log.

    Safe to use from several threads, and in processes forked or spawned.
    """

    path: Path
    source: Source
    names: tuple[str, ...]
    resolution: int
    native_resolution: int
    posed: bool
    mirrored: bool
    is_heads: bool
    notes: tuple[str, ...]
    _labels: np.ndarray  # [N, 25] or [N, 26] float32, of the images as stored

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        resolution: int | None = None,
        mirror: bool = False,
        labels: bool = True,
        cameras: CameraPrior | None = None,
        classes: int = 0,
    ) -> ImageDataset:
        """Opens a folder or zip; reads names, labels and the first image.

        resolution: edge of the items (None: that of the first image); larger images are shrunk by area means,
        smaller ones are an error. Images that are not square are an error with labels (their intrinsics would
        change) and cropped to their middle without. cameras: distribution for labels=False; None takes EG3D's
        FFHQ law. classes: how many classes the set must have, 0 = they are left out. Raises InputError.
        """
        path = expanded(path)
        if resolution is not None and resolution < SMALLEST:
            raise InputError(
                what="bad resolution",
                where=str(path),
                expected=f"{SMALLEST} or more pixels",
                got=str(resolution),
            )
        source = open_source(path)
        index = read_index(source, str(path), labels=labels)
        native = _first_edge(source, index, str(path), crop=not labels)
        if resolution is not None and native < resolution:
            raise InputError(
                what="images are too small",
                where=f"{path}:{index.names[0]}",
                expected=f"{resolution} pixels or more",
                got=str(native),
            )
        if labels:
            faults = bad_labels(index)
            if faults:
                more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
                raise InputError(
                    what="bad camera label", where=str(path), expected="cameras", got=faults[0] + more
                )
            assert index.labels is not None
            stored = index.labels.astype(np.float32)
        else:
            stored = prior_labels(cameras or CameraPrior(), len(index.names), PRIOR_SEED)
        if classes:
            stored = np.concatenate([stored, _classes(index, classes, str(path))], axis=1)
        notes = _notes(index, mirror, labels)
        mirrored = mirror and not index.stored_mirrors
        return cls(
            path,
            source,
            index.names,
            resolution or native,
            native,
            labels,
            mirrored,
            index.is_heads,
            notes,
            stored,
        )

    def __len__(self) -> int:
        return len(self.names) * (2 if self.mirrored else 1)

    def __getitem__(self, item: int) -> tuple[np.ndarray, np.ndarray]:
        return self.image(item), self.label(item)

    def image(self, item: int) -> np.ndarray:
        """Image [3, R, R] uint8.

        Raises InputError naming an image that cannot be read, IndexError beyond the set.
        """
        index, flip = self._place(item)
        name = self.names[index]
        try:
            pixels = decode(
                self.source.read(name, MAX_IMAGE_BYTES), crop=not self.posed, resolution=self.resolution
            )
        except BadImage as error:
            raise InputError(what="unreadable image", where=f"{self.path}:{name}", got=str(error)) from None
        return np.ascontiguousarray(pixels[:, :, ::-1]) if flip else pixels

    def label(self, item: int) -> np.ndarray:
        """[25] float32, [26] with classes."""
        index, flip = self._place(item)
        return mirror_label(self._labels[index]) if flip else self._labels[index].copy()

    def labels(self) -> LabelTable:
        """The labels of all items, to draw cameras from."""
        rows = self._labels
        both = np.concatenate([rows, mirror_label(rows)]) if self.mirrored else rows
        return LabelTable(torch.from_numpy(both.copy()))

    def _place(self, item: int) -> tuple[int, bool]:
        count = len(self.names)
        if not 0 <= item < len(self):
            raise IndexError(f"item {item} of a set of {len(self)}")
        return item % count, item >= count


def holds_labels(path: str | Path) -> bool:
    """Whether a set says the cameras of its images. Raises InputError for what is no image set."""
    path = expanded(path)
    return read_index(open_source(path), str(path), labels=False).labels is not None


def _first_edge(source: Source, index: ImageIndex, where: str, *, crop: bool) -> int:
    name = index.names[0]
    try:
        width, height = image_size(source.read(name, MAX_IMAGE_BYTES))
    except BadImage as error:
        raise InputError(what="unreadable image", where=f"{where}:{name}", got=str(error)) from None
    if width != height and not crop:
        raise InputError(
            what="image is not square",
            where=f"{where}:{name}",
            expected="as wide as high",
            got=f"{width} x {height}",
        )
    return min(width, height)


def _classes(index: ImageIndex, count: int, where: str) -> np.ndarray:
    """The images' classes [N, 1] float32 out of `count`."""
    got = "none" if index.classes is None else f"classes up to {int(index.classes.max())}"
    if index.classes is None or index.classes.max() >= count:
        raise InputError(
            what="other classes than the settings say",
            where=where,
            expected=f"{count} classes, from 0",
            got=got,
        )
    return index.classes[:, None].astype(np.float32)


def _notes(index: ImageIndex, mirror: bool, labels: bool) -> tuple[str, ...]:
    notes = []
    if index.missing:
        notes.append(
            f"{len(index.missing)} labelled images are not in the set, the first is {index.missing[0]}"
        )
    if index.unlabelled:
        notes.append(f"{index.unlabelled} images have no label and are left out")
    if index.stored_mirrors and mirror:
        notes.append("the set holds mirrored copies itself (NAME_mirror), so none are made")
    if index.by_angles and labels:
        notes.append("cameras are given as angles: their distance and angle of view are EG3D's")
    if not labels:
        notes.append("cameras are drawn from one distribution, not those of the images")
    return tuple(notes)
