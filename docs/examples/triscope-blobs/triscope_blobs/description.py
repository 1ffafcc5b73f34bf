"""What triscope knows of a checkpoint of blobs without building it; imported by every start, so no torch here."""

from __future__ import annotations

from typing import Any

from core_model.families.description import Description, FamilyPlugin, Sizes
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError


def count_of(header: CheckpointHeader, where: str) -> int:
    """How many blobs a header promises; raises InputError for none."""
    count = header.config.get("count")
    if not isinstance(count, int) or not 1 <= count <= 10_000:
        raise InputError(what="wrong number of blobs", where=where, expected="1 … 10000", got=repr(count))
    return count


def describe(header: CheckpointHeader, where: str) -> Sizes:
    """What `triscope info` and the window show."""
    return Sizes(title=f"{count_of(header, where)} blobs", image_size=256, is_sdf=True)


def _spec() -> Any:
    from triscope_blobs.model import SPEC

    return SPEC


FAMILY = FamilyPlugin(Description("blobs", describe), _spec)
