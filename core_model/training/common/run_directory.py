"""Writes a run directory (design, section 4) for `train` and `fit`. One process of a run does.

Whole files are replaced atomically; lines are appended and flushed. After a crash the files hold a complete
state and, at worst, a torn last line, which the next start removes. A resumed run first forgets the lines
beyond the state that it resumes from, so that the files read as those of one uninterrupted run.
"""

from __future__ import annotations

import io
import json
import os
import socket
import time
import traceback
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydantic import BaseModel, ValidationError
from torch import Tensor

from core_model import __version__
from core_model.schema.atomic import naming, why_not_written, write_atomic
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.frozen import Frozen
from core_model.schema.overrides import read_tree
from core_model.schema.processes import started_at
from core_model.schema.run import ControlRequest, MetricRecord, RunRecord, RunState, TickRecord
from core_model.training.common.clock import wall_time
from core_model.training.common.distributed import Ranks
from core_model.training.common.events import EventWriter, open_events

C = TypeVar("C", bound=Frozen)

STATE_SUFFIX = ".state.safetensors"


def snapshot_name(step: int) -> str:
    return f"{step:06d}.safetensors"


def saved_config(root: Path, kind: type[C]) -> C:
    """The settings of a run of this kind; raises InputError when there are none or they do not validate."""
    path = root / "config.json"
    try:
        text = path.read_bytes()
    except OSError:
        raise InputError(
            what="nothing to resume",
            where=str(root),
            expected="the config.json of a training run",
            got="none",
        ) from None
    return read_tree(kind, text, str(path))


def saved_record(root: Path) -> RunRecord | None:
    """The record of a run; None where there is none that can be read."""
    try:
        return RunRecord.model_validate_json((root / "run.json").read_bytes())
    except (OSError, ValidationError):
        return None


def new_record(
    kind: Literal["gan", "fit", "invert"],
    preset: str,
    ranks: Ranks,
    command: Sequence[str],
    images_total: int,
) -> RunRecord:
    """The record of a run that this process starts now."""
    now = wall_time()
    return RunRecord(
        id=uuid.uuid4().hex[:12], kind=kind, preset=preset, host=socket.gethostname(), pid=os.getpid(),
        process_started=started_at(os.getpid()), world_size=ranks.world, device=ranks.device_name, command=tuple(command),
        cwd=os.getcwd(), code_version=__version__, torch_version=torch.__version__, started=now, updated=now, images_total=images_total,
    )  # fmt: skip


@contextmanager
def told_ending(run: "RunDirectory | None") -> Iterator[None]:
    """Context in which any exception is recorded in run.json and log.txt before it propagates.

    Where the directory itself is the trouble (a full disk, rights that were taken away, a folder that was removed),
    what can be recorded is, and a TriscopeError says so in one line.
    """
    try:
        yield
    except BaseException as error:
        if run is None:
            raise
        lost = run.lost(error)
        stopped = isinstance(error, KeyboardInterrupt)
        told = lost or f"{type(error).__name__}: {error}"
        with suppress(OSError):
            run.log(lost or traceback.format_exc())
        with suppress(OSError):
            run.update(state="stopped" if stopped else "failed", error="" if stopped else told[:2000])
        if lost:
            raise TriscopeError(lost) from error
        raise
    finally:
        if run is not None and run.events is not None:
            run.events.close()


