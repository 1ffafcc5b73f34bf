"""Files as torch writes them, against torch.

Tensors that are views of any kind, in modules and state dicts, in every container.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core_model.checkpoints.importing import import_bytes
from core_model.schema.errors import InputError
from tests.examples import examples
from tests.unit.checkpoints.importing import samples
from tests.unit.checkpoints.importing.torch_written import (
    CONTAINERS,
    Written,
    module_of,
    read,
    same_as_torch,
    written,
)

NAME = "decoder.net.7.weight"


def views() -> dict[str, Tensor]:
    """Legal tensors of odd layout, each by what it is."""
    base = torch.arange(24.0).reshape(4, 6)
    shared = torch.randn(3, 5)
    tagged = nn.Parameter(torch.randn(3))
    tagged.tag = "kept beside the parameter"  # pyright: ignore[reportAttributeAccessIssue]
    tagged_buffer = torch.randn(2, 2)
    tagged_buffer.tag = 1  # pyright: ignore[reportAttributeAccessIssue]
    return {
        "second half of a weight with no inputs": torch.empty(8, 0).split(4)[1],
        "last part of an empty batch": torch.empty(0, 3, 8).split(4, 2)[1],
        "empty far inside a storage": base[4:],
        "transposed": base.t(), "expanded": torch.tensor([1.5, 2.5]).expand(3, 2), "expanded from 0-d": torch.tensor(3.0).expand(2, 3, 4),
        "every second": base[::2, ::3], "one column": base[:, 5], "0-d inside a storage": base[3, 5], "0-d": torch.tensor(-2.25),
        "overlapping windows": torch.arange(6.0).unfold(0, 3, 1),
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "stride of a size of one": torch.randn(6).as_strided((1, 3), (1000, 2)), "shared": shared, "shared again": shared.t()[1:],
        "half": base.half().t(), "bfloat16": base.bfloat16()[1:], "double": base.double(), "bool": (base > 7)[:, ::2],
        "int64": base.long(), "int32": base.int().t(), "int16": base.short(), "int8": -base.char(), "uint8": base.byte(),
        "uint16": base.to(torch.uint16), "uint32": base.to(torch.uint32)[2:], "uint64": base.to(torch.uint64),
        "bits of a float": base.view(torch.int32), "negated by a flag": torch.randn(4, dtype=torch.complex64).conj().imag,
        "requires grad": nn.Parameter(torch.randn(2, 3)), "not a leaf": nn.Parameter(torch.randn(2, 3)) * 2.0,
        "parameter of a transposed": nn.Parameter(base.t()), "parameter of an expanded": nn.Parameter(torch.ones(1).expand(4)),
        "parameter with an attribute": tagged, "tensor with an attribute": tagged_buffer,
    }  # fmt: skip


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("what", list(views()))
def test_a_view_arrives_as_torch_has_it(what: str, container: str) -> None:
    tensor = views()[what]
    net = read(samples.eg3d_tensors() | {NAME: tensor}, container)
    assert same_as_torch(net.state[NAME], tensor)


def test_all_views_in_one_module() -> None:
    """Parameters where they may be, buffers otherwise.

    Names and values are those of the module's own state dict.
    """
    tensors = {f"decoder.net.{20 + k}.weight": v for k, v in enumerate(views().values()) if v.is_leaf}
    network = module_of(samples.eg3d_tensors() | tensors, {"": "TriPlaneGenerator"})
    want = network.state_dict()
    net = read({"G_ema": network})
    assert set(net.state) == set(want) and len(want) > 35
    for name, tensor in want.items():
        assert same_as_torch(net.state[name], tensor)


def test_what_torch_keeps_out_of_the_state_dict_stays_out() -> None:
    network = module_of(samples.eg3d_tensors(), {"": "TriPlaneGenerator"})
    network.register_buffer("grid", torch.zeros(3), persistent=False)
    network.register_buffer("unset", None)
    network.register_parameter("bias", None)
    network.__dict__["plane_act"] = None
    network.add_module("nothing", None)
    network.tied = nn.ParameterList([network.get_parameter("decoder.net.0.bias")] * 2)
    network.rows = nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.Embedding(3, 2), "c": nn.BatchNorm1d(2)})
    net = read({"G_ema": network})
    want = network.state_dict()
    assert (
        list(net.state)
        and set(net.state) == set(want)
        and "rows.c.num_batches_tracked" in want
        and "tied.1" in want
    )
    for name, tensor in want.items():
        assert same_as_torch(net.state[name], tensor)


def test_a_state_dict_with_its_metadata_and_a_trainer_beside_it() -> None:
    """torch.save of a trainer's dict.

    Optimiser states, versions of the modules, sizes, dtypes and devices.
    """
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimiser.step()
    state = model.state_dict()
    for name, tensor in samples.eg3d_tensors().items():
        state[name] = tensor
    rest = {
        "size": torch.Size([2, 3]),
        "dtype": torch.bfloat16,
        "device": torch.device("cuda:0"),
        "optimiser": optimiser.state_dict(),
    }
    rest |= {"complex": torch.randn(2, dtype=torch.complex64), "f8": torch.ones(2).to(torch.float8_e5m2)}
    for container in CONTAINERS:
        net = read(rest | {"state_dict": state}, container)
        for name in samples.eg3d_tensors():
            assert same_as_torch(net.state[name], state[name])


def test_whole_optimisers_beside_the_network() -> None:
    """EpiGRAF pickles its Adam objects, whose groups refer to the parameters of G."""
    network = module_of(samples.eg3d_tensors(), {"": "TriPlaneGenerator"})
    adam = torch.optim.Adam(network.parameters(), lr=0.002, betas=(0.0, 0.99))
    sum(p.square().sum() for p in network.parameters()).backward()  # pyright: ignore[reportAttributeAccessIssue]
    adam.step()
    net = read({"G": network, "G_opt": adam, "G_ema": network})
    assert set(net.state) == set(network.state_dict())


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128, torch.float8_e4m3fn])
@pytest.mark.parametrize("container", CONTAINERS)
def test_numbers_that_no_generator_has(dtype: torch.dtype, container: str) -> None:
    """Beside the network they are passed over; in it they are refused by the name of the tensor."""
    odd = torch.ones(3).to(dtype)
    assert read({"G_ema": samples.eg3d_tensors(), "D": odd}, container).family == "eg3d"
    with pytest.raises(InputError, match=f"unexpected kind.*{NAME}"):
        read(samples.eg3d_tensors() | {NAME: odd}, container)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_tensor_that_repeats_a_number_without_end(container: str) -> None:
    """One number expanded to 4 TB is legal for torch and small in the file.

    It is refused before anything is allocated.
    """
    endless = torch.zeros(1).expand(1 << 20, 1 << 19)
    with pytest.raises(InputError, match="larger than the file can hold"):
        read(samples.eg3d_tensors() | {NAME: endless}, container)
    assert read({"G_ema": samples.eg3d_tensors(), "D": endless}, container).family == "eg3d"


def test_many_expanded_tensors_together_are_bounded() -> None:
    wide = {
        f"decoder.net.{k}.weight": torch.zeros(1).expand(1 << 16) for k in range(10, 60)
    }  # 13 MB of a file of some kB
    with pytest.raises(InputError, match="larger than the file can hold"):
        read(samples.eg3d_tensors() | wide)


DTYPES = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    torch.uint16, torch.uint32,
)  # fmt: skip


@st.composite
def strided(draw: st.DrawFn) -> Tensor:
    """Any legal view of any storage.

    Sizes with zeros and ones in them, strides with zeros, an offset, a storage larger than needed.
    """
    size = draw(st.lists(st.integers(0, 4), max_size=5))
    stride = draw(st.lists(st.integers(0, 7), min_size=len(size), max_size=len(size)))
    offset, more = draw(st.integers(0, 9)), draw(st.integers(0, 5))
    need = offset + sum((n - 1) * s for n, s in zip(size, stride)) + 1 if 0 not in size else 0
    numbers = torch.randint(
        -9, 9, (need + more,), generator=torch.Generator().manual_seed(draw(st.integers(0, 99)))
    )
    base = numbers.to(draw(st.sampled_from(DTYPES)))
    return base.as_strided(size, stride, offset)


@st.composite
def chained(draw: st.DrawFn) -> Tensor:
    """What code does to weights: splits, transposes, expands, slices, one after the other."""
    made = torch.randn(
        draw(st.lists(st.integers(0, 5), min_size=1, max_size=4)), generator=torch.Generator().manual_seed(3)
    )
    for step in draw(
        st.lists(
            st.sampled_from(("split", "transpose", "expand", "step", "index", "half", "diagonal")), max_size=5
        )
    ):
        if step == "split" and made.dim():
            axis = draw(st.integers(0, made.dim() - 1))
            parts = made.split(draw(st.integers(1, 3)), axis)
            made = parts[draw(st.integers(0, len(parts) - 1))]
        elif step == "transpose" and made.dim() > 1:
            made = made.transpose(0, draw(st.integers(1, made.dim() - 1)))
        elif step == "expand" and made.dim() < 5:
            made = made.expand(draw(st.integers(0, 3)), *made.shape)
        elif step == "step" and made.dim():
            made = made[draw(st.integers(0, 2)) :: draw(st.integers(1, 3))]
        elif step == "index" and made.dim() and made.shape[0]:
            made = made[draw(st.integers(0, made.shape[0] - 1))]
        elif step == "half":
            made = made.to(draw(st.sampled_from((torch.float16, torch.bfloat16, torch.float64))))
        elif step == "diagonal" and made.dim() > 1:
            made = made.diagonal()
    return made


@examples(400)
@given(st.lists(strided() | chained(), min_size=1, max_size=4), st.sampled_from(CONTAINERS), st.booleans())
def test_every_legal_file_is_read_as_torch_reads_it(
    tensors: list[Tensor], container: str, in_module: bool
) -> None:
    named = {f"decoder.net.{50 + k}.weight": tensor for k, tensor in enumerate(tensors)}
    if container != "pickle":  # torch refuses to save two types of one storage; each here has its own
        in_module = False
    content: Any = samples.eg3d_tensors() | named
    net = read({"G_ema": module_of(content, {"": "TriPlaneGenerator"})} if in_module else content, container)
    for name, tensor in named.items():
        assert same_as_torch(net.state[name], tensor)


def test_pickles_of_every_protocol() -> None:
    for protocol in (2, 3, 4, 5):
        content = samples.eg3d_tensors() | {
            f"decoder.net.{9 + k}.weight": v for k, v in enumerate(views().values())
        }
        net = import_bytes(pickle.dumps(content, protocol), "a.pkl")
        for name, tensor in content.items():
            assert same_as_torch(net.state[name], tensor)


def test_the_store_writes_them_too(tmp_path: Path) -> None:
    """A whole network.pkl of modules whose weights are split.

    What is read stays readable after the arrays are changed.
    """
    path = tmp_path / "network-snapshot-000001.pkl"
    network = module_of(samples.eg3d_tensors(), {"": "TriPlaneGenerator"})
    network.split = Written("FullyConnectedLayer")
    network.split.register_parameter("weight", nn.Parameter(torch.empty(8, 0).split(4)[1]))
    path.write_bytes(written({"G_ema": network, "D": network.split}, "pickle"))
    net = import_bytes(path.read_bytes(), str(path))
    assert net.state["split.weight"].shape == (4, 0)
    for value in net.state.values():
        value += np.float32(1)
