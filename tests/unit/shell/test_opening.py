"""Files that are opened in quick succession: only the last one that was asked for counts."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from core_model.schema.assets import demo_checkpoint
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult
from tests.unit.render_client.inline_client import InlineClient
from tests.unit.state.simulated_renderer import INFO
from viewer.render_client.events import Event, Opened, OpenFailed, WorkerDied
from viewer.shell.coordinator import RenderCoordinator
from viewer.shell.drops import Drops
from viewer.shell.restore import Places
from viewer.state.frames import FrameStore
from viewer.state.second_view import SecondView
from viewer.state.store import Store


class Slow(InlineClient):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__(lambda **options: None)
        self.said: list[Event] = []
        self.closed: list[str] = []

    def poll(self) -> list[Event]:
        said, self.said = self.said, []
        return said

    def close(self, path: str) -> None:
        self.closed.append(path)


def info(path: str) -> CheckpointInfo:
    return INFO.model_copy(update={"path": path, "header": CheckpointHeader(family="sim")})


def opened(control: RenderCoordinator, client: Slow, path: str) -> None:
    control.open(path)
    client.said.append(Opened(info(path), number=control.asked))
    control.poll(0.0)


def test_an_earlier_file_that_opens_late_never_shows() -> None:
    client = Slow()
    control = RenderCoordinator(client, Store())
    opened(control, client, "first")
    control.open("second")
    before = control.asked
    control.open("third")
    client.said.append(Opened(info("second"), number=before))
    control.poll(1.0)
    assert control.info is not None and control.info.path == "first" and control.opening == "third"
    assert (
        control.store.doc.checkpoint == "first"
        and client.closed == ["second"]
        and control.opened_paths == ["first"]
    )
    client.said.append(Opened(info("third"), number=control.asked))
    control.poll(2.0)
    assert control.info.path == control.store.doc.checkpoint == "third" and control.opening == ""


def test_the_failure_of_an_earlier_file_raises_no_banner() -> None:
    client = Slow()
    control = RenderCoordinator(client, Store())
    control.open("broken")
    before = control.asked
    control.open("good")
    client.said.append(OpenFailed("broken", ErrorInfo(kind="input", message="no"), before))
    control.poll(0.0)
    assert control.store.banner is None and control.opening == "good"
    client.said.append(OpenFailed("good", ErrorInfo(kind="input", message="neither"), control.asked))
    control.poll(0.0)
    assert control.store.banner is not None and "good" in control.store.banner.title and control.opening == ""


def test_what_was_to_follow_an_opening_goes_with_it() -> None:
    client = Slow()
    control = RenderCoordinator(client, Store())
    control.open("first", then=lambda doc, found: doc.replace(background="white"))
    control.open("first")  # again, without the view
    client.said.append(Opened(info("first"), number=control.asked))
    control.poll(0.0)
    assert control.store.doc.background != "white"


def test_a_renderer_that_is_given_up_opens_nothing_any_more() -> None:
    client = Slow()
    control = RenderCoordinator(client, Store())
    control.open("first")
    client.said.append(WorkerDied("it fell", 1, final=True))
    control.poll(0.0)
    assert (
        control.opening == ""
        and control.store.banner is not None
        and control.store.banner.remedy == "restart"
    )


def test_a_dropped_file_that_is_read_slowly_gives_way_to_one_opened_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Slow()
    control, drops = RenderCoordinator(client, Store()), Drops()
    dropped = tmp_path / "old.safetensors"
    drops.take([str(dropped)], Places(demo=demo_checkpoint() or ""), control.asked)
    control.open("newer")
    asked = control.asked
    end = time.monotonic() + 10
    while drops.reading and time.monotonic() < end:
        drops.poll(control, 0.0)
    assert control.opening == "newer" and control.asked == asked and "was left" in control.store.notice


def test_numbers_of_pictures_never_begin_again() -> None:
    """They name what a texture holds: a second checkpoint's first picture must not pass for the first one's."""
    frames, request = FrameStore(), RenderRequest(checkpoint="a")
    frames.add(RenderResult(request=request, generation=1), {"rgb": np.zeros((3, 2, 2), np.float32)})
    version = frames.version
    frames.clear()
    assert frames.version > version and not frames.arrays
    second = SecondView()
    maps = second.maps
    second.clear()
    assert second.maps is maps
