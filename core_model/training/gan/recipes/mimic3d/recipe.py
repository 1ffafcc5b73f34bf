"""Mimic3D (Chen et al. 2023): EG3D with 3D-aware planes, and a 3D branch that imitates its super-resolved pictures.

2D stage: EG3D's recipe with Mimic3D's generator. 3D stage: windows of the picture are also rendered with coarse and
detail planes at full resolution; they imitate the super-resolved picture, which does not learn from that, and are
judged by a discriminator of their own. `mimic3d.imitate` says when: never (2D stage alone), from the first image on
(second stage of a run that starts from a 2D stage, or end to end), or from some image on (both stages in one run).

As the released program, with EG3D's recipe's differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from core_model.data.labels import LabelTable
from core_model.discriminators.stylegan2 import DualDiscriminator, ImageDiscriminator
from core_model.families.mimic3d.config import AXES, Mimic3dConfig, TailBlock
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.families.osg.learning import feature_picture
from core_model.families.osg.model import VolumetricGenerator
from core_model.families.osg.native import label_rays
from core_model.fields.triplane import Planes
from core_model.losses.terms import LossTerm
from core_model.ops.draw_source import ImageDraws
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.train import TrainConfig
from core_model.schema.train_mimic3d import Mimic3dTrainConfig
from core_model.training.gan.draws import JITTER, FakeBatch, mix_seed
from core_model.training.gan.draws import PATCH as WINDOW
from core_model.training.gan.phases.mimic3d import windows
from core_model.training.gan.recipes.counting import BACKWARD, judged
from core_model.training.gan.recipes.eg3d.judge import blurred_fake
from core_model.training.gan.recipes.eg3d.recipe import JUDGE, Eg3dRecipe
from core_model.training.gan.recipes.interface import Cost, Fakes, Judge, Moment, Networks, Sight, Snapshot
from core_model.training.gan.recipes.mimic3d.cost import BranchSizes
from core_model.training.gan.recipes.mimic3d.imitation import COLOURS_NOTE, VGG, distance_of
from core_model.training.gan.recipes.mimic3d.judge import PATCH, PatchJudge
from core_model.training.gan.recipes.osg.networks import family_config
from core_model.training.gan.recipes.starting import fill


class Mimic3dRecipe(Eg3dRecipe):
    """EG3D's judge of the coarse branch, and one of windows of the 3D branch."""

    fresh = ("generator/tail.", "average/tail.", f"{PATCH}/")

    def __init__(
        self, cfg: TrainConfig, device: torch.device | str, labels: LabelTable | None = None, rank: int = 0
    ) -> None:
        check_windows(cfg)
        super().__init__(cfg, device, labels, rank)
        own, d = cfg.mimic3d, cfg.discriminator
        self._branch: BranchSizes | None = None
        if not own.has_3d:
            return
        with torch.device("meta" if self.device.type == "meta" else "cpu"):
            judge = ImageDiscriminator(
                own.patch.size,
                label_dim=0,
                channel_base=max(d.channel_base, own.patch.size),
                channel_max=d.channel_max,
                std_group=d.std_group,
                std_channels=d.std_channels,
            )
        judge = judge.to(self.device)
        made = self.networks
        self.networks = Networks(made.generator, made.average, {**made.judges, PATCH: judge})
        self.judges = (*self.judges, PatchJudge(judge, cfg, self.device, rank))
        if self.device.type != "meta":
            self.imitation, self.distance = distance_of(own.imitation, self.device)
        elif own.imitation.vgg and not Path(own.imitation.vgg).is_file():
            raise InputError(what="no perceptual weights", where=own.imitation.vgg, expected=VGG)
        self.notes = () if own.imitation.vgg or not own.imitation.weight else (COLOURS_NOTE,)

    @property
    def own(self) -> Mimic3dTrainConfig:
        return self.cfg.mimic3d

    def made(self, neural_size: int) -> Mimic3dGenerator:
        config = self.config(neural_size)
        return Mimic3dGenerator(config, config.volumetric.conventions(AXES))

    def config(self, neural_size: int) -> Mimic3dConfig:
        own, n = self.own, self.own.network
        sizes = tuple(4 << k for k in range(len(n.channels)))
        tail = [TailBlock.model_validate({"view": n.detail, "up": up}) for up in n.detail_ups]
        return family_config(
            Mimic3dConfig,
            n,
            own.render,
            neural_size=neural_size,
            zero_condition=not own.pose_conditioning,
            branch="mimic3d",
            aware=sizes[: n.aware],
            attention=n.attention,
            tail=tuple(tail) if own.has_3d else (),
            levels=n.levels if own.has_3d else (-1,),
            plane_act=None if n.plane_act == "none" else n.plane_act,
        )

    def levels(self, at: Moment) -> int:
        return 2 if self.own.imitates(at.images) else 1

    def shows_3d(self, at: Moment) -> bool:
        """Whether the 3D branch has learned by now, and is what a snapshot shows; at.images: those seen."""
        return self.own.imitates(max(0, at.images - 1))

    # --- what a phase computes

    def window(
        self, g: VolumetricGenerator, planes: Planes, label: Tensor, corners: Tensor, seeds: tuple[int, ...]
    ) -> Tensor:
        """Windows [B, 3, s, s] of pictures at full resolution, marched through all planes.

        corners [B, 2]: (top, left) in pixels. seeds: of where on the rays samples lie.
        """
        size = self.own.patch.size
        origins, dirs = label_rays(label, size, self.cfg.data.resolution, corners)
        return feature_picture(g, planes, origins, dirs, size, self.uniforms(seeds, size * size))[:, :3]

    def corners(self, seeds: tuple[int, ...]) -> Tensor:
        """(top, left) of a window [B, 2], uniform over those that do not leave the picture; a seed per image."""
        draws = ImageDraws([mix_seed(seed, WINDOW) for seed in seeds], self.device)
        places = self.cfg.data.resolution - self.own.patch.size + 1
        return torch.stack([draws.choice(places, len(seeds)) for _ in range(2)], dim=1)

    def fakes(self, batch: FakeBatch, at: Moment, *, judges: Sequence[str], train: bool) -> Fakes:
        g = self.networks.generator
        w = self.styles(g, batch)
        planes = self.synthesised(g, w, batch, 2 if PATCH in judges else 1)
        sights: dict[str, Sight] = {}
        losses: tuple[LossTerm, ...] = ()
        image: Tensor | None = None
        if JUDGE in judges:
            coarse = Planes(planes.levels[:1], planes.conventions)
            made = self.rendered(g, coarse, w, batch, at.values.resolution)
            sights[JUDGE], image = blurred_fake(made, at, batch.label), made.image
        if PATCH in judges:
            corners = self.corners(batch.seeds)
            seeds = tuple(mix_seed(seed, WINDOW, JITTER) for seed in batch.seeds)
            patch = self.window(g, planes, batch.label, corners, seeds)
            sights[PATCH] = Sight((patch,), batch.label)
            if train and image is not None and self.own.imitation.weight:
                target = windows(image.detach(), corners, self.own.patch.size)
                value = self.distance(patch, target).mean()
                losses = (LossTerm(self.imitation, value, self.own.imitation.weight),)
        return Fakes(sights, w.detach().float().mean(dim=0), losses)

    def reals(
        self, images: Tensor, labels: Tensor, at: Moment, judge: Judge, seeds: tuple[int, ...]
    ) -> Sight:
        """EG3D's pairs; the judge of windows sees those of the real picture at its own resolution."""
        if judge.name != PATCH:
            return super().reals(images, labels, at, judge, seeds)
        return Sight((windows(images, self.corners(seeds), self.own.patch.size),), labels)

    def pictures(self, batch: FakeBatch, at: Moment) -> Tensor:
        """Of the 3D branch, window by window, once it has learned; before, the super-resolved ones."""
        if not self.shows_3d(at):
            return super().pictures(batch, at)
        g, size, edge = self.networks.average, self.own.patch.size, self.cfg.data.resolution
        planes = self.synthesised(g, self.styles(g, batch), batch)
        rows = []
        for top in range(0, edge, size):
            row = []
            for left in range(0, edge, size):
                seeds = tuple(mix_seed(seed, top, left) for seed in batch.seeds)
                corners = torch.tensor([[top, left]], device=self.device).expand(len(batch), 2)
                row.append(self.window(g, planes, batch.label, corners, seeds))
            rows.append(torch.cat(row, dim=3))
        return torch.cat(rows, dim=2)

    # --- what is kept and foreseen

    def snapshot(self, at: Moment) -> Snapshot:
        shown = self.shows_3d(at)
        config = self.config(self.cfg.data.resolution if shown else at.values.resolution)
        if not shown:
            config = config.replace(levels=config.levels[:1])
        notes = "Trained adversarially (Mimic3D, 2D branch)."
        if shown:
            how = "LPIPS" if self.own.imitation.vgg else "colours at four scales, not LPIPS"
            notes = f"Trained adversarially (Mimic3D, 3D branch; imitation by {how})."
        return Snapshot("mimic3d", config.model_dump(mode="json"), self.networks.average.state_dict(), notes)

    def start(self, header: CheckpointHeader, tensors: Mapping[str, Tensor], source: str) -> int:
        """From a 3D stage; from a 2D stage, without detail blocks; from EG3D, without any block over planes."""
        lacking = ("tail.", "aware.") if header.family == "eg3d" else ("tail.",)
        return fill(self.networks, tensors, source, lacking)

    def cost(self, at: Moment) -> Cost:
        g, judge, cfg = self.networks.generator, self.networks.judges.get(PATCH), self.cfg
        assert isinstance(g, Mimic3dGenerator) and not isinstance(judge, DualDiscriminator)
        made = super().cost(at)
        assert self._sizes is not None
        if self._branch is None:
            self._branch = BranchSizes.of(g, judge, self._sizes.point)  # pyright: ignore[reportArgumentType]
        b, render = self._branch, self.own.render
        if not self.own.imitates(at.images):
            return replace(made, kept=made.kept + b.aware)
        points = float(self.own.patch.size**2 * (render.coarse + render.fine))
        window = points * b.point[0]
        flop = BACKWARD * (b.detail[0] + window + b.judge[0])
        if not cfg.reuse_fakes:
            flop += self._sizes.synthesis[0] + b.detail[0] + window
        flop += judged(b.judge[0], cfg.loss.r1_interval)
        kept = b.aware + b.detail[1] + points * b.point[1] + b.judge[1]
        return replace(made, flop=made.flop + flop, kept=made.kept + kept)


def check_windows(cfg: TrainConfig) -> None:
    """Raise InputError where the 3D branch has nothing to imitate, or windows do not fit into the picture."""
    own, edge = cfg.mimic3d, cfg.data.resolution
    if own.network.superres == "none":
        raise InputError(
            what="mimic3d.network.superres none leaves the 3D branch nothing to imitate",
            expected="a super-resolution that makes pictures of data.resolution",
        )
    size = own.patch.size
    if own.has_3d and (size > edge or size & (size - 1)):
        raise InputError(
            what="bad value of mimic3d.patch.size",
            expected=f"a power of two up to data.resolution ({edge})",
            got=str(size),
        )
