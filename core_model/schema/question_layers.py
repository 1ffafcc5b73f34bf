"""Questions about the layers of a checkpoint's networks: which ones run for a picture, and what one of them holds.

A layer is what a module of the network returns, as it hands it on: an activation that the network applies outside
of the module is not in it. Its values are a picture per channel, or rows of channels: one row per w, per latent, per
sample. Rows at the points where the pixels of a small picture meet the surface are shown as pictures too.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from core_model.schema.camera import CameraSpec, OrbitPose, Vec3
from core_model.schema.frozen import Frozen
from core_model.schema.latent import LatentSpec
from core_model.schema.question import Question
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec

LayerPart = Literal["mapping", "backbone", "decoder", "background", "proposal", "superres"]
PARTS: tuple[LayerPart, ...] = get_args(LayerPart)
"""In the order in which they run."""
SURFACE_EDGE = 128
"""Pixels per edge of the picture at whose surface points the decoder is looked at."""
ROWS = 512
"""Most rows of a layer without pictures that are shown."""
BINS = 64
CHANNELS_PER_PAGE = 64
RAW_VALUES = 1 << 24
"""Most values of one layer that are handed out raw: 64 MiB."""

# What each part depends on beside checkpoint and latent; the rest of a request stays as it is by default, so that
# a moving camera asks nothing anew of the backbone.
_OF_VIEW = ("camera", "precision", "skip_empty")
_DEPENDS: dict[LayerPart, tuple[str, ...]] = {
    "mapping": (),
    "backbone": (),
    "decoder": (*_OF_VIEW, "sampler", "view_dirs"),
    "background": ("camera",),
    "proposal": (*_OF_VIEW, "size", "view_dirs", "background"),
    "superres": (*_OF_VIEW, "sampler"),
}


class LayerSource(Question):
    """One part of the networks and the picture that it works for."""

    part: LayerPart
    latent: LatentSpec = LatentSpec()
    camera: CameraSpec = OrbitPose()
    size: int = Field(default=512, ge=1, le=65536, description="edge of the picture, pixels")
    sampler: SamplerSpec = SamplerSpec()
    precision: Literal["fp32", "bf16"] = "fp32"
    skip_empty: bool = True
    background: Vec3 | None = None
    view_dirs: Literal["frontal", "camera"] = "frontal"

    def request(self) -> RenderRequest:
        """The picture that the part works for."""
        return RenderRequest(
            checkpoint=self.checkpoint, latent=self.latent, camera=self.camera, width=self.size, height=self.size, sampler=self.sampler,
            precision=self.precision, skip_empty=self.skip_empty, background=self.background, view_dirs=self.view_dirs,
        )  # fmt: skip

    @property
    def of_view(self) -> bool:
        """Whether the part depends on the camera."""
        return "camera" in _DEPENDS[self.part]

    @property
    def source(self) -> LayerSource:
        """Part and picture alone, without what a question wants to know of a layer."""
        return LayerSource(**{name: getattr(self, name) for name in LayerSource.model_fields})


def fields_of(part: LayerPart, request: RenderRequest) -> dict[str, object]:
    """Fields of a `LayerSource`: what a part needs of the request of the picture on the screen."""
    known = {name: getattr(request, name) for name in _DEPENDS[part] if name != "size"}
    if "size" in _DEPENDS[part]:
        known["size"] = max(request.width, request.height)
    return {"checkpoint": request.checkpoint, "part": part, "latent": request.latent, **known}


class LayerInfo(Frozen):
    """What a layer is, and statistics of its values.

    name: path of the module in the network; `:2` after it is its second output. kind: class of the module. shape:
    [C, H, W]; [P, C, H, W] of P planes; [N, C] of rows. mean, deviation, rms, low, high: of the finite values, None
    where there are none. zeros, nans, infs: shares in [0, 1]. group: edge of the pictures [pixels] under which it is
    listed, 0 = none. calls: how often the module ran. surface: rows at the surface points of a picture.
    planes: titles of the P planes where they have some, as "xy".
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    group: int = 0
    calls: int = 1
    surface: bool = False
    planes: tuple[str, ...] = ()
    mean: float | None = None
    deviation: float | None = None
    rms: float | None = None
    low: float | None = None
    high: float | None = None
    zeros: float = 0.0
    nans: float = 0.0
    infs: float = 0.0

    @property
    def values(self) -> int:
        total = 1
        for size in self.shape:
            total *= size
        return total

    @property
    def pictures(self) -> bool:
        """Whether each channel is a picture."""
        return self.surface or len(self.shape) > 2

    @property
    def channels(self) -> int:
        """Channels, those of all planes together."""
        if len(self.shape) <= 2:
            return self.shape[len(self.shape) - 1]
        return self.shape[0] * self.shape[1] if len(self.shape) == 4 else self.shape[0]

    def channel_title(self, channel: int) -> str:
        """ "12"; "1:12" or "xz 12" for the second of several planes."""
        if len(self.shape) < 4:
            return str(channel)
        plane, own = divmod(channel, self.shape[1])
        return f"{self.planes[plane]} {own}" if plane < len(self.planes) else f"{plane}:{own}"


class LayersQuestion(LayerSource):
    """Which layers run in a part. Answer: values `layers`: LayerInfo as plain data in the order in which they end;
    `note`: why there are none, or fewer than one would think, "" otherwise.
    """


class LayerQuestion(LayerSource):
    """What one layer holds.

    first, count: the part of its channels, in the wanted order, whose small pictures come. cell, edge: largest edge
    of the small pictures and of the large one [pixels]; larger ones are reduced to block means. channel: of the
    large one. Raises InputError where the part has no such layer.

    Answer: values `layer`: its LayerInfo; `kept`: how many of its channels were looked at (memory). Arrays: `rms` [C];
    `counts` [64] and `edges` [65] of all its values; for pictures `which` [n] channels, `cells` [n, h, w], `picture`
    [H, W] of the channel; for rows `picture` [N, C], the first 512 rows.
    """

    layer: str = Field(max_length=512)
    order: Literal["index", "rms"] = "index"
    first: int = Field(default=0, ge=0)
    count: int = Field(default=CHANNELS_PER_PAGE, ge=1, le=CHANNELS_PER_PAGE)
    cell: int = Field(default=64, ge=4, le=256)
    channel: int = Field(default=0, ge=0)
    edge: int = Field(default=512, ge=16, le=1024)


class LayerValuesQuestion(LayerSource):
    """The values of one layer, for a file. Answer: array `values` [K, H, W] or [N, C] float32, the first channels (or
    rows) where there are more than RAW_VALUES values; values `layer`: its LayerInfo, `kept`: K or N.
    """

    layer: str = Field(max_length=512)
