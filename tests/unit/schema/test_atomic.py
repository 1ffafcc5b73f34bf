"""Failed writes: the file is named, the reason is in words, the old file is whole, whatever library wrote."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core_model.schema.atomic import (
    atomic_path,
    check_folder,
    made_folder,
    naming,
    not_written,
    replacing,
    write_atomic,
    write_json,
)
from core_model.schema.errors import InputError

FULL = os.strerror(errno.ENOSPC)


def raised_by(error: Exception, path: Path) -> OSError:
    with pytest.raises(OSError) as caught, replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise error
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL),
        RuntimeError(f'Failed to write pixel data to image file ".a.part". {FULL}.'),  # OpenEXR
        pytest.param(
            Exception(f"Error while serializing: I/O error: {FULL} (os error {errno.ENOSPC})"),  # safetensors
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows numbers its errors otherwise"),
        ),
    ],
)
def test_a_full_disk_is_named_with_its_file(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "ä b.json"
    path.write_bytes(b"old")
    found = raised_by(error, path)
    assert found.errno == errno.ENOSPC and found.filename == str(path) and found.__cause__ is error
    assert not_written(found) == f"cannot write {path}: the disk is full ({FULL})"
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [(path.name, b"old")]


def test_a_hidden_name_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "a.json"
    for write in (lambda: write_atomic(path, b"x"), lambda: write_json(path, {})):
        with pytest.raises(FileNotFoundError) as caught:
            write()
        assert caught.value.filename == str(path)


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, naming(tmp_path / "a"):
        open(tmp_path / "another")  # noqa: SIM115
    assert caught.value.filename == str(tmp_path / "another")
    with pytest.raises(ValueError, match="of its own"), naming(tmp_path / "a"):
        raise ValueError("a mistake of its own")
    with pytest.raises(BrokenPipeError) as pipe, naming(tmp_path / "a"):
        raise BrokenPipeError(errno.EPIPE, "no reader")
    assert pipe.value.filename is None


def test_where_a_person_named_the_file_it_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(InputError) as caught, atomic_path(path):
        raise OSError(errno.ENOSPC, FULL)
    assert str(caught.value) == f"cannot write in {path}: got the disk is full ({FULL})"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize("narrow", [True, False])
def test_whoever_may_read_a_new_file_may_read_ours(tmp_path: Path, narrow: bool) -> None:
    """safetensors makes its files for the owner alone: a group shares runs and checkpoints."""
    plain, path = tmp_path / "plain", tmp_path / "ours"
    plain.touch()
    with replacing(path) as temporary:
        temporary.write_bytes(b"new")
        temporary.chmod(0o600 if narrow else 0o777)
    assert path.stat().st_mode == plain.stat().st_mode
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ours", "plain"]


def test_a_folder_for_results_is_made_or_refused(tmp_path: Path) -> None:
    made = made_folder(tmp_path / "a" / "b", "--out")
    assert made.is_dir() and made_folder(made, "--out") == made and not list(made.iterdir())
    check_folder(tmp_path / "c" / "d", "--out")
    check_folder(made, "--out")
    assert made.is_dir() and not (tmp_path / "c").exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="--out: expected a folder, got a file"):
        made_folder(tmp_path / "file", "--out")
    with pytest.raises(InputError, match="--out: expected a folder that can be written to"):
        made_folder(tmp_path / "file" / "b", "--out")
