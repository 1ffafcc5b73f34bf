"""The slope of a field by automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core_model.fields.base import Field, FieldSample
from core_model.ops.rows import stock


def falling(sample: FieldSample) -> Tensor:
    """The signed distance, or -density where there is none: both fall on the way into matter."""
    return sample.sdf if sample.sdf is not None else -sample.density


def distance(sample: FieldSample) -> Tensor:
    """The signed distance, of families that have one."""
    assert sample.sdf is not None, "only families with a signed distance have this channel"
    return sample.sdf


def with_gradient(
    field: Field, points: Tensor, quantity: Callable[[FieldSample], Tensor] = falling
) -> tuple[FieldSample, Tensor, Tensor]:
    """At points [1, M, 3]: the sample, a quantity [1, M] of it and its gradient [1, M, 3].

    All without graph. The gradient is NaN where the quantity is piecewise constant.
    """
    with torch.enable_grad():
        x = stock(points.detach(), dim=1).requires_grad_(True)
        sample = field.geometry(x)
        value = quantity(sample)
        gradient = (
            torch.autograd.grad(value.sum(), x)[0] if value.requires_grad else torch.full_like(x, torch.nan)
        )
    here = slice(points.shape[1])
    return sample.detached().select(here), value.detach()[:, here], gradient.detach()[:, here]


def outward_gradient(field: Field, points: Tensor) -> Tensor:
    """Gradient [1, M, 3] of `falling` at points [1, M, 3]: it points out of the matter."""
    return with_gradient(field, points)[2]
