"""triscope from Python, for notebooks and scripts: the same sessions, requests and files as window and commands.

    from core_model import api as triscope

    with triscope.open("demo") as head:
        picture = head.render(seed=3, size=256, channels=("rgb", "depth"))
        ray = head.inspect(128, 120, seed=3)
        mesh = head.mesh("head.ply", resolution=256, seed=3)
    run = triscope.read_run("runs/first")

Results are frozen: records of `core_model.schema`, and numpy arrays that cannot be written to. Pictures, rays, runs and
inversions show themselves in Jupyter. Angles are radians, distances world units, colours sRGB in [0, 1]. What is wrong
with the input raises `InputError`, one line.
"""

from core_model.api.inversion import Inversion, invert
from core_model.api.opened import Checkpoint, open
from core_model.api.results import MeshResult, Picture, Ray
from core_model.api.runs import Run, Series, read_run
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.render import RenderRequest

__all__ = [
    "Checkpoint", "InputError", "Inversion", "MeshResult", "Picture", "Ray", "RenderRequest", "Run", "Series", "TriscopeError",
    "invert", "open", "read_run",
]  # fmt: skip
