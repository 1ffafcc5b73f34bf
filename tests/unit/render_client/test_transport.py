"""Mailbox and frame ring in shared memory, and which modules the GUI side loads."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from core_model.schema.errors import InputError
from core_model.schema.render import ChannelFrame, RenderRequest, RenderResult, lay_out
from tests.waiting import until
from viewer.render_client import messages as m
from viewer.render_client import shared_block
from viewer.render_client.frame_ring import ALIGN, BufferPool, FrameRing, slot_bytes_for
from viewer.render_client.mailbox import REQUEST_BYTES, ControlBlock
from viewer.render_client.rings import FrameRings

ROOT = Path(__file__).resolve().parents[3]


def test_mailbox_keeps_the_newest_request_only() -> None:
    box = ControlBlock.create()
    other = ControlBlock.attach(box.name)
    assert other.take("render", 0) is None and other.peek("render") == 0
    box.put("render", 1, b"one")
    box.put("render", 2, b"second")
    box.put("inspect", 3, b"ray")
    assert other.take("render", 0) == (2, b"second") and other.take("render", 2) is None
    assert other.take("inspect", 0) == (3, b"ray")
    with pytest.raises(InputError, match="request too large"):
        box.put("render", 4, bytes(REQUEST_BYTES + 1))
    other.close()
    box.close()
    with pytest.raises(FileNotFoundError):
        ControlBlock.attach(box.name)


def test_reader_in_the_middle_of_a_write_sees_no_torn_request() -> None:
    box = ControlBlock.create()
    other = ControlBlock.attach(box.name)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            box.put("render", number, bytes([number % 251]) * (20_000 + number % 5))

    thread = threading.Thread(target=write)
    thread.start()
    seen, end = 0, time.monotonic() + 0.5
    while time.monotonic() < end:
        request = other.take("render", seen)
        if request is not None:
            seen, data = request
            assert data == bytes([seen % 251]) * (20_000 + seen % 5)
    stop.set()
    thread.join()
    assert seen > 10
    other.close()
    box.close()


def test_progress_and_texts() -> None:
    box = ControlBlock.create()
    box.begin("open", 7, "loading checkpoint")
    box.progress("loading checkpoint…" + "x" * 200, 0.4)
    box.device = "cuda:0 NVIDIA"
    assert (
        box.working_on == ("open", 7) and box.fraction == pytest.approx(0.4) and box.device == "cuda:0 NVIDIA"
    )
    assert box.stage.startswith("loading checkpoint…x")
    box.progress("field", float("nan"))
    assert box.fraction == 0.0
    box.end()
    assert box.working_on[0] == "" and box.stage == ""
    box.close()


def test_ring_round_trip_of_every_kind_of_channel() -> None:
    rng = np.random.default_rng(1)
    arrays = {
        "rgb": rng.random((3, 5, 7), np.float32),
        "depth": np.array([[np.nan, 1.5], [2.5, np.inf]], np.float32),
        "turned": rng.random((7, 5), np.float32).T,
    }
    frames, size = lay_out(
        arrays, known=[ChannelFrame(name="rgb", shape=(3, 5, 7), low=-1.0, high=2.0)], align=ALIGN
    )
    assert (frames[0].low, frames[0].high) == (-1.0, 2.0) and (frames[1].low, frames[1].high) == (1.5, 2.5)
    assert all(f.offset % 64 == 0 for f in frames)
    ring = FrameRing.create(size)
    worker = FrameRing.attach(ring.name, ring.slots, ring.slot_bytes)
    slot = worker.acquire(lambda: False)
    assert slot is not None
    worker.write(slot, frames, arrays)
    back = ring.read(slot, frames, BufferPool())
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
    assert worker.acquire(lambda: False) != slot, "a full slot was given out"
    ring.release(slot)
    worker.close()
    ring.close()


def test_ring_without_a_free_slot_gives_up() -> None:
    ring = FrameRing.create(64, slots=2)
    frames, _ = lay_out({"a": np.zeros(4, np.float32)}, align=ALIGN)
    for slot in range(2):
        ring.write(slot, frames, {"a": np.ones(4, np.float32)})
    begun = time.monotonic()
    assert ring.acquire(lambda: True) is None and ring.acquire(lambda: False, timeout_s=0.05) is None
    assert time.monotonic() - begun < 0.5
    with pytest.raises(ValueError, match="frame ring"):
        ring.read(0, [ChannelFrame(name="a", shape=(100,))], BufferPool())
    ring.close()


def test_buffers_are_used_again_only_when_nobody_looks_into_them() -> None:
    pool = BufferPool()
    frames, size = lay_out({"a": np.zeros(1000, np.float32)}, align=ALIGN)
    ring = FrameRing.create(size)
    ring.write(0, frames, {"a": np.full(1000, 1.0)})
    held = ring.read(0, frames, pool)["a"]
    places = {held.ctypes.data}
    for value in range(2, 30):
        ring.write(0, frames, {"a": np.full(1000, float(value))})
        got = ring.read(0, frames, pool)["a"]
        assert (got == value).all() and (held == 1.0).all() and not got.flags.writeable
        places.add(got.ctypes.data)
        piece = got[10:20] if value % 7 == 0 else None
        del got
        if piece is not None:
            assert ring.read(0, frames, pool)["a"].ctypes.data != piece.ctypes.data - 40
    assert len(places) <= 4
    ring.close()


def test_frame_rings_grows_and_lets_old_rings_go() -> None:
    rings = FrameRings()
    small = rings.for_request(RenderRequest(checkpoint="a", width=16, height=16))
    same = rings.for_request(RenderRequest(checkpoint="a", width=17, height=17))
    big = rings.for_request(RenderRequest(checkpoint="a", width=64, height=64))
    assert small is not None and big is not None
    assert same == small and big.name != small.name and big.slot_bytes >= slot_bytes_for(64, 64, [3])
    FrameRing.attach(
        small.name, small.slots, small.slot_bytes
    ).close()  # a frame may still be on its way in it
    worker = FrameRing.attach(big.name, big.slots, big.slot_bytes)
    frames, _ = lay_out(arrays := {"rgb": np.zeros((3, 64, 64), np.float32)}, align=ALIGN)
    worker.write(0, frames, arrays)
    got = rings.read(m.RenderDone(1, RenderResult(frames=frames), big.name, 0))
    assert got["rgb"].shape == (3, 64, 64)
    with pytest.raises(FileNotFoundError):
        FrameRing.attach(small.name, small.slots, small.slot_bytes)
    worker.close()
    rings.close()


def test_frames_go_through_the_pipe_where_shared_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers often have 64 MB of it; writing beyond would end the worker with SIGBUS."""
    rings = FrameRings()
    monkeypatch.setattr(shared_block, "room", lambda: 6 << 20)
    assert rings.for_request(RenderRequest(checkpoint="a", width=16, height=16)) is not None
    one = rings.for_request(RenderRequest(checkpoint="a", width=360, height=360))
    assert one is not None and one.slots == 1, "one slot would have fitted"
    assert rings.for_request(RenderRequest(checkpoint="a", width=2048, height=2048)) is None
    arrays = {"rgb": np.ones((3, 2, 2), np.float32)}
    assert rings.read(m.RenderDone(1, RenderResult(), arrays=arrays, needs_bytes=48))["rgb"].sum() == 12
    assert rings.for_request(RenderRequest(checkpoint="a", width=32, height=32)) is not None
    rings.close()


