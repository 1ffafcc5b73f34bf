"""The log page of a run: which file, search while typing, errors only, what is copied."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath

from viewer.runs.log import LogLine
from viewer.runs.reader import RunReader

MOST_COPIED = 20_000
ABOUT = {"console.txt": "What the command printed", "log.txt": "What the trainer wrote down"}


@dataclass
class LogPage:
    """`update` is called in every frame. follow: the newest line stays visible. found: lines that are listed.

    errors: number of error lines in the file. skipped: bytes at its start that were not read. last_error: the
    newest traceback, else the newest error line, else "".
    """

    words: str = ""
    only_errors: bool = False
    follow: bool = True
    file: str = "log.txt"
    files: list[str] = field(default_factory=lambda: ["log.txt"])
    found: list[LogLine] = field(default_factory=list, repr=False)
    errors: int = 0
    skipped: int = 0
    last_error: str = ""
    _key: object = None
    _run: PurePath | None = None

    def update(self, run: RunReader) -> bool:
        """Search again where run, file, words or lines have changed; True where it was."""
        with run.lock:
            self.files = [name for name, log in run.logs.items() if log.count] or ["log.txt"]
            if self.file not in self.files or run.path != self._run:
                self._run, self.file = run.path, _most_telling(run, self.files)
            log = run.logs[self.file]
            key = (run.path, self.file, log.count, self.words, self.only_errors)
            if key == self._key:
                return False
            self._key, self.found = key, log.find(self.words, self.only_errors)
            self.errors, self.skipped, self.last_error = len(log.errors), log.skipped, log.last_error()
        return True

    def note(self) -> str:
        """How much there is, in words."""
        left_out = f", the first {self.skipped / 1e6:.0f} MB left out" if self.skipped else ""
        return f"{len(self.found)} lines, {self.errors} errors{left_out}"

    def copied(self) -> str:
        """The listed lines for the clipboard, the newest MOST_COPIED of them."""
        return "\n".join(line.text for line in self.found[-MOST_COPIED:])


def _most_telling(run: RunReader, files: list[str]) -> str:
    """The file with the error of a failed run, else the trainer's own log."""
    if run.state in ("failed", "lost"):
        for name in files:
            if run.logs[name].tracebacks or run.logs[name].last_error():
                return name
    return files[0]
