"""A render session without torch that makes real pictures: a sphere-traced head of a few ellipsoids in numpy.

The window's tests need pictures whose depth, normals and silhouettes obey the camera. blob:NAME opens;
another path is a bad file. Latent seed 13 fails in the frame, 666 ends the process.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo, Provenance
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.inspect import RayReport
from core_model.schema.question import DirectionsQuestion, LatentQuestion, PictureQuestion, Question
from core_model.schema.question_planes import PlanesQuestion, SectionQuestion
from core_model.schema.render import ChannelFrame, RenderRequest, RenderResult, StageTime
from core_model.schema.sampler import SamplerInfo
from tests.blob_head import mesh as blob_mesh
from tests.blob_head.layers import blob_layer, blob_layers, blob_values
from tests.blob_head.planes import blob_planes, blob_section, blob_volume
from tests.blob_head.rays import blob_report

CHANNELS = (
    ChannelInfo(name="rgb", title="Colour", kind="colour", description="Composited radiance."),
    ChannelInfo(
        name="depth",
        title="Depth",
        kind="scalar",
        unit="world units",
        colormap="viridis",
        description="Distance along the unit ray.",
    ),
    ChannelInfo(
        name="normal", title="Normal", kind="direction", description="Gradient of the signed distance."
    ),
    ChannelInfo(name="opacity", title="Opacity", kind="scalar", colormap="gray", low=0.0, high=1.0),
    ChannelInfo(
        name="samples", title="Samples", kind="scalar", unit="samples", colormap="inferno", decimals=0
    ),
    ChannelInfo(
        name="leftover",
        title="Leftover mass",
        kind="scalar",
        colormap="magma",
        low=0.0,
        high=1.0,
        needs_proposal=True,
    ),
    ChannelInfo(name="position", title="Position", kind="position", unit="world units", low=-0.5, high=0.5),
)
STRATEGIES = ("robust", "stratified", "unstratified")
SAMPLERS = (
    SamplerInfo(name="uniform", title="Uniform", description="Equal steps", default_spp=96.0),
    SamplerInfo(name="importance", title="Importance", description="Two passes", default_spp=96.0),
    SamplerInfo(
        name="learned",
        title="Learned",
        description="Predicted distribution",
        strategies=STRATEGIES,
        default_spp=17.6,
    ),
)


def blob_info(path: str) -> CheckpointInfo:
    provenance = Provenance(made_by="tests", data="six ellipsoids", steps=0, scores={"psnr_128": 31.2})
    return CheckpointInfo(
        path=path,
        title="Blob head",
        file_bytes=9_400_000,
        sha256="0" * 64,
        header=CheckpointHeader(family="blob", provenance=provenance, licence="Apache-2.0"),
        z_dim=64,
        w_dim=128,
        num_ws=14,
        c_dim=25 if "posed" in path else 0,
        image_size=512,
        plane_size=128,
        plane_channels=16,
        memory_bytes=210_000_000,
        parameters={"mapping": 62_000, "synthesis": 3_200_000, "decoder": 35_000, "proposal": 1_100_000},
        has_proposal=True,
        view_dependent=True,
        channels=CHANNELS,
        samplers=SAMPLERS,
    )


@dataclass
class BlobFrame:
    result: RenderResult
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    w: None = None


# centre, radii, colour of the parts of the head
_PARTS = (
    ((0.0, 0.02, 0.0), (0.235, 0.30, 0.25), (0.83, 0.62, 0.50)),
    ((0.0, -0.30, -0.05), (0.10, 0.20, 0.10), (0.80, 0.58, 0.47)),
    ((0.0, -0.02, 0.25), (0.035, 0.07, 0.05), (0.86, 0.62, 0.52)),
    ((-0.085, 0.065, 0.205), (0.042, 0.026, 0.03), (0.95, 0.95, 0.93)),
    ((0.085, 0.065, 0.205), (0.042, 0.026, 0.03), (0.95, 0.95, 0.93)),
    ((0.0, -0.125, 0.20), (0.075, 0.022, 0.035), (0.70, 0.28, 0.28)),
    ((0.0, 0.10, -0.045), (0.262, 0.285, 0.265), (0.20, 0.12, 0.08)),
    ((0.0, -0.52, -0.05), (0.38, 0.16, 0.18), (0.25, 0.36, 0.55)),
)


def _distance(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p [N, 3] → nearly signed distance [N] and index of the nearest part [N]."""
    best, part = np.full(len(p), 9.0), np.zeros(len(p), np.int64)
    for i, (centre, radii, _) in enumerate(_PARTS):
        q = (p - np.asarray(centre)) / np.asarray(radii)
        k0, k1 = np.linalg.norm(q, axis=-1), np.linalg.norm(q / np.asarray(radii), axis=-1)
        d = k0 * (k0 - 1.0) / np.maximum(k1, 1e-6)
        nearer = d < best
        best, part = np.where(nearer, d, best), np.where(nearer, i, part)
    return best, part


