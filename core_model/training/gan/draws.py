"""Every random number of a training as a function of (seed, step, purpose, image): nothing is saved to resume
exactly.

The numbers of an image depend on its index in the whole batch, not on the process that computes it. So a run
gives the same results on any number of processes (up to the order of sums), and elastic restarts may change
that number.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.data.labels import LabelTable

_MASK = (1 << 64) - 1
LATENTS, CAMERAS, SWAPS, JITTER, NOISE, PATCH, AUGMENT, POSE_NOISE, PROBE = range(9)
REALS = 1 << 32
"""Added to an image's number for the random numbers of a real one."""


def mix_seed(*parts: int) -> int:
    """One seed below 2⁶³ from several whole numbers (splitmix64 over them); neighbouring inputs give
    unrelated seeds.
    """
    state = 0x243F6A8885A308D3
    for part in parts:
        state = (state ^ (part & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state >> 1


def generator(device: torch.device | str, *parts: int) -> torch.Generator:
    """A torch generator seeded by `mix_seed(*parts)`."""
    return torch.Generator(device=device).manual_seed(mix_seed(*parts))


@dataclass(frozen=True)
class FakeBatch:
    """What the generator gets for n images: z [n, Z], the cameras it is conditioned on and rendered from [n,
    25], a seed an image.

    shared: a second seed for each image, which neighbours of the whole batch have in common (EpiGRAF's windows).
    """

    z: Tensor
    condition: Tensor
    label: Tensor
    seeds: tuple[int, ...]
    shared: tuple[int, ...] = ()

    def rows(self, start: int, stop: int) -> "FakeBatch":
        own = slice(start, stop)
        return FakeBatch(self.z[own], self.condition[own], self.label[own], self.seeds[own], self.shared[own])

    def on(self, device: torch.device) -> "FakeBatch":
        """The same on another device."""
        move = lambda x: x.to(device, non_blocking=True)
        return FakeBatch(move(self.z), move(self.condition), move(self.label), self.seeds, self.shared)

    def __len__(self) -> int:
        return self.z.shape[0]


def draw_fakes(
    labels: LabelTable,
    z_dim: int,
    batch: int,
    swap: float,
    seed: int,
    step: int,
    phase: int,
    *,
    rank: int,
    world: int,
) -> FakeBatch:
    """The fakes of one phase of one step, on the CPU: images rank, rank + world, … of the whole batch.

    swap: probability that an image is conditioned on the camera of its neighbour in the batch instead of its
        own (EG3D, section 4.3), so that the generator cannot tie a head's appearance to the direction it is
        seen from.
    """
    z = torch.randn(batch, z_dim, generator=generator("cpu", seed, step, phase, LATENTS))
    label = labels.draw(batch, generator("cpu", seed, step, phase, CAMERAS)).float()
    swapped = torch.rand(batch, 1, generator=generator("cpu", seed, step, phase, SWAPS)) < swap
    condition = torch.where(swapped, label.roll(1, 0), label)
    own = slice(rank, None, world)
    seeds = tuple(mix_seed(seed, step, phase, JITTER, image) for image in range(rank, batch, world))
    return FakeBatch(z[own], condition[own], label[own], seeds)


def item_uniform(seeds: tuple[int, ...], shape: tuple[int, ...], device: torch.device) -> Tensor:
    """[n, *shape] uniform in [0, 1); row i depends on seeds[i] alone."""
    rows = [
        torch.rand(shape, generator=torch.Generator(device=device).manual_seed(s), device=device)
        for s in seeds
    ]
    return torch.stack(rows)
