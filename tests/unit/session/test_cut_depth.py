"""Depth of the published non-flatness score.

Densities below the median left out, weights not normalised, nothing skipped.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.geometry.rays import camera_rays, ray_bounds
from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession

SIZE, SPP = 12, 40


def asked(path: str, **changes: object) -> RenderRequest:
    sampler = SamplerSpec(name="uniform", spp=SPP)
    return RenderRequest(checkpoint=path, width=SIZE, height=SIZE, sampler=sampler, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["analytic:sphere", "analytic:slab", "tiny"])
def test_it_is_the_definition_written_out(session: RenderSession, tiny: str, path: str) -> None:
    """All samples of all rays first, one median of them, then the sum over each ray."""
    request = asked(tiny if path == "tiny" else path, camera=OrbitPose(yaw=0.2), latent=LatentSpec.of_seed(3))
    info = session.open(request.checkpoint)
    got = session.cut_depth(request)
    rays = ray_bounds(*camera_rays(request.camera, SIZE, SIZE), info.header.conventions, parallel=False)
    t = rays.near[:, None] + (rays.far - rays.near)[:, None] * torch.linspace(0, 1, SPP)
    points = rays.origins[:, None] + rays.dirs[:, None] * t[..., None]
    with torch.no_grad():
        density = session.field_of(request).geometry(points.reshape(1, -1, 3)).density.reshape(t.shape)
    density = torch.where((points.abs() <= info.header.conventions.box).all(dim=-1), density, 0.0)
    density[density < np.median(density[rays.hit].numpy())] = 0.0
    delta = torch.cat([torch.diff(t, dim=1), torch.zeros(len(t), 1)], dim=1)
    alpha = 1 - torch.exp(-density * delta)
    passed = torch.cumprod(torch.cat([torch.ones(len(t), 1), 1 - alpha], dim=1), dim=1)[:, :-1]
    want = (alpha * passed * (t + 0.5 * delta)).sum(dim=1).reshape(SIZE, SIZE).numpy()
    assert got.dtype == np.float32 and np.isfinite(got).all() and float(want.max()) > 1.0
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_what_meets_nothing_has_no_depth_and_fog_too_little(session: RenderSession) -> None:
    sphere = session.cut_depth(asked("analytic:sphere"))
    known = session.render(asked("analytic:sphere", channels=("depth", "opacity"))).arrays
    outside = known["opacity"] < 1e-6
    assert outside.any() and (sphere[outside] < 1e-6).all()
    solid = known["opacity"] > 0.999
    np.testing.assert_allclose(sphere[solid], known["depth"][solid], atol=0.02)
    slab = session.cut_depth(asked("analytic:slab"))
    fog = session.render(asked("analytic:slab", channels=("depth", "opacity"))).arrays
    thin = np.isfinite(fog["depth"]) & (fog["opacity"] < 0.95)
    if thin.any():  # Σ w t, not divided by Σ w
        assert (slab[thin] < fog["depth"][thin]).all()


def test_every_sampler_and_wrong_ones(session: RenderSession, tiny: str) -> None:
    for name in ("learned", "importance", "occupancy", "stratified"):
        depth = session.cut_depth(asked(tiny).replace(sampler=SamplerSpec(name=name)))
        assert depth.shape == (SIZE, SIZE) and np.isfinite(depth).all() and 2.0 < depth.max() < 3.5, name
    with pytest.raises(InputError, match="sampler"):
        session.cut_depth(asked(tiny).replace(sampler=SamplerSpec(name="magic")))
