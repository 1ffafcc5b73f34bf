"""Help, "Check this machine": the examination in the window, copied, closed by Esc, ended with the window."""

from __future__ import annotations

import sys

import pytest
from imgui_bundle import imgui

from core_model.schema.doctor import DoctorReport, Finding, as_text
from tests.gui.window_driver import Hands, drive
from viewer.shell import doctor_sheet

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]

REPORT = DoctorReport(
    triscope="1", created="now", can_start=True,
    findings=(
        Finding(group="System", name="memory", title="Memory", value="1 GB", status="problem", remedy="buy some"),
        Finding(group="Window", name="opengl", title="OpenGL", value="3.3"),
    ),
)  # fmt: skip


def test_the_menu_shows_it_and_copies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"print({REPORT.model_dump_json()!r})"
    monkeypatch.setattr(doctor_sheet, "COMMAND", (sys.executable, "-c", code))

    def body(hands: Hands) -> None:
        sheet = hands.loop.doctor
        hands.ctx.menu_click("//##MainMenuBar/Help/Check this machine …")
        hands.until(lambda: sheet.report is not None and not sheet.asking, "the report")
        hands.ctx.yield_(2)
        assert sheet.open and sheet.report == REPORT
        hands.ctx.item_click("//##doctor-sheet/###copy-doctor")
        hands.ctx.yield_(2)
        assert imgui.get_clipboard_text() == as_text(REPORT)
        sheet.report = None
        hands.ctx.item_click("//##doctor-sheet/###look-again")
        hands.until(lambda: sheet.report is not None, "the second report")
        hands.ctx.key_press(imgui.Key.escape)
        hands.ctx.yield_(3)
        assert not sheet.open

    drive(body)


def test_a_failure_is_shown_and_a_hanging_one_ends_with_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_sheet, "COMMAND", (sys.executable, "-c", "raise OSError('no python')"))
    kept = []

    def body(hands: Hands) -> None:
        sheet = hands.loop.doctor
        sheet.show(0.0)
        hands.until(lambda: not sheet.asking, "the failure")
        assert sheet.failure == "OSError: no python"
        monkeypatch.setattr(doctor_sheet, "COMMAND", (sys.executable, "-c", "import time; time.sleep(300)"))
        sheet.look(0.0)
        hands.until(lambda: sheet._process is not None, "the process")
        kept.append(sheet._process)

    drive(body)
    assert kept[0].wait(10) != 0
