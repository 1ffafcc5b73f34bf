"""The page of sample pictures: which one is shown; pictures are decoded in a thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from typing import Literal

import numpy as np

from viewer.runs.files import Picture
from viewer.runs.format import amount
from viewer.runs.reader import RunReader
from viewer.runs.selection import Moment
from viewer.runs.source import HERE, RunSource, whole

PLAY_S = 0.25
"""Seconds between two pictures of the film."""
AGAIN_S = 1.0
"""A picture that could not be decoded may be in the middle of a copy: it is tried again after this time."""
PICTURE_BYTES = 256 << 20
"""Of a picture's file, at most."""
FORMATS = ("PNG", "JPEG", "WEBP")
NO_PICTURES = "Sample grids appear here as the run writes them."
Beside = Literal["nothing", "reals", "step"]
"""What a second picture shows beside the first: nothing, the data, or another moment of the run."""
REALS = "reals"


@dataclass(frozen=True)
class Decoded:
    path: PurePath
    changed: float
    pixels: np.ndarray | None
    size: tuple[int, int]
    """Of the file, before it was fitted to the window."""
    fault: str = ""


class Decoder:
    """Decodes the newest request only; `take` returns each result once."""

    def __init__(self) -> None:
        self._wish: tuple[Picture, tuple[int, int], RunSource] | None = None
        self._done: Decoded | None = None
        self._ready = threading.Condition()
        self._thread: threading.Thread | None = None

    def want(self, picture: Picture, room: tuple[int, int], source: RunSource) -> None:
        with self._ready:
            self._wish = (picture, room, source)
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
                (picture, room, source), self._wish = self._wish, None
            done = decode(picture, room, source)
            with self._ready:
                self._done = done


def decode(picture: Picture, room: tuple[int, int], source: RunSource = HERE) -> Decoded:
    """RGBA float32 [H, W, 4] in [0, 1], fitted into `room` pixels; a torn or foreign file is a fault."""
    from PIL import Image

    try:
        _, data = whole(source, picture.path, PICTURE_BYTES)
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            full = image.size
            scale = min(room[0] / full[0], room[1] / full[1])
            image.draft("RGB", room)
            size = (max(1, round(full[0] * scale)), max(1, round(full[1] * scale)))
            flat = image.convert("RGBA").resize(
                size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
            )
            return Decoded(picture.path, picture.changed, np.asarray(flat, np.float32) / 255.0, full)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return Decoded(picture.path, picture.changed, None, (0, 0), f"cannot be read (yet): {error}")


class PicturePage:
    """Which picture of a run is shown: one group at a time, always the newest until the user moves the
    slider.

    `update` is called first in every frame. place: index of the picture in its group. shown: decoded last.
    """

    def __init__(self) -> None:
        self.group = ""
        self.place = 0
        self.follow = True
        self.playing = False
        self.groups: dict[str, tuple[Picture, ...]] = {}
        self.foreign = False
        self.shown: Decoded | None = None
        self._run: PurePath | None = None
        self._source: RunSource = HERE
        self._moment: Moment | None = None
        self._next = self._again = 0.0
        self._wish: tuple[PurePath, float, tuple[int, int]] | None = None
        self._decoder = Decoder()

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Pictures of the chosen group, oldest first."""
        return self.groups.get(self.group, ())

    @property
    def last(self) -> int:
        """Number of the newest picture; −1 where there is none."""
        return len(self.pictures) - 1

    def update(self, run: RunReader, moment: Moment | None, now: float) -> Picture | None:
        """The picture to show now, None where there is none; now: any clock in seconds."""
        self._source = run.source
        if run.path != self._run:
            self._run, self.follow, self.playing, self.group = run.path, True, False, ""
        with run.lock:
            self.groups, self.foreign = run.listing.pictures, run.is_foreign
        if self.group not in self.groups:
            self.group = next(iter(self.groups), "")
        if not self.pictures:
            self.shown = self._wish = None
            return None
        if moment is not None and moment != self._moment and moment.run == run.path:
            self._moment = moment  # an alarm asked for it: the last picture before
            number = moment.number(self.foreign)
            self.go(max((i for i, p in enumerate(self.pictures) if p.number <= number), default=0))
        if self.playing and now >= self._next:
            self._next, self.place = now + PLAY_S, (self.place + 1) % len(self.pictures)
        self.place = self.last if self.follow else min(max(0, self.place), self.last)
        return self.pictures[self.place]

    def go(self, place: int) -> None:
        """The user has chosen a picture: it no longer follows the newest one."""
        self.place, self.follow, self.playing = min(max(0, place), max(0, self.last)), False, False

    def step(self, by: int) -> None:
        self.go(self.place + by)

    def choose(self, group: str) -> None:
        self.group = group

    def begin_beside(self, first: PicturePage, what: Beside) -> None:
        """Show, beside the picture of `first`, the reals of the run where it has any, or its first moment."""
        self._run, self.groups, self.playing = first._run, first.groups, False
        real = next((name for name in self.groups if name.startswith(REALS)), first.group)
        self.group = real if what == "reals" else first.group
        self.go(self.last if what == "reals" else 0)

    def stay_newest(self, on: bool) -> None:
        self.follow, self.playing = on, False

    def toggle(self) -> None:
        """Play the film, or hold it."""
        self.playing, self.follow = not self.playing, False

    def decoded(self, picture: Picture, room: tuple[int, int], now: float) -> Decoded | None:
        """Asks for `picture` in `room` pixels; returns what was decoded since the last call."""
        wish = (picture.path, picture.changed, room)
        if wish != self._wish or (self._again and now >= self._again):
            self._wish, self._again = wish, 0.0
            self._decoder.want(picture, room, self._source)
        done = self._decoder.take()
        if done is not None:
            self.shown = done
            self._again = now + AGAIN_S if done.pixels is None else 0.0
        return done

    def number_words(self, picture: Picture) -> str:
        """What a picture's number counts: steps, or images in a run of the EG3D family; else its name."""
        if picture.number < 0:
            return picture.path.name
        return f"{amount(picture.number * 1e3)} images" if self.foreign else f"step {picture.number}"
