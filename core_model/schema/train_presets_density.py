"""Presets of the recipes of density fields: EG3D, EpiGRAF and Mimic3D.

The small ones of EpiGRAF and Mimic3D are EG3D's but for what is said here, so that recipes can be compared.
"""

from __future__ import annotations

from typing import Any

from core_model.schema.schedule import Curve, Schedule
from core_model.schema.train import (
    AugmentConfig,
    DataConfig,
    DiscriminatorConfig,
    LossConfig,
    OptimConfig,
    OutputConfig,
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
from core_model.schema.train_osg import Eg3dNetworkConfig, Eg3dTrainConfig, OsgNetworkConfig, OsgRenderConfig

SMALL_OUTPUT = OutputConfig(
    tick_images=1000, snapshot_ticks=4, image_ticks=2, grid=(8, 4), evaluate_images=256
)
"""Of presets for two CPU cores, whatever the recipe."""
_curve = Curve.model_validate


# --- EG3D. What its authors ran (batch 32 on 8 GPUs); swapping, blur and growth as in the released program.

_EG3D_SCHEDULE = Schedule(
    r1_gamma=_curve("1"), resolution=_curve("64"), swap=_curve("0:1,1M:0.5"), blur=_curve("0:10,200k:0")
)
_EG3D_FFHQ512 = TrainConfig(
    preset="eg3d-ffhq512", recipe="eg3d", images=25_000_000, microbatch=4, schedule=_EG3D_SCHEDULE
)

# Fine-tuning of the FFHQ model on cats: swapping and blur at their ends, the rendering grows to 128.
_EG3D_AFHQ512 = TrainConfig(
    preset="eg3d-afhq512",
    recipe="eg3d",
    images=25_000_000,
    microbatch=4,
    schedule=Schedule(
        r1_gamma=_curve("5"), resolution=_curve("0:64,1M:128"), swap=_curve("0.8"), blur=_curve("0")
    ),
    augment=AugmentConfig(mode="ada", speed_images=100_000.0),
)

_EG3D_SHAPENET128 = TrainConfig(
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
)

# Two CPU cores, generated heads: the field is marched at 32² and doubled. Heads lie within 0.3 of the origin and the cameras stand 2.7
# away; rates and R1 are those of heads64-cpu.
_EG3D_HEADS64_CPU = TrainConfig(
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
    output=SMALL_OUTPUT,
)

# EG3D's every phase within seconds, as `smoke` for WYSIWYG.
_EG3D_SMOKE = TrainConfig(
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
_EPIGRAF_CATS256 = _EPIGRAF.replace(
    preset="epigraf-cats256", images=15_000_000, data=DataConfig(resolution=256)
)
_EPIGRAF_MEGASCANS = tuple(
    _EPIGRAF.replace(
        preset=f"epigraf-megascans-{name}256",
        images=15_000_000,
        data=DataConfig(resolution=256, labels=False),
        discriminator=_EPIGRAF.discriminator.replace(pose=False),
        epigraf=EpigrafTrainConfig(
            network=EpigrafNetworkConfig(c_dim=classes),
            render=EpigrafRenderConfig(fov=30.0, near=0.75, far=1.25, cube_scale=0.475, white_back=True),
            camera=EpigrafCameraConfig(prior="spherical_uniform"),
        ),
    )
    for name, classes in (("food", 10), ("plants", 198))
)


def _instead(base: TrainConfig, preset: str, recipe: str, **changes: Any) -> TrainConfig:
    """One of EG3D's presets for another recipe."""
    return base.replace(preset=preset, recipe=recipe, eg3d=Eg3dTrainConfig(), **changes)


# Patches of 32² out of 64², from whole pictures to half of them. The cube holds the cameras' whole view from every side, for what
# lies behind is painted at the far end.
_EPIGRAF_HEADS64_CPU = _instead(
    _EG3D_HEADS64_CPU,
    "epigraf-heads64-cpu",
    "epigraf",
    reuse_fakes=False,
    schedule=_EG3D_HEADS64_CPU.schedule.replace(blur=_curve("0:1.5,2k:0")),
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
)

_EPIGRAF_SMOKE = _instead(
    _EG3D_SMOKE,
    "epigraf-smoke",
    "epigraf",
    data=DataConfig(resolution=32, workers=0),
    schedule=_EG3D_SMOKE.schedule.replace(resolution=_curve("16")),
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
)

# --- Mimic3D, both stages in one run: 25 M images of the 2D branch, then 15 M of both (supplement, I.2). The released program
# runs the stages apart: that is --mimic3d.imitate=0, then --mimic3d.imitate=1 --start-from its state.

_MIMIC3D_FFHQ512 = TrainConfig(
    preset="mimic3d-ffhq512",
    recipe="mimic3d",
    images=40_000_000,
    microbatch=4,
    mimic3d=Mimic3dTrainConfig(imitate=_curve("0:0,25M:0,25M:1")),
    schedule=_EG3D_SCHEDULE,
)

# As its program: 4 M images of the 2D branch from the FFHQ model's, then the 3D branch; swapping and blur at their ends.
_MIMIC3D_AFHQ512 = TrainConfig(
    preset="mimic3d-afhq512",
    recipe="mimic3d",
    images=10_000_000,
    microbatch=4,
    mimic3d=Mimic3dTrainConfig(imitate=_curve("0:0,4M:0,4M:1"), patch=PatchConfig(gamma=_curve("5"))),
    schedule=Schedule(r1_gamma=_curve("5"), resolution=_curve("64"), swap=_curve("0.5"), blur=_curve("0")),
    augment=AugmentConfig(mode="ada", speed_images=100_000.0),
)

_MIMIC3D_SHAPENET128 = TrainConfig(
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
)


def _lifted(
    base: TrainConfig, preset: str, channels: tuple[int, ...], imitate: str, patch: PatchConfig
) -> TrainConfig:
    """One of EG3D's presets with detail planes; channels: of the backbone, whose planes are coarser then."""
    sizes = base.eg3d.network.model_dump(include=set(OsgNetworkConfig.model_fields))
    own = Mimic3dTrainConfig(
        network=Mimic3dNetworkConfig.model_validate(sizes | {"channels": channels}),
        render=base.eg3d.render,
        imitate=_curve(imitate),
        patch=patch,
    )
    return _instead(base, preset, "mimic3d", mimic3d=own)


# Coarse planes of half the edge of eg3d-heads64-cpu's, detail planes of the whole one.
_MIMIC3D_HEADS64_CPU = _lifted(
    _EG3D_HEADS64_CPU,
    "mimic3d-heads64-cpu",
    (64, 64, 64, 32),
    "0:0,12k:0,12k:1",
    PatchConfig(size=32, weight=0.1, gamma=_curve("0.05")),
)

_MIMIC3D_SMOKE = _lifted(_EG3D_SMOKE, "mimic3d-smoke", (16, 16, 16), "0:0,8:0,8:1", PatchConfig(size=16))

DENSITY_PRESETS: tuple[TrainConfig, ...] = (
    _EG3D_FFHQ512, _EG3D_AFHQ512, _EG3D_SHAPENET128, _EG3D_HEADS64_CPU, _EG3D_SMOKE,
    _EPIGRAF, _EPIGRAF_CATS256, *_EPIGRAF_MEGASCANS, _EPIGRAF_HEADS64_CPU, _EPIGRAF_SMOKE,
    _MIMIC3D_FFHQ512, _MIMIC3D_AFHQ512, _MIMIC3D_SHAPENET128, _MIMIC3D_HEADS64_CPU, _MIMIC3D_SMOKE,
)  # fmt: skip
"""Of each recipe the one that stands for it first."""
