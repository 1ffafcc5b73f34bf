"""Requests made from a document: the displayed picture, exports, thumbnails, the second view, meshes.

Pure. Every picture of the window is requested here, so that all of them show the same document; differences
are arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict, Unpack

from core_model.schema.camera import CameraSpec
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MAX_TEXTURE_FACES, TEXTURE_FACES, MeshRequest, texture_problem, up_problem
from core_model.schema.question_mesh import FieldHistogramQuestion, MeshForecastQuestion, MeshPreviewQuestion
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import AUTO, SamplerSpec
from viewer.state.document import Document
from viewer.state.final_view import FINAL, colour_beside, is_final
from viewer.state.mesh_settings import MeshSettings

REFINED_MORE, REFINED_TAU = 2.0, 0.998
"""Samples of a refined frame in those of the full one, and the mass that its robust set holds."""
ALWAYS = ("depth", "samples")
"""Channels of every request beside colour: depth is needed for picking."""
ALONG = ("opacity", "beta", "leftover", "entropy", "position")
"""Channels that cost an exact picture next to nothing."""
LAST = ("missed",)
"""Channels that take many times a picture's evaluations: they are made beside it when nothing else is left to do."""
THUMBNAIL = ("rgb", "depth", "samples")


class Differs(TypedDict, total=False):
    """Fields of a RenderRequest in which pictures of one document may differ."""

    tier: Tier
    seed: int
    precision: Literal["fp32", "bf16"]
    skip_empty: bool
    shared_rays: bool


def request_of(
    doc: Document,
    edge: int,
    channels: tuple[str, ...] = ("rgb",),
    sampler: SamplerSpec | None = None,
    latent: LatentSpec | None = None,
    camera: CameraSpec | None = None,
    **differs: Unpack[Differs],
) -> RenderRequest:
    """A square picture of the document, `edge` pixels wide; what is left out is the document's own."""
    return RenderRequest(
        checkpoint=doc.checkpoint,
        latent=latent or doc.latent,
        camera=camera or doc.camera,
        width=edge,
        height=edge,
        sampler=sampler or doc.sampler,
        channels=channels,
        background=doc.background,
        view_dirs=doc.view_dirs,
        **differs,
    )


def view_request(
    doc: Document,
    info: CheckpointInfo,
    edge: int,
    tier: Tier,
    seed: int = 0,
    spp: float | None = None,
    along: bool = False,
) -> RenderRequest:
    """The document's picture in `edge` pixels. spp: fewer samples per ray (moving frames). along: with the channels that come for
    nothing.
    """
    sampler = _sampler(doc, info, spp)
    return request_of(
        doc,
        edge,
        channels_for(doc, info, tier, along),
        _refined(sampler) if tier is Tier.REFINED else sampler,
        tier=tier,
        seed=seed,
        precision=doc.quality.precision,
        skip_empty=doc.quality.skip_empty,
        shared_rays=is_final(doc.view.channel, info),
    )


def full_request(doc: Document, info: CheckpointInfo, edge: int) -> RenderRequest:
    """The full picture of `doc` at `edge` pixels at most: what a question about one of its rays is about."""
    return view_request(doc, info, max(min(edge, doc.quality.max_size), 1), Tier.FULL)


def as_its_program(request: RenderRequest, info: CheckpointInfo) -> RenderRequest:
    """The picture of the original program, at its one size and with its own two passes; depth only where
    there is a surface.
    """
    sampler = SamplerSpec(name="importance")
    return request.replace(
        native=True, width=info.image_size, height=info.image_size, sampler=sampler, shared_rays=True
    )


def export_request(
    doc: Document, info: CheckpointInfo, edge: int, channels: tuple[str, ...]
) -> RenderRequest:
    """The full picture of the document with other channels and size: the same samples as on the screen."""
    request = view_request(doc, info, edge, Tier.FULL).replace(channels=channels)
    if doc.native and info.has_native:
        request = as_its_program(request, info)
    return request.replace(shared_rays=False)


def thumbnail_request(
    doc: Document, info: CheckpointInfo, latent: LatentSpec, edge: int, camera: CameraSpec | None = None
) -> RenderRequest:
    """A small picture of `latent` with the document's sampler; camera: by default the checkpoint's own."""
    known = {c.name for c in info.channels}
    return request_of(
        doc,
        edge,
        tuple(c for c in THUMBNAIL if c in known) or ("rgb",),
        doc.sampler.replace(spp=None, low_budget=None, high_budget=None, jitter=False),
        latent=latent,
        camera=camera or info.header.camera.default,
        shared_rays=True,
    )


def channels_for(
    doc: Document, info: CheckpointInfo, tier: Tier = Tier.FULL, along: bool = False
) -> tuple[str, ...]:
    """Channels of a request: colour, those of ALWAYS and the shown one, as far as the checkpoint has them; see `channels_beside`."""
    # without the sampler's own channel a moving picture may be drawn by a quicker sampler than the document's
    beside = tuple(name for name in ALWAYS if tier is not Tier.MOVING or name != "samples")
    shown = doc.view.channel
    wanted = (
        colour_beside(shown, info),
        *beside,
        shown,
        *(channels_beside(shown, info, tier) if along else ()),
    )
    found = tuple(
        c.name for c in info.channels if c.name in wanted and (info.has_proposal or not c.needs_proposal)
    )
    return found or ("rgb",)


