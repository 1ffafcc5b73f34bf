"""The whole examination, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Callable

import core_model
from core_model.doctor import devices, opengl, packages, plugins, system
from core_model.schema.doctor import DoctorReport, Finding
from core_model.schema.record import utc_now

Tell = Callable[[str, float], None]


def examine(
    seconds: float = 3.0, headless: bool = False, tell: Tell = lambda what, fraction: None
) -> DoctorReport:
    """Look at everything; takes some ten seconds and `seconds` more for each device.

    headless: a machine that only renders, so that a missing display is only noted.
    tell: what is being looked at, and how much of the whole is done (0 to 1).
    """
    found: list[Finding] = []
    tell("system and packages", 0.0)
    found += system.findings()
    tell("display and OpenGL", 0.05)
    found += opengl.findings(headless)
    tell(f"PyTorch, and {seconds:g} s of rendering on each device", 0.2)
    found += devices.findings(seconds)
    found += packages.findings()
    found += plugins.findings()
    found += system.files()
    return DoctorReport(
        triscope=core_model.__version__,
        created=utc_now(),
        headless=headless,
        can_start=not any(f.status == "fatal" for f in found),
        findings=tuple(found),
    )
