"""The model card of a fitted checkpoint: what it is, exactly how it was made, how it scores."""

from __future__ import annotations

from core_model.checkpoints.layout import StoredCheckpoint
from core_model.schema.fit import FitConfig

SCORE_NAMES = {
    "chamfer_percent": ("chamfer distance, mean of both directions, point to surface", "% of head height (0.42 world units)", "≤ 0.5"),
    "normal_error_deg": ("median normal error, rendered normals at 128²", "degrees", "≤ 6"),
    "psnr_db": ("PSNR at 128²", "dB", "≥ 28"),
    "psnr_worst_db": ("PSNR of the worst seed", "dB", ""),
    "chamfer_worst_percent": ("chamfer distance of the worst seed", "% of head height", ""),
}


def model_card(stored: StoredCheckpoint, cfg: FitConfig) -> str:
    """Markdown text."""
    made = stored.header.provenance
    parts = "\n".join(f"| {name} | {count:,} |" for name, count in stored.parameters_by_part().items())
    rows = "\n".join(
        f"| {title} | {made.scores[key]:.2f} | {unit} | {aim} |" for key, (title, unit, aim) in SCORE_NAMES.items() if key in made.scores
    )
    count = int(made.scores.get("seeds", 0))
    scores = (
        f"Measured on {count} seeds that the fit never saw, untruncated (psi 1), default sampler.\n\n"
        f"| measure | value | unit | aim |\n|---|---|---|---|\n{rows}\n"
        if count
        else "Not measured.\n"
    )
    changed = {k: v for k, v in cfg.model_dump().items() if v != FitConfig.model_fields[k].default}
    flags = " ".join(f"--{k.replace('_', '-')} {v}" for k, v in changed.items())
    return f"""# {stored.header.name}: a generator of procedural heads

Family `wysiwyg` (What You See is What You GAN), preset `{cfg.preset}`, {sum(stored.parameters_by_part().values()):,} values,
{stored.file_bytes / 2**20:.1f} MiB. Licence: {stored.header.licence}.

It is **not** trained adversarially and has seen no photograph. Its latent fixes the parameters of a closed-form head
(`triscope data heads`), so the generator was regressed onto known signed distance and colour at points, then onto rendered rays; its
proposal network was trained with the paper's sampler loss on its own ray distributions.

| part | values |
|---|---|
{parts}

## How it was made ({made.made_at})

    triscope fit --out RUN {flags}

First the mapping network alone learned which head a latent is ({cfg.mapping_steps} steps of {cfg.mapping_batch} latents, no pictures). Then
{made.steps} optimiser steps: {cfg.coarse_steps} on planes of {cfg.coarse_size}² with {cfg.coarse_heads} heads × {cfg.coarse_points} points,
{cfg.base_steps} at the backbone's resolution, the rest at full resolution with {cfg.heads} heads × {cfg.points} points;
from step {cfg.image_start} every {_nth(cfg.ray_every)}head comes with {cfg.rays} rays, half of them beside the outline.
Heads come from a pool that starts with {cfg.pool_start} and grows by {cfg.pool_growth:g} per step to at most {cfg.pool}
(seeds from {cfg.seed} on).
Then {cfg.proposal_steps} steps of the proposal network, towards targets blurred by {cfg.blur_bins:g} bins. The
weights are the running average.

## How it scores

{scores}
## Limits

Heads are stylised and few-featured; hair is a volume with grooves, not strands; shoulders end at the box. Views far outside the
camera prior (yaw N(0, 0.3), pitch N(0, 0.2)) were supervised by points only. Lighting is baked into the colour.
"""


def _nth(every: int) -> str:
    return "" if every == 1 else "other " if every == 2 else f"{every}th "
