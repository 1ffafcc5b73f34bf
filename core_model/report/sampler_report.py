"""The sampler report: Figures 3, 4, A5, A6 and A7 of What You See is What You GAN for one checkpoint and
view.

Everything is rendered first and written last, `report.json` after the pictures, so that an interrupted
report leaves nothing behind.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core_model.queries import QuerySession
from core_model.report.curves import a6_figure
from core_model.report.measure import FOREGROUND_OPACITY, choose_pixel, psnr_of
from core_model.report.pictures import Shot, a5_figure, a7_figure
from core_model.report.ray_figure import fig4_figure
from core_model.report.records import (
    COUNTS,
    REFERENCE_SPP,
    STRATEGIES,
    ChosenPixel,
    SamplerReport,
    Score,
    checks_of,
)
from core_model.report.volume_picture import volume_figure
from core_model.schema.atomic import atomic_path
from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import Cancelled, InputError, TriscopeError
from core_model.schema.record import KEY, NPZ_KEY, RenderRecord
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import Frame

Update = Callable[[str, float], None]
ADAPTIVE_SHARE = 0.1
LOOK = ("rgb", "opacity", "depth", "leftover", "entropy")
# Share of the time that the reference takes; the rest goes to some thirty cheaper pictures.
REFERENCE_PART = 0.55


@dataclass(frozen=True)
class Report:
    """The numbers and the five pictures by file name."""

    numbers: SamplerReport
    figures: dict[str, Image.Image]


@dataclass(frozen=True)
class _Bench:
    """Renders variations of one request and scores them against the reference."""

    session: QuerySession
    request: RenderRequest
    reference: np.ndarray
    foreground: np.ndarray

    def shot(
        self, name: str, title: str, spec: SamplerSpec, channels: tuple[str, ...] = ("rgb",)
    ) -> tuple[Shot, Frame]:
        frame = rendered(self.session, self.request.replace(sampler=spec, channels=channels))
        image, result = frame.arrays["rgb"], frame.result
        score = Score(
            name=name,
            title=title,
            strategy=spec.strategy if spec.name == "learned" else "",
            spp=_asked(spec),
            evaluated=result.evaluated_per_pixel,
            ms=result.total_ms,
            psnr=psnr_of(image, self.reference, self.foreground),
        )
        return Shot(image, score), frame


def sampler_report(
    session: QuerySession,
    info: CheckpointInfo,
    request: RenderRequest,
    pixel: tuple[int, int] | None,
    update: Update,
) -> Report:
    """Render and draw everything for the view of `request` (its sampler: tau and Fig. 4's budgets).

    pixel: (x, y) of Fig. 4; None = the hardest visible one. update(stage, fraction of the whole) comes
    between pictures.
    Raises InputError for a checkpoint without a proposal network, TriscopeError for a failed render.
    """
    started = time.perf_counter()
    if not info.has_proposal:
        raise InputError(
            what="no sampler report",
            where=info.path,
            expected="a checkpoint with a proposal network",
            got="none",
        )
    look = rendered(session, request.replace(channels=LOOK))
    chosen = choose_pixel(look.arrays) if pixel is None else _pixel(pixel, look)
    update("rays", 0.02)
    ray = session.inspect(request, chosen.x, chosen.y)
    full = SamplerSpec(name="importance", spp=REFERENCE_SPP)
    truth_request = request.replace(sampler=full, skip_empty=False, channels=("rgb", "opacity"))
    truth = rendered(
        session, truth_request, lambda stage, f: update("reference", 0.03 + (REFERENCE_PART - 0.03) * f)
    )
    foreground = truth.arrays["opacity"] > FOREGROUND_OPACITY
    bench = _Bench(session, request, truth.arrays["rgb"], foreground)
    grid = _strategies(bench, update)
    flat, adaptive, hard, rest = _adaptive(bench, update)
    scores = tuple(shot.score for row in grid.values() for shot in row)
    numbers = SamplerReport(
        checkpoint=request.checkpoint,
        view=view_of(request),
        width=request.width,
        height=request.height,
        pixel=chosen,
        foreground_share=float(foreground.mean()),
        probe_per_pixel=look.result.probe_per_pixel,
        reference_ms=truth.result.total_ms,
        strategies=scores,
        adaptive=tuple(s.score for s in (flat, adaptive, *rest)),
        adaptive_pixels=int(hard.sum()),
        checks=checks_of(scores),
        ray=ray,
        device=session.device,
        seconds=time.perf_counter() - started,
    )
    update("figures", 0.95)
    reference = truth.arrays["rgb"]
    figures = {
        "fig3.png": volume_figure(session.ray_volumes(request), view_of(request)),
        "fig4.png": fig4_figure(numbers, reference, np.nan_to_num(look.arrays["leftover"])),
        "a5.png": a5_figure(numbers, reference, grid),
        "a6.png": a6_figure(numbers),
        "a7.png": a7_figure(numbers, reference, flat, adaptive, hard, rest),
    }
    return Report(numbers, figures)


def write_report(folder: Path, report: Report, record: RenderRecord) -> list[Path]:
    """fig3.png, fig4.png, a5.png, a6.png, a7.png, report.json in `folder` (made if missing); returns the
    paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = PngInfo()
    text.add_itxt(KEY, record.model_dump_json())
    written = []
    for name, figure in report.figures.items():
        with atomic_path(folder / name) as temporary:
            figure.save(temporary, format="PNG", pnginfo=text)
        written.append(folder / name)
    document = {
        "report": finite(report.numbers.model_dump(mode="python")),
        NPZ_KEY: json.loads(record.model_dump_json()),
    }
    with atomic_path(folder / "report.json") as temporary:
        temporary.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return [*written, folder / "report.json"]


def rendered(session: QuerySession, request: RenderRequest, update: Update | None = None) -> Frame:
    """Render; an error in the result is raised, since half a report is none."""
    frame = session.render(request, progress=update)
    error = frame.result.error
    if error is None:
        return frame
    if error.kind == "input":
        raise InputError(what=error.message)
    raise Cancelled(error.message) if error.kind == "cancelled" else TriscopeError(error.message)


def view_of(request: RenderRequest) -> str:
    """Checkpoint, latent and camera in one line."""
    latent, camera = request.latent, request.camera
    if latent.z is not None or latent.w is not None:
        head = "z from a file" if latent.z is not None else "explicit w"
    else:
        head = "seed " + " + ".join(str(s.seed) for s in latent.seeds)
    pose = (
        f"yaw {camera.yaw:.3g}, pitch {camera.pitch:.3g} rad"
        if isinstance(camera, OrbitPose)
        else "camera by label"
    )
    return f"{Path(request.checkpoint).name}, {head}, psi {latent.psi:g}, {pose}"


def finite(value: object) -> object:
    """Plain data for strict JSON: NaN and infinities become null, tuples lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    return [finite(v) for v in value] if isinstance(value, list | tuple) else value


def _strategies(bench: _Bench, update: Update) -> dict[str, list[Shot]]:
    """A5 and A6: each strategy at each budget, the same for every ray."""
    grid: dict[str, list[Shot]] = {name: [] for name in STRATEGIES}
    done = 0
    for strategy in STRATEGIES:
        for n in COUNTS:
            update(f"{strategy}, {n} samples", REFERENCE_PART + 0.32 * done / (len(COUNTS) * len(STRATEGIES)))
            spec = bench.request.sampler.replace(
                name="learned",
                strategy=strategy,
                spp=float(n),
                adaptive=False,
                low_budget=None,
                high_budget=None,
            )
            grid[strategy].append(bench.shot(f"{strategy}_{n}", f"{strategy}, {n} samples", spec)[0])
            done += 1
    return grid


def _adaptive(bench: _Bench, update: Update) -> tuple[Shot, Shot, np.ndarray, list[Shot]]:
    """A7: 10 samples for all, 9 or 19 by leftover mass, the chosen pixels [H, W], the two-pass pictures."""
    base = bench.request.sampler.replace(
        name="learned",
        strategy="robust",
        spp=10.0,
        adaptive_share=ADAPTIVE_SHARE,
        low_budget=None,
        high_budget=None,
    )
    update("adaptive", 0.88)
    flat, _ = bench.shot("flat_10", "Robust, 10 samples for every pixel", base.replace(adaptive=False))
    split = base.replace(adaptive=True, low_budget=9, high_budget=19)
    adaptive, frame = bench.shot(
        "adaptive_9_19", "Robust, 9 samples for 90 %, 19 for 10 %", split, ("rgb", "samples")
    )
    update("two-pass", 0.91)
    rest = []
    for n, note in ((10, ""), (22, " (10 + the paper's probe of 12)")):
        spec = SamplerSpec(name="importance", spp=float(n))
        rest.append(bench.shot(f"importance_{n}", f"Two-pass importance, {n} samples{note}", spec)[0])
    return flat, adaptive, frame.arrays["samples"] > 14.0, rest


def _asked(spec: SamplerSpec) -> float:
    return float(spec.spp) if spec.spp is not None else 0.0


def _pixel(pixel: tuple[int, int], look: Frame) -> ChosenPixel:
    x, y = pixel
    leftover = float(look.arrays["leftover"][y, x])
    return ChosenPixel(
        x=x,
        y=y,
        how="named by --pixel",
        opacity=float(look.arrays["opacity"][y, x]),
        leftover=leftover if math.isfinite(leftover) else None,
    )
