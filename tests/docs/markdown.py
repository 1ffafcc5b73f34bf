"""What the pages hold that can be checked: command lines, Python, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.sources import ROOT

PAGES = ROOT / "docs" / "pages"
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code: its language ("" = indented), and its text."""

    page: Path
    language: str
    text: str


@dataclass(frozen=True)
class Line:
    """One command line of a page."""

    page: Path
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.text}"


def pages() -> list[Path]:
    return sorted(PAGES.glob("*.md")) + [ROOT / "README.md"]


def blocks(page: Path) -> Iterator[Block]:
    """Fenced blocks, then indented ones."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(page, found[1], found[2])
    rest = _FENCE.sub("", text)
    for found in re.finditer(r"(?:^ {4}\S[^\n]*\n)+", rest, re.MULTILINE):
        yield Block(page, "", "\n".join(line[4:] for line in found[0].splitlines()))


def command_lines() -> list[Line]:
    """Every line of the shell that the pages show."""
    return [
        Line(block.page, line.strip())
        for page in pages()
        for block in blocks(page)
        if block.language in ("", "sh")
        for line in block.text.splitlines()
        if line.strip() and not line.startswith("#")
    ]


def links(page: Path) -> list[str]:
    """Targets of links and pictures, those of code left out."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", text))
