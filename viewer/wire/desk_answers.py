"""The far end of a `FarDesk`: answers questions about the runs of this machine with its own `LocalDesk`.

It may read and start what its user may, and nothing more; a training is started from the words of its command, never
from a command line of the other side.
"""

from __future__ import annotations

import errno
import hashlib
import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import zstandard

from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.frozen import Frozen
from core_model.schema.home import expanded
from viewer.jobs.backend import Resources
from viewer.jobs.command import CommandLine
from viewer.jobs.desk import Desk, LocalDesk
from viewer.jobs.local import read_job
from viewer.jobs.run_rows import RunRow
from viewer.jobs.waiting import Waiting
from viewer.runs.documents import JsonFile, lenient
from viewer.runs.source import HERE, FileMark
from viewer.wire import desk_records as d
from viewer.wire import records as r
from viewer.wire.channel import Channel, Lane
from viewer.wire.faults import WireError

MOST_WAITING = 256
SMALL = 1 << 16
"""Bytes of an answer that goes before pictures."""
COMMANDS = ("train", "fit")
PATH_WORDS = ("--data", "--out")
_NAME = re.compile(r"[^/\\\x00-\x1f]{1,255}")
_Blobs = list[bytes]


class DeskAnswers:
    """`take` is called by one thread and never blocks: four others answer."""

    def __init__(self, channel: Channel, desk: Desk | None = None) -> None:
        self._channel = channel
        self._desk = desk or LocalDesk()
        self._pool = ThreadPoolExecutor(4, "triscope-desk")
        self._waiting = 0
        self._host = self._desk.host()
        self._told: dict[str, bytes] = {}
        self._turn = 0

    def take(self, record: r.ToDesk) -> None:
        """Answer a question, some time soon. Raises WireError for one that nobody knows."""
        kind = d.DESK.get(record.name)
        if kind is None:
            raise WireError(f"an unknown question {record.name[:40]!r}")
        try:
            question = kind.model_validate_json(record.question)
        except ValueError as e:
            raise WireError(f"a question that is not understood ({str(e).splitlines()[0][:120]})") from None
        if self._waiting >= MOST_WAITING:
            raise WireError(f"more than {MOST_WAITING} questions at a time")
        self._waiting += 1
        self._pool.submit(self._answer, record.number, question)

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._host.close()

    def _answer(self, number: int, question: d.DeskQuestion) -> None:
        blobs: _Blobs = []
        try:
            answer, blobs = self._asked(question)
            said = r.FromDesk(number=number, answer=answer.model_dump_json())
        except OSError as e:
            code = e.errno if e.errno is not None and 0 < e.errno <= 1000 else errno.EIO
            said = r.FromDesk(number=number, error=(e.strerror or str(e) or "it failed")[:4000], code=code)
        except Exception as e:  # the other side hears of it
            text = str(e) if isinstance(e, TriscopeError) else f"{type(e).__name__}: {e}"
            said = r.FromDesk(number=number, error=text[:4000] or type(e).__name__)
        finally:
            self._waiting -= 1
        large = len(said.answer) + sum(map(len, blobs)) > SMALL
        self._channel.send(said, blobs, Lane.BULK if large else Lane.REPLY)

    def _asked(self, question: d.DeskQuestion) -> tuple[Frozen, _Blobs]:
        desk = self._desk
        match question:
            case d.ListRuns():
                return self._list(question), []
            case d.LookAtRun():
                return _look(question), []
            case d.ReadParts():
                return _read(question)
            case d.SampleHost(disk=disk):
                return self._sample(disk), []
            case d.KnownData(runs=runs):
                return d.SeenPath(path=_said(desk.known_data(tuple(Path(run) for run in runs)))), []
            case d.AskFacts():
                facts = desk.facts()
                return d.SeenFacts(folder=_said(facts.folder), backends=facts.backends), []
            case d.LookAtData(path=path):
                return d.SeenData(**asdict(desk.data(path))), []
            case d.FreeName(folder=folder, stem=stem):
                return d.SeenPath(path=_said(desk.free_name(desk.path(folder), stem))), []
            case d.IsRun(path=path):
                return d.SeenPath(path=path, is_run=desk.is_run(desk.path(path))), []
            case d.StartRun():
                line = CommandLine(_words(question.words, desk), question.processes)
                desk.start(desk.path(question.run), line, question.backend, _resources(question.resources))
            case d.ResumeRun(run=run, backend=backend, resources=asked):
                desk.resume(desk.path(run), backend, None if asked is None else _resources(asked))
            case d.SteerRun():
                return self._steer(question), []
            case d.MoveRun(run=run, earlier=earlier):
                desk.move(str(Path(run)), earlier)
        return d.Done(), []

    def _list(self, question: d.ListRuns) -> d.SeenRuns:
        """Rows that the other side has not seen as they are now."""
        found = self._desk.list_runs(question.folders)
        rows = {row.path: row for row in map(_row, found.rows)}
        marks = {path: hashlib.sha256(row.model_dump_json().encode()).digest() for path, row in rows.items()}
        told = self._told if question.since == self._turn else {}
        self._told, self._turn = marks, self._turn + 1
        return d.SeenRuns(
            turn=self._turn,
            order=tuple(rows),
            rows=tuple(row for path, row in rows.items() if told.get(path) != marks[path]),
            faults={folder: text[:4000] for folder, text in found.faults.items()},
            queue=tuple(map(_waiting, found.queue[:1000])),
        )

    def _sample(self, disk: str) -> d.SeenHost:
        host = self._host
        host.follow(self._desk.path(disk))
        taken = host.sample()
        host.history.clear()
        return d.SeenHost(**asdict(taken), why_no_gpu=host.why_no_gpu[:4000])

    def _steer(self, question: d.SteerRun) -> d.SeenWish:
        run = self._desk.path(question.run)
        if question.kill:
            self._desk.kill(run)
        elif question.leave:
            self._desk.stop(run)
        else:
            wish = self._desk.request(run, question.action)
            return d.SeenWish(id=wish.id, time=wish.time)
        return d.SeenWish()


