"""Log text: the newest lines, search while typing, errors and whole tracebacks, found as they arrive."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

KEEP_LINES = 200_000
WIDTH = 4000
"""Characters of a line that are kept."""

Level = Literal["", "warn", "error"]

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ERROR = re.compile(
    r"Traceback \(most recent call last\)|^\s*(\w+\.)*\w*(Error|Exception|Interrupt)\b(:|$)|\berror\b\s*:|\bFATAL\b|out of memory|"
    r"Segmentation fault|core dumped|\b(failed|killed|aborted)\b",
    re.IGNORECASE,
)
_WARN = re.compile(r"\bwarn(ing)?\b|\bnan\b|\bdeprecat", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True)
class LogLine:
    """number: place in the file, from 1 (from the first line that was read)."""

    number: int
    text: str
    level: Level


@dataclass
class Log:
    """Lines of one text file, oldest dropped first. `skipped`: bytes at its start that were not read."""

    lines: list[LogLine] = field(default_factory=list)
    errors: list[LogLine] = field(default_factory=list)
    tracebacks: list[tuple[int, str]] = field(default_factory=list)
    count: int = 0
    skipped: int = 0
    _trace: list[str] = field(default_factory=list)
    _trace_at: int = 0

    def clear(self) -> None:
        self.__init__()

    def add(self, raw: tuple[bytes, ...]) -> None:
        """Append lines; of a progress bar that overwrites itself only the last state is kept."""
        for one in raw:
            text = clean(one)
            self.count += 1
            line = LogLine(self.count, text, level_of(text))
            self.lines.append(line)
            if line.level == "error":
                self.errors.append(line)
                del self.errors[:-5000]
            self._follow_traceback(line)
        if len(self.lines) > KEEP_LINES * 5 // 4:
            del self.lines[:-KEEP_LINES]

    def find(self, words: str, only_errors: bool = False) -> list[LogLine]:
        """Lines that hold every word of `words`, in any case."""
        wanted = words.lower().split()
        pool = self.errors if only_errors else self.lines
        return (
            [line for line in pool if all(w in line.text.lower() for w in wanted)] if wanted else list(pool)
        )

    def last_error(self) -> str:
        """The newest traceback whole, else the newest error line, else ""."""
        if self._trace:
            return "\n".join(self._trace)
        if self.tracebacks:
            return self.tracebacks[-1][1]
        return self.errors[-1].text if self.errors else ""

    def _follow_traceback(self, line: LogLine) -> None:
        if _TRACEBACK in line.text:
            self._close_traceback()
            self._trace, self._trace_at = [line.text], line.number
        elif self._trace:
            indent = len(self._trace[0]) - len(self._trace[0].lstrip())
            self._trace.append(line.text)
            inside = line.text.startswith(" " * (indent + 1)) or not line.text.strip()
            if not inside or len(self._trace) > 400:
                self._close_traceback()

    def _close_traceback(self) -> None:
        if self._trace:
            self.tracebacks.append((self._trace_at, "\n".join(self._trace)))
            del self.tracebacks[:-100]
        self._trace = []


def clean(raw: bytes) -> str:
    """One printable line: no colours, no control characters, at most WIDTH characters."""
    text = raw.decode("utf-8", errors="replace").rstrip("\r")
    text = _ANSI.sub("", text.rsplit("\r", 1)[-1])
    text = _CONTROL.sub(" ", text.replace("\t", "    "))
    return text if len(text) <= WIDTH else text[:WIDTH] + " …"


def level_of(text: str) -> Level:
    if _ERROR.search(text):
        return "error"
    return "warn" if _WARN.search(text) else ""
