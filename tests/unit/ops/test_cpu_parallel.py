"""Parts side by side: the answers, the threads, the modes and the errors of running them one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core_model.ops import cpu_parallel


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_parts_run_beside_each_other_on_one_torch_thread_each(two_threads: None) -> None:
    together = threading.Barrier(2, timeout=20)

    def work(part: int) -> tuple[str, int, int]:
        together.wait()  # passes only if both parts are under way at once
        return threading.current_thread().name, torch.get_num_threads(), part * 10

    got = list(cpu_parallel.spread(work, [1, 2]))
    assert [g[2] for g in got] == [10, 20]
    assert {g[1] for g in got} == {1} and len({g[0] for g in got}) == 2
    assert torch.get_num_threads() == 2, "the caller keeps its threads"


def test_a_part_on_a_worker_runs_its_own_parts_in_order(two_threads: None) -> None:
    def outer(part: int) -> list[str]:
        assert cpu_parallel.width() == 1
        return list(cpu_parallel.spread(lambda k: f"{part}{k}{threading.current_thread().name}", "ab"))

    for names in cpu_parallel.spread(outer, [1, 2]):
        assert names[0][:2] in ("1a", "2a") and names[0][2:] == names[1][2:]


def test_one_thread_or_another_device_runs_here() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert (
            list(cpu_parallel.spread(lambda _: threading.current_thread(), "ab"))
            == [threading.current_thread()] * 2
        )
    finally:
        torch.set_num_threads(before)
    assert cpu_parallel.width(torch.device("meta")) == 1


def test_modes_of_the_caller_hold_on_the_workers(two_threads: None) -> None:
    def mode(_: int) -> tuple[bool, bool]:
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    assert set(cpu_parallel.spread(mode, [1, 2])) == {(True, False)}
    with torch.no_grad():
        assert set(cpu_parallel.spread(mode, [1, 2])) == {(False, False)}
    with torch.inference_mode():
        assert set(cpu_parallel.spread(mode, [1, 2])) == {(False, True)}


def test_an_error_of_a_part_is_raised_here_and_the_workers_live_on(two_threads: None) -> None:
    def work(part: int) -> int:
        if part == 1:
            raise ValueError("part one")
        return part

    with pytest.raises(ValueError, match="part one"):
        list(cpu_parallel.spread(work, [0, 1, 2, 3]))
    assert list(cpu_parallel.spread(lambda p: p, [4, 5])) == [4, 5]


def test_the_number_of_workers_follows_the_number_of_threads(two_threads: None) -> None:
    assert cpu_parallel.width() == 2
    torch.set_num_threads(3)
    together = threading.Barrier(3, timeout=20)
    assert (
        len(
            set(
                cpu_parallel.spread(
                    lambda _: (together.wait(), threading.current_thread().name)[1], [1, 2, 3]
                )
            )
        )
        == 3
    )


@given(st.integers(0, 10_000), st.integers(1, 4000), st.integers(1, 16))
def test_cuts_cover_every_row_once_and_evenly(count: int, largest: int, width: int) -> None:
    cut = cpu_parallel.cuts(count, largest, width)
    width = max(1, min(width, count // cpu_parallel.LEAST))
    assert [r for s in cut for r in range(s.start, s.stop)] == list(range(count))
    sizes = [s.stop - s.start for s in cut]
    assert max(sizes) <= largest and max(sizes) - min(sizes) <= 1
    assert len(cut) % width == 0 or len(cut) == max(count, 1), "no worker without a part"
