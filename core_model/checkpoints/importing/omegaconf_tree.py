"""omegaconf's configuration trees as EpiGRAF pickles them, read without omegaconf.

A DictConfig record has `_metadata`, `_parent` and `_content` (dict of nodes, or text: an interpolation), a
ListConfig the same with a list, a value node has `_val`. `${a.b}` is looked up from the root, which the
`_parent` chain reaches. Only plain dotted paths are followed; resolvers such as `${oc.env:HOME}` stay the
text that they are.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from core_model.checkpoints.importing.records import Record
from core_model.checkpoints.importing.refusal import Refusal, shown
from core_model.schema.whole import whole

_PATH = re.compile(r"\$\{([A-Za-z_][\w.\-]*)\}", re.ASCII)
MAX_PARENTS = 64
MAX_TEXT = 64 << 10


class Copier(Protocol):
    """What makes plain data of the values in a node, and counts the work: `plain.Plain`."""

    def value(self, value: object) -> Any: ...
    def charge(self, steps: int, letters: int) -> None: ...


def is_node(value: object) -> bool:
    """Whether `value` is a record of omegaconf that holds something."""
    if not isinstance(value, Record) or not value.module.startswith("omegaconf."):
        return False
    return "_content" in value.state or "_val" in value.state


def plain_node(node: Any, plain: Copier) -> Any:
    """The node as plain data, with interpolations resolved; `plain` counts and guards."""
    content = node.state.get("_content", node.state.get("_val"))
    if isinstance(content, str):
        return _text(content, node, plain)
    return plain.value(content)


def root_of(node: Record) -> Record:
    """The configuration that has no parent."""
    for _ in range(MAX_PARENTS):
        parent = node.state.get("_parent")
        if not isinstance(parent, Record):
            return node
        node = parent
    raise Refusal("settings are nested too deeply", f"at most {MAX_PARENTS} parents", "more")


def _text(text: str, node: Record, plain: Copier) -> Any:
    """A text value: itself, the value that `${a.b}` names, or text with values put in."""
    if "${" in text:
        plain.charge(text.count("."), len(text))
    whole = _PATH.fullmatch(text)
    if whole:
        found, target = _lookup(root_of(node), whole[1])
        return plain.value(target) if found else plain.value(text)
    if "${" not in text or len(text) > MAX_TEXT:
        return plain.value(text)
    parts: list[str] = []
    size = at = 0
    for match in _PATH.finditer(text):
        found, target = _lookup(root_of(node), match[1])
        value = plain.value(target) if found else match[0]
        put = str(value) if isinstance(value, str | int | float | bool | None) else match[0]
        parts += [text[at : match.start()], put]
        at, size = match.end(), size + match.start() - at + len(put)
        if size > MAX_TEXT:
            raise Refusal(
                "text of a setting grows without end", f"at most {MAX_TEXT:,} characters", shown(text)
            )
    return plain.value("".join([*parts, text[at:]]))


def _lookup(root: Record, path: str) -> tuple[bool, object]:
    """(whether it is there, node) of a dotted path below `root`."""
    node: object = root
    for name in path.split("."):
        content = node.state.get("_content") if isinstance(node, Record) else node
        if isinstance(content, dict) and name in content:
            node = content[name]
        elif isinstance(content, list) and (place := whole(name, len(content) - 1)) is not None:
            node = content[place]
        else:
            return False, None
    return True, node
