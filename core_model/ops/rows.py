"""Rounds numbers of rows up, so that the kernels which oneDNN compiles per size are reused.

Every number of rows of a matrix product has a kernel of its own, which takes up to a millisecond to compile;
the last 1,024 are kept at half a megabyte each. Tiles of a picture have any number of points, so one turn of
the head compiled hundreds of kernels that were never asked for again: a session that showed the demo held 580
MB of them.
"""

from __future__ import annotations

import torch
from torch import Tensor


def stocked(rows: int) -> int:
    """The next of 16 numbers of rows to an octave: at most 1/16 more, or less than 16 rows."""
    step = 1 << max(4, rows.bit_length() - 5)
    return -(-rows // step) * step


def stock(x: Tensor, dim: int = 0) -> Tensor:
    """x with its last row along `dim` repeated up to a stocked number of rows.

    x itself on a GPU, and where there are no rows.
    """
    rows = x.shape[dim]
    if x.device.type != "cpu" or rows in (0, stocked(rows)):
        return x
    last = x.narrow(dim, rows - 1, 1)
    return torch.cat([x, last.expand(*x.shape[:dim], stocked(rows) - rows, *x.shape[dim + 1 :])], dim=dim)
