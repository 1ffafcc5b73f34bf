"""Batches: part after part here, or as a job array of a cluster that is played by three programs on PATH; resumed."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from core_model.cli.batch import values_of
from core_model.schema.errors import InputError, TriscopeError
from viewer.jobs import batch

ASKED = SimpleNamespace(at_once=0, gpus=0, cpus=0, memory=0.0, hours=0.0, partition="", account="")

SBATCH = """#!{python}
import json, os, re, subprocess, sys
home = os.environ["FAKE_SLURM"]
with open(home + "/sbatch.json", "w") as out:
    json.dump(sys.argv[1:], out)
low, high = re.search(r"--array=(\\d+)-(\\d+)", " ".join(sys.argv)).groups()
chdir = next(w.partition("=")[2] for w in sys.argv if w.startswith("--chdir="))
at = next(i for i, w in enumerate(sys.argv) if w.endswith("job.sh"))
lost = os.environ.get("FAKE_LOST", "").split()
for task in range(int(low), int(high) + 1):
    if str(task) not in lost:
        subprocess.run(["sh", *sys.argv[at:]], cwd=chdir, env={{**os.environ, "SLURM_ARRAY_TASK_ID": str(task)}})
with open(home + "/array", "a") as out:
    out.write("x")
print("77;cluster")
"""
SQUEUE = """#!{python}
import os, sys
home = os.environ["FAKE_SLURM"]
assert "--jobs=77" in sys.argv
left = open(home + "/left").read().split() if os.path.exists(home + "/left") else []
if left:
    open(home + "/left", "w").write(" ".join(left[1:]))
    print(left[0]); print("PENDING")
else:
    sys.exit("slurm_load_jobs error: Invalid job id specified")
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """sbatch runs the tasks at once, squeue tells what `left` holds."""
    home = tmp_path / "slurm"
    home.mkdir()
    scancel = (
        '#!{python}\nimport os, sys\nopen(os.environ["FAKE_SLURM"] + "/cancelled", "w").write(sys.argv[1])\n'
    )
    for name, text in (
        ("sbatch", SBATCH),
        ("squeue", SQUEUE),
        ("scancel", scancel),
        ("scontrol", "#!{python}\n"),
    ):
        path = home / name
        path.write_text(text.format(python=sys.executable))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{home}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(home))
    monkeypatch.setattr(batch, "LOOK_S", 0.05)
    monkeypatch.setattr(batch, "SETTLE_S", 0.2)
    return home


def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In place of triscope: a program that notes each run and fails for the values that a file names."""
    code = (
        "import sys, os\n"
        "value = sys.argv[-1]\n"
        "open('ran', 'a').write(value + '\\n')\n"
        "bad = open('bad').read().split() if os.path.exists('bad') else []\n"
        "print('value', value)\n"
        "sys.exit('triscope: no such head' if value in bad else 0)\n"
    )
    (tmp_path / "played.py").write_text(code)
    monkeypatch.setattr(batch.batch_part, "MAIN", "played")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_values() -> None:
    assert values_of("0-3,7,a") == ("0", "1", "2", "3", "7", "a") and values_of("0-30/10") == (
        "0",
        "10",
        "20",
        "30",
    )
    assert values_of("snap-a,x-1") == ("snap-a", "x-1")
    for wrong in ("", "1,1", "0-3/0", "0-100001", ",", "@/no/such/file"):
        with pytest.raises(InputError):
            values_of(wrong)


def test_here_with_a_failure_that_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played(monkeypatch, tmp_path)
    (tmp_path / "bad").write_text("2")
    told: list[tuple[str, float]] = []
    call = lambda values=("1", "2", "3"): batch.run(
        tmp_path / "b", ("mesh", "--seed", "{}"), values, "local", ASKED, lambda s, f: told.append((s, f))
    )
    ended = call()
    assert [n for n, _, _ in ended.failed] == [
        1
    ] and "2 of 3 parts are done; failed: 2 (triscope: no such head" in ended.words()
    assert told[-1] == ("2 of 3 parts done, 1 failed", 1.0)
    (tmp_path / "bad").write_text("")
    assert not call().failed and (tmp_path / "ran").read_text().split() == ["1", "2", "3", "2"]
    assert not call().failed and len((tmp_path / "ran").read_text().split()) == 4, "nothing is left to do"
    with pytest.raises(InputError, match="another batch"):
        call(("1", "2"))


@pytest.mark.usefixtures("cluster")
def test_as_one_array_that_goes_on_where_it_stopped(
    tmp_path: Path, cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a script of the repository runs the parts: it finds its packages by its own path, and runs the real `info`
    monkeypatch.chdir(tmp_path)
    words = ("info", "analytic:{}")
    asked = SimpleNamespace(
        **{**vars(ASKED), "at_once": 2, "gpus": 1, "hours": 0.5, "memory": 1.5, "partition": "p"}
    )
    monkeypatch.setenv("FAKE_LOST", "1")
    values = ("sphere", "torus", "no-such-shape")
    call = lambda update=lambda s, f: None: batch.run(tmp_path / "b", words, values, "slurm", asked, update)
    ended = call()
    said = json.loads((cluster / "sbatch.json").read_text())
    assert (
        "--array=0-2%2" in said
        and "--gres=gpu:1" in said
        and "--mem=1536M" in said
        and "--partition=p" in said
    )
    assert "--time=30" in said and f"--chdir={tmp_path}" in said
    failed = {value: text for _, value, text in ended.failed}
    assert (
        set(failed) == {"torus", "no-such-shape"}
        and failed["torus"] == ""
        and "no-such-shape" in failed["no-such-shape"]
    )
    monkeypatch.setenv("FAKE_LOST", "")
    again = call()
    assert [v for _, v, _ in again.failed] == ["no-such-shape"]
    assert "--array=0-1%2" in json.loads((cluster / "sbatch.json").read_text()), (
        "what is done is not run again"
    )
    # an array that still runs is only watched
    (cluster / "left").write_text("RUNNING RUNNING")
    told: list[str] = []
    arrays = (cluster / "array").read_text()
    call(lambda s, f: told.append(s))
    assert (cluster / "array").read_text() == arrays and any("1 running" in t for t in told)


def test_an_interrupt_ends_the_array(tmp_path: Path, cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_LOST", "0 1")
    (cluster / "left").write_text("RUNNING " * 50)

    def stop(stage: str, fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(tmp_path / "b", ("info", "{}"), ("a", "b"), "slurm", ASKED, stop)
    assert (cluster / "cancelled").read_text() == "77"


def test_many_parts_share_the_tasks_of_one_array(
    tmp_path: Path, cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batch, "MOST_TASKS", 2)
    monkeypatch.setenv("FAKE_LOST", "0 1")
    batch.run(tmp_path / "b", ("info", "{}"), tuple("abcde"), "slurm", ASKED, lambda s, f: None)
    ran: list[int] = []
    monkeypatch.setattr(batch.batch_part, "run", lambda folder, n: ran.append(n) or 0)
    for task in ("0", "1"):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
        assert batch.batch_part.main(tmp_path / "b") == 0
    assert sorted(ran) == [0, 1, 2, 3, 4] and ran[:3] == [0, 2, 4]


def test_without_a_cluster_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TriscopeError, match="not installed"):
        batch.run(tmp_path / "b", ("info", "{}"), ("a",), "slurm", ASKED, lambda s, f: None)
