"""Requests of the pictures that are compared, made from a document and the picture of its own view. Pure."""

from __future__ import annotations

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import LatentSpec, SeedWeight
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import AUTO, SamplerSpec
from viewer.state.comparison import OTHER_FILES, Source
from viewer.state.document import Document
from viewer.state.final_view import FINAL, RAW, colour_beside, in_raw, is_final, stands_in
from viewer.state.requests import channels_beside

PASS_SPP = 128
"""Samples per ray of one pass of the reference."""
_EVERYWHERE = ("rgb", "depth", "normal", "opacity", "samples", "position")


def request_for(source: Source, doc: Document, info: CheckpointInfo, view: RenderRequest) -> RenderRequest:
    """The picture of `source` for a picture of the view: the same except for what is compared."""
    names = channels_of(source, doc, info, view)
    change: dict[str, object] = {
        "channels": in_raw(names) if stands_in(view) else names,
        "shared_rays": view.shared_rays and is_final(shown_in(source, doc), info),
        "native": view.native and source.what not in ("sampler", "samples"),
        "sampler": _sampler(source, doc, view.sampler),
        "latent": _latent(source, view.latent),
    }
    if view.tier is Tier.REFINED:
        change |= {"tier": Tier.FULL, "seed": 0}
    if source.what in OTHER_FILES and source.checkpoint:
        change["checkpoint"] = source.checkpoint
    return view.model_copy(update=change)


def _sampler(source: Source, doc: Document, own: SamplerSpec) -> SamplerSpec:
    change: dict[str, object] = {"jitter": doc.sampler.jitter}
    if source.what == "sampler":
        name, _, strategy = source.sampler.partition(":")
        change |= {"name": name, "low_budget": None, "high_budget": None}
        change |= {"strategy": strategy} if strategy else {}
    elif source.what == "samples":
        change |= {"spp": source.spp, "low_budget": None, "high_budget": None}
    return own.model_copy(update=change)


def _latent(source: Source, own: LatentSpec) -> LatentSpec:
    if source.what == "psi":
        return own.replace(psi=source.psi)
    if source.what == "seed":
        return own.replace(seeds=(SeedWeight(seed=source.seed),), z=None, w=None)
    if source.what == "basket" and source.w:
        return own.replace(w=source.w, z=None, mix=None, edits=())
    return own


def plain(request: RenderRequest) -> RenderRequest:
    """The same picture with features of every family: two-pass samples instead of predicted ones; colour and
    depth.
    """
    sampler = request.sampler
    if sampler.name in ("learned", AUTO):
        sampler = sampler.model_copy(update={"name": "importance", "low_budget": None, "high_budget": None})
    names = tuple(dict.fromkeys(FINAL if c == RAW else c for c in request.channels))
    channels = tuple(c for c in names if c in _EVERYWHERE) or (FINAL,)
    return request.model_copy(update={"sampler": sampler, "channels": channels, "native": False})


def reference_pass(
    source: Source, doc: Document, info: CheckpointInfo, view: RenderRequest, number: int
) -> RenderRequest:
    """One pass of the reference: jittered strata over the whole ray: no prediction can bias the truth."""
    spp = float(min(PASS_SPP, source.reference_spp))
    sampler = doc.sampler.replace(name="stratified", spp=spp, jitter=True, low_budget=None, high_budget=None)
    names = tuple(
        c
        for c in channels_of(source, doc, info, view)
        if c not in ("samples", "leftover", "entropy", "missed")
    )
    return view.model_copy(
        update={
            "sampler": sampler,
            "tier": Tier.REFINED,
            "seed": number + 1,
            "channels": names,
            "native": False,
        }
    )


def channels_of(source: Source, doc: Document, info: CheckpointInfo, view: RenderRequest) -> tuple[str, ...]:
    """Colour, depth, the channel that is shown, and what came along with the view's picture."""
    shown = shown_in(source, doc)
    beside = set(channels_beside(shown, info, view.tier)) & set(view.channels)
    wanted = {colour_beside(shown, info), "depth", "samples", shown} | beside
    return tuple(
        c.name for c in info.channels if c.name in wanted and (info.has_proposal or not c.needs_proposal)
    )


def shown_in(source: Source, doc: Document) -> str:
    """Name of the channel that a source shows."""
    return source.channel if source.what == "channel" else doc.view.channel
