"""Mutated honest files and random opcodes.

An ImportedNetwork or an InputError comes out, and nothing else.
"""

from __future__ import annotations

import functools
import io
import pickletools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from core_model.checkpoints.importing import ImportedNetwork, Limits, import_bytes
from core_model.schema.errors import InputError
from tests.examples import examples
from tests.unit.checkpoints.importing import samples
from tests.unit.checkpoints.importing import streams as s
from tests.unit.checkpoints.importing.foreign import pickled, storage_blob

# Small limits, so that a stream of a few bytes can pass each of them.
LIMITS = Limits(
    steps=30_000, text_bytes=1 << 16, all_text_bytes=1 << 20, nodes=5000, depth=30, modules=200, marks=60
)


@functools.cache
def honest() -> tuple[bytes, ...]:
    """One file of each kind."""
    zipped, legacy = io.BytesIO(), io.BytesIO()
    torch.save(samples.eg3d_tensors(), zipped)
    torch.save(samples.eg3d_tensors(), legacy, _use_new_zipfile_serialization=False)
    eg3d = {"G_ema": samples.eg3d_file()["G_ema"]}
    files = (eg3d, samples.epigraf_file(), samples.mimic3d_file())
    pickles = [pickled(content, protocol) for content in files for protocol in (2, 4)]
    return (*pickles, zipped.getvalue(), legacy.getvalue())


def outcome(data: bytes) -> str:
    """'network' or the line of the error; any other exception passes through and fails the test."""
    try:
        made = import_bytes(data, "fuzz.pkl", LIMITS)
    except InputError as error:
        message = str(error)
        assert (
            message
            and "\n" not in message
            and len(message) < 500
            and message.isascii() | message.isprintable()
        )
        return message
    assert isinstance(made, ImportedNetwork)
    assert all(bool(np.isfinite(t).all()) and t.dtype == np.float32 for t in made.state.values())
    return "network"


def test_the_honest_files_pass_the_small_limits() -> None:
    assert [outcome(data) for data in honest()] == ["network"] * len(honest())


EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 20), st.sampled_from(["set", "cut", "put", "copy"]), st.binary(min_size=1, max_size=6)),
    min_size=1,
    max_size=6,
)  # fmt: skip


def edited(data: bytes, edits: list[tuple[int, str, bytes]]) -> bytes:
    out = bytearray(data)
    for place, kind, value in edits:
        at = place % max(len(out), 1)
        if kind == "set":
            out[at : at + len(value)] = value
        elif kind == "cut":
            del out[at : at + value[0]]
        elif kind == "put":
            out[at:at] = value
        else:
            out[at:at] = out[at : at + 4 * value[0]]
    return bytes(out)


@examples(1200)
@given(st.integers(0, 7), EDITS)
def test_mutated_files(which: int, edits: list[tuple[int, str, bytes]]) -> None:
    assert outcome(edited(honest()[which], edits))


CODES = [op.code.encode("latin-1") for op in pickletools.opcodes]
NAMES = [
    s.named("collections", "OrderedDict"), s.named("dnnlib.util", "EasyDict"), s.named("training.triplane", "OSGDecoder"),
    s.named("torch_utils.persistence", "_reconstruct_persistent_obj"), s.named("torch._utils", "_rebuild_tensor_v2"),
    s.named("torch._utils", "_rebuild_parameter"), s.named("torch.storage", "_load_from_bytes"),
    s.named("torch._tensor", "_rebuild_from_type_v2"), s.named("numpy", "dtype"), s.named("numpy", "ndarray"),
    s.named("numpy.core.multiarray", "scalar"), s.named("numpy.core.multiarray", "_reconstruct"),
    s.named("numpy._core.numeric", "_frombuffer"), s.named("omegaconf.dictconfig", "DictConfig"),
    s.named("builtins", "set"), s.named("builtins", "dict"), s.named("builtins", "int"), s.named("_codecs", "encode"),
    s.named("torch", "Size"), s.named("collections", "defaultdict"),
]  # fmt: skip
VALUES = [
    s.NONE, s.number(0), s.number(3), s.number(-1), s.text("G_ema"), s.text("_modules"), s.text("state"), s.text("f8"),
    s.text("${a.b}"), s.text("_content"), s.text("_parameters"), s.raw_bytes(storage_blob(torch.ones(3))), s.raw_bytes(b"abcdefgh"),
    s.sequence(s.number(3)), s.sequence(), s.items(), s.EMPTY_DICT, s.get(0), s.get(1), s.put(0), s.put(1), b"\x89", b"\x8f",
]  # fmt: skip
FRAGMENTS = (
    NAMES
    + VALUES
    + [s.REDUCE, s.NEWOBJ, s.BUILD, s.MARK, s.TUPLE1, s.TUPLE2, s.SETITEM, s.SETITEMS, s.APPEND, s.APPENDS]
)


@examples(700)
@given(st.lists(st.sampled_from(FRAGMENTS + CODES), max_size=60), st.binary(max_size=8))
def test_random_opcodes(fragments: list[bytes], tail: bytes) -> None:
    assert outcome(s.START + b"".join(fragments) + tail + s.STOP) != "network"


@examples(300)
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), st.lists(st.sampled_from(VALUES), max_size=6)
)
def test_calls_with_wrong_arguments(names: list[bytes], values: list[bytes]) -> None:
    """Every allowed reconstruction with arguments that it does not expect, then a state that it does not
    expect.
    """
    call = s.put(0) + s.put(1)
    for name in names:
        call += name + s.sequence(*values) + s.REDUCE + s.put(1)
    state = s.table(a=s.NONE)
    for data in (
        call + s.STOP,
        call + state + s.BUILD + s.STOP,
        call + s.sequence(*values) + s.BUILD + s.STOP,
    ):
        assert outcome(s.START + s.EMPTY_LIST + data) != "network"
    assert outcome(s.file_of(s.module(x=s.EMPTY_LIST + call)))
