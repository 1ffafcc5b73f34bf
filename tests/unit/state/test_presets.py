"""Presets: how a picture is made, without what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.sampler import SamplerSpec
from viewer.state.document import Document
from viewer.state.presets import MOST, Presets


def test_a_preset_sets_how_but_not_what(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    kept = Document(checkpoint="a", sampler=SamplerSpec(name="uniform", spp=33.0)).replace(
        latent=LatentSpec.of_seed(7)
    )
    presets.save("  Many   samples ", kept)
    again = Presets(tmp_path)
    assert again.names() == ("Many samples",)
    other = Document(checkpoint="b").replace(latent=LatentSpec.of_seed(3))
    applied = again.applied("Many samples", other)
    assert applied.sampler == kept.sampler and applied.latent == other.latent and applied.checkpoint == "b"
    assert again.applied("unknown", other) is other
    again.remove("Many samples")
    assert Presets(tmp_path).names() == ()


def test_presets_refuse_no_name_and_too_many(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    with pytest.raises(InputError, match="name"):
        presets.save("  ", Document())
    for index in range(MOST):
        presets.save(f"p{index}", Document())
    with pytest.raises(InputError, match="too many"):
        presets.save("one more", Document())


def test_a_damaged_preset_file_is_said_and_kept(tmp_path: Path) -> None:
    (tmp_path / "presets.json").write_text('{"presets": 3}')
    presets = Presets(tmp_path)
    assert presets.fault and presets.names() == ()
    assert (tmp_path / "presets.json").read_text() == '{"presets": 3}'
