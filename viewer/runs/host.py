"""Figures of this machine: processor, memory, disk (psutil) and GPUs (NVML, where a driver is)."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from pathlib import PurePath

from core_model.schema.home import home

HISTORY = 1800


@dataclass(frozen=True)
class GpuSample:
    """One device. load 0…100 %; memory in bytes; power in watts; temperature in °C; nan where unknown."""

    index: int
    name: str
    load: float
    memory_used: float
    memory_total: float
    temperature: float
    power: float
    power_limit: float


@dataclass(frozen=True)
class HostSample:
    """One moment; sizes in bytes, cpu 0…100 % of all cores."""

    time: float
    cpu: float
    cores: int
    load1: float
    ram_used: float
    ram_total: float
    disk_free: float
    disk_total: float
    gpus: tuple[GpuSample, ...] = ()


class HostSampler:
    """Takes samples on demand; `why_no_gpu` explains missing GPU figures."""

    def __init__(self, disk: PurePath) -> None:
        self.disk = disk
        self.history: deque[HostSample] = deque(maxlen=HISTORY)
        self.why_no_gpu = ""
        self._handles: list[object] | None = None

    def follow(self, run: PurePath | None) -> None:
        """Tell of the disk that this run lies on; None = the home folder's."""
        self.disk = run or home()

    def sample(self) -> HostSample:
        """One sample, also appended to `history`; what cannot be read is nan."""
        import psutil

        memory = psutil.virtual_memory()
        try:
            disk = psutil.disk_usage(str(self.disk))
            free, total = float(disk.free), float(disk.total)
        except OSError:
            free = total = float("nan")
        load = psutil.getloadavg()[0]
        taken = HostSample(
            time.time(), psutil.cpu_percent(None), psutil.cpu_count() or 1, load,
            float(memory.total - memory.available), float(memory.total), free, total, self._gpus(),
        )  # fmt: skip
        self.history.append(taken)
        return taken

    def close(self) -> None:
        if self._handles:
            import pynvml

            pynvml.nvmlShutdown()
        self._handles = None

    def _gpus(self) -> tuple[GpuSample, ...]:
        if self._handles is None:
            self._handles = self._open()
        return tuple(_gpu(i, handle) for i, handle in enumerate(self._handles))

    def _open(self) -> list[object]:
        try:
            import pynvml
        except ImportError:
            self.why_no_gpu = "nvidia-ml-py is not installed"
            return []
        try:
            pynvml.nvmlInit()
            return [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError as error:
            self.why_no_gpu = "no NVIDIA driver" if "LibraryNotFound" in type(error).__name__ else str(error)
            return []


def _gpu(index: int, handle: object) -> GpuSample:
    import pynvml

    def ask(function: str, *args: object) -> object | None:
        try:
            return getattr(pynvml, function)(handle, *args)
        except pynvml.NVMLError:
            return None

    def number(value: object | None, scale: float = 1.0) -> float:
        return float(value) * scale if isinstance(value, int | float) else float("nan")

    name = ask("nvmlDeviceGetName")
    use, memory = ask("nvmlDeviceGetUtilizationRates"), ask("nvmlDeviceGetMemoryInfo")
    return GpuSample(
        index=index,
        name=name.decode() if isinstance(name, bytes) else str(name or "GPU"),
        load=number(getattr(use, "gpu", None)),
        memory_used=number(getattr(memory, "used", None)),
        memory_total=number(getattr(memory, "total", None)),
        temperature=number(ask("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU)),
        power=number(ask("nvmlDeviceGetPowerUsage"), 1e-3),
        power_limit=number(ask("nvmlDeviceGetEnforcedPowerLimit"), 1e-3),
    )
