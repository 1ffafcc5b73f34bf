"""Arrays over the line: bit for bit where that is said, close where a picture moves, and nothing else accepted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from viewer.wire.arrays import lossless, lossy, restored
from viewer.wire.faults import WireError


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["float32", "float16", "float64", "uint8", "uint32", "int64", "bool"]),
        hnp.array_shapes(max_dims=4, max_side=24),
    )
)
def test_lossless_is_bit_for_bit(array: np.ndarray) -> None:
    """NaN, infinities and negative zeros too."""
    head, blob = lossless("x", array)
    found = restored(head, memoryview(blob))
    assert found.dtype == array.dtype and found.shape == array.shape and found.tobytes() == array.tobytes()
    assert not found.flags.writeable


def smooth(size: int = 96) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size] / size
    return np.stack([0.5 + 0.4 * np.sin(5 * x), y, x * y]).astype(np.float32)


@pytest.mark.parametrize("how", ["jpeg", "webp"])
@pytest.mark.parametrize("scale", [1, 2, 3])
def test_moving_pictures_are_close_and_keep_their_holes(how: str, scale: int) -> None:
    picture = 2.0 * smooth(97) - 1.0
    picture[:, :10, :20] = np.nan
    head, blob = lossy("normal", picture, 85, how, (-1.0, 1.0), scale)  # type: ignore[arg-type]
    found = restored(head, memoryview(blob))
    assert found.shape == picture.shape and np.array_equal(np.isnan(found), np.isnan(picture))
    inner = np.s_[:, 16:, 28:]  # away from the edge of the hole
    assert np.sqrt(np.mean((found[inner] - picture[inner]) ** 2)) < 0.03
    assert len(blob) < picture.nbytes / 10


def test_scalars_at_a_coarser_scale_keep_their_values() -> None:
    depth = np.random.default_rng(0).normal(size=(33, 50)).astype(np.float32)
    head, blob = lossless("depth", depth, scale=4)
    found = restored(head, memoryview(blob))
    assert found.shape == depth.shape and np.array_equal(found[::4, ::4], depth[::4, ::4])
    assert set(found.ravel()) <= set(depth.ravel())


def test_head_and_blob_must_agree() -> None:
    head, blob = lossless("x", np.arange(4096, dtype=np.float32).reshape(64, 64))
    picture, data = lossy("rgb", smooth(), 80, "jpeg", (0.0, 1.0))
    wrong = [
        (head.replace(shape=(64, 65)), blob), (head.replace(shape=(1 << 20, 1 << 20)), blob), (head, blob[:-4]),
        (head.replace(how="raw"), blob), (head.replace(dtype="uint8"), blob), (head.replace(shape=(4096,)), blob),
        (picture.replace(shape=(3, 96, 97)), data), (picture.replace(how="webp"), data), (picture, data[:40]), (picture, b""),
        (picture.replace(masked=True), data), (picture.replace(shape=(96, 96)), data), (picture, data[:2] + bytes(200)),
    ]  # fmt: skip
    for bad, bytes_ in wrong:
        with pytest.raises(WireError):
            restored(bad, memoryview(bytes_))