def channels_beside(shown: str, info: CheckpointInfo, tier: Tier) -> tuple[str, ...]:
    """What a full picture brings along, so that another channel of the view is there at once: whatever follows from its samples
    without another evaluation of the field. A super-resolved picture has rays of its own, and brings what those have.
    """
    if tier is not Tier.FULL:
        return ()
    return ("opacity",) if is_final(shown, info) else ALONG


def channels_left(full: RenderRequest, info: CheckpointInfo) -> tuple[str, ...]:
    """Channels of the checkpoint that an exact picture did not bring and that its own rays can still give. A super-resolved picture
    has none: its maps come of other rays than it does; nor has a program's own picture.
    """
    if full.native or full.shared_rays:
        return ()
    final = (FINAL,) if info.neural_size else ()
    return tuple(
        c.name
        for c in info.channels
        if c.name not in (*full.channels, *final) and (info.has_proposal or not c.needs_proposal)
    )


def beside_request(full: RenderRequest, channels: tuple[str, ...]) -> RenderRequest:
    """Further channels of an exact picture, from the same samples."""
    return full.replace(tier=Tier.BESIDE, channels=channels)


def samples_of(doc: Document, info: CheckpointInfo) -> float:
    """Samples per ray of a full frame: the user's, else the checkpoint's default of that sampler."""
    spec = doc.sampler
    default = next((s.default_spp for s in info.samplers if s.name == spec.name), 48.0)
    low, high = spec.budgets(default)
    if spec.low_budget is not None and spec.high_budget is not None:
        share = spec.adaptive_share if spec.adaptive else 0.0
        return (1.0 - share) * low + share * high
    return spec.spp if spec.spp is not None else default


def _sampler(doc: Document, info: CheckpointInfo, spp: float | None) -> SamplerSpec:
    """The document's sampler with its samples per ray written out; `spp` sets fewer (moving frames)."""
    spec, full = doc.sampler, samples_of(doc, info)
    if spec.name == AUTO and spp is None:  # it chooses its samples itself
        return spec
    changes: dict[str, object] = {"spp": max(spp if spp is not None else full, 1.5)}
    if spp is not None and spp < full:
        changes.update(low_budget=None, high_budget=None)
    return spec.model_copy(update=changes)


def _refined(spec: SamplerSpec) -> SamplerSpec:
    """The sampler of one refined frame.

    The learned one also looks into bins that the prediction holds for unlikely: what no frame looks at (thin
    frames of glasses) would be missing from their mean too, however many there are.
    """
    if spec.name != "learned":
        return spec.model_copy(update={"jitter": True})
    changes: dict[str, object] = {
        "jitter": True,
        "tau": max(spec.tau, REFINED_TAU),
        "spp": min(REFINED_MORE * (spec.spp or 1.0), 4096.0),
    }
    for name, most in (("low_budget", 2048), ("high_budget", 4096)):
        budget = getattr(spec, name)
        if budget is not None:
            changes[name] = min(round(REFINED_MORE * budget), most)
    return spec.model_copy(update=changes)


# Meshes


def mesh_request(
    settings: MeshSettings, checkpoint: str, latent: LatentSpec, suffix: str = ".glb"
) -> MeshRequest:
    """The export's request. Colours fall back to the vertices' where the file cannot get a texture, the up axis
    to y where it is fixed.
    """
    colour = settings.colour if settings.colour != "texture" or not texture_problem(suffix) else "vertex"
    faces = settings.faces
    if colour == "texture":
        faces = min(faces or TEXTURE_FACES, MAX_TEXTURE_FACES)
    return MeshRequest(
        checkpoint=checkpoint,
        latent=latent,
        resolution=settings.resolution,
        level=settings.level,
        quantity=settings.quantity,
        crop=settings.crop,
        keep=settings.keep,
        faces=faces,
        colour=colour,
        normals=settings.normals,
        texture_size=settings.texture_size,
        up="y" if up_problem(suffix) else settings.up,
    )


def histogram_question(settings: MeshSettings, checkpoint: str, latent: LatentSpec) -> FieldHistogramQuestion:
    return FieldHistogramQuestion(
        checkpoint=checkpoint, latent=latent, quantity=settings.quantity, crop=settings.crop
    )


def forecast_question(
    settings: MeshSettings, checkpoint: str, latent: LatentSpec, suffix: str
) -> MeshForecastQuestion:
    # the axes of the file change nothing of its cost
    request = mesh_request(settings, checkpoint, latent, suffix).replace(up="y")
    return MeshForecastQuestion(checkpoint=checkpoint, request=request, suffix=suffix)


def preview_question(
    settings: MeshSettings, checkpoint: str, latent: LatentSpec, edge: int
) -> MeshPreviewQuestion:
    """Only what changes the surface is in it, so that other settings ask for nothing new."""
    request = MeshRequest(
        checkpoint=checkpoint,
        latent=latent,
        resolution=edge,
        level=settings.level,
        quantity=settings.quantity,
        crop=settings.crop,
        keep=settings.keep,
    )
    return MeshPreviewQuestion(checkpoint=checkpoint, request=request)


def for_another_process(checkpoint: str) -> str:
    """A checkpoint's path that does not depend on the working folder."""
    return (
        checkpoint
        if checkpoint.startswith("analytic:") or checkpoint == "demo"
        else str(Path(checkpoint).absolute())
    )
