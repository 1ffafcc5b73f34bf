"""From imported networks to native checkpoints: settings of any kind end as a header or as one line."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core_model.checkpoints.importing import (
    ImportedNetwork,
    import_bytes,
    is_foreign,
    open_source,
    save_source,
)
from core_model.checkpoints.importing.native import convert
from core_model.checkpoints.layout import read_header
from core_model.checkpoints.store import load_tensors
from core_model.families import FAMILIES
from core_model.schema.errors import InputError
from tests.examples import examples
from tests.unit.checkpoints.importing import samples
from tests.unit.checkpoints.importing.foreign import EG3D_AXES, pickled
from tests.unit.checkpoints.importing.recorded_files import FILES

FAMILY_NAMES = sorted(FILES)


@functools.cache
def imported(family: str) -> ImportedNetwork:
    return import_bytes(pickled(FILES[family]()), f"/runs/{family}/network-snapshot-000010.pkl")


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_header_says_where_it_comes_from(family: str) -> None:
    header, arrays = convert(imported(family))
    made = header.provenance
    assert header.family == family and made.source == "network-snapshot-000010.pkl" and made.ema is True
    assert made.source_sha256 == imported(family).sha256
    assert made.images_seen == (64_000 if family == "epigraf" else 10_000)
    assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in arrays.values())
    model = FAMILIES.get(family).build(header, "here")
    assert model.module is not None
    assert {n: t.shape for n, t in model.module.state_dict().items()} == {
        n: a.shape for n, a in arrays.items()
    }


def test_the_plane_table_of_the_file_counts() -> None:
    """A corrected table in the file gives other planes than the published one."""
    content = FILES["eg3d"]()
    axes = EG3D_AXES.clone()
    axes[2] = torch.tensor([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=torch.float32)
    content["G_ema"].state["_modules"]["renderer"].plane_axes = axes
    corrected, _ = convert(import_bytes(pickled(content), "a.pkl"))
    legacy, _ = convert(imported("eg3d"))
    assert legacy.conventions != corrected.conventions


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    net = dataclasses.replace(
        imported("eg3d"), training={"training_set_kwargs": {"path": "\x1b]0;title\x07/data\n"}}
    )
    header, _ = convert(net)
    assert header.provenance.data == "?]0;title?/data?"


def test_save_and_open(tmp_path: Path) -> None:
    source, out = tmp_path / "network-snapshot-000002.pkl", tmp_path / "out.safetensors"
    source.write_bytes(pickled(FILES["mimic3d"]()))
    foreign = save_source(source, out)
    stored = read_header(out)
    assert stored.header == foreign.stored.header and set(stored.tensors) == set(foreign.stored.tensors)
    again = load_tensors(out)
    for name, tensor in open_source(source).tensors.items():
        torch.testing.assert_close(again[name], tensor, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["a.pkl", "a.PT", "a.ckpt", "no-suffix", "a.bin"])
def test_pickles_are_told_by_suffix_or_content(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickled(samples.eg3d_file()))
    assert is_foreign(tmp_path / name)


def test_other_files_are_not_foreign(tmp_path: Path) -> None:
    save_native = tmp_path / "native"
    save_native.write_bytes(b"\x80\x05\x00\x00\x00\x00\x00\x00{}")
    (tmp_path / "a.safetensors").write_bytes(b"\x80\x04N.")
    assert not any(
        map(
            is_foreign,
            (save_native, tmp_path / "a.safetensors", tmp_path, tmp_path / "none", Path("/dev/zero")),
        )
    )


ODD: list[Any] = [
    None, True, -1, 0, 3, 2**70, 1e308, float("nan"), float("inf"), "auto", "x", "\x1b[2J", [], [1, 2], {}, {"a": {"b": 1}},
    (0, 0, 0), np.zeros(3), np.zeros((3, 3, 3)), {"camera": 5}, [None, None, None],
]  # fmt: skip


def spoiled(record: Mapping[str, Any], places: list[int], value: object) -> dict[str, Any]:
    """A copy with one value, found by the indices in `places`, replaced or (for an index past the end) added."""
    out = dict(record)
    keys = list(out)
    if not keys:
        return out
    key = keys[places[0] % len(keys)]
    inner = out[key]
    out[key] = (
        spoiled(inner, places[1:], value) if len(places) > 1 and isinstance(inner, dict) and inner else value
    )
    return out


@examples(250)
@given(
    st.sampled_from(FAMILY_NAMES), st.sampled_from(["attributes", "init_kwargs", "both", "layers"]),
    st.lists(st.integers(0, 40), min_size=1, max_size=4), st.sampled_from(ODD),
)  # fmt: skip
def test_odd_settings(family: str, part: str, places: list[int], value: object) -> None:
    net = imported(family)
    parts = ("attributes", "init_kwargs") if part == "both" else (part,)
    net = dataclasses.replace(net, **{name: spoiled(getattr(net, name), places, value) for name in parts})
    assert outcome(net)


@examples(150)
@given(
    st.sampled_from(FAMILY_NAMES),
    st.integers(0, 300),
    st.sampled_from(["drop", "flat", "empty", "wide", "deep", "scalar"]),
)
def test_odd_tensors(family: str, which: int, change: str) -> None:
    net = imported(family)
    name = list(net.state)[which % len(net.state)]
    old = net.state[name]
    new = {
        "flat": old.flatten(), "empty": np.zeros(0), "wide": np.zeros((*old.shape, 2)), "deep": old[None], "scalar": np.zeros(()),
    }.get(change)  # fmt: skip
    state = {k: v for k, v in net.state.items() if k != name}
    if new is not None:
        state[name] = new
    assert outcome(dataclasses.replace(net, state=state))


def outcome(net: ImportedNetwork) -> str:
    """'made' or the line; everything else fails the test.

    A network that was made must also be described and built.
    """
    try:
        header, tensors = convert(net)
        family = FAMILIES.get(header.family)
        family.describe(header, net.source)
        assert tensors
    except InputError as error:
        message = str(error)
        assert "\n" not in message and message.isprintable() and len(message) < 700
        return message
    return "made"


def test_families_that_cannot_be_imported_are_named() -> None:
    with pytest.raises(InputError, match="cannot convert.*eg3d.*wysiwyg"):
        convert(dataclasses.replace(imported("eg3d"), family="wysiwyg"))
