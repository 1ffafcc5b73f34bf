"""Names outside the allow-list are refused by name, wherever in the stream they stand."""

from __future__ import annotations

import pickle

import pytest
import torch

from core_model.checkpoints.importing import import_bytes
from core_model.schema.errors import InputError
from tests.unit.checkpoints.importing import streams as s
from tests.unit.checkpoints.importing.foreign import storage_blob

FORBIDDEN = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("subprocess", "check_output"),
    ("builtins", "eval"), ("builtins", "exec"), ("builtins", "getattr"), ("builtins", "__import__"),
    ("builtins", "open"), ("builtins", "compile"), ("builtins", "type"), ("builtins", "object"),
    ("__builtin__", "eval"), ("__builtin__", "apply"), ("ctypes", "CDLL"), ("socket", "create_connection"),
    ("importlib", "import_module"), ("pickle", "loads"), ("marshal", "loads"), ("types", "FunctionType"),
    ("operator", "attrgetter"), ("functools", "partial"), ("copyreg", "_reconstructor"), ("pathlib", "Path"),
    ("torch", "load"), ("torch.hub", "load"), ("torch.serialization", "load"), ("torch.jit", "load"),
    ("torch.storage", "_load_from_bytes.__globals__"), ("torch._utils", "_rebuild_sparse_tensor"),
    ("torch.utils.cpp_extension", "load_inline"), ("numpy", "load"), ("numpy", "fromfile"), ("numpy.core.multiarray", "add_docstring"),
    ("numpy.testing._private.utils", "runstring"), ("dnnlib", "util.os.system"), ("dnnlib.util", "os.system"),
    ("training.triplane", "OSGDecoder.__init__.__globals__"), ("training.x", "two words"), ("training..x", "A"),
    ("training.\x1b[31mred", "A"), ("training.a\nb", "A"), ("", ""), ("training.triplane", ""), ("torch_utils", "x"),
    ("_codecs", "decode"), ("collections", "deque"), ("runpy", "run_path"), ("pty", "spawn"), ("code", "interact"),
    ("webbrowser", "open"), ("urllib.request", "urlopen"), ("asyncio", "run"), ("sys", "exit"), ("_io", "FileIO"),
]  # fmt: skip


# Every global that was seen in files of the three programs, or is plausible in those of other versions.
SEEN = {
    "torch_utils.persistence": "_reconstruct_persistent_obj", "src.torch_utils.persistence": "_reconstruct_persistent_obj",
    "dnnlib.util": "EasyDict", "src.dnnlib.util": "EasyDict", "collections": "OrderedDict defaultdict",
    "torch._utils": "_rebuild_tensor_v2 _rebuild_parameter _rebuild_parameter_with_state", "torch.storage": "_load_from_bytes",
    "torch._tensor": "_rebuild_from_type_v2", "torch": "Size device float32", "numpy": "dtype ndarray",
    "numpy.core.multiarray": "scalar _reconstruct", "numpy._core.multiarray": "scalar _reconstruct",
    "torch.nn.modules.container": "Sequential ModuleList", "torch.nn.modules.activation": "Softplus Tanh Sigmoid",
    "torch.nn.modules.sparse": "Embedding", "torch.nn.modules.linear": "Identity", "training.triplane": "OSGDecoder",
    "training.volumetric_rendering.renderer": "ImportanceRenderer", "training.volumetric_rendering.ray_marcher": "MipRayMarcher2",
    "training.volumetric_rendering.ray_sampler": "RaySampler", "omegaconf.dictconfig": "DictConfig", "omegaconf.listconfig": "ListConfig",
    "omegaconf.nodes": "AnyNode StringNode", "omegaconf.base": "ContainerMetadata Metadata SCMode", "typing": "Any",
    "builtins": "dict list int float str bool set", "__builtin__": "dict list int set", "torch.optim.adam": "Adam",
}  # fmt: skip


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in SEEN.items() for n in names.split()])
def test_allowed_names(module: str, name: str) -> None:
    assert "no network" in refusal(s.START + s.named(module, name) + s.POP + s.NONE + s.STOP)
    assert "no network" in refusal(b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"0N.")


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        import_bytes(data, "hostile.pkl")
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and len(message) < 400
    return message


