"""Small windows and large interface sizes stay usable: no text is clipped or cut, the picture keeps 400 pixels (issues 15 F and 19)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from imgui_bundle import imgui

from tests.blob_head.session import BlobSession
from tests.gui.panel_states import STATES
from tests.gui.text_fit import measuring
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.shell import layout
from viewer.state.actions import SetScale

pytestmark = pytest.mark.gui
SMALL = pytest.param((1024, 700), 1.5, id="1024x700 at 150 %")
OTHERS = [
    pytest.param(size, scale, id=f"{size[0]}x{size[1]} at {scale:.0%}")
    for size in ((1600, 1000), (1280, 720), (1024, 700)) for scale in (1.0, 1.5, 2.0) if (size, scale) != ((1024, 700), 1.5)
]  # fmt: skip
NOT_DRAWN = ("mesh, error",)
"""Read back from the graphics card, which draws nothing here."""


def settings(folder: Path, monkeypatch: pytest.MonkeyPatch, scale: float) -> None:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(folder))
    quality = {"max_size": 64, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05}
    look = {"theme": "dark", "ui_scale": scale, "recent": [], "window_size": [1280, 800], "quality": quality}
    (folder / "preferences.json").write_text(json.dumps(look))


def viewport() -> imgui.ImVec2:
    return imgui.internal.find_window_by_name("Viewport").size


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "scale"), [SMALL, *OTHERS])
def test_no_panel_clips_its_text_and_the_picture_stays_large(
    display: str,
    undrawn: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    scale: float,
) -> None:
    settings(tmp_path, monkeypatch, scale)
    monkeypatch.chdir(tmp_path)
    clipped: dict[str, str] = {}
    covered: list[str] = []
    small: dict[str, tuple[float, float]] = {}

    def body(hands: Hands) -> None:
        hands.ctx.yield_(2 * 6)
        with measuring() as fit:
            for state, (title, prepare) in STATES.items():
                if state in NOT_DRAWN:
                    continue
                hands.app.show_panel("Ray", title == "Ray")
                hands.app.show_panel("Compare", title == "Compare")
                hands.app.show_panel("Inversion", title == "Inversion")
                hands.app.show_panel("Layers", title == "Layers")
                hands.app.front_panel(title)
                hands.ctx.yield_(2)
                prepare(hands)
                hands.ctx.yield_(8)
                fit.clear()
                hands.ctx.yield_()
                clipped.update({f"{state}: {text}": how for text, how in fit.found.items()})
                covered.extend(f"{state}: {pair}" for pair in fit.overlaps())
                if min(viewport().x, viewport().y) < layout.PICTURE_PX:
                    small[state] = (viewport().x, viewport().y)
        assert fit.measured > 2000

    drive(body, InlineClient(BlobSession), "blob:posed", size)
    assert not clipped, "\n".join(f"{text}: {how}" for text, how in clipped.items())
    assert not covered, "\n".join(covered)
    assert not small


def test_a_window_that_shrinks_keeps_its_least_size_and_the_picture(
    display: str, small_pictures: None
) -> None:
    import glfw
    from imgui_bundle.glfw_utils import glfw_window_hello_imgui

    def body(hands: Hands) -> None:
        window, em = glfw_window_hello_imgui(), imgui.get_font_size()
        hands.app.show_panel("Ray", True)
        hands.ctx.yield_(12)
        assert min(viewport().x, viewport().y) >= layout.PICTURE_PX
        least = layout.smallest(em)
        for wide, high in ((1024, 700), least):
            glfw.set_window_size(window, wide, high)
            hands.until(lambda: abs(imgui.get_main_viewport().size.x - wide) < 2, "the smaller window")  # noqa: B023
            hands.ctx.yield_(20)
            assert min(viewport().x, viewport().y) >= layout.PICTURE_PX, (wide, high)
        hands.loop.dispatch(SetScale(1.5))
        hands.until(lambda: imgui.get_font_size() > 1.4 * em, "the larger interface")
        larger = layout.smallest(imgui.get_font_size())
        hands.until(
            lambda: imgui.get_main_viewport().size.x >= larger[0] - 1, "a window that is large enough for it"
        )

    drive(body, InlineClient(BlobSession), "blob:posed", (1600, 1000))


@pytest.mark.usefixtures("undrawn")
def test_where_both_panels_of_a_column_do_not_fit_the_shorter_one_is_whole(
    display: str, small_pictures: None
) -> None:
    """What the tabs of a group take counts too: without it the last row lies under a fold."""

    def body(hands: Hands) -> None:
        hands.until_full()
        hands.settle()
        view, sampler = (imgui.internal.find_window_by_name(name) for name in ("View", "Sampler"))
        assert sampler.scroll_max.y > 0.0, "the window is not small enough for this test"
        assert view.scroll_max.y == 0.0

    drive(body, InlineClient(BlobSession), "blob:posed", (1024, 700))


@pytest.mark.usefixtures("undrawn")
def test_the_ray_inspector_covers_nothing_of_the_picture(display: str, small_pictures: None) -> None:
    def body(hands: Hands) -> None:
        hands.app.show_panel("Ray", True)
        hands.settle()
        ray, view = (imgui.internal.find_window_by_name(name) for name in ("Ray", "Viewport"))
        assert ray.pos.x + ray.size.x <= view.pos.x + 1.0

    drive(body, InlineClient(BlobSession), "blob:posed", (1024, 700))


WINDOWS = [
    (w, h, s)
    for w, h in ((1024, 700), (1280, 720), (1600, 1000), (2560, 1400))
    for s in (1.0, 1.25, 1.5, 2.0)
]


def _can_be(width: int, height: int, scale: float) -> bool:
    least = layout.smallest(15.0 * scale)
    return width >= least[0] and height >= least[1]


@pytest.mark.parametrize(("width", "height", "scale"), [w for w in WINDOWS if _can_be(*w)])
def test_the_plan_leaves_the_picture_its_room(width: int, height: int, scale: float) -> None:
    em = 15.0 * scale
    plan = layout.plan(width, height, em)
    rooms = {layout.MAIN: (float(width), height - 4.2 * em)}
    for split in plan.splits:
        wide, high = rooms[split.parent]
        across = split.direction in ("left", "right")
        rooms[split.name] = (wide * split.share, high) if across else (wide, high * split.share)
        rooms[split.parent] = (wide * (1 - split.share), high) if across else (wide, high * (1 - split.share))
    assert min(rooms[layout.MAIN]) >= layout.PICTURE_PX
    assert set(plan.docks.values()) <= set(rooms)
    assert all(rooms[dock][0] >= 17.4 * em for dock in set(plan.docks.values()) - {layout.MAIN}), (
        "a panel has at least that width"
    )
