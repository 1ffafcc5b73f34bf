"""A far worker over a command's two streams, with the fake session: pictures, life cycle, hostile other sides."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, Tier
from tests import waiting
from tests.unit.render_client.test_lifecycle import frame_of, request, until
from viewer.render_client import client as client_module
from viewer.render_client.client import RenderClient
from viewer.render_client.events import (
    BakedReady,
    Event,
    FrameReady,
    Inspected,
    Opened,
    OpenFailed,
    RaySaved,
    WorkerDied,
    WorkerStarted,
)
from viewer.render_client.remote_link import remote
from viewer.wire.channel import Channel
from viewer.wire.command import Command
from viewer.wire.greeting import Greeted, fingerprint, greeting
from viewer.wire.records import ToCancel

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
PYTHON = shlex.quote(sys.executable)
FAR = f"sh -c {shlex.quote(f'cd {shlex.quote(str(ROOT))} && exec {PYTHON} tests/unit/render_client/far_program.py')}"
THIN = f"{PYTHON} {shlex.quote(str(HERE / 'relay.py'))}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    _before.clear()
    _before.update(below(os.getpid()))
    monkeypatch.setattr(client_module, "FAR_DELAYS_S", (0.1, 0.2))


@contextlib.contextmanager
def reached(command: str = FAR) -> Iterator[RenderClient]:
    client = RenderClient(link=remote(command), far=command)
    client.start()
    try:
        yield client
    finally:
        client.stop()


def opened(client: RenderClient, path: str = "fake:a") -> None:
    client.open(path)
    until(client, lambda e: isinstance(e, Opened), 30.0)


def below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


_before: set[psutil.Process] = set()
"""Processes that were there before this test, e.g. the display of the window tests."""


def ours() -> list[psutil.Process]:
    """Every process that this test started."""
    return [
        p for p in below(os.getpid()) if p not in _before and "resource_tracker" not in " ".join(_line(p))
    ]


def _line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.status() != psutil.STATUS_ZOMBIE else []
    except psutil.Error:
        return []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if _line(p)]


def test_pictures_rays_volumes_and_files_come_as_from_here(tmp_path: Path) -> None:
    with reached() as far, contextlib.closing(_Local()) as near:
        opened(far)
        opened(near.client)
        for tier in (Tier.FULL, Tier.REFINED):
            there = frame_of(far, far.submit(request(seed=5, size=48, tier=tier)))
            here = frame_of(near.client, near.client.submit(request(seed=5, size=48, tier=tier)))
            assert there.arrays.keys() == here.arrays.keys()
            for name, array in there.arrays.items():
                assert array.tobytes() == here.arrays[name].tobytes() and not array.flags.writeable
        moving = frame_of(far, far.submit(request(seed=6, size=48, tier=Tier.MOVING)))
        assert np.allclose(moving.arrays["rgb"], 0.006, atol=0.01)
        assert np.array_equal(moving.arrays["depth"], here_of(near, 6))
        far.inspect(request(), 3, 4)
        report, _ = until(far, lambda e: isinstance(e, Inspected))
        assert isinstance(report, Inspected) and (report.report.x, report.report.y) == (3, 4)
        question = BakeQuestion(checkpoint="fake:a", level=64)
        far.bake(question)
        near.client.bake(question)
        volumes = [until(c, lambda e: isinstance(e, BakedReady))[0] for c in (far, near.client)]
        assert isinstance(volumes[0], BakedReady) and isinstance(volumes[1], BakedReady)
        assert volumes[0].spec == volumes[1].spec
        for name in ("index", "clear", "value", "colour"):
            assert np.array_equal(*(getattr(v.arrays, name) for v in volumes))  # type: ignore[union-attr]
        status = far.status
        assert status.far == FAR and status.line is not None and status.line.bytes_in > 1000


class _Local:
    def __init__(self) -> None:
        self.client = RenderClient("tests.unit.render_client.fake_session:FakeSession")
        self.client.start()

    def close(self) -> None:
        self.client.stop()


def here_of(near: _Local, seed: int) -> np.ndarray:
    return frame_of(near.client, near.client.submit(request(seed=seed, size=48, tier=Tier.MOVING))).arrays[
        "depth"
    ]


def test_a_file_that_cannot_be_opened_is_an_event() -> None:
    with reached() as far:
        far.open("fake:bad")
        event, _ = until(far, lambda e: isinstance(e, OpenFailed), 30.0)
        assert isinstance(event, OpenFailed) and event.path == "fake:bad"


def test_stopping_ends_every_process() -> None:
    with reached() as far:
        opened(far)
        there = ours()
        assert len(there) >= 2  # the command, and the worker behind it
        far.submit(request(tiles=2000))
    waiting.until(lambda: not alive(there), "every process to end", 5.0)


@pytest.mark.parametrize("which", ["command", "worker"])
def test_a_killed_side_is_reached_again_with_its_view(which: str) -> None:
    with reached() as far:
        opened(far)
        frame_of(far, far.submit(request(seed=3)))
        waiting.until(lambda: far.status.line is not None, "the line", 5.0)
        there = ours()
        victim = psutil.Process(far.status.pid) if which == "worker" else far_ends(os.getpid())[0]
        wanted = far.submit(request(seed=4, tiles=400))
        time.sleep(0.2)
        victim.kill()
        died, _ = until(far, lambda e: isinstance(e, WorkerDied))
        assert isinstance(died, WorkerDied) and not died.final and died.far == FAR and died.again_s > 0
        assert "\n" not in died.reason
        again, seen = until(far, lambda e: isinstance(e, FrameReady) and e.result.generation == wanted, 40.0)
        assert isinstance(again, FrameReady) and again.result.error is None
        kinds = [type(e) for e in seen]
        assert WorkerStarted in kinds and any(isinstance(e, Opened) and e.again for e in seen)
        waiting.until(lambda: not alive(there), "every process to end", 5.0)


def far_ends(pid: int) -> list[psutil.Process]:
    """The far programs among the descendants of a process, without their workers."""
    return [p for p in below(pid) if "far_program" in " ".join(_line(p))]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills_of_either_end_leave_no_process() -> None:
    """The near end is a process of its own here; it is killed as a laptop dies."""
    chance = random.Random(7)
    for trial in range(50):
        near = psutil.Popen([sys.executable, "-c", _NEAR.format(far=FAR)], cwd=ROOT, start_new_session=True)
        time.sleep(chance.uniform(0.2, 3.0))
        far = waiting.until(lambda near=near: far_ends(near.pid), "the far end", 10.0) if trial % 2 else []
        tree = [near, *below(near.pid)]
        (chance.choice(far) if far else near).kill()
        if trial % 2:
            time.sleep(chance.uniform(0.0, 1.0))
            assert near.is_running() and near.status() != psutil.STATUS_ZOMBIE, "the window must live"
            tree += below(near.pid)
            near.kill()
        near.wait(5.0)
        waiting.until(
            lambda rest=[p for p in tree if p.pid != near.pid]: not alive(rest), "the tree to end", 25.0
        )


_NEAR = """
import time
from viewer.render_client.client import RenderClient
from viewer.render_client.remote_link import remote
from tests.unit.render_client.test_lifecycle import request
client = RenderClient(link=remote({far!r}), far="x")
client.start()
client.open("fake:a")
while True:
    client.poll()
    client.submit(request(tiles=20))
    time.sleep(0.05)
