"""Mesh file formats; each registers itself in `base.FORMATS`."""

from core_model.meshing.formats import glb, obj, ply, stl  # noqa: F401 - they register themselves
from core_model.meshing.formats.base import FORMATS, MeshFormat
from core_model.meshing.formats.embedded import read_record

__all__ = ["FORMATS", "MeshFormat", "read_record"]