@dataclass(frozen=True)
class BlobAnswer:
    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def _blob_latent(session: BlobSession, question: LatentQuestion) -> BlobAnswer:
    latent, shape = question.latent, (14, 128)
    if latent.w is not None:
        return BlobAnswer(
            arrays={"w": np.asarray(latent.w, np.float32), "w_avg": np.zeros(shape, np.float32)}
        )
    rows = [s.weight * np.random.RandomState(s.seed).randn(shape[1]) for s in latent.seeds]
    w = latent.psi * np.sum(rows, axis=0) / sum(s.weight for s in latent.seeds)
    return BlobAnswer(
        arrays={"w": np.tile(w, (14, 1)).astype(np.float32), "w_avg": np.zeros(shape, np.float32)}
    )


def _blob_picture(session: BlobSession, question: PictureQuestion) -> BlobAnswer:
    frame = session.render(question.request)
    return BlobAnswer({"ms": 1.0, "samples_per_pixel": frame.result.samples_per_pixel}, frame.arrays)


def _blob_directions(session: BlobSession, question: DirectionsQuestion) -> BlobAnswer:
    """The axes of w, each weaker than the one before."""
    sigma = np.linspace(4.0, 0.5, question.count, dtype=np.float32)
    arrays = {
        "directions": np.eye(question.count, 128, dtype=np.float32),
        "sigma": sigma,
        "share": sigma**2 / (sigma**2).sum(),
    }
    return BlobAnswer({"samples": question.samples}, arrays)


def _blob_section(session: BlobSession, question: SectionQuestion) -> BlobAnswer:
    return BlobAnswer(*blob_section(question, _distance))


def _blob_planes(session: BlobSession, question: PlanesQuestion) -> BlobAnswer:
    return BlobAnswer(*blob_planes(question))


# Answers by the name of the question's class; tests may add theirs.
BLOB_ANSWERS: dict[str, Callable[[Any, Any], BlobAnswer]] = {
    "LatentQuestion": _blob_latent,
    "PictureQuestion": _blob_picture,
    "SectionQuestion": _blob_section,
    "PlanesQuestion": _blob_planes,
    "LayersQuestion": lambda session, question: BlobAnswer(*blob_layers(question)),
    "LayerQuestion": lambda session, question: BlobAnswer(*blob_layer(question)),
    "LayerValuesQuestion": lambda session, question: BlobAnswer(*blob_values(question)),
    "RayVolumeQuestion": lambda session, question: BlobAnswer(*blob_volume(question)),
    "DirectionsQuestion": _blob_directions,
    "FieldHistogramQuestion": lambda session, question: BlobAnswer(*blob_mesh.histogram(question, _distance)),
    "MeshForecastQuestion": lambda session, question: BlobAnswer(*blob_mesh.forecast(question)),
    "MeshPreviewQuestion": lambda session, question: BlobAnswer(*blob_mesh.preview(question, _distance)),
}


class BlobSession:
    device = "cpu"

    def __init__(
        self, device: str = "auto", cache_bytes: int | None = None, threads: int | None = None
    ) -> None:
        self._warm: set[object] = set()

    def open(self, path: str) -> CheckpointInfo:
        if not path.startswith("blob:"):
            raise InputError(
                what="not a triscope checkpoint",
                where=path,
                expected="a safetensors header",
                got="no such file",
            )
        return blob_info(path)

    def close(self, path: str) -> None:
        """Nothing is kept."""

    def memory_bytes(self) -> int:
        return 0

    def inspect(self, request: RenderRequest, x: int, y: int) -> RayReport:
        if request.latent.seeds[0].seed == 14:
            raise ValueError("the ray could not be walked")
        return blob_report(request, x, y, _distance)

    def save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> None:
        report = self.inspect(request, x, y)
        try:
            Path(path).write_text(report.model_dump_json())
        except OSError as error:
            raise InputError(what="cannot write", where=path, got=error.strerror or "") from None

    def answer(
        self,
        question: Question,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[str, float], None] | None = None,
    ) -> BlobAnswer:
        made = BLOB_ANSWERS.get(type(question).__name__)
        if made is None:
            raise InputError(
                what="this session knows no such question",
                where=question.checkpoint,
                got=type(question).__name__,
            )
        return made(self, question)

    def render(
        self,
        request: RenderRequest,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[str, float], None] | None = None,
    ) -> BlobFrame:
        begun, seed = time.perf_counter(), request.latent.seeds[0].seed
        if seed == 13:
            raise ValueError("the field returned NaN in tile 3 of 12")
        if seed == 666:
            os.kill(os.getpid(), signal.SIGKILL)
        arrays = render_blob(request, cancelled)
        arrays = {name: arrays[name] for name in request.channels}
        total = 1e3 * (time.perf_counter() - begun)
        known = ("w", request.latent) in self._warm
        self._warm.add(("w", request.latent))
        shares = {
            "probe": 0.14,
            "proposal": 0.2,
            "samples": 0.05,
            "field": 0.5,
            "composite": 0.06,
            "channels": 0.03,
            "copy": 0.02,
        }
        timings = (
            StageTime(stage="checkpoint", ms=0.0, cached=True),
            StageTime(stage="w", ms=0.0 if known else 1.4, cached=known),
            StageTime(stage="planes", ms=0.0 if known else 31.0, cached=known),
            StageTime(stage="skip", ms=0.0, cached=True),
            *(StageTime(stage=name, ms=share * total) for name, share in shares.items()),
        )
        frames = tuple(
            ChannelFrame(
                name=n,
                shape=a.shape,
                low=float(np.nanmin(a)) if np.isfinite(a).any() else 0.0,
                high=float(np.nanmax(a)) if np.isfinite(a).any() else 0.0,
            )
            for n, a in arrays.items()
        )
        result = RenderResult(
            request=request,
            width=request.width,
            height=request.height,
            frames=frames,
            total_ms=total,
            timings=timings,
            world_from_cam=tuple(request.camera.world_from_cam().reshape(-1).tolist()),
            intrinsics=tuple(request.camera.intrinsics().reshape(-1).tolist()),
            device="cpu",
            samples_per_pixel=request.sampler.spp or 17.6,
            evaluated_per_pixel=6.3,
            probe_per_pixel=3.0,
        )
        return BlobFrame(result, arrays)


