"""What a checkpoint answers with: pictures, rays and meshes, as frozen records over arrays that cannot be written to."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from core_model.schema.channels import ChannelInfo
from core_model.schema.errors import InputError
from core_model.schema.inspect import RayReport
from core_model.schema.mesh import MeshReport
from core_model.schema.record import RenderRecord
from core_model.schema.render import RenderRequest, RenderResult


@dataclass(frozen=True)
class Picture:
    """A rendered picture.

    arrays: by channel, float32 [3, H, W] (colours, directions, positions) or [H, W]; NaN = no value. channels: their
    descriptions. shown: the one that `image` and Jupyter show. w: the latent as rendered [L, D], None where the family
    has none.
    """

    request: RenderRequest
    result: RenderResult
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    channels: Mapping[str, ChannelInfo] = field(repr=False)
    record: RenderRecord = field(repr=False)
    shown: str
    w: np.ndarray | None = field(default=None, repr=False)

    def __getitem__(self, channel: str) -> np.ndarray:
        self.of(channel)
        return self.arrays[channel]

    def of(self, channel: str) -> Picture:
        """The same picture showing another of its channels; raises InputError for one that was not rendered."""
        if channel not in self.channels:
            raise InputError(
                what="channel was not rendered", expected=f"one of {', '.join(self.channels)}", got=channel
            )
        return replace(self, shown=channel)

    @property
    def image(self) -> Image.Image:
        """The shown channel in its colours, as `triscope render` writes it; pixels without a value are transparent."""
        from core_model.output.images import picture

        return Image.fromarray(picture(self.channels[self.shown], self.arrays[self.shown])[0])

    def save(self, path: str | Path) -> list[Path]:
        """Write .png (a file a channel), .npz or .exr, with where it came from; returns the files. Raises InputError."""
        from core_model.cli.files import check_output
        from core_model.cli.render import write_frame
        from core_model.session import Frame

        out = Path(path)
        check_output(out, (".png", ".npz", ".exr"), "save")
        frame = Frame(self.result, dict(self.arrays), self.w)
        return write_frame(out, frame, dict(self.channels), self.record)

    def _repr_png_(self) -> bytes:
        return png(self.image)


@dataclass(frozen=True)
class Ray:
    """Everything on one ray. `report` holds it all; the properties are its series as arrays, world units along the ray."""

    report: RayReport
    record: RenderRecord = field(repr=False)

    @property
    def t(self) -> np.ndarray:
        """Distances from the camera at which the field was asked [N]."""
        return locked(np.array(self.report.t))

    @property
    def density(self) -> np.ndarray:
        """Volume density at `t` [N], 1 / world unit."""
        return locked(np.array(self.report.density))

    @property
    def sdf(self) -> np.ndarray | None:
        """Signed distance at `t` [N], negative inside; None for density families."""
        return locked(np.array(self.report.sdf)) if self.report.sdf else None

    @property
    def distributions(self) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
        """Step functions on the ray by name: (edges [K + 1], mass of each bin [K])."""
        pairs = {p.name: (locked(np.array(p.edges)), locked(np.array(p.values))) for p in self.report.pdfs}
        return MappingProxyType(pairs)

    @property
    def samples(self) -> Mapping[str, np.ndarray]:
        """Where each sampler put its samples, by its name [S]."""
        return MappingProxyType({s.name: locked(np.array(s.t)) for s in self.report.ticks})

    @property
    def numbers(self) -> Mapping[str, float | None]:
        """Depth, opacity, leftover mass …; None = no value."""
        return MappingProxyType(dict(self.report.numbers))

    def save(self, path: str | Path) -> None:
        """Write .json, .csv or .png, as `triscope inspect` does; raises InputError."""
        from core_model.report.ray_files import write_ray

        write_ray(Path(path), self.report, self.record)

    def _repr_png_(self) -> bytes:
        from core_model.report.ray_plot import ray_figure

        return png(ray_figure(self.report))


@dataclass(frozen=True)
class MeshResult:
    """A mesh: vertices [V, 3] float32 world units, faces [F, 3] counter-clockwise seen from outside.

    normals [V, 3] float32 and colours [V, 3] uint8 sRGB where they were asked for. report: how it was made, its files and
    topology.
    """

    report: MeshReport = field(repr=False)
    vertices: np.ndarray = field(repr=False)
    faces: np.ndarray = field(repr=False)
    normals: np.ndarray | None = field(default=None, repr=False)
    colours: np.ndarray | None = field(default=None, repr=False)
    files: tuple[Path, ...] = ()


def locked(array: np.ndarray) -> np.ndarray:
    """The same array, which nobody can write to through this name."""
    view = array.view()
    view.flags.writeable = False
    return view


def png(image: Image.Image) -> bytes:
    """An image as the bytes of a PNG."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
