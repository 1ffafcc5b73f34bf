"""The output channels. Adding one is one registration: its description for the GUI and a function of a tile's `Composite`.

Nothing here imports torch until a channel is computed: `triscope info` lists the channels of a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core_model.schema.channels import ChannelInfo
from core_model.schema.plugins import adopt
from core_model.schema.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from core_model.rendering.composite import Composite


@dataclass(frozen=True)
class Channel:
    """compute: Composite → [R] or [R, 3]; sdf_only: families without a signed distance do not have it."""

    info: ChannelInfo
    compute: Callable[[Composite], Tensor]
    sdf_only: bool = False


def _installed() -> None:
    """Channels of other packages."""
    adopt("channels", Channel, lambda found: CHANNELS.add(found.info.name, found))


CHANNELS: Registry[Channel] = Registry("channel", _installed)
SUPER_RESOLVED = "The picture of the family's own program: features rendered at its neural resolution, then super-resolved, sRGB"


def _add(info: ChannelInfo, compute: Callable[[Composite], Tensor], *, sdf_only: bool = False) -> None:
    CHANNELS.add(info.name, Channel(info, compute, sdf_only))


def available_channels(
    *, is_sdf: bool, has_proposal: bool, has_superres: bool = False
) -> tuple[ChannelInfo, ...]:
    """Descriptions of the channels that a checkpoint has."""
    found = tuple(
        c.info
        for c in CHANNELS
        if (is_sdf or not c.sdf_only)
        and (has_proposal or not c.info.needs_proposal)
        and (has_superres or not c.info.needs_superres)
    )
    if has_superres:
        found = tuple(i.replace(description=SUPER_RESOLVED) if i.name == "rgb" else i for i in found)
    return found


def _per_ray(value: Tensor | None, c: Composite) -> Tensor:
    """Quantities of the sampler; proposal ones exist only where the learned sampler ran, elsewhere they are 'no value'."""
    return c.opacity * float("nan") if value is None else value


def _eikonal_error(c: Composite) -> Tensor:
    from core_model.rendering.surface import eikonal_error

    return eikonal_error(c)


def _missed_surface(c: Composite) -> Tensor:
    from core_model.rendering.surface import missed_surface

    return missed_surface(c)


_add(
    ChannelInfo(
        name="rgb",
        title="Colour",
        kind="colour",
        low=0.0,
        high=1.0,
        description="Volume-rendered radiance, sRGB",
    ),
    lambda c: c.rgb,
)
_add(
    ChannelInfo(
        name="normal",
        title="Normals",
        kind="direction",
        low=-1.0,
        high=1.0,
        description="Gradient of the signed distance (or of minus the density), world frame",
    ),
    lambda c: c.normal,
)
_add(
    ChannelInfo(
        name="depth",
        title="Depth",
        kind="scalar",
        unit="world units",
        colormap="viridis",
        description="Expected distance along the unit ray",
    ),
    lambda c: c.depth,
)
_add(
    ChannelInfo(
        name="samples",
        title="Sample count",
        kind="scalar",
        unit="samples",
        colormap="inferno",
        low=0.0,
        decimals=0,
        description="Samples that the sampler gave each ray; the probe is not counted",
    ),
    lambda c: _per_ray(c.samples, c),
)
_add(
    ChannelInfo(
        name="opacity",
        title="Opacity",
        kind="scalar",
        unit="",
        colormap="gray",
        low=0.0,
        high=1.0,
        description="Sum of the rendering weights",
    ),
    lambda c: c.opacity,
)
_add(
    ChannelInfo(
        name="beta",
        title="Surface variance B",
        kind="scalar",
        unit="world units",
        colormap="magma",
        decimals=5,
        description="Weighted mean of beta, the width of the surface: small where the geometry is sharp",
    ),
    lambda c: c.beta,
    sdf_only=True,
)
_add(
    ChannelInfo(
        name="leftover",
        title="Leftover mass",
        kind="scalar",
        unit="",
        colormap="magma",
        low=0.0,
        needs_proposal=True,
        description="Mass of the predicted distribution outside its largest bins (A3.4), by the sampler's rule weighted by what the ray "
        "may meet; the hardest rays get the large budget",
    ),
    lambda c: _per_ray(c.leftover, c),
)
_add(
    ChannelInfo(
        name="entropy",
        title="Proposal entropy",
        kind="scalar",
        unit="nats",
        colormap="cividis",
        low=0.0,
        needs_proposal=True,
        description="Entropy of the predicted ray distribution",
    ),
    lambda c: _per_ray(c.proposal_entropy, c),
)
_add(
    ChannelInfo(
        name="position",
        title="Position",
        kind="position",
        unit="world units",
        low=-0.5,
        high=0.5,
        description="World position at the expected depth, shown as colour",
    ),
    lambda c: c.position,
)
_add(
    ChannelInfo(
        name="eikonal",
        title="Eikonal error",
        kind="scalar",
        unit="|grad f| - 1",
        colormap="balance",
        low=-1.0,
        high=1.0,
        description="Weighted mean of |grad f| - 1 at the surface; 0 where the field is a true distance",
    ),
    _eikonal_error,
    sdf_only=True,
)
_add(
    ChannelInfo(
        name="missed",
        title="Missed surface",
        kind="scalar",
        unit="",
        colormap="cividis",
        low=0.0,
        high=1.0,
        decimals=0,
        description="1 where no sample lies within one bin (1/191 of the ray) of the first zero crossing; no value without a crossing",
    ),
    _missed_surface,
    sdf_only=True,
)
_add(
    ChannelInfo(
        name="raw",
        title="Raw colour",
        kind="colour",
        low=0.0,
        high=1.0,
        needs_superres=True,
        description="Volume-rendered colour before the super-resolution: the first three feature channels",
    ),
    lambda c: c.rgb,
)
