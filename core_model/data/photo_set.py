"""`triscope data photos`: a folder of anybody's pictures as a training set in EG3D's layout.

    00000/img00000000.png         8-bit sRGB, square, transparent parts on white
    dataset.json                  {"labels": [[name, [25 numbers]], …], "camera_angles": [[name, [yaw, pitch, roll]], …]}
                                  (EG3D's and EpiGRAF's); with poses "none" {"labels": null}
    photos.json                   size, poses, and of each image: its source, and its crop in the upright source [pixels]

Pictures are worked on one by one, by several processes, each into files of its own in a folder beside the zip; so a run that was
killed goes on where it was, and the zip is written whole at the end. The same folder gives the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from core_model.data.index import LABEL_FILE, camera_angles
from core_model.data.labels import label_fault
from core_model.data.photo_images import Job, PhotoSetSettings, Taken, Treated, treat
from core_model.data.workers import in_order
from core_model.data.writing import ZipSink, image_name
from core_model.ops.cores import usable_cores
from core_model.schema.atomic import replacing, why_not_written, write_json
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen

_WORTH_A_WORKER = 6
"""Pictures for each further process."""


class PhotoSet(Frozen):
    """The set that was made: what became of each file of the folder, in order of name."""

    settings: PhotoSetSettings
    files: tuple[Treated, ...]
    without_picture: tuple[str, ...] = ()

    @property
    def taken(self) -> tuple[tuple[str, Taken], ...]:
        """(source, image) in the order of the set."""
        return tuple((f.source, t) for f in self.files for t in f.taken)

    @property
    def left_out(self) -> tuple[tuple[str, str], ...]:
        """(source, why) of every file that gave no image."""
        return tuple((f.source, f.why) for f in self.files if f.why)


def write_photo_set(
    folder: Path,
    out: Path,
    settings: PhotoSetSettings,
    *,
    labels: Mapping[str, np.ndarray] | None = None,
    progress: Callable[[int, int, int], None] | None = None,
    workers: int | None = None,
) -> PhotoSet:
    """Makes `out` (.zip) of the pictures below `folder`; goes on from what an earlier run with the same settings has left.

    labels: [25] by name, with poses "labels". progress(done, count, images) is called after each file. Raises InputError where the
    folder holds no picture that could be taken: `out` is not written then.
    """
    names, odd = _files(folder, out)
    parts = out.with_name(f".{out.name}.parts")
    known = _begun(parts, settings)
    given = {_stem(name): label for name, label in (labels or {}).items()}
    jobs = [_job(folder, name, parts, settings, given.get(_stem(name))) for name in names]
    done: dict[str, Treated] = {}
    waiting: list[Job] = []
    for job in jobs:
        earlier = _earlier(job) if known else None
        if earlier is None:
            waiting.append(job)
        else:
            done[job.name] = earlier
    told = lambda: progress and progress(len(done), len(jobs), sum(len(t.taken) for t in done.values()))
    told()
    if workers is None:
        workers = min(usable_cores(), 1 + len(waiting) // _WORTH_A_WORKER)
    for treated in _treated(waiting, workers):
        done[treated.source] = treated
        told()
    held = {_stem(name) for name in names}
    missing = tuple(sorted(name for name in labels or () if _stem(name) not in held))
    made = PhotoSet(settings=settings, files=(*(done[name] for name in names), *odd), without_picture=missing)
    if made.taken:
        with replacing(out) as temporary, zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
            _fill(ZipSink(archive), made, parts)
    shutil.rmtree(parts, ignore_errors=True)
    return made


def _job(folder: Path, name: str, parts: Path, settings: PhotoSetSettings, label: np.ndarray | None) -> Job:
    job = Job(folder=str(folder), name=name, parts=str(parts), settings=settings)
    if settings.poses != "labels":
        return job
    if label is None:
        return job.replace(fault="no label of it")
    fault = label_fault(label)
    return job.replace(label=tuple(map(float, label)), fault=fault and f"a label with {fault}")


def _stem(name: str) -> str:
    """A name without its extension: labels are found also where that differs."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.rsplit(".", 1)[0]


