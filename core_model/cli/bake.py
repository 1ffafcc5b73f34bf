"""`triscope bake CHECKPOINT --out HEAD.html [--seeds 1,2,3]`: heads to share, as one page for any browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from core_model.cli.files import check_output
from core_model.cli.opening import ViewOptions, opened_view
from core_model.cli.options import seeds_of
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import record_of
from core_model.output.baked_page import PageHead, write_page
from core_model.schema.camera import OrbitPose
from core_model.schema.latent import SeedWeight
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.seeds import MOST_TOGETHER

SUMMARY = "Heads as one HTML file that any browser shows: orbit, zoom, colour, normals, depth."


@dataclass(frozen=True, kw_only=True)
class BakeOptions(ViewOptions):
    out: Annotated[Path, arg(metavar="HEAD.html")]
    """the page"""
    seeds: Annotated[str | None, arg(metavar="A-B,C", help_behavior_hint="")] = None
    """several heads side by side; default: the one of --seed or --request"""
    level: Literal["64", "128", "256", "512"] = "256"
    """cells along an edge of the box; a head takes some 2 MB at 128, 8 MB at 256"""


def main(args: list[str]) -> None:
    options = parse(BakeOptions, args, "bake", SUMMARY)
    check_output(options.out, (".html",))
    seeds = seeds_of(options.seeds, most=MOST_TOGETHER) if options.seeds is not None else None
    level = int(options.level)
    with opened_view(options, args, "bake", channels=None) as view:
        request, info = view.request, view.info
        latents = (
            [request.latent]
            if seeds is None
            else [request.latent.replace(seeds=(SeedWeight(seed=s),), z=None, w=None) for s in seeds]
        )
        heads = []
        with progress("bake") as update:
            for number, latent in enumerate(latents):
                told = lambda stage, part, number=number: update(stage, (number + part) / len(latents))
                question = BakeQuestion(
                    checkpoint=info.path, latent=latent, level=level, precision=request.precision
                )
                made = view.session.bake(question, progress=told)
                title = f"seed {seeds[number]}" if seeds is not None else ""
                heads.append(PageHead(title, made.spec, made.arrays))
        words = f"--level {level}" + ("" if options.seeds is None else f" --seeds {options.seeds}")
        camera = request.camera if isinstance(request.camera, OrbitPose) else info.header.camera.default
        name = info.title or info.header.name or Path(info.path).stem
        record = record_of(info, request.replace(latent=latents[0])).replace(motion=words)
        size = write_page(options.out, heads, camera, name, record)
    count = "1 head" if len(heads) == 1 else f"{len(heads)} heads"
    print(f"{options.out}: {count} at {level}³, {size / 1e6:.1f} MB")
