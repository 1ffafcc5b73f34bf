"""Layouts as data: how a column is shared, where the ray inspector lies, and what the nine usual windows get."""

from __future__ import annotations

import pytest

from viewer.shell import layout

NINE = [(size, scale) for size in ((1600, 1000), (1280, 720), (1024, 700)) for scale in (1.0, 1.5, 2.0)]


def test_panels_that_fit_share_what_is_left_over_in_proportion() -> None:
    assert layout.share((200.0, 600.0), 1000.0) == pytest.approx(0.25)


def test_the_smaller_need_is_met_first() -> None:
    assert layout.share((200.0, 900.0), 1000.0) == pytest.approx(0.2)
    assert layout.share((900.0, 300.0), 1000.0) == pytest.approx(0.7)


def test_two_large_panels_share_and_the_one_in_use_gets_more() -> None:
    assert layout.share((900.0, 900.0), 1000.0) == pytest.approx(0.5)
    assert layout.share((900.0, 900.0), 1000.0, 0) == pytest.approx(layout.FOCUS_SHARE)
    assert layout.share((900.0, 900.0), 1000.0, 1) == pytest.approx(1.0 - layout.FOCUS_SHARE)


@pytest.mark.parametrize(("size", "scale"), NINE)
def test_nine_windows_are_possible_and_leave_the_picture_its_room(
    size: tuple[int, int], scale: float
) -> None:
    em = 15.0 * scale
    least, plan = layout.smallest(em), layout.plan(*size, em)
    assert size[0] >= least[0] and size[1] >= least[1]
    sides = sum(
        split.share for split in plan.splits if split.parent == layout.MAIN and split.direction == "left"
    )
    assert 0.0 < sides < 0.6
    names = {layout.MAIN, *(split.name for split in plan.splits)}
    assert set(plan.docks.values()) <= names, "every panel has a group that exists"


WINDOW = (0.0, 22.0, 1600.0, 940.0)


def test_the_inversion_panel_covers_the_picture_and_stays_in_the_window() -> None:
    assert layout.photo_place(WINDOW, (316.0, 22.0, 960.0, 700.0), 15.0) == (316.0, 22.0, 960.0, 940.0)
    x, _, wide, _ = layout.photo_place(WINDOW, (1200.0, 22.0, 400.0, 700.0), 15.0)
    assert wide == layout.PHOTO_EM * 15.0 and x + wide == 1600.0, "wider than a small picture"
    assert layout.photo_place(WINDOW, (0.0, 22.0, 500.0, 500.0), 60.0)[2] == 1600.0


def test_the_ray_inspector_covers_the_column_and_not_the_picture() -> None:
    x, y, wide, high = layout.ray_place(WINDOW, (316.0, 22.0, 960.0, 700.0), 15.0)
    assert (x, y, high) == (0.0, 22.0, 940.0) and wide == pytest.approx(312.0)
    assert layout.ray_place(WINDOW, (0.0, 22.0, 1280.0, 700.0), 15.0)[2] == layout.RAY_EM * 15.0, (
        "no column is shown"
    )


def test_the_layers_panel_lies_beside_the_picture() -> None:
    x, y, wide, high = layout.layers_place(WINDOW, (316.0, 22.0, 960.0, 700.0), 15.0)
    assert (y, high, x + wide) == (22.0, 940.0, 1600.0)
    assert wide == layout.LAYERS_EM[1] * 15.0 and x >= 316.0 + 0.5 * (960.0 + 700.0), (
        "none of the square picture is covered"
    )
    x, _, wide, _ = layout.layers_place((0.0, 22.0, 1024.0, 640.0), (272.0, 22.0, 752.0, 480.0), 15.0)
    assert x + wide == 1024.0 and wide == layout.LAYERS_EM[0] * 15.0
    lone = layout.layers_place((0.0, 22.0, 1024.0, 640.0), (500.0, 22.0, 524.0, 480.0), 22.5)
    assert lone[0] == 0.0 and lone[2] <= 500.0, "over the one column at the left"
