"""Which head a latent stands for: parts that the pack has and that go together, smooth where nothing is chosen."""

from __future__ import annotations

import numpy as np
import torch

from core_model.data.headpack.pack import load_pack
from core_model.training.fit.latent import CLOTHES, IRISES, SKINS, STYLES, LatentHeads, head_of_z, latent_z


def many(count: int = 2000) -> torch.Tensor:
    return torch.randn(count, 64, generator=torch.Generator().manual_seed(3))


def test_every_part_is_in_the_pack_and_made_for_who_wears_it() -> None:
    manifest, heads = load_pack().manifest, LatentHeads.of(many())
    assert set(SKINS) <= set(manifest["skins"]) and set(IRISES) <= set(manifest["eyes"]["irises"])
    for chosen, names, kind in ((heads.style, STYLES, "hair"), (heads.clothes, CLOTHES, "clothes")):
        assert set(chosen) == set(range(len(names)))  # every one is worn by somebody
        for i in range(200):
            name = names[chosen[i]]
            assert not name or ("female" if heads.woman[i] else "male") in manifest[kind][name]["sex"]
    for i in range(200):
        skin = manifest["skins"][SKINS[heads.skin[i]]]
        assert skin["sex"] == ("female" if heads.woman[i] else "male")
        brows = manifest["brows"][heads.parameters(i).brows]
        assert skin["age"] == "young" and ("female" if heads.woman[i] else "male") in brows["sex"]
        assert not heads.woman[i] or heads.beard[i] == 0
    assert (heads.style[heads.woman] != STYLES.index("")).all()


def test_parameters_are_valid_and_a_function_of_the_latent() -> None:
    z = latent_z(5, 64)
    one, again = head_of_z(z), head_of_z(3.0 * z)  # only the direction of z counts
    assert one.hair == again.hair and abs(one.age - again.age) < 1e-9
    heads = LatentHeads.of(many(60))
    targets = load_pack().geometry.targets
    for i in range(60):
        p = heads.parameters(i)
        assert {w.target for w in (*p.details, *p.units)} <= set(targets)
        assert abs(p.african + p.asian + p.caucasian - 1) < 1e-9 and 0.40 <= p.age < 0.6


def test_small_steps_change_the_numbers_little() -> None:
    z = many(300)
    a, b = (
        LatentHeads.of(z),
        LatentHeads.of(z + 1e-5 * torch.randn(z.shape, generator=torch.Generator().manual_seed(4))),
    )
    for name in ("age", "weight", "smile", "beard", "lips", "gain", "identity"):
        assert np.abs(getattr(a, name) - getattr(b, name)).max() < 1e-3
    same = a.ancestry == b.ancestry
    assert same.mean() > 0.99 and np.abs(a.hair_tone - b.hair_tone)[same].max() < 1e-3