def render_blob(
    request: RenderRequest, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, np.ndarray]:
    """Every channel of the head, float32; raises Cancelled between two marching steps."""
    camera = request.camera
    assert isinstance(camera, OrbitPose)
    h, w = request.height, request.width
    m, half = camera.world_from_cam(), np.tan(camera.fov / 2)
    x, y = np.meshgrid((np.arange(w) + 0.5) / w * 2 - 1, (np.arange(h) + 0.5) / h * 2 - 1)
    d = np.stack([x * half, y * half, np.ones_like(x)], -1).reshape(-1, 3) @ m[:3, :3].T
    d /= np.linalg.norm(d, axis=-1, keepdims=True)
    origin, t = np.broadcast_to(m[:3, 3], d.shape), np.full(len(d), max(camera.radius - 0.9, 0.01))
    if camera.orthographic:
        origin = (
            origin
            + camera.radius * half * np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3) @ m[:3, :3].T
        )
        d = np.broadcast_to(m[:3, 2], d.shape)
    near = np.linalg.norm(np.cross(d, -origin), axis=-1) < 0.75
    alive = np.flatnonzero(near)
    for _ in range(24):
        if cancelled():
            raise Cancelled("a newer request waits")
        step = _distance(origin[alive] + t[alive, None] * d[alive])[0]
        t[alive] += step
        alive = alive[(np.abs(step) > 5e-4) & (t[alive] < camera.radius + 1.0)]
    p = origin + t[:, None] * d
    distance, part = np.full(len(d), 9.0), np.zeros(len(d), np.int64)
    distance[near], part[near] = _distance(p[near])
    hit = distance < 4e-3
    normal, eps = np.zeros_like(p), 1e-3
    for axis in range(3):
        step = np.eye(3)[axis] * eps
        normal[hit, axis] = _distance(p[hit] + step)[0] - _distance(p[hit] - step)[0]
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    hue = np.random.RandomState(request.latent.seeds[0].seed).uniform(0.75, 1.15, 3)
    light = np.array([0.4, 0.6, 0.7]) / np.linalg.norm([0.4, 0.6, 0.7])
    colours = np.array([c for _, _, c in _PARTS])[part] * (1 + request.latent.psi * (hue - 1))
    shade = 0.35 + 0.75 * np.clip(normal @ light, 0, 1)
    rgb = np.where(hit[:, None], np.clip(colours * shade[:, None], 0, 1), np.array([0.06, 0.065, 0.075]))
    facing = np.clip(-(normal * d).sum(-1), 0, 1)
    samples = np.where(hit, np.where(facing < 0.45, 32.0, 16.0), 2.0)

    def image(v: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(v.reshape(h, w, -1).transpose(2, 0, 1).astype(np.float32))

    def scalar(v: np.ndarray) -> np.ndarray:
        return v.reshape(h, w).astype(np.float32)

    return {
        "rgb": image(rgb),
        "depth": scalar(np.where(hit, t, np.nan)),
        "normal": image(np.where(hit[:, None], normal, np.nan)),
        "opacity": scalar(hit.astype(float)),
        "samples": scalar(samples),
        "leftover": scalar(np.where(hit, (1 - facing) ** 2, 0.0)),
        "position": image(np.where(hit[:, None], p, np.nan)),
    }
