"""“Copy the command” gives a line that works: pasted into a shell of any folder it starts what was started."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from core_model.schema.run import RunRecord
from tests.train.gan_data import write_set
from tests.unit.runs.synthetic import Plan, write_native
from tests.unit.runs.test_reading import read
from viewer.runs.facts import command_line, facts
from viewer.runs.job_record import MAIN, shell_join, shell_line

ODD = ["a b", "it's", 'say "no"', "$HOME `x` \\", "é;&|<>", ""]


@pytest.mark.skipif(os.name == "nt", reason="sh")
def test_sh_takes_the_line_apart_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "it's a $folder"
    folder.mkdir()
    line = shell_line(
        [sys.executable, "-c", "import os, sys; print(os.getcwd()); print(sys.argv[1:])", *ODD], str(folder)
    )
    done = subprocess.run(["sh", "-c", line], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(folder), repr(ODD)]


def test_cmd_exe_gets_its_own_quotes() -> None:
    words = [r"C:\Program Files\python.exe", "-m", MAIN, r"--data=C:\a&b.zip", "plain"]
    assert (
        shell_join(words, windows=True)
        == rf'"C:\Program Files\python.exe" -m {MAIN} "--data=C:\a&b.zip" plain'
    )
    assert shell_line(["a"], r"D:\my runs", windows=True) == r'cd /d "D:\my runs" && a'
    assert shell_line([], "/x") == ""


@pytest.mark.skipif(os.name == "nt", reason="sh")
@pytest.mark.timeout(200)
def test_the_copied_line_of_a_trainer_runs_in_a_shell(tmp_path: Path) -> None:
    """A trainer writes down how it was started (odd folder, relative paths); its line, with --dry-run behind it, runs from elsewhere."""
    place = tmp_path / "my 'odd' place"
    data = write_set(place / "set")
    words = [
        "train",
        "--preset",
        "smoke",
        "--data",
        "set",
        "--out",
        "run one",
        "--device",
        "cpu",
        "--processes",
        "1",
        "--images=4",
    ]
    quiet = [
        "--output.evaluate=false",
        "--output.tensorboard=false",
        "--data.resolution=16",
        "--output.grid=[1, 1]",
    ]
    smaller = [
        "--schedule.resolution=16",
        "--schedule.propose=0",
        "--schedule.supervise=0",
        "--network.image_size=16",
    ]
    script = Path(sys.executable).with_name("triscope")
    done = subprocess.run([str(script), *words, *quiet, *smaller], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line = command_line(read(place / "run one"))
    assert line and dict(facts(read(place / "run one")))["Command"] == [("", line)]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")} | {
        "TRISCOPE_CACHE_DIR": str(tmp_path)
    }
    environment["PATH"] = "/usr/bin:/bin"  # a shell in which nothing of ours was activated
    again = subprocess.run(
        ["sh", "-c", f"{line} --dry-run"], cwd="/", env=environment, capture_output=True, text=True
    )
    assert again.returncode == 0 and "preset smoke: 4 images" in again.stdout, again.stderr
    assert data.is_dir()


def test_a_run_of_an_earlier_version_told_only_the_name_of_a_script(tmp_path: Path) -> None:
    path = write_native(tmp_path / "run", Plan(ticks=2))
    record = RunRecord.model_validate_json((path / "run.json").read_bytes())
    (path / "run.json").write_text(
        record.replace(command=("main.py", "train", "--out", "a b"), cwd="").model_dump_json()
    )
    assert command_line(read(path)) == shlex.join([sys.executable, "-m", MAIN, "train", "--out", "a b"])
