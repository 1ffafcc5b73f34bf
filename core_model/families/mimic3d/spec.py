"""The mimic3d family as the session sees it."""

from core_model.families.mimic3d import native
from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.mimic3d.convert import to_native
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.families.volumetric_model import register_volumetric

register_volumetric("mimic3d", "Mimic3D", Mimic3dConfig, Mimic3dGenerator, native.render, to_native)
