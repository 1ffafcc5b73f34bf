"""GPUs, torch and the speed of each device: `python -m core_model.doctor.devices SECONDS` asks them.

Each device renders the demo for a few seconds. The process says what it is about to do before it does it, so
that a driver that takes it down is named.
"""

from __future__ import annotations

import sys
import time

from core_model.doctor.asking import Answer, ask, tell
from core_model.doctor.system import gigabytes
from core_model.schema.doctor import Finding

MODULE = "core_model.doctor.devices"
EDGE = 256
WARM_UP_S = 150.0
"""Time to load torch and the demo and to render the first picture, on the slowest disk and processor."""
MOST_DEVICES = 8
GET_TORCH = "https://pytorch.org/get-started/locally"


def findings(seconds: float) -> list[Finding]:
    """NVIDIA's driver, torch, and `seconds` of rendering on each device."""
    answer = ask(MODULE, str(seconds), timeout_s=WARM_UP_S + MOST_DEVICES * (seconds + 30.0))
    return [_driver(answer), _torch(answer), *_devices(answer)]


def _driver(answer: Answer) -> Finding:
    gpus = answer.first("gpus")
    if gpus is None:
        why = answer.first("no_gpus") or answer.ended or "no answer"
        return Finding(
            group="Rendering",
            name="gpu",
            title="NVIDIA GPU",
            status="note",
            value=f"none: {why}",
            facts={"count": 0},
        )
    if not gpus["names"]:
        return Finding(
            group="Rendering",
            name="gpu",
            title="NVIDIA GPU",
            status="note",
            value="a driver, but no GPU",
            facts={"count": 0},
        )
    names = ", ".join(f"{name} ({gigabytes(size)})" for name, size in gpus["names"])
    value = f"{names}; driver {gpus['driver']}, for CUDA up to {gpus['cuda']}"
    facts = {"count": len(gpus["names"]), "driver": gpus["driver"], "driver_cuda": gpus["cuda"]}
    return Finding(group="Rendering", name="gpu", title="NVIDIA GPU", value=value, facts=facts)


def _torch(answer: Answer) -> Finding:
    torch = answer.first("torch")
    if torch is None:
        why = answer.first("no_torch") or answer.ended or "no answer"
        return Finding(
            group="Rendering", name="torch", title="PyTorch", status="fatal", value=f"does not load: {why}",
            remedy=f"install it anew as {GET_TORCH} says for this machine", facts={"loaded": False},
        )  # fmt: skip
    build = torch["build"]
    value = f"{torch['version']}, {build}"
    gpus = answer.first("gpus")
    status, remedy = "ok", ""
    if gpus and gpus["names"] and not torch["cuda"]:
        status = "problem"
        if torch["cuda_build"]:
            why = torch["why_no_cuda"] or "it finds no GPU"
            value += f"; CUDA does not work: {why}"
            remedy = f"update NVIDIA's driver (it serves CUDA up to {gpus['cuda']}), or install a torch for an older CUDA: {GET_TORCH}"
        else:
            remedy = f"this build of torch leaves the GPU unused; the line for a CUDA build: {GET_TORCH}"
    if torch["accelerator"]:
        value += f"; renders on {torch['accelerator']}"
    if torch["accelerator"] == "mps":
        value += (
            ", which has no float64 (set PYTORCH_ENABLE_MPS_FALLBACK=1: what it lacks runs on the processor)"
        )
    return Finding(
        group="Rendering",
        name="torch",
        title="PyTorch",
        status=status,
        value=value,
        remedy=remedy,
        facts={**torch, "loaded": True},
    )  # type: ignore[arg-type]


def _devices(answer: Answer) -> list[Finding]:
    rates, failed = (
        {r["device"]: r for r in answer.all("rate")},
        {r["device"]: r["why"] for r in answer.all("failed")},
    )
    found = []
    for device in answer.all("begin"):
        rate = rates.get(device)
        if rate is None:
            found.append(_broken(device, failed.get(device) or answer.ended or "no answer"))
            continue
        value = f"{rate['name']}: {rate['pictures_per_s']:.2g} pictures per second ({rate['scene']}, {EDGE} × {EDGE}, its own sampler)"
        found.append(
            Finding(
                group="Rendering",
                name=f"device.{device}",
                title=f"Render on {device}",
                value=value,
                facts=rate,
            )
        )
    if not found and answer.first("torch") is not None:
        found.append(_broken("cpu", answer.ended or "no answer"))
    return found


