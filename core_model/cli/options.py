"""Options that several commands share, and the request that they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import ValidationError
from tyro.conf import arg

from core_model.cli.cameras import CameraOptions, camera_of, conditioning_of
from core_model.cli.files import read_array
from core_model.schema.ablation import ablation_of
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.export import best_sampler
from core_model.schema.latent import LatentSpec, SeedWeight
from core_model.schema.registry import Registry
from core_model.schema.render import RenderRequest, RenderResult
from core_model.schema.sampler import SamplerInfo, SamplerSpec
from core_model.schema.seeds import MOST_SEEDS, seeds_in

M = TypeVar("M")
PSI, UNTRUNCATED = 0.7, 1.0
MOST_THREADS = 1024


@dataclass(frozen=True)
class LatentOptions:
    """Which head."""

    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """seed of z (numpy RandomState); default 0, of an inverted code its own latent"""
    z: Annotated[Path | None, arg(metavar="Z.npy", help_behavior_hint="")] = None
    """z itself; replaces --seed"""
    psi: Annotated[float | None, arg(metavar="P", help_behavior_hint="")] = None
    """truncation: 1 = none, 0 = the average; default 0.7, of an inverted code 1"""
    cutoff: Annotated[int | None, arg(metavar="N")] = 14
    """layers below it are truncated; none = all"""
    class_index: Annotated[int | None, arg(name="class", metavar="N", help_behavior_hint="")] = None
    """class of a class-conditional checkpoint, from 0; default: the first"""
    centre: Literal["average", "class"] = "average"
    """what --psi draws towards: the network's average, or the mean of the class, as EpiGRAF's scripts have
    it"""
    ablate: Annotated[str | None, arg(metavar="PLANE,…[:zero]", help_behavior_hint="")] = None
    """tri-planes to leave out (xy,xz or 0-2; @2 = second level), set to their mean, or to zero; none = keep
    all"""


@dataclass(frozen=True)
class SamplerOptions:
    """How points are placed on the rays, and what conditions their colours."""

    sampler: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """uniform, stratified, occupancy, importance, learned, or auto (EG3D, Mimic3D); none = the best that the
    checkpoint has"""
    strategy: Literal["robust", "stratified", "unstratified"] = "robust"
    """how the learned sampler draws"""
    spp: Annotated[float | None, arg(metavar="N", help_behavior_hint="")] = None
    """samples per ray in all (learned: the adaptive mean, probe not counted; importance: half of it
    coarse)"""
    tau: Annotated[float, arg(metavar="M")] = 0.98
    """mass that the robust set must hold"""
    adaptive: bool = True
    """give the hardest rays the large budget (learned)"""
    adaptive_share: Annotated[float, arg(metavar="F")] = 0.1
    """share of rays with the large budget"""
    hard_rule: Literal["weighted", "leftover"] = "weighted"
    """what ranks hard rays: leftover = A3.4's leftover mass, weighted = that times the chance to meet
    anything"""
    leftover_bins: Annotated[int, arg(metavar="N")] = 16
    """largest bins that the leftover mass leaves out"""
    jitter: bool = False
    """random offsets instead of midpoints, from --noise-seed"""
    noise_seed: Annotated[int, arg(metavar="N")] = 0
    """seed of --jitter"""
    skip_empty: bool = True
    """leave out space that is known to be empty"""
    view_dirs: Literal["frontal", "camera"] = "frontal"
    """direction that conditions the colours: one frontal direction, as the paper's pictures (A3.1), or each
    ray's own, as in training"""


