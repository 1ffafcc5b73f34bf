"""The basket: arithmetic, names, the file round trip, and files that are no basket."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec, StyleMix
from viewer.state.basket import (
    added,
    analogy,
    basket_path,
    between,
    kept,
    read_basket,
    renamed,
    shown_as,
    without,
    write_basket,
)

RNG = np.random.RandomState(0)
A, B, C = RNG.randn(3, 4, 6).astype(np.float32)


def test_names_stay_apart_and_entries_come_and_go() -> None:
    basket = added(added(added((), "head", A), "head", B), "", C)
    assert [k.name for k in basket] == ["head", "head 2", "unnamed"]
    assert [k.name for k in renamed(basket, 2, "head 2")] == ["head", "head 2", "head 2 2"]
    assert [k.name for k in renamed(basket, 1, "head 2")] == ["head", "head 2", "unnamed"]
    assert [k.name for k in without(basket, 0)] == ["head 2", "unnamed"]
    with pytest.raises(ValueError, match="read-only"):
        basket[0].w[0] = 1.0


def test_interpolation_and_arithmetic() -> None:
    np.testing.assert_array_equal(between(A, B, 0.0), A)
    np.testing.assert_allclose(between(A, B, 0.25), 0.75 * A + 0.25 * B, rtol=1e-6)
    np.testing.assert_allclose(analogy(A, B, C, -1.5), A - 1.5 * (B - C), rtol=1e-5)


def test_an_entry_as_a_latent_is_exact_and_short_where_layers_are_alike() -> None:
    latent = shown_as(LatentSpec.of_seed(3, psi=0.4, mix=StyleMix(seed=1, layers=(0,))), kept("a", A))
    assert latent.mix is None and latent.seeds[0].seed == 3
    np.testing.assert_array_equal(np.array(latent.w, np.float32), A)
    assert len(kept("flat", np.repeat(A[:1], 4, axis=0)).rows) == 1


def test_a_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "basket.npz"
    write_basket(path, added(added((), "Ünï", A), "b", B), "ab" * 32)
    entries, sha = read_basket(path, 4, 6)
    assert [k.name for k in entries] == ["Ünï", "b"] and sha == "ab" * 32
    np.testing.assert_array_equal(entries[1].w, B)
    assert [p.name for p in path.parent.iterdir()] == ["basket.npz"]
    write_basket(path, (), "")
    assert read_basket(path, 4, 6) == ((), "")


def test_pictures_and_projected_w_are_taken_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "picture.npz", rgb=np.zeros((3, 2, 2)), w=A)
    np.save(tmp_path / "projected.npy", A[None, :1])
    assert [k.name for k in read_basket(tmp_path / "picture.npz", 4, 6)[0]] == ["picture"]
    (found,), _ = read_basket(tmp_path / "projected.npy", 4, 6)
    np.testing.assert_array_equal(found.w, np.repeat(A[:1], 4, axis=0))


def test_files_that_are_no_basket_are_one_clear_line(tmp_path: Path) -> None:
    def write(name: str, **arrays: object) -> Path:
        np.savez(tmp_path / name, **arrays)  # pyright: ignore[reportArgumentType]
        return tmp_path / name

    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("w.npy", b"not an array")
    hurt = A.copy()
    hurt[0, 0] = np.nan
    cases = {
        tmp_path / "text.npz": "not readable",
        tmp_path / "empty.npz": "not readable",
        tmp_path / "zip.npz": "not readable",
        tmp_path / "none.npz": "not found",
        write("other.npz", x=A): "no w",
        write("small.npz", w=A[:, :3]): "another generator",
        write("layers.npz", w=A[:3]): "another generator",
        write("nan.npz", w=hurt): "finite",
        write("flat.npz", w=A[0]): "wrong w",
        write("pickled.npz", w=np.array([{"a": 1}], dtype=object)): "not readable",
        write("text_w.npz", w=np.array([["a"]])): "wrong w",
    }
    for path, why in cases.items():
        with pytest.raises(InputError, match=why) as caught:
            read_basket(path, 4, 6)
        assert "\n" not in str(caught.value), path


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "file"))
    with pytest.raises(InputError, match="basket not saved"):
        write_basket(basket_path("ab"), (), "ab")
