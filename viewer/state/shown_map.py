"""The map on the screen.

A channel as the user wants to see it (frame, component), and the rays that got the large budget. Derived
arrays are made once per frame; nothing here asks for a render.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core_model.schema.channels import ChannelInfo
from core_model.schema.render import RenderResult
from viewer.state.document import ChannelView

AXES = "xyz"
OUTLINED = ("samples", "leftover", "entropy")
"""Channels in which the chosen hard rays can be outlined."""
# Camera frame as it is shown: x right, y up, z towards the camera (OpenCV's y and z turned round).
_SHOWN_FROM_CAM = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, eq=False)
class ShownMap:
    """channel: as drawn (one component of a vector channel is a scalar).

    values [H, W] or [3, H, W]; chosen [H, W] bool.
    """

    channel: ChannelInfo
    values: np.ndarray
    version: int
    chosen: np.ndarray | None = None

    @cached_property
    def extremes(self) -> tuple[float, float]:
        """Finite (low, high); (0, 1) where nothing is finite."""
        finite = self.values[np.isfinite(self.values)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)

    def at(self, x: int, y: int) -> tuple[float, ...] | None:
        """Value(s) at a pixel; None where there is none."""
        if not (0 <= x < self.values.shape[-1] and 0 <= y < self.values.shape[-2]):
            return None
        found = tuple(float(v) for v in np.atleast_1d(self.values[..., y, x]))
        return found if all(np.isfinite(found)) else None

    def under(self, u: float, v: float) -> tuple[float, ...] | None:
        """Value(s) at image coordinates in [0, 1]."""
        return self.at(int(u * self.values.shape[-1]), int(v * self.values.shape[-2]))


class MapCache:
    """Keeps the last map under the frame's version and the settings that it depends on."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._last: ShownMap | None = None
        self._source: np.ndarray | None = None
        self._version = 0

    def of(
        self,
        version: int,
        channel: ChannelInfo,
        view: ChannelView,
        arrays: dict[str, np.ndarray],
        result: RenderResult | None,
    ) -> ShownMap:
        outline = view.outline and channel.name in OUTLINED
        key = (version, channel.name, view.component, view.frame, outline)
        source = arrays[channel.name]
        # versions start again with each checkpoint, so that equal numbers may stand for different arrays
        if self._last is None or key != self._key or source is not self._source:
            self._version += 1
            self._source = source
            chosen = chosen_rays(arrays.get("samples"), result) if outline else None
            values = derived(source, channel, view, result)
            self._key, self._last = key, ShownMap(as_drawn(channel, view), values, self._version, chosen)
        return self._last


def as_drawn(channel: ChannelInfo, view: ChannelView) -> ChannelInfo:
    """The channel's description under the user's settings: a single component is a scalar."""
    if channel.kind not in ("direction", "position"):
        return channel
    where = " (camera)" if channel.kind == "direction" and view.frame == "camera" else ""
    if view.component == "all":
        return channel.replace(title=f"{channel.title}{where}")
    return channel.replace(title=f"{channel.title} {view.component}{where}", kind="scalar")


def derived(
    values: np.ndarray, channel: ChannelInfo, view: ChannelView, result: RenderResult | None
) -> np.ndarray:
    """Values in the wanted frame and component; the array itself where nothing is to be done."""
    if channel.kind not in ("direction", "position"):
        return values
    if (
        channel.kind == "direction"
        and view.frame == "camera"
        and result is not None
        and len(result.world_from_cam) == 16
    ):
        world_from_cam = np.asarray(result.world_from_cam, dtype=np.float64).reshape(4, 4)[:3, :3]
        turn = (_SHOWN_FROM_CAM @ world_from_cam.T).astype(np.float32)
        values = np.einsum("ij,jhw->ihw", turn, values)
    return values if view.component == "all" else np.ascontiguousarray(values[AXES.index(view.component)])


def chosen_rays(samples: np.ndarray | None, result: RenderResult | None) -> np.ndarray | None:
    """[H, W] bool: the rays that the adaptive sampler gave the large budget (A3.4).

    None where there are none.
    """
    request = result.request if result is not None else None
    if (
        samples is None
        or request is None
        or request.sampler.name != "learned"
        or not request.sampler.adaptive
    ):
        return None
    low, high = request.sampler.budgets(request.sampler.spp or 17.6)
    if high <= low:
        return None
    return samples > 0.5 * (low + high)
