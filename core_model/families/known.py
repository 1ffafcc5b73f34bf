"""The descriptions of all families, by name.

No torch here; `core_model.families.FAMILIES` holds what builds them.
"""

from __future__ import annotations

from core_model.families.analytic.description import DESCRIPTION as _ANALYTIC
from core_model.families.description import Description, FamilyPlugin
from core_model.families.eg3d.convert import DESCRIPTION as _EG3D
from core_model.families.epigraf.convert import DESCRIPTION as _EPIGRAF
from core_model.families.mimic3d.convert import DESCRIPTION as _MIMIC3D
from core_model.families.wysiwyg.config import DESCRIPTION as _WYSIWYG
from core_model.schema.plugins import adopt
from core_model.schema.registry import Registry


def _installed() -> None:
    """Descriptions of other packages' families; what builds them waits in `PLUGINS`."""
    PLUGINS.update(
        adopt("families", FamilyPlugin, lambda f: DESCRIPTIONS.add(f.description.name, f.description))
    )


PLUGINS: dict[str, FamilyPlugin] = {}
"""By entry point; filled when `DESCRIPTIONS` is first read."""
DESCRIPTIONS: Registry[Description] = Registry("family", _installed)
for _description in (_ANALYTIC, _EG3D, _EPIGRAF, _MIMIC3D, _WYSIWYG):
    DESCRIPTIONS.add(_description.name, _description)
