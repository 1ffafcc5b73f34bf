"""`triscope invert`: opens or resumes a run, finds the code, and leaves a record of how it ended."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core_model.checkpoints.codes import is_code
from core_model.checkpoints.describe import describe_checkpoint, file_of
from core_model.checkpoints.layout import file_sha256
from core_model.data.photos import Photo, target_pixels
from core_model.families import FAMILIES
from core_model.inversion.camera import FreeCamera
from core_model.inversion.likeness import Likeness
from core_model.inversion.stages import Search
from core_model.inversion.start import latent_space
from core_model.metrics.weights import read_weights
from core_model.ops.devices import choose
from core_model.report.inversion_figure import write_figure
from core_model.schema.atomic import write_atomic
from core_model.schema.camera import MatrixCamera
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.inversion import CPU_STEPS, PAPER_STEPS, InvertConfig
from core_model.schema.overrides import apply_overrides, changed_paths
from core_model.schema.run import RunState
from core_model.schema.run_owner import owned
from core_model.session.library import open_checkpoint
from core_model.training.common.control import stop_flag
from core_model.training.common.distributed import Ranks
from core_model.training.common.run_directory import (
    RunDirectory,
    new_record,
    saved_config,
    saved_record,
    told_ending,
)
from core_model.training.invert.loop import Base, InvertLoop

CHANGEABLE = ("threads", "device", "tensorboard")
"""A matter of the machine: what may differ when a run goes on."""
CPU_SIZE = 128
VGG = "VGG16's weights for ImageNet (torchvision's vgg16-397923af.pth), or LPIPS whole"
LINEAR = "LPIPS's linear layers, version 0.1 (its vgg.pth)"
TARGET, ALPHA, NAME = "target.png", "alpha.png", "photo.txt"
PHOTO, FIGURE, CODE = "photo.png", "figure.png", "code.safetensors"
PHOTO_EDGE = 512
"""Largest edge of the crop that the run keeps to be looked at, pixels."""


@dataclass(frozen=True)
class Portrait:
    """A square photograph, the camera that took it, and the name of its file."""

    photo: Photo
    camera: MatrixCamera
    name: str


def resumed_settings(out: Path, changes: Sequence[tuple[str, str]]) -> InvertConfig:
    """The settings saved in the run with the changes that it may have; raises InputError for others."""
    saved = saved_config(out, InvertConfig)
    changed = apply_overrides(saved, changes, "invert")
    for path in changed_paths(changed, saved):
        if path not in CHANGEABLE:
            raise InputError(
                what=f"{path} cannot change when a run is resumed", where=str(out),
                expected=f"one of {', '.join(CHANGEABLE)}, or a new run",
            )  # fmt: skip
    return changed


def check_base(path: str) -> CheckpointInfo:
    """The checkpoint to invert into; raises InputError for one that has no latents, or that is a code."""
    info = describe_checkpoint(path)
    if FAMILIES.get(info.family, where=path).painter is None:
        raise InputError(
            what="nothing to invert into", where=path, expected="a generator with latents", got=info.title
        )
    if is_code(file_of(path)):
        raise InputError(
            what="an inverted code is no generator to invert into",
            where=path,
            expected="its checkpoint",
            got="a code",
        )
    return info


def begin(out: Path, cfg: InvertConfig, portrait: Portrait) -> InvertConfig:
    """The settings of a new run with what the machine, checkpoint and photograph decide; writes the target."""
    info = check_base(cfg.checkpoint)
    perceptual_weights(cfg)  # files that are none are told before anything is written
    file = Path(file_of(cfg.checkpoint)).absolute()
    slow = choose(cfg.device, "--device").type == "cpu"
    size = cfg.size or (CPU_SIZE if slow else info.image_size)
    steps = CPU_STEPS if slow else PAPER_STEPS
    cfg = cfg.replace(
        checkpoint=str(file), checkpoint_sha256=file_sha256(file), size=size,
        camera=(*portrait.camera.pose, *portrait.camera.normalized_intrinsics),
        latent_steps=steps[0] if cfg.latent_steps is None else cfg.latent_steps,
        tune_steps=steps[1] if cfg.tune_steps is None else cfg.tune_steps,
    )  # fmt: skip
    background = info.header.conventions.background or (1.0, 1.0, 1.0)
    rgb, alpha = target_pixels(portrait.photo, size, background)
    large, _ = target_pixels(portrait.photo, min(PHOTO_EDGE, portrait.photo.size[0]), background)
    if cfg.mask == "alpha" and portrait.photo.alpha is None:
        raise InputError(
            what="no mask", where="--mask alpha", expected="a photograph with transparency", got="none"
        )
    out.mkdir(parents=True, exist_ok=True)
    for name, pixels in ((TARGET, rgb), (ALPHA, alpha), (PHOTO, large)):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG")
        write_atomic(out / name, buffer.getvalue())
    write_atomic(out / NAME, portrait.name.encode("utf-8", "replace"))
    return cfg


def run_invert(
    out: Path,
    cfg: InvertConfig,
    portrait: Portrait | None,
    *,
    command: Sequence[str] = (),
    told: Callable[[str, float], None] = lambda stage, fraction: None,
) -> tuple[RunState, Path]:
    """Invert into the run directory `out`; (how it ended, the code's path). portrait None = go on with the run there.

    Stops cleanly on SIGTERM and SIGINT with its state saved.
    """
    resume = portrait is None
    if not resume and (out / "config.json").exists():
        raise InputError(
            what="run directory is in use",
            where=str(out),
            expected="a new folder, or --resume",
            got="config.json",
        )
    with owned(out):
        if portrait is not None:
            cfg = begin(out, cfg, portrait)
        return _run(out, cfg, resume, command, told)


def _run(
    out: Path, cfg: InvertConfig, resume: bool, command: Sequence[str], told: Callable[[str, float], None]
) -> tuple[RunState, Path]:
    device = choose(cfg.device, "--device")
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    # A session in this process, as that of a figure, may have chosen other kernels; a run that goes on computes as it did before.
    torch.set_float32_matmul_precision("highest")
    base = Path(cfg.checkpoint)
    if file_sha256(base) != cfg.checkpoint_sha256:
        raise InputError(
            what="the run's checkpoint is another one now", where=str(base),
            expected=f"SHA-256 {cfg.checkpoint_sha256[:12]}…", got=f"{file_sha256(base)[:12]}…",
        )  # fmt: skip
    before = saved_record(out) if resume else None
    record = new_record("invert", base.name, Ranks(0, 1, device), command, cfg.steps)
    run = RunDirectory.open(out, cfg, record, resume=resume)
    if cfg.tensorboard:
        run.write_events()
    with told_ending(run), stop_flag() as stopping:
        torch.manual_seed(cfg.seed)
        opened = open_checkpoint(str(base), device)
        painter = FAMILIES.get(opened.info.family).painter
        assert painter is not None
        model, start = opened.model, MatrixCamera.from_label(cfg.camera)
        module = model.module
        assert module is not None
        weights = {n: p.detach().cpu().clone() for n, p in module.named_parameters()}
        likeness = _likeness(out, cfg, device)
        if likeness.name != "lpips":
            run.log(
                "the perceptual loss compares colours and gradients at four scales, not LPIPS: vgg names no file"
            )
        search = Search.begin(
            cfg, model, painter(model), likeness, FreeCamera(start).to(device),
            latent_space(model, start, cfg.average_samples, cfg.seed),
        )  # fmt: skip
        loop = InvertLoop(
            run, search, painter(model), Base(base, cfg.checkpoint_sha256, weights),
            (out / NAME).read_text(encoding="utf-8", errors="replace") if (out / NAME).exists() else "",
            stopping, told, before.wall_s if before is not None else 0.0,
        )  # fmt: skip
        state = loop.go(resume=resume)
        if state == "finished":
            del loop, search, model, module, opened, painter
            _draw_figure(out, cfg, run)
    run.end(state)
    return state, out / CODE


def _draw_figure(out: Path, cfg: InvertConfig, run: RunDirectory) -> None:
    """Fig. A8 of the run; a code is worth keeping also where its figure fails."""
    try:
        photo = out / (PHOTO if (out / PHOTO).exists() else TARGET)
        with Image.open(photo, formats=("PNG",)) as image:
            pixels = np.asarray(image.convert("RGB"))
        write_figure(out / FIGURE, pixels, out / CODE, cfg.size, cfg.device, cfg.threads)
    except (InputError, OSError) as error:
        run.log(f"no figure: {error}")


def _likeness(out: Path, cfg: InvertConfig, device: torch.device) -> Likeness:
    target, alpha = (_picture(out / name) for name in (TARGET, ALPHA))
    mask: Tensor | None = None
    if cfg.mask == "alpha":
        mask = alpha[:, :1]
    elif cfg.mask == "box":
        size = target.shape[-1]
        left, top, right, bottom = (round(v * size) for v in cfg.box)
        mask = torch.zeros(1, 1, size, size)
        mask[..., top : max(bottom, top + 1), left : max(right, left + 1)] = 1.0
    return Likeness.of(
        cfg, target.to(device), None if mask is None else mask.to(device), perceptual_weights(cfg)
    )


def _picture(path: Path) -> Tensor:
    """[1, C, S, S] in [0, 1]."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            pixels = np.asarray(image.convert("RGB"), dtype=np.float32) / 255.0
    except Exception as error:  # a damaged file may break the decoder in any way
        raise InputError(
            what="cannot read the run's target",
            where=str(path),
            expected="the PNG that it began with",
            got=str(error)[:100],
        ) from None
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


def perceptual_weights(cfg: InvertConfig) -> dict[str, Tensor]:
    """Tensors of the files that `vgg` and `lpips` name; empty where they name none. Raises InputError."""
    found: dict[str, Tensor] = {}
    if cfg.lpips and not cfg.vgg:
        raise InputError(what="LPIPS needs VGG16 too", where="--lpips", expected=f"--vgg FILE: {VGG}")
    for setting, name, expected in (("vgg", cfg.vgg, VGG), ("lpips", cfg.lpips, LINEAR)):
        if name:
            found |= read_weights(Path(name), "perceptual", f"--{setting} {name}", expected)
    return {name: tensor.float() for name, tensor in found.items()}
