"""Undo: one step per drag, redo, and what ends a step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core_model.schema.latent import LatentSpec
from viewer.state.document import Document
from viewer.state.undo import UndoHistory


def doc(seed: int) -> Document:
    return Document(latent=LatentSpec.of_seed(seed))


def seed_of(document: Document | None) -> int | None:
    return None if document is None else document.latent.seeds[0].seed


def test_a_drag_is_one_step_however_long_the_hand_rests() -> None:
    history = UndoHistory(doc(0))
    history.hold()
    for i, now in enumerate((0.0, 0.1, 5.0, 60.0)):
        history.push(doc(1 + i), "orbit", now)
    history.release()
    history.push(doc(9), "orbit", 60.1)
    assert seed_of(history.undo()) == 4 and seed_of(history.undo()) == 0 and history.undo() is None
    assert seed_of(history.redo()) == 4 and seed_of(history.redo()) == 9 and history.redo() is None


def test_wheel_notches_join_within_the_window_only() -> None:
    history = UndoHistory(doc(0), window_s=0.8)
    for i, now in enumerate((0.0, 0.5, 1.0, 2.0)):
        history.push(doc(1 + i), "dolly", now)
    assert seed_of(history.undo()) == 3 and seed_of(history.undo()) == 0


def test_another_key_is_another_step() -> None:
    history = UndoHistory(doc(0))
    history.push(doc(1), "seed", 0.0)
    history.push(doc(2), "psi", 0.1)
    assert seed_of(history.undo()) == 1


def test_a_new_change_forgets_the_future() -> None:
    history = UndoHistory(doc(0))
    history.push(doc(1), "seed", 0.0)
    history.undo()
    history.push(doc(2), "seed", 0.1)
    assert not history.can_redo and seed_of(history.undo()) == 0


def test_the_same_document_and_a_drag_back_to_the_start_are_no_steps() -> None:
    history = UndoHistory(doc(0))
    history.push(doc(0), "seed", 0.0)
    assert not history.can_undo
    history.hold()
    history.push(doc(1), "psi", 1.0)
    history.push(doc(0), "psi", 1.1)
    history.release()
    assert not history.can_undo and seed_of(history.current) == 0


def test_limit_and_restart() -> None:
    history = UndoHistory(doc(0), limit=3)
    for i in range(1, 10):
        history.push(doc(i), f"key{i}", float(i))
    steps = 0
    while history.undo() is not None:
        steps += 1
    assert steps == 3
    history.restart(doc(50))
    assert not history.can_undo and not history.can_redo and seed_of(history.current) == 50


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_undoing_everything_and_redoing_everything_come_back(seeds: list[int]) -> None:
    history = UndoHistory(doc(0))
    for i, seed in enumerate(seeds):
        history.push(doc(seed), f"key{i}", float(i))
    last = history.current
    while history.undo() is not None:
        pass
    assert seed_of(history.current) == 0
    while history.redo() is not None:
        pass
    assert history.current == last