def _files(folder: Path, out: Path) -> tuple[list[str], list[Treated]]:
    """(names of all files below the folder, '/' between folders, in order; those with names that no text can hold).

    Links to folders are not followed; what `triscope data photos` itself writes is none of them.
    """
    if not folder.is_dir():
        raise InputError(
            what="no folder of pictures", where=str(folder), expected="a folder", got="a file" if folder.exists() else "nothing"
        )  # fmt: skip
    found = []
    own = f".{out.name}."
    for place, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [f for f in folders if not f.startswith(own)]
        here = Path(place).relative_to(folder)
        found += [(here / f).as_posix() for f in files if not f.startswith(own)]
    beside = {out.resolve(), *(file.resolve() for file in beside_of(out))}
    names = sorted(name for name in found if (folder / name).resolve() not in beside)
    odd = [name for name in names if not _is_text(name)]
    told = [
        Treated(source=n.encode("utf-8", "replace").decode(), stamp=(0, 0), why="its name is no UTF-8")
        for n in odd
    ]
    return [name for name in names if _is_text(name)], told


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def beside_of(out: Path) -> tuple[Path, Path]:
    """(report, drawing of the cameras) that are written beside a set."""
    return out.with_name(f"{out.stem}.report.json"), out.with_name(f"{out.stem}.cameras.png")


def _begun(parts: Path, settings: PhotoSetSettings) -> bool:
    """Makes the folder of parts ready; whether an earlier run with these settings began there."""
    file = parts / "settings.json"
    try:
        if PhotoSetSettings.model_validate_json(file.read_bytes()) == settings:
            return True
    except (OSError, ValidationError, ValueError):
        pass
    shutil.rmtree(parts, ignore_errors=True)
    try:
        parts.mkdir()
        write_json(file, settings.model_dump(mode="json"))
    except OSError as error:
        raise InputError(what="cannot write", where=str(parts), got=why_not_written(error)) from None
    return False


def _earlier(job: Job) -> Treated | None:
    """What an earlier run made of the file, if it is still the same and given the same label."""
    try:
        treated = Treated.model_validate_json(job.record.read_bytes())
    except (OSError, ValidationError, ValueError):
        return None
    same = treated.source == job.name and treated.stamp == job.stamp()
    whole = all(job.picture(k).is_file() for k in range(len(treated.taken)))
    if job.settings.poses == "labels":  # the file of labels may be another one
        same = same and (bool(treated.why) and treated.why == job.fault or bool(treated.taken))
        same = same and all(t.label == job.label for t in treated.taken)
    return treated if same and whole else None


def _treated(jobs: list[Job], workers: int) -> Iterator[Treated]:
    if workers <= 1:
        yield from map(treat, jobs)
        return
    with in_order(treat, jobs, workers) as results:
        yield from results


def _fill(sink: ZipSink, made: PhotoSet, parts: Path) -> None:
    labels: list[list[object]] = []
    angles: list[list[object]] = []
    images: list[dict[str, object]] = []
    for file in made.files:
        job = Job(folder="", name=file.source, parts=str(parts), settings=made.settings)
        for number, taken in enumerate(file.taken):
            name = image_name(len(images))
            sink.write(name, job.picture(number).read_bytes())
            if taken.label is not None:
                labels.append([name, list(taken.label)])
                angles.append([name, camera_angles(np.array(taken.label))])
            images.append({"name": name, "source": file.source, "crop": list(taken.crop)})
    known = {"labels": labels, "camera_angles": angles} if labels else {"labels": None}
    sink.write(LABEL_FILE, json.dumps(known).encode())
    about = {"generator": "triscope photos", **made.settings.model_dump(mode="json"), "images": images}
    sink.write("photos.json", json.dumps(about).encode())
