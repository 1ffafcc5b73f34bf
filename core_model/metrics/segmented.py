"""Masks, or masked normal maps, of generated pictures, made by a face segmenter (the paper used PyFacer)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core_model.data.images import ImageDataset
from core_model.schema.errors import InputError

GREY = 8
"""Largest difference of the channels of a grey picture, of 255: JPEG rounds."""


@dataclass(frozen=True)
class Segmented:
    """Files of a folder by the seed that their names say (12.png, seed000012.png).

    kind: masks (white = kept), or normal maps that take the place of triscope's own.
    """

    path: Path
    kind: Literal["masks", "maps"]
    _data: ImageDataset
    _of_seed: dict[int, int]

    @classmethod
    def open(cls, path: Path, size: int) -> Segmented:
        """size: edge of the compared pictures; larger files are shrunk. Raises InputError."""
        data = ImageDataset.open(path, resolution=size, labels=False)
        of_seed: dict[int, int] = {}
        for index, name in enumerate(data.names):
            number = re.search(r"(\d+)$", Path(name).stem)
            if number is None:
                raise InputError(
                    what="a name without a seed",
                    where=f"--masks {path}",
                    expected="names like 12.png",
                    got=name,
                )
            if of_seed.setdefault(int(number[1]), index) != index:
                raise InputError(
                    what="two files of one seed",
                    where=f"--masks {path}",
                    expected="one file per seed",
                    got=name,
                )
        first = data.image(0).astype(np.int16)
        grey = int((first.max(axis=0) - first.min(axis=0)).max()) <= GREY
        return cls(path, "masks" if grey else "maps", data, of_seed)

    def applied(self, seed: int, normal_map: Tensor) -> Tensor:
        """normal_map [3, S, S] uint8 of the picture of `seed` → the same, black outside its mask.

        Or the folder's own map.
        """
        if seed not in self._of_seed:
            raise InputError(
                what=f"no mask of seed {seed}",
                where=f"--masks {self.path}",
                expected=f"a file {seed}.png",
                got="none",
            )
        given = torch.from_numpy(self._data.image(self._of_seed[seed]))
        return (
            given
            if self.kind == "maps"
            else torch.where(given[:1] >= 128, normal_map, torch.zeros_like(normal_map))
        )
