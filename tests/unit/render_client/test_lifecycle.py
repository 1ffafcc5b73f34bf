"""Life of the render worker, with a fake session that does what the request says (fake_session.py)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest, Tier
from tests import waiting
from tests.unit.render_client.fake_session import KILLED, NO_MEMORY, RAISES, SMALL_TILES, WIDE
from viewer.render_client.client import RenderClient
from viewer.render_client.events import (
    Event,
    FrameReady,
    Inspected,
    InspectFailed,
    Opened,
    OpenFailed,
    WorkerDied,
    WorkerStarted,
)
from viewer.render_client.messages import SessionOptions

FACTORY = "tests.unit.render_client.fake_session:FakeSession"


def request(
    seed: int = 1, tiles: int = 0, size: int = 32, tier: Tier = Tier.FULL, path: str = "fake:a"
) -> RenderRequest:
    """`seed` is the latent's (it chooses what befalls the frame), `tiles` the number of 5 ms tiles."""
    return RenderRequest(
        checkpoint=path,
        latent=LatentSpec.of_seed(seed),
        width=size,
        height=size,
        seed=tiles,
        tier=tier,
        channels=("rgb", "depth", "samples"),
    )


def until(
    client: RenderClient, wanted: Callable[[Event], bool], timeout_s: float = 15.0
) -> tuple[Event, list[Event]]:
    """(the first event that is wanted, all events up to then)."""
    seen: list[Event] = []
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        for event in client.poll():
            seen.append(event)
            if wanted(event):
                return event, seen
        time.sleep(0.001)
    raise AssertionError(
        f"not seen within {timeout_s} s; events: {[type(e).__name__ for e in seen]}, {client.status}"
    )


def frame_of(client: RenderClient, generation: int, timeout_s: float = 15.0) -> FrameReady:
    event, _ = until(
        client, lambda e: isinstance(e, FrameReady) and e.result.generation == generation, timeout_s
    )
    assert isinstance(event, FrameReady)
    return event


def started(**options: str) -> RenderClient:
    client = RenderClient(FACTORY, options=SessionOptions(**options) if options else None)  # type: ignore[arg-type]
    client.start()
    return client


def shared_blocks() -> set[str]:
    """Names of triscope's shared memory of this process."""
    folder = Path("/dev/shm")
    return {p.name for p in folder.glob(f"triscope-{os.getpid()}-*")} if folder.is_dir() else set()


def worker_of(client: RenderClient) -> psutil.Process:
    until(client, lambda e: isinstance(e, WorkerStarted))
    return psutil.Process(client.status.pid)


@pytest.fixture
def client() -> Iterator[RenderClient]:
    before = shared_blocks()
    client = started()
    yield client
    client.stop()
    assert shared_blocks() == before


def test_frame_comes_back_with_its_request(client: RenderClient) -> None:
    client.open("fake:a")
    opened, _ = until(client, lambda e: isinstance(e, Opened))
    assert isinstance(opened, Opened) and opened.info.path == "fake:a" and not opened.again
    wish = request(seed=250, size=48)
    frame = frame_of(client, client.submit(wish))
    assert frame.result.request == wish and frame.result.error is None
    assert {n: a.shape for n, a in frame.arrays.items()} == {
        "rgb": (3, 48, 48),
        "depth": (48, 48),
        "samples": (48, 48),
    }
    assert all(a.dtype == np.float32 and not a.flags.writeable for a in frame.arrays.values())
    assert all((a == np.float32(0.25)).all() for a in frame.arrays.values())
    assert [(f.low, f.high) for f in frame.result.frames] == [(0.25, 0.25)] * 3
    status = client.status
    assert (
        status.alive and status.device == "fake" and status.memory_bytes > 1e6 and 0 < status.started_s < 15
    )


def test_arrays_outlive_the_ring(client: RenderClient) -> None:
    first = frame_of(client, client.submit(request(seed=100)))
    kept = first.arrays["rgb"].copy()
    for seed in range(200, 210):
        frame_of(client, client.submit(request(seed=seed)))
    client.stop()
    assert np.array_equal(first.arrays["rgb"], kept) and np.isclose(kept.mean(), 0.1)