@dataclass(frozen=True)
class MachineOptions:
    """Device, precision and threads."""

    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda or cuda:N"""
    precision: Literal["fp32", "bf16"] = "fp32"
    """arithmetic of the field"""
    threads: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """CPU threads; none = all cores"""

    def __post_init__(self) -> None:
        if self.threads is not None and not 1 <= self.threads <= MOST_THREADS:
            raise InputError(
                what="bad value of --threads", expected=f"1 to {MOST_THREADS}, or none", got=str(self.threads)
            )


def latent_of(options: LatentOptions, camera: CameraOptions, info: CheckpointInfo) -> LatentSpec:
    """The latent of `--seed | --z`, truncation, conditioning camera and planes that are left out."""
    cutoff = options.cutoff
    if cutoff is not None and info.num_ws:
        cutoff = min(cutoff, info.num_ws)
    z = None
    if options.z is not None:
        z = tuple(read_array(options.z, "--z", ((info.z_dim,),)).tolist())
    own = info.latent if options.seed is None and z is None else None
    return _checked(
        LatentSpec,
        seeds=_seeds(options.seed or 0),
        w=None if own is None else own.w,
        z=z,
        psi=options.psi if options.psi is not None else UNTRUNCATED if own is not None else PSI,
        cutoff=cutoff,
        cond=conditioning_of(camera, info),
        class_index=class_of(options.class_index, info),
        centre=centre_of(options.centre, info),
        ablate=None if options.ablate is None else ablation_of(options.ablate, info.header.conventions),
    )


def class_of(index: int | None, info: CheckpointInfo) -> int | None:
    """The class asked for; raises InputError where the checkpoint has no classes, or fewer."""
    if index is None:
        return None
    if not info.num_classes:
        raise InputError(
            what="no classes",
            where="--class",
            expected=f"a class-conditional checkpoint, or no --class for {info.title}",
        )
    if not 0 <= index < info.num_classes:
        raise InputError(
            what="no such class", where="--class", expected=f"0 … {info.num_classes - 1}", got=str(index)
        )
    return index


def centre_of(centre: Literal["average", "class"], info: CheckpointInfo) -> Literal["average", "class"]:
    """What psi draws towards; raises InputError for the mean of a class where there are none."""
    if centre == "class" and not info.num_classes:
        expected = f"a class-conditional checkpoint, or --centre average for {info.title}"
        raise InputError(what="no classes", where="--centre", expected=expected)
    return centre


def sampler_of(options: SamplerOptions, info: CheckpointInfo) -> SamplerSpec:
    """The sampler asked for, if the checkpoint offers it; the best available one by default."""
    name = options.sampler if options.sampler is not None else best_sampler(info)
    known: Registry[SamplerInfo] = Registry("sampler")
    for sampler in info.samplers:
        known.add(sampler.name, sampler)
    found = known.get(name, where="--sampler")
    if not found.available:
        others = ", ".join(s.name for s in info.samplers if s.available)
        raise InputError(
            what=f"sampler {name!r} cannot be used: {found.why_not}", expected=f"one of {others}"
        )
    return _checked(
        SamplerSpec,
        name=name,
        strategy=options.strategy,
        spp=options.spp,
        tau=options.tau,
        adaptive=options.adaptive,
        adaptive_share=options.adaptive_share,
        hard_rule=options.hard_rule,
        leftover_bins=options.leftover_bins,
        jitter=options.jitter,
    )


def channels_of(text: str | None, info: CheckpointInfo, default: tuple[str, ...]) -> dict[str, ChannelInfo]:
    """Channels of `a,b,c` in that order; InputError for an unknown name says the nearest one."""
    known: Registry[ChannelInfo] = Registry("channel")
    for channel in info.channels:
        known.add(channel.name, channel)
    names = default if text is None else tuple(n.strip() for n in text.split(",") if n.strip())
    if not names:
        raise InputError(what="no channel", where="--channels", expected=f"one of {', '.join(known.names())}")
    return {name: known.get(name, where="--channels") for name in names}


def request_of(
    info: CheckpointInfo,
    latent: LatentOptions,
    camera: CameraOptions,
    sampler: SamplerOptions,
    machine: MachineOptions,
    *,
    size: int | None,
    channels: tuple[str, ...],
    native: bool = False,
) -> RenderRequest:
    """One picture of `size`² pixels (default: the checkpoint's image size)."""
    edge = size if size is not None else info.image_size
    return _checked(
        RenderRequest,
        checkpoint=info.path,
        latent=latent_of(latent, camera, info),
        camera=camera_of(camera, info),
        width=edge,
        height=edge,
        sampler=sampler_of(sampler, info),
        channels=channels,
        seed=sampler.noise_seed,
        precision=machine.precision,
        skip_empty=sampler.skip_empty,
        native=native,
        view_dirs=sampler.view_dirs,
    )


def seeds_of(text: str, option: str = "--seeds", most: int = MOST_SEEDS) -> tuple[int, ...]:
    """`0-3,7` → (0, 1, 2, 3, 7); raises InputError that names the option."""
    try:
        return seeds_in(text, most)
    except ValueError as error:
        raise InputError(what=f"bad value of {option}", expected=str(error), got=text) from None


class RenderFailed(TriscopeError):
    """A render returned an error; the exit status follows its kind."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.exit_status = {"input": 2, "cancelled": 130}.get(kind, 1)


def check_result(result: RenderResult) -> None:
    """Raise the error that a render returned as data, if there is one."""
    if result.error is not None:
        detail = f"\n{result.error.detail}" if result.error.detail else ""
        error = RenderFailed(result.error.kind, result.error.message)
        error.add_note(detail)
        raise error


def _seeds(seed: int) -> tuple[SeedWeight, ...]:
    return (_checked(SeedWeight, seed=seed),)


def _checked(record: type[M], **values: object) -> M:
    """Build a schema record from what a person typed; its complaint becomes one InputError."""
    try:
        return record(**values)
    except ValidationError as error:
        first = first_complaint(error)
        raise InputError(what=f"bad value of {first.option}: {first.says}", got=first.got) from None
