"""The one base of every record that crosses a module or a process."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable, hashable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    def replace(self, **changes: object) -> Self:
        """A validated copy with some fields changed (unlike `model_copy`, the new values are checked)."""
        data = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**data, **changes})
