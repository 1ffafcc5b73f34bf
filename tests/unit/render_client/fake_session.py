"""A render session without torch for the life-cycle tests: what happens is written in the request.

`request.seed` tiles of 5 ms each; the first latent seed chooses what befalls the frame (constants below); the
picture's value is that seed / 1000. Checkpoints: fake:NAME opens, fake:bad is a wrong file, fake:crash ends
the process.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.inspect import RayReport
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, RenderResult, StageTime
from core_model.schema.sampler import SamplerInfo

TILE_S = 0.005
RAISES, KILLED, SMALL_TILES, NO_MEMORY, WIDE = 13, 666, 77, 78, 79

CHANNELS = (
    ChannelInfo(name="rgb", title="Colour", kind="colour"),
    ChannelInfo(name="depth", title="Depth", kind="scalar", unit="world"),
    ChannelInfo(name="samples", title="Samples", kind="scalar", low=0.0),
    ChannelInfo(name="normal", title="Normal", kind="direction"),
    ChannelInfo(name="entropy", title="Entropy", kind="scalar", needs_proposal=True),
)
SAMPLERS = (
    SamplerInfo(name="learned", title="Learned", description="", default_spp=16.0),
    SamplerInfo(name="uniform", title="Uniform", description="", default_spp=64.0),
)


def fake_info(path: str, has_proposal: bool = True) -> CheckpointInfo:
    return CheckpointInfo(
        path=path,
        header=CheckpointHeader(family="fake"),
        num_ws=14,
        has_proposal=has_proposal,
        channels=CHANNELS,
        samplers=SAMPLERS,
    )


@dataclass
class FakeFrame:
    result: RenderResult
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    w: None = None


@dataclass
class FakeVolume:
    spec: BakedSpec
    arrays: BakedArrays


class FakeSession:
    device = "fake"

    def __init__(
        self, device: str = "auto", cache_bytes: int | None = None, threads: int | None = None
    ) -> None:
        if device == "missing":
            raise InputError(what="no such device", where="options", expected="cpu", got=device)
        self._baked: dict[BakeQuestion, int] = {}
        self._tiles_tried: list[int | None] = []

    def open(self, path: str, progress: Callable[[str, float], None] | None = None) -> CheckpointInfo:
        if progress is not None:
            progress("loading checkpoint", 0.4)
        if path.startswith("fake:slow"):
            time.sleep(0.3)
        if path == "fake:crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if not path.startswith("fake:") or path == "fake:bad":
            raise InputError(what="not a checkpoint", where=path, expected="a fake", got="something else")
        return fake_info(path)

    def close(self, path: str) -> None:
        """Nothing is kept."""

    def memory_bytes(self) -> int:
        return 0

    def inspect(self, request: RenderRequest, x: int, y: int) -> RayReport:
        if not (x < request.width and y < request.height):
            raise InputError(
                what="no such pixel", where="inspect", expected=f"below {request.width}", got=f"{x}, {y}"
            )
        return RayReport(
            checkpoint=request.checkpoint,
            family="fake",
            x=x,
            y=y,
            width=request.width,
            height=request.height,
            origin=(0.0, 0.0, 2.7),
            direction=(0.0, 0.0, -1.0),
            near=2.2,
            far=3.2,
            hit_box=True,
        )

    def render(
        self,
        request: RenderRequest,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[str, float], None] | None = None,
    ) -> FakeFrame:
        begun = time.perf_counter()
        seed = request.latent.seeds[0].seed
        for tile in range(request.seed):
            if cancelled():
                raise Cancelled("a newer request waits")
            if progress is not None:
                progress("field", tile / request.seed)
            time.sleep(TILE_S)
        self._befall(seed, request)
        h, w = request.height, request.width * (4 if seed == WIDE else 1)
        planes = {c.name: 1 if c.kind == "scalar" else 3 for c in CHANNELS}
        arrays = {
            name: np.full((3, h, w) if planes[name] == 3 else (h, w), seed / 1000, np.float32)
            for name in request.channels
        }
        result = RenderResult(
            request=request,
            width=w,
            height=h,
            total_ms=1e3 * (time.perf_counter() - begun),
            device=self.device,
            timings=tuple(StageTime(stage=f"tile {t or 0}", ms=0.0) for t in self._tiles_tried),
        )
        return FakeFrame(result, arrays)

    def bake(
        self,
        question: BakeQuestion,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[str, float], None] | None = None,
    ) -> FakeVolume:
        """`level` tiles in all, however often it is stopped; each brick holds the latent's first seed."""
        seed = question.latent.seeds[0].seed
        while self._baked.get(question, 0) < question.level:
            if cancelled():
                raise Cancelled("something else waits")
            time.sleep(TILE_S)
            self._baked[question] = self._baked.get(question, 0) + 1
        if seed == RAISES:
            raise ValueError("the volume went wrong")
        if seed == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        m, edge = question.level // 8, 9
        atlas = (4 if seed == WIDE else 1, 1, 1)
        spec = BakedSpec(
            checkpoint="fake", latent=question.latent, level=question.level, box=0.5, field="density", density_rule="density", atlas=atlas,
        )  # fmt: skip
        arrays = BakedArrays(
            index=np.zeros((m, m, m, 4), np.uint8),
            clear=np.full((m, m, m), 0.5, np.float16),
            value=np.full((edge, edge, atlas[0] * edge), seed, np.float16),
            colour=np.full((edge, edge, atlas[0] * edge, 4), seed % 256, np.uint8),
        )
        return FakeVolume(spec, arrays)

    def _befall(self, seed: int, request: RenderRequest) -> None:
        if seed == RAISES:
            raise ValueError("the frame went wrong\nsecond line")
        if seed == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == NO_MEMORY or (
            seed == SMALL_TILES and (request.tile_rays is None or request.tile_rays > 4096)
        ):
            self._tiles_tried.append(request.tile_rays)
            raise MemoryError(f"tile of {request.tile_rays} rays")
