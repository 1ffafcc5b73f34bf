"""The head as a field: all parts joined, signed distance in chunks, normals, projection to the surface."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from core_model.data.heads import attire, face, hair, programs
from core_model.data.heads.parameters import HeadParams
from core_model.data.heads.primitives import smin

CPU_CHUNK = 10240
"""Points per chunk on the CPU: temporaries stay in cache, and 3 x 10240 numbers stay under the 32768 from
which torch would split every small operation over threads, whose barriers cost more than they win."""
ONE_THREAD_CHUNK = 32768
"""Points per chunk where torch has one thread: an evaluation is 1,700 small operations, 9 ms before the first
point."""
CUDA_CHUNK = 1 << 21
_ABSENT = 2e-3

_here = threading.local()


@functools.cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process: a forked child has another process id, and none of its parent's threads."""
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix="heads", initializer=_enter)


def _enter() -> None:
    """What a piece asks for in turn is computed in its thread.

    Were all threads of the pool to wait for pieces of their pieces, none would be left to compute them.
    """
    _here.inside = True


def _without_grad(run: Callable[..., Tensor], p: HeadParams, piece: tuple[Tensor, ...]) -> Tensor:
    with torch.no_grad():
        return run(p, *piece)


class Worn(NamedTuple):
    """Which pieces some head of a batch has on."""

    hat: bool
    glasses: bool

    @staticmethod
    def by(p: HeadParams) -> Worn:
        """Reads the amounts, which are 0 or 1 except for one head in hundreds.

        On a GPU this waits for the device: call it seldom.
        """
        return Worn(bool((p.hat > _ABSENT).any()), bool((p.glasses > _ABSENT).any()))


class Parts(NamedTuple):
    """Distances [B, N] of the separately coloured parts, and the coordinates that colours need."""

    skin: Tensor
    ball: Tensor
    brow: Tensor
    hair: Tensor
    beard: Tensor
    cloth: Tensor
    collar: Tensor
    hat: Tensor
    hat_ring: Tensor
    glasses: Tensor
    frame: face.Frame
    eyes: face.Eyes
    mouth: face.Mouth
    strand: Tensor
    stubble: Tensor

    def distance(self) -> Tensor:
        """Signed distance of everything [B, N]."""
        d = smin(smin(self.skin, self.brow, 0.003), smin(self.hair, self.beard, 0.006), 0.004)
        d = torch.minimum(torch.minimum(d, self.ball), self.glasses)
        d = torch.minimum(torch.minimum(d, self.hat), torch.minimum(self.cloth, self.collar))
        # Blends and creases flatten the field; a little steepness centres |grad| near the surface on one.
        return d * 1.03


def evaluate_parts(p: HeadParams, points: Tensor, worn: Worn = Worn(True, True)) -> Parts:
    """All parts at points [B, N, 3] (world), unchunked; what is not `worn` is one world unit away."""
    f = face.make_frame(p, points)
    s = face.skull(p, f)
    plain = s.base - face.relief(p, f)
    skin = face.nose(p, f, plain)
    skin, mouth = face.mouth(p, f, skin)
    brow = hair.brows(p, f, skin)
    skin, eyes = face.eyes(p, f, skin)
    skin = face.ears(p, f, skin)
    body, _ = face.neck(p, f)
    locks = hair.hair(p, f, s)
    whiskers, stubble = hair.beard(p, f, plain, skin, mouth)
    cloth, collar = attire.shirt(f, body)
    far = points.new_ones(1, 1)
    cap, ring = attire.hat(p, f, s) if worn.hat else (far, far)
    specs = attire.glasses(p, f) if worn.glasses else far
    skin = smin(skin, body, 0.03)
    return Parts(
        skin,
        eyes.ball,
        brow,
        locks.distance,
        whiskers,
        cloth,
        collar,
        cap,
        ring,
        specs,
        f,
        eyes,
        mouth,
        locks.strand,
        stubble,
    )


def _chunk(on_cpu: bool) -> int:
    if not on_cpu:
        return CUDA_CHUNK
    return ONE_THREAD_CHUNK if torch.get_num_threads() == 1 else CPU_CHUNK


