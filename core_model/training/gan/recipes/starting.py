"""Weights of another run or program as the start of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from torch import Tensor

from core_model.checkpoints.layout import read_header
from core_model.nn.superres_variants import VARIANTS
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.recipes import RECIPES, settings_recipe
from core_model.schema.settings import settings_of, text_of
from core_model.schema.train import TrainConfig
from core_model.training.common.run_directory import STATE_SUFFIX
from core_model.training.gan.recipes.epigraf.networks import adopted_network as adopted_epigraf
from core_model.training.gan.recipes.interface import Networks
from core_model.training.gan.recipes.mimic3d.adopting import adopted_planes
from core_model.training.gan.recipes.osg.networks import adopted_network


def fill(networks: Networks, tensors: Mapping[str, Tensor], source: str, optional: Sequence[str] = ()) -> int:
    """Generator and average from the tensors of a checkpoint; returns how many tensors were taken.

    optional: beginnings of names that a checkpoint may lack. Raises InputError naming the first tensor that is
    missing or does not fit; nothing is changed then.
    """
    own = networks.generator.state_dict()
    missing = [n for n in own if n not in tensors and not n.startswith(tuple(optional))]
    wrong = [n for n in own if n in tensors and tensors[n].shape != own[n].shape]
    for names, what in ((missing, "lacks tensor"), (wrong, "has another shape of tensor")):
        if names:
            raise InputError(
                what=f"cannot start: the checkpoint {what} {names[0]!r}",
                where=source,
                expected="the networks of this preset",
            )
    merged = {**own, **{n: t for n, t in tensors.items() if n in own}}
    networks.generator.load_state_dict(merged)
    networks.average.load_state_dict(merged)
    return sum(n in tensors for n in own)


def adopted(cfg: TrainConfig, told: Collection[str]) -> TrainConfig:
    """Settings of a fine-tuning with the sizes of the checkpoint that it starts from, where `told` has no path of theirs.

    A resume state says no sizes, and a checkpoint of another family is refused when it is loaded. Raises InputError.
    """
    if cfg.start_from.endswith(STATE_SUFFIX):
        return cfg
    header = read_header(cfg.start_from).header
    reads = settings_recipe(cfg.recipe)
    if header.family not in (cfg.recipe, *RECIPES.get(cfg.recipe).starts_from) or reads == "wysiwyg":
        return cfg
    own = {path.replace("-", "_") for path in told}
    if header.family == "epigraf":
        found = adopted_epigraf(header, cfg.start_from)
    else:
        found = adopted_network(header) | adopted_planes(header)
    sizes = {f"{reads}.{path}": value for path, value in found.items()}
    superres, neural = (
        header.config.get("superres"),
        (header.config.get("volumetric") or {}).get("neural_size"),
    )
    variant = VARIANTS[superres["variant"]] if superres else None
    image = variant.out_size if variant else neural or header.config.get("image_size")
    if image:
        sizes["data.resolution"] = image
    # a 3D branch is shown at the picture's size: what its super-resolution took is not in the file
    lifted = variant is None or (neural or 0) <= variant.in_size
    if neural and lifted and len({y for _, y in cfg.schedule.resolution.points}) == 1:
        sizes["schedule.resolution"] = neural
    known = settings_of(TrainConfig)
    changes = [(path, text_of(v)) for path, v in sizes.items() if path not in own and path in known]
    return apply_overrides(cfg, changes, cfg.start_from)
