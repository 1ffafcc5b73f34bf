"""Pages never wait for a far machine: answers come by threads, and serve until newer ones are there."""

from __future__ import annotations

import threading
import time
from pathlib import Path, PurePath

from tests.waiting import until
from viewer.jobs.asked import Asked
from viewer.jobs.desk import DeskFacts, LocalDesk


class SlowDesk(LocalDesk):
    """Another machine, whose answers come when `go` is set."""

    here = False

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.asked = 0
        self.fails = False

    def facts(self) -> DeskFacts:
        self.asked += 1
        assert self.go.wait(30.0)
        if self.fails:
            raise OSError("the line is down")
        return DeskFacts("/far/runs", (("local", ""), ("slurm", "not installed")))

    def is_run(self, path: PurePath) -> bool:
        return path.name == "taken"


def test_of_another_machine_nothing_is_waited_for() -> None:
    desk, woken = SlowDesk(), threading.Event()
    asked = Asked(desk, woken.set)
    began = time.monotonic()
    assert all(asked.facts() is None for _ in range(100))
    assert time.monotonic() - began < 1.0 and desk.asked <= 1
    desk.go.set()
    assert woken.wait(10.0)
    facts = asked.facts()
    assert facts is not None and facts.folder == "/far/runs" and facts.why_not("slurm") == "not installed"
    assert facts.why_not("cloud") and desk.asked == 1
    assert not asked.is_run(PurePath("/far/taken")), "not known yet"
    until(lambda: asked.is_run(PurePath("/far/taken")), "the answer")


def test_a_failure_leaves_what_was_known() -> None:
    desk = SlowDesk()
    desk.go.set()
    asked = Asked(desk)
    until(lambda: asked.want("facts", desk.facts, 0.0), "the facts")
    desk.fails = True
    before = desk.asked
    for _ in range(50):
        assert asked.want("facts", desk.facts, 0.0) is not None
        time.sleep(0.002)
    assert desk.asked - before <= 2, "a line that is down is not asked in every frame"


def test_this_machine_answers_at_once(tmp_path: Path) -> None:
    asked = Asked()
    facts = asked.facts()
    assert facts is not None and facts.why_not("local") == ""
    assert asked.free_name(tmp_path, "a") == tmp_path / "a" and not asked.is_run(tmp_path)
    (tmp_path / "a").mkdir()
    assert asked.free_name(tmp_path, "a") == tmp_path / "a-2"
    (tmp_path / "config.json").write_text("{}")
    assert asked.is_run(tmp_path)
