"""Where tensors are computed: the processor, or the accelerator that torch knows here (CUDA, Intel's XPU, Apple's MPS).

Everything that differs between them is said once, here. MPS has no float64, and what it has no kernel for runs on the
processor where PYTORCH_ENABLE_MPS_FALLBACK=1 allows it.
"""

from __future__ import annotations

from typing import Any

import torch

from core_model.schema import memory
from core_model.schema.errors import InputError

EVENTS = ("cuda", "xpu")
"""Accelerators whose streams can be timed by events, without waiting for them."""
BACKENDS = {"cuda": "nccl", "xpu": "xccl"}
"""What ranks talk by, on devices that have more than gloo."""


def accelerator() -> str | None:
    """The type of this machine's accelerator (cuda, mps, xpu …); None where torch finds none that works."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return None if found is None else found.type


def count() -> int:
    """Accelerators of this machine."""
    return torch.accelerator.device_count() if accelerator() else 0


def choose(name: str, where: str, index: int = 0) -> torch.device:
    """`auto`: the accelerator where there is one, else the processor; or a device by its name, as `cuda:1`.

    index: which accelerator is meant where the name says none. where: who asks, for messages. Raises InputError for a name that
    is none and for a device that is not there.
    """
    here = accelerator()
    offered = "auto, cpu, " + (f"{here} or {here}:N" if here else "cuda, mps or xpu, with a number: cuda:0")
    if name == "auto":
        name = here or "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(what="unknown device", where=where, expected=offered, got=name) from None
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != here:
        raise InputError(
            what=f"no {device.type.upper()} device",
            where=where,
            expected=f"auto, cpu or {here} on this machine" if here else "auto or cpu on this machine",
            got=name,
        )
    at = index if device.index is None else device.index
    if at >= count():
        raise InputError(
            what="no such device", where=where, expected=f"one of {count()} {here} devices, from 0", got=name
        )
    return torch.device(device.type, at)


def of_kind(device: torch.device, cpu: int, accelerator: int) -> int:
    """One of two sizes: the processor's, or that of an accelerator of whatever kind."""
    return cpu if device.type == "cpu" else accelerator


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was asked for; a processor always has."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def device_name(device: torch.device) -> str:
    """What its maker calls it; the processor is "cpu"."""
    if device.type == "cpu":
        return "cpu"
    named = getattr(torch.get_device_module(device), "get_device_name", None)
    return str(named(device)) if named else {"mps": "Apple GPU"}.get(device.type, device.type)


def release_memory(device: torch.device | None = None) -> None:
    """Give memory that only waits for its next use back to others; None = of this machine's accelerator, if it has one."""
    if device is None:
        kind = accelerator()
        device = torch.device(kind or "cpu")
    if device.type != "cpu":
        _call(device, "empty_cache")


def free_bytes(device: torch.device) -> float:
    """What may still be allocated on a device, once what only waits for its next use was given back."""
    memory.give_back()
    if device.type == "cpu":
        return memory.free_bytes()
    release_memory(device)
    if device.type == "mps":
        return float(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    found = _call(device, "mem_get_info", device)
    return float(found[0]) if found else memory.free_bytes()


def allocated_bytes(device: torch.device) -> int:
    """Of the tensors on an accelerator."""
    if device.type == "mps":
        return int(torch.mps.current_allocated_memory())
    return int(_call(device, "memory_allocated", device) or 0)


def peak_bytes(device: torch.device) -> dict[str, int]:
    """Of an accelerator since the last call: `peak` of the tensors, and what the process holds as `reserved`."""
    if device.type == "mps":
        return {"peak": allocated_bytes(device), "reserved": int(torch.mps.driver_allocated_memory())}
    found = {
        "peak": int(_call(device, "max_memory_allocated", device) or 0),
        "reserved": int(_call(device, "memory_reserved", device) or 0),
    }
    _call(device, "reset_peak_memory_stats", device)
    return found


def timed_event(device: torch.device) -> torch.Event | None:
    """An event that can be recorded now and read later; None where the device has none."""
    return torch.Event(device, enable_timing=True) if device.type in EVENTS else None


def _call(device: torch.device, name: str, *args: object) -> Any:
    """A function of the device's module, where it has that."""
    found = getattr(torch.get_device_module(device), name, None)
    return None if found is None else found(*args)
