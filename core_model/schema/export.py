"""A view as a command line and as Python: the equal call without a window, with as few words as say it.

`OPTIONS` is the one table of which option of `triscope render` sets which part of a request; the command line
reads it to override a stored request, and `command_of` to write the options instead of one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

from core_model.schema.ablation import ablation_word
from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import AUTO, SamplerSpec

INLINE_LIMIT = 1500
"""Letters of a request that still goes on the line; a longer one goes to a file."""

# option → path in the request
OPTIONS: dict[str, str] = {
    "seed": "latent.seeds", "z": "latent.z", "psi": "latent.psi", "cutoff": "latent.cutoff", "class": "latent.class_index",
    "centre": "latent.centre", "ablate": "latent.ablate",
    "cond-label": "latent.cond", "cond-angles": "latent.cond", "label": "camera", "angles": "camera",
    "yaw": "camera.yaw", "pitch": "camera.pitch", "roll": "camera.roll", "radius": "camera.radius", "fov": "camera.fov",
    "pivot": "camera.pivot", "orbit-centre": "camera.centre", "orthographic": "camera.orthographic",
    "sampler": "sampler.name", "strategy": "sampler.strategy", "spp": "sampler.spp", "tau": "sampler.tau",
    "adaptive": "sampler.adaptive", "adaptive-share": "sampler.adaptive_share", "hard-rule": "sampler.hard_rule",
    "leftover-bins": "sampler.leftover_bins", "jitter": "sampler.jitter",
    "noise-seed": "seed", "skip-empty": "skip_empty", "precision": "precision", "size": "width", "channels": "channels", "native": "native",
    "view-dirs": "view_dirs",
}  # fmt: skip
_FILES = ("z", "cond-label", "cond-angles", "label", "angles")
"""Options that name a file: a view never becomes one of them."""
_SPECIAL = ("seed", "ablate", "size", "channels", "pivot", "orbit-centre")


@dataclass(frozen=True)
class Command:
    """words: the command line after `triscope`.

    file_text: what `--request` is to find in its file; empty = no file is needed.
    """

    words: tuple[str, ...]
    file_text: str = ""


def best_sampler(info: CheckpointInfo) -> str:
    """The first available one of auto, learned, importance, stratified, uniform, then of the others."""
    available = [s.name for s in info.samplers if s.available]
    if not available:
        raise InputError(what="checkpoint offers no sampler", where=info.path)
    order = (AUTO, "learned", "importance", "stratified", "uniform")
    return min(available, key=lambda n: order.index(n) if n in order else len(order))


def default_request(info: CheckpointInfo) -> RenderRequest:
    """What `triscope render CHECKPOINT` renders without options."""
    plain = info.latent or LatentSpec()
    cutoff = min(plain.cutoff, info.num_ws) if plain.cutoff is not None and info.num_ws else plain.cutoff
    return RenderRequest(
        checkpoint=info.path, latent=plain.replace(cutoff=cutoff), camera=info.header.camera.default,
        width=info.image_size, height=info.image_size, sampler=SamplerSpec(name=best_sampler(info)),
    )  # fmt: skip


def command_of(
    request: RenderRequest, info: CheckpointInfo, out: str, file: str = "view.json", command: str = "render"
) -> Command:
    """`render CHECKPOINT --out OUT …` that gives the picture of `request`.

    What has no option goes to `--request`, as JSON on the line, or in `file` where that would be too long.
    """
    rest = differences(_dump(_plain(request, info)), _dump(default_request(info)))
    rest.pop("checkpoint", None)
    words: list[str] = []
    _take_special(
        request, rest, words, PurePath(out).suffix.lower() == ".png" or command != "render", command
    )
    if request.latent.ablate is not None:
        _pop(rest, "latent.ablate")
        words += ["--ablate", ablation_word(request.latent.ablate, info.header.conventions)]
    if isinstance(request.camera, OrbitPose) and (
        _pop(rest, "camera.pivot")[0] | _pop(rest, "camera.centre")[0]
    ):
        words += camera_place(request.camera)
    own_budgets = request.sampler.low_budget is not None or request.sampler.high_budget is not None
    for option, path in OPTIONS.items():
        # a sampler or a number of samples on the line would replace own budgets
        if option in _FILES + _SPECIAL or (own_budgets and path.startswith("sampler.")):
            continue
        taken, value = _pop(rest, path)
        if taken:
            words += _words(option, value)
    front = [command, request.checkpoint, "--out", out]
    if not rest:
        return Command((*front, *words))
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))
    long = len(text) > INLINE_LIMIT
    return Command((*front, "--request", file if long else text, *words), text if long else "")


def python_of(request: RenderRequest, info: CheckpointInfo, out: str = "picture.npz") -> str:
    """A short program that renders `request` and saves its channels as float32 arrays.

    It calls `core_model.session`.
    """
    names: dict[str, str] = {}
    call = code_of(_plain(request, info), names, 0)
    names |= {"RenderSession": "core_model.session"}
    modules = sorted(set(names.values()))
    imports = [
        f"from {m} import {', '.join(sorted(n for n, home in names.items() if home == m))}" for m in modules
    ]
    return "\n".join(
        [
            "import numpy as np",
            *imports,
            "",
            f"request = {call}",
            "frame = RenderSession().render(request)",
            "if frame.result.error:",
            "    raise SystemExit(frame.result.error.message)",
            f"np.savez({out!r}, **frame.arrays)  # [3, H, W] or [H, W], float32; NaN = no value",
            "",
        ]
    )


def code_of(record: Any, names: dict[str, str], depth: int) -> str:
    """A frozen record as the Python call that makes it, defaults left out; `names` gathers class → module."""
    if isinstance(record, tuple):
        inner = ", ".join(code_of(v, names, depth) for v in record)
        return f"({inner},)" if len(record) == 1 else f"({inner})"
    fields = getattr(type(record), "model_fields", None)
    if fields is None:
        return repr(record.value) if isinstance(record, Enum) else repr(record)
    names[type(record).__name__] = type(record).__module__
    told = {n: getattr(record, n) for n, f in fields.items() if getattr(record, n) != f.get_default()}
    if type(record)(**told) != record:  # what one field is left at may depend on another: psi on an own w
        told = {n: getattr(record, n) for n in fields}
    given = [f"{n}={code_of(value, names, depth + 1)}" for n, value in told.items()]
    if depth == 0 and len(given) > 1:
        return f"{type(record).__name__}(\n    " + ",\n    ".join(given) + ",\n)"
    return f"{type(record).__name__}({', '.join(given)})"


def camera_place(pose: OrbitPose) -> list[str]:
    """Options of the point that a camera looks at, and of its sphere's centre.

    `--pivot` alone means a sphere about the pivot.
    """
    words = ["--pivot", *(_number(v) for v in pose.pivot)]
    return words if pose.centre is None else [*words, "--orbit-centre", *(_number(v) for v in pose.centre)]


def differences(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """The part of `new` that differs from `old`; records of another kind are kept whole."""
    found: dict[str, Any] = {}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict) and value.get("kind") == before.get("kind"):
            inner = differences(value, before)
            if inner:
                found[key] = inner
        elif key not in old or value != before:
            found[key] = value
    return found


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it; a record of another kind replaces the old one whole."""
    found = dict(base)
    for key, value in changes.items():
        before = found.get(key)
        alike = (
            isinstance(value, dict)
            and isinstance(before, dict)
            and value.get("kind", before.get("kind")) == before.get("kind")
        )
        found[key] = merged(before, value) if alike else value  # type: ignore[arg-type]
    return found


