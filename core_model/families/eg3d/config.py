"""Configuration of an EG3D generator, as read from its file.

No torch here beyond what the shared settings need.
"""

from __future__ import annotations

from pydantic import model_validator

from core_model.families.osg.settings import GeneratorConfig


class Eg3dConfig(GeneratorConfig):
    """The shared settings and nothing else; all planes come from one plain backbone."""

    @model_validator(mode="after")
    def _sizes(self) -> "Eg3dConfig":
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ValueError(f"channels needs at least two positive widths, got {self.channels}")
        return self
