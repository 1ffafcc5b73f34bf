"""What a person asked for, in the real window: a comparison never blanks the picture, names its work, and can be cancelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imgui_bundle import imgui
from PIL import Image

from core_model.schema.render import RenderRequest, Tier
from core_model.schema.rest import Rest
from tests.blob_head.session import BlobFrame, BlobSession
from tests.gui.window_driver import Hands, Recorder, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.render_client.events import Event, WorkerStatus
from viewer.shell import frame_loop
from viewer.state.actions import ShowPanel

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display")]


class Endless(BlobSession):
    """No two refined frames have the same extremes: the window would stop to ask for more."""

    def render(self, request: RenderRequest, *args: Any, **how: Any) -> BlobFrame:
        frame = super().render(request, *args, **how)
        frames = tuple(f.model_copy(update={"low": f.low - 1e-6 * request.seed}) for f in frame.result.frames)
        return BlobFrame(frame.result.model_copy(update={"frames": frames}), frame.arrays)


class Slow(InlineClient):
    """Holds back pictures of one sampler (and, once told so, every refined one) as if they took for ever."""

    held = "stratified"
    holds_refined = False
    waits = False

    def submit(self, request: RenderRequest) -> int:
        self.waits = request.sampler.name == self.held or (
            self.holds_refined and request.tier is Tier.REFINED
        )
        return super().submit(request)

    def withdraw_picture(self) -> None:
        self.waits = False
        super().withdraw_picture()

    def poll(self) -> list[Event]:
        if not self.waits or self._work or self._asked is not None:
            return super().poll()
        kept, self._render = self._render, None
        events = super().poll()
        self._render = kept
        return events

    @property
    def status(self) -> WorkerStatus:
        return WorkerStatus(
            alive=True,
            pid=1,
            device="cpu",
            started_s=1.0,
            busy=self.waits,
            kind="render",
            stage="samples",
            fraction=0.43,
        )


@pytest.fixture
def refining(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A window with settings of its own that refines for a long time."""
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))
    quality = {
        "max_size": 96,
        "refine": True,
        "refine_frames": 1000,
        "settle_delay_s": 0.02,
        "full_delay_s": 0.05,
    }
    (tmp_path / "preferences.json").write_text(
        json.dumps({"theme": "dark", "recent": [], "hint_read": True, "quality": quality})
    )
    return tmp_path


def screen(h: Hands, path: Path) -> np.ndarray:
    """[H, W, 3] of the lower middle of the picture as it stands on the screen, where no badge lies."""
    path.unlink(missing_ok=True)
    h.app.screenshot(path)
    h.until(path.is_file, "the screenshot")
    h.ctx.yield_(2)
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    (x, y), size = h.loop.place.origin, h.loop.place.size
    inset = 0.2 * size
    return pixels[int(y + 2 * inset) : int(y + size - inset), int(x + inset) : int(x + size - inset)]


def test_error_keeps_the_picture_and_goes_before_refinement(refining: Path) -> None:
    client = Slow(Endless)
    recorder = Recorder(client)

    def body(h: Hands) -> None:
        ctx, control = h.ctx, h.loop.coordinator
        h.loop.dispatch(ShowPanel("Compare", True))
        ctx.yield_(4)
        ctx.window_focus("//Compare")
        h.until(lambda: h.frames.averaged >= 2, "refinement", 3000)
        plain = screen(h, refining / "plain.png")
        assert plain.std() > 20, "a head on its ground"
        client.holds_refined = True  # as slow as B
        averaged = h.frames.averaged
        ctx.item_click("//Compare/##columns/mode/Error")
        h.until(
            lambda: recorder.requests[-1].sampler.name == "stratified",
            "B is asked for while A is refined",
            30,
        )
        ctx.yield_(10)
        assert np.abs(screen(h, refining / "waiting.png") - plain).mean() < 3.0, (
            "A stays on the screen while B is computed"
        )
        work = [w for w in control.work(0.0) if w.kind == "second"]
        assert (
            work
            and work[0].shown
            and (work[0].title, work[0].stage, work[0].fraction) == ("Computing B", "samples", 0.43)
        )
        client.holds_refined, client.waits, client.held = False, False, ""
        h.until(lambda: control.compared.views[1].frames.arrays, "B", 600)
        ctx.yield_(4)
        assert np.abs(screen(h, refining / "apart.png") - plain).mean() > 10.0, "now the map of differences"
        h.until(lambda: h.frames.averaged > averaged, "refinement goes on with the frames that it had", 600)

    drive(body, recorder)


def test_b_is_cancelled_by_its_cross_and_by_esc(refining: Path) -> None:
    client = Slow(Endless)
    recorder = Recorder(client)

    def body(h: Hands) -> None:
        ctx, control = h.ctx, h.loop.coordinator
        h.loop.dispatch(ShowPanel("Compare", True))
        ctx.yield_(4)
        ctx.window_focus("//Compare")
        h.until(lambda: h.frames.averaged >= 1, "refinement", 3000)
        for stop in (
            lambda: ctx.item_click("//Viewport/##cancel-second"),
            lambda: ctx.key_press(imgui.Key.escape),
        ):
            ctx.item_click("//Compare/##columns/mode/Wipe")
            h.until(lambda: client.waits and control.compared.pending is not None, "B is under way", 60)
            ctx.yield_(3)
            stop()
            h.until(
                lambda: h.doc.compare.mode == "off" and control.compared.pending is None,
                "it was cancelled",
                60,
            )
            averaged = h.frames.averaged
            h.until(lambda a=averaged: h.frames.averaged > a, "refinement goes on", 600)
            assert h.doc.rays.selected is None, "the cross is not the picture"

    drive(body, recorder)


def test_what_nobody_waits_for_has_no_badge_over_the_picture(refining: Path) -> None:
    client = Slow(Endless)

    def body(h: Hands) -> None:
        h.until(lambda: h.frames.averaged >= 1, "refinement", 3000)
        client.holds_refined = True
        h.until(lambda: client.waits, "a refined picture that takes long", 600)
        assert h.loop.coordinator.client.status.busy, "the status bar tells of it"
        assert h.loop.coordinator.work(1e9) == ()

    drive(body, Recorder(client))


@pytest.mark.usefixtures("small_pictures")
def test_a_window_at_rest_gives_memory_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while the renderer works: taking memory back would hold up the frame that it works for."""
    client, given, clock = Slow(BlobSession), list[str](), 0.0
    rest = Rest(give=lambda: given.append("given"), clock=lambda: clock)
    monkeypatch.setattr(frame_loop, "Rest", lambda: rest)

    def body(h: Hands) -> None:
        nonlocal clock
        h.until_full()
        client.waits = True  # busy, as far as the window is told
        h.ctx.yield_(2)
        given.clear()
        clock += 100.0
        h.ctx.yield_(4)
        assert not given
        client.waits = False
        h.ctx.yield_(4)
        clock += 100.0
        h.until(lambda: given, "memory to be given back")
        clock += 100.0
        h.ctx.yield_(10)
        assert given == ["given"]

    drive(body, client=client)