def test_larger_frames_get_a_larger_ring_and_the_old_one_goes(client: RenderClient) -> None:
    frame_of(client, client.submit(request(size=16)))
    small = {n for n in shared_blocks() if "ring" in n}
    big = frame_of(client, client.submit(request(seed=2, size=300)))
    assert big.arrays["rgb"].shape == (3, 300, 300)
    assert len(small) == 1 and small.isdisjoint(shared_blocks()), "the small ring is still there"
    assert len([n for n in shared_blocks() if "ring" in n]) == 1


def test_frame_larger_than_asked_goes_through_the_pipe_once(client: RenderClient) -> None:
    wide = frame_of(client, client.submit(request(seed=WIDE, size=64)))
    assert wide.arrays["rgb"].shape == (3, 64, 256) and np.isclose(wide.arrays["depth"][0, -1], WIDE / 1000)
    names = shared_blocks()
    frame_of(client, client.submit(request(seed=WIDE, size=64)))
    assert shared_blocks() != names, "the next ring was not made large enough for it"


def test_newest_wins_under_a_flood(client: RenderClient) -> None:
    until(client, lambda e: isinstance(e, WorkerStarted))
    last, longest = 0, 0.0
    for seed in range(300):
        begun = time.perf_counter()
        last = client.submit(request(seed=seed % 10, tiles=20))
        longest = max(longest, time.perf_counter() - begun)
    end = frame_of(client, last)
    assert end.result.generation == last and np.isclose(end.arrays["rgb"][0, 0, 0], 0.009)
    waiting.throughout(lambda: not client.poll(), "frames older than the newest came after it", 0.05)
    assert longest < 0.1, f"submit blocked for {longest * 1e3:.0f} ms"


def test_moving_frames_are_not_starved_by_mouse_events(client: RenderClient) -> None:
    """At one request every 4 ms and 50 ms per frame, frames keep coming all along."""
    until(client, lambda e: isinstance(e, WorkerStarted))
    frames, end, seed = [], time.monotonic() + 1.0, 0
    while time.monotonic() < end:
        seed += 1
        client.submit(request(seed=seed % 10, tiles=10, tier=Tier.MOVING))
        frames += [e for e in client.poll() if isinstance(e, FrameReady)]
        time.sleep(0.004)
    assert len(frames) >= 8, f"{len(frames)} frames in a second"
    generations = [f.result.generation for f in frames]
    assert generations == sorted(generations)


@pytest.mark.parametrize("tier", [Tier.SETTLED, Tier.FULL, Tier.REFINED])
def test_cancel_between_tiles(client: RenderClient, tier: Tier) -> None:
    until(client, lambda e: isinstance(e, WorkerStarted))
    client.submit(request(tiles=2000, tier=tier))
    until_busy(client)
    begun = time.monotonic()
    frame_of(client, client.submit(request(seed=5, tier=Tier.MOVING)))
    took = time.monotonic() - begun
    assert took < 0.2, f"{took * 1e3:.0f} ms from the new request to its frame"


def until_busy(client: RenderClient) -> None:
    waiting.until(lambda: client.status.stage == "field", "work on the frame", 5.0, pause_s=0.001)
    assert client.status.busy


def test_progress_is_readable_while_it_works(client: RenderClient) -> None:
    generation = client.submit(request(tiles=40))
    until_busy(client)
    waiting.until(lambda: 0.1 < client.status.fraction < 1.0, "a part of the frame", pause_s=0.001)
    frame_of(client, generation)
    waiting.until(lambda: not client.status.busy and client.status.stage == "", "rest", 5.0)


def test_killed_worker_comes_back_with_checkpoint_and_frame(client: RenderClient) -> None:
    client.open("fake:a")
    until(client, lambda e: isinstance(e, Opened))
    generation = client.submit(request(seed=42, tiles=200))
    until_busy(client)
    first = client.status.pid
    begun = time.monotonic()
    os.kill(first, signal.SIGKILL)
    died, _ = until(client, lambda e: isinstance(e, WorkerDied))
    noticed = time.monotonic() - begun
    assert (
        isinstance(died, WorkerDied)
        and died.exitcode == -signal.SIGKILL
        and "SIGKILL" in died.reason
        and not died.final
    )
    assert noticed < 1.0
    opened, _ = until(client, lambda e: isinstance(e, Opened))
    assert isinstance(opened, Opened) and opened.again
    frame = frame_of(client, generation)
    assert np.isclose(frame.arrays["depth"].mean(), 0.042)
    status = client.status
    assert status.alive and status.pid != first and status.restarts == 1
    assert len(shared_blocks()) == 2, "the dead worker's shared memory is still there"


