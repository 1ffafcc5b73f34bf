"""Everything along one ray: the record behind the ray inspector (spec §7, Fig. 4) and `triscope inspect`."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.fields.base import Field
from core_model.geometry.rays import Rays, camera_rays, ray_bounds
from core_model.ops.pixel_noise import PixelNoise
from core_model.ops.stepfun import entropy, median, normalize, supervision_target
from core_model.rendering.empty import outside_only
from core_model.rendering.evaluate import Evaluated, RayEvaluator, Scene, evaluate, pdf_of, weights_of
from core_model.sampling.placement import draw, pdf_on_bins, robust_set, uniform_samples
from core_model.sampling.samplers import SAMPLERS
from core_model.sampling.tile import Tile
from core_model.sampling.types import RayPdf
from core_model.schema.checkpoint import USUAL_TARGET_BLUR
from core_model.schema.inspect import BinSeries, RayReport, SampleTicks
from core_model.session.stages import StageRun

DENSE = 192


def inspect_ray(run: StageRun, x: int, y: int) -> RayReport:
    """Report of the ray through pixel (x, y); the field is evaluated densely, nothing is skipped inside the
    box.
    """
    start = time.perf_counter()
    request, conv = run.request, run.opened.info.header.conventions
    field = run.field(run.w())
    origins, dirs = camera_rays(request.camera, request.width, request.height, run.device)
    index = slice(y * request.width + x, y * request.width + x + 1)
    rays = ray_bounds(origins[index], dirs[index], conv, parallel=request.camera.orthographic)
    dense_scene = run.scene(field, outside_only(conv.box, run.device))
    learned = _learned_ray(run, field, rays, x, y)
    noise = PixelNoise(request.seed, torch.tensor([y * request.width + x], device=run.device))
    dense = evaluate(dense_scene, rays, uniform_samples(rays.near, rays.far, DENSE))
    weights, transmittance = weights_of(dense)
    truth = pdf_of(dense)
    numbers, units = _numbers(dense, weights, truth)
    pdfs = [_series("truth", truth)]
    ticks: list[SampleTicks] = []
    robust: tuple[int, ...] = ()
    threshold = None
    if learned is not None:
        pdfs_more, ticks, robust, more = _learned(run, learned, dense_scene, rays, truth, noise)
        threshold = min((pdfs_more[1].values[i] for i in robust), default=None)
        pdfs += pdfs_more
        numbers |= more
        units |= {
            "proposal entropy": "nats",
            "target blur": "bins" if run.opened.info.header.target_blur is not None else "bins (assumed)",
        }
    ticks.append(_final_ticks(run, field, rays, learned, noise))
    edges = truth.edges if learned is None else learned.pdf.edges
    hits = {row.name: _hits(row, edges, _rebin(truth, edges)) for row in ticks if row.name != "probe"}
    numbers |= {f"{name} hits the peak": None if hit is None else float(hit) for name, hit in hits.items()}
    numbers.setdefault("samples", float(len(ticks[-1].t)))
    numbers["nearest sample to the crossing"] = _nearest(ticks[-1], numbers["first zero crossing"])
    units["nearest sample to the crossing"] = "world units"
    colours = _dense_colours(dense_scene, dense, rays)
    return RayReport(
        checkpoint=request.checkpoint,
        family=run.opened.info.family,
        x=x,
        y=y,
        width=request.width,
        height=request.height,
        origin=_triple(rays.origins[0]),
        direction=_triple(rays.dirs[0]),
        near=float(rays.near[0]),
        far=float(rays.far[0]),
        hit_box=bool(rays.hit[0]),
        t=_floats(dense.samples.t[0]),
        sdf=_floats(dense.dense(dense.table.sdf, torch.nan)[0]),
        density=_floats(dense.density[0]),
        beta=_floats(dense.dense(dense.table.beta, torch.nan)[0]),
        transmittance=_floats(transmittance[0]),
        colors=colours,
        pdfs=tuple(pdfs),
        ticks=tuple(ticks),
        tau=request.sampler.tau,
        robust_bins=robust,
        robust_threshold=threshold,
        hits=hits,
        numbers=numbers,
        units=units,
        ms=(time.perf_counter() - start) * 1e3,
    )


@dataclass(frozen=True)
class _LearnedRay:
    """What the learned sampler knows of the ray: p̂ [1, K] on its bins, its pixel of the leftover map, and
    whether it is chosen.
    """

    p: Tensor
    pdf: RayPdf
    leftover: float
    hard: bool
    budgets: tuple[int, int]

    @property
    def count(self) -> int:
        return self.budgets[1] if self.hard else self.budgets[0]


def _learned_ray(run: StageRun, field: Field, rays: Rays, x: int, y: int) -> _LearnedRay | None:
    """None for families without a proposal network."""
    if not run.opened.info.has_proposal:
        return None
    request, spec = run.request, run.request.sampler
    proposals = run.proposals(field, run.space(field))
    pixel = y * request.width + x
    p = proposals.at_pixels(torch.tensor([pixel], device=run.device), request.width, request.height)
    info = next(s for s in run.opened.info.samplers if s.name == "learned")
    leftover = proposals.leftover(spec, request.width, request.height)
    hard = spec.adaptive and _is_chosen(leftover, pixel, spec.adaptive_share)
    return _LearnedRay(
        p, pdf_on_bins(p, rays.near, rays.far), float(leftover[pixel]), hard, spec.budgets(info.default_spp)
    )


def _is_chosen(leftover: Tensor, pixel: int, share: float) -> bool:
    """`adaptive_mask(leftover, share)[pixel]` without sorting the picture: a ray's rank is a count."""
    own = leftover[pixel]
    rank = int((leftover > own).sum()) + int((leftover[:pixel] == own).sum())
    return rank < int(round(share * len(leftover)))


