"""Files over the line: whole, continued where they broke off, refused when their hash is wrong or their name is not one."""

from __future__ import annotations

from pathlib import Path

import pytest

from core_model.schema.errors import InputError
from viewer.wire import records as r
from viewer.wire.faults import WireError
from viewer.wire.files import Incoming, offer_of
from viewer.wire.there import place, translated


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "face.safetensors"
    path.write_bytes(bytes(range(256)) * 40)
    return path


def parts(
    path: Path, start: int = 0, end: int | None = None, size: int = 1000
) -> list[tuple[r.Part, list[memoryview]]]:
    data = path.read_bytes()[:end]
    return [
        (r.Part(number=1, offset=at), [memoryview(data[at : at + size])])
        for at in range(start, len(data), size)
    ]


def test_a_broken_transfer_goes_on_where_it_stopped(source: Path, tmp_path: Path) -> None:
    offer, folder = offer_of(source, 1), tmp_path / "there"
    first = Incoming(offer, folder)
    for part in parts(source, end=4000):
        first.take(*part)
    assert list(folder.iterdir()) == [folder / "face.safetensors.part"]
    second = Incoming(offer, folder)
    assert second.offset == 4000 and not second.whole
    for part in parts(source, start=4000):
        second.take(*part)
    answer = second.finish()
    assert answer.error is None and Path(answer.path).read_bytes() == source.read_bytes()
    assert Incoming(offer, folder).whole  # nothing is sent a second time


def test_wrong_content_is_not_kept(source: Path, tmp_path: Path) -> None:
    offer = offer_of(source, 1).replace(digest="0" * 64)
    incoming = Incoming(offer, tmp_path / "there")
    for part in parts(source):
        incoming.take(*part)
    assert "hash is wrong" in incoming.finish().error.message  # type: ignore[union-attr]
    assert not list((tmp_path / "there").iterdir())


def test_parts_must_follow_each_other(source: Path, tmp_path: Path) -> None:
    incoming = Incoming(offer_of(source, 1), tmp_path / "there")
    (one, data), long = parts(source)[0], memoryview(bytes(1 << 20))
    for part, blobs in ((one.replace(offset=7), data), (one, []), (one, data * 2), (one, [long])):
        with pytest.raises(WireError, match="does not fit"):
            incoming.take(part, blobs)


def test_outputs_come_back_under_their_own_names_only(tmp_path: Path) -> None:
    outputs = {"head.obj": tmp_path / "head.obj"}
    for name in ("head.obj", "head.mtl", "head.7.obj"):
        assert place(name, outputs).parent == tmp_path
    for name in ("other.obj", "header.obj", "authorized_keys", "head"):
        with pytest.raises(WireError, match="nobody asked for"):
            place(name, outputs)


def test_words_of_a_command(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    line = ["far.safetensors", "--z", str(source), f"--out={out}", "--yaw", "-0.5", "--request", '{"a": 1}']
    words, files, outputs = translated(line)
    digest = offer_of(source, 0).digest
    assert files == {digest: source} and outputs == {"a.png": out}
    assert [w.text for w in words] == [
        "far.safetensors",
        "--z",
        "",
        "--out",
        "",
        "--yaw",
        "-0.5",
        "--request",
        '{"a": 1}',
    ]
    assert words[2].file == digest and words[4].out == "a.png"
    assert translated([f"local:{source}"])[0][0].file == digest
    with pytest.raises(InputError, match="no folder"):
        translated(["x", "--out", str(tmp_path / "no" / "a.png")])
