"""What is known of a Mimic3D checkpoint without building it. No torch here."""

from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.mimic3d.convert import to_native
from core_model.families.osg.settings import volumetric_description

LICENCE_NOTE = (
    "not stated in the file; Mimic3D's program: MIT, parts are EG3D's (NVIDIA, research and evaluation only)"
)
DESCRIPTION = volumetric_description("mimic3d", "Mimic3D", Mimic3dConfig, to_native, LICENCE_NOTE)
