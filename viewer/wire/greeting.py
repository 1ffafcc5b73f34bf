"""The first line of either side: `TRISCOPE-LINE 1 FINGERPRINT VERSION`.

The fingerprint is that of every record that may cross the line, so that two versions of triscope work together
exactly when they mean the same by everything they say. A login shell may print a banner before the far side's line.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import typing

from pydantic import BaseModel

from core_model import __version__
from viewer.wire.desk_records import DESK
from viewer.wire.faults import WireError
from viewer.wire.records import QUESTIONS, Record

PROTOCOL = 1
BANNER_BYTES = 1 << 16
"""What a login shell may print before the greeting."""
_LINE = re.compile(rb"TRISCOPE-LINE (\d{1,6}) ([0-9a-f]{12}) ([\w.+-]{1,64})\r?\n")


@functools.cache
def fingerprint() -> str:
    """Names of all records and their fields; another pydantic or Python on the other side makes no difference."""
    fields: dict[str, list[str]] = {}
    todo: list[object] = [Record, *QUESTIONS.values(), *DESK.values(), *(one.ANSWER for one in DESK.values())]
    while todo:
        one = todo.pop()
        if isinstance(one, type) and issubclass(one, BaseModel) and one.__name__ not in fields:
            fields[one.__name__] = sorted(one.model_fields)
            todo += [f.annotation for f in one.model_fields.values()]
        todo += typing.get_args(one)
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]


def greeting() -> bytes:
    return f"TRISCOPE-LINE {PROTOCOL} {fingerprint()} {__version__}\n".encode()


class Greeted:
    """Reads up to and with the other side's greeting.

    rest: what came after it; banner: what came before it.
    """

    def __init__(self) -> None:
        self.rest, self.banner, self.done = b"", "", False
        self._raw = b""

    def feed(self, data: bytes) -> bool:
        """True once the greeting is there and fits; raises WireError when there is none, or it does not fit."""
        self._raw += data
        found = _LINE.search(self._raw)
        if found is None:
            if len(self._raw) > BANNER_BYTES:
                raise WireError("what answers is not a triscope worker, it says", self._raw)
            return False
        self.banner = self._raw[: found.start()].decode(errors="replace")
        self.rest = self._raw[found.end() :]
        protocol, mark, version = int(found[1]), found[2].decode(), found[3].decode()
        if protocol != PROTOCOL or mark != fingerprint():
            raise VersionError(version)
        self.done = True
        return True

    def read(self, descriptor: int) -> bool:
        """Read until it is there; False at the end of the stream."""
        while not self.done:
            data = os.read(descriptor, 4096)
            if not data:
                self.banner = self.banner or self._raw.decode(errors="replace")
                return False
            self.feed(data)
        return True


class VersionError(WireError):
    """The two sides are not of the same version."""

    def __init__(self, theirs: str) -> None:
        same = " (another state of the same version)" if theirs == __version__ else ""
        super().__init__(
            f"the other side is triscope {theirs}{same}, this one {__version__}: install the same on both"
        )
