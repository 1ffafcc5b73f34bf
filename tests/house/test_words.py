"""One word for one thing: what is shown to people takes its words from `core_model.schema.glossary` (issue 19, part 3)."""

from __future__ import annotations

import ast
import re

from core_model.schema import glossary
from tests.house.sources import Source, sources

PLACES = ("viewer", "core_model", "benchmarks")
OTHER_WORDS = (
    (re.compile(r"\bcontinu(?:e|es|ed|ing)\b(?! from)", re.I), "resume, or go on"),
    (re.compile(r"surface variance B\b|Surface variance B"), "Surface variance; B stands in the tooltip"),
    (re.compile(r"Sliced Wasserstein(?! distance)"), "SWD"),
    (re.compile(r"\bTaken out\b|threshold of q\b|of other settings"), "plain words"),
)
ALLOWED = {"continue", "surface variance B", "Sliced Wasserstein distance of normal maps"}
"""Names in files and between programs: a request of the run record, a number of the ray report's file."""


def shown_texts(source: Source) -> list[tuple[int, str]]:
    """String constants of a file with their lines, docstrings left out."""
    told = {
        id(node.value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
    ]


def test_nothing_that_is_shown_has_two_words() -> None:
    found = [
        f"{source.path}:{line}: {text!r}: say {better}"
        for source in sources(*PLACES)
        for line, text in shown_texts(source)
        if text not in ALLOWED
        for wrong, better in OTHER_WORDS
        if wrong.search(text)
    ]
    assert not found, "\n".join(found)


def test_terms_have_a_plain_sentence_and_the_paper_behind_it() -> None:
    terms = [value for value in vars(glossary).values() if isinstance(value, glossary.Term)]
    assert len(terms) >= 8
    for term in terms:
        assert len(term.meaning.split()) >= 4 and not term.meaning.endswith("."), term
        assert not re.search(r"\b[AB]\d?\.?\d?\b$", term.title), f"{term.title}: the label needs no source"
