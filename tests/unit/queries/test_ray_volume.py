"""Slices and level sets of ray distributions: known answers, the volumes of a whole picture, and the sheet."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.queries import QuerySession, answer
from core_model.queries.ray_volume import RayVolumes, level_set, slab
from core_model.report.volume_picture import volume_figure
from core_model.schema.camera import OrbitPose
from core_model.schema.errors import Cancelled
from core_model.schema.question_volume import RayVolumeQuestion


def never() -> bool:
    return False


def test_a_slab_counts_bins_by_their_part_inside() -> None:
    volume = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(4, 1, 1)
    cut = lambda a, b: float(slab(volume, 2.0, 4.0, a, b))
    assert cut(2.0, 4.0) == pytest.approx(1.0) and cut(2.5, 3.0) == pytest.approx(0.2)
    assert cut(2.25, 2.75) == pytest.approx(0.05 + 0.1) and cut(3.6, 3.7) == pytest.approx(0.4 * 0.2)
    assert cut(1.0, 2.0) == 0.0 and cut(1.0, 9.0) == pytest.approx(1.0) and cut(4.0, 5.0) == 0.0


def test_slices_that_tile_the_depth_add_up_to_all_of_the_light() -> None:
    volume = torch.rand(37, 5, 6, generator=torch.Generator().manual_seed(1))
    edges = torch.linspace(0.7, 1.9, 8).tolist()
    parts = sum(slab(volume, 0.7, 1.9, a, b) for a, b in zip(edges, edges[1:]))
    torch.testing.assert_close(parts, volume.sum(0))


def test_a_level_set_is_the_nearest_bin_that_reaches_the_level() -> None:
    volume = torch.zeros(10, 70, 2)
    volume[7], volume[3, :, 0], volume[2, 69, 1] = 0.5, 0.2, 0.9
    found = level_set(volume, 1.0, 2.0, 0.2, lambda: None)
    assert found[0].tolist() == pytest.approx([1.35, 1.75]) and found[69].tolist() == pytest.approx(
        [1.35, 1.25]
    )
    assert bool(torch.isnan(level_set(volume, 1.0, 2.0, 0.6, lambda: None)[0]).all())


@pytest.fixture(scope="module")
def session() -> QuerySession:
    return QuerySession(device="cpu", threads=1)


def test_a_sphere_lies_where_it_is(session: QuerySession) -> None:
    """The level set of the probe is the sphere's depth to within a bin; slices before and behind its front hold nothing."""
    camera = OrbitPose(yaw=0.3, pitch=0.1)
    question = RayVolumeQuestion(
        checkpoint="analytic:sphere", camera=camera, size=128, form="level", level=0.05
    )
    found = answer(session, question, never)
    frame = session.render(question.request().replace(channels=("depth", "opacity")))
    width = (found.values["far"] - found.values["near"]) / found.values["bins"]
    depth, probe = (
        torch.from_numpy(frame.arrays["depth"])[None, None],
        torch.from_numpy(found.arrays["probe"]),
    )
    small = torch.nn.functional.avg_pool2d(depth, depth.shape[-1] // probe.shape[-1])[0, 0]
    h = probe.shape[0] // 2
    middle = (slice(h - 4, h + 4), slice(h - 4, h + 4))
    assert float((probe[middle] - small[middle]).abs().max()) < 2 * width
    assert np.isnan(found.arrays["probe"][0, 0]), "a ray that meets nothing has no level"
    near = float(np.nanmin(found.arrays["probe"]))
    share = (near - 5 * width - found.values["near"]) / (found.values["far"] - found.values["near"])
    before = answer(session, question.replace(form="slice", depth=share, thickness=0.01), never)
    assert float(before.arrays["probe"].max()) < 1e-3
    whole = answer(session, question.replace(form="slice", depth=0.5, thickness=1.0), never)
    assert float(whole.arrays["probe"][h, h]) == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(
        whole.arrays["proposal"], 1.0, atol=1e-4
    )  # a prediction is a distribution on every ray
    assert (
        whole.arrays["image"].shape == (3, *probe.shape)
        and whole.arrays["proposal"].shape[0] == 2 * probe.shape[0]
    )


def test_the_probe_is_that_of_the_picture_and_is_kept(session: QuerySession) -> None:
    question = RayVolumeQuestion(checkpoint="analytic:torus", size=128)
    session.render(question.request().replace(sampler=question.request().sampler.replace(name="learned")))
    used = session.cached_bytes
    answer(session, question, never)
    assert session.cached_bytes == used, (
        "the learned picture's own probe and prediction are looked at, nothing is probed again"
    )


def test_it_is_given_up_when_something_more_urgent_waits(session: QuerySession) -> None:
    looks = []

    def cancelled() -> bool:
        looks.append(1)
        return len(looks) > 6

    question = RayVolumeQuestion(
        checkpoint="analytic:shell", camera=OrbitPose(yaw=1.234), size=128, skip_empty=False
    )
    with pytest.raises(Cancelled):
        answer(session, question, cancelled)
    assert len(looks) == 7


def test_the_sheet_with_and_without_a_prediction() -> None:
    g = torch.Generator().manual_seed(0)
    probe = torch.softmax(6 * torch.randn(20, 8, 8, generator=g), dim=0)
    both = RayVolumes(
        torch.rand(3, 8, 8, generator=g),
        probe,
        torch.softmax(6 * torch.randn(20, 16, 16, generator=g), dim=0),
        2.0,
        3.0,
    )
    alone = RayVolumes(both.image, probe, None, 2.0, 3.0)
    assert (
        len(both.levels) == 6
        and both.levels == tuple(sorted(both.levels))
        and 0 < both.levels[0] < both.levels[-1] < 1
    )
    assert volume_figure(both, "view").height > volume_figure(alone, "view").height > 800
    empty = RayVolumes(both.image, torch.zeros_like(probe), None, 2.0, 3.0)
    assert empty.span == (2.0, 3.0) and volume_figure(empty, "nothing is seen").width > 1000
