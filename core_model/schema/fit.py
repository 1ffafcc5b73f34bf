"""Settings of `triscope fit`: a generator regressed onto procedural heads whose shape and colour are known."""

from __future__ import annotations

from pydantic import Field

from core_model.schema.frozen import Frozen


class FitConfig(Frozen):
    """One tree of settings; saved in the run directory, so that a resumed run is the same run."""

    preset: str = Field(default="heads256", description="network preset of the wysiwyg family")
    seed: int = Field(default=0, ge=0, description="first latent; the heads of the run are seed, seed + 1, …")
    mapping_steps: int = Field(default=12000, ge=0, description="stage zero: steps in which the mapping learns the heads' parameters")
    mapping_batch: int = Field(default=256, ge=1, description="stage zero: latents per step")
    mapping_fit_lr: float = Field(default=0.06, gt=0, description="stage zero: peak learning rate of Adam, for weights of order 1")
    coarse_steps: int = Field(default=20000, ge=0, description="first phase: steps on small planes")
    coarse_size: int = Field(default=64, ge=8, description="first phase: plane resolution, pixels")
    coarse_heads: int = Field(default=6, ge=1, description="first phase: heads per step, in one batch")
    coarse_points: int = Field(default=800, ge=64, description="first phase: points per head")
    base_steps: int = Field(default=22500, ge=0, description="second phase: steps at the backbone's resolution")
    steps: int = Field(default=42500, ge=1, description="steps of the generator in all; the rest at full resolution")
    image_start: int = Field(default=28500, ge=0, description="step at which rendered rays join the points")
    proposal_steps: int = Field(default=1000, ge=0, description="steps of the proposal network, afterwards")
    heads: int = Field(default=4, ge=1, description="heads per step, after the first phase")
    points: int = Field(default=800, ge=64, description="points per head, after the first phase")
    rays: int = Field(default=220, ge=0, description="rendered rays per head")
    ray_every: int = Field(default=1, ge=1, description="every n-th head of a step comes with rays, from image_start on")
    pool: int = Field(default=14000, ge=1, description="heads whose points are computed and kept in RUN/truth")
    pool_start: int = Field(default=600, ge=1, description="heads that the first step draws from")
    pool_growth: float = Field(default=1.0, ge=0, description="heads that every step adds")
    stored_points: int = Field(default=800, ge=64, description="points kept of a head; a step draws from them")
    ray_pool: int = Field(default=4000, ge=1, description="heads whose rays are kept as well")
    ray_points: int = Field(default=1600, ge=64, description="points kept of a head that has rays")
    stored_rays: int = Field(default=1600, ge=1, description="rays kept of such a head")
    lr: float = Field(default=8e-3, gt=0, description="peak learning rate of Adam")
    lr_final: float = Field(default=0.01, gt=0, le=1, description="share of the peak rate at the last step (cosine)")
    warmup: int = Field(default=100, ge=1, description="steps to the peak rate")
    decoder_lr: float = Field(default=0.075, gt=0, description="multiplier of the rate of the SDF head (not equalised)")
    backbone_lr: float = Field(default=3.0, gt=0, description="multiplier of the backbone's and plane blocks' rate (equalised)")
    constant_lr: float = Field(default=10.0, gt=0, description="multiplier of the rate of the backbone's learned constant")
    colour_lr: float = Field(default=0.75, gt=0, description="multiplier of the colour head's rate and of the features that feed it")
    mapping_lr: float = Field(default=10.0, gt=0, description="multiplier of the mapping network's rate, after stage zero")
    parameter_weight: float = Field(default=10.0, ge=0, description="of stage zero's loss while the generator learns; 0 = w may drift")
    ema_steps: float = Field(default=100.0, gt=0, description="half-life of the weight average, steps")
    beta_target: float = Field(default=0.001, gt=0, description="width that beta is drawn to, world units (B_target)")
    sdf_softness: float = Field(default=0.01, gt=0, description="the distance error counts relative to |sdf| + this, world units")
    sdf_weight: float = Field(default=4.0, ge=0)
    colour_weight: float = Field(default=6.0, ge=0)
    rgb_weight: float = Field(default=6.0, ge=0)
    square_weight: float = Field(default=10.0, ge=0, description="of the rays' squared colour error, which large errors rule")
    beta_weight: float = Field(default=0.02, ge=0)
    scene_radius: float = Field(default=0.5, gt=0, description="rays span this far around the box centre, world units")
    proposal_lr: float = Field(default=1.5e-3, gt=0, description="peak learning rate of the proposal network")
    proposal_patch: int = Field(default=64, ge=8, description="edge of the densely traced target patch, pixels")
    proposal_init: str = Field(default="", description="checkpoint whose proposal network is the start; none = fresh weights")
    blur_bins: float = Field(default=0.7, gt=0, description="blur of the target along the ray, bins")
    save_every: int = Field(default=250, ge=1, description="steps between saved states")
    workers: int = Field(default=1, ge=0, description="processes that compute truth")
    threads: int = Field(default=1, ge=1, description="torch threads of the optimiser process")
