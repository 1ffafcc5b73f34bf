"""The report of `triscope data photos`, as the window shows it."""

from __future__ import annotations

import json
from pathlib import Path

from viewer.jobs.photo_report import read_report, report_of


def test_what_was_left_out_is_told_with_its_reason(tmp_path: Path) -> None:
    path = report_of(tmp_path / "mine.zip")
    assert path.name == "mine.report.json"
    path.write_text(
        json.dumps({"images": 3, "left_out": [{"name": "a/b.jpg", "why": "no face"}], "taken": [{}, {}]})
    )
    found = read_report(path)
    assert (found.images, found.files, found.left_out) == (
        3,
        3,
        (("a/b.jpg", "no face"),),
    ) and not found.fault
    assert found.words() == "3 images of 2 of 3 files"


def test_a_report_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for text in (None, "{", "[]", '{"left_out": [{"name": "x"}]}'):
        path = tmp_path / "mine.report.json"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        assert "cannot be read" in read_report(path).fault
