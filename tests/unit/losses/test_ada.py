"""ADA's controller: direction, speed, bounds, exact resume."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from core_model.losses.ada import AdaController, AdaState


def test_p_reaches_one_after_kimg_thousand_images_and_stays() -> None:
    ada = AdaController(target=0.6, interval=4, kimg=2.0)
    seen = [ada.update(1.0, 50) for _ in range(44)]
    assert seen[2] == 0.0 and seen[3] == pytest.approx(0.1)
    assert seen[39] == pytest.approx(1.0) and seen[43] == 1.0


def test_p_falls_below_the_target_and_never_under_zero() -> None:
    ada = AdaController(target=0.6, interval=1, kimg=1.0, state=AdaState(p=0.5))
    assert ada.update(0.59, 100) == pytest.approx(0.4)
    assert ada.update(0.6, 100) == pytest.approx(0.4)
    for _ in range(6):
        ada.update(-1.0, 100)
    assert ada.p == 0.0


def test_the_mean_weighs_batches_by_their_images() -> None:
    ada = AdaController(target=0.5, interval=2, kimg=1.0)
    ada.update(1.0, 10)
    ada.update(0.0, 90)
    assert ada.state.last_r == pytest.approx(0.1) and ada.p == 0.0


def test_resuming_at_any_batch_gives_the_same_p() -> None:
    signs = [math.sin(i) for i in range(40)]
    whole = AdaController(target=0.1, interval=3, kimg=0.5)
    expected = [whole.update(s, 7) for s in signs]
    for cut in range(1, 12):
        first = AdaController(target=0.1, interval=3, kimg=0.5)
        got = [first.update(s, 7) for s in signs[:cut]]
        second = AdaController(
            target=0.1,
            interval=3,
            kimg=0.5,
            state=AdaState.model_validate_json(first.state.model_dump_json()),
        )
        assert got + [second.update(s, 7) for s in signs[cut:]] == expected


@pytest.mark.parametrize(("sign", "images"), [(math.nan, 4), (math.inf, 4), (1.5, 4), (0.0, 0)])
def test_bad_input_is_refused_and_changes_nothing(sign: float, images: int) -> None:
    ada = AdaController(state=AdaState(p=0.3, sign_sum=1.0, images=2, batches=1))
    before = ada.state
    with pytest.raises(ValueError, match="mean sign"):
        ada.update(sign, images)
    assert ada.state == before


def test_bad_settings_are_refused() -> None:
    for bad in ({"target": 1.0}, {"interval": 0}, {"kimg": 0.0}, {"kimg": math.nan}):
        with pytest.raises(ValueError, match="target"):
            AdaController(**bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most 1"):
        AdaController(state=AdaState(p=1.1))
    with pytest.raises(ValidationError):
        AdaState(p=-0.1)


def test_without_a_bound_p_runs_on_and_further_outputs_weigh_without_moving_it_faster() -> None:
    ada = AdaController(target=0.6, interval=1, kimg=1.0, highest=math.inf, state=AdaState(p=0.95))
    assert ada.update(1.0, 100) == pytest.approx(1.05)
    two = AdaController(target=0.6, interval=2, kimg=1.0, highest=math.inf, state=AdaState(p=0.5))
    two.update(1.0, 100, extra=100)  # 200 outputs of sign 1, then 100 of sign 0: mean 2/3
    assert two.update(0.0, 100) == pytest.approx(0.7)
    assert two.state.last_r == pytest.approx(2 / 3)
