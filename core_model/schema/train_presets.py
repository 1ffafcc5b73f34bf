"""Presets of `triscope train`: complete values of the `TrainConfig` tree."""

from __future__ import annotations

from core_model.schema.conventions import HEADS_BACKGROUND
from core_model.schema.plugins import refuse
from core_model.schema.recipes import PLUGINS, RECIPES
from core_model.schema.registry import Registry
from core_model.schema.schedule import Curve, Schedule
from core_model.schema.train import (
    AugmentConfig,
    DataConfig,
    DiscriminatorConfig,
    LossConfig,
    NetworkConfig,
    OptimConfig,
    OutputConfig,
    RenderConfig,
    TrainConfig,
)
from core_model.schema.train_presets_density import DENSITY_PRESETS, SMALL_OUTPUT


def _installed() -> None:
    """Presets of other packages' recipes."""
    RECIPES.names()
    for entry, found in PLUGINS.items():
        try:
            made = found.presets()
            if found.info.preset not in {cfg.preset for cfg in made}:
                raise ValueError(f"no preset {found.info.preset!r} among its presets")
            for cfg in made:
                PRESETS.add(cfg.preset, cfg)
        except (Exception, SystemExit) as error:  # foreign code: anything may come out of it
            refuse("recipes", entry, error)


PRESETS: Registry[TrainConfig] = Registry("preset", _installed)
FINE_TUNED = {
    "afhq512": "the FFHQ model: a snapshot of preset ffhq512",
    "eg3d-afhq512": "the FFHQ model: a snapshot of preset eg3d-ffhq512, or EG3D's own file after `triscope import`",
    "mimic3d-afhq512": "the FFHQ model: a snapshot or state of preset mimic3d-ffhq512, or Mimic3D's own file after `triscope import`",
}
"""Presets that continue another training → what `start_from` should name."""


def start_missing(cfg: TrainConfig) -> str:
    """What `start_from` should name where a preset needs it and the settings do not; "" where nothing is missing."""
    return FINE_TUNED.get(cfg.preset, "") if not cfg.start_from else ""


def presets_of(recipe: str) -> tuple[str, ...]:
    """Names of a recipe's presets, the one that stands for it first."""
    first = RECIPES.get(recipe).preset
    return (first, *(p.preset for p in PRESETS if p.recipe == recipe and p.preset != first))


def _curve(text: str) -> Curve:
    return Curve.model_validate(text)


# What the paper trained FFHQ with: Table A4 is the default schedule. Weights of the losses are triscope's.
PRESETS.add("ffhq512", TrainConfig(preset="ffhq512", microbatch=4, loss=LossConfig(decision=0.01)))

# Fine-tuning of the FFHQ model: 1.2 M images with ADA and R1 gamma 6; what the schedule grew is grown from
# the start.
PRESETS.add(
    "afhq512",
    TrainConfig(
        preset="afhq512",
        images=1_200_000,
        microbatch=4,
        loss=LossConfig(decision=0.01, decision_start=0),
        augment=AugmentConfig(mode="ada"),
        schedule=Schedule(
            r1_gamma=_curve("6"),
            resolution=_curve("512"),
            surface_target=_curve("0.001"),
            colour_lr=_curve("1"),
            swap=_curve("0.5"),
            blur=_curve("0"),
            supervise=_curve("1"),
            propose=_curve("1"),
        ),
    ),
)

# Two CPU cores, some hours. Heads lie within 0.3 of the origin along rays and 0.4 across, so rays and planes
# span no more. A run has few steps: small batches, rates twice StyleGAN2's and little R1 (its rule,
# 0.0002 · pixels / batch, gives 0.1 for 64²) show heads after 4,000 images, where batch 16 at the usual rates
# and R1 0.3 had bands for faces at 16,000. The first pass samples more coarsely than the planes resolve, and the
# generator learns dark layers that fall between its samples: so each ray places its samples at random.
# What benchmarks/gan_study.py found (docs/pages/training.md): a surface loss that also presses rays into the plain
# background fills it with haze; surfaces of 0.03, three times the paper's, are smeared over three pixels and hold
# layers of other colours; pictures of 32², which the first 10,000 images were, cost two thirds of those of 64²;
# at a third of these rates of the two heads hair and face had one colour after 1,900 images, with these no longer.
# With a tenth of the surface loss the widths fell to a quarter of their target, the samples missed surfaces, and
# the discriminator won by the holes.
PRESETS.add(
    "heads64-cpu",
    TrainConfig(
        preset="heads64-cpu",
        images=100_000,
        batch=8,
        reuse_fakes=True,
        data=DataConfig(resolution=64, workers=0),
        network=NetworkConfig(
            z_dim=64,
            w_dim=64,
            channel_base=1024,
            channel_max=64,
            base_size=32,
            plane_size=64,
            plane_channels=8,
            plane_block_channels=8,
            noise=False,
            sdf_hidden=32,
            geo_dim=16,
            point_freqs=4,
            rgb_hidden=16,
            dir_freqs=0,
            beta_start=0.01,
            beta_floor=0.0005,
            image_size=64,
            probe_size=32,
            probe_samples=32,
            proposal_channels=24,
            proposal_size=64,
            default_spp=8.8,
            init_radius=0.2,
        ),
        discriminator=DiscriminatorConfig(channel_base=1024, channel_max=128, label_layers=2),
        render=RenderConfig(
            # What the samples miss becomes texture: dots for eyes in all faces with a first look of 48² and 20 + 6 samples, in
            # dark ones still with 32 + 12 (43.7 dB beside 384 samples per ray), no longer with these (49.3 dB).
            samples=48,
            refine=24,
            cull_floor=0.006,
            box=0.4,
            scene_radius=0.3,
            budget_low=8,
            budget_high=16,
            background=HEADS_BACKGROUND,
            patch=16,
            blur_bins=0.7,
        ),
        loss=LossConfig(
            surface=2000.0, surface_reduction="mean", surface_rays="met", bend=3.0, bend_points=768
        ),
        optim=OptimConfig(
            generator_lr=0.005,
            discriminator_lr=0.004,
            decoder_lr=0.3,
            colour_lr=0.3,
            ema_images=2000.0,
            precision="fp32",
            warmup_images=1000,
        ),
        schedule=Schedule(
            r1_gamma=_curve("0:0.05,10k:0.05,13k:0.2"),
            resolution=_curve("64"),
            surface_target=_curve("0.01"),
            colour_lr=_curve("0:2,90k:2,90k:1"),
            swap=_curve("0:1,4k:0.5"),
            blur=_curve("0:1.5,2k:0"),
            supervise=_curve("0:0,75k:0,75k:1"),
            propose=_curve("0:0,85k:0,85k:1"),
        ),
        output=SMALL_OUTPUT,
    ),
)

