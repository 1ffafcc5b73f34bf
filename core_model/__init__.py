"""triscope: torch library for tri-plane 3D GANs (no window code)."""

__version__ = "0.1.0"
