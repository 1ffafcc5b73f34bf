"""The eg3d family as the session sees it."""

from core_model.families.eg3d import native
from core_model.families.eg3d.config import Eg3dConfig
from core_model.families.eg3d.description import DESCRIPTION
from core_model.families.eg3d.generator import Eg3dGenerator
from core_model.families.osg.final import FINAL
from core_model.families.osg.model import register_volumetric

register_volumetric(DESCRIPTION, Eg3dConfig, Eg3dGenerator, native.render, FINAL)
