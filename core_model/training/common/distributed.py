"""Many processes as one trainer: started by torchrun or by `siblings`, gradients averaged, one writer.

Gradients are averaged in flat pieces after the backward pass rather than by DistributedDataParallel's hooks:
a step runs the networks several times (fakes, reals, penalty, micro-batches) and needs one exchange at its
end, and double backward passes stay plain autograd.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from core_model.ops import devices
from core_model.schema.whole import whole
from core_model.training.common.local_launcher import RENDEZVOUS

PIECE_VALUES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Ranks:
    """This process among `world`; device is where its networks live."""

    rank: int
    world: int
    device: torch.device
    restart: int = 0

    @property
    def writer(self) -> bool:
        """Whether this process writes the run directory."""
        return self.rank == 0

    @property
    def device_name(self) -> str:
        """The GPU's name, or cpu."""
        return devices.device_name(self.device)

    def mean_gradients(self, module: nn.Module) -> None:
        """Replace gradients by their mean over all processes. Which parameters have gradients must be the
        same everywhere.
        """
        if self.world == 1:
            return
        with torch.no_grad():
            for piece in pieces([p.grad for p in module.parameters() if p.grad is not None]):
                flat = torch.cat([g.reshape(-1) for g in piece])
                dist.all_reduce(flat)
                flat.div_(self.world)
                for g, part in zip(piece, flat.split([g.numel() for g in piece]), strict=True):
                    g.copy_(part.reshape(g.shape))

    def mean(self, value: Tensor) -> Tensor:
        """Mean of a tensor over all processes."""
        if self.world == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.world

    def from_writer(self, number: int) -> int:
        """A whole number that the writer knows, on every process."""
        if self.world == 1:
            return number
        box = torch.tensor([number], dtype=torch.int64, device=self.device)
        dist.broadcast(box, 0)
        return int(box)

    def barrier(self) -> None:
        if self.world > 1:
            dist.barrier()

    def close(self) -> None:
        if self.world > 1 and dist.is_initialized():
            dist.destroy_process_group()


def join_ranks(device: str) -> Ranks:
    """The process group that torchrun or `siblings` describes in the environment (NCCL on CUDA, gloo on CPU);
    else one process.

    device: auto, cpu, cuda or cuda:N; under torchrun every process takes the GPU of its local rank. Raises
    InputError.
    """
    world, rank = _number("WORLD_SIZE", 1), _number("RANK", 0)
    chosen = devices.choose(device, "--device", _number("LOCAL_RANK", 0) if world > 1 else 0)
    if chosen.type != "cpu":
        torch.accelerator.set_device_index(chosen)
    restart = _number("TORCHELASTIC_RESTART_COUNT", 0)
    if world > 1 and not dist.is_initialized():
        meeting = os.environ.get(RENDEZVOUS)
        store = dist.FileStore(meeting, world) if meeting else _agent_store(restart, world)  # pyright: ignore[reportPrivateImportUsage]
        own = {} if store is None else {"store": store, "rank": rank, "world_size": world}
        dist.init_process_group(devices.BACKENDS.get(chosen.type, "gloo"), **own)
    return Ranks(rank, world, chosen, restart)


def _agent_store(restart: int, world: int) -> dist.PrefixStore | None:  # pyright: ignore[reportPrivateImportUsage]
    """torchrun's own store, under names of this attempt, if torchrun keeps one over restarts.

    Without separate names a process may find the address that a dead one left in the store, and wait for it
    until it times out (seen with torch 2.13).
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return None
    agent = dist.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), world, is_master=False)  # pyright: ignore[reportPrivateImportUsage]
    return dist.PrefixStore(f"triscope/attempt{restart}of{world}", agent)  # pyright: ignore[reportPrivateImportUsage]


def _number(name: str, default: int) -> int:
    found = whole(os.environ.get(name, ""))
    return default if found is None else found


def pieces(gradients: Iterable[Tensor | None], most: int = PIECE_VALUES) -> Iterable[list[Tensor]]:
    """Gradients in lists of at most `most` values (one large tensor may be more)."""
    piece: list[Tensor] = []
    size = 0
    for g in gradients:
        assert g is not None
        if piece and size + g.numel() > most:
            yield piece
            piece, size = [], 0
        piece.append(g)
        size += g.numel()
    if piece:
        yield piece
