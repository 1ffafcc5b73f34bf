"""One panel a file, each registered in `viewer.ui.panel.PANELS` by being imported here. A panel never
imports a panel.
"""

from viewer.panels import camera, compare, latent, model, ray, sampler, timings, view, viewport

__all__ = ["camera", "compare", "latent", "model", "ray", "sampler", "timings", "view", "viewport"]
