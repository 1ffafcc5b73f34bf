"""A field for a path that is typed, or chosen by the button beside it."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from viewer.widgets import controls
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.theme import Theme


class PathField:
    """Keeps the answer of the dialog until the next frame. wish: what the dialog asks for; its start is what is typed.

    took: whether the text of the last `draw` came from the dialog.
    """

    def __init__(self, key: str, wish: FileWish) -> None:
        self._key, self._wish = key, wish
        self._chosen: str | None = None
        self.took = False

    def draw(
        self, theme: Theme, files: FileChooser, text: str, *, tip: str, hint: str = "", why_not: str = ""
    ) -> str:
        """The text, changed or not, at the place of the cursor over the rest of the row. why_not: why nothing can be chosen."""
        gap, edge = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        imgui.set_next_item_width(imgui.get_content_region_avail().x - edge - gap)
        _, text = imgui.input_text_with_hint(f"##{self._key}", hint, text)
        controls.tooltip(tip)
        imgui.same_line(0.0, gap)
        if controls.icon_button(
            theme, fa.ICON_FA_FOLDER_OPEN, f"{self._key}-browse", tip=f"{self._wish.title} …", why_not=why_not
        ):
            files.ask(FileWish(self._wish.title, self._wish.kind, self._wish.kinds, text), self._take)
        self.took = self._chosen is not None
        if self._chosen is not None:
            text, self._chosen = self._chosen, None
        return text

    def _take(self, path: Path) -> None:
        self._chosen = str(path)
