"""Layers of the networks: found by hooks on the picture's own pass, for every family; statistics; what is handed out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core_model.checkpoints.store import save_checkpoint
from core_model.queries import QuerySession
from core_model.queries.layer_hooks import Statistics, watching
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.latent import Ablation, LatentSpec, SeedWeight
from core_model.schema.question_layers import (
    PARTS,
    SURFACE_EDGE,
    LayerInfo,
    LayerPart,
    LayerQuestion,
    LayersQuestion,
    LayerValuesQuestion,
    fields_of,
)
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from tests.unit.families.foreign_nets import Net, eg3d_state, epigraf_state, mimic3d_state, native


def stored(family: str, net: Net) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        header, tensors = native(family, net)
        return str(save_checkpoint(folder / f"{family}.safetensors", header, tensors))

    return make


FOREIGN = {
    "eg3d": stored("eg3d", Net("", eg3d_state())),
    "epigraf": stored("epigraf", Net("", epigraf_state())),
    "mimic3d": stored("mimic3d", Net("", mimic3d_state())),
}


def request_of(session: QuerySession, path: str, **changes: object) -> RenderRequest:
    info = session.open(path)
    name = "auto" if info.neural_size else "learned" if info.has_proposal else "importance"
    base = RenderRequest(
        checkpoint=path,
        camera=info.header.camera.default,
        width=48,
        height=48,
        sampler=SamplerSpec(name=name),
    )
    return base.replace(**changes)


def layers_of(session: QuerySession, part: LayerPart, request: RenderRequest) -> dict[str, LayerInfo]:
    answer = session.answer(LayersQuestion.model_validate(fields_of(part, request)))
    found = [LayerInfo.model_validate(i) for i in answer.values["layers"]]
    assert len({i.name for i in found}) == len(found)
    return {i.name: i for i in found}


def values_of(session: QuerySession, part: LayerPart, request: RenderRequest, layer: str) -> np.ndarray:
    question = LayerValuesQuestion.model_validate(fields_of(part, request) | {"layer": layer})
    return session.answer(question).arrays["values"]


def test_statistics_are_those_of_numpy_also_in_pieces() -> None:
    rng = np.random.default_rng(1)
    values = (1e3 + rng.normal(size=(7, 5, 4))).astype(np.float32)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    values[1, 0, 0] = 0.0
    s = Statistics()
    for piece in torch.from_numpy(values).split(3):
        s.add(piece)
    good = values[np.isfinite(values)].astype(np.float64)
    assert (s.count, s.nans, s.infs, s.zeros) == (140, 1, 2, 1)
    assert s.mean == pytest.approx(good.mean()) and s.deviation == pytest.approx(good.std(), rel=1e-4)
    assert s.rms == pytest.approx(np.sqrt((good**2).mean())) and (s.low, s.high) == (good.min(), good.max())


def test_hooks_tell_each_tensor_once_and_are_gone_afterwards() -> None:
    class Handing(nn.Module):
        """Returns what its last part returned, and another tensor."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            y = self.last(self.first(x))
            return y, y + 1.0

    network, told, asked = Handing(), [], []
    with watching(
        network, lambda name, kind, x: told.append((name, kind, tuple(x.shape))), lambda: asked.append(1)
    ):
        network(torch.zeros(5, 3))
    network(torch.zeros(5, 3))
    assert told == [("first", "Linear", (5, 4)), ("last", "Linear", (5, 2)), ("Handing:2", "Handing", (5, 2))]
    assert len(asked) == 3 and not network._forward_hooks and not network.first._forward_pre_hooks


def test_layers_of_the_networks_of_a_wysiwyg_checkpoint(session: QuerySession, tiny: str) -> None:
    request = request_of(session, tiny)
    found = {part: layers_of(session, part, request) for part in PARTS}
    info = session.open(tiny)
    assert found["mapping"]["w"].shape == (info.num_ws, info.w_dim)
    planes = found["backbone"]["planes"]
    assert planes.shape == (3, info.plane_channels, info.plane_size, info.plane_size) and planes.pictures
    model = session.model_of(tiny)
    assert model.module is not None
    convolutions = [n for n, m in model.module.named_modules() if type(m).__name__ == "StyleConv"]
    assert convolutions and set(convolutions) <= set(found["backbone"]), "every convolution ran"
    affine = found["backbone"][f"{convolutions[0]}.affine"]
    assert not affine.pictures and affine.group == found["backbone"][convolutions[0]].group > 0
    assert {"sdf_mlp.fc0", "sdf_mlp.fc2", "rgb_mlp.fc1"} <= set(found["decoder"])
    assert all(i.surface for i in found["decoder"].values())
    assert found["proposal"]["proposal"].channels == found["proposal"]["probe"].channels
    assert not found["superres"] and not found["background"]


