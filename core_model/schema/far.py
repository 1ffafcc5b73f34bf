"""What is known on both sides of the line to a far machine: which commands run there, and how a file of this one is named."""

from __future__ import annotations

from typing import Literal, get_args

FarCommand = Literal[
    "render", "orbit", "sheet", "film", "bake", "mesh", "inspect", "info", "metrics", "train"
]
"""Commands with `--worker`; of `train` only its forecast (`--dry-run`), whose run would end with the line."""
FAR_COMMANDS: tuple[str, ...] = get_args(FarCommand)

LOCAL = "local:"
"""Stands before the path of a file of this machine where paths are the far machine's."""
