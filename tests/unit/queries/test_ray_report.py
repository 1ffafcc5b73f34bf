"""The ray report: the same ray, the same numbers as the picture, distributions that are distributions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.families.analytic.shapes import SPHERE_RADIUS
from core_model.geometry.rays import camera_rays
from core_model.ops.stepfun import supervision_target
from core_model.queries import QuerySession
from core_model.queries.ray_report import _is_chosen
from core_model.sampling.placement import adaptive_mask
from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.inspect import RayReport
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from tests.contracts.tiny_checkpoint import TINY, tiny_generator

POSE = OrbitPose(yaw=0.3, pitch=0.1)
SIZE = 24
MIDDLE = (12, 11)


def request(path: str = "analytic:sphere", **changes: object) -> RenderRequest:
    settings: dict[str, object] = {"width": SIZE, "height": SIZE, "camera": POSE, **changes}
    return RenderRequest(checkpoint=path, **settings)  # type: ignore[arg-type]


def ticks(report: RayReport, name: str) -> tuple[float, ...]:
    return next(t.t for t in report.ticks if t.name == name)


def test_the_ray_and_its_hit(session: QuerySession) -> None:
    report = session.inspect(request(), *MIDDLE)
    origins, dirs = camera_rays(POSE, SIZE, SIZE)
    index = MIDDLE[1] * SIZE + MIDDLE[0]
    np.testing.assert_allclose(report.origin, origins[index], atol=1e-6)
    np.testing.assert_allclose(report.direction, dirs[index], atol=1e-6)
    o, d = np.array(report.origin), np.array(report.direction)
    b = o @ d
    hit = -b - np.sqrt(b * b - o @ o + SPHERE_RADIUS**2)
    assert report.hit_box and report.near < hit < report.far
    assert report.numbers["first zero crossing"] == pytest.approx(hit, abs=1e-3)
    assert report.numbers["expected depth"] == pytest.approx(hit, abs=8e-3)
    assert report.numbers["median depth"] == pytest.approx(hit, abs=8e-3)
    assert report.numbers["opacity"] == pytest.approx(1.0, abs=1e-3)


def test_series_fit_together(session: QuerySession) -> None:
    report = session.inspect(request(), *MIDDLE)
    n = len(report.t)
    assert (
        n
        == len(report.sdf)
        == len(report.density)
        == len(report.beta)
        == len(report.transmittance)
        == len(report.colors)
    )
    o, d, t = np.array(report.origin), np.array(report.direction), np.array(report.t)
    inside_box = np.isfinite(report.sdf)
    want = np.linalg.norm(o + t[:, None] * d, axis=-1) - SPHERE_RADIUS
    np.testing.assert_allclose(np.array(report.sdf)[inside_box], want[inside_box], atol=1e-4)
    assert all(b <= a + 1e-6 for a, b in zip(report.transmittance, report.transmittance[1:]))
    truth = next(p for p in report.pdfs if p.name == "truth")
    assert truth.edges == report.t
    alpha = 1 - np.exp(-np.array(report.density[:-1]) * np.diff(t))
    np.testing.assert_allclose(truth.values, np.array(report.transmittance[:-1]) * alpha, atol=1e-4)


def test_the_papers_curves_are_distributions(session: QuerySession, tiny: str) -> None:
    for path in ("analytic:sphere", tiny):
        report = session.inspect(request(path), *MIDDLE)
        pdfs = {p.name: p for p in report.pdfs}
        assert list(pdfs) == ["truth", "probe", "prediction", "target", "robust"]
        for p in pdfs.values():
            assert len(p.edges) == len(p.values) + 1 and min(p.values) >= 0 and sum(p.values) <= 1 + 1e-4
        for name in ("prediction", "robust"):
            assert sum(pdfs[name].values) == pytest.approx(1.0, abs=1e-4)
        q = np.array(pdfs["robust"].values)
        assert set(np.nonzero(q)[0]) == set(report.robust_bins)
        np.testing.assert_allclose(q[q > 0], 1 / len(report.robust_bins), rtol=1e-5)
        mass = np.array(pdfs["prediction"].values)[list(report.robust_bins)].sum()
        assert mass >= report.tau - 1e-4 and report.numbers["robust bins"] == len(report.robust_bins)


@pytest.mark.parametrize(("known", "blur"), [(0.7, 0.7), (2.0, 2.0), (None, 1.0)])
def test_the_target_is_the_one_of_the_training(
    session: QuerySession, tmp_path: Path, known: float | None, blur: float
) -> None:
    """The blur stands in the header; files that do not say it are shown with 1 bin, and the unit says that it is assumed."""
    generator = tiny_generator()
    header = CheckpointHeader(family="wysiwyg", config=TINY.model_dump(), target_blur=known)
    path = str(save_checkpoint(tmp_path / "c.safetensors", header, generator.state_dict()))
    report = session.inspect(request(path), *MIDDLE)
    pdfs = {p.name: torch.tensor(p.values) for p in report.pdfs}
    torch.testing.assert_close(pdfs["target"], supervision_target(pdfs["probe"], blur), atol=1e-6, rtol=1e-5)
    assert report.numbers["target blur"] == blur and ("assumed" in report.units["target blur"]) == (
        known is None
    )


@pytest.mark.parametrize("strategy", ["robust", "stratified"])
def test_the_final_samples_are_the_strategy_s(session: QuerySession, strategy: str) -> None:
    report = session.inspect(request(sampler=SamplerSpec(strategy=strategy)), *MIDDLE)  # type: ignore[arg-type]
    assert ticks(report, "final") == ticks(report, strategy)
    assert len(ticks(report, "final")) == report.numbers["samples"]
    for name in ("robust", "stratified", "unstratified", "final"):
        t = ticks(report, name)
        assert list(t) == sorted(t) and report.near - 1e-5 <= t[0] and t[-1] <= report.far + 1e-5


def test_the_number_of_samples_is_the_picture_s(session: QuerySession) -> None:
    asked = request(channels=("samples", "leftover", "entropy"))
    arrays = session.render(asked).arrays
    flat = arrays["samples"].ravel()
    for index in (int(flat.argmax()), int(flat.argmin()), SIZE * 12 + 12):
        y, x = divmod(index, SIZE)
        report = session.inspect(asked, x, y)
        assert report.numbers["samples"] == arrays["samples"][y, x]
        assert (report.numbers["hard ray"] == 1.0) == (arrays["samples"][y, x] == flat.max())


@pytest.mark.parametrize("name", ["uniform", "stratified", "importance"])
def test_samplers_without_prediction(session: QuerySession, name: str) -> None:
    report = session.inspect(request(sampler=SamplerSpec(name=name, spp=20)), *MIDDLE)
    assert len(ticks(report, "final")) == 20


def test_a_ray_that_meets_nothing(session: QuerySession) -> None:
    report = session.inspect(request(), 0, 0)
    assert report.numbers["opacity"] == pytest.approx(0.0, abs=1e-4)
    assert report.numbers["expected depth"] is None and report.numbers["first zero crossing"] is None
    assert RayReport.model_validate_json(report.model_dump_json()).numbers == report.numbers


def test_a_ray_past_the_box(session: QuerySession) -> None:
    report = session.inspect(request(camera=OrbitPose(fov=2.0)), 0, 0)
    assert not report.hit_box and bool(np.isnan(report.sdf).all()) and sum(report.density) == 0.0


def test_a_density_has_no_distance(session: QuerySession) -> None:
    report = session.inspect(request("analytic:slab"), *MIDDLE)
    assert bool(np.isnan(report.sdf).all()) and max(report.density) == pytest.approx(8.0)
    assert report.numbers["first zero crossing"] is None


@pytest.mark.parametrize("pixel", [(-1, 0), (0, -1), (SIZE, 0), (0, SIZE)])
def test_pixels_outside_are_input_errors(session: QuerySession, pixel: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="pixel outside"):
        session.inspect(request(), *pixel)


def test_inspecting_reuses_the_picture_s_stages(session: QuerySession, tiny: str) -> None:
    session.render(request(tiny))
    entries = len(session._cache)
    session.inspect(request(tiny), *MIDDLE)
    assert len(session._cache) == entries


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 1.0])
def test_the_chosen_rays_are_those_of_the_picture_without_a_sort(share: float) -> None:
    leftover = torch.rand(300, generator=torch.Generator().manual_seed(3))
    leftover[40:90] = leftover[40]  # ties go to the earlier ray
    want = adaptive_mask(leftover, share)
    assert [_is_chosen(leftover, i, share) for i in range(300)] == want.tolist()


def test_hits_and_threshold(session: QuerySession, tiny: str) -> None:
    report = session.inspect(request(tiny), *MIDDLE)
    prediction = next(p for p in report.pdfs if p.name == "prediction")
    assert report.robust_threshold == min(prediction.values[i] for i in report.robust_bins)
    assert set(report.hits) == {"unstratified", "stratified", "robust", "final"}
    sphere = session.inspect(request(), *MIDDLE)
    assert sphere.hits["robust"] is True and sphere.numbers["robust hits the peak"] == 1.0
    near = sphere.numbers["nearest sample to the crossing"]
    want = min(abs(t - (sphere.numbers["first zero crossing"] or 0.0)) for t in ticks(sphere, "final"))
    assert near == pytest.approx(want)
    coarse = session.inspect(request(sampler=SamplerSpec(name="uniform", spp=3)), *MIDDLE)
    assert coarse.hits["final"] is False
    assert set(session.inspect(request(), 0, 0).hits.values()) == {None}
