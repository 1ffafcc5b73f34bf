"""Framing: whatever comes in, either messages come out as they went in, or one WireError says why not."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest, Tier
from viewer.wire.faults import WireError
from viewer.wire.greeting import Greeted, VersionError, fingerprint, greeting
from viewer.wire.packets import inflated, packed, unpacked
from viewer.wire.plain import as_json, from_json
from viewer.wire.records import Name, Offer, ToAsk, ToCancel, ToPicture, question_of
from viewer.wire.segments import ABORT, FIRST, HEADER, LAST, MAGIC, Cutter, Joiner, ack, segment


def cut(data: bytes, lane: int = 1, size: int = 1000) -> list[bytes]:
    cutter, out = Cutter(lane, data), []
    while not cutter.done:
        out.append(cutter.next(size))
    return out


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.binary(min_size=1, max_size=3000)), max_size=8),
    st.integers(1, 700),
    st.integers(1, 5000),
    st.randoms(),
)
def test_interleaved_lanes_come_out_whole(
    messages: list[tuple[int, bytes]], read: int, size: int, chance: random.Random
) -> None:
    """Any order of lanes, any size of pieces, any size of reads (one byte too)."""
    queues = {
        lane: [s for n, data in messages if n == lane for s in cut(data, lane, size)] for lane in range(5)
    }
    stream, total = b"", 0
    while any(queues.values()):
        part = queues[chance.choice([lane for lane, queue in queues.items() if queue])].pop(0)
        stream, total = stream + part + ack(7), total + len(part)
    joiner, found = Joiner(), []
    for at in range(0, len(stream), read):
        found += joiner.feed(stream[at : at + read])
    assert sorted(map(bytes, found)) == sorted(data for _, data in messages)
    assert joiner.received == total and joiner.acknowledged == (7 if messages else 0)


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (b"Welcome to gpu-box, last login today\n", "no.* stream of triscope.*Welcome"),
        (HEADER.pack(MAGIC, FIRST, 9, 0), "not a stream"),
        (HEADER.pack(MAGIC, FIRST, 0, 1 << 20), "not a stream"),
        (HEADER.pack(MAGIC, 77, 0, 0), "not a stream"),
        (segment(0, 1, b"x"), "never began"),
        (segment(FIRST, 1, (9).to_bytes(8, "little")) * 2, "inside another"),
        (segment(FIRST, 1, b"123"), "inside another"),
        (segment(FIRST, 1, (1 << 62).to_bytes(8, "little")), "at most"),
        (segment(FIRST | LAST, 1, (9).to_bytes(8, "little") + b"x"), "not as long"),
        (segment(FIRST, 1, (1).to_bytes(8, "little") + b"xyz"), "not as long"),
        (segment(8, 0, b"123"), "wrong length"),
    ],
)
def test_what_no_sender_of_ours_sends_is_one_line(stream: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says) as caught:
        Joiner().feed(stream)
    assert "\n" not in str(caught.value)


def test_an_announced_gigabyte_takes_no_memory() -> None:
    tracemalloc.start()
    Joiner().feed(segment(FIRST, 2, (1 << 30).to_bytes(8, "little") + b"x"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_an_aborted_message_makes_room_for_the_next() -> None:
    cutter, joiner = Cutter(3, bytes(5000)), Joiner()
    assert joiner.feed(cutter.next(1000) + cutter.abort() + b"".join(cut(b"new", 3))) == [b"new"]
    assert segment(ABORT, 3, b"") == cutter.abort()


REQUEST = RenderRequest(checkpoint="/far/a.safetensors", latent=LatentSpec.of_seed(3), tier=Tier.MOVING)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_messages_are_one_line(data: st.DataObject) -> None:
    """Cut, overwritten and random bytes: a record that is valid, or WireError; nothing else."""
    good = bytearray(packed(ToPicture(number=4, request=REQUEST), [b"abc", b""]))
    how = data.draw(st.sampled_from(("cut", "flip", "random")))
    if how == "cut":
        good = good[: data.draw(st.integers(0, len(good) - 1))]
    elif how == "flip":
        for _ in range(data.draw(st.integers(1, 6))):
            good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    else:
        good = bytearray(data.draw(st.binary(max_size=200)))
    try:
        unpacked(good)
    except WireError as e:
        assert "\n" not in str(e)


def test_records_come_back_as_they_were() -> None:
    record, blobs = unpacked(packed(ToPicture(number=4, request=REQUEST), [b"abc", b""]))
    assert record == ToPicture(number=4, request=REQUEST) and [bytes(b) for b in blobs] == [b"abc", b""]
    values = {"a": (1, [2.5, None], {"b": float("inf")}), "c": "x"}
    assert from_json(as_json(values)) == values


def test_compressed_data_may_not_grow_beyond_what_it_said() -> None:
    import zstandard

    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 24))
    for size in (10, 1 << 25):
        with pytest.raises(WireError, match="another size"):
            inflated(bomb, size)
    with pytest.raises(WireError):
        inflated(b"not zstd at all, is it", 10)


def test_nobody_asks_for_a_class_that_is_no_question() -> None:
    for name in ("os.system", "RenderRequest", "Question"):
        with pytest.raises(WireError, match="unknown question"):
            question_of(ToAsk(number=1, name=name, question="{}"))
    with pytest.raises(WireError, match="not understood"):
        question_of(ToAsk(number=1, name="LatentQuestion", question='{"checkpoint": 4}'))


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", ".ssh", "", "C:x", "a\x00b", "x" * 300, ".."])
def test_names_of_files_are_bare(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Offer(number=1, name=name, size=1, digest="0" * 64)
    assert Name  # the type that guards it


def test_greeting_after_a_banner() -> None:
    first = Greeted()
    whole = b"Last login: today\r\n" + greeting() + b"rest"
    for at in range(len(whole) - 1):
        first.feed(whole[at : at + 1])
        if first.done:
            break
    assert first.done and first.banner == "Last login: today\r\n"


def test_another_version_is_told_apart_from_another_program() -> None:
    with pytest.raises(VersionError, match=r"triscope 9\.9.*install the same"):
        Greeted().feed(b"TRISCOPE-LINE 2 " + fingerprint().encode() + b" 9.9\n")
    with pytest.raises(WireError, match="not a triscope worker"):
        Greeted().feed(b"garbage " * 10_000)


def test_cancel_numbers_have_bounds() -> None:
    for below in (-1, 2**70):
        with pytest.raises(ValueError, match="below"):
            ToCancel(below=below)
