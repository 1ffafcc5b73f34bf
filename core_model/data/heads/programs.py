"""Functions of a head as recorded programs: the same operations without Python between them.

A head's distance is 1,700 small operations. From Python each costs microseconds before its first number, and
temporaries live until their function ends; the recording (torch.jit.trace) runs the same operations in the
same order and frees each result after its last use, in half the time. Results are the same to the last bit,
so it makes no difference to a set who was first to ask.
"""

from __future__ import annotations

import dataclasses
import threading
import warnings
from collections.abc import Callable, Hashable
from typing import TypeVar

import torch
from torch import Tensor

from core_model.data.heads.parameters import HeadParams

Result = TypeVar("Result")
_NAMES = tuple(f.name for f in dataclasses.fields(HeadParams))
_recorded: dict[Hashable, Callable[..., object] | None] = {}
_lock = threading.Lock()
_EXAMPLE = 48
"""Points with which a function is recorded: no parameter's size, so that none is taken for it."""


def run(
    name: Hashable, function: Callable[[HeadParams, Tensor], Result], p: HeadParams, points: Tensor
) -> Result:
    """function(p, points [1, N, 3]) from its recording, or plainly where there is none.

    With gradients, on a GPU, for several heads, in double precision. `name` stands for the function, which
    may hold no tensors and branch on no numbers.
    """
    if (
        torch.is_grad_enabled()
        or points.device.type != "cpu"
        or points.dtype != torch.float32
        or points.shape[0] != 1
        or p.batch != 1
    ):
        return function(p, points)
    values = [getattr(p, n) for n in _NAMES]
    program = program_of(name, function, values)
    return function(p, points) if program is None else program(points, *values)  # type: ignore[return-value]


def program_of(
    name: Hashable, function: Callable[[HeadParams, Tensor], Result], values: list[Tensor]
) -> Callable[..., object] | None:
    """The recording of `function`, made when it is first asked for; None where there can be none."""
    if name not in _recorded:
        with _lock:
            if name not in _recorded:
                _recorded[name] = _record(function, values)
    return _recorded[name]


def _record(
    function: Callable[[HeadParams, Tensor], Result], values: list[Tensor]
) -> Callable[..., object] | None:
    """None where this torch cannot record it: then it runs plainly."""
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Ordinary tensors: those made in inference mode could not be used outside it.
        plain = [v.clone() for v in values]
        points = torch.linspace(-0.4, 0.4, 3 * _EXAMPLE).reshape(1, _EXAMPLE, 3)
        try:
            program: Callable[..., object] = torch.jit.trace(  # type: ignore[assignment]
                lambda x, *v: function(HeadParams(*v), x), (points, *plain), check_trace=False
            )
        except (RuntimeError, TypeError, ValueError, AttributeError):
            return None
    return program
