r"""Text that the window's own fonts cannot draw, shown with a font of the system or escaped.

The bundled fonts hold Latin, Greek and Cyrillic. A path in another script makes the window look through the
system's font folders once, after its first frame and only then; Dear ImGui loads single glyphs as they are
drawn. What no font has is escaped as Python writes it (`\u4e2d`, never "?"), so that two names never look
alike.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from imgui_bundle import imgui

from core_model.schema.home import home
from viewer.runs.format import escaped

_NAMES = (
    "NotoSansCJK", "NotoSansSC", "NotoSansJP", "NotoSansKR", "SourceHanSans", "wqy-", "DroidSansFallback", "msyh", "YuGoth", "malgun",
    "PingFang", "Hiragino Sans GB", "AppleSDGothicNeo", "Arial Unicode", "DejaVuSans.", "NotoSans-Regular", "segoeui.", "NotoEmoji",
    "Symbola", "seguisym", "Apple Symbols",
)  # fmt: skip
"""Beginnings of file names, in the order in which they are tried. Fonts of coloured pictures cannot be drawn
and are not among them."""
_SUFFIXES = (".ttf", ".ttc", ".otf")
_LARGEST_BYTES = 64 * 2**20
_MOST_FONTS = 6
_PRIVATE = range(0xE000, 0xF900)
"""The icons' place: they are merged into the faces that use them."""


def font_folders() -> tuple[Path, ...]:
    """Where this system keeps its fonts."""
    own = home()
    if sys.platform == "win32":
        return Path(
            os.environ.get("WINDIR", r"C:\Windows")
        ) / "Fonts", own / "AppData/Local/Microsoft/Windows/Fonts"
    if sys.platform == "darwin":
        return own / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")
    return (
        own / ".local/share/fonts",
        own / ".fonts",
        Path("/usr/local/share/fonts"),
        Path("/usr/share/fonts"),
    )


def system_fonts(folders: tuple[Path, ...] | None = None) -> list[Path]:
    """Font files that may hold other scripts, the likeliest first."""
    found: dict[str, Path] = {}
    for folder in font_folders() if folders is None else folders:
        for place, _, names in os.walk(folder):
            for name in names:
                start = next(
                    (n for n in _NAMES if name.startswith(n) and name.lower().endswith(_SUFFIXES)), None
                )
                if start is not None and ("Regular" in name or start not in found):
                    found[start] = Path(place) / name
    return [found[n] for n in _NAMES if n in found]


class Glyphs:
    """What the faces can draw.

    fonts: lists the files that may be merged, called when the first character is missing.
    """

    def __init__(self, fonts: Callable[[], list[Path]] = system_fonts) -> None:
        self._fonts = fonts
        self._left: Iterator[Path] | None = None
        self._known: dict[tuple[int, str], bool] = {}
        self._missing: dict[int, tuple[imgui.ImFont, set[str]]] = {}
        self._merged: list[tuple[str, imgui.ImFontConfig]] = []

    def legible(self, text: str) -> str:
        """`text` as the current font can draw it."""
        if text.isascii() or imgui.get_current_context() is None:
            return text
        face = imgui.get_font()
        return "".join(c if c.isascii() or self._drawable(face, c) else escaped(c) for c in text)

    def _drawable(self, face: imgui.ImFont, character: str) -> bool:
        key = (face.font_id, character)
        if key not in self._known:
            self._known[key] = has_glyph(face, character)
            if not self._known[key]:
                self._missing.setdefault(face.font_id, (face, set()))[1].add(character)
        return self._known[key]

    def step(self) -> None:
        """Between two frames: merges one more font of the system where a character was missing."""
        if not self._missing:
            return
        if self._left is None:
            self._left = iter(self._fonts()[:_MOST_FONTS])
        path = next(self._left, None)
        if path is None:
            self._missing.clear()  # they stay escaped
            return
        if self._merge(path):
            self._known = {key: has for key, has in self._known.items() if has}
            wanted, self._missing = self._missing, {}
            for face, characters in wanted.values():
                for character in characters:
                    self._drawable(face, character)

    def _merge(self, path: Path) -> bool:
        """Adds a font's glyphs to every face; False where the file cannot be used."""
        try:
            head, size = path.open("rb").read(4), path.stat().st_size
        except OSError:
            return False
        if head not in (b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf") or not 1024 < size <= _LARGEST_BYTES:
            return False
        atlas = imgui.get_io().fonts
        for face in list(atlas.fonts):
            config = imgui.ImFontConfig()
            config.merge_mode, config.dst_font = True, face
            atlas.add_font_from_file_ttf(str(path), 0.0, config)
        return True


def has_glyph(face: imgui.ImFont, character: str) -> bool:
    """Whether Dear ImGui draws this character with a face: it, or a font merged into it, has the glyph."""
    number = ord(character)
    if number in _PRIVATE:
        return True
    try:
        return face.is_glyph_in_font(number)
    except (TypeError, OverflowError, ValueError):  # a build with 16-bit characters
        return False


_window = Glyphs()


def legible(text: str) -> str:
    """`text` as this window's current font can draw it.

    Everything that draws a name or a path passes through here.
    """
    return _window.legible(text)


def step() -> None:
    """Before a frame, from the second on."""
    _window.step()


def restart(fonts: Callable[[], list[Path]] = system_fonts) -> None:
    """A new window begins: its faces have merged nothing yet."""
    global _window
    _window = Glyphs(fonts)
