"""Packages that only some of the work needs, and the line that installs them.

`pip install triscope` brings what the window and the renderer need; the rest comes by extras of pyproject.toml.
"""

from __future__ import annotations

from core_model.schema.errors import TriscopeError

EXTRA_OF_PACKAGE = {
    "scipy": "mesh", "mcubes": "mesh", "skimage": "mesh", "fast_simplification": "mesh", "xatlas": "mesh",
    "igl": "train", "trimesh": "train", "tensorboard": "train", "dearpygui": "train", "triton": "gpu",
}  # fmt: skip
"""Import name → extra."""
TRAINING = ("core_model.data.", "core_model.training.")
"""Parts whose every package is one of training, also those that meshing has too (scipy)."""
NAMES = {"train": "training and its data", "mesh": "meshes", "gpu": "faster kernels on a GPU"}


class MissingExtra(TriscopeError):
    """A package of an extra is not installed; `extra` is its name."""

    def __init__(self, extra: str, package: str) -> None:
        self.extra, self.package = extra, package
        super().__init__(f"{NAMES[extra]}: the package {package} is not installed: {install_line(extra)}")

    def __reduce__(self) -> tuple[object, ...]:
        return MissingExtra, (self.extra, self.package)


def install_line(extra: str) -> str:
    """What a person types to get an extra."""
    return f'pip install "triscope[{extra}]"'


def missing_extra(error: BaseException) -> MissingExtra | None:
    """The error with the line that mends it, where a package of an extra could not be imported; else None."""
    if not isinstance(error, ImportError) or error.name is None:
        return None
    package = error.name.partition(".")[0]
    extra = EXTRA_OF_PACKAGE.get(package)
    if extra is None:
        return None
    return MissingExtra("train" if _asked_by_training(error) else extra, package)


def _asked_by_training(error: ImportError) -> bool:
    """Whether the last of our own modules on the way to the import is one of training."""
    ours, trace = "", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        ours = name if name.startswith(("core_model.", "viewer.")) else ours
        trace = trace.tb_next
    return f"{ours}.".startswith(TRAINING)
