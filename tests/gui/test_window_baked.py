"""The baked volume in the window: distinct pictures while the hand moves, none of an old camera, no hole, the label, the fade."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from imgui_bundle import ImVec2

from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, Tier
from tests.blob_head.session import BlobFrame, BlobSession
from tests.gl.baked_blob import dense_head, packed
from tests.gui.window_driver import Hands, Recorder, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.state import scheduler
from viewer.state.baked_view import WALK_LEVEL

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]
LEVEL = 64
MOVES = 12
LABELS = ("baked 256³", "baked 128³")
"""A busy machine may be too slow for the fine volume."""


@dataclass(frozen=True)
class Made:
    spec: BakedSpec
    arrays: BakedArrays


@cache
def volume() -> tuple[BakedSpec, BakedArrays]:
    return packed(dense_head(LEVEL))


class BakingSession(BlobSession):
    """The blob head, slowly, and a volume of another head, so that the two kinds of picture cannot be taken for each other."""

    def render(self, request: RenderRequest, **more: Any) -> BlobFrame:
        frame = super().render(request, **more)
        return replace(frame, result=frame.result.model_copy(update={"total_ms": 400.0}))

    def bake(self, question: BakeQuestion, cancelled: object, progress: object) -> Made:
        spec, arrays = volume()
        return Made(spec.model_copy(update={"latent": question.latent}), arrays)


def window(body) -> Recorder:
    client = Recorder(InlineClient(BakingSession))
    drive(body, client)
    return client


def middle(h: Hands, dx: float = 0.0) -> ImVec2:
    view = h.loop.place
    return ImVec2(view.origin[0] + 0.5 * view.size + dx, view.origin[1] + 0.5 * view.size)


def rest_counts_from(h: Hands, seconds: float) -> None:
    """On a loaded machine a step of the test engine takes longer than a hand rests between two motions."""
    quality = h.doc.quality.replace(settle_delay_s=seconds)
    h.loop.store.adopt(h.doc.replace(quality=quality), "quality", 0.0)
    h.ctx.yield_(2)


def ready(h: Hands) -> None:
    h.until_full()
    h.until(
        lambda: h.loop.baked.question is not None and h.loop.baked.question.level == 256, "the fine volume"
    )
    h.until(lambda: not h.loop.baked.busy, "its upload")


def test_a_drag_shows_the_volume_of_the_newest_camera_in_each_frame() -> None:
    seen: list[np.ndarray] = []

    def body(h: Hands) -> None:
        ready(h)
        before = len(client_requests(h))
        exact = h.picture()
        rest_counts_from(h, 10.0)
        h.ctx.mouse_move_to_pos(middle(h))
        h.ctx.mouse_down(0)
        for i in range(1, MOVES + 1):
            h.ctx.mouse_move_to_pos(middle(h, 8.0 * i))
            seen.append(h.picture())
            assert h.loop.baked.label in LABELS
            assert h.loop.baked.camera == h.doc.camera, "what is drawn is no older than the mouse"
        moved = client_requests(h)[before:]
        assert not moved, "while the hand moves the renderer is asked for nothing"
        h.ctx.mouse_up(0)
        rest_counts_from(h, 0.02)
        h.until(lambda: h.loop.baked.label == "" and h.loop.baked.fade.over, "the exact picture")
        assert h.frames.base is not None and h.frames.base.camera == h.doc.camera
        assert not np.array_equal(h.picture(), exact)

    window(body)
    assert len({picture.tobytes() for picture in seen}) == MOVES
    background = np.rint(255 * np.array(volume()[0].background))
    for picture in seen:
        edge = len(picture)
        inside = picture[int(0.4 * edge) : int(0.5 * edge), int(0.42 * edge) : int(0.58 * edge)]
        assert (np.abs(inside.astype(int) - background).max(axis=-1) > 12).mean() > 0.99, (
            "no hole in the head"
        )


def client_requests(h: Hands) -> list:  # type: ignore[type-arg]
    client = h.loop.coordinator.client
    assert isinstance(client, Recorder)
    return list(client.requests)


def test_a_walk_shows_the_volume_of_each_head_and_a_drag_turns_it_on_the_way() -> None:
    def body(h: Hands) -> None:
        ready(h)
        h.ctx.item_click("//Latent/##fold-plane")
        before = len(client_requests(h))
        h.ctx.item_click("//Latent/##walk-play")
        h.until(lambda: h.loop.baked.label == f"baked {WALK_LEVEL}³", "the walk")
        heads = {h.loop.baked.head}
        h.ctx.mouse_move_to_pos(middle(h))
        h.ctx.mouse_down(0)
        for i in range(1, 6):
            h.ctx.mouse_move_to_pos(middle(h, 12.0 * i))
            h.ctx.yield_(6)
            heads.add(h.loop.baked.head)
            assert h.loop.walk.playing and h.loop.baked.camera == h.doc.camera
        h.ctx.mouse_up(0)
        h.ctx.yield_(2)
        assert h.loop.walk.playing and len(heads) > 2 and h.doc.camera.yaw != 0.0
        assert not client_requests(h)[before:], "a walk asks the renderer for volumes alone"
        h.ctx.mouse_move_to_pos(middle(h))
        h.ctx.mouse_click(0)
        h.ctx.yield_(2)
        assert not h.loop.walk.playing, "a click stops it"
        h.until(lambda: h.loop.baked.label == "", "the exact picture of the last head")
        assert h.frames.base is not None and h.frames.base.latent == h.doc.latent

    window(body)


def test_the_switch_in_the_sampler_panel_leaves_the_moving_pictures_to_the_renderer() -> None:
    def body(h: Hands) -> None:
        ready(h)
        quality = h.doc.quality.replace(baked=False)
        h.loop.store.adopt(h.doc.replace(quality=quality), "quality", 0.0)
        h.ctx.yield_(3)
        before = len(client_requests(h))
        h.ctx.mouse_move_to_pos(middle(h))
        h.ctx.mouse_down(0)
        for i in range(1, 6):
            h.ctx.mouse_move_to_pos(middle(h, 12.0 * i))
            h.ctx.yield_()
            assert h.loop.baked.label == ""
        h.ctx.mouse_up(0)
        assert any(r.tier is Tier.MOVING for r in client_requests(h)[before:])

    window(body)


def test_a_map_that_no_volume_has_and_another_latent_are_the_renderers() -> None:
    def body(h: Hands) -> None:
        ready(h)
        h.loop.store.adopt(h.doc.replace(view=h.doc.view.with_channel("samples")), "view", 0.0)
        h.until_full()
        h.loop.store.adopt(h.doc.replace(camera=h.doc.camera.replace(yaw=0.4)), "camera", 0.0)
        h.ctx.yield_(2)
        assert h.loop.baked.label == ""
        h.loop.store.adopt(h.doc.replace(view=h.doc.view.with_channel("rgb")), "view", 0.0)
        h.until_full()
        latent = h.doc.latent.replace(psi=0.123)
        h.loop.store.adopt(h.doc.replace(latent=latent, camera=h.doc.camera.replace(yaw=0.6)), "latent", 0.0)
        h.ctx.yield_(2)
        assert h.loop.baked.label == "", "a volume of another latent is not shown as this one"
        h.until(
            lambda: h.loop.baked.question is not None and h.loop.baked.question.latent == latent,
            "its own volume",
            3000,
        )

    window(body)


def test_a_channel_that_is_not_there_yet_is_shown_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a volume, nothing but an exact picture would be asked for, and the old channel would stand until it comes."""
    monkeypatch.setattr(scheduler, "channels_left", lambda *_: ())

    def body(h: Hands) -> None:
        ready(h)
        assert "normal" not in h.frames.arrays
        asked = len(client.requests)
        h.loop.store.adopt(h.doc.replace(view=h.doc.view.with_channel("normal")), "view", 0.0)
        h.until(lambda: len(client.requests) > asked, "a request", 5)
        assert client.requests[asked].tier is Tier.MOVING and "normal" in client.requests[asked].channels
        h.until(lambda: "normal" in h.frames.arrays, "its picture", 60)
        h.until_full()

    client = Recorder(InlineClient(BakingSession))
    drive(body, client)
