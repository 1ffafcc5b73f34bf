"""The session that is written down while one works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core_model.schema.latent import LatentSpec
from viewer.shell.autosave import Autosave
from viewer.state.document import Document


def test_a_clean_end_is_kept_as_the_last_session(tmp_path: Path) -> None:
    first = Autosave(tmp_path)
    assert first.found is None
    doc = Document(checkpoint="demo").replace(latent=LatentSpec.of_seed(5))
    first.keep(doc, 10.0)
    first.keep(doc.replace(latent=LatentSpec.of_seed(6)), 11.0)
    assert first.flush()
    assert (
        json.loads((tmp_path / "sessions" / f"{os.getpid()}.json").read_text())["document"]["latent"][
            "seeds"
        ][0]["seed"]
        == 5
    )
    first.close(doc.replace(latent=LatentSpec.of_seed(8)))
    found = Autosave(tmp_path).found
    assert found is not None and not found.crashed and found.document.latent == LatentSpec.of_seed(8)


def test_a_killed_window_leaves_its_view(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from viewer.shell.autosave import Autosave;"
        "from viewer.state.document import Document;"
        "kept = Autosave(Path(sys.argv[1])); kept.keep(Document(checkpoint='demo'), 10.0); kept.flush();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    (tmp_path / "sessions" / "999999999.json").write_text("{ torn")
    found = Autosave(tmp_path).found
    assert found is not None and found.crashed and found.document.checkpoint == "demo"
    assert Autosave(tmp_path).found is None, "it is offered once"


def test_the_window_never_waits_for_the_disk_and_the_last_state_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go = threading.Event(), threading.Event()
    real = os.fsync

    def slow(handle: int) -> None:
        entered.set()
        assert go.wait(20)
        real(handle)

    monkeypatch.setattr(os, "fsync", slow)
    kept = Autosave(tmp_path)
    for seed in range(3):  # the second waits behind the first, the third takes its place
        kept.keep(Document(checkpoint="demo").replace(latent=LatentSpec.of_seed(seed)), 10.0 * seed)
        assert entered.wait(20)
    assert not kept.flush(0.01) and not list((tmp_path / "sessions").glob("*.json")), (
        "nothing half written has the file's name"
    )
    go.set()
    assert kept.flush()
    assert json.loads(kept._path.read_text())["document"]["latent"]["seeds"][0]["seed"] == 2
    kept.close(Document(checkpoint="demo").replace(latent=LatentSpec.of_seed(9)))
    found = Autosave(tmp_path).found
    assert found is not None and not found.crashed and found.document.latent == LatentSpec.of_seed(9)
    assert not [t for t in threading.enumerate() if t.name == "autosave"]


def test_a_disk_that_refuses_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, doc = Autosave(tmp_path), Document(checkpoint="demo")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        kept.keep(doc, 10.0)
        assert kept.flush() and not kept._path.exists()
    kept.keep(doc, 13.0)
    assert kept.flush() and kept._path.exists()
    kept.close(doc)