# One GPU, half an hour; sized by forecast, with what heads64-cpu taught (tight rays, little R1, bend loss).
# Never run whole: no GPU yet.
PRESETS.add(
    "heads128",
    TrainConfig(
        preset="heads128",
        images=600_000,
        batch=32,
        data=DataConfig(resolution=128, workers=6),
        network=NetworkConfig(
            z_dim=128,
            w_dim=256,
            channel_base=8192,
            channel_max=256,
            base_size=128,
            plane_size=256,
            plane_channels=16,
            plane_block_channels=32,
            sdf_hidden=64,
            geo_dim=32,
            rgb_hidden=32,
            beta_start=0.015,
            image_size=128,
            probe_size=64,
            probe_samples=96,
            proposal_channels=64,
            proposal_size=128,
            default_spp=8.8,
            init_radius=0.2,
        ),
        discriminator=DiscriminatorConfig(channel_base=8192, channel_max=256, label_layers=4),
        render=RenderConfig(
            samples=48,
            box=0.4,
            scene_radius=0.3,
            budget_low=8,
            budget_high=16,
            background=HEADS_BACKGROUND,
            patch=64,
        ),
        loss=LossConfig(
            surface=200.0,
            surface_reduction="mean",
            surface_rays="met",
            bend=0.3,
            bend_step=0.01,
            bend_points=8192,
        ),
        optim=OptimConfig(colour_lr=0.1, ema_images=5000.0, warmup_images=5000),
        schedule=Schedule(
            r1_gamma=_curve("0.2"),
            resolution=_curve("0:64,300k:64,340k:128"),
            surface_target=_curve("0:0.015,100k:0.015,300k:0.003"),
            colour_lr=_curve("0:2,500k:2,500k:1"),
            swap=_curve("0:1,50k:0.5"),
            blur=_curve("0:3,30k:0"),
            supervise=_curve("0:0,280k:0,280k:1"),
            propose=_curve("0:0,340k:0,340k:1"),
        ),
        output=OutputConfig(
            tick_images=4000, snapshot_ticks=10, image_ticks=5, grid=(8, 4), evaluate_images=1024
        ),
    ),
)

# Every stage of the recipe within seconds; shows that a machine can train, not what training is worth.
PRESETS.add(
    "smoke",
    TrainConfig(
        preset="smoke",
        images=96,
        batch=4,
        data=DataConfig(resolution=32, workers=0),
        network=NetworkConfig(
            z_dim=16,
            w_dim=16,
            channel_base=256,
            channel_max=16,
            base_size=16,
            plane_size=32,
            plane_channels=4,
            plane_block_channels=4,
            sdf_hidden=16,
            geo_dim=8,
            point_freqs=3,
            rgb_hidden=8,
            beta_start=0.03,
            beta_floor=0.001,
            image_size=32,
            probe_size=16,
            probe_samples=16,
            proposal_channels=8,
            proposal_size=32,
            default_spp=6.0,
            init_radius=0.2,
        ),
        discriminator=DiscriminatorConfig(channel_base=256, channel_max=16, label_layers=2),
        render=RenderConfig(
            samples=8,
            refine=2,
            cull_floor=0.002,
            budget_low=4,
            budget_high=8,
            background=HEADS_BACKGROUND,
            patch=8,
        ),
        loss=LossConfig(
            surface=50.0,
            surface_reduction="mean",
            decision=0.1,
            decision_points=256,
            decision_start=0,
            r1_interval=4,
        ),
        optim=OptimConfig(colour_lr=0.1, ema_images=16.0, precision="fp32"),
        schedule=Schedule(
            r1_gamma=_curve("0:1,48:1,48:2"),
            resolution=_curve("0:16,48:16,64:32"),
            surface_target=_curve("0:0.03,32:0.03,64:0.01"),
            colour_lr=_curve("0:2,80:2,80:1"),
            swap=_curve("0:1,32:0.5"),
            blur=_curve("0:1,16:0"),
            supervise=_curve("0:0,32:0,32:1"),
            propose=_curve("0:0,72:0,72:1"),
        ),
        output=OutputConfig(tick_images=16, snapshot_ticks=3, image_ticks=2, grid=(4, 2), evaluate_images=16),
    ),
)

for _preset in DENSITY_PRESETS:
    PRESETS.add(_preset.preset, _preset)
