"""Registers the eg3d family."""

from core_model.families.eg3d.convert import DESCRIPTION, Eg3dConfig
from core_model.families.eg3d.generator import Eg3dGenerator
from core_model.families.osg import native
from core_model.families.osg.final import FINAL
from core_model.families.osg.model import register_volumetric
from core_model.families.osg.painting import VolumetricPainter

register_volumetric(DESCRIPTION, Eg3dConfig, Eg3dGenerator, native.render, FINAL, VolumetricPainter)
