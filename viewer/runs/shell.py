"""A command as a line for the shell of this machine: what is copied from the window works when it is pasted."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence

MAIN = "core_model.cli.main"
"""Module of the command `triscope`."""
_CMD_SPECIAL = frozenset('&|<>^()%!,;= \t"')


def shell_join(words: Sequence[str], windows: bool = os.name == "nt") -> str:
    """Words quoted for sh, or for cmd.exe."""
    return " ".join(map(_for_cmd, words)) if windows else shlex.join(words)


def shell_line(words: Sequence[str], cwd: str = "", windows: bool = os.name == "nt") -> str:
    """The same from any folder: where the command was started in `cwd`, the line goes there first."""
    line = shell_join(words, windows)
    if not cwd or not line:
        return line
    return f"cd /d {shell_join([cwd], windows)} && {line}" if windows else f"cd {shell_join([cwd], windows)} && {line}"


def _for_cmd(word: str) -> str:
    """As the C library of Windows takes it apart; also quoted where only cmd.exe would need it. A % stays what cmd.exe makes of it."""
    plain = subprocess.list2cmdline([word])
    return f'"{plain}"' if plain == word and _CMD_SPECIAL & set(word) else plain
