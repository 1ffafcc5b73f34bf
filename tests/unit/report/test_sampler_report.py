"""The sampler report: its measures against plain loops, and the whole of it on a sphere."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.queries import QuerySession
from core_model.report.measure import choose_pixel, decibel, l2_error, psnr_of, squared_error, worst_pixels
from core_model.report.records import COUNTS, PSNR_LIMIT, STRATEGIES, Psnr, Score, checks_of
from core_model.report.sampler_report import Report, finite, sampler_report, write_report
from core_model.report.sheet import detail_box, error_image
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.record import RenderRecord
from core_model.schema.record_file import read_provenance
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec

SIZE = 40


def silent(stage: str, fraction: float) -> None:
    """Progress that nobody watches."""
    assert stage and 0.0 <= fraction <= 1.0


def pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    reference = rng.uniform(size=(3, 20, 30)).astype(np.float32)
    return (reference + 0.1 * rng.normal(size=reference.shape)).astype(np.float32), reference


def test_errors_equal_plain_loops() -> None:
    image, reference = pictures()
    squared, distance = squared_error(image, reference), l2_error(image, reference)
    for y, x in ((0, 0), (7, 11), (19, 29)):
        d = [float(image[c, y, x]) - float(reference[c, y, x]) for c in range(3)]
        assert squared[y, x] == pytest.approx(sum(v * v for v in d) / 3)
        assert distance[y, x] == pytest.approx(math.sqrt(sum(v * v for v in d)))


def test_psnr_of_sets_of_pixels() -> None:
    image, reference = pictures()
    foreground = np.zeros((20, 30), dtype=bool)
    foreground[5:9] = True
    found = psnr_of(image, reference, foreground)
    ordered = sorted(squared_error(image, reference).reshape(-1), reverse=True)
    assert found.all == pytest.approx(-10 * math.log10(sum(ordered) / 600))
    assert found.worst_1 == pytest.approx(-10 * math.log10(sum(ordered[:6]) / 6))
    assert found.worst_01 == pytest.approx(-10 * math.log10(ordered[0]))
    assert found.foreground == pytest.approx(-10 * math.log10(squared_error(image, reference)[5:9].mean()))
    assert found.worst_01 < found.worst_1 < found.all


def test_identical_pictures_have_the_limit() -> None:
    _, reference = pictures()
    same = psnr_of(reference, reference, np.zeros((20, 30), dtype=bool))
    assert same == Psnr(all=PSNR_LIMIT, foreground=PSNR_LIMIT, worst_1=PSNR_LIMIT, worst_01=PSNR_LIMIT)
    assert decibel(0.01) == pytest.approx(20.0)


def test_worst_pixels_are_never_none() -> None:
    assert worst_pixels(np.arange(9.0), 0.001).tolist() == [8.0]


def scene(opacity: np.ndarray, leftover: np.ndarray) -> dict[str, np.ndarray]:
    depth = np.where(opacity > 0.5, 2.0, np.nan)
    return {"opacity": opacity, "leftover": leftover, "depth": depth, "entropy": np.zeros_like(opacity)}


def test_the_chosen_pixel_is_hard_visible_and_at_an_edge() -> None:
    opacity, leftover = np.zeros((40, 40)), np.zeros((40, 40))
    opacity[10:30, 10:30] = 1.0
    leftover[5, 5], leftover[20, 20], leftover[29, 15] = 0.9, 0.8, 0.3  # background, inside, lower edge
    found = choose_pixel(scene(opacity, leftover))
    assert (
        (found.x, found.y) == (15, 29) and found.leftover == pytest.approx(0.3) and "silhouette" in found.how
    )


def test_a_step_in_depth_counts_as_an_edge() -> None:
    arrays = scene(np.ones((40, 40)), np.full((40, 40), 0.1))
    arrays["depth"][:, 25:] = 2.4
    assert choose_pixel(arrays).x in (24, 25)


def test_without_leftover_mass_the_entropy_decides() -> None:
    arrays = scene(np.ones((40, 40)), np.zeros((40, 40)))
    arrays["entropy"][12, 17] = 2.0
    found = choose_pixel(arrays)
    assert (found.x, found.y) == (17, 12) and "entropy" in found.how


def test_a_picture_of_nothing_still_has_a_pixel() -> None:
    found = choose_pixel(scene(np.zeros((40, 40)), np.zeros((40, 40))))
    assert 0 <= found.x < 40 and "none is half opaque" in found.how


@pytest.mark.parametrize(("x", "y"), [(0, 0), (255, 255), (128, 3)])
def test_details_lie_in_the_picture(x: int, y: int) -> None:
    left, top, right, bottom = detail_box(x, y, 256, 256)
    assert 0 <= left <= x < right <= 256 and 0 <= top <= y < bottom <= 256
    assert (right - left, bottom - top) == (28, 28)


def test_error_maps_share_one_scale() -> None:
    low, high = (np.asarray(error_image(np.full((2, 2), v), 0.5), dtype=int).sum() for v in (0.0, 0.5))
    beyond = np.asarray(error_image(np.full((2, 2), 0.9), 0.5), dtype=int).sum()
    assert low < high == beyond


def test_checks_say_when_robust_loses() -> None:
    def score(strategy: str, worst: float) -> Score:
        psnr = Psnr(all=30.0, foreground=30.0, worst_1=worst, worst_01=1.0)
        return Score(name="a", title="a", strategy=strategy, spp=8.0, evaluated=1.0, ms=1.0, psnr=psnr)

    lost = checks_of((score("robust", 14.0), score("stratified", 15.0), score("unstratified", 10.0)))
    won = checks_of((score("robust", 16.0), score("stratified", 15.0), score("unstratified", 10.0)))
    assert [c.holds for c in (*lost, *won)] == [False, True] and lost[0].others == 15.0


def test_strict_json_has_no_infinities() -> None:
    assert finite({"a": (1.0, math.nan), "b": [math.inf]}) == {"a": [1.0, None], "b": [None]}


@pytest.fixture(scope="module")
def made() -> tuple[CheckpointInfo, RenderRequest, Report]:
    session = QuerySession(device="cpu", threads=1)
    info = session.open("analytic:sphere")
    request = RenderRequest(checkpoint=info.path, width=SIZE, height=SIZE, sampler=SamplerSpec())
    return info, request, sampler_report(session, info, request, None, silent)


def test_report_covers_every_strategy_and_budget(made: tuple[CheckpointInfo, RenderRequest, Report]) -> None:
    numbers = made[2].numbers
    assert {(s.strategy, round(s.spp)) for s in numbers.strategies} == {
        (s, n) for s in STRATEGIES for n in COUNTS
    }
    assert [s.name for s in numbers.adaptive] == [
        "flat_10",
        "adaptive_9_19",
        "importance_10",
        "importance_22",
    ]
    assert numbers.adaptive_pixels == round(0.1 * SIZE * SIZE)
    assert len(numbers.checks) == len(COUNTS) and "opacity" in numbers.ray.numbers
    assert 0.1 < numbers.foreground_share < 1.0


def test_errors_fall_as_samples_grow(made: tuple[CheckpointInfo, RenderRequest, Report]) -> None:
    numbers = made[2].numbers
    for strategy in STRATEGIES:
        few, many = (numbers.score(strategy, n).psnr for n in (2, 64))
        assert many.all > few.all + 6.0 and many.worst_1 > few.worst_1


def test_files_are_complete_and_carry_their_record(
    made: tuple[CheckpointInfo, RenderRequest, Report], tmp_path: Path
) -> None:
    info, request, report = made
    record = RenderRecord(checkpoint_sha256=info.sha256, family=info.family, request=request)
    files = write_report(tmp_path / "new", report, record)
    assert [f.name for f in files] == ["fig3.png", "fig4.png", "a5.png", "a6.png", "a7.png", "report.json"]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == sorted(f.name for f in files)
    for file in files:
        assert read_provenance(file).request == request
    document = json.loads((tmp_path / "new" / "report.json").read_text())
    assert document["report"]["pixel"]["x"] == report.numbers.pixel.x
    for file in files[:-1]:
        with Image.open(file) as picture:
            assert picture.width >= 1600 and np.asarray(picture.convert("L")).std() > 10


def test_without_a_proposal_network_there_is_no_report(
    made: tuple[CheckpointInfo, RenderRequest, Report],
) -> None:
    info, request, _ = made
    session = QuerySession(device="cpu", threads=1)
    with pytest.raises(InputError, match="proposal network"):
        sampler_report(session, info.replace(has_proposal=False), request, None, silent)


def test_a_failed_render_is_an_error_not_a_report(
    made: tuple[CheckpointInfo, RenderRequest, Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    info, request, _ = made
    session = QuerySession(device="cpu", threads=1)
    with pytest.raises(InputError):
        sampler_report(session, info, request.replace(checkpoint="analytic:cow"), None, silent)

    def broken(path: str) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(session, "open", broken)
    with pytest.raises(TriscopeError, match="memory"):
        sampler_report(session, info, request, None, silent)
