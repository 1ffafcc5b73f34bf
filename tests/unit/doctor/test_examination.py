"""What doctor says: of packages, of processes that crash, of machines that lack something."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from core_model.doctor import asking, devices, opengl, packages, system
from core_model.doctor.asking import Answer, ask
from core_model.schema.doctor import DoctorReport, Finding, as_text, remedies, verdict


def report(*findings: Finding, headless: bool = False) -> DoctorReport:
    start = not any(f.status == "fatal" for f in findings)
    return DoctorReport(triscope="1", created="now", headless=headless, can_start=start, findings=findings)


def finding(name: str, **rest: object) -> Finding:
    return Finding.model_validate(
        {"group": "System", "name": name, "title": name.title(), "value": "v", **rest}
    )


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes the module `asked` that `ask` runs."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(code: str) -> str:
        (tmp_path / "asked.py").write_text(code, encoding="utf-8")
        return "asked"

    return write


def test_what_was_said_before_a_crash_is_kept(module) -> None:
    name = module('import os\nprint(\'{"begin": "cuda:0"}\', flush=True)\nos.abort()')
    answer = ask(name, timeout_s=30)
    assert answer.first("begin") == "cuda:0"
    assert answer.ended == ("crashed (SIGABRT)" if sys.platform != "win32" else answer.ended)


def test_noise_on_stdout_is_no_answer(module) -> None:
    answer = ask(
        module("print('libGL: hello')\nprint('[1]')\nprint('{\"a\": 1}')\nprint('{\"a\": 2}')"), timeout_s=30
    )
    assert answer.all("a") == [1, 2] and answer.ended == "" and len(answer.lines) == 2


def test_what_hangs_is_ended_with_its_children(module) -> None:
    code = (
        "import subprocess, sys, time, os\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "print('{\"pids\": [%d, %d]}' % (os.getpid(), child.pid), flush=True)\ntime.sleep(300)"
    )
    answer = ask(module(code), timeout_s=3)
    assert answer.ended == "gave no answer within 3 s"
    pids = answer.first("pids")
    import psutil

    assert len(pids) == 2
    for pid in pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_last_word_of_a_failure_is_told(module) -> None:
    assert ask(module("raise ValueError('no driver')"), timeout_s=30).ended == "ValueError: no driver"
    assert asking.how_it_ended(3) == "ended with status 3"
    assert asking.how_it_ended(-11) == "crashed (SIGSEGV)"


def test_the_worst_comes_first_and_the_verdict_counts() -> None:
    one = report(
        finding("memory", status="problem", remedy="close something"),
        finding("display", status="fatal", remedy="get one"),
        finding("gpu", status="note"),
    )
    assert remedies(one) == ["Display: get one", "Memory: close something"]
    assert verdict(one) == "The window cannot start here; one thing does not work beside."
    assert verdict(report(finding("a"))) == "The window can start here."
    assert verdict(report(headless=True)).startswith("Commands and `triscope worker` can start")
    text = as_text(one).splitlines()
    assert text[-3:] == ["What to do", "  1. Display: get one", "  2. Memory: close something"]
    columns = {line.index(" v") for line in text if line.endswith("  v")}
    assert len(columns) == 1, "the values are aligned"


def test_the_record_survives_json() -> None:
    one = report(
        finding("memory", facts={"free_bytes": 12, "share": 0.5, "name": "x", "ok": True, "none": None})
    )
    assert DoctorReport.model_validate_json(one.model_dump_json()) == one


VERSIONS = {"torch": "9.9", "numpy": "2.0", "triton": None}


@pytest.mark.parametrize(
    ("line", "status", "word"),
    [
        ("torch>=2.6,<2.14", "problem", "pytorch.org"),
        ("numpy>=1.26", "ok", ""),
        ("triton>=3.2", "fatal", 'pip install "triton>=3.2"'),
    ],
)
def test_versions_are_held_against_the_ranges(
    line: str, status: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "installed", VERSIONS.get)
    found = packages._package(Requirement(line))
    assert found.status == status and word in found.remedy and bool(found.remedy) == (status != "ok")


def test_a_missing_extra_is_a_note_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", VERSIONS.get)
    found = packages._extra("gpu", [Requirement("triton>=3.2")])
    assert found.status == "note" and 'pip install "triscope[gpu]"' in found.value
    assert packages._extra("x", [Requirement("torch<9")]).status == "problem"
    assert packages._extra("x", [Requirement("numpy>=1")]).status == "ok"


def test_checkout_and_metadata_ask_for_the_same_kind_of_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    needed, extras = packages.requirements()
    assert (
        {"torch", "pydantic", "imgui-bundle"} <= {r.name for r in needed}
        and "dev" not in extras
        and "gpu" in extras
    )
    monkeypatch.setattr(packages, "checkout", lambda: None)
    lines = [
        "torch>=2",
        "pytest; extra == 'dev'",
        "triton>=3; extra == 'gpu'",
        "nothing; sys_platform == 'none'",
    ]
    monkeypatch.setattr(packages.metadata, "requires", lambda name: lines)

    class Meta:
        def get_all(self, key: str) -> list[str]:
            return ["dev", "gpu"]

    monkeypatch.setattr(packages.metadata, "metadata", lambda name: Meta())
    needed, extras = packages.requirements()
    assert [r.name for r in needed] == ["torch"] and {k: [r.name for r in v] for k, v in extras.items()} == {
        "gpu": ["triton"]
    }


TORCH = {
    "version": "2.13",
    "build": "built for the processor",
    "cuda_build": "",
    "cuda": False,
    "why_no_cuda": "",
    "threads": 2,
    "accelerator": "",
}
GPU = {"names": [["NVIDIA H200", 150 << 30]], "driver": "550.1", "cuda": "12.4"}


@pytest.mark.parametrize(
    ("torch", "word"),
    [
        (TORCH, "leaves the GPU unused"),
        ({**TORCH, "cuda_build": "13.0", "why_no_cuda": "driver too old"}, "update NVIDIA's driver"),
    ],
)
def test_a_gpu_that_torch_does_not_use_is_a_problem(torch: dict, word: str) -> None:
    answer = Answer(({"gpus": GPU}, {"torch": torch}), "")
    found = devices._torch(answer)
    assert found.status == "problem" and word in found.remedy and torch["why_no_cuda"] in found.value
    driver = devices._driver(answer)
    assert "H200" in driver.value and "550.1" in driver.value and driver.facts["driver_cuda"] == "12.4"


def test_a_device_that_crashes_is_named_and_the_others_stand() -> None:
    rate = {
        "device": "cpu",
        "name": "CPU",
        "pictures": 3,
        "seconds": 3.0,
        "pictures_per_s": 1.0,
        "rays_per_s": 65536,
        "edge": 256,
        "scene": "x",
    }
    answer = Answer(
        ({"torch": TORCH}, {"begin": "cpu"}, {"rate": rate}, {"begin": "cuda:0"}), "crashed (SIGSEGV)"
    )
    cpu, gpu = devices._devices(answer)
    assert cpu.status == "ok" and "1 pictures per second" in cpu.value
    assert gpu.status == "problem" and gpu.value == "fails: crashed (SIGSEGV)" and gpu.remedy
    (alone,) = devices._devices(
        Answer(({"torch": TORCH}, {"begin": "cpu"}, {"failed": {"device": "cpu", "why": "no"}}), "")
    )
    assert alone.status == "fatal" and "no" in alone.value
    broken = devices._torch(Answer(({"no_torch": "ImportError: libgomp"},), ""))
    assert broken.status == "fatal" and "libgomp" in broken.value and broken.remedy


def test_an_old_opengl_and_a_missing_display_are_fatal_for_the_window_only() -> None:
    display = {"platform": "X11", "screens": [[800, 600]], "scale": 1.5}
    old = Answer(
        (
            {"display": display},
            {"no_opengl": "GLXBadFBConfig"},
            {"older": {"version": "2.1", "renderer": "old"}},
        ),
        "",
    )
    (found,) = opengl._opengl(old, "fatal")
    assert found.status == "fatal" and "2.1 (old)" in found.value and found.remedy
    assert opengl._display(old, "fatal").value == "X11, 800 × 600 at 150 %"
    none = Answer(({"no_display": "cannot open :99"},), "")
    assert opengl._display(none, "note").status == "note" and not opengl._opengl(none, "fatal")
    crashed = Answer(({"display": display},), "crashed (SIGSEGV)")
    assert "crashed (SIGSEGV)" in opengl._opengl(crashed, "fatal")[0].value


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    found = system._writable("config", "Settings folder", file, "set X")
    assert found.status == "problem" and "set X" in found.remedy
    later = system._writable("config", "Settings folder", tmp_path / "a" / "b", "set X")
    assert later.status == "ok" and "not made yet" in later.value and not (tmp_path / "a").exists()
    assert list(tmp_path.iterdir()) == [file], "nothing is left behind"
