"""Request in, result out, with a cache at every stage; no knowledge of windows."""

from core_model.checkpoints.describe import describe_checkpoint
from core_model.session.session import Frame, RenderSession

__all__ = ["Frame", "RenderSession", "describe_checkpoint"]
