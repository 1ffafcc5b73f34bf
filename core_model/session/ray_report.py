"""Everything along one ray: the record behind the ray inspector (spec §7, Fig. 4) and `triscope inspect`."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from core_model.geometry.rays import Rays, camera_rays, ray_bounds
from core_model.ops.stepfun import entropy, leftover_mass, median, normalize, supervision_target
from core_model.rendering.empty import outside_only
from core_model.rendering.evaluate import Evaluated, Scene, evaluate, pdf_of, weights_of
from core_model.rendering.probe import Proposals, pdf_for_rays
from core_model.rendering.samplers import SAMPLERS, TileContext, draw
from core_model.sampling.placement import adaptive_mask, robust_set, span_samples
from core_model.sampling.types import RayPdf
from core_model.schema.inspect import BinSeries, RayReport, SampleTicks
from core_model.session.stages import StageRun

DENSE = 192
BLUR_BINS = 1.0


def inspect_ray(run: StageRun, x: int, y: int) -> RayReport:
    """Report of the ray through pixel (x, y); the field is evaluated densely, nothing is skipped inside the box."""
    start = time.perf_counter()
    request, conv = run.request, run.opened.info.header.conventions
    field = run.field(run.w())
    origins, dirs = camera_rays(request.camera, request.width, request.height, run.device)
    index = slice(y * request.width + x, y * request.width + x + 1)
    rays = ray_bounds(origins[index], dirs[index], conv)
    dense_scene = run.scene(field, outside_only(conv.box, run.device))
    dense = evaluate(dense_scene, rays, span_samples(rays.near, rays.far, DENSE, stratified=False, rng=None))
    weights, transmittance = weights_of(dense)
    truth = pdf_of(dense)
    numbers, units = _numbers(dense, weights, truth, rays)
    pdfs = [_series("truth", truth)]
    ticks: list[SampleTicks] = []
    robust: tuple[int, ...] = ()
    if run.opened.info.has_proposal:
        proposals = run.proposals(field, run.space(field))
        pdfs_more, ticks, robust, more = _learned(run, proposals, dense_scene, rays, truth, x, y)
        pdfs += pdfs_more
        numbers |= more
        units |= {"proposal entropy": "nats"}
    ticks.append(_final_ticks(run, run.scene(field, run.space(field)), rays, x, y))
    colours = _dense_colours(dense_scene, dense, rays)
    return RayReport(
        checkpoint=request.checkpoint, family=run.opened.info.family, x=x, y=y, width=request.width, height=request.height,
        origin=_triple(rays.origins[0]), direction=_triple(rays.dirs[0]), near=float(rays.near[0]), far=float(rays.far[0]),
        hit_box=bool(rays.hit[0]), t=_floats(dense.samples.t[0]), sdf=_floats(dense.dense(dense.table.sdf, torch.nan)[0]),
        density=_floats(dense.density[0]), beta=_floats(dense.dense(dense.table.beta, torch.nan)[0]),
        transmittance=_floats(transmittance[0]), colors=colours, pdfs=tuple(pdfs), ticks=tuple(ticks),
        tau=request.sampler.tau, robust_bins=robust, numbers=numbers, units=units, ms=(time.perf_counter() - start) * 1e3,
    )


def _learned(
    run: StageRun, proposals: Proposals, scene: Scene, rays: Rays, truth: RayPdf, x: int, y: int
) -> tuple[list[BinSeries], list[SampleTicks], tuple[int, ...], dict[str, float | None]]:
    request, spec = run.request, run.request.sampler
    p = proposals.at_pixels(_pixel(x, y, run), request.width, request.height)
    pdf = pdf_for_rays(p, rays)
    bins = pdf.bins
    probe_weights, probe_t = _probe_at(run, scene, rays, bins)
    mask = robust_set(p, spec.tau)
    target = supervision_target(probe_weights, BLUR_BINS)
    q = mask.float() / mask.sum()
    series = [
        BinSeries(name="probe", edges=_floats(probe_t[0]), values=_floats(probe_weights[0])),
        _series("prediction", pdf), BinSeries(name="target", edges=_floats(pdf.edges[0]), values=_floats(target[0])),
        BinSeries(name="robust", edges=_floats(pdf.edges[0]), values=_floats(q[0])),
    ]
    info = next(s for s in run.opened.info.samplers if s.name == "learned")
    low, high = spec.budgets(info.default_spp)
    count = spec.leftover_count(bins)
    share = spec.adaptive_share if spec.adaptive else 0.0
    hard = bool(adaptive_mask(proposals.leftover(count, request.width, request.height), share)[y * request.width + x])
    n = high if hard else low
    ticks = [SampleTicks(name="probe", t=_floats(probe_t[0]))]
    dense_truth = _rebin(truth, pdf.edges)
    numbers: dict[str, float | None] = {
        "leftover mass": float(leftover_mass(p, count)[0]), "proposal entropy": float(entropy(p)[0]), "samples": float(n),
        "hard ray": float(hard), "robust bins": float(mask.sum()),
    }
    if float(dense_truth.sum()) > 1e-3:
        goal = normalize(dense_truth)
        numbers["cross-entropy"] = float(-(goal * torch.log(p.clamp_min(1e-12))).sum())
        numbers["overlap"] = float(torch.minimum(goal, p).sum())
    peak = int(dense_truth.argmax())
    for strategy in ("unstratified", "stratified", "robust"):
        samples = draw(pdf, spec.replace(strategy=strategy), n, None)
        ticks.append(SampleTicks(name=strategy, t=_floats(samples.t[0]), delta=_floats(samples.delta[0])))
        inside = (samples.t >= pdf.edges[:, peak : peak + 1]) & (samples.t <= pdf.edges[:, peak + 1 : peak + 2])
        numbers[f"{strategy} hits the peak"] = float(inside.any()) if float(dense_truth.sum()) > 1e-3 else None
    return series, ticks, tuple(torch.nonzero(mask[0]).flatten().tolist()), numbers


def _final_ticks(run: StageRun, scene: Scene, rays: Rays, x: int, y: int) -> SampleTicks:
    """Where the request's own sampler puts its samples on this ray."""
    request = run.request
    sampler = SAMPLERS.get(request.sampler.name, where="sampler")
    info = next(s for s in run.opened.info.samplers if s.name == request.sampler.name)
    proposal = hard = None
    if sampler.needs_proposal and run.opened.info.has_proposal:
        found = run.proposals(run.field(run.w()), scene.space)
        proposal = found.at_pixels(_pixel(x, y, run), request.width, request.height)
        leftover = found.leftover(request.sampler.leftover_count(proposal.shape[1]), request.width, request.height)
        share = request.sampler.adaptive_share if request.sampler.adaptive else 0.0
        hard = adaptive_mask(leftover, share)[y * request.width + x][None]
    placed = sampler.place(TileContext(scene, rays, request.sampler, info.default_spp, None, proposal, hard))
    valid = placed.samples.valid[0]
    return SampleTicks(name="final", t=_floats(placed.samples.t[0][valid]), delta=_floats(placed.samples.delta[0][valid]))


