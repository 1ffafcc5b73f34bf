"""Nothing is imported, opened to write, executed, spawned or connected while a file is read.

An audit hook sees all.
"""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.house.sources import ROOT
from tests.unit.checkpoints.importing import samples
from tests.unit.checkpoints.importing import streams as s
from tests.unit.checkpoints.importing.foreign import pickled, storage_blob

WATCHED = Path(__file__).with_name("watched.py")


class Runs:
    """Pickles as a call, the way hostile files do."""

    def __init__(self, function: object, *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self) -> object:
        return self.call


def hostile(folder: Path) -> dict[str, bytes]:
    """Streams that would leave a mark in `folder` if anything in them ran."""
    import os
    import shutil
    import socket

    mark = str(folder / "mark")
    runs = {
        "system": Runs(os.system, f"touch {mark}"), "open": Runs(open, mark, "w"), "exec": Runs(exec, f"open({mark!r}, 'w')"),
        "eval": Runs(eval, "1 + 1"), "compile": Runs(compile, "1", "a", "eval"), "popen": Runs(subprocess.Popen, ["touch", mark]),
        "import": Runs(__import__, "antigravity"), "socket": Runs(socket.create_connection, ("127.0.0.1", 9)),
        "remove": Runs(shutil.rmtree, str(folder)), "load": Runs(torch.load, mark), "loads": Runs(pickle.loads, b"N."),
    }  # fmt: skip
    files = {
        f"{name}-{protocol}.pkl": pickle.dumps({"G_ema": run}, protocol)
        for name, run in runs.items()
        for protocol in (2, 4)
    }
    for name, run in runs.items():
        out = io.BytesIO()
        torch.save({"a": torch.zeros(2), "b": run}, out)
        files[f"{name}-zip.pt"] = out.getvalue()
        out = io.BytesIO()
        torch.save({"a": torch.zeros(2), "b": run}, out, _use_new_zipfile_serialization=False)
        files[f"{name}-legacy.pt"] = out.getvalue()
    blob = storage_blob(torch.zeros(2), kind=Runs(os.system, f"touch {mark}"))
    files["blob.pkl"] = s.file_of(
        s.module(x=s.called("torch.storage", "_load_from_bytes", s.raw_bytes(blob)))
    )
    files["unknown.pkl"] = s.START + s.called("antigravity", "fly") + s.STOP
    return files


def run_watched(paths: list[Path], **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(WATCHED), *map(str, paths)]
    return subprocess.run(
        command, cwd=ROOT, env=_environment() | environment, capture_output=True, text=True, timeout=100
    )


def _environment() -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.mark.timeout(180)
def test_an_audit_hook_sees_nothing_but_the_reading(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    honest = {
        "eg3d": samples.eg3d_file(),
        "epigraf": samples.epigraf_file(),
        "mimic3d": samples.mimic3d_file(),
    }
    files = {f"{name}.pkl": pickled(content) for name, content in honest.items()} | hostile(tmp_path)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    before = sorted(p.name for p in tmp_path.iterdir())
    done = run_watched([folder / name for name in files])
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[:3] == ["eg3d with 11 tensors", "epigraf with 3 tensors", "mimic3d with 11 tensors"]
    assert all("nothing was run" in line for line in lines[3:-1]) and len(lines) == len(files) + 1
    assert lines[-1].startswith("watched ") and int(lines[-1].split()[1]) >= len(files)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.timeout(180)
def test_the_watcher_would_see_it(tmp_path: Path) -> None:
    """The hook itself, on a loader that does run things."""
    mark = tmp_path / "mark"
    for name, run in {"import": Runs(__import__, "antigravity"), "open": Runs(open, str(mark), "w")}.items():
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps({"G_ema": run}, 4))
        done = run_watched([Path("--careless"), tmp_path / f"{name}.pkl"], BROWSER="true")
        assert done.returncode == 3 and "forbidden" in done.stdout and name in done.stdout, (
            done.stdout + done.stderr
        )
    assert mark.exists()
