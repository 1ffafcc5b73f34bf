"""Answers to the window's questions, one function for each class of question. Importing this package registers them."""

from core_model.queries import describe, directions, latents, mesh, pictures, planes, section, volume
from core_model.queries.registry import ANSWERERS, Answer, answer

__all__ = ["ANSWERERS", "Answer", "answer", "describe", "directions", "latents", "mesh", "pictures", "planes", "section", "volume"]
