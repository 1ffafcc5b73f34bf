"""Names in any script are drawn, or escaped as Python writes them; never as the font's "?" (issue 15 F)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from imgui_bundle import imgui

from core_model.schema.assets import asset_path
from core_model.schema.checkpoint import CheckpointInfo
from tests.blob_head.session import BlobSession, blob_info
from tests.gui.text_fit import measuring
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.shell.banner import Banner
from viewer.widgets import glyphs

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]
CHINESE = "中文"
PATH = f"/data/{CHINESE}/😀 頭.safetensors"


class NamedSession(BlobSession):
    """The blob under a name in other scripts."""

    def open(self, path: str) -> CheckpointInfo:
        return blob_info(path).model_copy(update={"title": f"{CHINESE} head"})


def only_in_mono(hands: Hands) -> str:
    """A character that the bundled mono face has and the body face has not: the mono face can stand for a font of the system."""
    faces = hands.app._fonts
    assert faces is not None
    return next(
        chr(n)
        for n in range(0x2190, 0x3000)
        if glyphs.has_glyph(faces.mono, chr(n)) and not glyphs.has_glyph(faces.body, chr(n))
    )


def test_without_a_font_of_the_system_names_are_escaped_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "system_fonts", lambda: [])
    restart = glyphs.restart
    monkeypatch.setattr(glyphs, "restart", lambda: restart(list))
    drawn: list[str] = []

    def body(hands: Hands) -> None:
        real = imgui.text_unformatted

        def heard(text: str) -> None:
            drawn.append(text)
            real(text)

        monkeypatch.setattr(imgui, "text_unformatted", heard)
        hands.loop.store.banner = Banner("Cannot open", PATH)
        hands.loop.store.say(f"Wrote {PATH}", time.monotonic())
        hands.app.front_panel("Model")
        hands.ctx.yield_(6)

    drive(body, InlineClient(NamedSession), PATH)
    assert any("\\u4e2d\\u6587" in text for text in drawn), "the name is told in the escaped form"
    assert any("\\U0001f600" in text or "😀" in text for text in drawn)
    bad = [text for text in drawn if any(c in text for c in CHINESE)]
    assert not bad, bad


def test_a_font_of_the_system_is_merged_when_a_character_is_missing() -> None:
    def body(hands: Hands) -> None:
        faces = hands.app._fonts
        assert faces is not None
        character = only_in_mono(hands)
        asked: list[int] = []

        def fonts() -> list[Path]:
            asked.append(1)
            return [asset_path("fonts/README.md"), asset_path("fonts/JetBrainsMono-Regular.ttf")]

        glyphs.restart(fonts)
        hands.ctx.yield_(3)
        assert not asked, "no folder is searched while every character is there"

        def in_body(text: str) -> str:
            return glyphs._window.legible(text)

        assert in_body(f"a{character}") == f"a{glyphs.escaped(character)}"
        hands.until(lambda: in_body(f"a{character}") == f"a{character}", "the merged font")
        assert (
            asked == [1]
            and glyphs.has_glyph(faces.body, character)
            and glyphs.has_glyph(faces.bold, character)
        )
        assert in_body(CHINESE) == "\\u4e2d\\u6587", "what no font has stays escaped"
        hands.ctx.yield_(4)
        with measuring() as fit:
            hands.ctx.yield_(2)
        assert fit.measured

    drive(body)


def test_escapes_are_those_of_python() -> None:
    for character in "中😀é":
        assert glyphs.escaped(character).encode().decode("unicode_escape") == character


def test_fonts_of_the_system_are_found_in_order_of_use(tmp_path: Path) -> None:
    names = (
        "DejaVuSans.ttf",
        "sub/NotoSansCJK-Bold.ttc",
        "sub/NotoSansCJK-Regular.ttc",
        "NotoColorEmoji.ttf",
        "readme.txt",
        "Symbola.ttf",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = glyphs.system_fonts((tmp_path, tmp_path / "missing"))
    assert [p.name for p in found] == ["NotoSansCJK-Regular.ttc", "DejaVuSans.ttf", "Symbola.ttf"]
