"""Presets of `triscope train`: complete values of the `TrainConfig` tree."""

from __future__ import annotations

from core_model.schema.conventions import HEADS_BACKGROUND
from core_model.schema.recipes import RECIPES
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
from core_model.schema.train_epigraf import (
    EpigrafCameraConfig,
    EpigrafNetworkConfig,
    EpigrafPatchConfig,
    EpigrafRenderConfig,
    EpigrafTrainConfig,
)
from core_model.schema.train_mimic3d import Mimic3dNetworkConfig, Mimic3dTrainConfig, PatchConfig
from core_model.schema.train_osg import Eg3dNetworkConfig, Eg3dTrainConfig, OsgRenderConfig

PRESETS: Registry[TrainConfig] = Registry("preset")
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

_SMALL_OUTPUT = OutputConfig(
    tick_images=1000, snapshot_ticks=4, image_ticks=2, grid=(8, 4), evaluate_images=256
)

# Two CPU cores, under an hour. Heads lie within 0.3 of the origin along rays and 0.4 across, so rays and
# planes span no more. A run has few steps: small batches, rates twice StyleGAN2's and little R1 (its rule,
# 0.0002 · pixels / batch, gives 0.1 for 64²) show heads after 4,000 images, where batch 16 at the usual rates
# and R1 0.3 had bands for faces at 16,000. The uniform first pass samples more coarsely
# than the planes resolve, and the generator learns dark layers that fall between its samples: so each ray
# places its samples at random, and surfaces are wide. At 32² the heads stay alike (from 8,000 to 11,000
# images the distance to the data rose); hair, skin and clothes differ within 1,000 images of growing. Grown
# by 9,000 images with a surface of 0.015 and a third of the bend loss it cut slits for eyes; with a tenth of
# the surface loss the widths fell to a quarter of their target after growing, the samples missed surfaces,
# and the discriminator won by the holes (22,000 images).
PRESETS.add(
    "heads64-cpu",
    TrainConfig(
        preset="heads64-cpu",
        images=24_000,
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
            beta_start=0.03,
            beta_floor=0.001,
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
            samples=20,
            refine=6,
            look=48,
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
            surface=2000.0,
            surface_reduction="mean",
            bend=3.0,
            bend_points=768,
            decision_points=4096,
            decision_start=0,
        ),
        optim=OptimConfig(
            generator_lr=0.005,
            discriminator_lr=0.004,
            colour_lr=0.1,
            ema_images=2000.0,
            precision="fp32",
            warmup_images=1000,
        ),
        schedule=Schedule(
            r1_gamma=_curve("0:0.05,10k:0.05,13k:0.2"),
            resolution=_curve("0:32,10k:32,13k:64"),
            surface_target=_curve("0:0.03,5k:0.03,12k:0.02,21k:0.02,23k:0.012"),
            colour_lr=_curve("0:2,22k:2,22k:1"),
            swap=_curve("0:1,4k:0.5"),
            blur=_curve("0:1.5,2k:0"),
            supervise=_curve("0:0,18k:0,18k:1"),
            propose=_curve("0:0,21k:0,21k:1"),
        ),
        output=_SMALL_OUTPUT,
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
            bend=0.3,
            bend_step=0.01,
            bend_points=8192,
            decision_points=32768,
            decision_start=0,
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

# --- EG3D. What its authors ran (batch 32 on 8 GPUs); swapping, blur and growth as in the released program.

_EG3D_SCHEDULE = Schedule(
    r1_gamma=_curve("1"), resolution=_curve("64"), swap=_curve("0:1,1M:0.5"), blur=_curve("0:10,200k:0")
)
PRESETS.add(
    "eg3d-ffhq512",
    TrainConfig(
        preset="eg3d-ffhq512", recipe="eg3d", images=25_000_000, microbatch=4, schedule=_EG3D_SCHEDULE
    ),
)

# Fine-tuning of the FFHQ model on cats: swapping and blur at their ends, the rendering grows to 128.
PRESETS.add(
    "eg3d-afhq512",
    TrainConfig(
        preset="eg3d-afhq512",
        recipe="eg3d",
        images=25_000_000,
        microbatch=4,
        schedule=Schedule(
            r1_gamma=_curve("5"), resolution=_curve("0:64,1M:128"), swap=_curve("0.8"), blur=_curve("0")
        ),
        augment=AugmentConfig(mode="ada", speed_images=100_000.0),
    ),
)

PRESETS.add(
    "eg3d-shapenet128",
    TrainConfig(
        preset="eg3d-shapenet128",
        recipe="eg3d",
        images=25_000_000,
        microbatch=4,
        data=DataConfig(resolution=128),
        eg3d=Eg3dTrainConfig(
            network=Eg3dNetworkConfig(superres="SuperresolutionHybrid2X"),
            render=OsgRenderConfig(coarse=64, fine=64, near=0.1, far=2.6, box_warp=1.6, white_back=True),
            pose_conditioning=False,
        ),
        schedule=_EG3D_SCHEDULE.replace(r1_gamma=_curve("0.3")),
    ),
)

# Two CPU cores, generated heads: the field is marched at 32² and doubled. Heads lie within 0.3 of the origin and the cameras stand 2.7
# away; rates and R1 are those of heads64-cpu.
PRESETS.add(
    "eg3d-heads64-cpu",
    TrainConfig(
        preset="eg3d-heads64-cpu",
        recipe="eg3d",
        images=24_000,
        batch=8,
        reuse_fakes=True,
        data=DataConfig(resolution=64, workers=0),
        eg3d=Eg3dTrainConfig(
            network=Eg3dNetworkConfig(
                z_dim=64,
                w_dim=64,
                embed_dim=64,
                mapping_hidden=(64,),
                channels=(64, 64, 64, 32, 16),
                plane_channels=8,
                plane_axes="three",
                noise=False,
                decoder_hidden=32,
                decoder_colours=16,
                superres="TriscopeDoubled32",
                superres_w_dim=64,
                superres_noise="absent",
            ),
            render=OsgRenderConfig(coarse=12, fine=12, near=2.35, far=3.05, box_warp=0.8, white_back=True),
        ),
        discriminator=DiscriminatorConfig(channel_base=1024, channel_max=128, label_layers=2),
        optim=OptimConfig(generator_lr=0.005, discriminator_lr=0.004, ema_images=2000.0, precision="fp32"),
        schedule=Schedule(
            r1_gamma=_curve("0:0.05,10k:0.05,13k:0.2"),
            resolution=_curve("32"),
            swap=_curve("0:1,4k:0.5"),
            blur=_curve("0:3,2k:0"),
        ),
        output=_SMALL_OUTPUT,
    ),
)

# EG3D's every phase within seconds, as `smoke` for WYSIWYG.
PRESETS.add(
    "eg3d-smoke",
    TrainConfig(
        preset="eg3d-smoke",
        recipe="eg3d",
        images=96,
        batch=4,
        data=DataConfig(resolution=64, workers=0),
        eg3d=Eg3dTrainConfig(
            network=Eg3dNetworkConfig(
                z_dim=16,
                w_dim=16,
                embed_dim=16,
                mapping_hidden=(16,),
                channels=(16, 16, 16),
                plane_channels=4,
                plane_axes="three",
                decoder_hidden=8,
                decoder_colours=8,
                superres="TriscopeDoubled32",
                superres_w_dim=16,
            ),
            render=OsgRenderConfig(coarse=6, fine=6, near=2.2, far=3.2, box_warp=1.0, white_back=True),
        ),
        discriminator=DiscriminatorConfig(channel_base=512, channel_max=16, label_layers=2),
        loss=LossConfig(r1_interval=4),
        optim=OptimConfig(ema_images=16.0, precision="fp32"),
        schedule=Schedule(
            r1_gamma=_curve("1"),
            resolution=_curve("0:16,48:16,64:32"),
            swap=_curve("0:1,32:0.5"),
            blur=_curve("0:1,16:0"),
        ),
        output=OutputConfig(tick_images=16, snapshot_ticks=3, image_ticks=2, grid=(4, 2), evaluate_images=16),
    ),
)

# --- EpiGRAF. Batch, length and R1 of the paper (§3.4), rates and blur of the released program, whose Adam has 0.0025 for
# the generator where the paper says 0.002. Faces and cats are judged with their cameras; Megascans' sets have none.

_EPIGRAF = TrainConfig(
    preset="epigraf-ffhq512",
    recipe="epigraf",
    images=20_000_000,
    batch=64,
    microbatch=8,
    discriminator=DiscriminatorConfig(channel_base=16384, label_layers=2),
    optim=OptimConfig(ema_images=20_000.0),
    augment=AugmentConfig(mode="ada"),
    schedule=Schedule(
        r1_gamma=_curve("0.05"),
        resolution=_curve("64"),
        swap=_curve("0:1,1M:0.5"),
        blur=_curve("0:10,200k:0"),
    ),
)
PRESETS.add("epigraf-ffhq512", _EPIGRAF)
PRESETS.add(
    "epigraf-cats256",
    _EPIGRAF.replace(preset="epigraf-cats256", images=15_000_000, data=DataConfig(resolution=256)),
)
for _set, _classes in (("food", 10), ("plants", 198)):
    PRESETS.add(
        f"epigraf-megascans-{_set}256",
        _EPIGRAF.replace(
            preset=f"epigraf-megascans-{_set}256",
            images=15_000_000,
            data=DataConfig(resolution=256, labels=False),
            discriminator=_EPIGRAF.discriminator.replace(pose=False),
            epigraf=EpigrafTrainConfig(
                network=EpigrafNetworkConfig(c_dim=_classes),
                render=EpigrafRenderConfig(fov=30.0, near=0.75, far=1.25, cube_scale=0.475, white_back=True),
                camera=EpigrafCameraConfig(prior="spherical_uniform"),
            ),
        ),
    )

# Two CPU cores, generated heads: patches of 32² out of 64², from whole pictures to half of them. Rates and R1 are those of
# eg3d-heads64-cpu. The cube holds the cameras' whole view from every side, for what lies behind is painted at the far end.
PRESETS.add(
    "epigraf-heads64-cpu",
    TrainConfig(
        preset="epigraf-heads64-cpu",
        recipe="epigraf",
        images=24_000,
        batch=8,
        data=DataConfig(resolution=64, workers=0),
        epigraf=EpigrafTrainConfig(
            network=EpigrafNetworkConfig(
                z_dim=64,
                w_dim=64,
                embed_dim=64,
                mapping_hidden=(64,),
                channels=(64, 64, 64, 32, 16),
                plane_channels=8,
                noise=False,
                mlp_widths=(32, 4),
            ),
            render=EpigrafRenderConfig(steps=12, fov=13.37, near=2.38, far=3.02, radius=2.7, cube_scale=0.48),
            patch=EpigrafPatchConfig(anneal=12_000.0),
            density_noise=_curve("0:1,4k:0"),
        ),
        discriminator=DiscriminatorConfig(channel_base=1024, channel_max=128, label_layers=2),
        optim=OptimConfig(generator_lr=0.005, discriminator_lr=0.004, ema_images=2000.0, precision="fp32"),
        schedule=Schedule(
            r1_gamma=_curve("0:0.05,10k:0.05,13k:0.2"),
            resolution=_curve("32"),
            swap=_curve("0:1,4k:0.5"),
            blur=_curve("0:1.5,2k:0"),
        ),
        output=_SMALL_OUTPUT,
    ),
)

# EpiGRAF's every phase within seconds, as `smoke` for WYSIWYG.
PRESETS.add(
    "epigraf-smoke",
    TrainConfig(
        preset="epigraf-smoke",
        recipe="epigraf",
        images=96,
        batch=4,
        data=DataConfig(resolution=32, workers=0),
        epigraf=EpigrafTrainConfig(
            network=EpigrafNetworkConfig(
                z_dim=16,
                w_dim=16,
                embed_dim=16,
                mapping_hidden=(16,),
                channels=(16, 16, 16, 16),
                plane_channels=4,
                mlp_widths=(8, 4),
            ),
            render=EpigrafRenderConfig(steps=6, fov=13.37, near=2.3, far=3.1, radius=2.7, cube_scale=0.45),
            patch=EpigrafPatchConfig(anneal=64.0),
            density_noise=_curve("0:1,48:0"),
        ),
        discriminator=DiscriminatorConfig(channel_base=512, channel_max=16, label_layers=2),
        loss=LossConfig(r1_interval=4),
        optim=OptimConfig(ema_images=16.0, precision="fp32"),
        schedule=Schedule(
            r1_gamma=_curve("1"), resolution=_curve("16"), swap=_curve("0:1,32:0.5"), blur=_curve("0:1,16:0")
        ),
        output=OutputConfig(tick_images=16, snapshot_ticks=3, image_ticks=2, grid=(4, 2), evaluate_images=16),
    ),
)

# --- Mimic3D, both stages in one run: 25 M images of the 2D branch, then 15 M of both (supplement, I.2). The released program
# runs the stages apart: that is --mimic3d.imitate=0, then --mimic3d.imitate=1 --start-from its state.

PRESETS.add(
    "mimic3d-ffhq512",
    TrainConfig(
        preset="mimic3d-ffhq512",
        recipe="mimic3d",
        images=40_000_000,
        microbatch=4,
        mimic3d=Mimic3dTrainConfig(imitate=_curve("0:0,25M:0,25M:1")),
        schedule=_EG3D_SCHEDULE,
    ),
)

# As its program: 4 M images of the 2D branch from the FFHQ model's, then the 3D branch; swapping and blur at their ends.
PRESETS.add(
    "mimic3d-afhq512",
    TrainConfig(
        preset="mimic3d-afhq512",
        recipe="mimic3d",
        images=10_000_000,
        microbatch=4,
        mimic3d=Mimic3dTrainConfig(imitate=_curve("0:0,4M:0,4M:1"), patch=PatchConfig(gamma=_curve("5"))),
        schedule=Schedule(
            r1_gamma=_curve("5"), resolution=_curve("64"), swap=_curve("0.5"), blur=_curve("0")
        ),
        augment=AugmentConfig(mode="ada", speed_images=100_000.0),
    ),
)

PRESETS.add(
    "mimic3d-shapenet128",
    TrainConfig(
        preset="mimic3d-shapenet128",
        recipe="mimic3d",
        images=40_000_000,
        microbatch=4,
        data=DataConfig(resolution=128),
        mimic3d=Mimic3dTrainConfig(
            network=Mimic3dNetworkConfig(superres="SuperresolutionHybrid2X"),
            render=OsgRenderConfig(coarse=64, fine=64, near=0.1, far=2.6, box_warp=1.6, white_back=True),
            imitate=_curve("0:0,25M:0,25M:1"),
            patch=PatchConfig(weight=0.2),
        ),
        schedule=_EG3D_SCHEDULE,
    ),
)

# Two CPU cores, generated heads: eg3d-heads64-cpu's sizes with coarse planes of half their edge, detail planes of the whole one.
PRESETS.add(
    "mimic3d-heads64-cpu",
    TrainConfig(
        preset="mimic3d-heads64-cpu",
        recipe="mimic3d",
        images=24_000,
        batch=8,
        reuse_fakes=True,
        data=DataConfig(resolution=64, workers=0),
        mimic3d=Mimic3dTrainConfig(
            network=Mimic3dNetworkConfig(
                z_dim=64,
                w_dim=64,
                embed_dim=64,
                mapping_hidden=(64,),
                channels=(64, 64, 64, 32),
                plane_channels=8,
                noise=False,
                decoder_hidden=32,
                decoder_colours=16,
                superres="TriscopeDoubled32",
                superres_w_dim=64,
                superres_noise="absent",
            ),
            render=OsgRenderConfig(coarse=12, fine=12, near=2.35, far=3.05, box_warp=0.8, white_back=True),
            imitate=_curve("0:0,12k:0,12k:1"),
            patch=PatchConfig(size=32, weight=0.1, gamma=_curve("0.05")),
        ),
        discriminator=DiscriminatorConfig(channel_base=1024, channel_max=128, label_layers=2),
        optim=OptimConfig(generator_lr=0.005, discriminator_lr=0.004, ema_images=2000.0, precision="fp32"),
        schedule=Schedule(
            r1_gamma=_curve("0:0.05,10k:0.05,13k:0.2"),
            resolution=_curve("32"),
            swap=_curve("0:1,4k:0.5"),
            blur=_curve("0:3,2k:0"),
        ),
        output=_SMALL_OUTPUT,
    ),
)

# Both stages of Mimic3D within seconds.
PRESETS.add(
    "mimic3d-smoke",
    TrainConfig(
        preset="mimic3d-smoke",
        recipe="mimic3d",
        images=96,
        batch=4,
        data=DataConfig(resolution=64, workers=0),
        mimic3d=Mimic3dTrainConfig(
            network=Mimic3dNetworkConfig(
                z_dim=16,
                w_dim=16,
                embed_dim=16,
                mapping_hidden=(16,),
                channels=(16, 16, 16),
                plane_channels=4,
                decoder_hidden=8,
                decoder_colours=8,
                superres="TriscopeDoubled32",
                superres_w_dim=16,
            ),
            render=OsgRenderConfig(coarse=6, fine=6, near=2.2, far=3.2, box_warp=1.0, white_back=True),
            imitate=_curve("0:0,8:0,8:1"),
            patch=PatchConfig(size=16),
        ),
        discriminator=DiscriminatorConfig(channel_base=512, channel_max=16, label_layers=2),
        loss=LossConfig(r1_interval=4),
        optim=OptimConfig(ema_images=16.0, precision="fp32"),
        schedule=Schedule(
            r1_gamma=_curve("1"),
            resolution=_curve("0:16,48:16,64:32"),
            swap=_curve("0:1,32:0.5"),
            blur=_curve("0:1,16:0"),
        ),
        output=OutputConfig(tick_images=16, snapshot_ticks=3, image_ticks=2, grid=(4, 2), evaluate_images=16),
    ),
)
