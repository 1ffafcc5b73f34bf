"""The Inception network without its weights: size, names, resizing rule.

And files that are not what they should be.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core_model.metrics.inception import EDGE, FEATURES, Inception, enlarge
from core_model.metrics.weights import load_inception
from core_model.schema.errors import InputError


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """A state dict of the right names and shapes, small random numbers, with the classifier that the real
    file has.
    """
    rng = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        shapes = Inception().state_dict()
    made: dict[str, Tensor] = {}
    for name, value in shapes.items():
        if name.endswith("num_batches_tracked"):
            continue
        small = torch.randn(value.shape, generator=rng, dtype=torch.float32) * 0.05
        made[name] = (
            small.abs() + 0.5
            if name.endswith("running_var")
            else small + 1.0
            if name.endswith("bn.weight")
            else small
        )
    return made | {"fc.weight": torch.zeros(1008, FEATURES), "fc.bias": torch.zeros(1008)}


def test_the_network_has_the_published_size() -> None:
    with torch.device("meta"):
        network = Inception()
    assert sum(p.numel() for p in network.parameters()) == 21_785_568
    statistics = [v for n, v in network.state_dict().items() if n.endswith(("running_mean", "running_var"))]
    assert sum(v.numel() for v in statistics) == 34_432
    keys = set(network.state_dict())
    assert {
        "Conv2d_1a_3x3.conv.weight",
        "Mixed_6c.branch7x7dbl_4.bn.running_var",
        "Mixed_7c.branch3x3dbl_3b.conv.weight",
    } <= keys
    assert network.state_dict()["Mixed_6b.branch7x7_2.conv.weight"].shape == (128, 128, 1, 7)
    assert network.state_dict()["Mixed_7b.branch_pool.conv.weight"].shape == (192, 1280, 1, 1)
    assert not network.training


def test_features_of_a_loaded_file(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)  # the published file is of the old kind
    network, digest = load_inception(path)
    images = torch.randint(
        0, 256, (2, 3, 40, 40), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )
    features = network(images)
    assert features.shape == (2, FEATURES) and torch.isfinite(features).all() and len(digest) == 64
    torch.testing.assert_close(network(images[1:]), features[1:], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(features[0], features[1])


def test_enlarging_follows_tensorflow() -> None:
    """Pixel i reads place i · in / out: the corner stays, the last pixels repeat the edge."""
    row = torch.tensor([0.0, 10.0, 20.0, 40.0]).reshape(1, 1, 1, 4).expand(1, 1, 4, 4)
    wide = enlarge(row, 8)
    assert wide[0, 0, 3].tolist() == [0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 40.0]
    assert enlarge(row, 2)[0, 0, 0].tolist() == [0.0, 20.0]
    same = torch.rand(1, 3, EDGE, EDGE) * 255
    torch.testing.assert_close(enlarge(same), same, atol=1e-3, rtol=0)


def refused(path: Path, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        load_inception(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


def test_a_missing_file_says_which_one_is_needed(tmp_path: Path) -> None:
    refused(tmp_path / "none.pth", "pt_inception-2015-12-05-6726825d.pth")


def test_pickles_do_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (marker,))  # type: ignore[return-value]

    for name, write in (
        ("old.pth", lambda p: p.write_bytes(pickle.dumps(Evil()))),
        ("new.pth", lambda p: torch.save({"x": Evil()}, p)),
    ):
        write(tmp_path / name)
        refused(tmp_path / name, "cannot read")
    assert not marker.exists()


def test_programs_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "inception.pt", "w") as archive:
        for name in ("inception/data.pkl", "inception/constants.pkl", "inception/code/__torch__.py"):
            archive.writestr(name, b"x")
    refused(tmp_path / "inception.pt", "TorchScript archive is a program")


def test_other_tensors_are_named(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    # tensors of one stored number each: the shapes are right and the files are small
    state = {k: torch.zeros(()).expand(v.shape) for k, v in state.items()}
    few = {k: v for k, v in state.items() if k != "Mixed_7a.branch3x3_1.bn.bias"}
    for change, said in (
        (few, "no tensor Mixed_7a.branch3x3_1.bn.bias"),
        (state | {"extra": torch.zeros(1)}, "a tensor 'extra'"),
        (state | {"Conv2d_1a_3x3.bn.bias": torch.zeros(3)}, "Conv2d_1a_3x3.bn.bias of shape"),
        (
            state | {"Conv2d_1a_3x3.bn.bias": torch.full((32,), torch.nan)},
            "NaN or infinity in Conv2d_1a_3x3.bn.bias",
        ),
        ({"a": 1}, "other things"),
        ([torch.zeros(1)], "a list"),
    ):
        torch.save(change, path)
        refused(path, said)


@pytest.mark.parametrize("data", [b"", b"\x80", b"PK\x03\x04 broken", b"<html>404</html>"])
def test_damaged_files_are_one_line(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(data)
    refused(tmp_path / "w.pth", "cannot read")
    (tmp_path / "w.safetensors").write_bytes(data)
    refused(tmp_path / "w.safetensors", "cannot read")
