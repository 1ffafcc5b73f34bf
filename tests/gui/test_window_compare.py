"""What is compared in the real window: kinds of pictures, swap, grid, the photo, differences by channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imgui_bundle import imgui
from PIL import Image

from tests.gui.window_driver import Hands, Recorder, drive
from viewer.state import basket
from viewer.state.actions import ShowPanel
from viewer.state.comparison import Comparison, Source
from viewer.widgets import overlays

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]
ROWS = "//Compare/##columns/##tiles"


def opened(h: Hands) -> None:
    """The Compare panel in front of the others, with its contents in sight."""
    h.until_full()
    h.loop.dispatch(ShowPanel("Compare", True))
    h.ctx.yield_(4)
    h.ctx.window_focus("//Compare")
    h.ctx.yield_(2)


def until_there(h: Hands) -> None:
    compared = h.loop.coordinator.compared
    h.until(lambda: compared.matches(h.doc, h.frames.result) and compared.pending is None, "all tiles", 2000)


def test_a_and_b_are_chosen_and_swapped_without_a_render(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        ctx, compared = h.ctx, h.loop.coordinator.compared
        opened(h)
        ctx.item_click("//Compare/##columns/mode/Side")
        h.choose(f"{ROWS}/##what-A", "seed")
        ctx.item_input_value(f"{ROWS}/##seed-A", 7)
        h.choose(f"{ROWS}/##what-B", "samples")
        until_there(h)
        a, b = (compared.views[i].frames.result.request for i in (0, 1))
        assert a.latent.seeds[0].seed == 7 and b.latent == h.doc.latent and b.sampler.spp == 64.0
        assert (a.camera, a.width) == (b.camera, b.width)
        asked = len(recorder.requests)
        ctx.item_click(f"{ROWS}/##swap")
        ctx.yield_(20)
        assert [s.what for s in h.doc.compare.tiles] == ["samples", "seed"]
        assert compared.views[1].frames.result.request == a, "the picture went with its tile"
        assert len(recorder.requests) == asked, "swapping renders nothing"

    drive(body, recorder)


def test_a_grid_of_six_turns_together(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        ctx, compared = h.ctx, h.loop.coordinator.compared
        opened(h)
        ctx.item_click("//Compare/##columns/mode/Grid")
        for _ in range(4):
            ctx.item_click("//Compare/##columns/###add-tile")
            ctx.yield_(2)
        assert [s.what for s in h.doc.compare.tiles] == ["view", "sampler", "seed", "seed", "seed", "seed"]
        assert len({s.seed for s in h.doc.compare.tiles[2:]}) == 4
        ctx.item_click("//Compare/##columns/###add-tile")  # six is the most: the button is disabled
        ctx.yield_(2)
        assert len(h.doc.compare.tiles) == 6
        until_there(h)
        ctx.item_input_value("//Camera/##yaw", 20.0)
        until_there(h)
        poses = {v.frames.result.request.camera for _, v in compared.rendered(h.doc)}
        assert poses == {h.doc.camera} and h.doc.camera.yaw > 0.3
        ctx.item_click(f"{ROWS}/##remove-C")
        ctx.yield_(2)
        assert len(h.doc.compare.tiles) == 5

    drive(body, recorder)


def test_a_photo_is_compared_and_a_wrong_file_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(tmp_path / "p.jpg", quality=95)
    (tmp_path / "no.png").write_bytes(b"no picture")

    def body(h: Hands) -> None:
        ctx, compared = h.ctx, h.loop.coordinator.compared
        opened(h)
        ctx.item_click("//Compare/##columns/mode/Error")
        h.choose(f"{ROWS}/##what-B", "photo")
        ctx.item_input_value(f"{ROWS}/##photo-B", str(tmp_path / "p.jpg"))
        h.until(lambda: compared.apart(h.doc, h.frames) is not None, "the distance to the photo", 600)
        found = compared.by_channel(h.doc, h.loop.coordinator.info.channels, h.frames)
        assert [row.channel.name for row in found] == ["rgb"] and found[0].mean > 0.05
        ctx.item_input_value(f"{ROWS}/##photo-B", str(tmp_path / "no.png"))
        h.until(lambda: compared.photos.error(str(tmp_path / "no.png")), "the complaint", 600)
        assert compared.apart(h.doc, h.frames) is None

    drive(body)


def test_a_row_of_the_differences_shows_its_channel_and_nothing_starts_over(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        ctx, compared = h.ctx, h.loop.coordinator.compared
        opened(h)
        h.choose(f"{ROWS}/##what-B", "seed")
        ctx.item_click("//Compare/##columns/mode/Wipe")
        until_there(h)
        channels = h.loop.coordinator.info.channels
        rows = {r.channel.name: r for r in compared.by_channel(h.doc, channels, h.frames)}
        assert {"rgb", "depth", "opacity", "position", "leftover"} <= set(rows), "all come with one picture"
        b = compared.views[1].frames.arrays["rgb"]
        assert rows["rgb"].mean == pytest.approx(np.abs(h.frames.arrays["rgb"] - b).mean(), rel=1e-5)
        asked = len(recorder.requests)
        ctx.item_click("//Compare/##columns/##by-channel/###apart-depth")
        ctx.yield_(20)
        assert h.doc.view.channel == "depth"
        ctx.key_press(imgui.Key._4)
        ctx.yield_(20)
        assert h.doc.view.channel == "opacity" and len(recorder.requests) == asked

    drive(body, recorder)


def test_an_entry_of_the_basket_is_compared(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        opened(h)
        items: basket.Basket = ()
        for name in ("one", "two"):
            items = basket.added(items, name, np.random.RandomState(len(items)).randn(14, 128))
        h.loop.basket.items = items
        h.ctx.yield_(2)
        h.ctx.item_click("//Compare/##columns/mode/Side")
        h.choose(f"{ROWS}/##what-B", "basket")
        h.choose(f"{ROWS}/##entry-B", "two")
        until_there(h)
        assert recorder.requests[-1].latent.w == items[1].rows

    drive(body, recorder)


@pytest.mark.parametrize("size", [(1024, 700), (1280, 720)])
def test_captions_stay_within_their_own_picture(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[float, float, float, float]] = []
    real = overlays.badge

    def noted(*args: Any, **kwargs: Any) -> imgui.ImVec2:
        plate = real(*args, **kwargs)
        if "room" in kwargs:
            corner = args[1]
            drawn.append((corner.x - plate.x, corner.y - plate.y, corner.x, corner.y))
        return plate

    monkeypatch.setattr(overlays, "badge", noted)

    def body(h: Hands) -> None:
        opened(h)
        tiles = (
            Source(),
            Source(what="sampler", sampler="importance"),
            Source(what="seed", seed=3),
            Source(what="psi"),
        )
        for mode, count, split in (
            ("side", 2, 0.5),
            ("grid", 4, 0.5),
            ("wipe", 2, 0.5),
            ("wipe", 2, 0.2),
            ("wipe", 1, 0.98),
        ):
            h.loop.store.doc = h.doc.replace(compare=Comparison(mode=mode, tiles=tiles, split=split))
            until_there(h)
            h.ctx.yield_(2)
            drawn.clear()
            h.ctx.yield_(1)
            assert len(drawn) == count, (mode, drawn)
            place = h.loop.place
            for left, _, right, _ in drawn:
                assert right - left <= place.size * (max(split, 1 - split) if mode == "wipe" else 1.0), mode
            for i, a in enumerate(drawn):
                for b in drawn[i + 1 :]:
                    apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
                    assert apart, (mode, split, a, b)

    drive(body, size=size)