def test_gui_side_loads_no_torch() -> None:
    """Every module of the two packages, in a fresh interpreter; the worker loads torch in `main` only."""
    names = [
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in ("state", "render_client") for p in sorted((ROOT / "viewer" / package).glob("*.py"))
    ]  # fmt: skip
    code = f"""
        import importlib, sys
        for name in {names!r}:
            importlib.import_module(name)
        loaded = sorted(m for m in ("torch", "imgui_bundle", "scipy", "PIL") if m in sys.modules)
        assert not loaded, loaded
    """
    assert len(names) > 12
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


PARENT = """
import sys, time
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from viewer.render_client.client import RenderClient
from viewer.render_client.events import FrameReady, WorkerStarted

def main():
    client = RenderClient("tests.unit.render_client.fake_session:FakeSession")
    client.start()
    client.submit(RenderRequest(checkpoint="fake:a", width=64, height=64))
    while not any(isinstance(e, FrameReady) for e in client.poll()):
        time.sleep(0.005)
    client.submit(RenderRequest(checkpoint="fake:a", width=64, height=64, seed=100000))
    print(client.status.pid, flush=True)
    ENDING

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [("sys.exit(0)", 0), ("raise ValueError('window fell over')", 1), ("time.sleep(60)", -9)],
)
def test_nothing_is_left_when_the_window_ends_in_whatever_way(tmp_path: Path, ending: str, code: int) -> None:
    """Without `stop()`: normal exit, exception, and SIGKILL of the GUI process in the middle of a frame."""
    script = tmp_path / "window.py"
    script.write_text(PARENT.replace("ENDING", ending))
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    worker = int(process.stdout.readline())
    if code == -9:
        process.kill()
    assert process.wait(20) == code
    until(lambda: not _alive(worker) and not _blocks_of(process.pid), "the end of the worker", 5.0)
    errors = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    if code == 0:
        assert errors == ""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _blocks_of(pid: int) -> list[Path]:
    return list(Path("/dev/shm").glob(f"triscope-{pid}-*"))
