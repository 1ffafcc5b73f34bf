"""MP4 writer: frames are encoded as they come, the file appears only when it is complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.container
import numpy as np

from core_model.schema.atomic import atomic_path
from core_model.schema.errors import InputError
from core_model.schema.record import VIDEO_KEY, RenderRecord


class VideoWriter:
    """Encodes [H, W, 3] uint8 frames of one size as H.264 (yuv420p, odd sizes padded to even)."""

    def __init__(self, container: av.container.OutputContainer, fps: float, crf: int) -> None:
        self._container = container
        self._fps = Fraction(fps).limit_denominator(1001)
        self._crf = crf
        self._stream: av.VideoStream | None = None
        self._shape: tuple[int, ...] = ()
        self.frames = 0

    def add(self, pixels: np.ndarray) -> None:
        """Append one frame; raises InputError when its size differs from the first one's."""
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise InputError(
                what="bad video frame", expected="[H, W, 3] uint8", got=f"{list(pixels.shape)} {pixels.dtype}"
            )
        if self._stream is None:
            self._shape = pixels.shape
            self._stream = self._open_stream(pixels.shape[0], pixels.shape[1])
            self._container.start_encoding()  # a full disk or a wrong size shows now, not many frames later
        if pixels.shape != self._shape:
            raise InputError(
                what="video frames differ", expected=f"{list(self._shape)}", got=f"{list(pixels.shape)}"
            )
        padded = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def finish(self) -> None:
        """Flush the encoder; raises InputError when no frame was added."""
        if self._stream is None:
            raise InputError(what="empty video", expected="at least one frame", got="none")
        self._container.mux(self._stream.encode())

    def _open_stream(self, height: int, width: int) -> av.VideoStream:
        stream = self._container.add_stream("libx264", rate=self._fps)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(self._crf), "preset": "medium"}
        return stream


@contextmanager
def video_writer(path: Path, record: RenderRecord, fps: float = 30.0, crf: int = 16) -> Iterator[VideoWriter]:
    """Open `path` (.mp4) for frames; on any exception nothing is left behind."""
    with atomic_path(path) as temporary:
        container = av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"})
        try:
            container.metadata[VIDEO_KEY] = record.model_dump_json()
            container.metadata["title"] = f"triscope {record.version}"
            writer = VideoWriter(container, fps, crf)
            yield writer
            writer.finish()
        finally:
            container.close()
