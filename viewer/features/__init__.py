"""One folder per feature; its panel is registered in `viewer.widgets.panel.PANELS` by the import here.

A feature never imports another.
"""

from viewer.features.basket import panel as basket
from viewer.features.camera import panel as camera
from viewer.features.compare import panel as compare
from viewer.features.directions import panel as directions
from viewer.features.export import panel as export
from viewer.features.inversion import panel as inversion
from viewer.features.latent import panel as latent
from viewer.features.layers import panel as layers
from viewer.features.mesh import panel as mesh
from viewer.features.model import panel as model
from viewer.features.path import overlay as path
from viewer.features.planes import panel as planes
from viewer.features.ray import panel as ray
from viewer.features.sampler import panel as sampler
from viewer.features.section import panel as section
from viewer.features.seeds import panel as seeds
from viewer.features.timings import panel as timings
from viewer.features.training import panel as training
from viewer.features.view import panel as view
from viewer.features.viewport import panel as viewport  # fmt: skip

__all__ = [
    "basket", "camera", "compare", "directions", "export", "inversion", "latent", "layers", "mesh", "model", "path", "planes", "ray",
    "sampler", "section", "seeds", "timings", "training", "view", "viewport",
]  # fmt: skip
