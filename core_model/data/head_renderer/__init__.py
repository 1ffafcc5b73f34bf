"""Pictures of heads by OpenGL 3.3, off the screen: no display, no window, software drivers will do."""

from core_model.data.head_renderer.lighting import Lighting, draw_lighting
from core_model.data.head_renderer.renderer import PART_NAMES, HeadRenderer, HeadView

__all__ = ["PART_NAMES", "HeadRenderer", "HeadView", "Lighting", "draw_lighting"]
