"""Polygonal heads of people, put together from the head pack (assets/headpack, CC0; its README says how the parts fit).

`draw(seed)` draws the parameters of a person, `assemble(parameters)` makes the parts with their pictures in world units.
"""

from core_model.data.headpack.assembly import assemble
from core_model.data.headpack.draw import draw
from core_model.data.headpack.mesh import HeadMesh, Part
from core_model.data.headpack.parameters import Glasses, HeadParameters

__all__ = ["Glasses", "HeadMesh", "HeadParameters", "Part", "assemble", "draw"]