def test_view_that_kills_the_worker_is_given_up(client: RenderClient) -> None:
    generation = client.submit(request(seed=KILLED))
    frame = frame_of(client, generation, timeout_s=30)
    assert frame.result.error is not None and frame.result.error.kind == "worker" and not frame.arrays
    good = frame_of(client, client.submit(request(seed=7)))
    assert good.result.error is None
    assert client.status.restarts == 2


def test_file_that_kills_the_worker_is_given_up(client: RenderClient) -> None:
    client.open("fake:crash")
    failed, _ = until(client, lambda e: isinstance(e, OpenFailed), timeout_s=30)
    assert isinstance(failed, OpenFailed) and failed.path == "fake:crash" and failed.error.kind == "worker"
    assert frame_of(client, client.submit(request(seed=7))).result.error is None


@pytest.mark.slow
def test_worker_that_dies_too_often_stays_down_until_restart(client: RenderClient) -> None:
    for _ in range(5):
        os.kill(worker_of(client).pid, signal.SIGKILL)
    final = False
    os.kill(worker_of(client).pid, signal.SIGKILL)
    event, seen = until(client, lambda e: isinstance(e, WorkerDied) and e.final)
    final = isinstance(event, WorkerDied) and event.final
    assert final and not client.status.alive
    number = client.submit(request(seed=3))
    waiting.throughout(lambda: not client.status.alive and not client.poll(), "it came back by itself")
    client.restart()
    assert frame_of(client, number).result.error is None


def test_exception_in_a_frame_is_a_result(client: RenderClient) -> None:
    bad = frame_of(client, client.submit(request(seed=RAISES))).result
    assert bad.error is not None and bad.error.kind == "failed"
    assert bad.error.message == "ValueError: the frame went wrong"
    assert "Traceback" in bad.error.detail and "fake_session.py" in bad.error.detail
    assert bad.request == request(seed=RAISES)
    assert frame_of(client, client.submit(request(seed=8))).result.error is None
    assert client.status.restarts == 0


def test_out_of_memory_takes_smaller_tiles(client: RenderClient) -> None:
    wish = request(seed=SMALL_TILES, size=256)
    tiles = [f"tile {rays}" for rays in (0, 32768, 16384, 8192)]
    result = frame_of(client, client.submit(wish)).result
    assert result.error is None and result.request == wish, "the answer must carry the request that was sent"
    assert [t.stage for t in result.timings] == tiles
    again = frame_of(client, client.submit(wish)).result
    assert [t.stage for t in again.timings] == tiles, "the size that fits was not remembered"


def test_out_of_memory_for_good_is_a_message(client: RenderClient) -> None:
    bad = frame_of(client, client.submit(request(seed=NO_MEMORY, size=256))).result
    assert bad.error is not None and bad.error.kind == "memory" and "smaller picture" in bad.error.message
    assert frame_of(client, client.submit(request(seed=8))).result.error is None


def test_bad_checkpoint_leaves_the_old_view_working(client: RenderClient) -> None:
    client.open("fake:a")
    until(client, lambda e: isinstance(e, Opened))
    generation = client.submit(request(seed=11, tiles=100))
    until_busy(client)
    client.open("fake:bad")
    failed, _ = until(client, lambda e: isinstance(e, OpenFailed))
    assert isinstance(failed, OpenFailed) and failed.path == "fake:bad" and failed.error.kind == "input"
    assert failed.error.message == "not a checkpoint in fake:bad: expected a fake, got something else"
    # `open` dropped the frame in hand; it is taken up again by itself, under a later generation.
    event, _ = until(client, lambda e: isinstance(e, FrameReady))
    assert isinstance(event, FrameReady) and event.result.generation > generation
    assert event.result.request == request(seed=11, tiles=100)


def test_opening_drops_the_frame_of_the_view_that_is_left(client: RenderClient) -> None:
    client.open("fake:a")
    until(client, lambda e: isinstance(e, Opened))
    client.submit(request(tiles=2000))
    until_busy(client)
    begun = time.monotonic()
    client.open("fake:b")
    opened, seen = until(client, lambda e: isinstance(e, Opened))
    assert isinstance(opened, Opened) and opened.info.path == "fake:b" and time.monotonic() - begun < 0.2
    assert frame_of(client, client.submit(request(seed=4, path="fake:b"))).result.request == request(
        seed=4, path="fake:b"
    )
    assert not [e for e in seen if isinstance(e, FrameReady)]


