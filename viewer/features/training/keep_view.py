"""The view of one snapshot carried over to another: same latent, camera, sampler and channel, wherever the other can show them."""

from __future__ import annotations

from core_model.schema.checkpoint import CheckpointInfo
from viewer.state.document import Document


def carried(before: Document, fresh: Document, info: CheckpointInfo) -> Document:
    """`fresh` (the defaults of checkpoint `info`) with everything of `before` that fits it."""
    kept: dict[str, object] = {"camera": before.camera, "background": before.background, "view_dirs": before.view_dirs}
    kept["native"] = before.native and info.has_native
    latent = before.latent
    if latent.cutoff is not None and info.num_ws and latent.cutoff > info.num_ws:
        latent = latent.replace(cutoff=info.num_ws)
    kept["latent"] = latent
    if any(s.available and s.name == before.sampler.name for s in info.samplers):
        kept["sampler"] = before.sampler
    channel = next((c for c in info.channels if c.name == before.view.channel), None)
    if channel is not None and (info.has_proposal or not channel.needs_proposal):
        kept["view"] = before.view
    if before.compare.what != "checkpoint":
        kept["compare"] = before.compare
    return fresh.replace(**kept)
