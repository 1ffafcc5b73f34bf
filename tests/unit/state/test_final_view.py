"""Families whose picture is super-resolved.

What the window asks for while moving and at rest, and what it calls it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from core_model.schema.channels import ChannelInfo
from core_model.schema.record import RenderRecord
from core_model.schema.render import RenderRequest, RenderResult, StageTime, Tier
from core_model.schema.sampler import AUTO, SamplerInfo, SamplerSpec
from tests.unit.state.simulated_renderer import INFO as PLAIN
from tests.unit.state.simulated_renderer import Simulation
from viewer.shell.restore import restored
from viewer.state.compare_requests import plain, reference_pass, request_for
from viewer.state.comparison import Comparison, Source
from viewer.state.document import Document
from viewer.state.export_settings import ExportSettings, plan_export
from viewer.state.frames import FrameStore
from viewer.state.requests import channels_for
from viewer.state.second_view import SecondView

INFO = PLAIN.replace(
    neural_size=64, image_size=512, has_native=True, has_proposal=False,
    channels=(*PLAIN.channels[:4], ChannelInfo(name="raw", title="Raw colour", kind="colour", needs_superres=True)),
    samplers=(SamplerInfo(name=AUTO, title="Automatic", description="", default_spp=96.0), *PLAIN.samplers[1:]),
)  # fmt: skip
DOC = Document.defaults_from(INFO)


@dataclass
class Lifted(Simulation):
    """A finished picture takes `lift_ms` at any size; the second one of a view comes from the cache."""

    lift_ms: float = 1000.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._kept: object = None

    def _render(self, request: RenderRequest) -> RenderResult:
        spp = request.sampler.spp or 24.0
        counted = request.replace(sampler=request.sampler.replace(spp=spp))
        if "rgb" not in request.channels:
            return super()._render(counted).replace(request=request, samples_per_pixel=spp)
        result = super()._render(counted.replace(width=8, height=8))
        cached = self._kept == (request.camera, request.latent)
        self._kept = (request.camera, request.latent)
        ms = 0.1 if cached else self.lift_ms
        lift = () if request.native else (StageTime(stage="superres", ms=ms, cached=cached),)
        return result.replace(
            request=request, timings=(*result.timings, *lift), total_ms=result.total_ms + ms
        )


def rested(sim: Simulation, doc: Document, seconds: float = 8.0) -> list[RenderRequest]:
    sim.requests.clear()
    end = sim.now + seconds
    while sim.now < end:
        sim.tick(doc, INFO)
    return [r for _, r in sim.requests]


def dragged(sim: Simulation, doc: Document) -> tuple[Document, list[RenderRequest]]:
    sim.requests.clear()
    for _ in range(60):
        doc = doc.replace(camera=doc.camera.replace(yaw=doc.camera.yaw + 0.001))
        sim.tick(doc, INFO)
    return doc, [r for _, r in sim.requests]


def test_the_first_sampler_is_the_automatic_one() -> None:
    assert DOC.sampler.name == AUTO and Document.defaults_from(PLAIN).sampler.name == "learned"


def test_a_slow_super_resolution_is_left_for_the_rest() -> None:
    sim = Lifted(lift_ms=1200.0)
    first = rested(sim, DOC)
    assert [r.tier for r in first] == [Tier.MOVING, Tier.FULL], (
        "nothing to settle, and the same picture again refines nothing"
    )
    assert "raw" in first[0].channels and "rgb" not in first[0].channels
    assert (
        first[1].channels == ("rgb", "depth", "samples")
        and first[1].shared_rays
        and first[1].sampler == DOC.sampler
    )
    doc, moving = dragged(sim, DOC)
    assert moving and all(
        "rgb" not in r.channels and r.tier is Tier.MOVING and not r.shared_rays for r in moving
    )
    assert all(r.width < 256 or (r.sampler.spp or 96) < 96 for r in moving)
    assert [r.tier for r in rested(sim, doc)] == [Tier.FULL]


def test_a_quick_super_resolution_moves_too() -> None:
    sim = Lifted(lift_ms=20.0)
    rested(sim, DOC)
    _, moving = dragged(sim, DOC)
    assert moving and all("rgb" in r.channels and r.width == 256 and r.sampler.spp is None for r in moving)


def test_maps_are_made_from_rays_of_their_own_once_they_are_looked_at() -> None:
    sim = Lifted()
    rested(sim, DOC)
    depth = DOC.replace(view=DOC.view.with_channel("depth"))
    asked = rested(sim, depth)
    assert asked[0].tier is Tier.MOVING and all("rgb" not in r.channels and not r.shared_rays for r in asked)
    assert (
        {"raw", "depth", "samples"} <= set(asked[-1].channels)
        and asked[-1].tier is Tier.REFINED
        and asked[-1].sampler.jitter
    )
    back = rested(sim, DOC)
    assert back[-1].tier is Tier.FULL and "rgb" in back[-1].channels
    assert channels_for(DOC.replace(view=DOC.view.with_channel("normal")), INFO) == (
        "depth",
        "normal",
        "samples",
        "raw",
    )


def test_as_its_program_renders_comes_at_rest_in_its_own_size() -> None:
    sim = Lifted()
    doc = DOC.replace(native=True)
    asked = rested(sim, doc)
    assert [(r.tier, r.native) for r in asked] == [(Tier.MOVING, False), (Tier.FULL, True)]
    assert (asked[1].width, asked[1].height, asked[1].sampler) == (512, 512, SamplerSpec(name="importance"))
    maps = rested(sim, doc.replace(view=doc.view.with_channel("normal")))
    assert [(r.tier, r.native) for r in maps] == [
        (Tier.MOVING, False),
        (Tier.FULL, True),
    ] and "normal" in maps[1].channels
    again = rested(sim, DOC)
    assert not any(r.native for r in again) and again[-1].tier is Tier.FULL


def test_maps_of_another_size_are_read_at_the_same_place() -> None:
    store = FrameStore()
    depth = np.arange(16, dtype=np.float32).reshape(4, 4)
    store.add(
        RenderResult(generation=1, width=8, height=8),
        {"rgb": np.zeros((3, 8, 8), np.float32), "depth": depth},
    )
    assert (
        store.under("depth", 0.99, 0.01) == (3.0,)
        and store.under("depth", 0.3, 0.6) == (9.0,)
        and store.under("normal", 0, 0) is None
    )


def request_a(**more: object) -> RenderRequest:
    return RenderRequest(
        checkpoint="sim", sampler=DOC.sampler, channels=("rgb", "depth", "samples"), shared_rays=True, **more
    )  # type: ignore[arg-type]


def test_b_moves_in_raw_colours_as_a_does() -> None:
    doc = DOC.replace(compare=Comparison.beside("wipe", what="psi"))
    assert "rgb" in request_for(doc.compare.tiles[1], doc, INFO, request_a()).channels
    moving = request_a(tier=Tier.MOVING).replace(channels=("depth", "samples", "raw"))
    assert set(request_for(doc.compare.tiles[1], doc, INFO, moving).channels) == {"raw", "depth", "samples"}
    other = plain(moving)
    assert "rgb" in other.channels and "raw" not in other.channels and other.sampler.name == "importance"


def test_b_of_another_channel_has_rays_of_its_own() -> None:
    doc = DOC.replace(compare=Comparison.beside("wipe", what="channel", channel="depth"))
    assert not request_for(doc.compare.tiles[1], doc, INFO, request_a()).shared_rays


def test_b_of_the_programs_own_picture() -> None:
    for what, native in (("sampler", False), ("samples", False), ("psi", True)):
        doc = DOC.replace(compare=Comparison.beside("wipe", what=what))
        assert request_for(doc.compare.tiles[1], doc, INFO, request_a(native=True)).native == native
    assert not reference_pass(Source(what="reference"), DOC, INFO, request_a(native=True), 0).native


def test_the_curve_is_measured_in_the_colours_that_the_reference_has() -> None:
    doc = DOC.replace(
        compare=Comparison.beside("wipe", what="reference", reference_spp=128, curve=True),
        view=DOC.view.with_channel("normal"),
    )
    view, a = SecondView(), request_a().replace(width=8, height=8)
    for number in range(8):
        request = view.next(doc.compare.tiles[1], doc, INFO, a, True)
        if request is None:
            break
        arrays = {
            n: np.full((3, 8, 8) if n in ("raw", "rgb", "normal") else (8, 8), 0.5, np.float32)
            for n in request.channels
        }
        assert view.take(RenderResult(request=request, generation=number, width=8, height=8), arrays)
    assert len(view.curve) == 6, "each answer is a point of the curve"


@pytest.mark.parametrize("kind", ["picture", "sheet"])
def test_exports_are_exact(kind: str, tmp_path) -> None:
    settings = ExportSettings(kind=kind, folder=str(tmp_path), size=200, channels=("rgb", "depth"))  # type: ignore[arg-type]
    own = plan_export(settings, DOC, INFO, {}).record.request
    assert not own.shared_rays and own.width == settings.edge and own.sampler == DOC.sampler
    native = plan_export(settings, DOC.replace(native=True), INFO, {}).record.request
    assert native.native == (kind == "picture") and native.width == (512 if native.native else settings.edge)


def test_a_picture_of_the_program_is_restored_as_one() -> None:
    record = RenderRecord(request=request_a(native=True).replace(sampler=SamplerSpec(name="importance")))
    doc, notes = restored(DOC, INFO, record)
    assert doc.native and doc.sampler == DOC.sampler and not notes