def _probe_at(run: StageRun, scene: Scene, rays: Rays, bins: int) -> tuple[Tensor, Tensor]:
    """The probe's uniform weights along this very ray: [1, K] and their edges [1, K+1]."""
    probe = evaluate(scene, rays, span_samples(rays.near, rays.far, bins + 1, stratified=False, rng=None))
    pdf = pdf_of(probe)
    return pdf.weights, pdf.edges


def _numbers(
    dense: Evaluated, weights: Tensor, truth: RayPdf, rays: Rays
) -> tuple[dict[str, float | None], dict[str, str]]:
    opacity = float(weights.sum())
    seen = opacity > 0.05
    t = dense.samples.t[0]
    sdf = dense.dense(dense.table.sdf, torch.nan)[0]
    crossing = None
    if dense.table.sdf is not None:
        falls = torch.nonzero((sdf[:-1] > 0) & (sdf[1:] <= 0)).flatten()
        if len(falls):
            i = int(falls[0])
            f = float(sdf[i] / (sdf[i] - sdf[i + 1]))
            crossing = float(t[i] + f * (t[i + 1] - t[i]))
    middle = dense.samples.t + 0.5 * dense.samples.delta
    numbers: dict[str, float | None] = {
        "opacity": opacity,
        "expected depth": float((weights * middle).sum() / opacity) if seen else None,
        "median depth": float(median(truth.edges, truth.weights)[0]) if seen else None,
        "first zero crossing": crossing,
        "entropy": float(entropy(truth.weights)[0]) if seen else None,
    }
    length = "world units"
    return numbers, {
        "expected depth": length, "median depth": length, "first zero crossing": length, "entropy": "nats", "samples": "samples"
    }


def _dense_colours(scene: Scene, dense: Evaluated, rays: Rays) -> tuple[tuple[float, float, float], ...]:
    n = dense.samples.t.shape[1]
    out = torch.full((n, 3), torch.nan, device=rays.dirs.device)
    if dense.evaluations:
        dirs = rays.dirs if scene.camera_dirs else scene.frontal[None]
        colour = scene.field.colour(dense.table, dense.points, dirs.expand(dense.evaluations, 3)[None])[0]
        known = dense.row[0] >= 0
        out[known] = colour[dense.row[0][known]]
    return tuple(_triple(c) for c in out.clamp(0.0, 1.0))


def _rebin(pdf: RayPdf, edges: Tensor) -> Tensor:
    """Mass of a step function in other bins [1, K']: differences of its cumulative sum, interpolated linearly."""
    cumulative = torch.nn.functional.pad(torch.cumsum(pdf.weights[0], dim=0), (1, 0))
    source, target = pdf.edges[0].contiguous(), edges[0].contiguous()
    i = (torch.searchsorted(source, target, right=True) - 1).clamp(0, len(source) - 2)
    f = ((target - source[i]) / (source[i + 1] - source[i]).clamp_min(1e-12)).clamp(0, 1)
    at = cumulative[i] + f * (cumulative[i + 1] - cumulative[i])
    return torch.diff(at)[None].clamp_min(0.0)


def _pixel(x: int, y: int, run: StageRun) -> Tensor:
    return torch.tensor([y * run.request.width + x], device=run.device)


def _series(name: str, pdf: RayPdf) -> BinSeries:
    return BinSeries(name=name, edges=_floats(pdf.edges[0]), values=_floats(pdf.weights[0]))


def _floats(x: Tensor) -> tuple[float, ...]:
    return tuple(x.float().cpu().tolist())


def _triple(x: Tensor) -> tuple[float, float, float]:
    a, b, c = x.float().cpu().tolist()
    return a, b, c
