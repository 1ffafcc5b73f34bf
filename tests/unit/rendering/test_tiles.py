"""A picture does not depend on the tiles that it is rendered in, whatever the sampler and whether or not it jitters."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.sampling.samplers import SAMPLERS
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession

WAYS = [(s.info.name, strategy) for s in SAMPLERS for strategy in (s.info.strategies or ("robust",))]
EDGE = 70  # 4900 rays


@pytest.mark.parametrize("jitter", [False, True])
@pytest.mark.parametrize(("name", "strategy"), WAYS, ids=lambda x: x)
def test_tiles_of_any_size_give_one_picture(
    session: RenderSession, name: str, strategy: str, jitter: bool
) -> None:
    spec = SamplerSpec.model_validate({"name": name, "strategy": strategy, "spp": 6, "jitter": jitter})
    request = RenderRequest(
        checkpoint="analytic:torus",
        width=EDGE,
        height=EDGE,
        sampler=spec,
        seed=5,
        channels=("depth", "opacity"),
    )
    frames = [session.render(request.replace(tile_rays=rays)) for rays in (1000, 4000, EDGE * EDGE)]
    assert all(f.result.error is None for f in frames)
    for channel in ("depth", "opacity"):
        for other in frames[1:]:
            np.testing.assert_allclose(other.arrays[channel], frames[0].arrays[channel], atol=1e-5)
    moved = session.render(request.replace(seed=6)).arrays["opacity"]
    assert (np.abs(moved - frames[0].arrays["opacity"]).max() > 1e-4) == jitter
