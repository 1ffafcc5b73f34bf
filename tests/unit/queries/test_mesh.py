"""Histogram, forecast and preview of a mesh: right on shapes with known answers, and they give way to pictures."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.queries import QuerySession
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.mesh import MeshForecast, MeshRequest
from core_model.schema.question_mesh import FieldHistogramQuestion, MeshForecastQuestion, MeshPreviewQuestion

SPHERE = "analytic:sphere"


@pytest.fixture(scope="module")
def session() -> QuerySession:
    return QuerySession(device="cpu", threads=1)


def test_the_histogram_counts_every_node_and_knows_the_default_level(session: QuerySession) -> None:
    found = session.answer(FieldHistogramQuestion(checkpoint=SPHERE, nodes=24))
    assert found.arrays["counts"].sum() == 24**3 and found.arrays["edges"].shape == (97,)
    assert (found.values["quantity"], found.values["level"], found.values["box"]) == ("sdf", 0.0, 0.5)
    assert found.values["quantities"] == ("sdf", "density")
    assert found.values["high"] == pytest.approx(3**0.5 / 2 - 0.3, abs=1e-5) and found.values["low"] < -0.25
    fog = session.answer(FieldHistogramQuestion(checkpoint="analytic:slab", nodes=24))
    assert fog.values["quantity"] == "density" and fog.values["level"] == 4.0


def test_the_preview_is_the_surface(session: QuerySession) -> None:
    request = MeshRequest(checkpoint=SPHERE, resolution=64)
    found = session.answer(MeshPreviewQuestion(checkpoint=SPHERE, request=request))
    vertices, normals, faces = found.arrays["vertices"], found.arrays["normals"], found.arrays["faces"]
    assert np.abs(np.linalg.norm(vertices, axis=1) - 0.3).max() < found.values["voxel"]
    assert (normals * vertices).sum(axis=1).min() > 0.28 and faces.dtype == np.uint32
    corners = vertices[faces]
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("fi,fi->f", outward, corners.mean(axis=1)) >= 0).all()
    assert (
        found.arrays["colours"].shape == vertices.shape
        and 0 <= found.arrays["colours"].min() <= found.arrays["colours"].max() <= 1
    )
    assert found.values["components"] == 1 and found.values["cut_by"] == ()
    plain = session.answer(
        MeshPreviewQuestion(
            checkpoint=SPHERE, request=request.replace(colour="none", crop=((0, -1, -1), (1, 1, 1)))
        )
    )
    assert "colours" not in plain.arrays and plain.values["cut_by"] == ("-x",)


def test_a_level_without_a_surface_is_an_empty_preview(session: QuerySession) -> None:
    request = MeshRequest(checkpoint=SPHERE, resolution=48, level=5.0)
    found = session.answer(MeshPreviewQuestion(checkpoint=SPHERE, request=request))
    assert len(found.arrays["faces"]) == 0 and found.values["high"] < 0.6


def test_the_forecast_is_one(session: QuerySession) -> None:
    request = MeshRequest(checkpoint=SPHERE, resolution=256)
    forecast = MeshForecast(
        **session.answer(MeshForecastQuestion(checkpoint=SPHERE, request=request, suffix=".glb")).values
    )
    assert forecast.resolution == 256 and forecast.triangles == pytest.approx(
        3 * 4 * np.pi * (0.3 * 255) ** 2, rel=0.05
    )
    with pytest.raises(InputError, match="no texture"):
        textured = request.replace(colour="texture")
        session.answer(MeshForecastQuestion(checkpoint=SPHERE, request=textured, suffix=".ply"))
    with pytest.raises(InputError, match="no raw"):
        session.answer(MeshForecastQuestion(checkpoint=SPHERE, request=request.replace(quantity="raw")))


def test_a_waiting_picture_goes_first(session: QuerySession) -> None:
    request = MeshRequest(checkpoint=SPHERE, resolution=128)
    for question in (
        FieldHistogramQuestion(checkpoint=SPHERE), MeshForecastQuestion(checkpoint=SPHERE, request=request),
        MeshPreviewQuestion(checkpoint=SPHERE, request=request),
    ):  # fmt: skip
        looks: list[int] = []

        def cancelled(looks: list[int] = looks) -> bool:
            looks.append(1)
            return len(looks) > 2

        with pytest.raises(Cancelled):
            session.answer(question, cancelled)
