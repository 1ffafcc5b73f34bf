"""Procedural heads in closed form: signed distance, colour, images.

Ground truth that tri-plane fields are fitted to, and source of the demo data set.
"""

from core_model.data.heads.field import head_normals, head_sdf, project_to_surface, sdf_gradient
from core_model.data.heads.parameters import N_PARAMS, HeadParams, latent_for_seed
from core_model.data.heads.pose import FOCAL, RADIUS, camera_label, look_at_camera, sample_camera
from core_model.data.heads.rendering import BACKGROUND_RGB, HeadImages, pixel_rays, render_heads
from core_model.data.heads.shading import head_color
from core_model.data.heads.tracing import trace_heads

__all__ = [
    "BACKGROUND_RGB",
    "FOCAL",
    "N_PARAMS",
    "RADIUS",
    "HeadImages",
    "HeadParams",
    "camera_label",
    "head_color",
    "head_normals",
    "head_sdf",
    "latent_for_seed",
    "look_at_camera",
    "pixel_rays",
    "project_to_surface",
    "render_heads",
    "sample_camera",
    "sdf_gradient",
    "trace_heads",
]
