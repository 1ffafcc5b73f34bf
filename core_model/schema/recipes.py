"""The ways to train that `triscope train` knows, as plain data; their code is `training/gan/recipes`."""

from __future__ import annotations

from typing import Literal

from core_model.schema.frozen import Frozen
from core_model.schema.registry import Registry

RecipeName = Literal["wysiwyg", "eg3d", "epigraf", "mimic3d"]


class RecipeInfo(Frozen):
    """title: for people. about: two sentences. preset: chosen where none is named. starts_from: families beside its own
    whose checkpoints it can start from.
    """

    title: str
    about: str
    preset: str
    starts_from: tuple[str, ...] = ()


RECIPES: Registry[RecipeInfo] = Registry("recipe")
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
