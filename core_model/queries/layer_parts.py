"""The parts of a picture's forward pass, each run as the picture itself runs it, with its layers looked at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.fields.ablate import ablated, triplane_levels
from core_model.fields.base import BackedField
from core_model.geometry.rays import camera_rays
from core_model.queries.layer_hooks import Take, watching
from core_model.queries.registry import SessionView
from core_model.queries.summaries import rendered
from core_model.rendering.probe import run_proposals
from core_model.schema.errors import Cancelled
from core_model.schema.question_layers import SURFACE_EDGE, LayerPart, LayerSource
from core_model.session.final_picture import kept_features, lifted_features
from core_model.session.stages import StageRun

PLANES = "Planes as read"
"""What stands for the class of the module of the tri-planes themselves."""
BACKDROP_EDGE = 32
"""Rays per edge for which the background is looked at: each has a row for each of its steps."""


@dataclass(frozen=True)
class Passing:
    """One part of the networks on its way. take: gets each layer; stop: raises Cancelled when something waits.

    surface: called with the flat pixel indices [N] of a SURFACE_EDGE² picture before rows of N surface points come.
    """

    session: SessionView
    source: LayerSource
    run: StageRun
    cancelled: Callable[[], bool]
    take: Take
    surface: Callable[[Tensor], None]

    def stop(self) -> None:
        if self.cancelled():
            raise Cancelled("something more urgent waits")

    def watched(self) -> AbstractContextManager[None]:
        return watching(self.run.opened.model.module, self.take, self.stop)


def run_part(passing: Passing) -> str:
    """Runs the part of the source; returns why it has no layers, or fewer than one would think, else ""."""
    if passing.run.opened.model.module is None:
        return "This model is a formula: no network runs."
    return _RUNS[passing.source.part](passing)


def _mapping(p: Passing) -> str:
    with p.watched():
        w = p.run.opened.model.map(p.run.request.latent)
    if w is None:
        return "This family has no latent."
    p.take("w", "Styles as rendered", w[0])
    own = p.run.request.latent.w is not None
    return "The mapping network does not run for a w of one's own." if own else ""


def _backbone(p: Passing) -> str:
    latent, w = p.run.request.latent, p.run.w()
    with p.watched():
        planes = p.run.opened.model.planes(w, latent.noise)
    if planes is None:
        return "This family has no planes."
    if latent.ablate is not None:
        planes = ablated(planes, latent.ablate, p.source.checkpoint)
    count = triplane_levels(planes)
    for number, level in enumerate(planes.levels[:count]):
        p.take("planes" if count == 1 else f"planes.{number}", PLANES, level[0])
    return ""


def _decoder(p: Passing) -> str:
    """The field at the points where a small picture meets the surface, as it is evaluated while it learns: only then do
    its modules run one by one.
    """
    run, edge = p.run, SURFACE_EDGE
    request = run.request.replace(width=edge, height=edge, channels=("depth",), background=None)
    frame = rendered(p.session, request, p.cancelled)
    depth = torch.from_numpy(frame.arrays["depth"].reshape(-1)).to(run.device)
    met = depth.isfinite().nonzero()[:, 0]
    if not len(met):
        return "No ray of this view meets a surface."
    origins, dirs = (x.reshape(-1, 3)[met][None] for x in camera_rays(request.camera, edge, edge, run.device))
    points = origins + depth[met][None, :, None] * dirs
    if request.view_dirs == "frontal":
        dirs = torch.tensor([0.0, 0.0, -1.0], device=run.device).expand_as(dirs)
    field = run.field(run.w())
    p.stop()
    p.surface(met)
    with p.watched(), torch.enable_grad():
        field.colour(field.geometry(points), points, dirs)
    return ""


def _background(p: Passing) -> str:
    field, device = p.run.field(p.run.w()), p.run.device
    if not isinstance(field, BackedField) or not field.is_backed:
        return "This checkpoint has no background network."
    edge = BACKDROP_EDGE
    origins, dirs = (x.reshape(-1, 3) for x in camera_rays(p.run.request.camera, edge, edge, device))
    at = (torch.arange(edge, device=device) + 0.5) * (2.0 / edge) - 1.0
    row, column = torch.meshgrid(at, at, indexing="ij")
    with p.watched():
        field.behind(origins, dirs, torch.stack([column, row], dim=-1).reshape(-1, 2))
    return ""


def _proposal(p: Passing) -> str:
    if not p.run.opened.info.has_proposal:
        return "This checkpoint has no proposal network."
    field = p.run.field(p.run.w())
    probe = p.run.probe(field, p.run.space(field), p.stop)
    p.take("probe", "Probe's weights", probe.weights)
    with p.watched():
        run_proposals(probe, p.run.opened.model.propose)
    return ""


def _superres(p: Passing) -> str:
    w = p.run.w()
    if not p.run.opened.info.neural_size or w is None:
        return "This checkpoint has no super-resolution."
    features = kept_features(p.run, p.run.field(w), p.cancelled, p.session.tell)
    p.take("features", "Rendered features", features[None])
    with p.watched():
        lifted_features(p.run, features, w, p.stop)
    return ""


_RUNS: dict[LayerPart, Callable[[Passing], str]] = {
    "mapping": _mapping,
    "backbone": _backbone,
    "decoder": _decoder,
    "background": _background,
    "proposal": _proposal,
    "superres": _superres,
}
