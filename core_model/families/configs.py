"""Validation of the config that a checkpoint's header carries, the same for every imported family."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import ValidationError

from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen

C = TypeVar("C", bound=Frozen)


@contextmanager
def config_errors(where: str) -> Iterator[None]:
    """Turns errors about a config, and about the records and shapes that it is read from, into an InputError."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(x) for x in first["loc"]) or "config"
        raise InputError(
            what=f"wrong network description, field {field!r}",
            where=where,
            expected=first["msg"],
            got=repr(first.get("input"))[:80],
        ) from None
    except (TypeError, ValueError, IndexError, KeyError, ZeroDivisionError, OverflowError) as error:
        raise InputError(
            what="cannot read the network's records",
            where=where,
            expected="the shapes and keywords of its program",
            got=str(error)[:120],
        ) from None


def read_config(kind: type[C], header: CheckpointHeader, where: str) -> C:
    """The header's config as `kind`; raises InputError naming the first wrong field."""
    with config_errors(where):
        config = kind.model_validate(header.config)
    return config
