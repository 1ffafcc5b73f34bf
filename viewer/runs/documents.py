"""Small JSON files of a run that are replaced as a whole: read again only when they changed; damage is never
fatal.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from core_model.schema.frozen import Frozen

M = TypeVar("M", bound=Frozen)
SIZE_LIMIT = 16 << 20


class JsonFile:
    """Newest readable object of one file; the last good one stays while the file is damaged or missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.value: dict[str, Any] | None = None
        self.changed = 0.0
        self._seen: tuple[int, int, int] | None = None

    def refresh(self) -> bool:
        """True where another object was read."""
        try:
            status = os.stat(self.path)
            mark = (status.st_ino, status.st_size, status.st_mtime_ns)
            if mark == self._seen or status.st_size > SIZE_LIMIT or not os.path.isfile(self.path):
                return False
            found = from_json(self.path.read_bytes())
        except (OSError, ValueError):
            return False  # torn: look again next time
        self._seen, self.changed = mark, status.st_mtime
        if not isinstance(found, dict) or found == self.value:
            return False
        self.value = found
        return True


def lenient(model: type[M], value: dict[str, Any]) -> M | None:
    """`value` as a record, without fields that this version does not know or cannot read; None if too little
    is left.
    """
    kept = {k: v for k, v in value.items() if k in model.model_fields}
    for _ in range(len(kept) + 1):
        try:
            return model.model_validate(kept)
        except ValidationError as error:
            wrong = {
                str(e["loc"][0]) for e in error.errors(include_url=False, include_input=False) if e["loc"]
            }
            if not wrong & set(kept):
                return None
            kept = {k: v for k, v in kept.items() if k not in wrong}
    return None
