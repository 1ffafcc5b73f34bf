"""`triscope doctor` as a person runs it: text, JSON, exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from core_model.schema.doctor import GROUPS, DoctorReport
from tests.cli.command import start, triscope


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_the_window_cannot_start_and_a_renderer_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    plain = start("doctor", "--seconds", "0.05")
    said, _ = plain.communicate(timeout=200)
    assert plain.returncode == 1
    assert "The window cannot start here" in said and "FATAL    Display" in said and "What to do" in said
    bare = start("doctor", "--seconds", "0.05", "--headless", "--json")
    said, _ = bare.communicate(timeout=200)
    report = DoctorReport.model_validate_json(said)
    assert bare.returncode == 0 and report.can_start and report.headless
    check(report)


def check(report: DoctorReport) -> None:
    names = [f.name for f in report.findings]
    assert len(set(names)) == len(names)
    assert all(f.remedy for f in report.broken()) and {f.group for f in report.findings} == set(GROUPS)
    cpu = report.of("device.cpu")
    assert cpu is not None and float(cpu.facts["pictures_per_s"] or 0) > 0
    torch = report.of("package.torch")
    assert torch is not None and torch.status == "ok"


@pytest.mark.usefixtures("display")
def test_with_a_display_it_can_start() -> None:
    one = start("doctor", "--seconds", "0.05", "--json")
    said, _ = one.communicate(timeout=200)
    report = DoctorReport.model_validate_json(said)
    assert one.returncode == 0 and json.loads(said)["version"] == 1
    check(report)
    opengl = report.of("opengl")
    assert opengl is not None and opengl.facts["found"] and str(opengl.facts["version"])[0].isdigit()


def test_wrong_seconds_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert triscope(capsys, "doctor", "--seconds", "0").status == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays of X11")
@pytest.mark.parametrize(
    ("display", "word"), [("", "no display"), (":4099", "no display answers")], ids=["none", "gone"]
)
def test_every_failure_to_start_names_it(display: str, word: str) -> None:
    one = start("view", "analytic:sphere", DISPLAY=display, WAYLAND_DISPLAY="")
    _, said = one.communicate(timeout=100)
    last = said.strip().splitlines()[-1]
    assert (
        one.returncode in (1, 2)
        and word in last
        and "`triscope doctor`" in last
        and last.startswith("triscope: ")
    )


@pytest.mark.usefixtures("display")
def test_an_old_driver_names_it() -> None:
    one = start("view", "analytic:sphere", MESA_GL_VERSION_OVERRIDE="2.1")
    _, said = one.communicate(timeout=100)
    last = said.strip().splitlines()[-1]
    assert one.returncode == 1 and "no OpenGL 3.3" in last and "`triscope doctor`" in last


def test_a_library_that_does_not_load_names_it() -> None:
    code = (
        "import sys; sys.modules['imgui_bundle'] = None\n"
        "from core_model.cli.main import main\nsys.exit(main(['view', 'analytic:sphere']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "DISPLAY": ":1"},
    )
    assert done.returncode == 1 and "imgui_bundle" in done.stderr and "`triscope doctor`" in done.stderr
