"""The real window and the real session on a small EG3D file: the super-resolved picture at rest, named raw colours while it moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import ImVec2

from core_model.checkpoints.store import save_checkpoint
from core_model.schema.render import Tier
from core_model.session import RenderSession
from tests.gui.window_driver import Hands, Recorder, drive
from tests.parity.test_session import network
from tests.unit.families.foreign_nets import native
from viewer.render_client.client import RenderClient
from viewer.render_client.messages import SessionOptions

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = Path(tmp_path_factory.mktemp("final"))
    return str(save_checkpoint(folder / "eg3d.safetensors", *native("eg3d", network("eg3d"))))


def decibel(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10.0 * np.log10(np.square(a - b).mean()))


def test_the_window_shows_the_picture_of_the_program(path: str) -> None:
    truth = RenderSession(device="cpu", threads=1)

    def body(h: Hands) -> None:
        h.until_full()
        request = h.frames.result.request
        assert (
            request.sampler.name == "auto"
            and h.frames.result.sampler in ("occupancy", "importance")
            and not request.native
        )
        assert (
            h.doc.view.channel == "rgb"
            and h.frames.arrays["rgb"].shape == (3, 96, 96)
            and "depth" in h.frames.arrays
        )
        same = truth.render(request.replace(native=True, width=128, height=128)).arrays["rgb"].clip(0.0, 1.0)
        raw = truth.render(request.replace(channels=("raw",))).arrays["raw"]
        mine = truth.render(request.replace(width=128, height=128)).arrays["rgb"]
        np.testing.assert_allclose(h.frames.arrays["rgb"], truth.render(request).arrays["rgb"], atol=1e-4)
        assert decibel(mine, same) >= 45.0 and decibel(h.frames.arrays["rgb"], raw) < 25.0
        shown = h.picture()  # what OpenGL drew: its mean colour is the picture's
        assert (
            np.abs(shown.reshape(-1, 3).mean(axis=0) / 255.0 - h.frames.arrays["rgb"].mean(axis=(1, 2))).max()
            < 0.02
        )

        h.ctx.yield_(8)
        h.choose("//Sampler/##sampler", "native")
        h.until(lambda: h.frames.result.request.native, "the picture of its program", 3000)
        exact = truth.render(h.frames.result.request).arrays["rgb"]
        assert h.doc.native and exact.shape == (3, 128, 128)
        np.testing.assert_allclose(h.frames.arrays["rgb"], exact, atol=1e-4)
        assert h.frames.arrays["depth"].shape == (32, 32)
        full = lambda: h.frames.result.request.tier is Tier.FULL
        h.choose("//Sampler/##sampler", "auto")
        h.until(lambda: full() and not h.frames.result.request.native, "the window's own picture", 3000)
        assert not h.doc.native and "rgb" in h.frames.arrays

        h.choose("//View/##channel", "depth")
        h.until(lambda: full() and "rgb" not in h.frames.arrays, "depth by rays of its own", 3000)
        assert {"depth", "samples", "raw"} <= set(
            h.frames.result.request.channels
        ) and not h.frames.result.request.shared_rays
        h.choose("//View/##channel", "raw")
        h.ctx.yield_(3)
        h.until(full, "raw colours", 3000)
        wanted = truth.render(h.frames.result.request).arrays["raw"]
        np.testing.assert_allclose(h.frames.arrays["raw"], wanted, atol=1e-4)

    drive(body, RenderClient(options=SessionOptions(threads=1)), path)


def test_a_turn_moves_in_colours_that_are_named(path: str) -> None:
    def body(h: Hands) -> None:
        h.until_full()
        control = h.loop.coordinator
        quality = h.doc.quality.replace(
            target_fps=240.0, settle_delay_s=1.0, full_delay_s=1.0, baked=False
        )  # no super-resolution is that quick
        control.store.adopt(h.doc.replace(quality=quality), "quality", 0.0)
        h.ctx.yield_(2)
        control.client.requests.clear()
        view = h.loop.place
        h.ctx.mouse_move_to_pos(ImVec2(view.origin[0] + 0.5 * view.size, view.origin[1] + 0.5 * view.size))
        h.ctx.mouse_drag_with_delta(ImVec2(60.0, 0.0))
        h.until(lambda: h.frames.result.request.tier is Tier.MOVING, "a moving picture")
        h.ctx.yield_(2)
        if h.frames.result.request.tier is Tier.MOVING:
            assert (
                h.loop.values.picture.shown_map(h.doc).channel.title == "Raw colour"
                and "rgb" not in h.frames.arrays
            )
        h.until_full()
        h.ctx.yield_(2)
        assert h.loop.values.picture.shown_map(h.doc).channel.title == "Colour" and "rgb" in h.frames.arrays
        asked = control.client.requests
        assert asked[-1].tier is Tier.FULL and all(
            "rgb" not in r.channels for r in asked if r.tier is Tier.MOVING
        )

    drive(body, Recorder(RenderClient(options=SessionOptions(threads=1))), path)
