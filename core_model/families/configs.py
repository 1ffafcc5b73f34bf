"""Validation of the config that a checkpoint's header carries, the same for every imported family."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen

C = TypeVar("C", bound=Frozen)


def read_config(kind: type[C], header: CheckpointHeader, where: str) -> C:
    """The header's config as `kind`; raises InputError naming the first wrong field."""
    try:
        return kind.model_validate(header.config)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(x) for x in first["loc"]) or "config"
        raise InputError(
            what=f"wrong network description, field {field!r}", where=where, expected=first["msg"], got=repr(first.get("input"))[:80]
        ) from None
