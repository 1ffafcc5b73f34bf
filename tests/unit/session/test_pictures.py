"""Pictures of the session: tiles, precision, jitter, adaptive counts, cancellation, errors as data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.rendering.channels import CHANNELS
from core_model.sampling.placement import adaptive_mask
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import Frame, RenderSession
from core_model.session.clock import StageClock
from core_model.session.stages import StageRun

ALL = tuple(c.info.name for c in CHANNELS if not c.info.needs_superres)
UNIFORM = SamplerSpec(name="uniform", spp=32)


def request(path: str = "analytic:sphere", **changes: object) -> RenderRequest:
    settings: dict[str, object] = {"width": 24, "height": 24, **changes}
    return RenderRequest(checkpoint=path, **settings)  # type: ignore[arg-type]


def render(session: RenderSession, asked: RenderRequest) -> Frame:
    frame = session.render(asked)
    assert frame.result.error is None, frame.result.error
    return frame


def same(a: Frame, b: Frame, atol: float = 1e-5) -> None:
    assert a.arrays.keys() == b.arrays.keys()
    for name in a.arrays:
        np.testing.assert_allclose(a.arrays[name], b.arrays[name], atol=atol, err_msg=name)


@pytest.mark.parametrize(
    "sampler",
    [
        UNIFORM,
        SamplerSpec(name="stratified", spp=20),
        SamplerSpec(name="importance", spp=24),
        SamplerSpec(),
        SamplerSpec(strategy="stratified"),
    ],
    ids=lambda s: f"{s.name}-{s.strategy}",
)
def test_tiles_make_the_picture_that_one_tile_makes(
    session: RenderSession, tiny: str, sampler: SamplerSpec
) -> None:
    for path in ("analytic:sphere", tiny):
        one = render(session, request(path, sampler=sampler, channels=ALL, tile_rays=100_000))
        many = render(session, request(path, sampler=sampler, channels=ALL, tile_rays=64))
        same(one, many)


@pytest.mark.parametrize("size", [(24, 24), (31, 9), (5, 40), (1, 1)])
def test_frames_describe_their_arrays(session: RenderSession, size: tuple[int, int]) -> None:
    width, height = size
    frame = render(session, request(width=width, height=height, channels=ALL))
    result = frame.result
    assert [f.name for f in result.frames] == list(ALL) == list(frame.arrays)
    offset = 0
    for layout in result.frames:
        array = frame.arrays[layout.name]
        kind = CHANNELS.get(layout.name).info.kind
        assert array.shape == layout.shape == ((height, width) if kind == "scalar" else (3, height, width))
        assert array.dtype == np.float32 and layout.offset == offset
        finite = array[np.isfinite(array)]
        if finite.size:
            assert (layout.low, layout.high) == (pytest.approx(finite.min()), pytest.approx(finite.max()))
        offset += array.nbytes
    np.testing.assert_allclose(np.reshape(result.world_from_cam, (4, 4)), OrbitPose().world_from_cam())
    np.testing.assert_allclose(np.reshape(result.intrinsics, (3, 3)), OrbitPose().intrinsics())
    assert result.total_ms > 0 and result.memory_bytes > 0 and result.request is not None
    assert {t.stage for t in result.timings} >= {
        "checkpoint",
        "w",
        "planes",
        "samples",
        "field",
        "composite",
        "channels",
    }


def test_asking_twice_for_a_channel_gives_it_once(session: RenderSession) -> None:
    frame = render(session, request(channels=("depth", "rgb", "depth")))
    assert list(frame.arrays) == ["depth", "rgb"]


def test_a_matrix_camera_is_the_orbit_pose_it_was_made_from(session: RenderSession) -> None:
    pose = OrbitPose(yaw=0.4, pitch=-0.2, roll=0.1)
    camera = MatrixCamera(
        pose=tuple(pose.world_from_cam().ravel()), normalized_intrinsics=tuple(pose.intrinsics().ravel())
    )
    a = render(session, request(camera=pose, channels=ALL, sampler=UNIFORM))
    same(a, render(session, request(camera=camera, channels=ALL, sampler=UNIFORM)))
    rounded = render(session, request(camera=MatrixCamera.from_label(label25(pose)), sampler=UNIFORM))
    assert np.abs(rounded.arrays["rgb"] - a.arrays["rgb"]).mean() < 1e-3


def test_bf16_is_close_to_fp32(session: RenderSession, tiny: str) -> None:
    """The field's matrix products lose digits, the geometry may move by a fraction of the surface's width, no
    more.
    """
    exact, quick = (render(session, request(tiny, sampler=UNIFORM, precision=p)) for p in ("fp32", "bf16"))
    error = np.abs(exact.arrays["rgb"] - quick.arrays["rgb"])
    assert 0 < error.mean() < 0.01


@pytest.mark.parametrize(
    "sampler",
    [SamplerSpec(name=n, jitter=True, spp=16) for n in ("uniform", "stratified", "importance", "learned")],
    ids=lambda s: s.name,
)
def test_jitter_belongs_to_the_seed(session: RenderSession, sampler: SamplerSpec) -> None:
    first, again, other = (
        render(session, request(sampler=sampler, seed=s, channels=("depth",))) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.arrays["depth"], again.arrays["depth"])
    assert np.nanmax(np.abs(first.arrays["depth"] - other.arrays["depth"])) > 1e-4
    still = [
        render(session, request(sampler=sampler.replace(jitter=False), seed=s, channels=("depth",)))
        for s in (1, 2)
    ]
    np.testing.assert_array_equal(still[0].arrays["depth"], still[1].arrays["depth"])


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.33, 1.0])
def test_exactly_the_share_gets_the_large_budget(session: RenderSession, share: float) -> None:
    sampler = SamplerSpec(low_budget=5, high_budget=11, adaptive_share=share)
    # a narrow view, so that every ray meets the box and is given samples
    frame = render(session, request(sampler=sampler, channels=("samples", "leftover"), width=30, height=20))
    counts = frame.arrays["samples"]
    assert set(np.unique(counts)) <= {5.0, 11.0}
    hard = counts == 11
    assert hard.sum() == round(share * 600)
    if 0 < hard.sum() < 600:
        leftover = frame.arrays["leftover"]
        assert leftover[hard].min() >= leftover[~hard].max()
    assert frame.result.samples_per_pixel == pytest.approx(counts.mean())


def test_rays_past_the_box_are_given_no_samples(session: RenderSession) -> None:
    frame = render(
        session,
        request(camera=OrbitPose(fov=1.2), channels=("samples", "opacity"), sampler=SamplerSpec(spp=10)),
    )
    missed = frame.arrays["samples"] == 0
    assert 0.3 < missed.mean() < 0.95
    assert float(frame.arrays["opacity"][missed].max()) == 0.0


def test_hard_rays_by_the_papers_rule_and_by_ours(session: RenderSession, tiny: str) -> None:
    """A3.4 to the letter ranks every pixel by the mass outside the 16 largest bins of its prediction; the
    other rule weighs that by the chance to meet anything, so that an empty background gets no large budget.
    """
    edge = session.model_of(tiny).sizes.proposal_size
    masks, predicted = {}, torch.empty(0)
    for rule, bins in (("leftover", 3), ("leftover", 9), ("weighted", 3)):
        sampler = SamplerSpec(low_budget=3, high_budget=7, hard_rule=rule, leftover_bins=bins)  # type: ignore[arg-type]
        asked = request(
            tiny, sampler=sampler, channels=("leftover", "samples", "opacity"), width=edge, height=edge
        )
        frame = render(session, asked)
        opened = session._open[tiny]
        run = StageRun(asked, opened, session.torch_device, session._cache, StageClock(session.torch_device))
        field = run.field(run.w())
        predicted = run.proposals(field, run.space(field)).p[0]
        mass = 1 - predicted.sort(dim=0, descending=True).values[:bins].sum(dim=0)
        if rule == "leftover":
            np.testing.assert_allclose(frame.arrays["leftover"], mass, atol=1e-5)
        else:
            assert (frame.arrays["leftover"] <= mass.numpy() + 1e-6).all()
        masks[rule, bins] = (
            adaptive_mask(torch.from_numpy(frame.arrays["leftover"]).flatten(), 0.1)
            .reshape(edge, edge)
            .numpy()
        )
        hit = frame.arrays["samples"] > 0
        np.testing.assert_array_equal((frame.arrays["samples"] == 7)[hit], masks[rule, bins][hit])
    assert (masks["leftover", 3] != masks["weighted", 3]).any() and (
        masks["leftover", 3] != masks["leftover", 9]
    ).any()


def test_background_and_view_directions(session: RenderSession, tiny: str) -> None:
    red = render(
        session, request(tiny, background=(1.0, 0.0, 0.0), channels=("rgb", "opacity"), sampler=UNIFORM)
    )
    black = render(session, request(tiny, background=(0.0, 0.0, 0.0), channels=("rgb",), sampler=UNIFORM))
    behind = 1 - red.arrays["opacity"]
    np.testing.assert_allclose(
        red.arrays["rgb"][0] - black.arrays["rgb"][0], behind, atol=1.1e-3
    )  # colours end at -0.001 and are cut at 0
    np.testing.assert_allclose(red.arrays["rgb"][1:], black.arrays["rgb"][1:], atol=1e-6)
    side = OrbitPose(yaw=1.0)
    frontal, camera = (
        render(session, request(tiny, camera=side, view_dirs=v, sampler=UNIFORM))
        for v in ("frontal", "camera")
    )
    assert np.abs(frontal.arrays["rgb"] - camera.arrays["rgb"]).max() > 1e-3


def test_cancelling_between_tiles(session: RenderSession) -> None:
    asked = request(width=64, height=64, tile_rays=64, sampler=SamplerSpec(name="uniform", spp=16))
    calls: list[int] = []

    def after_a_few() -> bool:
        calls.append(0)
        return len(calls) > 6

    dropped = session.render(asked, cancelled=after_a_few)
    assert dropped.result.error is not None and dropped.result.error.kind == "cancelled"
    assert dropped.arrays == {} and dropped.result.frames == ()
    assert len(calls) == 7  # the first 'yes' is obeyed
    same(render(session, asked), render(RenderSession(device="cpu", threads=1), asked))


def test_progress_goes_through_the_stages_and_up(session: RenderSession) -> None:
    seen: list[tuple[str, float]] = []
    session.render(request(tile_rays=64), progress=lambda stage, share: seen.append((stage, share)))
    assert [s for s, _ in seen][:3] == ["checkpoint", "w", "planes"]
    shares = [f for s, f in seen if s == "samples"]
    assert len(shares) > 3 and shares == sorted(shares) and shares[0] >= 0.0 and shares[-1] < 1.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"channels": ("rgb", "dept")}, "did you mean 'depth'"),
        ({"sampler": SamplerSpec(name="uniforn")}, "did you mean 'uniform'"),
        ({"checkpoint": "analytic:shere"}, "did you mean 'sphere'"),
        ({"checkpoint": "analytic:slab", "channels": ("beta",)}, "'beta'"),
        ({"checkpoint": "/nowhere/at/all.safetensors"}, "/nowhere/at/all.safetensors"),
    ],
    ids=str,
)
def test_wrong_requests_are_errors_as_data(
    session: RenderSession, change: dict[str, object], says: str
) -> None:
    frame = session.render(request().replace(**change))
    error = frame.result.error
    assert error is not None and error.kind == "input", error
    assert says in error.message and "\n" not in error.message
    assert frame.arrays == {} and frame.result.request is not None
    render(session, request())  # and the session works on


def test_a_file_that_is_no_checkpoint(session: RenderSession, tmp_path: Path, tiny: str) -> None:
    broken = tmp_path / "cut.safetensors"
    broken.write_bytes(Path(tiny).read_bytes()[:3000])
    error = session.render(request(str(broken))).result.error
    assert error is not None and error.kind == "input" and "cut.safetensors" in error.message


def test_latents_that_do_not_fit_are_input_errors(session: RenderSession, tiny: str) -> None:
    error = session.render(request(tiny, latent=LatentSpec(z=(1.0, 2.0)))).result.error
    assert error is not None and error.kind == "input" and "16 numbers" in error.message


def test_running_out_of_memory_is_an_error_as_data(
    session: RenderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(session, request())

    def starve(*_: object, **__: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr("core_model.session.picture.camera_rays", starve)
    error = session.render(request()).result.error
    assert error is not None and error.kind == "memory"
    assert session._cache.used == 0  # room is made for the next try
    monkeypatch.undo()
    render(session, request())


def test_an_unforeseen_error_keeps_its_traceback(
    session: RenderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("core_model.session.picture.camera_rays", fail)
    error = session.render(request()).result.error
    assert error is not None and error.kind == "failed"
    assert "ZeroDivisionError" in error.message and "Traceback" in error.detail
