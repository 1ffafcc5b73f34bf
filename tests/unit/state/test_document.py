"""Another snapshot of the same run keeps seed, camera, sampler and channel, wherever it can show them."""

from __future__ import annotations

import json

from tests.blob_head.session import BlobSession
from viewer.state.comparison import Comparison
from viewer.state.document import Document, Navigation, carried


def test_everything_that_fits_is_kept() -> None:
    info = BlobSession().open("blob:demo")
    fresh = Document.defaults_from(info)
    other = next(s.name for s in info.samplers if s.available and s.name != fresh.sampler.name)
    seen = fresh.replace(
        checkpoint="blob:old",
        latent=fresh.latent.replace(psi=0.4, cutoff=999),
        camera=fresh.camera.replace(yaw=0.7),
        sampler=fresh.sampler.replace(name=other, spp=24.0),
        view=fresh.view.with_channel("depth"),
        compare=Comparison.beside("wipe", what="samples"),
    )
    kept = carried(seen, fresh, info)
    assert kept.checkpoint == info.path
    assert (kept.camera, kept.sampler, kept.view, kept.compare) == (
        seen.camera,
        seen.sampler,
        seen.view,
        seen.compare,
    )
    assert kept.latent.psi == 0.4 and kept.latent.cutoff == (info.num_ws or 999)


def test_what_the_other_cannot_show_falls_back() -> None:
    info = BlobSession().open("blob:demo")
    fresh = Document.defaults_from(info)
    beside = Comparison.beside("wipe", what="checkpoint", checkpoint="x")
    seen = fresh.replace(view=fresh.view.with_channel("no such channel"), compare=beside)
    poor = info.model_copy(update={"samplers": ()})
    kept = carried(seen.replace(sampler=seen.sampler.replace(name="learned")), fresh, poor)
    assert (kept.view, kept.compare, kept.sampler) == (fresh.view, fresh.compare, fresh.sampler)


def test_a_session_of_an_earlier_build_keeps_its_navigation_mode() -> None:
    old = json.loads(Document().model_dump_json())
    old["navigation"] = {"hand": "fly", "speed": 0.25}
    assert Document.model_validate_json(json.dumps(old)).navigation == Navigation(mode="fly", speed=0.25)
