"""Benign files of the three programs: every name, shape, number and keyword arrives."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.checkpoints.importing import ImportedNetwork, import_bytes, import_network
from core_model.schema.errors import InputError
from tests.unit.checkpoints.importing import samples
from tests.unit.checkpoints.importing.foreign import EG3D_AXES, Located, pickled, storage_blob

EXACT = 0.0


def same(got: object, want: torch.Tensor, tolerance: float = 1e-6) -> None:
    """An array of the importer against the tensor that was written."""
    assert isinstance(got, np.ndarray) and got.shape == tuple(want.shape)
    np.testing.assert_allclose(got, want.numpy(), rtol=tolerance, atol=tolerance)


def read(obj: object, protocol: int = 4) -> ImportedNetwork:
    return import_bytes(pickled(obj, protocol), "network-snapshot-000400.pkl")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_eg3d_arrives_whole(protocol: int) -> None:
    tensors = samples.eg3d_tensors()
    net = read(samples.eg3d_file(tensors), protocol)
    assert (net.family, net.class_name, net.network, net.is_ema) == (
        "eg3d",
        "TriPlaneGenerator",
        "G_ema",
        True,
    )
    assert set(net.state) == set(tensors)
    for name, tensor in tensors.items():
        assert net.state[name].shape == tensor.shape and net.state[name].dtype == np.float32
        same(net.state[name], tensor, EXACT)
    assert net.plane_axes is not None
    same(net.plane_axes, EG3D_AXES, EXACT)
    assert net.attributes["superresolution_class"] == "SuperresolutionHybrid2X"
    assert net.classes["decoder"] == "OSGDecoder" and net.classes["decoder.net.1"] == "Softplus"


def test_attributes_keywords_and_scalars_are_plain() -> None:
    net = read(samples.eg3d_file())
    assert net.attributes["rendering_kwargs"]["avg_camera_pivot"] == [0, 0, 0.2]
    assert net.init_kwargs["rendering_kwargs"] == {"box_warp": 2}
    assert net.init_kwargs["mapping_kwargs"] == {"num_layers": 2}
    gain = net.layers["decoder.net.0"]["bias_gain"]
    assert type(gain) is float and gain == 0.5
    assert net.layers["backbone.synthesis.b4.conv1"]["conv_clamp"] == 256
    assert "_last_planes" not in net.attributes and "_init_kwargs" not in net.attributes
    assert net.training["training_set_kwargs"]["path"] == "/data/faces.zip"
    assert net.images_seen == 400_000


def test_no_source_text_is_kept() -> None:
    net = read(samples.eg3d_file())
    record = (net.attributes, net.init_kwargs, net.layers, net.classes, net.training)
    assert "was executed" not in repr(record)


def test_the_average_is_preferred_and_g_is_said_to_be_none() -> None:
    content = samples.eg3d_file()
    net = read({"G": content["G"]})
    assert (net.network, net.is_ema) == ("G", False)
    same(net.state["decoder.net.0.bias"], samples.eg3d_tensors(5)["decoder.net.0.bias"])
    assert read(content["G_ema"]).is_ema is None


def test_mimic3d_is_told_from_eg3d() -> None:
    net = read(samples.mimic3d_file())
    assert net.family == "mimic3d" and net.attributes["plane_act"] is None
    assert net.attributes["triplane_resolution"] == 32


def test_epigraf_with_its_configuration() -> None:
    net = read(samples.epigraf_file())
    assert net.family == "epigraf" and net.images_seen == 1_234_000
    cfg = net.cfg
    assert cfg is not None and cfg["dataset"]["camera"] == {"fov": 12.0, "ray_start": 0.88}
    assert cfg["patch"] == {"enabled": True, "resolution": 16} and cfg["fov"] == 12.0
    assert cfg["out"] == "runs/faces_16" and cfg["tri_plane"]["mlp"]["n_layers"] == 2
    # Resolvers are never run and missing keys stay as they are.
    assert cfg["home"] == "${oc.env:HOME}" and cfg["nothing"] == "${no.such.key}"
    same(net.state["synthesis.tri_plane_decoder.b4.const"], torch.arange(6.0).reshape(2, 3))
    same(net.init_kwargs["mapping_kwargs"]["mean_camera_pose"], torch.tensor([0.5, 1.5, 0.0]))
    assert "cfg" not in net.init_kwargs


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [None, "G_ema", "state_dict"])
def test_state_dicts_of_torch_save(zipped: bool, wrapped: str | None) -> None:
    tensors = samples.eg3d_tensors()
    out = io.BytesIO()
    torch.save(tensors if wrapped is None else {wrapped: tensors}, out, _use_new_zipfile_serialization=zipped)
    net = import_bytes(out.getvalue(), "weights.pt")
    assert net.family == "eg3d" and net.class_name == "" and not net.attributes
    assert net.is_ema is (True if wrapped == "G_ema" else None)
    for name, tensor in tensors.items():
        same(net.state[name], tensor, EXACT)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool, torch.int16]
)
@pytest.mark.parametrize("zipped", [True, False, None])
def test_every_storage_becomes_float32(dtype: torch.dtype, zipped: bool | None) -> None:
    values = torch.tensor([[0.0, 1.0, 2.0], [3.0, 100.0, 1.0]]).to(dtype)
    tensors = samples.eg3d_tensors() | {
        "decoder.net.0.weight": values.t(),
        "decoder.net.2.weight": values[:, 1:],
    }
    if zipped is None:
        data = pickled(tensors)
    else:
        out = io.BytesIO()
        torch.save(tensors, out, _use_new_zipfile_serialization=zipped)
        data = out.getvalue()
    net = import_bytes(data, "x.pt")
    same(net.state["decoder.net.0.weight"], values.t().float(), EXACT)
    same(net.state["decoder.net.2.weight"], values[:, 1:].float(), EXACT)
    assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in net.state.values())


def test_storages_agree_with_torchs_own_safe_loader() -> None:
    tensor = torch.randn(3, 5)
    storage = torch.load(io.BytesIO(storage_blob(tensor, "cpu")), weights_only=True)
    theirs = torch.tensor([]).set_(storage._untyped_storage, 0, (3, 5), (5, 1))
    net = read(samples.eg3d_file(samples.eg3d_tensors() | {"decoder.net.0.weight": Located(tensor)}))
    same(net.state["decoder.net.0.weight"], theirs, EXACT)
    torch.testing.assert_close(theirs, tensor, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(2.5), 2.5), (np.float32(0.5), 0.5), (np.int64(-7), -7), (np.bool_(True), True),
        (np.arange(6, dtype=np.float64).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)), [[0, 1, 2], [3, 4, 5]]),
        (np.array([1.5, 2.0], dtype=">f4"), [1.5, 2.0]), (np.zeros((0, 3)), []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_numpy_is_decoded_without_numpys_own_functions(
    value: object, expected: object, protocol: int
) -> None:
    content = {"G_ema": samples.eg3d_network(samples.eg3d_tensors(), numbers=value)}
    got = read(content, protocol).attributes["numbers"]
    assert (got.tolist() if isinstance(got, np.ndarray) else got) == expected


def test_buffers_that_are_not_persistent_stay_out() -> None:
    network = samples.eg3d_network(samples.eg3d_tensors())
    network.state["_buffers"] |= {"grid": torch.zeros(3), "dataset_label_std": torch.ones(25), "unset": None}
    network.state["_non_persistent_buffers_set"].add("grid")
    net = read({"G_ema": network})
    assert "dataset_label_std" in net.state and not {"grid", "unset"} & set(net.state)


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickled(samples.eg3d_file()))
    net = import_network(path)
    assert net.source == str(path) and len(net.sha256) == 64 and net.images_seen is None


def test_other_networks_are_named() -> None:
    with pytest.raises(InputError, match="not a tri-plane generator.*EpiGRAF.*'mapping.w_avg'"):
        import_bytes(pickle.dumps({"mapping.w_avg": torch.zeros(4)}), "stylegan.pkl")
    with pytest.raises(InputError, match="no network in the file"):
        import_bytes(pickle.dumps([1, 2, 3]), "numbers.pkl")