class RunDirectory:
    """The open run: its record, and everything that is written below `root`."""

    def __init__(self, root: Path, record: RunRecord) -> None:
        self.root, self.record = root, record
        self._control_seen: tuple[int, int] | None = None
        self.events: EventWriter | None = None

    @classmethod
    def open(cls, root: Path, cfg: Frozen, record: RunRecord, *, resume: bool) -> "RunDirectory":
        """A new run, or the one in `root` reopened without the requests that were made before it ended."""
        if not resume:
            return cls.create(root, cfg, record)
        run = cls.reopen(root, record)
        run.skip_old_requests()
        run.update()
        return run

    @classmethod
    def create(cls, root: Path, cfg: Frozen, record: RunRecord) -> "RunDirectory":
        """A new run in a folder that has none; raises InputError where one is, or where nothing can be
        written.
        """
        if (root / "config.json").exists():
            raise InputError(
                what="run directory is in use",
                where=str(root),
                expected="a new folder, or --resume",
                got="config.json",
            )
        try:
            for folder in ("images", "snapshots"):
                (root / folder).mkdir(parents=True, exist_ok=True)
            run = cls(root, record)
            run.update()
            write_atomic(root / "config.json", cfg.model_dump_json(indent=1).encode())
        except OSError as error:
            raise InputError(
                what="cannot write the run directory", where=str(root), got=why_not_written(error)
            ) from None
        return run

    @classmethod
    def reopen(cls, root: Path, record: RunRecord) -> "RunDirectory":
        """The run in `root` reopened; totals over all resumes continue from run.json if it is readable."""
        for folder in ("images", "snapshots"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for stale in [*root.glob(".*.part"), *root.glob("*/.*.part")]:
            stale.unlink(missing_ok=True)
        old = saved_record(root)
        if old is None:
            return cls(root, record.replace(resumes=1))
        record = record.replace(
            id=old.id, started=old.started, resumes=old.resumes + 1, best=old.best, best_snapshot=old.best_snapshot,
            last_snapshot=old.last_snapshot, last_control=old.last_control,
        )  # fmt: skip
        return cls(root, record)

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    def lost(self, error: BaseException) -> str:
        """One line where an error says that the directory cannot be written any more; empty for any other."""
        if isinstance(error, Exception) and not self.root.is_dir():  # whatever a library makes of it
            return f"the run directory {self.root} is gone: the run ends at step {self.record.step}"
        if not isinstance(error, OSError) or error.filename is None:
            return ""
        path = Path(os.fsdecode(error.filename))
        if not path.is_relative_to(self.root):
            return ""
        return f"cannot write {path}: {why_not_written(error)}; --resume goes on from the last state in {self.snapshots}"

    def update(self, **changes: object) -> None:
        """Change fields of the record and replace run.json."""
        self.record = self.record.replace(updated=wall_time(), **changes)
        write_atomic(self.root / "run.json", self.record.model_dump_json(indent=1).encode())

    def tick(self, tick: TickRecord) -> None:
        """One line of stats.jsonl, and the record's last tick."""
        self._append("stats.jsonl", tick)
        self.update(last_tick=tick, step=tick.step, images=tick.images, wall_s=tick.wall_s)

    def metric(self, metric: MetricRecord) -> None:
        """Append a line to metrics.jsonl; the best value is the smallest (all scores of training are
        distances).
        """
        self._append("metrics.jsonl", metric)
        best, where = dict(self.record.best), dict(self.record.best_snapshot)
        for name, value in metric.scores.items():
            if name not in best or value < best[name]:
                best[name], where[name] = value, metric.snapshot
        self.update(best=best, best_snapshot=where)

    def log(self, text: str) -> None:
        """Lines of log.txt, each with the time."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        path = self.root / "log.txt"
        with naming(path), open(path, "a", encoding="utf-8") as file:
            file.writelines(f"{stamp}  {line}\n" for line in text.splitlines() or [""])

    def say(self, text: str) -> None:
        """Lines of log.txt that are printed as well."""
        self.log(text)
        print(text, flush=True)

    def end(self, state: RunState) -> None:
        """The last word of a run that was finished or stopped."""
        self.update(state=state)
        self.log(f"{state} at step {self.record.step}")

    def write_events(self) -> None:
        """Also write TensorBoard events from now on, where tensorboard is installed."""
        self.events = open_events(self.root / "tensorboard")
        if self.events is None:
            self.log("tensorboard is not installed: no events are written")

    def picture(
        self, kind: Literal["reals", "fakes"], pictures: Tensor, columns: int, step: int, images: int
    ) -> None:
        """A sheet of pictures [N, 3, R, R] uint8 in images/: reals.png once, fakesNNNNNN.png of a step."""
        about: dict[str, object] = {"kind": kind, "run": self.record.id}
        if kind == "fakes":
            about |= {"step": step, "images": images}
        png = grid_png(pictures, columns, about)
        name = "reals.png" if kind == "reals" else f"fakes{step:06d}.png"
        write_atomic(self.root / "images" / name, png)
        if self.events is not None and kind == "fakes":
            self.events.image("fakes", png, images)

    def forget_beyond(self, step: int) -> None:
        """Remove lines of stats and metrics after `step`, and a torn last line."""
        for name in ("stats.jsonl", "metrics.jsonl"):
            path = self.root / name
            if not path.exists():
                continue
            raw = path.read_bytes()
            kept = [line for line in raw.splitlines() if (at := _step_of(line)) is not None and at <= step]
            text = b"".join(line + b"\n" for line in kept)
            if text != raw:
                write_atomic(path, text)

    def states(self) -> list[Path]:
        """Resume states, newest first."""
        return sorted(
            self.snapshots.glob(f"[0-9]*{STATE_SUFFIX}"),
            key=lambda p: int(p.name.split(".")[0]),
            reverse=True,
        )

    def drop_old_states(self, keep: int) -> None:
        for path in self.states()[keep:]:
            path.unlink(missing_ok=True)

    def control(self) -> ControlRequest | None:
        """A request that was not seen yet; a malformed one is logged once and ignored."""
        path = self.root / "control.json"
        try:
            stat = path.stat()
            if (stat.st_mtime_ns, stat.st_ino) == self._control_seen:
                return None
            self._control_seen = (stat.st_mtime_ns, stat.st_ino)
            request = ControlRequest.model_validate_json(path.read_bytes())
        except OSError:
            return None
        except ValidationError as error:
            self.log(f"control.json is no request and is passed over: {error.errors()[0]['msg']}")
            return None
        return None if request.id == self.record.last_control else request

    def skip_old_requests(self) -> None:
        """Ignore requests that were made before the run was resumed."""
        request = self.control()
        if request is not None:
            self.update(last_control=request.id)

    def _append(self, name: str, record: BaseModel) -> None:
        path = self.root / name
        with naming(path), open(path, "a", encoding="utf-8") as file:
            file.write(record.model_dump_json() + "\n")
            file.flush()
        if self.events is not None:
            self.events.record(name, record)


def grid_png(images: Tensor, columns: int, about: dict[str, object]) -> bytes:
    """PNG of images [N, 3, R, R] uint8 side by side, `about` as JSON in its text; missing places stay grey."""
    n, _, size, _ = images.shape
    rows = -(-n // columns)
    sheet = np.full((rows * size, columns * size, 3), 128, np.uint8)
    for i, image in enumerate(images):
        y, x = divmod(i, columns)
        sheet[y * size : (y + 1) * size, x * size : (x + 1) * size] = image.permute(1, 2, 0).numpy()
    info = PngInfo()
    info.add_text("triscope-run", json.dumps(about))
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def _step_of(line: bytes) -> int | None:
    try:
        step = json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return None
    return step if isinstance(step, int) else None
