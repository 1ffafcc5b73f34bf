"""A home that nobody knows, and names of users that there are not: no path of a field may end the window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core_model.schema.home import expanded, home, start_folder

NOBODY = "~no-such-user/x"


def test_what_a_hand_types_on_its_way_to_a_name_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError):
        Path(NOBODY).expanduser()
    assert expanded(NOBODY) == Path(NOBODY)
    monkeypatch.setenv("HOME", str(Path.cwd()))
    monkeypatch.setenv("USERPROFILE", str(Path.cwd()))
    own = "~" + "/x"
    assert expanded(own) == Path.cwd() / "x" == expanded(Path(own))
    assert expanded("") == Path()


def test_without_a_home_it_is_the_topmost_folder_and_files_are_looked_for_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", unknown)
    assert home() == Path(tmp_path.anchor) == start_folder()
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "gone")
    assert home() == tmp_path / "gone" and start_folder() == tmp_path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="users are numbers there")
@pytest.mark.parametrize("words", [("doctor", "--json"), ("info", NOBODY)])
def test_a_user_who_is_only_a_number_gets_answers(words: tuple[str, ...], tmp_path: Path) -> None:
    """As in containers of clusters: no HOME, no entry in the list of users. One that is root here is given such a number."""
    unknown = ("HOME", "TRISCOPE_CONFIG_DIR", "XDG_CONFIG_HOME")
    env = {k: v for k, v in os.environ.items() if k not in unknown}
    apart = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("no user namespace may be made here")
    line = [*apart, sys.executable, "-m", "core_model.cli.main", *words]
    done = subprocess.run(
        line, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", errors="replace", timeout=100
    )
    assert "RuntimeError" not in done.stderr and "failed" not in done.stderr, done.stderr
    # 1: it says that no window can start, without a display
    assert done.returncode in ((2,) if NOBODY in words else (0, 1)), done.stderr
