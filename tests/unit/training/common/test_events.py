"""TensorBoard events of a run, read back by tensorboard's own reader: every scalar, every picture, at its place."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from core_model.schema.run import MetricRecord
from core_model.training.common.events import EventWriter
from tests.unit.runs.synthetic import Plan, picture, tick

pytest.importorskip("tensorboard")


def test_tensorboard_reads_the_same_run(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    plan = Plan(ticks=12, nan_at=5)
    ticks = [tick(plan, i) for i in range(plan.ticks)]
    png = BytesIO()
    picture(0, 1.0, edge=8).save(png, "png")
    writer = EventWriter(tmp_path / "ein Lauf ü" / "tensorboard")
    for one in ticks:
        writer.record("stats", one)
    scores = {"fid": 18.5, "swd": 0.03}
    writer.record(
        "metrics",
        MetricRecord(
            step=9, images=288, kimg=0.288, time=1.0, snapshot="snapshots/000009.safetensors", scores=scores
        ),
    )
    writer.image("fakes", png.getvalue(), 288)
    writer.close()

    read = EventAccumulator(
        str(tmp_path / "ein Lauf ü" / "tensorboard"), size_guidance={"scalars": 0, "images": 0}
    )
    read.Reload()
    expected = {name: [one.losses[name] for one in ticks] for name in ticks[0].losses}
    expected |= {f"schedule/{name}": [one.schedule[name] for one in ticks] for name in ticks[0].schedule}
    expected |= {f"speed/{name}": [one.speed[name] for one in ticks] for name in ticks[0].speed}
    expected |= {f"memory/{name}": [one.memory[name] for one in ticks] for name in ticks[0].memory}
    expected["augment/p"] = [one.augment_p for one in ticks]
    assert set(read.Tags()["scalars"]) == {*expected, "metrics/fid", "metrics/swd"}
    for name, values in expected.items():
        events = read.Scalars(name)
        assert [e.step for e in events] == [one.images for one in ticks], "x counts images"
        assert [e.value for e in events] == pytest.approx(values, rel=1e-6, nan_ok=True)
    assert math.isnan(read.Scalars("loss/G")[5].value)
    assert [(e.step, e.value) for e in read.Scalars("metrics/fid")] == [(288, 18.5)]
    (shown,) = read.Images("fakes")
    with (
        Image.open(BytesIO(shown.encoded_image_string)) as again,
        Image.open(BytesIO(png.getvalue())) as original,
    ):
        assert (shown.width, shown.height) == again.size and again.tobytes() == original.tobytes()
