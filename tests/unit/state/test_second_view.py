"""What B is asked for, in which order, and how far A and B are apart; driven without a window or a clock."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core_model.schema.camera import OrbitPose
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier
from core_model.schema.sampler import SamplerSpec
from tests.blob_head.session import blob_info
from viewer.state.compare_requests import PASS_SPP, reference_pass, request_for
from viewer.state.comparison import Comparison, Source
from viewer.state.document import Document
from viewer.state.second_view import CURVE_SPP, SecondView, apart, difference

INFO = blob_info("blob:demo")


def document(**compare: object) -> Document:
    doc = Document.defaults_from(INFO)
    return doc.replace(compare=Comparison.beside("wipe", **compare))


def answer(
    request: RenderRequest, generation: int = 1, value: float = 0.5
) -> tuple[RenderResult, dict[str, np.ndarray]]:
    edge = request.width
    arrays = {
        name: np.full((3, edge, edge) if name == "rgb" else (edge, edge), value, np.float32)
        for name in request.channels
    }
    result = RenderResult(
        request=request,
        generation=generation,
        width=edge,
        height=edge,
        samples_per_pixel=request.sampler.spp or 0.0,
    )
    return result, arrays


def request_a(doc: Document, tier: Tier = Tier.FULL, edge: int = 8) -> RenderRequest:
    sampler = doc.sampler.replace(spp=17.6)
    return RenderRequest(
        checkpoint="blob:demo", camera=doc.camera, width=edge, height=edge, sampler=sampler, tier=tier
    )


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ({"what": "sampler", "sampler": "uniform"}, "sampler.name", "uniform"),
        ({"what": "sampler", "sampler": "learned:stratified"}, "sampler.strategy", "stratified"),
        ({"what": "samples", "spp": 64.0}, "sampler.spp", 64.0),
        ({"what": "psi", "psi": 0.25}, "latent.psi", 0.25),
        ({"what": "checkpoint", "checkpoint": "blob:other"}, "checkpoint", "blob:other"),
    ],
)
def test_b_differs_from_a_in_one_thing(settings: dict, field: str, value: object) -> None:
    doc = document(**settings)
    a = request_a(doc)
    b = request_for(doc.compare.tiles[1], doc, INFO, a)
    found: object = b
    for part in field.split("."):
        found = getattr(found, part)
    assert found == value
    kept = {"camera", "width", "height", "seed", "tier", "precision", "background"}
    assert all(getattr(a, name) == getattr(b, name) for name in kept)
    if settings["what"] == "sampler":
        assert b.sampler.spp == a.sampler.spp, "another sampler at the same samples per ray"


def test_the_channel_of_b_is_asked_for() -> None:
    doc = document(what="channel", channel="opacity")
    b = request_for(doc.compare.tiles[1], doc, INFO, request_a(doc))
    assert "opacity" in b.channels and "rgb" in b.channels


def test_b_follows_each_a_once_and_not_its_refinement() -> None:
    doc, second = document(what="sampler", sampler="uniform"), SecondView()
    a = request_a(doc)
    first = second.next(doc.compare.tiles[1], doc, INFO, a, resting=False)
    assert (
        first is not None
        and second.pending == first
        and second.next(doc.compare.tiles[1], doc, INFO, a, resting=False) is None
    )
    assert not second.take(*answer(request_a(doc)))
    assert second.take(*answer(first))
    assert second.next(doc.compare.tiles[1], doc, INFO, a, resting=False) is None
    refined = request_a(doc, Tier.REFINED).model_copy(update={"seed": 3})
    assert second.next(doc.compare.tiles[1], doc, INFO, refined, resting=False) is None
    turned = request_a(doc).model_copy(update={"camera": OrbitPose(yaw=0.4)})
    again = second.next(doc.compare.tiles[1], doc, INFO, turned, resting=False)
    assert again is not None and again.camera == turned.camera
    second.preempted()
    assert second.next(doc.compare.tiles[1], doc, INFO, turned, resting=False) == again, (
        "what was dropped is asked for again"
    )
    second.preempted()
    assert second.next(Source(), doc, INFO, a, resting=True) is None, "the view itself is nobody else's"


def test_the_reference_is_a_mean_of_passes_and_then_the_curve_is_measured() -> None:
    doc, second = document(what="reference", reference_spp=300, curve=True), SecondView()
    a = request_a(doc)
    assert second.next(doc.compare.tiles[1], doc, INFO, a, resting=False) is None, "A is refined first"
    seeds = []
    for number in range(3):
        request = second.next(doc.compare.tiles[1], doc, INFO, a, resting=True)
        assert request is not None and request.sampler.jitter and request.sampler.spp == PASS_SPP
        seeds.append(request.seed)
        assert second.take(*answer(request, number + 1, value=0.1 * (number + 1)))
    assert len(set(seeds)) == 3 and second.accumulated() == 3 * PASS_SPP
    np.testing.assert_allclose(second.frames.arrays["rgb"], 0.2, atol=1e-6)
    for spp in CURVE_SPP:
        request = second.next(doc.compare.tiles[1], doc, INFO, a, resting=True)
        assert request is not None and request.sampler.spp == spp and request.sampler.name == doc.sampler.name
        assert second.take(*answer(request, 9, value=0.3))
    assert second.next(doc.compare.tiles[1], doc, INFO, a, resting=True) is None
    assert [p.spp for p in second.curve] == list(CURVE_SPP)
    assert second.curve[0].apart.psnr == pytest.approx(20.0, abs=1e-3)
    np.testing.assert_allclose(second.frames.arrays["rgb"], 0.2, atol=1e-6)
    moved = request_a(doc.replace(camera=OrbitPose(yaw=0.3)))
    request = second.next(doc.compare.tiles[1], doc, INFO, moved, resting=True)
    assert request is not None and request.seed == 1 and second.curve == () and not second.frames.arrays


def test_the_reference_samples_without_a_prediction() -> None:
    doc = document(what="reference", reference_spp=64)
    request = reference_pass(doc.compare.tiles[1], doc, INFO, request_a(doc), 0)
    assert (
        request.sampler.name == "stratified"
        and request.sampler.spp == 64
        and "samples" not in request.channels
    )


def test_psnr_of_all_and_of_the_worst() -> None:
    b = np.zeros((3, 100, 100), np.float32)
    a = b.copy()
    a[:, 0, :10] = 1.0  # a thousandth of the pixels
    found = apart(a, b)
    assert (
        found.worst_01 == pytest.approx(0.0)
        and found.worst_1 == pytest.approx(10.0)
        and found.psnr == pytest.approx(30.0)
    )
    assert math.isinf(apart(b, b).psnr)


def test_differences_by_kind() -> None:
    up, right = np.zeros((3, 2, 2), np.float32), np.zeros((3, 2, 2), np.float32)
    up[1], right[0] = 1.0, 1.0
    np.testing.assert_allclose(difference(up, right, "direction"), 90.0)
    np.testing.assert_allclose(difference(up, right, "colour"), 2 / 3, rtol=1e-6)
    np.testing.assert_allclose(difference(up, right, "position"), math.sqrt(2), rtol=1e-6)
    depth = np.array([[1.0, np.nan]], np.float32)
    found = difference(depth, depth + 0.5, "scalar")
    assert found[0, 0] == pytest.approx(0.5) and np.isnan(found[0, 1])


def test_samplers_of_b_keep_the_users_jitter() -> None:
    doc = document(what="sampler", sampler="uniform").replace(sampler=SamplerSpec(jitter=True))
    assert request_for(doc.compare.tiles[1], doc, INFO, request_a(doc)).sampler.jitter


def test_another_family_is_asked_again_for_what_every_family_has() -> None:
    doc, second = document(what="checkpoint", checkpoint="blob:other"), SecondView()
    doc = doc.replace(view=doc.view.with_channel("leftover"))
    a = request_a(doc)
    first = second.next(doc.compare.tiles[1], doc, INFO, a, resting=False)
    assert first is not None and first.sampler.name == "learned" and "leftover" in first.channels
    refused = RenderResult(
        request=first, error=ErrorInfo(kind="input", message="sampler 'learned' cannot run")
    )
    assert second.take(refused, {}) and second.error is None
    again = second.next(doc.compare.tiles[1], doc, INFO, a, resting=False)
    assert again is not None and again.sampler.name == "importance" and "leftover" not in again.channels
    assert second.take(RenderResult(request=again, error=ErrorInfo(kind="input", message="no such file")), {})
    assert not second.frames.arrays, "no earlier picture may stand under the name of the failed one"
    assert (
        second.error is not None and second.next(doc.compare.tiles[1], doc, INFO, a, resting=False) is None
    ), "it is not asked for ever"


def test_a_reference_that_fails_waits_for_a_change() -> None:
    doc, second = document(what="reference", reference_spp=256), SecondView()
    a = request_a(doc)
    request = second.next(doc.compare.tiles[1], doc, INFO, a, resting=True)
    assert request is not None
    assert second.take(
        RenderResult(request=request, error=ErrorInfo(kind="memory", message="out of memory")), {}
    )
    assert second.error is not None and second.next(doc.compare.tiles[1], doc, INFO, a, resting=True) is None
    moved = request_a(doc.replace(camera=OrbitPose(yaw=0.3)))
    assert (
        second.next(doc.compare.tiles[1], doc, INFO, moved, resting=True) is not None and second.error is None
    )
