"""The micro-batch that is named where a step does not fit."""

from __future__ import annotations

import re

import pytest

from core_model.schema.train_presets import PRESETS
from core_model.training.gan.recipes.interface import Moment
from core_model.training.gan.room import MARGIN, fitting_micro, kept_bytes, sizes_of, too_large


@pytest.mark.parametrize(
    ("batch", "share", "micro", "room", "fits"),
    [(8, 8, 8, 7.9, 4), (8, 8, 8, 1.0, 1), (8, 8, 8, 0.9, 0), (12, 12, 12, 9.0, 6), (8, 4, 4, 100.0, 2), (8, 8, 1, 5.0, 0)],
)  # fmt: skip
def test_it_divides_what_each_process_computes(
    batch: int, share: int, micro: int, room: float, fits: int
) -> None:
    assert fitting_micro(batch, share, micro, room) == fits


def test_the_line_names_value_need_and_how_to_go_on() -> None:
    cfg = PRESETS.get("heads64-cpu")
    image = MARGIN * kept_bytes(cfg, sizes_of(cfg).cost(Moment(3, 24, cfg.schedule.at(24))))
    line = too_large(cfg, 1, 3, 2.5 * image)
    assert "in step 3 with 8 images at a time: --microbatch=2 should fit" in line
    assert line.endswith("--resume --microbatch=2 goes on")
    need, free = (float(v) for v in re.findall(r"([\d.]+) GB", line))
    assert need == pytest.approx(2 * image / 1e9, abs=0.01) and free == pytest.approx(
        2.5 * image / 1e9, abs=0.01
    )
    line = too_large(cfg, 2, 3, 0.5 * image)
    assert (
        "4 images at a time" in line
        and "fewer --processes" in line
        and "--render.checkpoint-rays=512" in line
    )
