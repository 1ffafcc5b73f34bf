"""The desk of a far machine: runs there are listed, read, started and steered over the line.

Files are read from where reading stopped, folders are told only where they changed, and nothing of what comes back is
ever written here. See `viewer.jobs.desk` and `viewer.runs.source` for what the methods mean.
"""

from __future__ import annotations

import errno
import math
import os
import threading
import time
from pathlib import PurePath

from core_model.schema.run import Action, ControlRequest, RunRecord
from viewer.jobs.backend import Resources
from viewer.jobs.command import CommandLine
from viewer.jobs.data_set import DataLook
from viewer.jobs.desk import DeskFacts
from viewer.jobs.run_rows import RunListing, RunRow
from viewer.jobs.waiting import Waiting
from viewer.runs.glance import Glance
from viewer.runs.host import GpuSample, HostSample, HostSampler
from viewer.runs.job_record import JobRecord, ShownState
from viewer.runs.source import FarPath, FileMark, Range
from viewer.wire import desk_records as d
from viewer.wire.desk_line import DeskLine, LineDown
from viewer.wire.faults import WireError
from viewer.wire.packets import inflated

LOOK_S = 0.5
"""A folder is looked at again after this time, and after four times what the last look took."""
_HOME = FarPath("~")
START_S = 60.0
"""Starting and ending jobs asks Slurm, which may think for long."""


