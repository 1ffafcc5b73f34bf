"""The eg3d family as the session sees it."""

from core_model.families.eg3d import native
from core_model.families.eg3d.config import Eg3dConfig
from core_model.families.eg3d.convert import to_native
from core_model.families.eg3d.generator import Eg3dGenerator
from core_model.families.volumetric_model import register_volumetric

register_volumetric("eg3d", "EG3D", Eg3dConfig, Eg3dGenerator, native.render, to_native)
