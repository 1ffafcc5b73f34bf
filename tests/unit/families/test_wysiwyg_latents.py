"""Latents of the wysiwyg family as the session asks for them: seeds, blends, mixes, truncation, labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.checkpoints.store import load_into
from core_model.families.latents import latent_from_seed, map_batch
from core_model.families.wysiwyg.spec import WysiwygModel
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.latent import Edit, LatentSpec, SeedWeight, StyleMix
from core_model.schema.render import RenderRequest
from tests.contracts.tiny_checkpoint import TINY, tiny_generator

NUM_WS = 6  # 16² backbone


@pytest.fixture(scope="module")
def model() -> WysiwygModel:
    built = WysiwygModel(CheckpointHeader(family="wysiwyg", config=TINY.model_dump()), "here")
    built.module = built.module.to_empty(device="cpu")
    generator = tiny_generator()
    generator.mapping.w_avg.copy_(torch.randn(16, generator=torch.Generator().manual_seed(9)))
    load_into(built.module, generator.state_dict(), "here")
    built.module.requires_grad_(False)
    return built


def raw_w(model: WysiwygModel, seed: int, camera: OrbitPose | None = None) -> torch.Tensor:
    """Untruncated w [D] of a seed, by the mapping network alone."""
    z = torch.from_numpy(np.random.RandomState(seed).randn(1, 16)).float()
    label = torch.from_numpy(label25(camera or OrbitPose()))[None]
    return model.module.mapping(z, label)[0]


def test_z_is_numpy_s_randomstate() -> None:
    np.testing.assert_allclose(latent_from_seed(11, 8), np.random.RandomState(11).randn(1, 8), rtol=1e-6)


def test_truncation_towards_the_average(model: WysiwygModel) -> None:
    w, average = raw_w(model, 3), model.module.mapping.w_avg
    ws = model.map(LatentSpec.of_seed(3, psi=0.6, cutoff=2))[0]
    torch.testing.assert_close(ws[0], average + 0.6 * (w - average))
    torch.testing.assert_close(ws[1], ws[0])
    torch.testing.assert_close(ws[2:], w.expand(NUM_WS - 2, 16))
    full = model.map(LatentSpec.of_seed(3, psi=1.0, cutoff=None))[0]
    torch.testing.assert_close(full, w.expand(NUM_WS, 16))


def test_an_explicit_z_is_the_seed_s_z(model: WysiwygModel) -> None:
    z = tuple(np.random.RandomState(5).randn(16).tolist())
    torch.testing.assert_close(model.map(LatentSpec(z=z)), model.map(LatentSpec.of_seed(5)))


def test_an_explicit_w_is_taken_as_it_is(model: WysiwygModel) -> None:
    ws = model.map(LatentSpec.of_seed(2))[0]
    rows = tuple(tuple(row) for row in ws.tolist())
    torch.testing.assert_close(model.map(LatentSpec(w=rows))[0], ws)  # no second truncation
    one = model.map(LatentSpec(w=rows[:1]))
    assert one.shape == (1, NUM_WS, 16) and torch.equal(one[0, 5], one[0, 0])


def test_psi_and_mixing_work_on_an_explicit_w(model: WysiwygModel) -> None:
    ws, average = model.map(LatentSpec.of_seed(2, psi=1.0))[0], model.module.mapping.w_avg
    own = LatentSpec(w=tuple(tuple(row) for row in ws.tolist()))
    half = model.map(own.replace(psi=0.5, cutoff=2))[0]
    torch.testing.assert_close(half[:2], average + 0.5 * (ws[:2] - average))
    assert torch.equal(half[2:], ws[2:])
    mixed = model.map(own.replace(mix=StyleMix(seed=7, layers=(1,))))[0]
    assert torch.equal(mixed[1], model.map(LatentSpec.of_seed(7, psi=1.0))[0, 1])
    assert torch.equal(mixed[0], ws[0]) and torch.equal(model.map(own)[0], ws), "nothing was written into w"


def test_blends_are_weighted_means_in_w(model: WysiwygModel) -> None:
    seeds = (SeedWeight(seed=1, weight=3.0), SeedWeight(seed=2, weight=1.0))
    ws = model.map(LatentSpec(seeds=seeds, psi=1.0))[0]
    torch.testing.assert_close(ws[0], 0.75 * raw_w(model, 1) + 0.25 * raw_w(model, 2))


def test_style_mixing_replaces_the_named_layers(model: WysiwygModel) -> None:
    ws = model.map(LatentSpec.of_seed(1, mix=StyleMix(seed=2, layers=(0, 4, 99))))[0]
    a, b = (model.map(LatentSpec.of_seed(s))[0] for s in (1, 2))
    for layer in range(NUM_WS):
        torch.testing.assert_close(ws[layer], (b if layer in (0, 4) else a)[layer])


def test_the_label_is_frontal_unless_a_camera_is_given(model: WysiwygModel) -> None:
    side = OrbitPose(yaw=0.7, pitch=-0.2)
    frontal = model.map(LatentSpec.of_seed(1, psi=1.0))
    torch.testing.assert_close(frontal[0, 0], raw_w(model, 1))
    torch.testing.assert_close(
        model.map(LatentSpec.of_seed(1, psi=1.0, cond=side))[0, 0], raw_w(model, 1, side)
    )
    assert not torch.allclose(frontal, model.map(LatentSpec.of_seed(1, psi=1.0, cond=side)))


def test_edits_move_their_layers_after_truncation(model: WysiwygModel) -> None:
    step = tuple(float(x) for x in np.random.RandomState(1).randn(16).astype(np.float32))
    edit = Edit(name="smile", direction=step, strength=-1.5, layers=(2, 3))
    plain = model.map(LatentSpec.of_seed(4, psi=0.5))[0]
    edited = model.map(LatentSpec.of_seed(4, psi=0.5, edits=(edit,)))[0]
    torch.testing.assert_close(edited[2:4], plain[2:4] - 1.5 * torch.tensor(step))
    assert torch.equal(edited[:2], plain[:2]) and torch.equal(edited[4:], plain[4:])
    rows = tuple(tuple(row) for row in plain.tolist())
    torch.testing.assert_close(
        model.map(LatentSpec(w=rows, edits=(edit,)))[0], edited
    )  # an explicit w is edited too
    with pytest.raises(InputError, match="wrong direction"):
        model.map(LatentSpec(edits=(Edit(direction=(1.0,), strength=1.0),)))


def test_an_edited_latent_survives_the_json_of_a_request(model: WysiwygModel) -> None:
    step = tuple(float(x) for x in np.random.RandomState(2).randn(16).astype(np.float32))
    latent = LatentSpec.of_seed(4, edits=(Edit(name="age", direction=step, strength=0.7, layers=(0, 4)),))
    request = RenderRequest(checkpoint="here", latent=latent)
    back = RenderRequest.model_validate_json(request.model_dump_json())
    assert back == request and hash(back) == hash(request)
    assert torch.equal(model.map(back.latent), model.map(latent))


def test_a_batch_of_z_maps_as_one_by_one(model: WysiwygModel) -> None:
    z = torch.cat([latent_from_seed(s, 16) for s in (1, 2, 3)])
    torch.testing.assert_close(
        map_batch(model, z, LatentSpec()), torch.stack([raw_w(model, s) for s in (1, 2, 3)])
    )


@pytest.mark.parametrize(
    "latent",
    [LatentSpec(z=(0.0,) * 5), LatentSpec(w=((0.0,) * 5,)), LatentSpec(w=((0.0,) * 16,) * 4)],
    ids=["z", "width", "layers"],
)
def test_latents_of_the_wrong_size_are_input_errors(model: WysiwygModel, latent: LatentSpec) -> None:
    with pytest.raises(InputError, match="wrong [zw]"):
        model.map(latent)