@pytest.mark.parametrize(("module", "name"), FORBIDDEN)
def test_forbidden_names(module: str, name: str) -> None:
    call = s.called(module, name, s.text("echo run"))
    for data in (
        s.START + call + s.STOP,
        s.START + s.named(module, name) + s.POP + s.NONE + s.STOP,
        s.file_of(s.module(), D=call),
        s.file_of(s.module(hook=s.named(module, name) + s.EMPTY_TUPLE + s.NEWOBJ)),
    ):
        message = refusal(data)
        assert "allow-list" in message and "nothing was run" in message
        assert ascii(f"{module}.{name}") in message
    if "\n" not in module + name and (module + name).isascii():
        old = b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")R."
        assert "nothing was run" in refusal(old)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_objects_that_run_something_when_loaded(protocol: int) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, ("raise SystemExit",)

    assert "exec" in refusal(pickle.dumps({"G_ema": Runs()}, protocol))
    assert "exec" in refusal(pickle.dumps({"D": [Runs()], "G_ema": None}, protocol))


def test_names_inside_storages() -> None:
    blob = storage_blob(torch.zeros(2), kind=print)
    data = s.file_of(
        s.module(_parameters=s.table(w=s.tensor(blob, s.sequence(s.number(2)), s.sequence(s.number(1)))))
    )
    assert "builtins.print" in refusal(data) or "print" in refusal(data)
    for system in (eval, torch.load):
        blob = storage_blob(torch.zeros(2), system={"protocol_version": system})
        data = s.file_of(s.module(x=s.called("torch.storage", "_load_from_bytes", s.raw_bytes(blob))))
        assert "allow-list" in refusal(data)


@pytest.mark.parametrize(
    ("opcodes", "said"),
    [
        (b"(ios\nsystem\n", "INST"), (b"(cos\nsystem\no", "os.system"), (b"(No", "OBJ"), (b"\x82\x01", "EXT1"),
        (b"\x83\x01\x00", "EXT2"), (b"\x84\x01\x00\x00\x00", "EXT4"), (b"\x97", "NEXT_BUFFER"), (b"N\x98", "READONLY_BUFFER"),
        (b"Pkey\n", "persistent"), (b"X\x01\x00\x00\x00kQ", "persistent"), (b"\xff", "0xff"), (b"S'a'\n", "STRING"),
    ],
)  # fmt: skip
def test_opcodes_that_are_not_for_data(opcodes: bytes, said: str) -> None:
    assert said in refusal(s.START + opcodes + s.STOP)


def test_calls_of_values_and_states_of_values() -> None:
    assert "allowed name" in refusal(
        s.START + s.text("os.system") + s.sequence(s.text("ls")) + s.REDUCE + s.STOP
    )
    assert "known class" in refusal(s.START + s.items() + s.table(a=s.NONE) + s.BUILD + s.STOP)
    assert "known class" in refusal(
        s.START + s.named("training.x", "A") + s.table(a=s.NONE) + s.BUILD + s.STOP
    )
    assert "tuple of arguments" in refusal(s.START + s.named("training.x", "A") + s.NONE + s.REDUCE + s.STOP)
    wrapped = s.called(
        "torch._tensor", "_rebuild_from_type_v2", s.named("training.x", "run"), s.NONE, s.sequence()
    )
    assert "rebuilds tensors" in refusal(s.START + wrapped + s.STOP)


@pytest.mark.parametrize("code", ["O", "O8", "V8", "M8", "i4,O", "(2,)f8", "f8\n", "object", ""])
def test_numpy_objects(code: str) -> None:
    assert "dtype" in refusal(s.START + s.called("numpy", "dtype", s.text(code), b"\x89", b"\x88") + s.STOP)


def test_numpy_arrays_of_objects() -> None:
    dtype = s.called("numpy", "dtype", s.text("f8"), b"\x89", b"\x88")
    state = s.sequence(s.text("|"), s.NONE)
    array = s.called(
        "numpy.core.multiarray", "_reconstruct", s.named("numpy", "ndarray"), s.sequence(), s.raw_bytes(b"b")
    )
    listed = s.sequence(s.number(1), s.sequence(s.number(1)), dtype, b"\x89", s.items(s.NONE))
    assert "objects" in refusal(s.START + array + listed + s.BUILD + s.STOP)
    assert "dtype" in refusal(s.START + dtype + state + s.BUILD + s.STOP)
    fields = s.sequence(
        s.number(3),
        s.text("|"),
        s.NONE,
        s.sequence(s.text("a")),
        s.NONE,
        s.number(-1),
        s.number(-1),
        s.number(0),
    )
    assert "objects" in refusal(s.START + dtype + fields + s.BUILD + s.STOP)
    scalar = s.called("numpy._core.multiarray", "scalar", dtype, s.raw_bytes(b"abc"))
    assert "8 bytes" in refusal(s.START + scalar + s.STOP)
