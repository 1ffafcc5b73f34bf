"""EpiGRAF (Skorokhodov et al. 2022): a density field trained on patches of any scale and place.

As its released program (`phases.epigraf`, which is held against it), with these differences:

- Gradients are averaged over micro-batches instead of added, and NaN gradients stop a phase instead of being set to 0.
- A window is shared by `discriminator.std_group` neighbours of the *whole* batch instead of those of a micro-batch, so
  that neither micro-batches nor the number of processes change what is seen.
- Density noise, annealing of the scales and swapping of cameras count from the run's first image on. In the program
  the first step of every session, also of a resumed one, has no noise and the values of the start.
- Cameras are swapped among the images of a phase instead of among those of all phases of a step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.data.labels import LABEL_NUMBERS, LabelTable
from core_model.discriminators.patch_aware import CameraCode
from core_model.families.epigraf.generator import EpigrafGenerator
from core_model.families.epigraf.learning import RayDraws, patches, styles
from core_model.fields.triplane import Planes
from core_model.geometry.patches import Windows, crop, label_angles, whole
from core_model.ops.draw_source import ImageDraws, TorchDraws
from core_model.schema.camera import CameraPrior, OrbitPose
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import (
    CAMERAS,
    NOISE,
    PATCH,
    REALS,
    SWAPS,
    FakeBatch,
    generator,
    item_uniform,
    mix_seed,
)
from core_model.training.gan.phases.epigraf import Fakes as Conditions
from core_model.training.gan.phases.epigraf import View, mapped, rendered
from core_model.training.gan.phases.patch_law import CameraLaw, PatchLaw, spoofed
from core_model.training.gan.recipes.epigraf.cost import EpigrafSizes
from core_model.training.gan.recipes.epigraf.judge import ANGLES, HIGHEST_P, PatchJudge, seen
from core_model.training.gan.recipes.epigraf.networks import FRONTAL, discriminator, family_config
from core_model.training.gan.recipes.interface import (
    Cost,
    Fakes,
    Judge,
    Moment,
    Networks,
    Recipe,
    Sight,
    Snapshot,
)
from core_model.training.gan.recipes.osg.networks import all_parameters, placed
from core_model.training.gan.recipes.starting import fill

JUDGE = "discriminator"


class EpigrafRecipe(Recipe[EpigrafGenerator]):
    """One judge of patches; the mean style follows its fake pass. Labels are angles [B, 3], then classes [B, C]."""

    average_in_generator = False
    highest_p = HIGHEST_P

    def __init__(
        self, cfg: TrainConfig, device: torch.device | str, labels: LabelTable | None = None, rank: int = 0
    ) -> None:
        super().__init__(cfg, device, labels, rank)
        config, p = family_config(cfg), cfg.epigraf.patch
        self.edge = cfg.schedule.at(0).resolution
        self.law = PatchLaw(
            distribution=p.distribution,
            min_scale=cfg.epigraf.smallest_scale(self.edge, cfg.data.resolution),
            max_scale=p.max_scale,
            kimg=p.anneal / 1000.0,
            alpha=p.alpha,
            beta_start=p.beta_start,
            beta_end=p.beta_end,
            scales=p.scales,
            group=1,
        )
        torch.manual_seed(cfg.seed)
        with torch.device("meta" if self.device.type == "meta" else "cpu"):
            g = EpigrafGenerator(config, config.conventions())
            judge = discriminator(cfg)
        g.mean_camera_pose.copy_(self.mean_angles())
        g, average = placed(g, self.device)
        judge = judge.to(self.device)
        self.networks = Networks(g, average, {JUDGE: judge})
        self.judges = (PatchJudge(judge, cfg, self.device, rank),)
        self._sizes: EpigrafSizes | None = None

    @property
    def z_dim(self) -> int:
        return self.cfg.epigraf.network.z_dim

    def groups(self) -> dict[str, list[nn.Parameter]]:
        return all_parameters(self.networks.generator)

    # --- cameras and windows

    @property
    def camera_law(self) -> CameraLaw | None:
        """The distribution of the cameras; None = the data's own."""
        own = self.cfg.epigraf.camera
        if own.prior == "data":
            return None
        return CameraLaw(own.prior, own.yaw, own.yaw_spread, own.pitch, own.pitch_spread)

    def angles(self, labels: Tensor) -> Tensor:
        """(yaw, pitch, roll 0) [B, 3] of the data's cameras [B, 25]."""
        found = label_angles(labels)
        turn = self.cfg.epigraf.camera.front - FRONTAL
        return found + found.new_tensor([turn, 0.0, 0.0])

    def classes(self, labels: Tensor) -> Tensor:
        """[B, C] of the data's labels, whose 26th number is the class; C is 0 where there are none."""
        count = self.cfg.epigraf.network.c_dim
        if not count:
            return labels[:, :0]
        return F.one_hot(labels[:, LABEL_NUMBERS].long(), count).to(labels.dtype)

    def mean_angles(self) -> Tensor:
        """(yaw, pitch, roll 0) [3] that the mapping is told where nobody names a camera."""
        law = self.camera_law
        if law is not None:
            return torch.tensor([law.yaw, law.pitch, 0.0])
        if self.labels is None:
            return torch.tensor([self.cfg.epigraf.camera.front, FRONTAL, 0.0])
        angles = self.angles(self.labels.labels)
        # the mean of directions: yaw comes round after a turn
        yaw = torch.atan2(angles[:, 0].sin().mean(), angles[:, 0].cos().mean())
        return torch.stack([yaw, angles[:, 1].mean(), torch.zeros(())])

    def draw(
        self, batch: int, swap: float, step: int, phase: int, *, rank: int = 0, world: int = 1
    ) -> FakeBatch:
        """As every recipe's, with angles and classes for labels. swap: chance that an image's condition is another's of those
        that are swapped (the program's spoofing).
        """
        made = super().draw(batch, 0.0, step, phase)
        seed, law = self.cfg.seed, self.camera_law
        if law is None:
            angles = self.angles(made.label)
        else:
            angles = law.draw(TorchDraws(generator("cpu", seed, step, phase, CAMERAS)), batch)
        chance = torch.rand(batch, generator=generator("cpu", seed, step, phase, SWAPS))
        told, own = spoofed(angles, swap, chance), slice(rank, None, world)
        angles = torch.cat([angles, self.classes(made.label)], dim=1)
        shared = self.window_seeds(step, phase, range(rank, batch, world))
        return FakeBatch(made.z[own], told[own], angles[own], made.seeds[own], shared)

    def window_seeds(self, step: int, phase: int, places: Sequence[int]) -> tuple[int, ...]:
        """Seeds of the windows of images by their places in the whole batch: neighbours share theirs."""
        group = self.cfg.discriminator.std_group
        return tuple(mix_seed(self.cfg.seed, step, phase, PATCH, place // group) for place in places)

    def real_seeds(self, step: int, phase: int, places: Sequence[int]) -> tuple[int, ...]:
        """Of the windows, which are all that is random in a real patch; other windows than those of fakes."""
        group = self.cfg.discriminator.std_group
        return self.window_seeds(step, phase, [REALS * group + place for place in places])

    def windows(self, seeds: tuple[int, ...], at: Moment) -> Windows:
        """A window for each of `window_seeds`, by the distribution of the moment."""
        return self.law.draw(ImageDraws(seeds, self.device), len(seeds), at.images)

    # --- what a phase computes

    def view(self, batch: FakeBatch, at: Moment, windows: Windows) -> View:
        """How the training's phases render: everything random by the seeds of the images, but for the backbone's
        noise, which is drawn by process.
        """
        own, rays = self.cfg.epigraf, self.edge**2
        steps, behind = own.render.steps, own.network.sphere_steps
        jittered = 2 * steps + (behind if own.network.background == "sphere" else 0)
        u = item_uniform(batch.seeds, (rays, jittered), self.device)
        # not the seeds of the jitter: normal and uniform numbers of one seed depend on each other
        noise = tuple(mix_seed(seed, NOISE) for seed in batch.seeds)
        return View(
            patch=self.edge,
            image_size=self.cfg.data.resolution,
            windows=lambda: windows,
            sigma=at.values.blur,
            draws=ImageDraws(noise, self.device, there=True),
            density_std=own.density_noise.at(at.images),
            noise="random" if own.network.noise else "none",
            rng=generator(self.device, batch.seeds[0], NOISE),
            rays=RayDraws(
                u[..., :steps],
                u[..., steps : 2 * steps],
                u[..., 2 * steps :] if jittered > 2 * steps else None,
            ),
            camera=CameraCode(True, own.network.camera_drop, own.network.camera_noise),
        )

    def conditions(self, batch: FakeBatch) -> Conditions:
        """Latents, classes and cameras as the phases take them."""
        classes = batch.label[:, ANGLES:]
        return Conditions(batch.z, classes, batch.label[:, :ANGLES], batch.condition[:, :ANGLES])

    def fakes(self, batch: FakeBatch, at: Moment, *, judges: Sequence[str], train: bool) -> Fakes:
        g, told = self.networks.generator, self.conditions(batch)
        view = self.view(batch, at, self.windows(batch.shared, at))
        w = mapped(g, told, view)
        patch, windows = rendered(g, w, told, view)
        figures = {"patch/scale": windows.scales.mean()} if train else {}
        sight = seen(patch, windows, batch.label)
        return Fakes({JUDGE: sight}, w.detach().float().mean(dim=0), figures=figures)

    def reals(
        self, images: Tensor, labels: Tensor, at: Moment, judge: Judge, seeds: tuple[int, ...]
    ) -> Sight:
        """Windows of their own: bilinear lookups without a low-pass, as rays are single too."""
        windows = self.windows(seeds, at)
        told = torch.cat([self.angles(labels), self.classes(labels)], dim=1)
        return seen(crop(images, windows, self.edge), windows, told)

    def pictures(self, batch: FakeBatch, at: Moment) -> Tensor:
        """Whole pictures, with every random number at its middle and without density noise."""
        g, told, size = self.networks.average, self.conditions(batch), self.cfg.data.resolution
        # evaluation: nothing is dropped from the camera that the mapping is told
        view = View(size, size, lambda: whole(1), 0.0, ImageDraws(batch.seeds, self.device))
        ws = styles(g, mapped(g, told, view))
        planes = g.synthesize(ws, "const" if self.cfg.epigraf.network.noise else "none")
        made = []
        for i in range(len(batch)):
            one = slice(i, i + 1)
            levels = tuple(level[one] for level in planes.levels)
            own, window = Planes(levels, planes.conventions), whole(1, self.device)
            made.append(patches(g, own, ws[one], told.angles[one], window, size, image_size=size))
        return torch.cat(made)

    # --- what is kept and foreseen

    def snapshot(self, at: Moment) -> Snapshot:
        average = self.networks.average
        config = average.cfg.model_dump(mode="json")
        return Snapshot(
            "epigraf", config, average.state_dict(), "Trained adversarially on patches (EpiGRAF)."
        )

    def header(self, snapshot: Snapshot, **rest: Any) -> CheckpointHeader:
        """With the camera of the generator's sphere instead of the data's distance and angle of view."""
        return super().header(snapshot, **rest | {"camera": self.prior(rest["camera"])})

    def prior(self, data: CameraPrior) -> CameraPrior:
        """The cameras that it was trained with, of the data where it follows them."""
        render, law = self.cfg.epigraf.render, self.camera_law
        pose = OrbitPose(radius=render.radius, fov=math.radians(render.fov))
        if law is None:
            return data.replace(default=pose.replace(yaw=FRONTAL - self.cfg.epigraf.camera.front))
        pose = pose.replace(yaw=FRONTAL - law.yaw, pitch=FRONTAL - law.pitch)
        if law.distribution == "normal":
            return data.replace(
                law="normal", yaw_std=law.yaw_spread, pitch_std=law.pitch_spread, default=pose
            )
        ranges = [
            (max(middle - spread, -most), min(middle + spread, most))
            for middle, spread, most in (
                (pose.yaw, law.yaw_spread, math.pi), (pose.pitch, law.pitch_spread, FRONTAL)
            )
        ]  # fmt: skip
        return data.replace(law="uniform", yaw_range=ranges[0], pitch_range=ranges[1], default=pose)

    def start(self, header: CheckpointHeader, tensors: Mapping[str, Tensor], source: str) -> int:
        return fill(self.networks, tensors, source)

    def cost(self, at: Moment) -> Cost:
        g, judge, edge = self.networks.generator, self.networks.discriminator, self.edge
        if self._sizes is None:
            empty = lambda *shape: torch.empty(*shape, device="meta")
            window, classes = whole(1, "meta"), empty(1, self.cfg.epigraf.network.c_dim)
            patch, angles = empty(1, 3, edge, edge), empty(1, ANGLES)
            verdict = lambda: judge(patch, window, classes=classes, angles=angles)
            self._sizes = EpigrafSizes.of(g, judge, verdict)
        steps = 2 * self.cfg.epigraf.render.steps
        return self._sizes.cost(float(edge**2), steps, self.judges[0].interval)

    def samples_text(self, at: Moment) -> str:
        steps = self.cfg.epigraf.render.steps
        return f"{steps}+{steps}"
