"""The document: everything that the displayed picture depends on, frozen. Undo is a list of past documents.

Panels never edit it: they return `doc.replace(...)` (validated copy) or use the `with_…` methods.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field

from core_model.schema.camera import OrbitPose, Vec3
from core_model.schema.camera_path import CameraPath
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.frozen import Frozen
from core_model.schema.latent import LatentSpec
from core_model.schema.sampler import AUTO, SamplerSpec
from viewer.state.comparison import OTHER_FILES, Comparison
from viewer.state.layer_view import LayerView
from viewer.state.mesh_settings import MeshSettings, Mode
from viewer.state.plane_view import PlaneView
from viewer.state.ray_marks import RayMarks
from viewer.state.ray_volume import VolumeView
from viewer.state.section import SectionView


class ChannelView(Frozen):
    """How one scalar channel is drawn: never leaves the GUI process.

    low, high: display range in the channel's unit, used when auto_range is off (auto = extremes of the shown
    frame). component, frame: of vector channels. iso: lines of equal value every `iso_step` units (None = a
    round tenth of the range). outline: around the rays that got the large budget.
    """

    name: str
    colormap: str = "viridis"
    auto_range: bool = True
    low: float = 0.0
    high: float = 1.0
    invert: bool = False
    component: Literal["all", "x", "y", "z"] = "all"
    frame: Literal["world", "camera"] = "world"
    iso: bool = False
    iso_step: float | None = Field(default=None, gt=0)
    outline: bool = False

    @classmethod
    def defaults_of(cls, info: ChannelInfo) -> ChannelView:
        """The channel's own colour map and range; automatic where the channel leaves a side open."""
        fixed = info.low is not None and info.high is not None
        low = info.low if info.low is not None else 0.0
        high = info.high if info.high is not None else max(1.0, low + 1.0)
        outline = info.name == "leftover"
        return cls(
            name=info.name, colormap=info.colormap, auto_range=not fixed, low=low, high=high, outline=outline
        )


class ViewSettings(Frozen):
    """Shown channel and the display settings that differ from the channels' defaults."""

    channel: str = "rgb"
    channel_views: tuple[ChannelView, ...] = ()

    def of(self, name: str, info: ChannelInfo) -> ChannelView:
        """Display settings of channel `name`: the user's, else the defaults of its ChannelInfo."""
        for view in self.channel_views:
            if view.name == name:
                return view
        return ChannelView.defaults_of(info)

    def with_channel_view(self, view: ChannelView) -> ViewSettings:
        """A copy in which `view` replaces the settings of the channel that it names."""
        others = tuple(v for v in self.channel_views if v.name != view.name)
        return self.replace(channel_views=(*others, view))

    def with_channel(self, name: str) -> ViewSettings:
        """A copy that shows channel `name`."""
        return self.replace(channel=name)


class QualitySettings(Frozen):
    """What a moving frame may cost and what comes when the mouse rests (design §3)."""

    target_fps: float = Field(
        default=15.0, ge=1, le=240, description="frames per second while something moves"
    )
    floor_size: int = Field(default=96, ge=16, le=4096, description="smallest edge of a moving frame, pixels")
    settle_delay_s: float = Field(
        default=0.15, ge=0, le=10, description="rest before the settled frame, seconds"
    )
    full_delay_s: float = Field(default=0.35, ge=0, le=60, description="rest before the full frame, seconds")
    refine: bool = Field(default=True, description="average jittered frames after the full one")
    refine_frames: int = Field(default=8, ge=1, le=1024, description="jittered frames that are averaged")
    precision: Literal["fp32", "bf16"] = "fp32"
    skip_empty: bool = True
    baked: bool = Field(default=True, description="show a baked volume while the view moves")
    max_size: int = Field(default=1024, ge=64, le=16384, description="largest edge of a full frame, pixels")


NavigationMode = Literal["turntable", "trackball", "fly"]


class Navigation(Frozen):
    """What a left drag in the picture does: orbit about the vertical, orbit freely (trackball), or fly with keys.

    Sessions saved by earlier builds say `hand` for `mode`.
    """

    mode: NavigationMode = Field(default="turntable", validation_alias=AliasChoices("mode", "hand"))
    speed: float = Field(default=0.5, ge=1e-3, le=100.0, description="of flying, world units per second")


class Document(Frozen):
    """One view of one checkpoint."""

    checkpoint: str = Field(default="", description="path or analytic:NAME; empty = nothing opened")
    latent: LatentSpec = LatentSpec()
    camera: OrbitPose = OrbitPose()
    navigation: Navigation = Navigation()
    path: CameraPath = CameraPath()
    sampler: SamplerSpec = SamplerSpec()
    view: ViewSettings = ViewSettings()
    rays: RayMarks = RayMarks()
    compare: Comparison = Comparison()
    section: SectionView = SectionView()
    planes: PlaneView = PlaneView()
    layers: LayerView = LayerView()
    volume: VolumeView = VolumeView()
    mesh: MeshSettings = MeshSettings()
    quality: QualitySettings = QualitySettings()
    native: bool = Field(
        default=False, description="at rest show the picture as the checkpoint's own program renders it"
    )
    background: Vec3 | None = Field(
        default=None, description="replaces the checkpoint's background colour, sRGB in [0, 1]"
    )
    view_dirs: Literal["frontal", "camera"] = Field(
        default="frontal", description="direction that conditions the radiance (A3.1)"
    )

    @property
    def mesh_mode(self) -> Mode:
        """How the mesh is shown; never beside the render while two pictures are compared."""
        return "off" if self.compare.mode != "off" else self.mesh.mode

    @classmethod
    def defaults_from(cls, info: CheckpointInfo, quality: QualitySettings | None = None) -> Document:
        """First view of a checkpoint: its default pose, its best sampler, truncation within its layers."""
        available = [s for s in info.samplers if s.available]
        names = [s.name for s in available]
        spec = SamplerSpec()
        if names and (spec.name not in names or AUTO in names):
            preferred = next(
                (n for n in (AUTO, "importance", "stratified", "uniform") if n in names), names[0]
            )
            spec = SamplerSpec(name=preferred)
        latent = info.latent or LatentSpec()
        if latent.cutoff is not None and info.num_ws and latent.cutoff > info.num_ws:
            latent = latent.replace(cutoff=info.num_ws)
        shown = [c.name for c in info.channels]
        view = ViewSettings(channel="rgb" if "rgb" in shown or not shown else shown[0])
        return cls(
            checkpoint=info.path,
            latent=latent,
            camera=info.header.camera.default,
            sampler=spec,
            view=view,
            quality=quality or QualitySettings(),
        )


def carried(before: Document, fresh: Document, info: CheckpointInfo) -> Document:
    """The same view of another snapshot: `fresh` (defaults of checkpoint `info`) with what fits of `before`."""
    kept: dict[str, object] = {
        "camera": before.camera,
        "background": before.background,
        "view_dirs": before.view_dirs,
        "layers": before.layers,
    }
    kept["native"] = before.native and info.has_native
    latent = before.latent
    if latent.cutoff is not None and info.num_ws and latent.cutoff > info.num_ws:
        latent = latent.replace(cutoff=info.num_ws)
    kept["latent"] = latent
    if any(s.available and s.name == before.sampler.name for s in info.samplers):
        kept["sampler"] = before.sampler
    channel = next((c for c in info.channels if c.name == before.view.channel), None)
    if channel is not None and (info.has_proposal or not channel.needs_proposal):
        kept["view"] = before.view
    if not any(s.what in OTHER_FILES for s in before.compare.tiles):
        kept["compare"] = before.compare
    return fresh.replace(**kept)
