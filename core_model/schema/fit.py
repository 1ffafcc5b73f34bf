"""Settings of `triscope fit`: a generator regressed onto heads of the head pack, of known shape and colour."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core_model.schema.frozen import Frozen
from core_model.schema.settings import Heading, Shown

MAPPING = Heading("stage zero", "the mapping network learns which head a latent is")
COARSE = Heading("first phase", "the generator on small planes, several heads per step")
GENERATOR = Heading(
    "generator", "the phases after it: larger planes, then points and rays, one head at a time"
)
TRUTH = Heading("truth", "heads that are computed once and kept in RUN/truth")
RATES = Heading("rates", "Adam of the generator, and the weight average")
LOSSES = Heading("losses", "weights and tolerances")
PROPOSALS = Heading("proposals", "the proposal network, after the generator")
OUTPUT = Heading("output", "what the run directory gets, and how often")
MACHINE = Heading("machine", "what may differ from machine to machine")


class FitConfig(Frozen):
    """One tree of settings; saved in the run directory, so that a resumed run is the same run."""

    preset: str = Field(default="heads256", description="network preset of the wysiwyg family")
    seed: int = Field(default=0, ge=0, description="first latent; the heads of the run are seed, seed + 1, …")
    mapping_steps: Annotated[int, Shown("steps", group=MAPPING)] = Field(
        default=3000, ge=0, description="steps in which the mapping learns the heads' parameters"
    )
    mapping_batch: Annotated[int, Shown("latents", group=MAPPING)] = Field(
        default=256, ge=1, description="latents per step"
    )
    mapping_fit_lr: Annotated[float, Shown(group=MAPPING)] = Field(
        default=0.06, gt=0, description="peak learning rate of Adam, for weights of order 1"
    )
    coarse_size: Annotated[int, Shown("pixels", group=COARSE)] = Field(
        default=128, ge=8, description="plane resolution at the start"
    )
    doublings: Annotated[tuple[int, ...], Shown("steps", group=COARSE)] = Field(
        default=(2650,), description="steps at which the planes double, up to full resolution"
    )
    coarse_heads: Annotated[int, Shown("heads", group=COARSE)] = Field(
        default=4, ge=1, description="heads per step on planes smaller than the backbone's"
    )
    steps: Annotated[int, Shown("steps", group=GENERATOR)] = Field(
        default=4400, ge=1, description="steps of the generator in all"
    )
    joint_start: Annotated[int, Shown("step", group=GENERATOR)] = Field(
        default=4000,
        ge=0,
        description="step from which points and rays teach the planes themselves; before it views do, and points teach the decoder",
    )
    heads: Annotated[int, Shown("heads", group=GENERATOR)] = Field(
        default=2, ge=1, description="heads per step, after the first phase"
    )
    points: Annotated[int, Shown("points", group=GENERATOR)] = Field(
        default=4000, ge=64, description="points per step before joint_start, per head from there on"
    )
    rays: Annotated[int, Shown("rays", group=GENERATOR)] = Field(
        default=220, ge=0, description="rays rendered per head, from joint_start on"
    )
    proposal_steps: Annotated[int, Shown("steps", group=PROPOSALS)] = Field(
        default=1000, ge=0, description="steps of the proposal network, afterwards"
    )
    pool: Annotated[int, Shown("heads", group=TRUTH)] = Field(
        default=700, ge=1, description="heads that are computed and kept in RUN/truth, 2.8 MB each"
    )
    pool_start: Annotated[int, Shown("heads", group=TRUTH)] = Field(
        default=12, ge=1, description="heads that the first step draws from"
    )
    pool_growth: Annotated[float, Shown("heads", group=TRUTH)] = Field(
        default=0.15, ge=0, description="heads that every step adds"
    )
    kept: Annotated[int, Shown("heads", group=TRUTH)] = Field(
        default=500, ge=1, description="heads held in memory, some 10 MB each; others are read again"
    )
    stored_points: Annotated[int, Shown("points", group=TRUTH)] = Field(
        default=8000, ge=64, description="points of a head whose distance is known; a step draws from them"
    )
    stored_surface: Annotated[int, Shown("points", group=TRUTH)] = Field(
        default=8000, ge=64, description="points on the surface of a head, with their colours"
    )
    stored_rays: Annotated[int, Shown("rays", group=TRUTH)] = Field(
        default=1500, ge=1, description="rays of a head"
    )
    lr: Annotated[float, Shown(group=RATES)] = Field(
        default=8e-3, gt=0, description="peak learning rate of Adam"
    )
    lr_final: Annotated[float, Shown(group=RATES)] = Field(
        default=0.01, gt=0, le=1, description="share of the peak rate at the last step (cosine)"
    )
    warmup: Annotated[int, Shown("steps", group=RATES)] = Field(
        default=100, ge=1, description="steps to the peak rate"
    )
    decoder_lr: Annotated[float, Shown(group=RATES)] = Field(
        default=0.25, gt=0, description="multiplier of the rate of the SDF head (not equalised)"
    )
    backbone_lr: Annotated[float, Shown(group=RATES)] = Field(
        default=3.0, gt=0, description="multiplier of the backbone's and plane blocks' rate (equalised)"
    )
    constant_lr: Annotated[float, Shown(group=RATES)] = Field(
        default=10.0, gt=0, description="multiplier of the rate of the backbone's learned constant"
    )
    colour_lr: Annotated[float, Shown(group=RATES)] = Field(
        default=0.75,
        gt=0,
        description="multiplier of the colour head's rate and of the features that feed it",
    )
    mapping_lr: Annotated[float, Shown(group=RATES)] = Field(
        default=10.0, gt=0, description="multiplier of the mapping network's rate, after stage zero"
    )
    parameter_weight: Annotated[float, Shown(group=LOSSES)] = Field(
        default=10.0,
        ge=0,
        description="weight of stage zero's loss while the generator learns; 0 = w may drift",
    )
    ema_steps: Annotated[float, Shown("steps", group=RATES)] = Field(
        default=100.0, gt=0, description="half-life of the weight average"
    )
    beta_target: Annotated[float, Shown("world units", group=LOSSES)] = Field(
        default=0.001, gt=0, description="surface variance that beta is drawn to (B_target in the paper)"
    )
    sdf_softness: Annotated[float, Shown("world units", group=LOSSES)] = Field(
        default=0.01, gt=0, description="the distance error counts relative to |sdf| + this"
    )
    view_weight: Annotated[float, Shown(group=LOSSES)] = Field(
        default=10.0, ge=0, description="weight of the planes' error against the head seen along the axes"
    )
    view_hold: Annotated[float, Shown(group=LOSSES)] = Field(
        default=0.1, ge=0, le=1, description="share of view_weight from joint_start on"
    )
    sdf_weight: Annotated[float, Shown(group=LOSSES)] = Field(
        default=4.0, ge=0, description="weight of the relative error of signed distances"
    )
    colour_weight: Annotated[float, Shown(group=LOSSES)] = Field(
        default=6.0, ge=0, description="weight of the colour error at points near the surface"
    )
    rgb_weight: Annotated[float, Shown(group=LOSSES)] = Field(
        default=6.0,
        ge=0,
        description="weight of the rays' colour error, and of a quarter of their opacity error",
    )
    square_weight: Annotated[float, Shown(group=LOSSES)] = Field(
        default=10.0, ge=0, description="weight of the rays' squared colour error, which large errors rule"
    )
    beta_weight: Annotated[float, Shown(group=LOSSES)] = Field(
        default=0.02, ge=0, description="weight of the squared log ratio of beta to its target"
    )
    box: Annotated[float, Shown("world units", group=TRUTH)] = Field(
        default=0.36,
        gt=0,
        le=0.5,
        description="half edge of the cube that planes span; shoulders are cut there",
    )
    scene_radius: Annotated[float, Shown("world units", group=LOSSES)] = Field(
        default=0.5, gt=0, description="rays span this far around the box centre"
    )
    proposal_lr: Annotated[float, Shown(group=PROPOSALS)] = Field(
        default=1.5e-3, gt=0, description="peak learning rate"
    )
    proposal_patch: Annotated[int, Shown("pixels", group=PROPOSALS)] = Field(
        default=64, ge=8, description="edge of the densely traced target patch"
    )
    proposal_init: Annotated[str, Shown(group=PROPOSALS)] = Field(
        default="", description="checkpoint whose proposal network is the start; none = fresh weights"
    )
    blur_bins: Annotated[float, Shown("bins", group=PROPOSALS)] = Field(
        default=0.7, gt=0, description="blur of the target along the ray"
    )
    save_every: Annotated[int, Shown("steps", group=OUTPUT)] = Field(
        default=250, ge=1, description="steps between saved states"
    )
    tick_steps: Annotated[int, Shown("steps", group=OUTPUT)] = Field(
        default=50, ge=1, description="steps per line of stats.jsonl"
    )
    snapshot_steps: Annotated[int, Shown("steps", group=OUTPUT)] = Field(
        default=2500,
        ge=1,
        description="steps between snapshots: checkpoint, pictures of unseen heads and their error",
    )
    grid: Annotated[tuple[int, int], Shown("heads", group=OUTPUT)] = Field(
        default=(4, 2), description="columns and rows of the pictures"
    )
    grid_size: Annotated[int, Shown("pixels", group=OUTPUT)] = Field(
        default=64, ge=8, le=512, description="edge of each picture"
    )
    tensorboard: Annotated[bool, Shown(group=OUTPUT)] = Field(
        default=True, description="also write TensorBoard events, where tensorboard is installed"
    )
    workers: Annotated[int, Shown("processes", group=MACHINE)] = Field(
        default=1, ge=0, description="processes that compute truth"
    )
    threads: Annotated[int, Shown(group=MACHINE)] = Field(
        default=1, ge=1, description="torch threads of the optimiser process"
    )
