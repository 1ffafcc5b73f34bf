"""From a file that triscope wrote to the document that shows its view.

Pure; files are read and hashed in a thread by `viewer.shell.drops`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_model.schema.camera import MatrixCamera, OrbitPose, fov_from_focal, orbit_from_matrix
from core_model.schema.camera_path import MAX_BYTES, CameraPath, parse_camera_path
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.question_photo import PHOTO_SUFFIXES
from core_model.schema.record import RenderRecord
from core_model.schema.record_file import SUFFIXES, read_provenance
from core_model.schema.sampler import SamplerSpec
from viewer.state.document import ChannelView, Document

CHECKPOINT_SUFFIXES = (".safetensors", ".pkl", ".pth", ".pt", ".ckpt")
RECORD_SUFFIXES = SUFFIXES
LOOKED_AT = 64
"""Most files of a folder whose SHA-256 is compared."""


@dataclass(frozen=True)
class Found:
    """A record with the checkpoint that shows it; `notes` say what differs from the record."""

    file: str
    record: RenderRecord
    checkpoint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Places:
    """Where a checkpoint is looked for: the open one (path, SHA-256), recent paths, the demo."""

    open_path: str = ""
    open_sha256: str = ""
    recent: tuple[str, ...] = ()
    demo: str = ""


def is_record_file(path: str) -> bool:
    """Whether a path is to be read for its record (files), not opened as a checkpoint."""
    return Path(path).suffix.lower() in RECORD_SUFFIXES and not Path(path).is_dir()


def is_photo(path: str) -> bool:
    """A picture by its name in which triscope wrote nothing."""
    if Path(path).suffix.lower() not in PHOTO_SUFFIXES or not Path(path).is_file():
        return False
    try:
        read_provenance(path)
    except InputError:
        return True
    return False


def is_checkpoint(path: str) -> bool:
    """A file or folder that may be opened as a checkpoint, by its name."""
    return (
        path.startswith("analytic:")
        or Path(path).suffix.lower() in CHECKPOINT_SUFFIXES
        or Path(path).is_dir()
    )


def camera_path_in(path: str) -> CameraPath | None:
    """The camera path in a JSON file; None for any other file. Raises InputError for a wrong path."""
    if Path(path).suffix.lower() != ".json":
        return None
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            return None
        text = Path(path).read_text(encoding="utf-8")
        document = json.loads(text)
    except (OSError, ValueError, RecursionError):  # whoever reads it as a record says what is wrong
        return None
    if not isinstance(document, dict) or (
        document.get("kind") != CameraPath().kind and not isinstance(document.get("keys"), list)
    ):
        return None
    return parse_camera_path(text, path)


def find(path: str, places: Places) -> Found:
    """The record of a file and its checkpoint, found by path, else by SHA-256. Raises InputError."""
    if not is_record_file(path):
        known = ", ".join((*CHECKPOINT_SUFFIXES, *SUFFIXES))
        suffix = Path(path).suffix or "no suffix"
        raise InputError(
            what="neither a checkpoint nor a file of triscope", where=path, expected=known, got=suffix
        )
    record = read_provenance(path)
    wanted, sha = record.request.checkpoint, record.checkpoint_sha256
    if wanted.startswith("analytic:") or (wanted == places.open_path and sha in ("", places.open_sha256)):
        return Found(path, record, wanted)
    if sha and sha == places.open_sha256:
        return Found(path, record, places.open_path)
    there = Path(wanted).exists()
    if there and (not sha or Path(wanted).is_dir() or sha256_of(Path(wanted)) == sha):
        return Found(path, record, wanted)
    match = next((c for c in candidates(path, places) if sha and sha256_of(c) == sha), None)
    if match is not None:
        note = "" if str(match) == wanted else f"Found the checkpoint by its SHA-256 at {match}"
        return Found(path, record, str(match), (note,) if note else ())
    if there:
        return Found(
            path, record, wanted, ("The checkpoint at this path has changed since: the picture may differ",)
        )
    raise InputError(
        what="the checkpoint of this file is not here", where=path, expected=wanted or "a checkpoint",
        got=f"no such file, and none of the recent ones or beside it has SHA-256 {sha[:12] or 'unknown'}",
    )  # fmt: skip


def candidates(path: str, places: Places) -> Iterable[Path]:
    """Paths where the checkpoint of a record may be: recent ones, the demo, beside the file, one folder up."""
    named = [Path(p) for p in (*places.recent, places.demo) if p and not p.startswith("analytic:")]
    seen: set[Path] = set()
    folder = Path(path).absolute().parent
    beside = [p for place in (folder, folder.parent, folder / "snapshots") for p in _checkpoints_in(place)]
    for one in (*named, *beside):
        if one not in seen and one.is_file():
            seen.add(one)
            yield one


def _checkpoints_in(folder: Path) -> list[Path]:
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in CHECKPOINT_SUFFIXES]
    except OSError:
        return []
    return sorted(found)[-LOOKED_AT:]


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file; empty where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def restored(doc: Document, info: CheckpointInfo, record: RenderRecord) -> tuple[Document, tuple[str, ...]]:
    """(document that shows the record's view, what could not be restored); display settings come from `doc`."""
    request, notes = record.request, []
    camera, note = _camera(request.camera)
    notes += [note] if note else []
    sampler, note = _sampler(request.sampler, info, doc.sampler)
    native = request.native and info.has_native
    if native:
        sampler = doc.sampler  # the program has its own
    else:
        notes += [note] if note else []
    if request.native and not native:
        notes.append("This picture is of the original program (--native); the window shows triscope's own")
    shown = record.shown or (request.channels[0] if request.channels else "rgb")
    names = [c.name for c in info.channels if info.has_proposal or not c.needs_proposal]
    view = doc.view.with_channel(shown) if shown in names else doc.view
    for span in record.display:
        if span.channel in names:
            before = view.of(span.channel, next(c for c in info.channels if c.name == span.channel))
            changes = {
                "colormap": span.colormap,
                "auto_range": False,
                "low": span.low,
                "high": span.high,
                "invert": span.invert,
            }
            view = view.with_channel_view(ChannelView(**{**before.model_dump(), **changes}))
    quality = doc.quality.replace(precision=request.precision, skip_empty=request.skip_empty)
    new = doc.replace(
        checkpoint=info.path, latent=request.latent, camera=camera or doc.camera, sampler=sampler, view=view, quality=quality,
        background=request.background, view_dirs=request.view_dirs, native=native,
    )  # fmt: skip
    return new, tuple(notes)


def _camera(camera: OrbitPose | MatrixCamera) -> tuple[OrbitPose | None, str]:
    if isinstance(camera, OrbitPose):
        return camera, ""
    k = camera.intrinsics()
    try:
        pose = orbit_from_matrix(camera.world_from_cam(), fov_from_focal(float(k[0, 0])))
    except (InputError, ValueError):
        return None, "The camera matrix of this file is no orbit camera: the present camera stays"
    same = np.allclose(pose.world_from_cam(), camera.world_from_cam(), atol=1e-4)
    centred = (
        math.isclose(k[0, 2], 0.5, abs_tol=1e-4)
        and math.isclose(k[1, 2], 0.5, abs_tol=1e-4)
        and abs(k[0, 1]) < 1e-4
    )
    exact = same and centred and math.isclose(k[0, 0], k[1, 1], rel_tol=1e-4)
    return pose, "" if exact else "The camera matrix is shown as the nearest orbit camera"


def _sampler(spec: SamplerSpec, info: CheckpointInfo, now: SamplerSpec) -> tuple[SamplerSpec, str]:
    found = next((s for s in info.samplers if s.name == spec.name), None)
    if found is None or not found.available:
        return now, f"The sampler {spec.name!r} is not available here: the present one stays"
    # records name the default number of samples explicitly; restored it is the default again
    return (spec.replace(spp=None), "") if spec.spp == found.default_spp else (spec, "")
