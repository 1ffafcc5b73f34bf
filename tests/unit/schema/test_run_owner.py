"""A run directory has one owner.

Of many that start at once one gets it, the dead are succeeded, the living are respected.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_model.schema import run_owner
from core_model.schema.errors import InputError
from core_model.schema.run_owner import (
    LEASE_S,
    RunOwner,
    live_owner,
    newest_owner,
    owned,
    refuse_if_owned,
    this_place,
)
from tests.cli.command import triscope
from tests.house.sources import ROOT
from tests.waiting import until

RIVAL = """
import os, sys, time
from pathlib import Path
from core_model.schema.errors import InputError
from core_model.schema.run_owner import owned
run, go, done = map(Path, sys.argv[1:4])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.0005)
try:
    with owned(run):
        print("mine", flush=True)
        while not done.exists():
            time.sleep(0.01)
        if len(sys.argv) > 4:
            os._exit(9)
except InputError as error:
    print(error, flush=True)
"""


def owner(**changes: object) -> RunOwner:
    own = RunOwner(pid=os.getpid(), started=0.0, host="here", place=this_place(), since=time.time())
    return own.replace(**changes)


def put(run: Path, one: RunOwner, number: int = 1, age_s: float = 0.0) -> Path:
    run.mkdir(exist_ok=True)
    path = run / f"owner.{number:06d}.json"
    path.write_text(one.model_dump_json())
    os.utime(path, (time.time() - age_s,) * 2)
    return path


@pytest.fixture
def dead() -> Iterator[int]:
    """The id of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as one:
        one.wait()
    yield one.pid


@pytest.mark.timeout(120)
def test_of_many_that_start_at_once_one_gets_it_each_time(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for trial in range(4):  # from the second on, a dead owner's file is there, which all of them see
        go, done = tmp_path / f"go{trial}", tmp_path / f"done{trial}"
        words = [sys.executable, "-c", RIVAL, str(run), str(go), str(done), *(["crash"] if trial < 3 else [])]
        rivals = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        try:
            for one in rivals:
                assert one.stdout is not None and one.stdout.readline() == "ready\n"
            go.touch()
            said = [one.stdout.readline().strip() for one in rivals]  # type: ignore[union-attr]
            assert said.count("mine") == 1, said
            winner = rivals[said.index("mine")]
            assert sum(f"in use by pid {winner.pid} on host" in line for line in said) == 3, said
            found = live_owner(run)
            assert found is not None and found.pid == winner.pid
        finally:
            done.touch()
            for one in rivals:
                one.communicate(timeout=20)
    assert live_owner(run) is None
    left = [p.name for p in run.iterdir()]
    assert left == ["owner.000004.json"], "one file, of the last owner"


def test_refused_by_name_in_one_line(tmp_path: Path) -> None:
    with owned(tmp_path):
        for refuse in (lambda: refuse_if_owned(tmp_path), lambda: owned(tmp_path).__enter__()):
            with pytest.raises(InputError) as caught:
                refuse()
            line = str(caught.value)
            assert (
                line.startswith(f"run folder {tmp_path} is in use by pid {os.getpid()} on host ")
                and " since " in line
            )
    refuse_if_owned(tmp_path)
    with owned(tmp_path):
        pass


@pytest.mark.parametrize("command", ["train", "resume", "fit"])
def test_a_second_trainer_is_refused_before_it_loads_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    run, data = tmp_path / "run", tmp_path / "data.zip"
    data.touch()
    words = {
        "train": ("train", "--preset", "smoke", "--data", data, "--out", run), "resume": ("train", "--out", run, "--resume"),
        "fit": ("fit", "--out", run),
    }[command]  # fmt: skip
    with owned(run):
        if command == "resume":
            from core_model.schema.train_presets import PRESETS

            (run / "config.json").write_text(PRESETS.get("smoke").model_dump_json())
        done = triscope(capsys, *words)
    assert done.status == 2 and f"is in use by pid {os.getpid()} on host" in done.line


def test_the_dead_are_succeeded_and_the_living_of_other_hosts_by_their_lease(
    tmp_path: Path, dead: int
) -> None:
    put(tmp_path / "a", owner(pid=dead, started=5.0))
    put(tmp_path / "b", owner(started=12345.0))  # this pid, but of another process
    put(tmp_path / "c", owner(place="another host", host="other"), age_s=LEASE_S + 5)
    put(tmp_path / "d", owner(released=True))
    for name in "abcd":
        with owned(tmp_path / name):
            top = newest_owner(tmp_path / name)
            assert (
                top is not None and top.number == 2 and top.owner is not None and top.owner.pid == os.getpid()
            )
    far = put(tmp_path / "e", owner(place="another host", host="other", pid=7), age_s=LEASE_S / 2)
    with pytest.raises(InputError, match="in use by pid 7 on host other"), owned(tmp_path / "e"):
        pass
    far.write_text("{")  # torn, but young: somebody is writing it
    with pytest.raises(InputError, match="is in use"), owned(tmp_path / "e"):
        pass
    os.utime(far, (1.0, 1.0))
    with owned(tmp_path / "e"):
        assert not far.exists()


def test_the_lease_is_renewed_and_a_successor_ends_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_owner, "BEAT_S", 0.02)
    ended: list[int] = []
    monkeypatch.setattr(run_owner.os, "_exit", ended.append)
    with owned(tmp_path):
        path = tmp_path / "owner.000001.json"
        os.utime(path, (1.0, 1.0))
        until(lambda: path.stat().st_mtime > 2, "the renewed lease", 5.0)
        assert time.time() - path.stat().st_mtime < 5 and not ended
        put(tmp_path, owner(place="another host"), 2)
        until(lambda: ended, "our end", 5.0)
        assert ended[0] == 1


def test_one_that_looked_long_ago_does_not_win_with_an_old_number(
    tmp_path: Path, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, owner(pid=dead, started=5.0), 3)
    seen = newest_owner(tmp_path)
    with owned(tmp_path):  # number 4 …
        pass
    (tmp_path / "owner.000004.json").rename(tmp_path / "owner.000005.json")  # … and somebody else after it
    put(tmp_path, owner(), 5)
    looks = iter([seen])
    monkeypatch.setattr(run_owner, "newest_owner", lambda run: next(looks, None) or newest_owner(run))
    with pytest.raises(InputError, match="in use"), owned(tmp_path):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["owner.000005.json"]


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(run_owner.os, "link", refuse)
    with owned(tmp_path), pytest.raises(InputError, match="in use"), owned(tmp_path):
        pass
    with owned(tmp_path):
        assert [p.name for p in tmp_path.iterdir()] == ["owner.000002.json"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write the run directory"), owned(tmp_path / "file" / "run"):
        pass
