"""Small JSON files of a run that are replaced as a whole: read again only when they changed; damage is never
fatal.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from core_model.schema.frozen import Frozen
from viewer.runs.source import HERE, FileMark, RunSource, whole

M = TypeVar("M", bound=Frozen)
SIZE_LIMIT = 16 << 20


class JsonFile:
    """Newest readable object of one file; the last good one stays while the file is damaged or missing."""

    def __init__(self, path: PurePath, source: RunSource = HERE) -> None:
        self.path, self._source = path, source
        self.value: dict[str, Any] | None = None
        self.changed = 0.0
        self._seen: FileMark | None = None

    def refresh(self) -> bool:
        """True where another object was read."""
        try:
            mark = self._source.stat(self.path)
            if mark == self._seen or mark.size > SIZE_LIMIT:
                return False
            found = from_json(whole(self._source, self.path, SIZE_LIMIT)[1])
        except (OSError, ValueError):
            return False  # torn: look again next time
        self._seen, self.changed = mark, mark.changed
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
