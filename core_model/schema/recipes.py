"""The ways to train that `triscope train` knows, as plain data; their code is `training/gan/recipes`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core_model.schema.frozen import Frozen
from core_model.schema.plugins import adopt
from core_model.schema.registry import Registry


class RecipeInfo(Frozen):
    """title: for people. about: two sentences. preset: chosen where none is named. starts_from: families beside its own
    whose checkpoints it can start from. reads: the recipe whose settings it reads, "" = those that name it.
    """

    title: str
    about: str
    preset: str
    starts_from: tuple[str, ...] = ()
    reads: str = ""


@dataclass(frozen=True)
class RecipePlugin:
    """A recipe of another package (entry point `triscope.recipes`).

    recipe: its class, a `training.gan.recipes.interface.Recipe`. presets: complete `TrainConfig`s whose `recipe` is
    `name`, that of `info.preset` among them. Both are called when they are first needed: the window reads `info`
    and presets, and loads no torch.
    """

    name: str
    info: RecipeInfo
    recipe: Callable[[], Any]
    presets: Callable[[], tuple[Any, ...]]


def _installed() -> None:
    """Recipes of other packages; what makes them waits in `PLUGINS`."""
    PLUGINS.update(adopt("recipes", RecipePlugin, _taken))


def _taken(found: RecipePlugin) -> None:
    if found.info.reads not in BUILT_IN:
        raise ValueError(f"info.reads is {found.info.reads!r}, not one of {', '.join(BUILT_IN)}")
    RECIPES.add(found.name, found.info)


def settings_recipe(name: str) -> str:
    """The recipe whose settings the recipe `name` reads."""
    return RECIPES.get(name).reads or name


PLUGINS: dict[str, RecipePlugin] = {}
"""By entry point; filled when `RECIPES` is first read."""
BUILT_IN = ("wysiwyg", "eg3d", "epigraf", "mimic3d")
RECIPES: Registry[RecipeInfo] = Registry("recipe", _installed)
RECIPES.add(
    "wysiwyg",
    RecipeInfo(
        title="WYSIWYG",
        about="A signed distance field rendered at full resolution, without a super-resolution network. "
        "A learned sampler takes over once surfaces are thin (What You See is What You GAN, 2024).",
        preset="ffhq512",
    ),
)
RECIPES.add(
    "eg3d",
    RecipeInfo(
        title="EG3D",
        about="A density field in three planes rendered at low resolution and lifted by a super-resolution network. "
        "One discriminator judges the picture and the raw render together (EG3D, 2022).",
        preset="eg3d-ffhq512",
    ),
)
RECIPES.add(
    "epigraf",
    RecipeInfo(
        title="EpiGRAF",
        about="A density field in three planes, trained on patches of any scale and place instead of whole pictures. "
        "Its discriminator is told where a patch lies, and no super-resolution follows (EpiGRAF, 2022).",
        preset="epigraf-ffhq512",
    ),
)
RECIPES.add(
    "mimic3d",
    RecipeInfo(
        title="Mimic3D",
        about="EG3D with planes that see each other, whose super-resolved pictures a 3D branch learns to imitate. "
        "What is shown in the end is that branch, rendered at full resolution without a super-resolution (Mimic3D, 2023).",
        preset="mimic3d-ffhq512",
        starts_from=("eg3d",),
    ),
)
