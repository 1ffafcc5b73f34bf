"""Help, "Check this machine": what `triscope doctor` says, in a sheet with a button that copies it.

The command runs in a process of its own (it loads torch and makes an OpenGL context that may crash); a thread
waits for it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.doctor import GROUPS, MARKS, DoctorReport, Finding, Status, as_text, remedies, verdict
from core_model.schema.processes import start_tied
from viewer.runs.job_record import MAIN
from viewer.shell.sheets import sheet
from viewer.state.actions import CopyText, Dispatch
from viewer.state.key_map import KeyMap
from viewer.state.palette import Rgb
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

COMMAND = (sys.executable, "-m", MAIN, "doctor", "--json")


class DoctorSheet:
    """wake: draws a frame, from any thread."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._process: subprocess.Popen[Any] | None = None
        self._began = 0.0
        self._stopped = False
        self.open = False
        self.asking = False
        self.report: DoctorReport | None = None
        self.failure = ""

    def show(self, now: float) -> None:
        """Open the sheet, and look where nothing was looked at yet."""
        self.open = True
        if self.report is None:
            self.look(now)

    def look(self, now: float) -> None:
        """Ask anew, in a thread."""
        if not self.asking:
            self.asking, self.failure, self._began = True, "", now
            threading.Thread(target=self._ask, name="doctor", daemon=True).start()

    def close(self) -> None:
        self.open = False

    def stop(self) -> None:
        """End the process that is being asked."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()  # what it started follows it

    def _ask(self) -> None:
        complaint = b""
        try:
            with self._lock:
                if self._stopped:
                    return
                self._process = process = start_tied(
                    COMMAND,
                    own=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            said, complaint = process.communicate()
            self.report = DoctorReport.model_validate_json(said)
        except (OSError, ValueError) as error:  # no process, or no record: its last words say why
            lines = complaint.decode(errors="replace").strip().splitlines()
            self.failure = lines[-1] if lines else str(error).splitlines()[0]
        finally:
            with self._lock:
                self._process = None
            self.asking = False
            self._wake()

    def draw(self, theme: Theme, keys: KeyMap, now: float, dispatch: Dispatch) -> None:
        """Draws the sheet while it is open."""
        if self.open:
            self.open = sheet(
                theme, keys, "##doctor-sheet", "This machine", lambda: self._body(theme, now, dispatch)
            )

    def _body(self, theme: Theme, now: float, dispatch: Dispatch) -> None:
        em, room = theme.em, imgui.get_main_viewport().size
        size = ImVec2(min(62 * em, 0.86 * room.x), min(36 * em, 0.68 * room.y))
        controls.begin_child("##doctor-findings", size)
        if self.asking:
            controls.note(
                theme,
                f"Asking OpenGL, PyTorch and each device, which renders for three seconds: {now - self._began:.0f} s",
            )
        elif self.failure:
            with controls.text_colour(theme.palette.bad):
                controls.wrapped(self.failure)
        elif self.report is not None:
            _findings(theme, self.report)
        imgui.end_child()
        idle = "It is being asked" if self.asking else ""
        why = idle or ("" if self.report is not None else "There is nothing to copy")
        if controls.button(
            theme,
            f"{fa.ICON_FA_COPY} Copy###copy-doctor",
            tip="Copy all of it as text",
            why_not=why,
            width=6 * em,
        ):
            assert self.report is not None
            dispatch(CopyText(as_text(self.report), "examination"))
        imgui.same_line()
        if controls.button(
            theme,
            f"{fa.ICON_FA_ROTATE_RIGHT} Look again###look-again",
            tip="Ask anew",
            why_not=idle,
            width=8 * em,
        ):
            self.look(now)


def _findings(theme: Theme, report: DoctorReport) -> None:
    """Verdict, what to do, then everything by group."""
    with (
        controls.text_colour(_ink(theme, "ok" if report.can_start else "fatal")),
        controls.font(theme.fonts.bold, BODY_PX),
    ):
        controls.wrapped(verdict(report))
    for number, line in enumerate(remedies(report), 1):
        controls.wrapped(f"{number}. {line}")
    for group in GROUPS:
        rows = [f for f in report.findings if f.group == group]
        if rows:
            controls.section(theme, group)
            for row in rows:
                _row(theme, row)


def _row(theme: Theme, row: Finding) -> None:
    em = theme.em
    with controls.text_colour(_ink(theme, row.status)):
        imgui.text_unformatted(MARKS[row.status].lower())
    imgui.same_line(5 * em)
    imgui.text_unformatted(legible(row.title))
    imgui.same_line(17 * em)
    with controls.text_colour(theme.palette.muted if row.status == "ok" else theme.palette.text):
        controls.wrapped(row.value)


def _ink(theme: Theme, status: Status) -> Rgb:
    p = theme.palette
    return {"ok": p.good, "note": p.muted, "problem": p.warn, "fatal": p.bad}[status]
