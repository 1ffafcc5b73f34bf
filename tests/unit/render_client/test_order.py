"""The render process's loop in this process, with a session that does what the test says between two of its pieces: no sleeps, no clock."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import Pipe
from typing import Any

import numpy as np
import pytest

from core_model.schema.errors import Cancelled
from core_model.schema.inspect import RayReport
from core_model.schema.question import DirectionsQuestion, Question
from core_model.schema.render import RenderRequest, RenderResult, Tier
from tests.unit.render_client.fake_session import FakeFrame, FakeSession
from viewer.render_client import messages as m
from viewer.render_client import worker
from viewer.render_client.mailbox import ControlBlock
from viewer.render_client.worker import _Worker

PIECES = 4


@dataclass
class Answer:
    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class Scripted:
    """Pictures and answers of four pieces each, which are kept; `between` is called after each."""

    device = "none"

    def __init__(self) -> None:
        self.log: list[str] = []
        self.between: dict[str, Callable[[], None]] = {}
        self._done: dict[object, int] = {}

    def _work(
        self, name: str, key: object, cancelled: Callable[[], bool], progress: Callable[[str, float], None]
    ) -> None:
        while self._done.get(key, 0) < PIECES:
            if cancelled():
                raise Cancelled("something waits")
            self._done[key] = self._done.get(key, 0) + 1
            self.log.append(f"{name} {self._done[key]}")
            progress(name, self._done[key] / PIECES)
            self.between.pop(self.log[-1], lambda: None)()
        del self._done[key]

    def render(
        self, request: RenderRequest, cancelled: Callable[[], bool], progress: Callable[[str, float], None]
    ) -> FakeFrame:
        self._work(request.tier.value, request, cancelled, progress)
        return FakeFrame(
            RenderResult(request=request, width=8, height=8), {"rgb": np.zeros((3, 8, 8), np.float32)}
        )

    def answer(
        self, question: Question, cancelled: Callable[[], bool], progress: Callable[[str, float], None]
    ) -> Answer:
        self._work("question", question, cancelled, progress)
        return Answer()

    def inspect(self, request: RenderRequest, x: int, y: int) -> RayReport:
        self.log.append("ray")
        return FakeSession().inspect(request, x, y)


class House:
    def __init__(self) -> None:
        self.control = ControlBlock.create()
        far_commands, self.commands = Pipe(duplex=False)
        self.results, far_results = Pipe(duplex=False)
        self.session = Scripted()
        self.clock: Callable[[], float] = time.monotonic
        self.worker = _Worker(
            lambda **options: self.session,
            ControlBlock.attach(self.control.name),
            far_commands,
            far_results,
            clock=lambda: self.clock(),
        )
        self.worker.start(m.SessionOptions())
        assert isinstance(self.results.recv(), m.Hello)
        self._number = 0

    def post(self, slot: Any, message: Any, wakes: bool = True) -> int:
        self._number += 1
        self.control.put(slot, self._number, pickle.dumps(message))
        if wakes:
            self.commands.send(m.Wake())
        return self._number

    def render(self, tier: Tier, cancels: bool = False) -> None:
        number = self.post(
            "render", m.PictureRequest(RenderRequest(checkpoint="a", width=8, height=8, tier=tier), None)
        )
        if cancels:
            self.control.cancel_below = number

    def ask(self) -> None:
        self.post("ask", m.AskRequest(DirectionsQuestion(checkpoint="a")))

    def inspect(self) -> None:
        self.post("inspect", m.InspectRequest(RenderRequest(checkpoint="a", width=8, height=8), 1, 1))

    def run(self) -> list[str]:
        """Until there is nothing to do."""
        for _ in range(100):
            self.worker._run_commands(wait=False)
            if not self.worker.work():
                return self.session.log
        raise AssertionError(f"it goes round in circles: {self.session.log[-20:]}")

    def told(self) -> list[str]:
        names = []
        while self.results.poll(0):
            names.append(type(self.results.recv()).__name__)
        return names


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.worker.close()
    house.control.close()


def test_directions_are_answered_in_the_middle_of_refinement_which_loses_nothing(house: House) -> None:
    house.render(Tier.REFINED)
    house.session.between["refined 2"] = house.ask
    log = house.run()
    assert log == [
        "refined 1",
        "refined 2",
        *(f"question {i}" for i in (1, 2, 3, 4)),
        "refined 3",
        "refined 4",
    ]
    assert house.told() == ["AnswerDone", "RenderDone"]


def test_a_click_is_answered_in_the_middle_of_settling_and_of_a_question(house: House) -> None:
    house.render(Tier.FULL)
    house.session.between["full 1"] = house.inspect
    assert house.run() == ["full 1", "ray", "full 2", "full 3", "full 4"]
    house.session.log.clear()
    house.ask()
    house.clock = iter(float(i) for i in range(100)).__next__  # a second for each look
    house.session.between["question 2"] = house.inspect
    assert house.run() == ["question 1", "question 2", "ray", "question 3", "question 4"]


def test_a_question_goes_before_settling_and_a_drag_before_the_question(house: House) -> None:
    house.clock = iter(0.1 * i for i in range(1000)).__next__
    house.render(Tier.FULL)
    house.session.between["full 1"] = house.ask
    house.session.between["question 2"] = lambda: house.render(Tier.MOVING, cancels=True)
    log = house.run()
    assert log == [
        "full 1",
        "question 1",
        "question 2",
        *(f"moving {i}" for i in (1, 2, 3, 4)),
        "question 3",
        "question 4",
    ]


def test_a_command_goes_before_refinement(house: House) -> None:
    saved: list[str] = []
    house.session.save_ray = lambda request, x, y, path: saved.append(f"{path} after {house.session.log[-1]}")  # type: ignore[attr-defined]
    house.render(Tier.REFINED)
    house.session.between["refined 1"] = lambda: house.commands.send(
        m.SaveRay(9, RenderRequest(checkpoint="a"), 0, 0, "ray.json")
    )
    assert house.run() == ["refined 1", "refined 2", "refined 3", "refined 4"] and saved == [
        "ray.json after refined 1"
    ]


def test_a_question_that_was_taken_back_is_given_up(house: House) -> None:
    def take_back() -> None:
        house.post("ask", m.AskRequest(None))

    house.ask()
    house.session.between["question 1"] = take_back
    assert house.run() == ["question 1"] and house.told() == []
    assert house.control.working_on[0] == ""


def test_memory_is_given_back_when_the_work_is_done(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds after the last piece of work; then the window is told how little is held."""
    now, given = 0.0, list[float]()

    def clock() -> float:
        nonlocal now
        now += 0.5
        return now

    def last_piece() -> None:
        nonlocal now
        now, house.control.memory_bytes = 10.0, 0

    def give_back() -> None:
        given.append(now)
        house.commands.send(m.Stop())

    house.clock = clock
    house.render(Tier.FULL)
    house.session.between["full 4"] = last_piece
    monkeypatch.setattr(worker, "IDLE_LOOK_S", 0.0)
    monkeypatch.setattr(worker, "give_back", give_back)
    house.worker.run()
    assert house.session.log[-1] == "full 4"
    assert len(given) == 1 and 15.0 <= given[0] < 18.0
    assert house.control.memory_bytes > 0
