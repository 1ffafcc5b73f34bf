"""Pins: what they hold, where they are seen from another view, which rays they ask about, and what is measured."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from core_model.schema.camera import OrbitPose
from core_model.schema.render import RenderRequest
from viewer.features.ray.measure import distance_text
from viewer.features.ray.readings import Readings
from viewer.state.document import Document
from viewer.state.orbit import ray, surface_point
from viewer.state.ray_marks import MAX_PINS, Pin, RayMarks, ray_of
from viewer.state.ray_queries import RayQueries, question_at

FRONT, SIDE = OrbitPose(), OrbitPose(yaw=0.4, pitch=0.2)


def pinned(mark: tuple[float, float] = (0.4, 0.5), distance: float = 2.5) -> Pin:
    return Pin(camera=FRONT, mark=mark, point=surface_point(FRONT, *mark, distance))


def test_a_point_is_seen_where_it_lies_and_a_frozen_ray_stays() -> None:
    pin = pinned()
    assert pin.seen_at(FRONT) == pytest.approx((0.4, 0.5))
    seen = pin.seen_at(SIDE)
    assert seen is not None and seen != pytest.approx((0.4, 0.5), abs=0.01)
    origin, direction = (np.asarray(v) for v in ray_of(pin, SIDE))
    toward = np.asarray(pin.point) - origin
    np.testing.assert_allclose(toward / np.linalg.norm(toward), direction, atol=1e-9)
    frozen = pin.replace(frozen=True)
    assert ray_of(frozen, SIDE) == ray(FRONT, 0.4, 0.5) and frozen.seen_at(SIDE) is None
    assert Pin(camera=FRONT, mark=(0.1, 0.1)).is_ray, "what met nothing is a ray"


def test_questions_follow_the_view_or_the_ray() -> None:
    request = RenderRequest(checkpoint="c", camera=SIDE, width=100, height=100)
    pin = pinned()
    there = question_at(pin, request)
    assert there is not None and there.request.camera == SIDE
    seen = pin.seen_at(SIDE)
    assert seen is not None and (there.x, there.y) == (int(100 * seen[0]), int(100 * seen[1]))
    frozen = question_at(pin.replace(frozen=True), request)
    assert frozen is not None and frozen.request.camera == FRONT and (frozen.x, frozen.y) == (40, 50)
    assert question_at(pin, request.replace(camera=OrbitPose(yaw=math.pi, radius=0.1))) is None, "behind"


def test_pins_come_go_change_and_have_a_limit() -> None:
    first, second = pinned(), pinned((0.6, 0.5))
    marks = RayMarks(selected=(0.6, 0.5)).with_pin(first).with_pin(second)
    assert marks.selected == second and marks.all == (second, first)
    assert marks.pin_at(FRONT, (0.4, 0.5)) == first and marks.pin_at(SIDE, (0.4, 0.5)) is None
    marks = marks.replace(measured=(first, second))
    frozen = first.replace(frozen=True)
    assert marks.changed(first, frozen).measured == (frozen, second)
    left = marks.without_pin(second)
    assert left.pins == (first,) and left.measured is None and left.selected == (0.6, 0.5)
    for i in range(MAX_PINS + 3):
        left = left.with_pin(pinned((i / 100, 0.1)))
    assert len(left.pins) == MAX_PINS and left.pins[-1].mark == ((MAX_PINS + 2) / 100, 0.1)


def test_what_is_measured_is_told_in_world_units_and_heads() -> None:
    a = Pin(camera=FRONT, mark=(0.5, 0.5), point=(0.0, 0.21, 0.0))
    assert distance_text(a, a.replace(point=(0.0, -0.21, 0.0))) == "0.4200 w.u.  100.0 % of a head"
    assert distance_text(a, a.replace(point=None)) == ""


def test_pins_survive_a_saved_session() -> None:
    doc = Document(rays=RayMarks().with_pin(pinned()).with_pin(pinned((0.2, 0.2)).replace(frozen=True)))
    assert Document.model_validate_json(doc.model_dump_json()) == doc


def test_kept_readings_go_with_their_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))
    from tests.blob_head.rays import blob_report
    from tests.blob_head.session import _distance

    doc, rays, readings = Document(checkpoint="blob:demo"), RayQueries(), Readings()
    request = RenderRequest(checkpoint="blob:demo", camera=FRONT, width=32, height=32)
    for mark in ((0.4, 0.5), (0.6, 0.5)):
        doc = doc.replace(rays=doc.rays.with_pin(pinned(mark)))
        question = question_at(doc.rays.pins[-1], request)
        assert question is not None
        rays.sent(1, question, 0.0)
        rays.answered(1, blob_report(question.request, question.x, question.y, _distance), 0.1)
    readings.follow(doc)
    readings.keep(doc, rays)
    readings.keep(doc, rays)
    assert [r.pin for r in readings.kept] == [0, 1], "the same report is kept once"
    assert readings.kept[0].said.startswith("seed 0, ") and readings.kept[0].said.endswith("blob-demo")
    readings.follow(doc.replace(rays=doc.rays.without_pin(doc.rays.pins[0])))
    assert [r.pin for r in readings.kept] == [0] and readings.kept[0].report.x == 19


def test_kept_readings_come_back_with_their_pins_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.blob_head.rays import blob_report
    from tests.blob_head.session import _distance

    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))
    doc, rays, first = Document(checkpoint="blob:demo"), RayQueries(), Readings()
    request = RenderRequest(checkpoint="blob:demo", camera=FRONT, width=32, height=32)
    for mark, frozen in (((0.4, 0.5), False), ((0.6, 0.5), True)):
        doc = doc.replace(rays=doc.rays.with_pin(pinned(mark).replace(frozen=frozen)))
        question = question_at(doc.rays.pins[-1], request)
        assert question is not None
        rays.sent(1, question, 0.0)
        rays.answered(1, blob_report(question.request, question.x, question.y, _distance), 0.1)
    first.follow(doc)
    first.keep(doc, rays)
    file = tmp_path / "readings.json"
    assert len(first.kept) == 2 and file.stat().st_size < 2 << 20

    fresh = Readings()
    fresh.follow(Document())
    fresh.follow(Document(checkpoint="blob:demo"))
    assert fresh.kept == (), "their pins are not there yet"
    turned = doc.replace(rays=doc.rays.replace(pins=(pinned((0.1, 0.1)), *reversed(doc.rays.pins))))
    fresh.follow(turned)
    assert [(r.pin, r.said, r.report) for r in fresh.kept] == [
        (2, first.kept[0].said, first.kept[0].report), (1, first.kept[1].said, first.kept[1].report)
    ], "with their pins, whatever their numbers are now"  # fmt: skip
    fresh.follow(turned.replace(rays=turned.rays.without_pin(turned.rays.pins[2])))
    later = Readings()
    later.follow(doc)
    assert [r.pin for r in later.kept] == [1], "a removed pin takes its readings along for good"
    later.clear()
    last = Readings()
    last.follow(doc)
    assert last.kept == ()
    file.write_text("{")
    broken = Readings()
    broken.follow(doc)
    assert broken.kept == ()


def test_readings_of_another_session_stay_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.blob_head.rays import blob_report
    from tests.blob_head.session import _distance

    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))

    def kept_by(mark: tuple[float, float]) -> Document:
        doc, rays, readings = Document(checkpoint="blob:demo"), RayQueries(), Readings()
        doc = doc.replace(rays=doc.rays.with_pin(pinned(mark)))
        question = question_at(
            doc.rays.pins[0], RenderRequest(checkpoint="blob:demo", camera=FRONT, width=32, height=32)
        )
        assert question is not None
        rays.sent(1, question, 0.0)
        rays.answered(1, blob_report(question.request, question.x, question.y, _distance), 0.1)
        readings.follow(doc)
        readings.keep(doc, rays)
        return doc

    for doc in [kept_by((0.4, 0.5)), kept_by((0.6, 0.5))]:
        readings = Readings()
        readings.follow(doc)
        assert len(readings.kept) == 1