def in_chunks(p: HeadParams, run: Callable[..., Tensor], *arrays: Tensor) -> Tensor:
    """Applies run(params, *[B, n, ..]) over chunks of the point axis (and, on the CPU, head by head)."""
    count, n = arrays[0].shape[:2]
    on_cpu = arrays[0].device.type == "cpu"
    if on_cpu and count > 1 and n >= 1024:
        return torch.cat([in_chunks(p.select(i), run, *(a[i : i + 1] for a in arrays)) for i in range(count)])
    size = max(1, _chunk(on_cpu) // max(count, 1))
    if n <= size:
        return run(p, *arrays)
    pieces = [tuple(a[:, i : i + size] for a in arrays) for i in range(0, n, size)]
    if (
        not on_cpu
        or torch.is_grad_enabled()
        or torch.get_num_threads() < 2
        or getattr(_here, "inside", False)
    ):
        return torch.cat([run(p, *piece) for piece in pieces], dim=1)
    # One Python thread per chunk: torch's own threads would meet at a barrier after each small operation.
    pool = _pool(os.getpid(), min(torch.get_num_threads(), 8))
    return torch.cat(list(pool.map(lambda piece: _without_grad(run, p, piece), pieces)), dim=1)


def head_sdf(params: HeadParams, points: Tensor) -> Tensor:
    """Signed distance [B, N] of B heads at points [B, N, 3]; world units, negative inside."""
    return in_chunks(params, lambda p, x: _distance(p, x, Worn(True, True)), points)


def _distance(params: HeadParams, points: Tensor, worn: Worn) -> Tensor:
    return programs.run(
        ("distance", worn), lambda p, x: evaluate_parts(p, x, worn).distance(), params, points
    )


def surface_sdf(params: HeadParams, points: Tensor) -> Tensor:
    """`head_sdf` [B, N] for tracing.

    The same number within 0.015 of the surface, a little more farther away. Hats and glasses that a head does
    not wear leave a shadow in the field (positive distances that are shorter than the way to the surface);
    here they are left out, which also saves their evaluation.
    """
    worn = Worn.by(params) if points.device.type == "cpu" else Worn(True, True)
    return in_chunks(params, lambda p, x: _distance(p, x, worn), points)


_TETRA = ((1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0))


def sdf_gradient(params: HeadParams, points: Tensor, eps: float = 1e-3) -> Tensor:
    """Gradient [B, N, 3] of the signed distance by differences over a tetrahedron of arm eps (world)."""
    return _gradient(head_sdf, params, points, eps)


def _gradient(
    sdf: Callable[[HeadParams, Tensor], Tensor], params: HeadParams, points: Tensor, eps: float
) -> Tensor:
    corners = points.new_tensor(_TETRA)
    taps = sdf(params, torch.cat([points + eps * corner for corner in corners], dim=1))
    total = torch.zeros_like(points)
    for corner, tap in zip(corners, taps.split(points.shape[1], dim=1), strict=True):
        total = total + corner * tap[..., None]
    return total / (4.0 * eps)


def head_normals(params: HeadParams, points: Tensor, eps: float = 1e-3) -> Tensor:
    """Unit outward normals [B, N, 3] (world) at points [B, N, 3]."""
    return torch.nn.functional.normalize(sdf_gradient(params, points, eps), dim=-1, eps=1e-12)


def surface_normals(params: HeadParams, points: Tensor, eps: float = 1e-3) -> Tensor:
    """`head_normals` [B, N, 3] for points within a centimetre of the surface: the same numbers, sooner."""
    return torch.nn.functional.normalize(_gradient(surface_sdf, params, points, eps), dim=-1, eps=1e-12)


def project_to_surface(params: HeadParams, points: Tensor, steps: int = 3) -> Tensor:
    """Moves points [B, N, 3] along the gradient to the zero level by `steps` Newton steps."""
    for _ in range(steps):
        gradient = sdf_gradient(params, points)
        scale = gradient.square().sum(-1).clamp(min=0.25)
        move = (head_sdf(params, points) / scale).clamp(-0.1, 0.1)
        points = points - gradient * move[..., None]
    return points