class FarSource:
    """Reads one run. What was told of its folders serves until the next look; a failure serves for a while too."""

    block = 1 << 18
    log_bytes = 1 << 20

    def __init__(self, line: DeskLine, run: PurePath) -> None:
        self._line, self._run = line, run
        self._folders = (run, run / "images", run / "snapshots")
        self._known = ["", "", ""]
        self._files: list[dict[str, FileMark]] = [{}, {}, {}]
        self._free = math.nan
        self._state: ShownState | None = None
        self._ahead = 0.0
        self._judged = (0.0, -1.0)
        self._next = 0.0
        self._failed: OSError | None = None
        self._lock = threading.Lock()

    def stat(self, path: PurePath) -> FileMark:
        found = self._folder(path.parent).get(path.name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return found

    def files(self, folder: PurePath) -> tuple[FileMark, ...]:
        return tuple(self._folder(folder).values())

    def read(self, path: PurePath, *ranges: Range) -> tuple[FileMark, list[bytes]]:
        pieces = [
            (place, at, min(offset + count - at, d.MOST_BYTES // 4))
            for place, (offset, count) in enumerate(ranges)
            for at in range(offset, offset + max(count, 1), d.MOST_BYTES // 4)
        ]
        blocks = [bytearray() for _ in ranges]
        mark = None
        for some in _loads(pieces):
            found, parts = self._parts(path, tuple((at, count) for _, at, count in some))
            mark = mark or found
            for (place, _, _), part in zip(some, parts, strict=True):
                blocks[place] += part
        assert mark is not None
        return mark, [bytes(b) for b in blocks]

    def free(self, folder: PurePath) -> float:
        return self._free

    def now(self) -> float:
        return time.time() + self._ahead

    def state(
        self,
        run: PurePath,
        record: RunRecord | None,
        job: JobRecord | None,
        last_written: float,
        tick_s: float,
    ) -> ShownState:
        self._judged = (last_written, tick_s if tick_s == tick_s else -1.0)
        self._look()
        if self._state is None:
            raise LineDown("not judged yet")
        return self._state

    def forget(self) -> None:
        """Look again at the next question, however recently that was done."""
        self._next = 0.0

    def _folder(self, folder: PurePath) -> dict[str, FileMark]:
        self._look()
        return self._files[self._folders.index(folder)] if folder in self._folders else {}

    def _look(self) -> None:
        """Ask again where the last look is old. Raises OSError where the run or the line is gone."""
        with self._lock:
            began = time.monotonic()
            if began < self._next:
                if self._failed is not None:
                    raise self._failed
                return
            self._failed = None
            try:
                self._take(self._ask())
            except OSError as error:
                self._failed = error
                raise
            finally:
                now = time.monotonic()
                self._next = now + max(LOOK_S, 4.0 * min(now - began, 5.0))

    def _ask(self) -> d.SeenRun:
        written, tick_s = self._judged
        question = d.LookAtRun(
            run=str(self._run), known=tuple(self._known), last_written=written, tick_s=tick_s
        )
        return self._line.call(question, d.SeenRun)[0]

    def _take(self, seen: d.SeenRun) -> None:
        for place, folder in enumerate(seen.folders):
            if folder.files is not None:
                self._files[place] = {name: _mark((name, *rest)) for name, *rest in folder.files}  # type: ignore[misc]
                self._known[place] = folder.digest
        self._free = seen.free if seen.free >= 0.0 else math.nan
        self._ahead, self._state = seen.now - time.time(), seen.state

    def _parts(self, path: PurePath, ranges: tuple[Range, ...]) -> tuple[FileMark, list[bytes]]:
        seen, blobs = self._line.call(d.ReadParts(path=str(path), ranges=ranges), d.SeenParts)
        total = sum(seen.lengths)
        fits = all(length <= count for length, (_, count) in zip(seen.lengths, ranges, strict=False))
        if len(blobs) != 1 or len(seen.lengths) != len(ranges) or not fits:
            raise LineDown("an answer that does not fit its question")
        try:
            data = inflated(blobs[0], total) if seen.packed else bytes(blobs[0])
        except WireError as e:
            raise LineDown(str(e)) from None
        if len(data) != total:
            raise LineDown("an answer that does not fit its question")
        found, at = [], 0
        for length in seen.lengths:
            found.append(data[at : at + length])
            at += length
        return _mark(seen.mark), found


class FarHost(HostSampler):
    """Figures of the far machine, over the line."""

    def __init__(self, line: DeskLine) -> None:
        super().__init__(_HOME)
        self._line = line

    def follow(self, run: PurePath | None) -> None:
        self.disk = run or _HOME

    def sample(self) -> HostSample:
        seen, _ = self._line.call(d.SampleHost(disk=str(self.disk)), d.SeenHost)
        self.why_no_gpu = seen.why_no_gpu
        plain = seen.model_dump(exclude={"gpus", "why_no_gpu"})
        taken = HostSample(**plain, gpus=tuple(GpuSample(**gpu.model_dump()) for gpu in seen.gpus))
        self.history.append(taken)
        return taken


class FarDesk:
    """The machine that a line leads to."""

    here = False

    def __init__(self, line: DeskLine) -> None:
        self._line = line
        self._turn = 0
        self._rows: dict[str, RunRow] = {}

    @property
    def trouble(self) -> str:
        return self._line.trouble

    def path(self, text: str) -> FarPath:
        return FarPath(text.strip().replace("\\", "/"))

    def source(self, run: PurePath) -> FarSource:
        return FarSource(self._line, run)

    def host(self) -> FarHost:
        return FarHost(self._line)

    def list_runs(self, folders: tuple[str, ...]) -> RunListing:
        seen, _ = self._line.call(d.ListRuns(folders=folders, since=self._turn), d.SeenRuns)
        rows = self._rows | {row.path: _row(row) for row in seen.rows}
        self._rows = {path: rows[path] for path in seen.order if path in rows}
        self._turn = seen.turn
        queue = tuple(Waiting(**one.model_dump()) for one in seen.queue)
        return RunListing(tuple(self._rows.values()), dict(seen.faults), queue)

    def facts(self) -> DeskFacts:
        seen, _ = self._line.call(d.AskFacts(), d.SeenFacts)
        return DeskFacts(seen.folder, seen.backends)

    def known_data(self, runs: tuple[PurePath, ...]) -> str:
        return self._line.call(d.KnownData(runs=tuple(map(str, runs[:64]))), d.SeenPath)[0].path

    def data(self, path: str) -> DataLook:
        try:
            seen, _ = self._line.call(d.LookAtData(path=path), d.SeenData, START_S)
        except OSError as error:
            return DataLook(path, fault=str(error))
        return DataLook(**seen.model_dump())

    def free_name(self, folder: PurePath, stem: str) -> FarPath:
        return FarPath(self._line.call(d.FreeName(folder=str(folder), stem=stem), d.SeenPath)[0].path)

    def is_run(self, path: PurePath) -> bool:
        return self._line.call(d.IsRun(path=str(path)), d.SeenPath)[0].is_run

    def start(self, run: PurePath, line: CommandLine, backend: str, resources: Resources) -> None:
        wish = d.StartRun(
            run=str(run),
            words=line.arguments,
            processes=line.processes,
            backend=backend,
            resources=_asked(resources),
        )
        self._line.call(wish, d.Done, START_S)

    def resume(self, run: PurePath, backend: str, resources: Resources | None) -> None:
        asked = None if resources is None else _asked(resources)
        self._line.call(d.ResumeRun(run=str(run), backend=backend, resources=asked), d.Done, START_S)

    def stop(self, run: PurePath) -> None:
        self._line.call(d.SteerRun(run=str(run), action="stop", leave=True), d.SeenWish, START_S)

    def request(self, run: PurePath, action: Action) -> ControlRequest:
        seen, _ = self._line.call(d.SteerRun(run=str(run), action=action), d.SeenWish)
        return ControlRequest(id=seen.id or "none", action=action, time=seen.time)

    def kill(self, run: PurePath) -> None:
        self._line.call(d.SteerRun(run=str(run), action="stop", kill=True), d.SeenWish, START_S)

    def move(self, run: str, earlier: bool) -> None:
        self._line.call(d.MoveRun(run=run, earlier=earlier), d.Done)


def _loads(pieces: list[tuple[int, int, int]]) -> list[list[tuple[int, int, int]]]:
    """Pieces (range, offset, count) in as few questions as their limits allow."""
    loads: list[list[tuple[int, int, int]]] = [[]]
    for piece in pieces:
        if len(loads[-1]) == 8 or sum(p[2] for p in loads[-1]) + piece[2] > d.MOST_BYTES // 4:
            loads.append([])
        loads[-1].append(piece)
    return [load for load in loads if load]


def _mark(seen: d.Mark) -> FileMark:
    name, size, changed_ns, device, inode = seen
    return FileMark(name, size, changed_ns, (device, inode))


def _row(seen: d.SeenRow) -> RunRow:
    glance = None if seen.glance is None else Glance(*seen.glance)
    return RunRow(FarPath(seen.path), seen.folder, seen.state, seen.job, seen.record, seen.place, glance)


def _asked(resources: Resources) -> d.AskedResources:
    return d.AskedResources(**resources.__dict__)