def _broken(device: str, why: str) -> Finding:
    return Finding(
        group="Rendering",
        name=f"device.{device}",
        title=f"Render on {device}",
        value=f"fails: {why}",
        status="fatal" if device == "cpu" else "problem",
        remedy=f"install torch anew ({GET_TORCH})"
        + ("" if device == "cpu" else "; until then CUDA_VISIBLE_DEVICES=-1 renders on the processor"),
        facts={"device": device},
    )


# What the process does


def _nvml() -> None:
    try:
        import pynvml
    except ImportError:
        tell(no_gpus="nvidia-ml-py is not installed, which would tell")
        return
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        names = [
            (_text(pynvml.nvmlDeviceGetName(h)), int(pynvml.nvmlDeviceGetMemoryInfo(h).total))
            for h in handles
        ]
        cuda = pynvml.nvmlSystemGetCudaDriverVersion()
        tell(
            gpus={
                "names": names,
                "driver": _text(pynvml.nvmlSystemGetDriverVersion()),
                "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}",
            }
        )
        pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        tell(no_gpus="no NVIDIA driver" if "LibraryNotFound" in type(error).__name__ else str(error))


def _text(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name


def _torch_facts() -> list[str]:
    """Tells what torch is, and returns the devices that triscope renders on."""
    import torch

    from core_model.ops.devices import accelerator, count

    why = ""
    if torch.version.cuda and not torch.cuda.is_available():
        try:
            torch.cuda.init()
        except Exception as error:  # whatever a driver says
            why = " ".join(str(error).split())[:200]
    cuda = torch.cuda.is_available()
    hip = getattr(torch.version, "hip", None)
    build = (
        f"built for CUDA {torch.version.cuda}"
        if torch.version.cuda
        else f"built for ROCm {hip}"
        if hip
        else "built for the processor"
    )
    kind = accelerator()
    tell(
        torch={
            "version": torch.__version__, "build": build, "cuda_build": torch.version.cuda or hip or "", "cuda": cuda,
            "why_no_cuda": why, "threads": torch.get_num_threads(), "accelerator": kind or "",
        }
    )  # fmt: skip
    return ["cpu", *(f"{kind}:{i}" for i in range(min(count(), MOST_DEVICES - 1)))]


def _render(device: str, seconds: float) -> None:
    """Pictures of turning views for `seconds`, after one that is not counted."""
    from core_model.checkpoints.locate import default_checkpoint
    from core_model.report.worker_session import WorkerSession
    from core_model.schema.export import default_request

    path = default_checkpoint()
    session = WorkerSession(device=device)
    info = session.open(path)
    request = default_request(info).replace(width=EDGE, height=EDGE)
    first = info.header.camera.default

    def picture(number: int) -> None:
        turned = first.replace(yaw=first.yaw + 0.01 * number)
        result = session.render(request.replace(camera=turned)).result
        if result.error is not None:
            raise RuntimeError(result.error.message)

    picture(0)
    begin, count, passed = time.perf_counter(), 0, 0.0
    while passed < seconds or not count:
        count += 1
        picture(count)
        passed = time.perf_counter() - begin
    tell(
        rate={
            "device": device, "name": session.device, "pictures": count, "seconds": round(passed, 3),
            "pictures_per_s": round(count / passed, 3), "rays_per_s": round(count * EDGE**2 / passed), "edge": EDGE,
            "scene": info.title or info.header.name or path,
        }
    )  # fmt: skip
    session.close(path)


def main(seconds: float) -> None:
    _nvml()
    try:
        devices = _torch_facts()
    except Exception as error:  # a missing package, a broken library, a wrong processor
        tell(no_torch=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        return
    for device in devices:
        tell(begin=device)
        try:
            _render(device, seconds)
        except Exception as error:
            tell(
                failed={
                    "device": device,
                    "why": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
                }
            )


if __name__ == "__main__":
    main(float(sys.argv[1]))
