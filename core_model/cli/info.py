"""`triscope info CHECKPOINT [--json]`: what a checkpoint is, without building the network."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from core_model.checkpoints.locate import ANALYTIC_PREFIX, resolve
from core_model.cli.parse import parse
from core_model.cli.sessions import CheckpointArgument, WorkerArgument
from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointHeader

SUMMARY = "Say what a checkpoint is, without building the network."


@dataclass(frozen=True)
class InfoOptions:
    checkpoint: CheckpointArgument
    """a .safetensors file, a foreign .pkl or .pt, a run folder, `demo` or `analytic:NAME`"""
    json: bool = False
    """print everything as one JSON object"""
    worker: WorkerArgument = None
    """run it elsewhere, e.g. "ssh gpu-box triscope worker": CHECKPOINT is a path there, or local:FILE to send one"""


def main(args: list[str]) -> None:
    options = parse(InfoOptions, args, "info", SUMMARY)
    document = describe(resolve(options.checkpoint))
    print(json.dumps(document, indent=2, ensure_ascii=False) if options.json else as_text(document))


def describe(path: str) -> dict[str, Any]:
    """JSON-ready description: CheckpointInfo, `family`, `name`, the total of parameters, the tensors."""
    from core_model.checkpoints.describe import describe_checkpoint, describe_stored, stored_checkpoint

    stored = None if path.startswith(ANALYTIC_PREFIX) else stored_checkpoint(path)
    info = describe_checkpoint(path) if stored is None else describe_stored(path, stored)
    document = json.loads(info.model_dump_json())
    document |= {"family": info.family, "name": info.header.name}
    document["parameters"]["total"] = sum(info.parameters.values())
    table = stored.tensors if stored is not None else {}
    document["tensors"] = {name: {"shape": list(t.shape), "dtype": t.dtype} for name, t in table.items()}
    return document


def as_text(document: dict[str, Any]) -> str:
    """The description as aligned lines for a terminal."""
    header = CheckpointHeader.model_validate(document["header"])
    camera, conventions, made = header.camera, header.conventions, header.provenance
    pose = camera.default
    rows: list[tuple[str, str]] = [
        ("path", document["path"]),
        ("family", header.family),
        ("name", header.name or "-"),
        ("format", f"triscope {header.format_version}"),
    ]
    if document["file_bytes"]:
        rows.append(("file", f"{document['file_bytes'] / 1e6:.2f} MB, SHA-256 {document['sha256']}"))
    rows.append(
        (
            "memory",
            f"about {document['memory_bytes'] / 1e6:,.0f} MB for weights, planes and one picture of 512 x 512",
        )
    )
    parts = [f"{part} {count:,}" for part, count in document["parameters"].items() if part != "total"]
    if parts:
        rows.append(("values", f"{document['parameters']['total']:,} ({', '.join(parts)})"))
    rows += [
        (
            "field",
            f"{conventions.field}, {conventions.density_rule}, planes joined by {conventions.reduction}",
        ),
        ("box", f"±{conventions.box:g} world units"),
        *_sizes(document),
        ("camera", f"{_orbit(pose)}, fov {math.degrees(pose.fov):.2f}°, {_prior(header)}"),
        ("label", conventions.camera_label),
        ("licence", header.licence or "not stated"),
    ]
    for title, value in (
        ("made by", " ".join(x for x in (made.made_by, made.made_at) if x)),
        ("source", f"{made.source}, SHA-256 {made.source_sha256}" if made.source_sha256 else made.source),
        ("command", made.command),
        ("data", made.data),
        ("steps", f"{made.steps:,}" if made.steps is not None else ""),
        ("images seen", f"{made.images_seen:,.0f}" if made.images_seen is not None else ""),
        (
            "weights",
            {True: "moving average (EMA)", False: "last step, no average"}.get(made.ema, "")
            if made.ema is not None
            else "",
        ),
        ("scores", ", ".join(f"{k} {v:g}" for k, v in made.scores.items())),
        ("notes", made.notes),
    ):
        if value:
            rows.append((title, value))
    settings = [(f"  {key}", json.dumps(value)) for key, value in header.config.items()]
    if settings:
        rows += [("config", f"{len(settings)} settings"), *settings]
    width = max(len(title) for title, _ in rows)
    return "\n".join(f"{title:<{width}}  {value}" for title, value in rows)


def _sizes(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Latent, planes and picture, where the family has them."""
    rows = [("picture", f"{document['image_size']} x {document['image_size']} pixels")]
    if document["neural_size"]:
        edge = document["neural_size"]
        rows[0] = (rows[0][0], f"{rows[0][1]}, super-resolved from {edge} x {edge} rays")
    if document["z_dim"]:
        rows.append(("latent", f"z {document['z_dim']}, w {document['num_ws']} x {document['w_dim']}"))
    if document["plane_size"]:
        edge = document["plane_size"]
        rows.append(("planes", f"3 x {document['plane_channels']} channels, {edge} x {edge}"))
    rows.append(("channels", ", ".join(c["name"] for c in document["channels"])))
    rows.append(("samplers", ", ".join(s["name"] for s in document["samplers"] if s["available"])))
    return rows


def _prior(header: CheckpointHeader) -> str:
    camera = header.camera
    if camera.law == "none":
        return "no training cameras"
    if camera.law in ("labels", "unknown"):
        return f"poses by {camera.law}"
    return f"yaw ±{camera.yaw_std:g} rad, pitch ±{camera.pitch_std:g} rad ({camera.law})"


def _orbit(pose: OrbitPose) -> str:
    if pose.centre is None:
        return f"radius {pose.radius:g} about {_point(pose.pivot)}"
    return f"radius {pose.radius:g} about {_point(pose.centre)} looking at {_point(pose.pivot)}"


def _point(place: tuple[float, float, float]) -> str:
    return f"({', '.join(f'{x:g}' for x in place)})"
