"""One panel a file, each registered in `viewer.ui.panel.PANELS` by being imported here. A panel never
imports a panel.
"""

from viewer.panels import (
    basket,
    camera,
    compare,
    directions,
    export,
    latent,
    mesh,
    model,
    path,
    planes,
    ray,
    sampler,
    section,
    seeds,
    timings,
    training,
    view,
    viewport,
)  # fmt: skip

__all__ = [
    "basket", "camera", "compare", "directions", "export", "latent", "mesh", "model", "path", "planes", "ray", "sampler", "section",
    "seeds", "timings", "training", "view", "viewport",
]  # fmt: skip
