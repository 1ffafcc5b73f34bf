"""An accelerator that is none: tensors that say they lie on a device of their own and are computed by the processor.

`install()` registers a device type with torch, under which `torch.accelerator` finds one device. A tensor there wraps one of
the processor; every operation is done on what is wrapped, so results are those of the processor to the bit, and

- an operation on tensors of two devices is refused, as a real accelerator refuses it;
- copies to the processor and reads of single values, for which a real one must be waited for, are counted by the line of
  triscope that asked for them.

It is for a process of its own: once it is there, `auto` means it.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

NAME = "pretended"
ROOT = Path(__file__).resolve().parents[2]
MADE = (torch.tensor, torch.as_tensor, torch.from_numpy, torch.asarray)
"""Functions that read Python values or arrays: what they make is moved afterwards."""
INDEXED = (torch.Tensor.__getitem__, torch.Tensor.__setitem__)
MOVES = ("aten._to_copy", "aten.copy_", "aten._copy_from")


class MixedDevices(RuntimeError):
    """An operation was given tensors of two devices."""


class Pretended(torch.Tensor):
    """A tensor that says it lies on the pretended device; `held` is where it is."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, real: torch.Tensor) -> Pretended:
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            real.size(),
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            layout=real.layout,
            device=torch.device(NAME, 0),
            requires_grad=False,
        )
        made.held = real
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(func, args, kwargs or {})


AUTOCAST = torch.library.Library("_", "IMPL", "AutocastPrivateUse1")
WAITS: Counter[str] = Counter()
"""How often the device was waited for, by `file:line` of triscope."""


def _done(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = str(func)
    leaves = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    own = [x for x in leaves if isinstance(x, Pretended)]
    others = [x for x in leaves if not isinstance(x, Pretended) and x.dim() > 0]
    device = kwargs.get("device")
    here = device is not None and torch.device(device).type == NAME
    away = device is not None and torch.device(device).type == "cpu"
    if own and others and not name.startswith(MOVES):
        raise MixedDevices(
            f"{name}: {[list(x.shape) for x in own]} there, {[list(x.shape) for x in others]} here"
        )
    copied_home = name.startswith("aten.copy_") and not isinstance(args[0], Pretended)
    if own and (
        away or copied_home or name.startswith(("aten._local_scalar_dense", "aten.nonzero", "aten.equal"))
    ):
        WAITS[_line()] += 1
    real = dict(kwargs, device=torch.device("cpu")) if here else kwargs
    unwrap = lambda x: x.held if isinstance(x, Pretended) else x
    out = func(*tree_map(unwrap, args), **tree_map(unwrap, real))
    if name.startswith("aten.copy_") or (
        name.split(".")[1].endswith("_") and own and isinstance(out, torch.Tensor)
    ):
        return args[0]
    if away or not (own or here):
        return out
    return tree_map(
        lambda x: Pretended(x) if isinstance(x, torch.Tensor) and not isinstance(x, Pretended) else x, out
    )


def _line() -> str:
    """Where in triscope this was asked for."""
    frame = sys._getframe(2)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT / "core_model"):
            return f"{path.relative_to(ROOT)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "elsewhere"


class _Dispatched(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(func, args, kwargs or {})


class _Made(TorchFunctionMode):
    """`torch.tensor(…, device=…)` fills memory without asking any mode: it is made here and moved."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        if func in MADE and device is not None and torch.device(device).type == NAME:
            WAITS[_line()] += 1
            made = func(*args, **{k: v for k, v in kwargs.items() if k not in ("device", "requires_grad")})
            return made.to(torch.device(NAME, 0)).requires_grad_(bool(kwargs.get("requires_grad")))
        if func is torch.Tensor.new_tensor and isinstance(args[0], Pretended):
            WAITS[_line()] += 1
            like = {"dtype": args[0].dtype} | {k: v for k, v in kwargs.items() if k != "device"}
            return torch.tensor(args[1], **like).to(kwargs.get("device", args[0].device))
        if func is torch.Tensor.tolist and isinstance(args[0], Pretended):
            WAITS[_line()] += 1
            return args[0].held.tolist()
        if func in INDEXED and isinstance(args[0], Pretended):
            # a list as an index is a tensor made on the device, from memory that the copy waits for
            where = args[1] if isinstance(args[1], tuple) else (args[1],)
            lists = [isinstance(x, list) for x in where]
            if any(lists):
                WAITS[_line()] += 1
                made = tuple(torch.tensor(x).to(args[0].device) if isinstance(x, list) else x for x in where)
                args = (args[0], made, *args[2:])
        return func(*args, **kwargs)


class Device:
    """`with Device():` the pretended device is there. waits: by line, since it was entered."""

    def __enter__(self) -> Device:
        WAITS.clear()
        self._modes = ExitStack()
        self._modes.enter_context(_Dispatched())
        self._modes.enter_context(_Made())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._modes.close()

    @property
    def waits(self) -> Counter[str]:
        return Counter(WAITS)


class _Generator(torch.Generator):
    """Random numbers of the pretended device are the processor's, under its name."""

    pretends: bool

    def __new__(cls, device: Any = "cpu") -> _Generator:
        pretends = torch.device(device).type == NAME
        made = super().__new__(cls, "cpu" if pretends else device)  # pyright: ignore[reportCallIssue]
        made.pretends = pretends
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device(NAME, 0) if self.pretends else super().device


class _Module(_DummyBackendModule):
    """What torch asks the module of a device type for."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]

    def get_device_name(self, device: object = None) -> str:
        return "Pretended GPU"

    def memory_allocated(self, device: object = None) -> int:
        return 1 << 20


def install() -> None:
    """Once per process."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())

    def synchronize(device: Any = None) -> None:
        WAITS[_line()] += 1

    torch.accelerator.synchronize = synchronize  # type: ignore[assignment]
    # tensors of ours cannot be made in inference mode, and torch has no autocast for a device of this kind: neither changes a result
    torch.inference_mode = torch.no_grad  # type: ignore[assignment, misc]
    AUTOCAST.fallback(torch.library.fallthrough_kernel)
    torch.Generator = _Generator  # type: ignore[assignment, misc]
