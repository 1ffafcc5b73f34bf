"""Values of an answer ⇄ JSON, without a loss: tuples stay tuples, and a `BakedSpec` stays one."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from core_model.schema.baked import BakedSpec
from viewer.wire.faults import WireError

MODELS: dict[str, type[BaseModel]] = {"BakedSpec": BakedSpec}
MAX_DEPTH = 12
_TUPLE, _MODEL = "$tuple", "$model"


def as_json(value: Any) -> Any:
    """What json can hold; raises TypeError for a value of another kind."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, BaseModel) and type(value).__name__ in MODELS:
        return {_MODEL: type(value).__name__, "fields": value.model_dump(mode="json")}
    if isinstance(value, tuple):
        return {_TUPLE: [as_json(v) for v in value]}
    if isinstance(value, list):
        return [as_json(v) for v in value]
    if isinstance(value, dict):
        return {str(name): as_json(v) for name, v in value.items()}
    raise TypeError(f"no place in an answer for {type(value).__name__}")


def from_json(value: Any, depth: int = 0) -> Any:
    """The value again; raises WireError."""
    if depth > MAX_DEPTH:
        raise WireError("an answer that is nested too deep")
    if isinstance(value, list):
        return [from_json(v, depth + 1) for v in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_TUPLE} and isinstance(value[_TUPLE], list):
        return tuple(from_json(v, depth + 1) for v in value[_TUPLE])
    if set(value) == {_MODEL, "fields"}:
        model = MODELS.get(str(value[_MODEL]))
        try:
            if model is not None:
                return model.model_validate(value["fields"])
        except ValidationError:
            pass
        raise WireError(f"an answer with a wrong {str(value[_MODEL])[:40]}")
    return {name: from_json(v, depth + 1) for name, v in value.items()}