def _plain(request: RenderRequest, info: CheckpointInfo) -> RenderRequest:
    """The request without a redundant number of samples.

    Redundant: the sampler has it anyway, or its own budgets replace it.
    """
    spec = request.sampler
    if spec.name == "learned" and spec.low_budget is not None and spec.high_budget is not None:
        return request.replace(sampler=spec.replace(spp=None))
    default = next((s.default_spp for s in info.samplers if s.name == request.sampler.name), None)
    if request.sampler.spp is None or request.sampler.spp != default:
        return request
    return request.replace(sampler=request.sampler.replace(spp=None))


def _dump(request: RenderRequest) -> dict[str, Any]:
    return json.loads(request.model_dump_json())


def _take_special(
    request: RenderRequest, rest: dict[str, Any], words: list[str], rgb_is_default: bool, command: str
) -> None:
    """Seed, size and channels, which are not one plain number each."""
    latent = request.latent
    if latent.z is None and latent.w is None and len(latent.seeds) == 1 and latent.seeds[0].weight == 1.0:
        taken, _ = _pop(rest, "latent.seeds")
        if taken:
            words += ["--seed", str(latent.seeds[0].seed)]
    if request.width == request.height and "width" in rest:
        words += ["--size", str(request.width)]
        rest.pop("width")
        rest.pop("height", None)
    rest.pop("channels", None)
    if request.channels != ("rgb",) or not rgb_is_default:
        words += ["--channels" if command == "render" else "--channel", ",".join(request.channels)]


def _pop(tree: dict[str, Any], path: str) -> tuple[bool, Any]:
    """(was it there, value); branches that are empty afterwards go too."""
    *branches, leaf = path.split(".")
    branch: Any = tree
    for name in branches:
        branch = branch.get(name) if isinstance(branch, dict) else None
    if not isinstance(branch, dict) or leaf not in branch or ("kind" in branch and branch is not tree):
        return False, None
    value = branch.pop(leaf)
    if branches and not branch:
        tree.pop(branches[0])
    return True, value


def _words(option: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    if value is None:
        return [f"--{option}", "none"]
    if isinstance(value, list):
        return [f"--{option}", *(_number(v) for v in value)]
    return [f"--{option}", _number(value)]


def _number(value: Any) -> str:
    """The parser takes -0.00001, not -1e-05."""
    return format(Decimal(repr(value)), "f").removesuffix(".0") if isinstance(value, float) else str(value)
