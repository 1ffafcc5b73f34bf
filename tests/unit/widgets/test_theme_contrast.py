"""Every text on every ground of both themes, as Dear ImGui blends them: a contrast of 4.5 : 1 at least,
disabled or not (WCAG 2, issue 15 F).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from imgui_bundle import imgui

from viewer.features.viewport.view_cube import AXES, letter_ink
from viewer.state.palette import PALETTES, Palette, Rgb, contrast, mix
from viewer.widgets import controls, overlays, theme

C = imgui.Col_
LEAST = 4.5
WINDOWS = (
    C.window_bg, C.popup_bg, C.menu_bar_bg, C.title_bg, C.title_bg_active, C.tab, C.tab_hovered, C.tab_selected, C.tab_dimmed_selected,
)  # fmt: skip
FILLS = (
    C.frame_bg, C.frame_bg_hovered, C.frame_bg_active, C.button, C.button_hovered, C.button_active, C.header, C.header_hovered,
    C.header_active, C.table_header_bg, C.table_row_bg, C.table_row_bg_alt,
)  # fmt: skip


@pytest.fixture
def context() -> Iterator[None]:
    made = imgui.create_context()
    yield
    imgui.destroy_context(made)


def colour(role: imgui.Col_) -> tuple[Rgb, float]:
    c = imgui.get_style().color_(role)
    return (c.x, c.y, c.z), c.w


def over(ground: Rgb, ink: Rgb, alpha: float) -> Rgb:
    """What stands on the screen: `ink` blended onto `ground`."""
    return mix(ground, ink, alpha)


def worst(pairs: list[tuple[str, Rgb, Rgb]]) -> list[str]:
    return [
        f"{name}: {contrast(ink, ground):.2f}" for name, ink, ground in pairs if contrast(ink, ground) < LEAST
    ]


def style_pairs() -> list[tuple[str, Rgb, Rgb]]:
    """Text on each ground and on each fill on it.

    disabled: fill and text are both multiplied by the style's alpha.
    """
    pairs, faded = [], imgui.get_style().disabled_alpha
    text, _ = colour(C.text)
    muted, _ = colour(C.text_disabled)
    for window in WINDOWS:
        ground, _ = colour(window)
        pairs += [(f"text on {window.name}", text, ground), (f"hint on {window.name}", muted, ground)]
        pairs.append((f"disabled text on {window.name}", over(ground, text, faded), ground))
    for window in (C.window_bg, C.popup_bg, C.menu_bar_bg):
        ground, _ = colour(window)
        for fill in FILLS:
            ink, alpha = colour(fill)
            plain, dim = over(ground, ink, alpha), over(ground, ink, alpha * faded)
            place = f"{fill.name} on {window.name}"
            pairs += [(f"text on {place}", text, plain), (f"hint on {place}", muted, plain)]
            pairs.append((f"disabled text on {place}", over(dim, text, faded), dim))
    return pairs


def drawn_pairs(p: Palette) -> list[tuple[str, Rgb, Rgb]]:
    """What the house's own controls draw.

    Sliders that are filled, segments, primary buttons, text in the accent colours.
    """
    pairs, half = [], mix(p.field, p.accent_fill, 0.42)
    for name, ground in (("panel", p.panel), ("raised", p.raised)):
        for fill, what in ((half, "slider"), (p.field, "segment"), (p.field_active, "chosen segment")):
            pairs.append((f"{what} on {name}", p.text, fill))
            dim = over(ground, fill, p.faded)
            pairs.append((f"disabled {what} on {name}", over(dim, p.text, p.faded), dim))
        pairs.append((f"segment that is not available on {name}", over(p.field, p.text, p.faded), p.field))
    for fill in (p.accent_fill, p.accent_fill_hover, mix(p.accent_fill, (0.0, 0.0, 0.0), 0.2)):
        pairs.append(("text on accent", p.on_accent, fill))
    pairs += [(f"{ink} on panel", getattr(p, ink), p.panel) for ink in ("accent", "good", "warn", "bad")]
    return pairs


@pytest.mark.parametrize("name", PALETTES)
def test_every_text_of_a_theme_can_be_read_also_where_it_is_disabled(context: None, name: str) -> None:
    palette = theme.apply(name, 1.0)  # type: ignore[arg-type]
    assert imgui.get_style().disabled_alpha < 0.8, "what is disabled has to look so"
    pairs = style_pairs() + drawn_pairs(palette)
    assert len(pairs) > 120
    assert not worst(pairs), worst(pairs)


@pytest.mark.parametrize("name", PALETTES)
def test_muted_text_is_plain_where_it_is_disabled(context: None, name: str) -> None:
    """Faded twice it would fall under 4.5 : 1."""
    palette = theme.apply(name, 1.0)  # type: ignore[arg-type]
    imgui.get_io().display_size = imgui.ImVec2(400, 300)
    imgui.get_io().backend_flags |= imgui.BackendFlags_.renderer_has_textures
    imgui.new_frame()
    imgui.begin("x")
    seen = []
    for why_not in ("", "a reason"):
        with controls.disabled(why_not), controls.text_colour(palette.muted):
            seen.append((colour(C.text)[0], colour(C.text_disabled)[0]))
    imgui.end()
    imgui.end_frame()
    assert seen[0] == (pytest.approx(palette.muted), pytest.approx(palette.muted))
    assert seen[1] == (pytest.approx(palette.text), pytest.approx(palette.text))


@pytest.mark.parametrize("name", PALETTES)
def test_text_has_the_contrast_that_readers_need(name):
    p = PALETTES[name]
    pairs = [(ink, ground) for ink in (p.text, p.muted) for ground in (p.panel, p.raised, p.window, p.field)]
    pairs += [
        (p.text, p.field_hover),
        (p.text, p.bad_panel),
        (p.muted, p.bad_panel),
        (p.on_accent, p.accent_fill),
    ]
    pairs += [
        (p.on_accent, p.accent_fill_hover),
        (p.bad, p.bad_panel),
        (p.good, p.panel),
        (p.warn, p.panel),
        (p.bad, p.panel),
    ]
    pairs += [
        (ink, ground) for ink in (p.canvas_text, p.canvas_muted) for ground in (p.canvas, p.canvas_edge)
    ]
    low = [f"{contrast(a, b):.2f} {a} on {b}" for a, b in pairs if contrast(a, b) < 4.5]
    assert not low, low


def test_contrast_of_black_and_white_is_21():
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21.0)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda p: p.name)
def test_toasts_cards_hints_and_dangerous_buttons_can_be_read(palette: Palette) -> None:
    p = palette
    fill, hovered, ink = controls.danger_colours(p)
    pairs = [("danger", ink, fill), ("danger under the cursor", ink, hovered)]
    pairs += [
        (f"{name} on a toast", tone, p.raised)
        for name, tone in (("text", p.text), ("path", p.muted), ("tick", p.good))
    ]
    for ground in (p.field, p.field_hover):
        pairs += [("text on a card", p.text, ground), ("small print on a card", p.muted, ground)]
    assert not worst(pairs)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda p: p.name)
def test_the_browser_empty_pages_and_marks_can_be_read_and_the_focus_is_seen(palette: Palette) -> None:
    p = palette
    row = mix(p.raised, p.accent_fill, 0.25)  # the marked line of a list
    pairs = [
        ("marked name", p.text, row), ("its size and date", p.muted, row), ("what is wrong", p.bad, p.raised),
        ("what is lost, in a menu", p.bad, p.raised), ("the marked moment", p.accent, p.window),
        ("why there is nothing", p.muted, p.window),
        ("what is wrong in a run", p.bad, p.window), ("a good data set", p.good, p.panel), ("a warning", p.warn, p.window),
        ("a running state in the list", p.good, p.raised), ("a title of an empty page", p.text, p.window),
    ]  # fmt: skip
    assert not worst(pairs), worst(pairs)
    # WCAG 2 asks 3 : 1 of what is no text: the ring of the keyboard's focus, the handle of a time line
    grounds = [p.panel, p.raised, p.window, p.field]
    assert min(contrast(p.accent, ground) for ground in grounds) >= 3.0


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda p: p.name)
def test_text_on_pictures_can_be_read_whatever_the_picture_is(palette: Palette) -> None:
    """Captions, badges, warnings, the work badge and the colour bar stand on a plate that lets some of the picture through."""
    p = palette
    pairs: list[tuple[str, Rgb, Rgb]] = []
    for name, behind in (
        ("black", (0.0, 0.0, 0.0)),
        ("white", (1.0, 1.0, 1.0)),
        ("magenta", (1.0, 0.0, 1.0)),
    ):
        ground = over(behind, p.panel, overlays.PLATE_ALPHA)
        for ink in ("text", "muted", "warn", "canvas_text", "canvas_muted"):
            pairs.append((f"{ink} on a plate over {name}", getattr(p, ink), ground))
        pairs += [(f"the letter {c} over {name}", letter_ink(p, ink), ground) for c, _, ink in AXES]
        pairs.append((f"the first steps over {name}", p.text, over(behind, p.raised, 0.94)))
    for ink in (*overlays.PIN_INKS, *(overlays.behind(ink) for ink in overlays.PIN_INKS), p.accent, p.text):
        pairs.append((f"a number on {ink}", overlays.text_on(ink), ink))
    assert not worst(pairs), worst(pairs)


def test_nothing_writes_on_a_picture_without_a_plate() -> None:
    """Layers over the viewport draw words through `overlays`, which this file holds to 4.5 : 1."""
    places = [*Path("viewer/features").glob("*/overlay.py"), *Path("viewer/features/viewport").glob("*.py")]
    allowed = {"waiting.py": "the canvas, no picture is there", "view_cube.py": "letters beside their axes",
               "work_badge.py": "on overlays.plate"}  # fmt: skip
    assert len(places) >= 8
    found = [p for p in places if ".add_text(" in p.read_text() and p.name not in allowed]
    assert not found, found
