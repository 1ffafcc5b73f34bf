"""Questions beside pictures (rays, sections, planes, meshes, directions): one function for each class of
question.
"""

from core_model.queries.registry import ANSWERERS, Answer, SessionView, answer
from core_model.queries.session import QuerySession

__all__ = ["ANSWERERS", "Answer", "QuerySession", "SessionView", "answer"]
