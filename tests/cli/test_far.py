"""`--worker`: the command runs elsewhere (here: by another process), and what it leaves is the same."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from viewer.wire.greeting import fingerprint

ROOT = Path(__file__).parents[2]
MAIN = [sys.executable, "-m", "core_model.cli.main"]
WORKER = shlex.join([*MAIN, "worker"])


def triscope(*args: str, cwd: Path, worker: str = "") -> "subprocess.CompletedProcess[str]":
    line = [*MAIN, *args, *(["--worker", worker] if worker else [])]
    env = {
        **os.environ,
        "SOURCE_DATE_EPOCH": "1700000000",
        "PYTHONPATH": str(ROOT),
        "TRISCOPE_CONFIG_DIR": str(cwd / "config"),
    }
    return subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, timeout=240)


def test_render_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """A request file of this machine is sent along."""
    request = {"checkpoint": "analytic:sphere", "width": 40, "height": 40, "channels": ["rgb", "depth"]}
    (tmp_path / "view.json").write_text(json.dumps(request))
    for name, worker in (("here.npz", ""), ("there.npz", WORKER)):
        done = triscope("render", "--request", "view.json", "--out", name, cwd=tmp_path, worker=worker)
        assert done.returncode == 0 and done.stdout.startswith(f"{name}: 40 x 40"), done.stderr
    assert (tmp_path / "here.npz").read_bytes() == (tmp_path / "there.npz").read_bytes()


def test_info_and_mistakes_read_as_here(tmp_path: Path) -> None:
    for args in (
        ("info", "analytic:sphere", "--json"),
        ("info", "missing.safetensors"),
        ("render", "analytic:sphere"),
    ):
        here, there = (triscope(*args, cwd=tmp_path, worker=w) for w in ("", WORKER))
        assert (here.returncode, here.stdout, here.stderr) == (there.returncode, there.stdout, there.stderr)


def test_a_local_checkpoint_is_sent_once(tmp_path: Path) -> None:
    demo = ROOT / "assets" / "demo.safetensors"
    done = triscope("info", f"local:{demo}", cwd=tmp_path, worker=WORKER)
    assert done.returncode == 0 and "wysiwyg" in done.stdout, done.stderr
    kept = list((tmp_path / "config" / "received").glob("*/demo.safetensors"))
    assert len(kept) == 1 and kept[0].read_bytes() == demo.read_bytes()


EVIL = """
import os, sys
from viewer.wire import records as r
from viewer.wire.greeting import greeting
from viewer.wire.packets import packed
from viewer.wire.segments import Cutter
os.write(1, greeting())
def send(record, blobs=()):
    cutter = Cutter(1, packed(record, blobs))
    while not cutter.done:
        os.write(1, cutter.next(60000))
if WAY == "raw":
    record = r.Offer(number=0, name="x", size=3, digest="0" * 64).model_copy(update={"name": NAME_})
else:
    record = r.Offer(number=0, name=NAME_, size=3, digest="0" * 64)
send(record)
sys.stdin.buffer.read()
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../evil.png", "not understood"),
        ("/tmp/evil.png", "not understood"),
        ("evil.png", "nobody asked for"),
        (".profile", "not understood"),
    ],
)
def test_a_hostile_worker_writes_nothing(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "work").mkdir()
    script = EVIL.replace("NAME_", repr(name)).replace("WAY", repr("raw"))
    worker = shlex.join([sys.executable, "-c", script])
    before = sorted(p for p in tmp_path.rglob("*"))
    done = triscope("render", "analytic:sphere", "--out", "a.png", cwd=tmp_path / "work", worker=worker)
    assert done.returncode == 1 and says in done.stderr and done.stderr.count("\n") <= 2, done.stderr
    assert sorted(p for p in tmp_path.rglob("*")) == before
    assert fingerprint()


def test_no_worker_there_is_one_line(tmp_path: Path) -> None:
    for worker, says in (
        ("sh -c 'exit 127'", "no triscope there"),
        ("no-such-program x", "no such program here"),
        ("", "empty"),
    ):
        line = [*MAIN, "info", "analytic:sphere", f"--worker={worker}"]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode in (1, 2) and says in done.stderr and "Traceback" not in done.stderr, (
            done.stderr
        )
