"""Slices through the field and pictures of the tri-planes: values against formulas, refusals, giving way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.families.analytic.shapes import SPHERE_RADIUS
from core_model.queries import QuerySession
from core_model.queries.planes import principal_components
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.latent import Ablation, LatentSpec
from core_model.schema.question_planes import (
    PlanesQuestion,
    SectionQuestion,
    box_section,
    offset_reach,
    slice_frame,
)
from core_model.schema.render import RenderRequest

SPHERE, SLAB = "analytic:sphere", "analytic:slab"


def test_an_axis_aligned_slice_is_the_box_and_holds_the_distance(session: QuerySession) -> None:
    found = session.answer(SectionQuestion(checkpoint=SPHERE, normal=(0.0, 0.0, 2.0), offset=0.1, size=32))
    at = (np.arange(32) + 0.5) / 32 - 0.5
    x, y = np.meshgrid(at, -at)
    expected = np.sqrt(x**2 + y**2 + 0.1**2) - SPHERE_RADIUS
    np.testing.assert_allclose(found.arrays["sdf"], expected, atol=1e-6)
    assert found.values["half"] == 0.5 and set(found.arrays) == {"sdf", "density", "beta"}
    assert np.isfinite(found.arrays["density"]).all()


def test_a_free_slice_has_values_in_the_box_only(session: QuerySession) -> None:
    normal, offset = (1.0, 2.0, -1.0), 0.07
    found = session.answer(SectionQuestion(checkpoint=SPHERE, normal=normal, offset=offset, size=48))
    points = slice_frame(normal, offset, 0.5).centres(48)
    inside = (np.abs(points) <= 0.5).all(axis=-1)
    assert 0.2 < inside.mean() < 0.95
    np.testing.assert_array_equal(np.isfinite(found.arrays["sdf"]), inside)
    np.testing.assert_allclose(
        found.arrays["sdf"][inside], np.linalg.norm(points[inside], axis=-1) - SPHERE_RADIUS, atol=1e-6
    )


def test_a_plane_outside_the_box_has_no_value(session: QuerySession) -> None:
    found = session.answer(SectionQuestion(checkpoint=SPHERE, offset=0.6, size=16))
    assert np.isnan(found.arrays["density"]).all()


def test_slices_are_seen_from_the_side_of_the_normal() -> None:
    for normal, right, up in (
        ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
        ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
        ((0, 1, 0), (1, 0, 0), (0, 0, -1)),
    ):
        frame = slice_frame(normal, 0.0, 0.5)
        np.testing.assert_allclose([frame.right, frame.up], [right, up], atol=1e-12)
    frame = slice_frame((0.3, -0.7, 0.2), 0.2, 0.5)
    np.testing.assert_allclose(np.cross(frame.right, frame.up), frame.normal, atol=1e-12)
    a, b = frame.local(frame.world(np.array([0.25]), np.array([-0.5])))
    np.testing.assert_allclose([a[0], b[0]], [0.25, -0.5], atol=1e-12)


@pytest.mark.parametrize(("normal", "corners"), [((0, 0, 1), 4), ((1, 1, 1), 6), ((1, 1, 0), 4)])
def test_the_outline_lies_on_the_plane_and_the_box(normal: tuple[float, float, float], corners: int) -> None:
    polygon = box_section(normal, 0.0, 0.5)
    assert len(polygon) == corners
    unit = np.asarray(normal) / np.linalg.norm(normal)
    np.testing.assert_allclose(polygon @ unit, 0.0, atol=1e-9)
    np.testing.assert_allclose(np.abs(polygon).max(axis=1), 0.5, atol=1e-9)
    edges = np.roll(polygon, -1, axis=0) - polygon
    turns = np.cross(edges, np.roll(edges, -1, axis=0)) @ unit
    assert (turns > 0).all() or (turns < 0).all(), "corners go round"
    assert len(box_section(normal, 1.01 * offset_reach(normal, 0.5), 0.5)) == 0


def test_extras_come_when_asked_for_and_are_refused_where_they_mean_nothing(
    session: QuerySession, tiny: str
) -> None:
    slope = session.answer(SectionQuestion(checkpoint=SPHERE, size=16, also="slope")).arrays["slope"]
    np.testing.assert_allclose(slope, 1.0, atol=1e-4)
    raw = session.answer(SectionQuestion(checkpoint=SLAB, size=16)).arrays
    assert set(raw) == {"density"}
    with pytest.raises(InputError, match="slope"):
        session.answer(SectionQuestion(checkpoint=SLAB, size=16, also="slope"))
    with pytest.raises(InputError, match="feature"):
        session.answer(SectionQuestion(checkpoint=SPHERE, size=16, also="features"))
    found = session.answer(SectionQuestion(checkpoint=tiny, size=16, also="features"))
    assert float(found.arrays["features"].min()) >= 0 and np.isfinite(found.arrays["features"]).all()


def test_a_slice_of_a_network_is_its_field(session: QuerySession, tiny: str) -> None:
    latent = LatentSpec.of_seed(3)
    found = session.answer(
        SectionQuestion(checkpoint=tiny, latent=latent, normal=(1.0, 0.0, 0.0), offset=-0.05, size=96)
    )
    points = slice_frame((1.0, 0.0, 0.0), -0.05, 0.5).centres(96)
    field = session.field_of(RenderRequest(checkpoint=tiny, latent=latent))
    with torch.no_grad():
        sample = field.geometry(torch.from_numpy(points.reshape(1, -1, 3).astype(np.float32)))
    assert sample.sdf is not None
    np.testing.assert_allclose(found.arrays["sdf"].reshape(-1), sample.sdf[0].numpy(), atol=1e-5)


def test_slices_give_way_between_rows(session: QuerySession) -> None:
    calls: list[int] = []

    def busy() -> bool:
        calls.append(1)
        return len(calls) > 2

    with pytest.raises(Cancelled):
        session.answer(SectionQuestion(checkpoint=SPHERE, size=192), busy)
    assert len(calls) == 3


def test_planes_are_shown_as_they_lie_in_memory(session: QuerySession, tiny: str) -> None:
    planes = session.planes_of(RenderRequest(checkpoint=tiny))
    assert planes is not None
    level = planes.levels[0][0].numpy()
    channel = session.answer(PlanesQuestion(checkpoint=tiny, channel=2))
    np.testing.assert_array_equal(channel.arrays["pictures"], level[:, 2])
    assert channel.values == {"channels": level.shape[1], "levels": 1}
    assert float(channel.arrays["low"][0]) == level[:, 2].min()
    rms = session.answer(PlanesQuestion(checkpoint=tiny, mode="rms")).arrays["pictures"]
    np.testing.assert_allclose(rms, np.sqrt((level.astype(np.float64) ** 2).mean(axis=1)), rtol=1e-5)
    pca = session.answer(PlanesQuestion(checkpoint=tiny, mode="pca"))
    assert pca.arrays["pictures"].shape == (3, 3, *level.shape[2:])
    shares = pca.values["explained"]
    assert 1.0 + 1e-9 >= sum(shares) > 0 and list(shares) == sorted(shares, reverse=True)
    flat = session.answer(
        PlanesQuestion(checkpoint=tiny, channel=1, latent=LatentSpec(ablate=Ablation(planes=((0, 1),))))
    )
    assert np.ptp(flat.arrays["pictures"][1]) == 0 and np.ptp(flat.arrays["pictures"][0]) > 0


def test_components_are_ordered_orthogonal_and_of_a_stable_sign() -> None:
    torch.manual_seed(0)
    weights = torch.linalg.qr(torch.randn(6, 6)).Q
    texels = torch.randn(3 * 8 * 8, 6) * torch.tensor([5.0, 3.0, 2.0, 0.5, 0.2, 0.1])
    level = (texels @ weights.T).reshape(3, 8, 8, 6).permute(0, 3, 1, 2)
    out, shares = principal_components(level)
    spread = out.permute(1, 0, 2, 3).reshape(3, -1)
    assert shares[0] > shares[1] > shares[2] > 0.05
    correlation = torch.corrcoef(spread)
    assert (correlation - torch.eye(3)).abs().max() < 1e-3
    again, _ = principal_components(level.flip(2))  # other order of texels, same components
    torch.testing.assert_close(again.flip(2), out, atol=1e-4, rtol=1e-4)
    few, shares = principal_components(level[:, :2])
    assert few.shape == (3, 3, 8, 8) and float(few[:, 2].abs().max()) == 0.0 and shares[2] == 0.0


def test_planes_that_are_not_there_are_refused(session: QuerySession, tiny: str) -> None:
    wrong = (
        PlanesQuestion(checkpoint=SPHERE),
        PlanesQuestion(checkpoint=tiny, level=1),
        PlanesQuestion(checkpoint=tiny, channel=99),
    )
    for question in wrong:
        with pytest.raises(InputError):
            session.answer(question)
