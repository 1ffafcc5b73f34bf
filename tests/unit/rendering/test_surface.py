"""Eikonal error and missed surfaces against shapes whose distance is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.families.analytic.shapes import SPHERE_RADIUS
from core_model.queries import QuerySession
from core_model.schema.camera import OrbitPose
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from tests.unit.rendering.analytic_truth import sphere_hit

SIZE = 32


def picture(session: QuerySession, sampler: SamplerSpec, **changes: object) -> dict[str, np.ndarray]:
    settings: dict[str, object] = {"channels": ("eikonal", "missed", "opacity", "samples"), **changes}
    request = RenderRequest(
        checkpoint="analytic:sphere", width=SIZE, height=SIZE, sampler=sampler, **settings
    )  # type: ignore[arg-type]
    frame = session.render(request)
    assert frame.result.error is None, frame.result.error
    return frame.arrays


def test_a_true_distance_has_no_eikonal_error(session: QuerySession) -> None:
    arrays = picture(session, SamplerSpec(name="uniform", spp=192))
    seen = arrays["opacity"] > 0.05
    assert np.abs(arrays["eikonal"][seen]).max() < 1e-3 and np.isnan(arrays["eikonal"][~seen]).all()


def test_a_stretched_distance_has_the_error_of_its_stretch(
    session: QuerySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core_model.families.analytic import shapes

    plain = shapes.AnalyticField.geometry

    def stretched(self, points):
        sample = plain(self, points)
        return type(sample)(sample.density, 1.5 * sample.sdf, sample.beta, sample.raw, sample.features)

    monkeypatch.setattr(shapes.AnalyticField, "geometry", stretched)
    arrays = picture(QuerySession(device="cpu", threads=1), SamplerSpec(name="uniform", spp=192))
    error = arrays["eikonal"][np.isfinite(arrays["eikonal"])]
    assert error.size > 50 and np.abs(error - 0.5).max() < 1e-3


@pytest.mark.parametrize("skip_empty", [True, False])
def test_dense_sampling_misses_nothing_and_three_samples_miss_most(
    session: QuerySession, skip_empty: bool
) -> None:
    dense = picture(session, SamplerSpec(name="uniform", spp=192), skip_empty=skip_empty)["missed"]
    truth = sphere_hit(OrbitPose(), SIZE) if sphere_hit.__code__.co_argcount > 1 else None
    met = np.isfinite(dense)
    assert 100 < met.sum() < SIZE * SIZE and dense[met].max() == 0.0
    if truth is not None:
        inner = truth.approach < 0.97 * SPHERE_RADIUS
        assert met[inner].all() and not met[truth.approach > SPHERE_RADIUS].any()
    sparse = picture(session, SamplerSpec(name="uniform", spp=3), skip_empty=skip_empty)["missed"]
    assert np.array_equal(np.isfinite(sparse), met) and sparse[met].mean() > 0.9


def test_the_mask_agrees_with_the_ray_report(session: QuerySession) -> None:
    sampler = SamplerSpec(name="stratified", spp=24)
    request = RenderRequest(
        checkpoint="analytic:sphere", width=SIZE, height=SIZE, sampler=sampler, channels=("missed",)
    )
    missed = session.render(request).arrays["missed"]
    for index in torch.randperm(SIZE * SIZE, generator=torch.Generator().manual_seed(0))[:60].tolist():
        y, x = divmod(index, SIZE)
        report = session.inspect(request, x, y)
        near = report.numbers["nearest sample to the crossing"]
        bin_width = (report.far - report.near) / 191
        if near is None or abs(near - bin_width) < 1e-4:
            assert near is not None or np.isnan(missed[y, x])
            continue
        assert missed[y, x] == float(near > bin_width), (x, y, near, bin_width)


def test_densities_have_neither(session: QuerySession) -> None:
    names = {c.name for c in session.open("analytic:slab").channels}
    assert not names & {"eikonal", "missed"}
