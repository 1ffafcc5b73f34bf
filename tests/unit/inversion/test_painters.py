"""Every family with latents has pictures with gradients: those of its own renderer, to latent, camera and weights."""

from __future__ import annotations

import pytest
import torch

from core_model.families import FAMILIES
from core_model.families.known import DESCRIPTIONS
from core_model.inversion.camera import FreeCamera
from core_model.inversion.stages import tuned
from tests.unit.inversion.generators import MODELS, camera


def test_every_family_with_latents_has_a_painter() -> None:
    have = {name for name in DESCRIPTIONS.names() if FAMILIES.get(name).painter is not None}
    assert have == set(MODELS)


@pytest.mark.parametrize("family", MODELS)
def test_gradients_reach_latent_camera_and_weights(family: str) -> None:
    model = MODELS[family]()
    painter = FAMILIES.get(family).painter
    assert painter is not None
    found = FreeCamera(camera(family, yaw=0.1))
    weights = tuned(model.module)
    assert weights and not any(name.startswith("mapping") for name in weights)
    for weight in weights.values():
        weight.requires_grad_(True)
    ws = torch.randn(1, model.module.num_ws, model.sizes.w_dim, generator=torch.Generator().manual_seed(0))
    ws.requires_grad_(True)
    painted = painter(model).paint(ws, found.label(), 16, fresh=True)
    assert painted.image.shape == (1, 3, 16, 16) and painted.opacity.shape == (1, 1, 16, 16)
    assert torch.isfinite(painted.image).all() and not painted.opacity.requires_grad
    painted.image.square().mean().backward()
    assert ws.grad is not None and float(ws.grad.abs().max()) > 0
    for value in (found.turn, found.shift, found.distance):
        assert value.grad is not None and torch.isfinite(value.grad).all()
    assert float(found.turn.grad.abs().max()) > 0  # type: ignore[union-attr]
    learned = [n for n, p in weights.items() if p.grad is not None and float(p.grad.abs().max()) > 0]
    assert any("backbone" in n for n in learned)


@pytest.mark.parametrize("family", ["eg3d", "mimic3d", "epigraf"])
def test_the_picture_is_that_of_the_program(family: str) -> None:
    """At the stored size, the painter's picture is the family's own native one."""
    from core_model.schema.latent import LatentSpec
    from core_model.schema.render import RenderRequest

    model, seen = MODELS[family](), camera(family, yaw=0.2)
    size = 12 if family == "epigraf" else model.sizes.image_size
    request = RenderRequest(checkpoint="x", width=size, height=size, camera=seen, channels=("rgb",))
    with torch.no_grad():
        ws = model.map(LatentSpec(psi=1.0, cutoff=None))
        native, painter = FAMILIES.get(family).native, FAMILIES.get(family).painter
        assert native is not None and painter is not None
        own = native(model, request, ws, model.planes(ws, "const"), None)["rgb"]
        painted = painter(model).paint(ws, FreeCamera(seen).label(), size, fresh=True).image[0]
    assert painted.shape == own.shape
    assert float((painted - torch.from_numpy(own)).abs().max()) < 2e-3


def test_kept_samples_give_the_same_picture_while_nothing_moves() -> None:
    model = MODELS["wysiwyg"]()
    painter = FAMILIES.get("wysiwyg").painter
    assert painter is not None
    hand, label = painter(model), FreeCamera(camera("wysiwyg")).label()
    ws = torch.zeros(1, model.module.num_ws, model.sizes.w_dim)
    with torch.no_grad():
        first = hand.paint(ws, label, 24, fresh=True).image
        assert torch.equal(hand.paint(ws, label, 24, fresh=False).image, first)
        other = FreeCamera(camera("wysiwyg", yaw=0.5)).label()
        assert not torch.equal(hand.paint(ws, other, 24, fresh=True).image, first)