def _learned(
    run: StageRun, ray: _LearnedRay, scene: Scene, rays: Rays, truth: RayPdf, noise: PixelNoise
) -> tuple[list[BinSeries], list[SampleTicks], tuple[int, ...], dict[str, float | None]]:
    spec, p, pdf = run.request.sampler, ray.p, ray.pdf
    probe_weights, probe_t = _probe_at(scene, rays, pdf.bins)
    mask = robust_set(p, spec.tau)
    known = run.opened.info.header.target_blur
    blur = known if known is not None else USUAL_TARGET_BLUR
    target = supervision_target(probe_weights, blur)
    q = mask.float() / mask.sum()
    series = [
        BinSeries(name="probe", edges=_floats(probe_t[0]), values=_floats(probe_weights[0])),
        _series("prediction", pdf),
        BinSeries(name="target", edges=_floats(pdf.edges[0]), values=_floats(target[0])),
        BinSeries(name="robust", edges=_floats(pdf.edges[0]), values=_floats(q[0])),
    ]
    ticks = [SampleTicks(name="probe", t=_floats(probe_t[0]))]
    dense_truth = _rebin(truth, pdf.edges)
    numbers: dict[str, float | None] = {
        "leftover mass": ray.leftover,
        "proposal entropy": float(entropy(p)[0]),
        "target blur": blur,
        "samples": float(ray.count),
        "hard ray": float(ray.hard),
        "robust bins": float(mask.sum()),
    }
    if float(dense_truth.sum()) > 1e-3:
        goal = normalize(dense_truth)
        numbers["cross-entropy"] = float(-(goal * torch.log(p.clamp_min(1e-12))).sum())
        numbers["overlap"] = float(torch.minimum(goal, p).sum())
    for strategy in ("unstratified", "stratified", "robust"):
        samples = draw(pdf, spec.replace(strategy=strategy), ray.count, noise)
        ticks.append(SampleTicks(name=strategy, t=_floats(samples.t[0]), delta=_floats(samples.delta[0])))
    return series, ticks, tuple(torch.nonzero(mask[0]).flatten().tolist()), numbers


def _final_ticks(
    run: StageRun, field: Field, rays: Rays, learned: _LearnedRay | None, noise: PixelNoise
) -> SampleTicks:
    """Where the request's own sampler puts its samples on this ray."""
    request = run.request
    sampler = SAMPLERS.get(request.sampler.name, where="sampler")
    info = next(s for s in run.opened.info.samplers if s.name == request.sampler.name)
    proposal = hard = None
    if sampler.needs_proposal and learned is not None:
        proposal, hard = learned.p, torch.tensor([learned.hard], device=run.device)
    evaluator = RayEvaluator(run.scene(field, run.space(field)), rays)
    placed = sampler.place(
        Tile(
            evaluator,
            rays,
            request.sampler,
            info.default_spp,
            noise,
            proposal,
            hard,
            run.guide(sampler, field),
        )
    )
    valid = placed.samples.valid[0]
    return SampleTicks(
        name="final", t=_floats(placed.samples.t[0][valid]), delta=_floats(placed.samples.delta[0][valid])
    )


def _hits(row: SampleTicks, edges: Tensor, truth: Tensor) -> bool | None:
    """Whether a sample lies in the bin that holds most of the true weight; None where the ray meets nothing."""
    if float(truth.sum()) <= 1e-3:
        return None
    peak = int(truth.argmax())
    low, high = float(edges[0, peak]), float(edges[0, peak + 1])
    return any(low <= t <= high for t in row.t)


def _nearest(row: SampleTicks, crossing: float | None) -> float | None:
    """Distance from the first zero crossing to the sample that lies nearest to it."""
    return None if crossing is None or not row.t else min(abs(t - crossing) for t in row.t)


def _probe_at(scene: Scene, rays: Rays, bins: int) -> tuple[Tensor, Tensor]:
    """The probe's uniform weights along this very ray: [1, K] and their edges [1, K+1]."""
    probe = evaluate(scene, rays, uniform_samples(rays.near, rays.far, bins + 1))
    pdf = pdf_of(probe)
    return pdf.weights, pdf.edges


def _numbers(
    dense: Evaluated, weights: Tensor, truth: RayPdf
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
    if dense.table.beta is not None:
        mean = float((weights * dense.dense(dense.table.beta, 0.0)).sum() / opacity) if seen else None
        numbers["surface variance B"] = mean
    length = "world units"
    return numbers, {
        "expected depth": length,
        "median depth": length,
        "first zero crossing": length,
        "entropy": "nats",
        "samples": "samples",
        "surface variance B": length,
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
    """Mass of a step function in other bins [1, K']: differences of its cumulative sum, interpolated
    linearly.
    """
    cumulative = torch.nn.functional.pad(torch.cumsum(pdf.weights[0], dim=0), (1, 0))
    source, target = pdf.edges[0].contiguous(), edges[0].contiguous()
    i = (torch.searchsorted(source, target, right=True) - 1).clamp(0, len(source) - 2)
    f = ((target - source[i]) / (source[i + 1] - source[i]).clamp_min(1e-12)).clamp(0, 1)
    at = cumulative[i] + f * (cumulative[i + 1] - cumulative[i])
    return torch.diff(at)[None].clamp_min(0.0)


def _series(name: str, pdf: RayPdf) -> BinSeries:
    return BinSeries(name=name, edges=_floats(pdf.edges[0]), values=_floats(pdf.weights[0]))


def _floats(x: Tensor) -> tuple[float, ...]:
    return tuple(x.float().cpu().tolist())


def _triple(x: Tensor) -> tuple[float, float, float]:
    a, b, c = x.float().cpu().tolist()
    return a, b, c
