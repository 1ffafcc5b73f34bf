"""`--request`: a stored view as the start of a command, with every other option overriding it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import ValidationError
from tyro.conf import arg

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.export import OPTIONS, merged
from core_model.schema.home import expanded
from core_model.schema.record import RenderRecord
from core_model.schema.record_file import read_provenance
from core_model.schema.record_text import JSON_LIMIT
from core_model.schema.render import RenderRequest

RequestArgument = Annotated[str | None, arg(metavar="R.json", help_behavior_hint="")]
"""A RenderRequest or RenderRecord: JSON itself, a file of it, or a file that triscope wrote. Other options
override it."""


@dataclass(frozen=True)
class StoredView:
    """values: of the request, perhaps only some. record: the whole record, where there is one."""

    values: dict[str, Any] = field(default_factory=dict)
    record: RenderRecord | None = None

    @property
    def checkpoint(self) -> str:
        found = self.values.get("checkpoint", "")
        return found if isinstance(found, str) else ""


def stored_view(text: str | None) -> StoredView | None:
    """What `--request` names; None without it. Raises InputError."""
    if text is None:
        return None
    if text.lstrip().startswith("{"):
        return _view_of(_parsed(text, "--request"), "--request")
    path = expanded(text)
    if path.suffix.lower() in (".json", "") and path.is_file():
        if path.stat().st_size > JSON_LIMIT:
            raise InputError(
                what="request is too long",
                where=f"--request {path}",
                expected=f"at most {JSON_LIMIT >> 20} MiB",
            )
        return _view_of(
            _parsed(path.read_text(encoding="utf-8", errors="replace"), f"--request {path}"),
            f"--request {path}",
        )
    record = read_provenance(path)
    return StoredView(json.loads(record.request.model_dump_json()), record)


def checkpoint_of(named: str, view: StoredView | None, command: str) -> str:
    """The checkpoint of the command line, else that of the stored view.

    Raises InputError where there is neither.
    """
    found = named or (view.checkpoint if view is not None else "")
    if not found:
        raise InputError(
            what=f"{command}: no checkpoint", expected=f"triscope {command} CHECKPOINT --out FILE"
        )
    return found


def given_options(args: Sequence[str]) -> frozenset[str]:
    """Names of the options on a command line as in `OPTIONS`.

    `--no-adaptive`, `--psi=1`, `--noise_seed` are adaptive, psi, noise-seed.
    """
    found = set()
    for word in args:
        if word.startswith("--") and len(word) > 2:
            name = word[2:].partition("=")[0].replace("_", "-")
            found.add(name.removeprefix("no-") if name not in OPTIONS else name)
    return frozenset(found)


def request_from(
    view: StoredView | None, given: frozenset[str], flagged: RenderRequest, plain: RenderRequest
) -> RenderRequest:
    """The stored view over `plain`, and over both what the options `given` say in `flagged`.

    plain: no options at all. flagged: all options.
    """
    if view is None:
        return flagged
    stored = view.values
    if (
        isinstance(stored.get("camera"), dict) and "pivot" in stored["camera"]
    ):  # written before there were other centres: it is the pivot
        stored = stored | {"camera": {"centre": None} | stored["camera"]}
    values = merged(json.loads(plain.model_dump_json()), stored) | {"checkpoint": flagged.checkpoint}
    asked: dict[str, Any] = json.loads(flagged.model_dump_json())
    for option, path in OPTIONS.items():
        if option in given or (option == "channels" and "channel" in given):
            _override(values, asked, option, path)
    try:
        return RenderRequest.model_validate(values)
    except ValidationError as error:
        first = first_complaint(error)
        raise InputError(what=f"bad request, {first.line}", where="--request", got=first.got) from None


def check_sha(view: StoredView | None, info: CheckpointInfo) -> None:
    """Warn on stderr where the checkpoint is not the one that the record was made with."""
    known = view.record.checkpoint_sha256 if view is not None and view.record is not None else ""
    if known and info.sha256 and known != info.sha256:
        print(f"note: {info.path} is not the checkpoint of the record (another SHA-256)", file=sys.stderr)


def _override(values: dict[str, Any], asked: dict[str, Any], option: str, path: str) -> None:
    *branches, leaf = path.split(".")
    to, source = values, asked
    for name in branches:
        to, source = to[name], source[name]
        if name == "camera" and to.get("kind") != source.get("kind"):
            raise InputError(
                what=f"--{option} cannot change a fixed camera matrix",
                expected="--label, or an orbit camera in --request",
            )
    to[leaf] = source[leaf]
    if option in ("seed", "z"):
        values["latent"]["w"] = None
        values["latent"]["z"] = asked["latent"]["z"]
    elif option in ("sampler", "spp"):
        values["sampler"]["low_budget"] = values["sampler"]["high_budget"] = None
    elif option == "pivot":
        values["camera"]["centre"] = asked["camera"]["centre"]
    elif option == "size":
        values["height"] = asked["height"]


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            what="cannot read the request", where=where, expected="JSON", got=str(error)
        ) from None
    if not isinstance(document, dict):
        raise InputError(
            what="cannot read the request", where=where, expected="a JSON object", got=type(document).__name__
        )
    return document


def _view_of(document: dict[str, Any], where: str) -> StoredView:
    """A record, a file's `provenance`, or a request (perhaps only a part of one)."""
    inner = document.get("provenance", document)
    if isinstance(inner, dict) and isinstance(inner.get("request"), dict):
        try:
            record = RenderRecord.model_validate(inner)
        except ValidationError as error:
            raise InputError(what=f"bad record, {first_complaint(error).line}", where=where) from None
        return StoredView(json.loads(record.request.model_dump_json()), record)
    unknown = [key for key in document if key not in RenderRequest.model_fields]
    if unknown:
        expected = f"fields of a RenderRequest ({', '.join(RenderRequest.model_fields)})"
        raise InputError(what="unknown field of the request", where=where, expected=expected, got=unknown[0])
    return StoredView(document)
