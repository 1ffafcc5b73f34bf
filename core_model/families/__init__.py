"""Model families, one folder each; importing this package registers them all."""

from core_model.families.analytic import spec as _analytic  # noqa: F401
from core_model.families.base import FAMILIES, FamilySpec, Model, Sizes
from core_model.families.eg3d import spec as _eg3d  # noqa: F401
from core_model.families.epigraf import spec as _epigraf  # noqa: F401
from core_model.families.mimic3d import spec as _mimic3d  # noqa: F401
from core_model.families.wysiwyg import spec as _wysiwyg  # noqa: F401

__all__ = ["FAMILIES", "FamilySpec", "Model", "Sizes"]
