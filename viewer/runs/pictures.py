"""Sample pictures decoded in a thread of their own, fitted into the room that they are shown in."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from viewer.runs.files import Picture


@dataclass(frozen=True)
class Decoded:
    path: Path
    changed: float
    pixels: np.ndarray | None
    size: tuple[int, int]
    """Of the file, before it was fitted to the window."""
    fault: str = ""


class Decoder:
    """Decodes the newest wish only; `take` hands the result over once."""

    def __init__(self) -> None:
        self._wish: tuple[Picture, tuple[int, int]] | None = None
        self._done: Decoded | None = None
        self._ready = threading.Condition()
        self._thread: threading.Thread | None = None

    def want(self, picture: Picture, room: tuple[int, int]) -> None:
        with self._ready:
            self._wish = (picture, room)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="picture-reader", daemon=True)
                self._thread.start()
            self._ready.notify()

    def take(self) -> Decoded | None:
        with self._ready:
            done, self._done = self._done, None
            return done

    def _work(self) -> None:
        while True:
            with self._ready:
                while self._wish is None:
                    self._ready.wait()
                (picture, room), self._wish = self._wish, None
            done = decode(picture, room)
            with self._ready:
                self._done = done


def decode(picture: Picture, room: tuple[int, int]) -> Decoded:
    """RGBA float32 [H, W, 4] in [0, 1], fitted into `room` pixels; a torn or foreign file is a fault in words."""
    from PIL import Image

    try:
        with Image.open(picture.path) as image:
            full = image.size
            scale = min(room[0] / full[0], room[1] / full[1])
            image.draft("RGB", room)
            size = (max(1, round(full[0] * scale)), max(1, round(full[1] * scale)))
            flat = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST)
            return Decoded(picture.path, picture.changed, np.asarray(flat, np.float32) / 255.0, full)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return Decoded(picture.path, picture.changed, None, (0, 0), f"cannot be read (yet): {error}")
