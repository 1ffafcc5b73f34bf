"""`python scripts/convert_faces.py PACKAGE.tgz`: assets/faces/faces.safetensors of MediaPipe's face networks.

PACKAGE.tgz is npm's `@mediapipe/face_mesh` 0.4.1657299874 (Apache-2.0). Out of its packed file come two TensorFlow Lite networks
(FlatBuffers) and the canonical face (protocol buffer); they are read as data here, nothing is executed. Weights stay the 16-bit
numbers that they are; each network becomes a list of steps in the file's metadata, which core_model/data/faces/network.py walks.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import tarfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save

PACKED = "package/face_mesh_solution_packed_assets.data"
SHA256 = "dbe5905c582c0462cdaea17e7e6ecea92edaa8cccc515c5e2e7291f2cbb5fb99"
LANDMARKS, GEOMETRY, DETECTOR = (2495952, 3737848), (3737848, 3757224), (3757224, 3986256)
"""Where the parts lie in the packed file, as the package's loader script says."""
OUT = Path(__file__).resolve().parent.parent / "assets" / "faces" / "faces.safetensors"
ADD, CONCATENATE, CONV, DEPTHWISE, DEQUANTIZE, MAX_POOL, RELU, RESHAPE, PAD, PRELU = (
    0, 2, 3, 4, 6, 17, 19, 22, 34, 54,
)  # fmt: skip
"""TensorFlow Lite's numbers of the operators that occur."""
DTYPES = {0: "<f4", 1: "<f2", 2: "<i4"}


class Table:
    """One FlatBuffers table: fields by their number."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self.fields = at - struct.unpack_from("<i", data, at)[0]
        self.size = struct.unpack_from("<H", data, self.fields)[0]

    def _offset(self, field: int) -> int:
        place = 4 + 2 * field
        return struct.unpack_from("<H", self.data, self.fields + place)[0] if place < self.size else 0

    def number(self, field: int, form: str) -> int:
        offset = self._offset(field)
        return struct.unpack_from("<" + form, self.data, self.at + offset)[0] if offset else 0

    def _reference(self, field: int) -> int:
        offset = self._offset(field)
        place = self.at + offset
        return place + struct.unpack_from("<I", self.data, place)[0] if offset else 0

    def table(self, field: int) -> Table:
        return Table(self.data, self._reference(field))

    def numbers(self, field: int, form: str) -> tuple[int, ...]:
        place = self._reference(field)
        if not place:
            return ()
        count = struct.unpack_from("<I", self.data, place)[0]
        return struct.unpack_from(f"<{count}{form}", self.data, place + 4)

    def tables(self, field: int) -> list[Table]:
        place = self._reference(field)
        count = struct.unpack_from("<I", self.data, place)[0]
        slots = [place + 4 + 4 * k for k in range(count)]
        return [Table(self.data, slot + struct.unpack_from("<I", self.data, slot)[0]) for slot in slots]


def network(data: bytes, name: str) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """(steps, weights) of a TensorFlow Lite file with one graph."""
    assert data[4:8] == b"TFL3"
    model = Table(data, struct.unpack_from("<I", data, 0)[0])
    codes = [max(code.number(0, "b"), code.number(3, "i")) for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)
    constants: dict[int, np.ndarray] = {}
    for index, tensor in enumerate(tensors):
        raw = bytes(buffers[tensor.number(2, "I")].numbers(0, "B"))
        if raw:
            constants[index] = np.frombuffer(raw, DTYPES[tensor.number(1, "b")]).reshape(
                tensor.numbers(0, "i")
            )
    weights: dict[str, np.ndarray] = {}
    steps: list[dict[str, object]] = []

    def weight(index: int) -> str:
        key = f"{name}.{index}"
        weights[key] = constants[index]
        return key

    for op in graph.tables(3):
        code, ins, out = codes[op.number(0, "I")], op.numbers(1, "i"), op.numbers(2, "i")[0]
        step: dict[str, object] = {"in": [ins[0]], "out": out}
        if code == DEQUANTIZE:
            constants[out] = constants[ins[0]]
            continue
        if code in (CONV, DEPTHWISE):
            options = op.table(4)
            assert options.number(1, "i") == options.number(2, "i")
            assert options.number(3 if code == CONV else 4, "b") == 0, "no activation inside"
            step |= {"op": "conv" if code == CONV else "depthwise", "stride": options.number(1, "i")}
            step |= {"same": options.number(0, "b") == 0, "w": weight(ins[1]), "b": weight(ins[2])}
        elif code == PRELU:
            step |= {"op": "prelu", "w": weight(ins[1])}
        elif code == RELU:
            step |= {"op": "relu"}
        elif code in (ADD, CONCATENATE):
            step |= {"op": "add" if code == ADD else "join", "in": list(ins)}
        elif code == MAX_POOL:
            options = op.table(4)
            assert [options.number(k, "i") for k in (1, 2, 3, 4)] == [2, 2, 2, 2]
            step |= {"op": "halve"}
        elif code == PAD:
            edges = constants[ins[1]]
            assert not edges[:3].any() and edges[3, 0] == 0, "of channels only"
            step |= {"op": "widen", "by": int(edges[3, 1])}
        elif code == RESHAPE:
            step |= {"op": "rows", "width": int(tensors[out].numbers(0, "i")[-1])}
        else:
            raise ValueError(f"operator {code}")
        steps.append(step)
    return {"input": graph.numbers(1, "i")[0], "outputs": graph.numbers(2, "i"), "steps": steps}, weights


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at


def message(data: bytes) -> list[tuple[int, object]]:
    """(field, value) of a protocol buffer: whole numbers, 32-bit floats, bytes."""
    fields, at = [], 0
    while at < len(data):
        key, at = varint(data, at)
        value: object
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        else:
            assert key & 7 == 2
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        fields.append((key >> 3, value))
    return fields


def canonical_face(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """(places [468, 3] in centimetres, +x to the subject's left, +y up, +z out of the face; weights [468] of a rigid fit)."""
    parts = message(data)
    mesh = next(v for f, v in parts if f == 1)
    assert isinstance(mesh, bytes)
    vertices = np.array([v for f, v in message(mesh) if f == 3], np.float32).reshape(-1, 5)
    weights = np.zeros(len(vertices), np.float32)
    for field, value in parts:
        if field == 2 and isinstance(value, bytes):
            entry = dict(message(value))
            weights[int(entry.get(1, 0))] = entry[2]  # type: ignore[call-overload]
    return vertices[:, :3], weights


def main(package: str) -> None:
    with tarfile.open(package) as archive:
        member = archive.extractfile(PACKED)
        assert member is not None
        data = member.read()
    assert hashlib.sha256(data).hexdigest() == SHA256, "another version of the package"
    detector, weights = network(data[slice(*DETECTOR)], "detector")
    landmarks, more = network(data[slice(*LANDMARKS)], "landmarks")
    places, rigid = canonical_face(data[slice(*GEOMETRY)])
    tensors = weights | more | {"canonical": places, "rigid": rigid}
    whole = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    graphs = {"detector": detector, "landmarks": landmarks}
    OUT.write_bytes(save(whole, {"networks": json.dumps(graphs, separators=(",", ":"))}))
    print(f"{OUT}: {OUT.stat().st_size / 2**20:.2f} MiB, {hashlib.sha256(OUT.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main(sys.argv[1])
