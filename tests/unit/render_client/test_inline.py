"""The renderer without a process: same face, same answers."""

from __future__ import annotations

from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from tests.unit.render_client.fake_session import RAISES, FakeSession
from tests.unit.render_client.inline_client import InlineClient
from viewer.render_client.client import RenderClient
from viewer.render_client.events import (
    FrameReady,
    Inspected,
    InspectFailed,
    Opened,
    OpenFailed,
    WorkerStarted,
)
from viewer.render_client.protocol import Renderer


def started() -> InlineClient:
    client = InlineClient(FakeSession)
    client.start()
    assert [type(e) for e in client.poll()] == [WorkerStarted]
    return client


def test_open_submit_inspect() -> None:
    client = started()
    client.open("fake:a")
    client.open("fake:bad")
    (opened,), (failed,) = client.poll(), client.poll()
    assert isinstance(opened, Opened) and opened.info.path == "fake:a"
    assert isinstance(failed, OpenFailed) and failed.error.kind == "input"
    request = RenderRequest(checkpoint="fake:a", width=8, height=8, latent=LatentSpec.of_seed(100))
    client.submit(RenderRequest(checkpoint="fake:a", width=9, height=9))
    generation = client.submit(request)
    assert client.status.busy
    (frame,) = client.poll()
    assert (
        isinstance(frame, FrameReady)
        and frame.result.generation == generation
        and frame.result.request == request
    )
    assert frame.arrays["rgb"].shape == (3, 8, 8) and client.poll() == []
    client.inspect(request, 1, 2)
    client.inspect(request, 100, 2)
    (good,), (bad,) = client.poll(), client.poll()
    assert isinstance(good, Inspected) and good.report.y == 2 and isinstance(bad, InspectFailed)


def test_exception_is_a_result_and_restart_opens_again() -> None:
    client = started()
    client.open("fake:a")
    client.poll()
    client.submit(RenderRequest(checkpoint="fake:a", latent=LatentSpec.of_seed(RAISES)))
    (frame,) = client.poll()
    assert (
        isinstance(frame, FrameReady)
        and frame.result.error is not None
        and frame.result.error.kind == "failed"
    )
    client.restart()
    events = client.poll()
    assert isinstance(events[0], WorkerStarted) and isinstance(events[1], Opened) and events[1].again
    client.stop()
    assert not client.status.alive and client.poll() == []


def test_both_clients_have_the_whole_face() -> None:
    face = {n for n in vars(Renderer) if not n.startswith("_")}
    assert face >= {
        "start",
        "open",
        "close",
        "submit",
        "inspect",
        "poll",
        "restart",
        "stop",
        "status",
        "configure",
    }
    for kind in (RenderClient, InlineClient):
        assert face <= set(dir(kind)), kind
