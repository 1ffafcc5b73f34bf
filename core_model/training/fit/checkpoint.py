"""The checkpoints of a fit, and the model card of the one that is exported."""

from __future__ import annotations

import time
from pathlib import Path

from core_model.checkpoints.layout import StoredCheckpoint, read_header
from core_model.checkpoints.store import load_tensors, save_checkpoint
from core_model.families.wysiwyg.config import PRESETS
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.camera import CameraPrior
from core_model.schema.checkpoint import CheckpointHeader, Provenance
from core_model.schema.fit import FitConfig
from core_model.schema.overrides import changed_paths
from core_model.training.common.run_directory import saved_config, write_atomic
from core_model.training.fit.latent import IDENTITY_SPREAD

SCORE_NAMES = {
    "chamfer_percent": (
        "chamfer distance, mean of both directions, point to surface",
        "% of head height (0.42 world units)",
        "≤ 0.5",
    ),
    "normal_error_deg": ("median normal error, rendered normals at 128²", "degrees", "≤ 8"),
    "psnr_db": ("PSNR at 128²", "dB", "≥ 27"),
    "psnr_worst_db": ("PSNR of the worst seed", "dB", ""),
    "psnr_worst_seed": ("which seed that is", "", ""),
    "chamfer_worst_percent": ("chamfer distance of the worst seed", "% of head height", ""),
    "chamfer_worst_seed": ("which seed that is", "", ""),
}


def heads_seen(cfg: FitConfig, steps: int | None = None) -> int:
    """Heads, counted as often as they were shown, of `steps` steps of the generator; None = of all its steps."""
    steps = cfg.steps if steps is None else steps
    base, size, coarse = PRESETS[cfg.preset].base_size, cfg.coarse_size, 0
    for at in cfg.doublings:
        if size >= base:
            break
        coarse, size = at, 2 * size
    coarse = min(coarse if size >= base else steps, steps)
    return coarse * cfg.coarse_heads + (steps - coarse) * cfg.heads


def write_checkpoint(
    path: Path, generator: WysiwygGenerator, cfg: FitConfig, steps: int, *, with_proposals: bool = True
) -> None:
    """The generator as a native checkpoint; without its proposal network while that has learned nothing."""
    network, tensors = generator.cfg, generator.state_dict()
    if not with_proposals and network.proposal_channels:
        network = network.replace(proposal_channels=0)
        tensors = {name: value for name, value in tensors.items() if not name.startswith("proposal.")}
    header = CheckpointHeader(
        family="wysiwyg",
        name="heads",
        config=network.model_dump(),
        conventions=generator.conventions,
        camera=CameraPrior(yaw_std=0.3, pitch_std=0.2, law="normal"),
        provenance=Provenance(
            made_by="triscope fit",
            made_at=time.strftime("%Y-%m-%d"),
            command=f"triscope fit --out RUN --seed {cfg.seed}",
            data="heads of the head pack (assets/headpack, CC0) with known signed distance and colour",
            steps=steps,
            images_seen=float(heads_seen(cfg)),
            ema=True,
            notes="Fitted to known truth, not adversarially. A latent's head follows from z / rms(z): core_model/training/fit/latent.py.",
        ),
        licence="Apache-2.0",
        target_blur=cfg.blur_bins if network.proposal_channels else None,
    )
    save_checkpoint(path, header, tensors)


def export_checkpoint(source: Path, target: Path, run: Path, scores: dict[str, float]) -> None:
    """Half-precision copy of a checkpoint with its scores in the header, and its model card beside it."""
    stored = read_header(source)
    header = stored.header
    header = header.replace(name=target.stem, provenance=header.provenance.replace(scores=scores))
    save_checkpoint(target, header, load_tensors(source), half=True)
    cfg = saved_config(run, FitConfig)
    notes = run / "notes.md"
    text = model_card(read_header(target), cfg) + (
        notes.read_text(encoding="utf-8") if notes.exists() else ""
    )
    write_atomic(target.with_suffix(".md"), text.encode())


def model_card(stored: StoredCheckpoint, cfg: FitConfig) -> str:
    """Markdown text."""
    made = stored.header.provenance
    parts = "\n".join(f"| {name} | {count:,} |" for name, count in stored.parameters_by_part().items())
    rows = "\n".join(
        f"| {title} | {_number(key, made.scores[key])} | {unit} | {aim} |"
        for key, (title, unit, aim) in SCORE_NAMES.items()
        if key in made.scores
    )
    count = int(made.scores.get("seeds", 0))
    scores = (
        f"Measured on {count} seeds that the fit never saw, untruncated (psi 1), default sampler.\n\n"
        f"| measure | value | unit | aim |\n|---|---|---|---|\n{rows}\n"
        if count
        else "Not measured.\n"
    )
    changed = changed_paths(cfg, FitConfig())
    flags = " ".join(f"--{path.replace('_', '-')} {text}" for path, text in changed.items())
    return f"""# {stored.header.name}: a generator of heads of the head pack

Family `wysiwyg` (What You See is What You GAN), preset `{cfg.preset}`, {sum(stored.parameters_by_part().values()):,} values,
{stored.file_bytes / 2**20:.1f} MiB. Licence: {stored.header.licence}; the pack is CC0 (`assets/headpack`).

It is **not** trained adversarially and has seen no photograph. Its latent fixes the parameters of a head of the pack. Variety is kept
small, so that a typical head is drawn sharply: adults up to about forty who smile a little, six skins, five hair styles, four kinds of
clothes, no hats or glasses, features spread {IDENTITY_SPREAD:.0%} as far as in `triscope data heads`.

The generator was regressed onto views of such heads along the three axes, then onto signed distance and colour at points and onto rays;
its proposal network was trained with the paper's sampler loss on its own ray distributions. Signed distance is that of a solid: hair
and cloth fill what lies under them. Planes span [-{cfg.box:g}, {cfg.box:g}]³: a bust, cut where the box ends.

| part | values |
|---|---|
{parts}

## How it was made ({made.made_at})

    triscope fit --out RUN {flags}

First the mapping network alone learned which head a latent is ({cfg.mapping_steps} steps of {cfg.mapping_batch} latents, no pictures). Then
{made.steps} optimiser steps: planes of {cfg.coarse_size}², doubled at step {", ".join(f"{at:,}" for at in cfg.doublings)},
{cfg.coarse_heads} heads per step while they are small, {cfg.heads} from the backbone's resolution on. Up to step {cfg.joint_start:,} each
plane learned what the head looks like from both its sides (depth, colour, distance to the outline), and the decoder learned
to read distance and colour from such planes at {cfg.points} points per step; from there on {cfg.points} points and {cfg.rays} rays
per head taught both.
Heads come from a pool that starts with {cfg.pool_start} and grows by {cfg.pool_growth:g} per step to at most {cfg.pool}
(seeds from {cfg.seed} on).
Then {cfg.proposal_steps} steps of the proposal network, towards targets blurred by {cfg.blur_bins:g} bins. The
weights are the running average.

## How it scores

{scores}
## Limits

Hair is a solid with a painted surface, not strands; teeth and the inside of the mouth are hinted at; the body ends at the
box. Brows, lashes and light are part of the colour. Latents near a threshold between two styles mix them.
"""


def _number(name: str, value: float) -> str:
    return f"{value:.0f}" if name.endswith("_seed") else f"{value:.2f}"
