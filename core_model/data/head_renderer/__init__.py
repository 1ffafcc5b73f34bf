"""Pictures of heads by OpenGL 3.3, off the screen: no display, no window, software drivers will do."""

from core_model.data.head_renderer.lighting import BACKGROUND_RGB, Lighting, draw_lighting
from core_model.data.head_renderer.renderer import PART_NAMES, HeadRenderer, HeadView

__all__ = ["BACKGROUND_RGB", "PART_NAMES", "HeadRenderer", "HeadView", "Lighting", "draw_lighting"]
