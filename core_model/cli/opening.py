"""What `render`, `orbit` and `sheet` share: a view by options or by `--request`, and the checkpoint opened on
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core_model.cli.options import (
    CameraOptions,
    LatentOptions,
    MachineOptions,
    SamplerOptions,
    channels_of,
    request_of,
)
from core_model.cli.requests import (
    RequestArgument,
    check_sha,
    checkpoint_of,
    given_options,
    request_from,
    stored_view,
)
from core_model.cli.sessions import CheckpointArgument, WorkerArgument, opened
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.export import default_request
from core_model.schema.record import DisplayRange
from core_model.schema.render import RenderRequest

if TYPE_CHECKING:
    from core_model.session import RenderSession


@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """The head, the camera, the samples; a command adds what it makes of them."""

    latent: LatentOptions
    camera: CameraOptions
    sampler: SamplerOptions
    machine: MachineOptions
    checkpoint: CheckpointArgument = ""
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    request: RequestArgument = None
    """a RenderRequest or RenderRecord (JSON, a file of it, or a file that triscope wrote); other options
    override it"""
    worker: WorkerArgument = None
    """run it elsewhere, e.g. "ssh gpu-box triscope worker": CHECKPOINT is a path there, or local:FILE to send one"""


@dataclass(frozen=True)
class OpenedView:
    """A view on an opened checkpoint.

    channels: what the request asks for, described.
    display: colours of scalar channels that a stored view brought along.
    """

    session: "RenderSession"
    info: CheckpointInfo
    request: RenderRequest
    channels: dict[str, ChannelInfo]
    display: tuple[DisplayRange, ...] = ()


@contextmanager
def opened_view(
    options: ViewOptions,
    args: Sequence[str],
    command: str,
    *,
    channels: str | None,
    default: tuple[str, ...] | None = ("rgb",),
    size: int | None = None,
    native: bool = False,
    own_size: bool = False,
) -> Iterator[OpenedView]:
    """The session with the checkpoint open in it, and the request that options and stored view make.

    args: the command line, which says which options override the stored view.
    channels: what `--channels` says.
    default: what is shown without it and without a stored view; None = every channel.
    own_size: a stored view's size does not count.

    Raises InputError.
    """
    view = stored_view(options.request)
    with opened(checkpoint_of(options.checkpoint, view, command), options.machine) as (session, info):
        shown = default if default is not None else tuple(c.name for c in info.channels)
        flagged = request_of(
            info, options.latent, options.camera, options.sampler, options.machine, size=size,
            channels=tuple(channels_of(channels, info, shown)), native=native,
        )  # fmt: skip
        given = given_options(args) | ({"size"} if own_size else set())
        request = request_from(view, given, flagged, default_request(info).replace(channels=shown))
        described = channels_of(",".join(request.channels), info, shown)
        check_sha(view, info)
        yield OpenedView(
            session,
            info,
            request,
            described,
            view.record.display if view is not None and view.record is not None else (),
        )
