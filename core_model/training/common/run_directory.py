"""Writes a run directory (design, section 4). Only one process of a run has one of these.

Whole files are replaced atomically; lines are appended and flushed. After a crash the files hold a complete state and, at worst,
a torn last line, which the next start removes. A resumed run first forgets the lines beyond the state that it resumes from, so
that the files read as those of one uninterrupted run.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ValidationError

from core_model.schema.errors import InputError
from core_model.schema.overrides import read_tree
from core_model.schema.run import ControlRequest, MetricRecord, RunRecord, TickRecord
from core_model.schema.train import TrainConfig

STATE_SUFFIX = ".state.safetensors"


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` with `data`: complete or not at all, also when the machine stops."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def snapshot_name(step: int) -> str:
    return f"{step:06d}.safetensors"


def saved_config(root: Path) -> TrainConfig:
    """The settings of a run; raises InputError when there are none or they do not validate."""
    path = root / "config.json"
    try:
        text = path.read_bytes()
    except OSError:
        raise InputError(what="nothing to resume", where=str(root), expected="the config.json of a training run", got="none") from None
    return read_tree(TrainConfig, text, str(path))


def saved_record(root: Path) -> RunRecord | None:
    """The record of a run; None where there is none that can be read."""
    try:
        return RunRecord.model_validate_json((root / "run.json").read_bytes())
    except (OSError, ValidationError):
        return None


class RunDirectory:
    """The open run: its record, and everything that is written below `root`."""

    def __init__(self, root: Path, record: RunRecord) -> None:
        self.root, self.record = root, record
        self._control_seen: tuple[int, int] | None = None
        self.observers: list[Callable[[str, BaseModel], None]] = []

    @classmethod
    def create(cls, root: Path, cfg: TrainConfig, record: RunRecord) -> "RunDirectory":
        """A new run in a folder that has none; raises InputError where one is, or where nothing can be written."""
        if (root / "config.json").exists():
            raise InputError(what="run directory is in use", where=str(root), expected="a new folder, or --resume", got="config.json")
        try:
            for folder in ("images", "snapshots"):
                (root / folder).mkdir(parents=True, exist_ok=True)
            run = cls(root, record)
            run.update()
            write_atomic(root / "config.json", cfg.model_dump_json(indent=1).encode())
        except OSError as error:
            raise InputError(what="cannot write the run directory", where=str(root), got=error.strerror or str(error)) from None
        return run

    @classmethod
    def reopen(cls, root: Path, record: RunRecord) -> "RunDirectory":
        """The run in `root` again; what the record counts over resumes is carried on from run.json, if that is readable."""
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

    def update(self, **changes: object) -> None:
        """Change fields of the record and replace run.json."""
        self.record = self.record.replace(updated=time.time(), **changes)
        write_atomic(self.root / "run.json", self.record.model_dump_json(indent=1).encode())

    def tick(self, tick: TickRecord) -> None:
        """One line of stats.jsonl, and the record's last tick."""
        self._append("stats.jsonl", tick)
        self.update(last_tick=tick, step=tick.step, images=tick.images, wall_s=tick.wall_s)

    def metric(self, metric: MetricRecord) -> None:
        """One line of metrics.jsonl; best values move where a score is smaller (all scores of training are distances)."""
        self._append("metrics.jsonl", metric)
        best, where = dict(self.record.best), dict(self.record.best_snapshot)
        for name, value in metric.scores.items():
            if name not in best or value < best[name]:
                best[name], where[name] = value, metric.snapshot
        self.update(best=best, best_snapshot=where)

    def log(self, text: str) -> None:
        """Lines of log.txt, each with the time."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with open(self.root / "log.txt", "a", encoding="utf-8") as file:
            file.writelines(f"{stamp}  {line}\n" for line in text.splitlines() or [""])

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
        return sorted(self.snapshots.glob(f"[0-9]*{STATE_SUFFIX}"), key=lambda p: int(p.name.split(".")[0]), reverse=True)

    def drop_old_states(self, keep: int) -> None:
        for path in self.states()[keep:]:
            path.unlink(missing_ok=True)

    def control(self) -> ControlRequest | None:
        """A request that was not seen yet; anything that is none is logged once and passed over."""
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
        """A resumed run does not carry out what was asked of it before it ended."""
        request = self.control()
        if request is not None:
            self.update(last_control=request.id)

    def _append(self, name: str, record: BaseModel) -> None:
        with open(self.root / name, "a", encoding="utf-8") as file:
            file.write(record.model_dump_json() + "\n")
            file.flush()
        for observer in self.observers:
            observer(name, record)


def _step_of(line: bytes) -> int | None:
    try:
        step = json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return None
    return step if isinstance(step, int) else None
