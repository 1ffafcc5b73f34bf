"""A plane taken out: every picture is rendered without it, exactly as if the planes had been edited by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from core_model.fields.ablate import ablated, triplane_levels
from core_model.fields.triplane import Planes
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.latent import Ablation, LatentSpec
from core_model.schema.render import RenderRequest
from core_model.session import Frame, RenderSession

CHANNELS = ("rgb", "depth", "normal", "opacity", "samples", "leftover")


def request(path: str, latent: LatentSpec) -> RenderRequest:
    return RenderRequest(checkpoint=path, latent=latent, width=24, height=24, channels=CHANNELS)


def render(session: RenderSession, asked: RenderRequest) -> Frame:
    frame = session.render(asked)
    assert frame.result.error is None, frame.result.error
    return frame


def cached(frame: Frame) -> set[str]:
    return {t.stage for t in frame.result.timings if t.cached}


@pytest.mark.parametrize("fill", ["mean", "zero"])
def test_it_equals_planes_edited_by_hand_in_every_channel(tiny: str, fill: str) -> None:
    session, by_hand = (RenderSession(device="cpu", threads=1) for _ in range(2))
    latent = LatentSpec.of_seed(5, psi=1.0)
    whole = render(session, request(tiny, latent))
    out = render(session, request(tiny, latent.replace(ablate=Ablation(planes=((0, 0),), fill=fill))))
    by_hand.open(tiny)
    model = by_hand._open[tiny].model
    synthesise = model.planes

    def edited(ws: torch.Tensor | None, noise: str) -> Planes:
        planes = synthesise(ws, noise)
        assert planes is not None
        level = planes.levels[0].clone()
        level[:, 0] = level[:, 0].mean(dim=(2, 3))[..., None, None] if fill == "mean" else 0.0
        return Planes((level,), planes.conventions)

    model.planes = edited  # type: ignore[method-assign]
    expected = render(by_hand, request(tiny, latent))
    for name in CHANNELS:
        np.testing.assert_array_equal(out.arrays[name], expected.arrays[name], err_msg=name)
    assert np.abs(out.arrays["rgb"] - whole.arrays["rgb"]).max() > 0.01


def test_only_what_hangs_on_the_planes_is_computed_again(session: RenderSession, tiny: str) -> None:
    plain, out = LatentSpec(), LatentSpec(ablate=Ablation(planes=((0, 2),)))
    whole = render(session, request(tiny, plain))
    assert cached(render(session, request(tiny, out))) == {"w"}
    again = render(session, request(tiny, plain))
    assert cached(again) == {"w", "planes", "skip", "probe", "proposal"}
    np.testing.assert_array_equal(again.arrays["rgb"], whole.arrays["rgb"])


def test_a_closed_form_has_no_plane_to_take_out(session: RenderSession) -> None:
    error = session.render(
        request("analytic:sphere", LatentSpec(ablate=Ablation(planes=((0, 0),))))
    ).result.error
    assert error is not None and error.kind == "input"
    assert "no plane to ablate" in error.message and "closed form" in error.message


def test_a_level_that_is_not_there_is_named(session: RenderSession, tiny: str) -> None:
    error = session.render(request(tiny, LatentSpec(ablate=Ablation(planes=((1, 0),))))).result.error
    assert error is not None and error.kind == "input" and "level 1" in error.message


def test_levels_are_edited_one_by_one_and_nothing_in_place() -> None:
    torch.manual_seed(0)
    coarse, detail, backdrop = (
        torch.randn(1, 3, 4, 8, 8),
        torch.randn(1, 3, 4, 16, 16),
        torch.randn(1, 1, 3, 8, 8),
    )
    planes = Planes((coarse, detail, backdrop), Conventions())
    kept = detail.clone()
    out = ablated(planes, Ablation(planes=((1, 2), (1, 0)), fill="zero"), "here")
    assert triplane_levels(planes) == 2
    assert out.levels[0] is coarse and out.levels[2] is backdrop and torch.equal(detail, kept)
    assert float(out.levels[1][:, (0, 2)].abs().max()) == 0.0 and torch.equal(
        out.levels[1][:, 1], detail[:, 1]
    )
    mean = ablated(planes, Ablation(planes=((0, 1),)), "here").levels[0]
    torch.testing.assert_close(mean[:, 1], coarse[:, 1].mean(dim=(-2, -1), keepdim=True).expand(1, 4, 8, 8))
    with pytest.raises(InputError):
        ablated(planes, Ablation(planes=((2, 0),)), "here")


def test_the_record_is_in_order_and_survives_json() -> None:
    spec = LatentSpec(ablate=Ablation(planes=((1, 0), (0, 2), (0, 2)), fill="zero"))
    assert spec.ablate is not None and spec.ablate.planes == ((0, 2), (1, 0))
    asked = RenderRequest(checkpoint="c", latent=spec)
    assert RenderRequest.model_validate_json(asked.model_dump_json()) == asked
    for wrong in (((0, 3),), ((-1, 0),), ()):
        with pytest.raises(ValidationError):
            Ablation(planes=wrong)
