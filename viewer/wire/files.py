"""Files over the line: offered with size and SHA-256, sent from where the other side has them, checked when they are whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from core_model.schema.errors import InputError
from core_model.schema.render import ErrorInfo
from viewer.wire import records as r
from viewer.wire.channel import Channel, Lane
from viewer.wire.faults import WireError

PART = 1 << 18
UNDER_WAY = 3
"""Parts that wait in the lane at most: a file is read as fast as the line takes it."""


def offer_of(path: Path, number: int) -> r.Offer:
    """The offer of a file. Raises InputError where it cannot be read."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while data := file.read(1 << 20):
                digest.update(data)
                size += len(data)
        return r.Offer(number=number, name=path.name, size=size, digest=digest.hexdigest())
    except OSError as e:
        raise InputError(what="cannot send the file", where=str(path), got=e.strerror or str(e)) from None
    except ValueError:
        raise InputError(what="cannot send a file of this name", where=str(path)) from None


def send_parts(channel: Channel, path: Path, offer: r.Offer, offset: int) -> bool:
    """Send a file from `offset` on; False when the line went away meanwhile."""
    with path.open("rb") as file:
        file.seek(offset)
        while offset < offer.size:
            data = file.read(min(PART, offer.size - offset))
            if not data:
                raise InputError(what="the file became shorter while it was sent", where=str(path))
            if not channel.wait_below(Lane.BULK, UNDER_WAY):
                return False
            channel.send(r.Part(number=offer.number, offset=offset), [data], Lane.BULK)
            offset += len(data)
    return True


class Incoming:
    """One file that arrives: `folder`/NAME once it is whole and its hash is right, NAME.part before.

    What an earlier attempt left is continued. Raises WireError for parts that are not the next ones.
    """

    def __init__(self, offer: r.Offer, folder: Path) -> None:
        self.offer = offer
        self.path = folder / offer.name
        self._part = folder / f"{offer.name}.part"
        folder.mkdir(parents=True, exist_ok=True)
        if self.path.is_file() and self.path.stat().st_size == offer.size:
            self.offset = offer.size
            return
        self.offset = self._part.stat().st_size if self._part.is_file() else 0
        if self.offset > offer.size:
            self._part.unlink()
            self.offset = 0

    @property
    def whole(self) -> bool:
        return self.offset >= self.offer.size

    def take(self, part: r.Part, blobs: list[memoryview]) -> None:
        """Append a part."""
        if len(blobs) != 1 or part.offset != self.offset or self.offset + len(blobs[0]) > self.offer.size:
            raise WireError(f"a part of {self.offer.name!r} that does not fit")
        with self._part.open("ab") as file:
            file.write(blobs[0])
        self.offset += len(blobs[0])

    def finish(self) -> r.Wanted:
        """Check the whole file and give it its name; what is wrong is removed and said."""
        number, size = self.offer.number, self.offer.size
        if not self.path.is_file() or self._part.is_file():
            if size == 0:
                self._part.touch()
            if _sha256(self._part) != self.offer.digest:
                with contextlib.suppress(OSError):
                    self._part.unlink()
                error = ErrorInfo(
                    kind="input", message=f"{self.offer.name}: its hash is wrong after it was sent"
                )
                return r.Wanted(number=number, offset=0, error=error)
            os.replace(self._part, self.path)
        return r.Wanted(number=number, offset=size, path=str(self.path))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()