def _said(path: Path | str | object) -> str:
    """A path with `/` between its parts, as the other side joins it."""
    return Path(str(path)).as_posix() if str(path) else ""


def _waiting(one: Waiting) -> d.SeenWaiting:
    return d.SeenWaiting(
        run=_said(one.run),
        devices=one.devices,
        running=one.running,
        before=one.before,
        up=one.up,
        down=one.down,
    )


def _row(row: RunRow) -> d.SeenRow:
    glance = row.glance
    return d.SeenRow(
        path=_said(row.path),
        folder=row.folder,
        state=row.state,
        job=row.job,
        record=row.record,
        place=row.place,
        glance=None if glance is None else (glance.state, glance.images, glance.total, glance.begun),
    )


def _mark(mark: FileMark) -> d.Mark:
    return (mark.name, mark.size, max(mark.changed_ns, 0), mark.identity[0], mark.identity[1])


def _look(question: d.LookAtRun) -> d.SeenRun:
    """The three folders of a run, those left out that are as the other side knows them."""
    run = expanded(question.run).absolute()
    folders = []
    for folder, known in zip((run, run / "images", run / "snapshots"), question.known, strict=True):
        try:
            marks = [_mark(m) for m in HERE.files(folder) if _NAME.fullmatch(m.name) and _utf8(m.name)]
        except OSError:
            if folder == run:
                raise
            marks = []
        if len(marks) > d.MOST_FILES:
            marks = sorted(marks, key=lambda m: -m[2])[: d.MOST_FILES]
        digest = hashlib.sha256(repr(sorted(marks)).encode()).hexdigest()
        folders.append(d.SeenFolder(digest=digest, files=None if digest == known else tuple(marks)))
    record, job = JsonFile(run / "run.json"), read_job(run)
    record.refresh()
    state = None
    if record.value or job is not None:
        from core_model.schema.run import RunRecord

        told = lenient(RunRecord, {"id": run.name} | record.value) if record.value else None
        tick_s = question.tick_s if question.tick_s >= 0.0 else math.nan
        state = HERE.state(run, told, job, question.last_written, tick_s)
    free = HERE.free(run)
    return d.SeenRun(folders=tuple(folders), free=free if free == free else -1.0, now=HERE.now(), state=state)


def _read(question: d.ReadParts) -> tuple[d.SeenParts, _Blobs]:
    if sum(count for _, count in question.ranges) > d.MOST_BYTES:
        raise InputError(what="more bytes than one answer holds", where=question.path)
    path = expanded(question.path)
    HERE.stat(path)  # a pipe or a device would be opened for ever
    mark, blocks = HERE.read(path, *question.ranges)
    data = b"".join(blocks)
    packed = zstandard.ZstdCompressor(level=6).compress(data) if len(data) > 128 else data
    smaller = len(packed) < len(data)
    lengths = tuple(map(len, blocks))
    return d.SeenParts(mark=_mark(mark), lengths=lengths, packed=smaller), [packed if smaller else data]


def _utf8(name: str) -> bool:
    """Whether a name can be told at all (names of files may hold any byte)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _words(words: tuple[str, ...], desk: Desk) -> tuple[str, ...]:
    """The words of a training, with the paths of this machine whole. Raises InputError for another command."""
    if words[0] not in COMMANDS:
        raise InputError(what="not a training", expected=" or ".join(COMMANDS), got=words[0][:40])
    whole: Callable[[str, str], str] = lambda option, word: (
        str(desk.path(word)) if option in PATH_WORDS else word
    )
    return tuple(whole(option, word) for option, word in zip(("", *words), words, strict=False))


def _resources(asked: d.AskedResources) -> Resources:
    return Resources(**asked.model_dump())
