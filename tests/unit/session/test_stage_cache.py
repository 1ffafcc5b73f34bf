"""What is computed again after which change, what the byte budget keeps, and when a file counts as changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core_model.queries import QuerySession
from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import SamplerSpec
from core_model.session import Frame
from core_model.session.cache import StageCache
from tests.contracts.tiny_checkpoint import TINY, save_tiny

KEPT = ("w", "planes", "skip", "probe", "proposal")


def request(path: str, **changes: object) -> RenderRequest:
    settings: dict[str, object] = {"width": 16, "height": 16, "channels": ("rgb", "opacity"), **changes}
    return RenderRequest(checkpoint=path, **settings)  # type: ignore[arg-type]


def render(session: QuerySession, asked: RenderRequest) -> Frame:
    frame = session.render(asked)
    assert frame.result.error is None, frame.result.error
    return frame


def cached(frame: Frame) -> set[str]:
    return {t.stage for t in frame.result.timings if t.cached}


def test_an_identical_request_computes_nothing_again(session: QuerySession, tiny: str) -> None:
    first, again = render(session, request(tiny)), render(session, request(tiny))
    assert cached(first) == set()
    assert cached(again) == set(KEPT)
    np.testing.assert_array_equal(first.arrays["rgb"], again.arrays["rgb"])


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"camera": OrbitPose(yaw=0.2)}, {"w", "planes", "skip"}),
        ({"latent": LatentSpec(psi=0.4)}, set()),
        ({"latent": LatentSpec.of_seed(1)}, set()),
        ({"latent": LatentSpec(noise="none")}, {"w"}),
        ({"precision": "bf16"}, {"w"}),
        ({"sampler": SamplerSpec(spp=9)}, set(KEPT)),
        ({"channels": ("depth",)}, set(KEPT)),
        ({"seed": 4}, set(KEPT)),
        ({"tile_rays": 64}, set(KEPT)),
        ({"skip_empty": False}, {"w", "planes"}),
        ({"height": 8}, {"w", "planes", "skip"}),  # another shape, another probe
        ({"sampler": SamplerSpec(name="uniform", spp=8)}, {"w", "planes", "skip"}),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else str(value),
)
def test_each_stage_depends_on_its_part_of_the_request(
    session: QuerySession, tiny: str, change: dict[str, object], kept: set[str]
) -> None:
    render(session, request(tiny))
    assert cached(render(session, request(tiny, **change))) == kept


def test_a_moving_view_has_its_own_smaller_probe(session: QuerySession) -> None:
    asked = request("analytic:sphere", width=64, height=64)
    full = render(session, asked)
    moving = render(session, asked.replace(tier=Tier.MOVING))
    assert cached(moving) == {"w", "planes", "skip"}
    # half the edge, a quarter of the rays
    assert moving.result.probe_per_pixel == pytest.approx(full.result.probe_per_pixel / 4, rel=0.15)


def test_w_of_the_frame_is_the_latent_s(session: QuerySession, tiny: str) -> None:
    frame = render(session, request(tiny, latent=LatentSpec(psi=1.0)))
    assert frame.w is not None and frame.w.shape == (6, 16) and frame.w.dtype == np.float32
    shorter = render(session, request(tiny, latent=LatentSpec(psi=0.5)))
    assert shorter.w is not None
    np.testing.assert_allclose(shorter.w, 0.5 * frame.w, rtol=1e-5)  # w_avg of the untrained network is zero
    again = render(session, request(tiny, latent=LatentSpec(w=tuple(map(tuple, frame.w.tolist())))))
    np.testing.assert_allclose(again.arrays["rgb"], frame.arrays["rgb"], atol=1e-5)


def test_the_cache_forgets_the_least_recently_used() -> None:
    cache, made = StageCache(100), []

    def get(key: str, size: int = 40) -> bool:
        return cache.get(key, lambda: made.append(key) or key, lambda _: size)[1]

    assert [get("a"), get("b"), get("a")] == [False, False, True]
    assert get("c") is False  # b goes, a was used since
    assert get("a") is True and get("b") is False
    assert made == ["a", "b", "c", "b"]
    assert cache.used <= 100 and len(cache) == 2


def test_what_is_larger_than_the_budget_is_handed_out_but_not_kept() -> None:
    cache = StageCache(10)
    assert cache.get("big", lambda: 7, lambda _: 11) == (7, False)
    assert cache.used == 0 and cache.get("big", lambda: 8, lambda _: 11) == (8, False)
    assert cache.get("small", lambda: 1, lambda _: 10)[1] is False and cache.get(
        "small", lambda: 2, lambda _: 10
    ) == (1, True)


def test_dropping_frees_the_bytes() -> None:
    cache = StageCache(100)
    for key in (("x", 1), ("y", 1), ("x", 2)):
        cache.get(key, lambda: 0, lambda _: 30)
    cache.drop(lambda key: "x" in key)  # type: ignore[operator]
    assert cache.used == 30 and len(cache) == 1


def test_a_session_without_room_still_renders(tiny: str) -> None:
    roomy = render(QuerySession(device="cpu", threads=1), request(tiny))
    poor = QuerySession(device="cpu", threads=1, cache_bytes=0)
    first, again = render(poor, request(tiny)), render(poor, request(tiny))
    assert cached(again) == set()
    for frame in (first, again):
        np.testing.assert_array_equal(frame.arrays["rgb"], roomy.arrays["rgb"])


def test_the_budget_holds_over_many_latents(tiny: str) -> None:
    """Planes of one latent take 2 · 3 · 4 · 32² · 4 bytes; the budget has room for about three of them."""
    session = QuerySession(device="cpu", threads=1, cache_bytes=350_000)
    asked = [
        request(tiny, latent=LatentSpec.of_seed(s), sampler=SamplerSpec(name="uniform", spp=4))
        for s in range(5)
    ]
    for one in asked:
        render(session, one)
        assert session._cache.used <= 350_000
    assert {"planes", "skip"} <= cached(render(session, asked[4]))
    assert "planes" not in cached(render(session, asked[0]))


def test_closing_frees_what_was_computed(session: QuerySession, tiny: str) -> None:
    render(session, request(tiny))
    render(session, request("analytic:sphere"))
    assert session._cache.used > 0
    session.close(tiny)
    kept = render(session, request("analytic:sphere"))
    assert cached(kept) == set(KEPT)  # the other checkpoint was not touched
    assert cached(render(session, request(tiny))) == set()
    session.close("never opened")


def test_a_changed_file_is_noticed(session: QuerySession, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_tiny(path, seed=0)
    before = render(session, request(str(path)))
    save_tiny(path, seed=1)
    os.utime(path, ns=(1, 1))  # a coarse clock must not hide the change
    after = render(session, request(str(path)))
    assert cached(after) == set()
    assert np.abs(before.arrays["rgb"] - after.arrays["rgb"]).max() > 0.01


def test_a_file_that_went_away(session: QuerySession, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_tiny(path)
    render(session, request(str(path)))
    path.unlink()
    error = session.render(request(str(path))).result.error
    assert error is not None and error.kind == "input" and str(path) in error.message
    with pytest.raises(InputError):
        session.open(str(path))


def test_what_a_checkpoint_says_of_itself(session: QuerySession, tiny: str) -> None:
    info = session.open(tiny)
    assert (info.family, info.num_ws, info.z_dim, info.w_dim, info.c_dim) == ("wysiwyg", 6, 16, 16, 25)
    assert info.has_proposal and info.pose_conditioned
    assert info.memory_bytes > 4 * sum(info.parameters.values()) > 0
    assert len(info.sha256) == 64 and info.file_bytes == Path(tiny).stat().st_size
    assert {c.name for c in info.channels} >= {
        "rgb",
        "depth",
        "normal",
        "opacity",
        "beta",
        "samples",
        "leftover",
        "entropy",
        "position",
    }
    learned = next(s for s in info.samplers if s.name == "learned")
    assert learned.available and learned.default_spp == 6.0
    slab = session.open("analytic:slab")
    assert "beta" not in {c.name for c in slab.channels} and slab.memory_bytes > 0
    assert session.memory_bytes() > 0 and session.device.startswith("CPU")


def test_a_network_without_proposals_says_which_sampler_it_lacks(
    session: QuerySession, tmp_path: Path
) -> None:
    path = save_tiny(tmp_path / "bare.safetensors", TINY.replace(proposal_channels=0))
    info = session.open(path)
    learned = next(s for s in info.samplers if s.name == "learned")
    assert not info.has_proposal and not learned.available and "proposal" in learned.why_not
    assert not {"leftover", "entropy"} & {c.name for c in info.channels}
    error = session.render(request(path)).result.error
    assert error is not None and error.kind == "input" and "learned" in error.message
    with pytest.raises(InputError, match="learned"):
        session.inspect(request(path), 8, 8)
    frame = render(session, request(path, sampler=SamplerSpec(name="uniform", spp=12)))
    assert float(frame.arrays["opacity"].max()) > 0.5
    report = session.inspect(request(path, sampler=SamplerSpec(name="uniform", spp=12)), 8, 8)
    assert [p.name for p in report.pdfs] == ["truth"]
