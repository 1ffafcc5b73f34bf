"""What the pictures of a comparison are called, and the plates that say so."""

from __future__ import annotations

import math

from imgui_bundle import ImVec2

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.sampler import SamplerInfo
from viewer.state.compared import Compared
from viewer.state.comparison import LETTERS, Source, What
from viewer.state.document import Document
from viewer.state.second_view import Apart
from viewer.state.shown_map import ShownMap
from viewer.widgets import overlays
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.split import Squares
from viewer.widgets.theme import Theme

LEAST_EM = 3.0
"""A part of a wipe that is narrower has no caption."""
DISTANCE_EM = 6.0
"""Under a narrower picture the distance would cover it; the panel has it anyway."""
WHAT_TITLES: dict[What, str] = {
    "view": "This view", "sampler": "Sampler", "samples": "Samples", "channel": "Channel", "psi": "Psi", "seed": "Seed",
    "basket": "Basket", "checkpoint": "Checkpoint", "snapshot": "Snapshot", "reference": "Reference", "photo": "Photo",
}  # fmt: skip


def ways_of(sampler: SamplerInfo) -> list[tuple[str, str]]:
    """(key, title) of each way to use a sampler; the key is NAME or NAME:STRATEGY."""
    if not sampler.strategies:
        return [(sampler.name, sampler.title)]
    return [(f"{sampler.name}:{s}", f"{sampler.title}, {s}") for s in sampler.strategies]


def title_of(
    source: Source, index: int, info: CheckpointInfo | None, picture: ShownPicture, compared: Compared
) -> str:
    """What a tile shows, in a few words."""
    ways = dict(way for s in info.samplers for way in ways_of(s)) if info else {}
    channel = picture.channel(source.channel)
    text = {
        "view": "this view", "sampler": ways.get(source.sampler, source.sampler), "samples": f"{source.spp:g} spp",
        "channel": source.channel if channel is None else channel.title, "psi": f"psi {source.psi:.2f}", "seed": f"seed {source.seed}",
        "basket": source.entry or "basket", "checkpoint": source.file or "checkpoint", "snapshot": source.file or "snapshot",
        "reference": f"reference {compared.accumulated(index):.0f} / {source.reference_spp} spp", "photo": source.file or "photo",
    }[source.what]  # fmt: skip
    result = compared.views[index].frames.result
    if result is not None and source.what in ("sampler", "samples"):
        text += f"  {result.samples_per_pixel:.1f} spp"
    return text


def labels(
    doc: Document,
    theme: Theme,
    info: CheckpointInfo | None,
    picture: ShownPicture,
    compared: Compared,
    drawn: ShownMap,
    where: Squares,
) -> float:
    """Letter and name in the lower right corner of each picture, within its own part of the screen; under B's also the distance of A
    and B. Returns the greatest height that they take there.
    """
    spec, inset, taken = doc.compare, 0.5 * theme.em, 0.0
    if spec.mode == "off":
        return taken
    found, above = compared.apart(doc, picture.frames), []
    for index, source in enumerate(spec.shown):
        corner = where.tiles[min(index, len(where.tiles) - 1)]
        right, bottom = corner.x + where.edge - where.taken, corner.y + where.edge
        lines = [(f"{LETTERS[index]}  {title_of(source, index, info, picture, compared)}", True)]
        lines += _state(doc, picture, compared, index, drawn)
        room = where.edge - where.taken - 2 * inset
        if index == 1 and found is not None and room > DISTANCE_EM * theme.em:
            lines.append((_distance(found), False))
        if spec.mode == "wipe":
            divider = corner.x + where.edge * spec.split
            right = min(right, divider) if index == 0 else right
            room = right - (corner.x if index == 0 else divider) - 2 * inset
            if room < LEAST_EM * theme.em:  # next to nothing of it is seen
                continue
        if spec.mode == "difference":  # one picture of both
            if index == 0:
                above = [] if source.what == "view" else lines
                continue
            lines = above + lines
        corner = ImVec2(right - inset, bottom - inset)
        plate = overlays.badge(theme, corner, lines, right=True, bottom=True, room=room)
        taken = max(taken, inset + plate.y)
    return taken


def _distance(found: Apart) -> str:
    """PSNR in words that are not torn apart where the line is too long."""
    if math.isinf(found.psnr):
        return "A equals B"
    parts = (
        f"A to B {found.psnr:.1f} dB",
        f"worst 1 % {found.worst_1:.1f}",
        f"worst 0.1 % {found.worst_01:.1f}",
    )
    return "   ".join(part.replace(" ", "\u00a0") for part in parts)


def _state(
    doc: Document, picture: ShownPicture, compared: Compared, index: int, drawn: ShownMap
) -> list[tuple[str, bool]]:
    """Why a tile shows nothing, or not what it is to show."""
    source, view = doc.compare.tiles[index], compared.views[index]
    if source.what == "view":
        return []
    if source.lacks:
        return [(source.lacks, False)]
    if source.what == "photo":
        why = compared.photos.error(source.photo)
        there = compared.photo(source, picture.frames) is not None
        return [] if there else [(why or "is read", False)]
    if view.error is not None:
        return [("failed: the message is in the banner", False)]
    if not view.is_of(source):
        return [("on its way", False)]
    if doc.compare.mode == "difference" and index == 1 and drawn.channel.name != "difference":
        return [("B has no picture of this map: A is shown", False)]
    return []