@pytest.mark.parametrize("family", FOREIGN)
def test_layers_of_every_imported_family(session: QuerySession, tmp_path: Path, family: str) -> None:
    path = FOREIGN[family](tmp_path)
    request = request_of(session, path)
    found = {part: layers_of(session, part, request) for part in PARTS}
    assert found["mapping"] and found["decoder"] and not found["proposal"]
    assert all(i.mean is not None and not i.nans for part in found.values() for i in part.values())
    assert bool(found["superres"]) == bool(session.open(path).neural_size)
    if found["superres"]:
        last = found["superres"]["superres"]
        assert last.shape[-1] == session.open(path).image_size and last.channels == 3
    if family == "mimic3d":
        planes = session.planes_of(request)
        assert planes is not None
        levels = ["planes"] if len(planes.levels) == 1 else [f"planes.{i}" for i in range(len(planes.levels))]
        assert set(levels) <= set(found["backbone"])
        assert any(len(i.shape) == 4 for i in found["backbone"].values()), "blocks over plane triples"


@pytest.mark.parametrize("part", PARTS)
def test_a_formula_has_no_layers_and_says_so(session: QuerySession, part: LayerPart) -> None:
    answer = session.answer(LayersQuestion(checkpoint="analytic:sphere", part=part))
    assert answer.values["layers"] == [] and "formula" in answer.values["note"]


