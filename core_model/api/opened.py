"""An opened checkpoint: what can be asked of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import numpy as np
from pydantic import ValidationError

from core_model.api.results import MeshResult, Picture, Ray, locked
from core_model.checkpoints.locate import resolve
from core_model.cli.options import check_result
from core_model.cli.sessions import record_of
from core_model.queries import Answer, QuerySession
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.export import default_request
from core_model.schema.latent import SeedWeight
from core_model.schema.mesh import MeshProgress, MeshRequest
from core_model.schema.question import Question
from core_model.schema.render import RenderRequest

CAMERA = ("yaw", "pitch", "roll", "radius", "fov", "pivot", "orthographic")
"""Words of `Checkpoint.request` that change the camera."""
LATENT = ("psi", "cutoff", "z", "w", "class_index")
SAMPLER = ("strategy", "spp", "tau", "adaptive", "jitter")


def open(checkpoint: str | Path, *, device: str = "auto", threads: int | None = None) -> Checkpoint:
    """Open what `triscope view` opens: a file, a run folder (its newest snapshot), `demo` or `analytic:NAME`.

    device: auto, cpu, cuda or cuda:N. threads: of the processor, None = all cores. Raises InputError.
    """
    path = resolve(str(checkpoint))
    session = QuerySession(device=device, threads=threads)
    return Checkpoint(session, session.open(path), device)


class Checkpoint:
    """A checkpoint in memory, and what was computed of it: pictures of one head and camera are cheap after the first.

    Not for several threads at once. Close it, or use it in a `with`.
    """

    def __init__(self, session: QuerySession, info: CheckpointInfo, device: str) -> None:
        self._session, self._device = session, device
        self.info = info

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self.info.title}, {Path(self.info.path).name}, on {self._session.device}>"

    def close(self) -> None:
        """Free its memory."""
        self._session.close(self.info.path)

    def request(
        self,
        *,
        seed: int | None = None,
        size: int | None = None,
        channels: Sequence[str] | None = None,
        sampler: str | None = None,
        **changes: Any,
    ) -> RenderRequest:
        """What `triscope render` would render with these options.

        size: edge [pixels]. Further words are fields of the camera (yaw, pitch … radians), latent (psi, z …), sampler (spp,
        strategy …) and of the request itself (`precision`, `native` …); arrays are welcome for z and w. Raises InputError for a
        word or value that is none.
        """
        values: dict[str, Any] = default_request(self.info).model_dump()
        if seed is not None:
            values["latent"] |= {"seeds": (SeedWeight(seed=seed),), "z": None, "w": None}
        if size is not None:
            values["width"] = values["height"] = size
        if channels is not None:
            values["channels"] = tuple(channels)
        if sampler is not None:
            values["sampler"]["name"] = sampler
        for name, given in changes.items():
            value = given.tolist() if isinstance(given, np.ndarray) else given
            for branch, names in (("camera", CAMERA), ("latent", LATENT), ("sampler", SAMPLER)):
                if name in names:
                    values[branch][name] = value
                    break
            else:
                if name not in RenderRequest.model_fields:
                    known = ("seed", "size", "channels", "sampler", *CAMERA, *LATENT, *SAMPLER)
                    raise InputError(what="unknown word", expected=f"one of {', '.join(known)}", got=name)
                values[name] = value
        return checked(RenderRequest, values)

    def render(
        self,
        request: RenderRequest | None = None,
        *,
        progress: Callable[[str, float], None] | None = None,
        **options: Any,
    ) -> Picture:
        """A picture: of a `request`, or of the words of `Checkpoint.request`. progress: called with (stage, fraction).

        Raises InputError, or TriscopeError where rendering failed (out of memory).
        """
        wanted = self._wanted(request, options)
        frame = self._session.render(wanted, progress=progress)
        check_result(frame.result)
        known: dict[str, ChannelInfo] = {c.name: c for c in self.info.channels}
        return Picture(
            request=wanted,
            result=frame.result,
            arrays=MappingProxyType({name: locked(array) for name, array in frame.arrays.items()}),
            channels=MappingProxyType({name: known[name] for name in frame.arrays if name in known}),
            record=record_of(self.info, wanted),
            shown=wanted.channels[0],
            w=None if frame.w is None else locked(frame.w),
        )

    def inspect(self, x: int, y: int, request: RenderRequest | None = None, **options: Any) -> Ray:
        """Everything along the ray through pixel (x, y) of that picture, counted from the upper left; raises InputError."""
        wanted = self._wanted(request, options)
        return Ray(self._session.inspect(wanted, x, y), record_of(self.info, wanted))

    def ask(self, question: Question, progress: Callable[[str, float], None] | None = None) -> Answer:
        """What the window asks beside pictures: a question of `core_model.schema.question*`. Raises InputError."""
        return self._session.answer(question, progress=progress)

    def mesh(
        self,
        out: str | Path | None = None,
        *,
        seed: int | None = None,
        resolution: int = 256,
        progress: Callable[[MeshProgress], None] | None = None,
        **options: Any,
    ) -> MeshResult:
        """The surface, also as a file (.ply, .obj, .glb, .stl) where `out` names one.

        resolution: grid nodes along an edge of the box. Further words are fields of `MeshRequest` (level, crop, faces,
        colour, keep, up …); `up` turns the file alone, the arrays are in world axes. Raises
        InputError, MissingExtra without the extra `mesh`, or OutOfMemory.
        """
        from core_model.cli.mesh import source_of
        from core_model.meshing.job import MeshWork
        from core_model.meshing.mesh import Mesh

        latent = self.request(seed=seed).latent
        values = {"checkpoint": self.info.path, "latent": latent, "resolution": resolution}
        request = checked(MeshRequest, values | options)
        made: list[Mesh] = []
        source = source_of(self._session, self.info, request, self._device)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(out) if out is not None else Path(folder) / "mesh.ply"
            report = MeshWork(source, request, path, progress, take=made.append).run()
        if out is None:
            report = report.replace(files=(), file_bytes=0)
        arrays = {
            name: None if (array := getattr(made[0], name)) is None else locked(array)
            for name in ("vertices", "faces", "normals", "colours")
        }
        return MeshResult(report=report, files=tuple(map(Path, report.files)), **arrays)  # pyright: ignore[reportArgumentType]

    def _wanted(self, request: RenderRequest | None, options: dict[str, Any]) -> RenderRequest:
        if request is None:
            return self.request(**options)
        if options:
            raise InputError(what="a request and words", expected="one of them", got=", ".join(options))
        return request.replace(checkpoint=self.info.path)


def checked(kind: type[Any], values: dict[str, Any]) -> Any:
    """A record of plain values; its complaint becomes one InputError."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = first_complaint(error)
        raise InputError(
            what=f"bad value of {first.place or kind.__name__}: {first.says}", got=first.got
        ) from None
