"""Registers the mimic3d family."""

from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.mimic3d.convert import DESCRIPTION
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.families.osg import native
from core_model.families.osg.final import FINAL
from core_model.families.osg.model import register_volumetric
from core_model.families.osg.painting import VolumetricPainter

register_volumetric(
    DESCRIPTION,
    Mimic3dConfig,
    Mimic3dGenerator,
    native.render,
    FINAL,
    VolumetricPainter,
    lambda cfg: cfg.depth_guide,
)
