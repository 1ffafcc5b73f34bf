"""Maps derived from frames: normals in the camera's frame, single components, the chosen hard rays.

Marks and questions.
"""

from __future__ import annotations

import numpy as np
import pytest

from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.inspect import RayReport
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult
from core_model.schema.sampler import SamplerSpec
from viewer.state.document import ChannelView
from viewer.state.ray_queries import RayQueries, question_at
from viewer.state.shown_map import MapCache, as_drawn, chosen_rays, derived

NORMAL = ChannelInfo(name="normal", title="Normals", kind="direction", low=-1.0, high=1.0)
DEPTH = ChannelInfo(name="depth", title="Depth", kind="scalar", unit="world units")


def result_of(pose: OrbitPose, **more: object) -> RenderResult:
    request = RenderRequest(checkpoint="x", camera=pose, width=4, height=4, **more)  # type: ignore[arg-type]
    return RenderResult(request=request, world_from_cam=tuple(pose.world_from_cam().reshape(-1).tolist()))


@pytest.mark.parametrize(
    "pose", [OrbitPose(), OrbitPose(yaw=1.2, pitch=-0.4, roll=0.3), OrbitPose(pitch=0.9)]
)
def test_a_normal_towards_the_camera_is_plus_z_in_its_frame(pose: OrbitPose) -> None:
    m = pose.world_from_cam()
    towards, up = -m[:3, 2], -m[:3, 1]
    values = np.stack([towards, up], axis=-1)[:, None, :].astype(np.float32)
    shown = derived(values, NORMAL, ChannelView(name="normal", frame="camera"), result_of(pose))
    np.testing.assert_allclose(shown[:, 0, 0], [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(shown[:, 0, 1], [0, 1, 0], atol=1e-6)
    assert derived(values, NORMAL, ChannelView(name="normal"), result_of(pose)) is values


def test_one_component_is_a_scalar_map() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    view = ChannelView(name="normal", component="y")
    assert as_drawn(NORMAL, view).kind == "scalar" and as_drawn(NORMAL, view).title == "Normals y"
    assert np.array_equal(derived(values, NORMAL, view, None), values[1])
    assert as_drawn(DEPTH, ChannelView(name="depth", component="y")) == DEPTH


def test_maps_are_made_once_a_frame() -> None:
    cache, arrays = MapCache(), {"normal": np.ones((3, 4, 4), np.float32)}
    view = ChannelView(name="normal", component="x")
    first = cache.of(1, NORMAL, view, arrays, None)
    assert cache.of(1, NORMAL, view.replace(colormap="magma", low=-2.0), arrays, None) is first
    other = cache.of(2, NORMAL, view, arrays, None)
    assert other is not first and other.version != first.version
    reopened = cache.of(2, NORMAL, view, {"normal": np.zeros((3, 4, 4), np.float32)}, None)
    assert reopened.at(0, 0) == (0.0,), "another checkpoint counts its frames from the start"
    assert first.at(3, 3) == (1.0,) and first.at(4, 0) is None and first.extremes == (1.0, 1.0)


def test_the_chosen_rays_are_those_of_the_large_budget() -> None:
    samples = np.array([[0, 16, 32], [16, 32, 16]], np.float32)
    spec = SamplerSpec(low_budget=16, high_budget=32)
    found = chosen_rays(samples, result_of(OrbitPose(), sampler=spec))
    assert found is not None and np.array_equal(found, samples == 32)
    assert chosen_rays(samples, result_of(OrbitPose(), sampler=spec.replace(adaptive=False))) is None
    assert chosen_rays(samples, result_of(OrbitPose(), sampler=SamplerSpec(name="uniform"))) is None
    assert chosen_rays(None, None) is None


def report(x: int) -> RayReport:
    return RayReport(
        checkpoint="x",
        family="f",
        x=x,
        y=0,
        width=4,
        height=4,
        origin=(0, 0, 0),
        direction=(0, 0, 1),
        near=1,
        far=2,
        hit_box=True,
    )


def test_questions_go_out_one_at_a_time_and_old_answers_stay_until_new_ones_come() -> None:
    rays, request = RayQueries(), RenderRequest(checkpoint="x", width=10, height=10)
    a, b = question_at((0.15, 0.99), request), question_at((1.0, 0.0), request)
    assert (a.x, a.y, b.x, b.y) == (1, 9, 9, 0)
    assert rays.next((a, b)) == a
    rays.sent(1, a, 0.0)
    assert rays.next((a, b)) is None and rays.busy
    rays.answered(7, report(7), 0.0)
    assert rays.busy, "the answer to another question is not this one's"
    rays.answered(1, report(1), 0.1)
    assert rays.next((a, b)) == b and rays.report(a.mark) == report(1)
    rays.sent(2, b, 0.2)
    rays.answered(2, ErrorInfo(kind="failed", message="no"), 0.3)
    assert rays.next((a, b)) is None and rays.report(b.mark) is None and rays.error(b.mark) is not None
    turned = question_at(a.mark, request.model_copy(update={"camera": OrbitPose(yaw=0.2)}))
    assert not rays.is_fresh(turned) and rays.report(a.mark) == report(1) and rays.next((turned, b)) == turned
    rays.keep((b.mark,))
    assert rays.report(a.mark) is None
