"""EG3D (Chan et al. 2022): density in three planes, two-pass marching, super-resolution, dual discrimination.

As its released program, with three differences: gradients are averaged over micro-batches instead of added,
neighbours for the camera swap are those of the whole batch, and NaN gradients stop a phase instead of being
set to 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from core_model.data.labels import LabelTable
from core_model.discriminators.stylegan2 import DualDiscriminator
from core_model.families.eg3d.convert import Eg3dConfig
from core_model.families.eg3d.generator import Eg3dGenerator
from core_model.families.osg.learning import Picture, Uniforms, mapped, picture, raw_density, styles
from core_model.families.osg.model import VolumetricGenerator
from core_model.families.osg.settings import GeneratorConfig
from core_model.fields.triplane import Planes
from core_model.losses.density import RawDensity, density_terms
from core_model.losses.terms import LossTerm
from core_model.ops.draw_source import ImageDraws
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.train import TrainConfig
from core_model.schema.train_osg import OsgTrainConfig
from core_model.training.gan.draws import NOISE, SWAPS, FakeBatch, generator, item_uniform
from core_model.training.gan.phases.eg3d import View, real_pair
from core_model.training.gan.recipes.counting import BACKWARD, judged
from core_model.training.gan.recipes.eg3d.judge import HIGHEST_P, DualJudge, blurred_fake
from core_model.training.gan.recipes.interface import (
    REGULARISER,
    Cost,
    Fakes,
    Judge,
    Moment,
    Networks,
    Recipe,
    Regulariser,
    Sight,
    Snapshot,
)
from core_model.training.gan.recipes.osg.cost import OsgSizes
from core_model.training.gan.recipes.osg.networks import (
    PLANE_AXES,
    all_parameters,
    check_sizes,
    family_config,
    placed,
)
from core_model.training.gan.recipes.starting import fill

JUDGE = "discriminator"
DENSITY = "density"


class Eg3dRecipe(Recipe[VolumetricGenerator]):
    """One dual judge; the mean style follows its fake pass.

    Recipes of families that are built on EG3D override `own`, `config` and `made`.
    """

    average_in_generator = False
    highest_p = HIGHEST_P

    def __init__(
        self, cfg: TrainConfig, device: torch.device | str, labels: LabelTable | None = None, rank: int = 0
    ) -> None:
        super().__init__(cfg, device, labels, rank)
        own, d = self.own, cfg.discriminator
        check_sizes(own.network, cfg.recipe, cfg.data.resolution, cfg.schedule.resolution.top)
        if own.density.weight:
            self.regularisers = (Regulariser(DENSITY, own.density.interval),)
        torch.manual_seed(cfg.seed)
        with torch.device("meta" if self.device.type == "meta" else "cpu"):
            g = self.made(cfg.schedule.at(0).resolution)
            judge = DualDiscriminator(
                cfg.data.resolution,
                label_dim=25 if d.pose and cfg.data.labels else 0,
                channel_base=max(d.channel_base, cfg.data.resolution),
                channel_max=d.channel_max,
                label_layers=d.label_layers,
                std_group=d.std_group,
                std_channels=d.std_channels,
            )
        g, average = placed(g, self.device)
        judge = judge.to(self.device)
        self.networks = Networks(g, average, {JUDGE: judge})
        self.judges = (DualJudge(judge, cfg, self.device, rank, own.label_noise),)
        self._sizes: OsgSizes | None = None

    @property
    def own(self) -> OsgTrainConfig:
        """The recipe's branch of the settings."""
        return self.cfg.eg3d

    def made(self, neural_size: int) -> VolumetricGenerator:
        """A fresh generator at one rendering resolution."""
        config = self.config(neural_size)
        axes = PLANE_AXES[self.cfg.eg3d.network.plane_axes]
        return Eg3dGenerator(config, config.volumetric.conventions(axes))

    def config(self, neural_size: int) -> GeneratorConfig:
        """The family's config at one rendering resolution."""
        own = self.own
        return family_config(
            Eg3dConfig,
            own.network,
            own.render,
            neural_size=neural_size,
            zero_condition=not own.pose_conditioning,
            branch="eg3d",
        )

    @property
    def z_dim(self) -> int:
        return self.own.network.z_dim

    def groups(self) -> dict[str, list[nn.Parameter]]:
        return all_parameters(self.networks.generator)

    def draw(
        self, batch: int, swap: float, step: int, phase: int, *, rank: int = 0, world: int = 1
    ) -> FakeBatch:
        """As every recipe's; for the density one draw decides whether the whole batch swaps its cameras."""
        if phase >= REGULARISER:
            swap = float(torch.rand((), generator=generator("cpu", self.cfg.seed, step, phase, SWAPS)) < swap)
        return super().draw(batch, swap, step, phase, rank=rank, world=world)

    def styles(self, g: VolumetricGenerator, batch: FakeBatch) -> Tensor:
        """w [B, D] of a batch's latents and conditions."""
        condition = batch.condition if g.mapping.c_dim else None
        return mapped(g, batch.z, condition)

    def synthesised(
        self, g: VolumetricGenerator, w: Tensor, batch: FakeBatch, levels: int | None = None
    ) -> Planes:
        """Planes in single precision, the backbone with fresh noise of each image's seed.

        levels: how many, coarse ones first; None = all of the family.
        """
        noise = "random" if self.own.network.noise else "none"
        planes = g.synthesize(styles(g, w), noise, generator(self.device, batch.seeds[0], NOISE), levels)
        return Planes(tuple(level.float() for level in planes.levels), planes.conventions)

    def uniforms(self, seeds: tuple[int, ...], rays: int) -> Uniforms:
        """Where on each ray the samples of both passes lie, by each image's seed."""
        render = self.own.render
        u = item_uniform(seeds, (rays, render.coarse + render.fine), self.device)
        return Uniforms(u[..., : render.coarse], u[..., render.coarse :])

    def rendered(
        self, g: VolumetricGenerator, planes: Planes, w: Tensor, batch: FakeBatch, size: int
    ) -> Picture:
        """Picture and raw render of size² rays, jittered by each image's seed."""
        made = picture(
            g,
            planes,
            styles(g, w),
            batch.label,
            size,
            uniforms=self.uniforms(batch.seeds, size * size),
            rng=generator(self.device, batch.seeds[0], NOISE, 1),
            dtype=torch.bfloat16 if self.cfg.optim.precision == "bf16" else None,
        )
        return Picture(made.image.float(), made.raw.float())

    def levels(self, at: Moment) -> int | None:
        """Plane levels that learn now; None = all of the family."""
        del at
        return None

    def fakes(self, batch: FakeBatch, at: Moment, *, judges: Sequence[str], train: bool) -> Fakes:
        g = self.networks.generator
        w = self.styles(g, batch)
        made = self.rendered(g, self.synthesised(g, w, batch, 1), w, batch, at.values.resolution)
        sight = blurred_fake(made, at, batch.label)
        return Fakes({JUDGE: sight}, w.detach().float().mean(dim=0))

    def reals(
        self, images: Tensor, labels: Tensor, at: Moment, judge: Judge, seeds: tuple[int, ...]
    ) -> Sight:
        """The picture beside its reduction to the rendering resolution, both blurred."""
        view = View(
            size=at.values.resolution,
            sigma=at.values.blur,
            draws=ImageDraws(seeds, self.device),
            resize=self.own.raw_filter,
        )
        both = real_pair(images, view)
        return Sight((both.image, both.raw), labels)

    def regularise(self, name: str, batch: FakeBatch, at: Moment) -> tuple[LossTerm, ...]:
        g, own = self.networks.generator, self.own.density
        draws = ImageDraws(batch.seeds, self.device)

        def field() -> RawDensity:
            planes = self.synthesised(g, self.styles(g, batch), batch, self.levels(at))
            return lambda points: raw_density(g, planes, points)

        edge = self.own.render.box_warp
        terms = density_terms(
            own.kind, field, len(batch), weight=own.weight, offset=own.offset, edge=edge, draws=draws
        )
        return tuple(LossTerm(f"density{'' if i == 0 else i}", t, 1.0) for i, t in enumerate(terms))

    def pictures(self, batch: FakeBatch, at: Moment) -> Tensor:
        g = self.networks.average
        w = self.styles(g, batch)
        return self.rendered(g, self.synthesised(g, w, batch, 1), w, batch, at.values.resolution).image

    def snapshot(self, at: Moment) -> Snapshot:
        config = self.config(at.values.resolution).model_dump(mode="json")
        return Snapshot("eg3d", config, self.networks.average.state_dict(), "Trained adversarially (EG3D).")

    def start(self, header: CheckpointHeader, tensors: Mapping[str, Tensor], source: str) -> int:
        own = self.networks.generator.conventions
        if header.conventions.plane_axes != own.plane_axes:
            raise InputError(
                what="cannot start: the checkpoint has other planes (eg3d.network.plane_axes)",
                where=source,
                expected=str(own.plane_axes),
                got=str(header.conventions.plane_axes),
            )
        return fill(self.networks, tensors, source)

    def cost(self, at: Moment) -> Cost:
        cfg, g = self.cfg, self.networks.generator
        judge = self.networks.discriminator
        assert isinstance(judge, DualDiscriminator)
        if self._sizes is None:
            edge = cfg.data.resolution
            image = torch.empty(1, 6, edge, edge, device="meta")
            label = torch.empty(1, 25, device="meta") if judge.label_dim else None
            self._sizes = OsgSizes.of(g, judge, lambda: judge(image, label))
        sizes, rays = self._sizes, float(at.values.resolution**2)
        flop, kept = sizes.rendered(self.own.render, rays)
        again = 0.0 if cfg.reuse_fakes else flop
        own = self.own.density
        lazy = BACKWARD * (sizes.synthesis[0] + 2000 * sizes.point[0]) / own.interval if own.weight else 0.0
        total = (
            BACKWARD * (flop + sizes.judge[0]) + again + lazy + judged(sizes.judge[0], cfg.loss.r1_interval)
        )
        return Cost(total, max(kept + sizes.judge[1], 4.0 * sizes.judge[1]))

    def samples_text(self, at: Moment) -> str:
        render = self.own.render
        return f"{render.coarse}+{render.fine}"
