"""From the records of a network's modules to its state dict and the plain attributes of every layer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from core_model.checkpoints.importing import omegaconf_tree
from core_model.checkpoints.importing.limits import Budget
from core_model.checkpoints.importing.plain import Plain
from core_model.checkpoints.importing.records import Record, TensorRecord
from core_model.checkpoints.importing.refusal import Refusal, shown

_NAME = re.compile(r"[A-Za-z0-9_]{1,100}\Z", re.ASCII)
_PATH = re.compile(r"[A-Za-z0-9_.]{1,1000}\Z", re.ASCII)
_SKIPPED = ("training", "dump_patches")


@dataclass
class ModuleTree:
    """What a walk over the modules found; paths are dotted, "" is the root."""

    tensors: dict[str, TensorRecord] = field(default_factory=dict)
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)


def is_module(value: object) -> bool:
    """Whether a record looks like a torch module."""
    return isinstance(value, Record) and isinstance(value.state.get("_modules"), dict)


def walk(root: Record, plain: Plain, budget: Budget) -> ModuleTree:
    """Every module below `root`: names and tensors exactly as the original state_dict has them."""
    tree = ModuleTree()
    _visit(root, "", 0, tree, plain, budget)
    return tree


def _visit(module: Record, path: str, depth: int, tree: ModuleTree, plain: Plain, budget: Budget) -> None:
    if depth > budget.limits.module_depth:
        raise Refusal("modules are nested too deeply", f"at most {budget.limits.module_depth} levels", "more")
    if len(tree.classes) >= budget.limits.modules:
        raise Refusal("too many modules", f"at most {budget.limits.modules:,}", "more")
    tree.classes[path] = module.name
    tree.layers[path] = _attributes(module, plain, budget, is_root=not path)
    skipped = module.state.get("_non_persistent_buffers_set")
    skipped = skipped if isinstance(skipped, set | frozenset) else frozenset()
    for kind in ("_parameters", "_buffers"):
        for name, value in _entries(module, kind, path, budget):
            if value is None or (kind == "_buffers" and name in skipped):
                continue
            if not isinstance(value, TensorRecord):
                raise Refusal(f"bad value of {shown(_joined(path, name))}", "a tensor", shown(value))
            tree.tensors[_joined(path, name)] = value
            budget.node()
            check_count(len(tree.tensors), budget)
    for name, child in _entries(module, "_modules", path, budget):
        if child is None:
            continue
        if not isinstance(child, Record):
            raise Refusal(f"bad module {shown(_joined(path, name))}", "a module", shown(child))
        _visit(child, _joined(path, name), depth + 1, tree, plain, budget)


def _entries(module: Record, kind: str, path: str, budget: Budget) -> list[tuple[str, Any]]:
    found = module.state.get(kind)
    if found is None:
        return []
    if not isinstance(found, dict):
        raise Refusal(f"bad {kind} of module {shown(path)}", "a dict", shown(found))
    budget.step(len(found))  # the stream may give one large dict to many modules
    for name in found:
        check_name(name, path)
    return list(found.items())


def check_count(tensors: int, budget: Budget) -> None:
    """A network has hundreds of tensors; what is made of each may not multiply."""
    if tensors > budget.limits.tensors:
        raise Refusal("too many tensors", f"at most {budget.limits.tensors:,}", f"{tensors:,}")


def check_name(name: object, path: str) -> None:
    """Names become parts of a state dict: letters, digits and underscores only."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise Refusal(f"bad name in module {shown(path)}", "letters, digits and underscores", shown(name))


def state_dict_tensors(value: object, budget: Budget) -> dict[str, TensorRecord] | None:
    """The tensors of a plain state dict; None if `value` is not one."""
    if not isinstance(value, dict) or not value:
        return None
    kept = {name: item for name, item in value.items() if item is not None}
    if not all(isinstance(n, str) and isinstance(t, TensorRecord) for n, t in kept.items()):
        return None
    check_count(len(kept), budget)
    for name in kept:
        if not _PATH.match(name):
            raise Refusal("bad name of a tensor", "letters, digits, underscores and dots", shown(name))
    return kept


def _attributes(module: Record, plain: Plain, budget: Budget, is_root: bool) -> dict[str, Any]:
    """Plain attributes of one module: no private ones, no modules; `cfg`, a whole tree, only at the root."""
    found: dict[str, Any] = {}
    budget.step(len(module.state))
    for name, value in module.state.items():
        if not isinstance(name, str) or name.startswith("_") or name in _SKIPPED or is_module(value):
            continue
        if omegaconf_tree.is_node(value):
            continue
        check_name(name, "attributes")
        found[name] = plain.value(value)
    if is_root and omegaconf_tree.is_node(module.state.get("cfg")):
        found["cfg"] = plain.value(module.state["cfg"])
    return found


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