def test_inspect_answers_and_refuses(client: RenderClient) -> None:
    number = client.inspect(request(), 3, 4)
    done, _ = until(client, lambda e: isinstance(e, (Inspected, InspectFailed)))
    assert isinstance(done, Inspected) and done.number == number and (done.report.x, done.report.y) == (3, 4)
    client.inspect(request(), 300, 4)
    failed, _ = until(client, lambda e: isinstance(e, (Inspected, InspectFailed)))
    assert isinstance(failed, InspectFailed) and failed.error.kind == "input"


def test_click_is_answered_in_the_middle_of_a_long_frame(client: RenderClient) -> None:
    until(client, lambda e: isinstance(e, WorkerStarted))
    generation = client.submit(request(seed=9, tiles=200))
    until_busy(client)
    begun = time.monotonic()
    client.inspect(request(), 1, 2)
    until(client, lambda e: isinstance(e, Inspected))
    assert time.monotonic() - begun < 0.5, "the frame takes a second"
    for _ in range(20):
        client.inspect(request(), 1, 2)
        time.sleep(0.03)
    assert frame_of(client, generation).result.error is None, (
        "the frame must come although the mouse hovers on"
    )


def test_device_that_is_missing(client: RenderClient) -> None:
    until(client, lambda e: isinstance(e, WorkerStarted))
    client.configure(SessionOptions(device="missing"))
    failed, _ = until(client, lambda e: isinstance(e, OpenFailed))
    assert isinstance(failed, OpenFailed) and failed.path == "" and "no such device" in failed.error.message
    assert frame_of(client, client.submit(request())).result.error is None, (
        "the old session should have stayed"
    )
    client.configure(SessionOptions(device="cpu"))
    assert frame_of(client, client.submit(request(seed=2))).result.error is None


def test_session_that_cannot_start_is_reported_once() -> None:
    client = started(device="missing")
    died, _ = until(client, lambda e: isinstance(e, WorkerDied))
    assert isinstance(died, WorkerDied) and died.final and "no such device" in died.reason
    waiting.throughout(lambda: client.poll() == [] and not client.status.alive, "it was reported twice")
    client.stop()


def test_close_leaves_no_process_and_no_shared_memory() -> None:
    before = shared_blocks()
    client = started()
    worker = worker_of(client)
    frame_of(client, client.submit(request()))
    assert len(shared_blocks() - before) == 2
    client.stop()
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert shared_blocks() == before and not client.status.alive
    client.stop()


def test_close_in_the_middle_of_a_long_frame_is_quick() -> None:
    client = started()
    worker = worker_of(client)
    client.submit(request(tiles=4000))
    until_busy(client)
    begun = time.monotonic()
    client.stop()
    assert time.monotonic() - begun < 1.0
    assert not psutil.pid_exists(worker.pid)


def test_burst_of_requests_leaves_memory_flat(client: RenderClient) -> None:
    def burst() -> None:
        last = 0
        for i in range(500):
            last = client.submit(request(seed=i % 10, size=128, tier=Tier.MOVING if i % 2 else Tier.FULL))
            if i % 25 == 0:
                time.sleep(0.005)  # let some of them be rendered; the window does not fetch them meanwhile
        frame_of(client, last)

    burst()
    here, there = psutil.Process(), psutil.Process(client.status.pid)
    before = here.memory_info().rss, there.memory_info().rss
    for _ in range(4):
        burst()
    grown = here.memory_info().rss - before[0], there.memory_info().rss - before[1]
    assert max(grown) < 8 << 20, f"grown by {grown[0] >> 10} KB here and {grown[1] >> 10} KB in the worker"


def test_wake_is_called_for_every_event() -> None:
    calls: list[float] = []
    client = RenderClient(FACTORY, wake=lambda: calls.append(time.monotonic()))
    client.start()
    worker_of(client)
    count = len(calls)
    frame_of(client, client.submit(request()))
    assert count >= 1 and len(calls) == count + 1
    client.stop()
