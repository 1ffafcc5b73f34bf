"""What to lower where a step does not fit into memory: the images of a micro-batch, which change nothing but that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core_model.ops.devices import free_bytes
from core_model.schema.errors import OutOfMemory, is_out_of_memory
from core_model.schema.train import TrainConfig
from core_model.training.common.distributed import Ranks
from core_model.training.gan.recipes import recipe_of
from core_model.training.gan.recipes.interface import Cost, Moment, Recipe
from core_model.training.gan.state import Trained

MARGIN = 1.6
"""With 1.25 a micro-batch was named that did not fit its second step."""


@contextmanager
def memory_named(cfg: TrainConfig, ranks: Ranks, trained: Trained, step: Callable[[], int]) -> Iterator[None]:
    """Context in which running out of memory becomes an OutOfMemory that names the setting to lower, and a value that should fit.

    step: the one that the run has reached.
    """
    # measured now: what a step that broke off has freed, allocators hand back only in part
    room = max(0.0, free_bytes(ranks.device) - trained.optimisers.missing_bytes())
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(too_large(cfg, ranks.world, step(), room)) from error


def too_large(cfg: TrainConfig, world: int, step: int, free: float) -> str:
    """The line of an error. free: bytes that were there for images when the run began, in each of `world` processes."""
    share = cfg.batch // world
    micro = min(cfg.microbatch or share, share)
    each = MARGIN * kept_bytes(cfg, sizes_of(cfg).cost(_moment(cfg, step)))
    said = f"out of memory in step {step} with {micro} images at a time"
    fits = fitting_micro(cfg.batch, share, micro, free / each)
    if fits:
        return (
            f"{said}: --microbatch={fits} should fit (about {_gb(fits * each)} of the {_gb(free)} that were free); "
            f"--resume --microbatch={fits} goes on"
        )
    less = "fewer --processes, " if world > 1 else ""
    rays = cfg.schedule.at(step * cfg.batch).resolution
    parts = f"--render.checkpoint-rays={max(64, int(rays * rays) // 8)}, " if cfg.recipe == "wysiwyg" else ""
    return (
        f"{said}: one image takes about {_gb(each)}, and {_gb(free)} were free: {less}{parts}a smaller network or "
        "picture needs less, or raise the limit (ulimit -v)"
    )


def kept_bytes(cfg: TrainConfig, cost: Cost) -> float:
    """What one image of a micro-batch keeps for its backward pass, in bytes."""
    return (2.0 if cfg.optim.precision == "bf16" else 4.0) * cost.kept


def sizes_of(cfg: TrainConfig) -> Recipe:
    """A recipe whose networks have sizes and no numbers."""
    recipe = recipe_of(cfg, "meta")
    for module in recipe.networks.modules().values():
        module.requires_grad_(False)  # the counter follows modules through gradients where there are some
    return recipe


def fitting_micro(batch: int, share: int, micro: int, room: float) -> int:
    """The largest micro-batch below `micro` that divides share and batch and has at most `room` images; 0 = none."""
    return next((n for n in range(micro - 1, 0, -1) if share % n == 0 and batch % n == 0 and n <= room), 0)


def _moment(cfg: TrainConfig, step: int) -> Moment:
    images = step * cfg.batch
    return Moment(step, images, cfg.schedule.at(images))


def _gb(count: float) -> str:
    return f"{count / 1e9:.2f} GB"
