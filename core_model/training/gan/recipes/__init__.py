"""The recipes of `triscope train`, one folder each. `recipe_of` builds the one that the settings name."""

from __future__ import annotations

import torch

from core_model.data.labels import LabelTable
from core_model.schema.errors import InputError
from core_model.schema.recipes import PLUGINS
from core_model.schema.train import TrainConfig
from core_model.training.gan.recipes.eg3d.recipe import Eg3dRecipe
from core_model.training.gan.recipes.epigraf.recipe import EpigrafRecipe
from core_model.training.gan.recipes.interface import Recipe
from core_model.training.gan.recipes.mimic3d.recipe import Mimic3dRecipe
from core_model.training.gan.recipes.wysiwyg.recipe import WysiwygRecipe

RECIPES: dict[str, type[Recipe]] = {
    "wysiwyg": WysiwygRecipe,
    "eg3d": Eg3dRecipe,
    "epigraf": EpigrafRecipe,
    "mimic3d": Mimic3dRecipe,
}


def recipe_of(
    cfg: TrainConfig, device: torch.device | str, labels: LabelTable | None = None, rank: int = 0
) -> Recipe:
    """Fresh networks on `device` (`meta`: sizes only) by the recipe of the settings.

    labels: cameras of the data, which a recipe that is to train needs. Raises InputError for sizes that do not fit.
    """
    return _class_of(cfg.recipe)(cfg, device, labels, rank)


def _class_of(name: str) -> type[Recipe]:
    if name in RECIPES:
        return RECIPES[name]
    found = next(plugin for plugin in PLUGINS.values() if plugin.name == name).recipe()
    if not (isinstance(found, type) and issubclass(found, Recipe)):
        raise InputError(
            what=f"the installed recipe {name} is none", expected="a subclass of Recipe", got=repr(found)
        )
    return found