def test_a_family_whose_modules_do_not_run_says_so(
    session: QuerySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a plugin that computes with its parameters alone."""
    session.open("analytic:sphere")
    monkeypatch.setattr(type(session.model_of("analytic:sphere")), "module", nn.Identity())
    notes = {}
    for part in ("mapping", "backbone", "decoder", "background", "superres"):
        answer = session.answer(
            LayersQuestion(checkpoint="analytic:sphere", part=part, sampler=SamplerSpec(name="uniform"))
        )
        assert answer.values["layers"] == []
        notes[part] = answer.values["note"]
    assert (
        notes["mapping"] == "This family has no latent." and notes["backbone"] == "This family has no planes."
    )
    assert "No module" in notes["decoder"] and all(notes.values())


def test_a_layer_is_what_the_network_computed(session: QuerySession, tiny: str) -> None:
    request = request_of(session, tiny, latent=LatentSpec.of_seed(5))
    planes = session.planes_of(request)
    assert planes is not None
    got = values_of(session, "backbone", request, "planes")
    np.testing.assert_array_equal(got, planes.levels[0][0].flatten(0, 1).numpy())
    w = session.w_of(tiny, request.latent)
    assert w is not None
    np.testing.assert_array_equal(values_of(session, "mapping", request, "w"), w[0])
    run = session.run_of(request)
    volume = run.field(run.w())
    proposals = run.proposals(volume, run.space(volume))
    predicted = values_of(session, "proposal", request, "proposal")
    np.testing.assert_allclose(np.exp(predicted), proposals.p[0].numpy(), rtol=1e-5, atol=1e-7)


def test_the_decoder_is_looked_at_where_pixels_meet_the_surface(session: QuerySession, tiny: str) -> None:
    request = request_of(session, tiny)
    depth = session.render(
        request.replace(width=SURFACE_EDGE, height=SURFACE_EDGE, channels=("depth",))
    ).arrays["depth"]
    values = values_of(session, "decoder", request, "sdf_mlp.fc2")
    assert values.shape[1:] == (SURFACE_EDGE, SURFACE_EDGE)
    np.testing.assert_array_equal(np.isfinite(values[0]), np.isfinite(depth))
    assert np.abs(values[0][np.isfinite(depth)]).mean() < 0.02, "the distance is nearly 0 on the surface"
    assert layers_of(session, "decoder", request)["sdf_mlp.fc2"].shape[0] == np.isfinite(depth).sum()


def test_pictures_are_not_changed_by_looking(tiny: str) -> None:
    """Before, between and after: bit by bit the same, and nothing stays registered on the modules."""
    plain, looked = (QuerySession(device="cpu", threads=1) for _ in range(2))
    first, second = request_of(plain, tiny), request_of(plain, tiny, latent=LatentSpec.of_seed(3))
    for part in PARTS:
        looked.answer(LayersQuestion.model_validate(fields_of(part, first)))
    for request in (first, second):
        np.testing.assert_array_equal(
            plain.render(request).arrays["rgb"], looked.render(request).arrays["rgb"]
        )
    module = looked.model_of(tiny).module
    assert module is not None
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    assert not any(p.requires_grad for p in module.parameters())


def test_a_page_of_channels_in_either_order(session: QuerySession, tiny: str) -> None:
    fields = fields_of("backbone", request_of(session, tiny)) | {"layer": "planes"}
    every = session.answer(LayerValuesQuestion.model_validate(fields)).arrays["values"]
    rms = np.sqrt((every.astype(np.float64) ** 2).mean(axis=(1, 2)))
    page = session.answer(
        LayerQuestion.model_validate(fields | {"first": 4, "count": 6, "cell": 8, "channel": 7})
    )
    np.testing.assert_allclose(page.arrays["rms"], rms, rtol=1e-5)
    np.testing.assert_array_equal(page.arrays["which"], np.arange(4, 10))
    np.testing.assert_array_equal(page.arrays["picture"], every[7])
    size = every.shape[-1]
    means = every[4:10].reshape(6, 8, size // 8, 8, size // 8).mean(axis=(2, 4))
    np.testing.assert_allclose(page.arrays["cells"], means, atol=1e-5)
    assert page.arrays["counts"].sum() == every.size
    strongest = session.answer(LayerQuestion.model_validate(fields | {"order": "rms", "count": 3}))
    np.testing.assert_array_equal(strongest.arrays["which"], np.argsort(-rms, kind="stable")[:3])
    beyond = session.answer(LayerQuestion.model_validate(fields | {"first": 10_000, "channel": 10_000}))
    assert beyond.arrays["cells"].shape[0] == 0 and beyond.values["channel"] == len(every) - 1


def test_rows_come_as_lines(session: QuerySession, tiny: str) -> None:
    several = LatentSpec(seeds=(SeedWeight(seed=1), SeedWeight(seed=2)))
    request = request_of(session, tiny, latent=several)
    layer = layers_of(session, "mapping", request)["mapping.layers.0"]
    assert layer.shape[0] == 2 and layer.calls == 2, "a blend runs the mapping for each seed"
    fields = fields_of("mapping", request) | {"layer": layer.name}
    answer = session.answer(LayerQuestion.model_validate(fields))
    assert answer.arrays["picture"].shape == layer.shape and "cells" not in answer.arrays
    own = request.replace(latent=LatentSpec(w=tuple(map(tuple, session.w_of(tiny, several)[0].tolist()))))  # type: ignore[index]
    answer = session.answer(LayersQuestion.model_validate(fields_of("mapping", own)))
    assert [i["name"] for i in answer.values["layers"]] == ["w"] and "one's own" in answer.values["note"]


def test_a_plane_that_is_taken_out_is_flat_in_the_planes_as_read(session: QuerySession, tiny: str) -> None:
    latent = LatentSpec.of_seed(1).replace(ablate=Ablation(planes=((0, 1),), fill="zero"))
    values = values_of(session, "backbone", request_of(session, tiny, latent=latent), "planes")
    channels = len(values) // 3
    assert not values[channels : 2 * channels].any() and values[:channels].any()


def test_a_wrong_layer_is_one_clear_line(session: QuerySession, tiny: str) -> None:
    fields = fields_of("backbone", request_of(session, tiny))
    with pytest.raises(InputError, match=r"no such layer.*backbone\.blocks\.99"):
        session.answer(LayerQuestion.model_validate(fields | {"layer": "backbone.blocks.99"}))
    with pytest.raises(InputError, match="super-resolution"):
        session.answer(LayerQuestion.model_validate(fields | {"part": "superres", "layer": "superres"}))


@pytest.mark.parametrize("part", ["mapping", "backbone", "decoder", "proposal"])
def test_looking_gives_way_inside_the_pass_and_leaves_no_hook(
    session: QuerySession, tiny: str, part: LayerPart
) -> None:
    question = LayersQuestion.model_validate(fields_of(part, request_of(session, tiny)))
    calls: list[int] = []

    def busy() -> bool:
        calls.append(1)
        return len(calls) > 2

    with pytest.raises(Cancelled):
        session.answer(question, busy)
    module = session.model_of(tiny).module
    assert module is not None and not any(m._forward_hooks for m in module.modules())
    assert session.answer(question).values["layers"]


def test_what_a_part_does_not_depend_on_is_not_asked_about(session: QuerySession, tiny: str) -> None:
    here = request_of(session, tiny)
    there = here.replace(camera=here.camera.replace(yaw=0.5), width=64, height=64)
    same = {p: fields_of(p, here) == fields_of(p, there) for p in PARTS}
    assert same == {p: p in ("mapping", "backbone") for p in PARTS}


def test_a_layer_is_kept_for_the_next_question_and_goes_with_its_checkpoint(
    session: QuerySession, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = fields_of("backbone", request_of(session, tiny)) | {"layer": "backbone.blocks.0.conv1"}
    session.answer(LayerQuestion.model_validate(fields))
    ran: list[str] = []
    model = session.model_of(tiny)
    monkeypatch.setattr(model, "planes", lambda *a: ran.append("planes"))
    session.answer(LayerQuestion.model_validate(fields | {"channel": 1}))
    assert not ran and session.layers.used > 0
    session.close(tiny)
    assert session.layers.used == 0
