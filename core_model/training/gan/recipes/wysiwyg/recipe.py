"""What You See is What You GAN (arXiv 2401.02411): signed distances, a learned sampler, no super-resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from core_model.data.labels import LabelTable
from core_model.discriminators.dual import at_detail_of, pair, stretch
from core_model.discriminators.network import Discriminator
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import FakeBatch
from core_model.training.gan.recipes.interface import Cost, Fakes, Judge, Moment, Recipe, Sight, Snapshot
from core_model.training.gan.recipes.starting import fill
from core_model.training.gan.recipes.wysiwyg.cost import PartSizes, cost
from core_model.training.gan.recipes.wysiwyg.judge import WysiwygJudge
from core_model.training.gan.recipes.wysiwyg.networks import JUDGE, build_networks, network_config
from core_model.training.gan.recipes.wysiwyg.render import Rendered, make_fakes


class WysiwygRecipe(Recipe[WysiwygGenerator]):
    """The generator is rendered at a resolution that grows; one judge sees its pictures at the size of the data."""

    def __init__(
        self, cfg: TrainConfig, device: torch.device | str, labels: LabelTable | None = None, rank: int = 0
    ) -> None:
        super().__init__(cfg, device, labels, rank)
        self.networks = build_networks(cfg, self.device)
        judge = self.networks.judges[JUDGE]
        assert isinstance(judge, Discriminator)
        spread = None if labels is None else labels.spread()
        self._sizes: PartSizes | None = None
        self.judges = (WysiwygJudge(judge, cfg, self.device, spread, rank),)

    @property
    def z_dim(self) -> int:
        return self.cfg.network.z_dim

    def groups(self) -> dict[str, list[nn.Parameter]]:
        g = self.networks.generator
        heads = {"sdf": list(g.sdf_mlp.parameters()), "colour": list(g.rgb_mlp.parameters())}
        heads["proposal"] = list(g.proposal.parameters()) if g.proposal is not None else []
        known = {id(p) for part in heads.values() for p in part}
        return {**heads, "body": [p for p in g.parameters() if id(p) not in known]}

    def rates(self, at: Moment) -> Mapping[str, float]:
        """The colour head's follows Table A4. Where layers are equalised, Adam's step of a weight is scaled by its
        runtime gain 1/√inputs; the heads' layers are not, so the same multiplier moves them that much faster.
        """
        o = self.cfg.optim
        return {"sdf": o.decoder_lr, "colour": o.colour_lr * at.values.colour_lr, "proposal": o.proposal_lr}

    def fakes(self, batch: FakeBatch, at: Moment, *, judges: Sequence[str], train: bool) -> Fakes:
        made = make_fakes(self.networks.generator, batch, self.cfg, at.values, train=train, seen=at.images)
        sight = self._sight(made.images, made.coarse, batch.label)
        return Fakes({JUDGE: sight}, made.w_mean, made.losses, made.figures)

    def reals(
        self, images: Tensor, labels: Tensor, at: Moment, judge: Judge, seeds: tuple[int, ...]
    ) -> Sight:
        """At the render's level of detail; in dual discrimination beside the probe's."""
        cfg = self.cfg
        coarse = at_detail_of(images, cfg.network.probe_size) if cfg.discriminator.dual else None
        return self._sight(at_detail_of(images, at.values.resolution), coarse, labels)

    def _sight(self, images: Tensor, coarse: Tensor | None, labels: Tensor) -> Sight:
        x = stretch(images, self.cfg.data.resolution)
        return Sight((x if coarse is None else pair(x, coarse),), labels)

    def rendered(self, batch: FakeBatch, at: Moment) -> Rendered:
        """What the average generator renders now, without losses."""
        return make_fakes(self.networks.average, batch, self.cfg, at.values, train=False)

    def pictures(self, batch: FakeBatch, at: Moment) -> Tensor:
        return self.rendered(batch, at).images

    def snapshot(self, at: Moment) -> Snapshot:
        """Its proposal network is left out until it has been trained: it would place samples at random, and
        without it the viewer uses another sampler.
        """
        network = network_config(self.cfg)
        tensors = dict(self.networks.average.state_dict())
        if not (at.values.propose and self.cfg.render.sampler) and network.proposal_channels:
            network = network.replace(proposal_channels=0)
            tensors = {name: value for name, value in tensors.items() if not name.startswith("proposal.")}
        blur = self.cfg.render.blur_bins if network.proposal_channels else None
        notes = "Trained adversarially (WYSIWYG 3D GAN)."
        return Snapshot("wysiwyg", network.model_dump(), tensors, notes, blur)

    def start(self, header: CheckpointHeader, tensors: Mapping[str, Tensor], source: str) -> int:
        return fill(self.networks, tensors, source, optional=("proposal.",))

    def cost(self, at: Moment) -> Cost:
        if self._sizes is None:
            self._sizes = PartSizes.of(self.cfg, self.networks)
        return cost(self.cfg, self._sizes, at)

    def samples_text(self, at: Moment) -> str:
        r = self.cfg.render
        return f"{r.budget_low}/{r.budget_high}" if at.values.propose else str(r.samples)
