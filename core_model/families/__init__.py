"""Model families, one folder each.

`FAMILIES` registers them all when it is first asked for, and with them torch is imported;
`core_model.families.known` describes their checkpoints without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core_model.families.base import FAMILIES, FamilySpec, Model
    from core_model.families.description import Sizes

__all__ = ["FAMILIES", "FamilySpec", "Model", "Sizes"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core_model.families import base
    from core_model.families.analytic import spec as _analytic  # noqa: F401
    from core_model.families.eg3d import spec as _eg3d  # noqa: F401
    from core_model.families.epigraf import spec as _epigraf  # noqa: F401
    from core_model.families.mimic3d import spec as _mimic3d  # noqa: F401
    from core_model.families.wysiwyg import spec as _wysiwyg  # noqa: F401

    return getattr(base, name)
