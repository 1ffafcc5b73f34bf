"""The order in which images are shown.

Shuffled epochs without end, shared by the ranks, resumable at any place.

All ranks walk one stream: place g belongs to epoch g // N, and in it to the image at g mod N of that epoch's
permutation, which depends on the seed and the epoch alone. Rank r of w takes the places r, r + w, r + 2w …,
so 2 ranks with batch b see together what 1 rank with batch 2b sees, and a position is one number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from core_model.data.images import ImageDataset
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen


class DataPosition(Frozen):
    """How far a stream was read.

    `taken` places by all ranks together, of a set of `size` items shuffled by `seed`.
    """

    seed: int = Field(default=0, ge=0)
    size: int = Field(ge=1)
    taken: int = Field(default=0, ge=0)


class ImageOrder:
    """Iterator without end over the item numbers of one rank."""

    def __init__(
        self, size: int, seed: int, *, rank: int = 0, world: int = 1, position: DataPosition | None = None
    ) -> None:
        """Raises InputError when `position` belongs to another set or seed."""
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} of {world}")
        start = position or DataPosition(seed=seed, size=size)
        if (start.size, start.seed) != (size, seed):
            raise InputError(
                what="position of another data stream", where="resume", expected=f"{size} items and seed {seed}",
                got=f"{start.size} items and seed {start.seed}",
            )  # fmt: skip
        self._size, self._seed, self._rank, self._world = size, seed, rank, world
        self._taken = start.taken
        self._epoch = -1
        self._shuffled = np.zeros(0, dtype=np.int64)

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        place = self._taken + self._rank
        self._taken += self._world
        epoch, offset = divmod(place, self._size)
        if epoch != self._epoch:
            # A seed sequence of (seed, epoch): neighbouring seeds share no epochs.
            self._shuffled = np.random.Generator(np.random.PCG64([self._seed, epoch])).permutation(self._size)
            self._epoch = epoch
        return int(self._shuffled[offset])

    @property
    def position(self) -> DataPosition:
        """Where the next item is; the same on every rank after the same number of items."""
        return DataPosition(seed=self._seed, size=self._size, taken=self._taken)


@dataclass(frozen=True)
class Batch:
    """images [B, 3, R, R] uint8 and labels [B, 25] float32 on the CPU.

    `position` is the place after this batch.
    """

    images: Tensor
    labels: Tensor
    position: DataPosition


class ImageBatches:
    """Batches of one rank without end, decoded ahead by threads (decoders release the interpreter lock).

    Nothing in it is random but the order, and results come in that order: they are the same for any number of
    workers. A position is that of the last batch handed out, whatever was read ahead, so a run resumes bit
    for bit.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        batch: int,
        seed: int,
        *,
        rank: int = 0,
        world: int = 1,
        workers: int = 2,
        ahead: int = 3,
        position: DataPosition | None = None,
    ) -> None:
        if batch < 1 or workers < 0 or ahead < 1:
            raise ValueError(f"batch {batch}, workers {workers}, ahead {ahead}")
        self._dataset, self._batch, self._ahead = dataset, batch, ahead
        self._order = ImageOrder(len(dataset), seed, rank=rank, world=world, position=position)
        self.position = self._order.position
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="images") if workers else None
        self._waiting: deque[tuple[list[Future[tuple[np.ndarray, np.ndarray]]], DataPosition]] = deque()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._pool is None:
            items = [self._dataset[next(self._order)] for _ in range(self._batch)]
            self.position = self._order.position
            return _stacked(items, self.position)
        while len(self._waiting) < self._ahead:
            futures = [
                self._pool.submit(self._dataset.__getitem__, next(self._order)) for _ in range(self._batch)
            ]
            self._waiting.append((futures, self._order.position))
        futures, position = self._waiting.popleft()
        items = [f.result() for f in futures]
        self.position = position
        return _stacked(items, position)

    def close(self) -> None:
        """Ends the threads; reading on is an error afterwards."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> ImageBatches:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _stacked(items: list[tuple[np.ndarray, np.ndarray]], position: DataPosition) -> Batch:
    images = torch.from_numpy(np.stack([image for image, _ in items]))
    return Batch(images, torch.from_numpy(np.stack([label for _, label in items])), position)
