"""What is known of an EG3D checkpoint without building it. No torch here."""

from core_model.families.eg3d.config import Eg3dConfig
from core_model.families.eg3d.convert import to_native
from core_model.families.osg.settings import volumetric_description

LICENCE_NOTE = "not stated in the file; EG3D and its published models: NVIDIA Source Code License for EG3D, research and evaluation only"
DESCRIPTION = volumetric_description("eg3d", "EG3D", Eg3dConfig, to_native, LICENCE_NOTE)