"""


HUGE = shlex.quote(r"tW\001\001\010\000\000\000\377\377\377\377\377\377\377\077")
"""printf of the first segment of a message that says it is endless."""


@pytest.mark.parametrize(
    ("script", "says", "final"),
    [
        ("exit 7", "ended with status 7 without a word", False),
        ("echo 'bash: triscope: command not found' >&2; exit 127", "there is no triscope there", True),
        ("echo 'Host key verification failed.' >&2; exit 255", "accept it", True),
        ("echo 'me@box: Permission denied (publickey).' >&2; exit 255", "set up a key", True),
        ("echo 'ssh: connect to host box port 22: No route to host' >&2; exit 255", "No route to host", False),
        ("echo This account is not available.", "This account is not available", True),
        ("echo TRISCOPE-LINE 1 0123456789ab 9.9.9; cat >/dev/null", "triscope 9.9.9.*install the same", True),
        ("head -c 200000 /dev/zero; cat >/dev/null", "not a triscope worker", True),
        (f"echo TRISCOPE-LINE 1 {fingerprint()} 0; head -c 100000 /dev/urandom; cat >/dev/null", "not a stream", False),
        (f"echo TRISCOPE-LINE 1 {fingerprint()} 0; printf {HUGE}; cat >/dev/null", "at most", False),
        (f"echo TRISCOPE-LINE 1 {fingerprint()} 0; yes | head -c 100000000", "not a stream", False),
    ],
)  # fmt: skip
def test_what_is_no_worker_is_one_clear_line(script: str, says: str, final: bool) -> None:
    before = set(os.listdir(ROOT))
    with reached(f"sh -c {shlex.quote(script)}") as far:
        died, _ = until(far, lambda e: isinstance(e, WorkerDied), 20.0)
        assert isinstance(died, WorkerDied) and died.final == final
        assert "\n" not in died.reason and __import__("re").search(says, died.reason), died.reason
    assert set(os.listdir(ROOT)) == before
    waiting.until(lambda: not alive(ours()), "every process to end", 5.0)


def test_a_message_out_of_order_is_one_line_there() -> None:
    command = Command(FAR)
    channel = Channel(command.read, command.write, command.kill)
    try:
        channel.say(greeting())
        assert Greeted().read(command.read)
        channel.start()
        channel.send(ToCancel(below=3))
        assert command.wait(30.0) == 1
        command.why()  # once it has read all of the error stream
        said = [line for line in command.said if "a library that prints" not in line]
        assert said == ["triscope worker: cancel before start"]
    finally:
        channel.close()
        command.kill()


def test_a_missing_program_is_told_before_anything_starts() -> None:
    with reached("no-such-program worker") as far:
        died, _ = until(far, lambda e: isinstance(e, WorkerDied))
        assert isinstance(died, WorkerDied) and died.final and "no such program here" in died.reason


def test_a_silent_window_is_given_up_by_the_far_side() -> None:
    """A stopped process holds its pipes open, as a laptop does whose lid is closed."""
    from viewer.wire.channel import DEAD_S

    code = _NEAR.format(far=FAR)
    near = psutil.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    try:
        waiting.until(
            lambda: any("multiprocessing" in " ".join(_line(p)) for p in below(near.pid)), "a worker", 30.0
        )
        time.sleep(2.0)
        there = below(near.pid)
        near.suspend()
        working = [p for p in there if "resource_tracker" not in " ".join(_line(p))]
        assert working
        waiting.until(lambda: near.status() == psutil.STATUS_STOPPED, "the window to stand still", 5.0)
        waiting.until(lambda: not alive(working), "the far side to end", DEAD_S + 10.0)
    finally:
        with contextlib.suppress(psutil.Error):
            os.kill(near.pid, signal.SIGKILL)
        near.wait(5.0)


def test_nothing_queues_up_on_a_thin_line() -> None:
    """80 ms and 300 kB per second: moving pictures come out steadily, and each is a recent one."""
    with reached(f"{THIN} 300000 0.08 {FAR}") as far:
        opened(far)
        sent: dict[int, float] = {}
        ages: list[float] = []
        end = time.monotonic() + 6.0
        while time.monotonic() < end:
            sent[far.submit(noisy())] = time.monotonic()
            for event in far.poll():
                if isinstance(event, FrameReady) and event.result.error is None:
                    ages.append(time.monotonic() - sent[event.result.generation])
            time.sleep(1 / 60)
        late = ages[len(ages) // 2 :]
        line = far.status.line
        assert line is not None and line.round_trip_ms > 75
        assert len(late) >= 15, ages
        assert np.median(late) < 0.6 and max(late) < 1.5, late


def noisy() -> RenderRequest:
    return request(seed=6, size=256, tier=Tier.MOVING)


def test_ray_files_are_written_here(tmp_path: Path) -> None:
    with reached() as far:
        opened(far)
        far.save_ray(request(), 1, 2, str(tmp_path / "ray.json"))
        saved: Event = until(far, lambda e: isinstance(e, RaySaved))[0]
        assert isinstance(saved, RaySaved)
        assert (tmp_path / "ray.json").exists() == (saved.error is None)
