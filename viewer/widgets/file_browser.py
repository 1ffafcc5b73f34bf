"""The window's own browser of files: path, recent folders, filter by words and endings, a list, all by mouse or keys alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.home import expanded, start_folder
from viewer.runs.format import size as size_words
from viewer.state.folders import Entry, FolderReader, Listing, fitting
from viewer.widgets import choice_rows, controls, inputs
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

Kind = Literal["open", "save", "folder"]
VERBS: dict[Kind, str] = {"open": "Open", "save": "Save here", "folder": "Choose this folder"}
PAGE = 10
_FLAGS = int(
    imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_resize
    | imgui.WindowFlags_.no_collapse
    | imgui.WindowFlags_.no_title_bar
    | imgui.WindowFlags_.no_move
)
_TABLE = int(
    imgui.TableFlags_.scroll_y
    | imgui.TableFlags_.sizing_fixed_fit
    | imgui.TableFlags_.no_saved_settings
    | imgui.TableFlags_.pad_outer_x
)


class Browser:
    """One question at a time. marked: place in the list of what Enter would take."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self.open = False
        self.folder = Path()
        self.words = ""
        self.name = ""
        self.marked = 0
        self.said = ""
        self._title = ""
        self._kind: Kind = "open"
        self._kinds: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self._ending = 0
        self._turn = 0
        self._typed = ""
        self._focus = self._reveal = False
        self._cleared = (
            False  # words stood in the filter: the Backspace that deletes the last one goes nowhere
        )
        self._entered = False  # Enter was the path field's
        self._reader = FolderReader(wake)
        self._listing: Listing | None = None

    def show(
        self,
        title: str,
        kind: Kind,
        kinds: tuple[tuple[str, tuple[str, ...]], ...],
        folder: Path,
        name: str = "",
    ) -> None:
        self.open, self._title, self._kind, self._kinds = True, title, kind, kinds
        self._ending, self.name = 0, name
        self._go(folder)

    def close(self) -> None:
        self.open = False

    def draw(self, theme: Theme, recent: tuple[str, ...]) -> Path | None:
        """Draws the window ("//##files"); the path that was chosen, which closes it."""
        em, view = theme.em, imgui.get_main_viewport()
        size = ImVec2(min(54 * em, 0.96 * view.size.x), min(36 * em, 0.92 * view.size.y))
        imgui.set_next_window_pos(view.get_center(), imgui.Cond_.always, ImVec2(0.5, 0.5))
        imgui.set_next_window_size(size)
        imgui.push_style_color(imgui.Col_.window_bg, imgui.get_style_color_vec4(imgui.Col_.popup_bg))
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(1.2 * em, 1.0 * em))
        imgui.push_style_var(imgui.StyleVar_.window_border_size, 1.0)
        imgui.begin("##files", None, _FLAGS)
        with controls.font(theme.fonts.bold, BODY_PX * 1.2):
            imgui.text_unformatted(legible(self._title))
        chosen = self._place(theme, recent)
        self._listing = self._reader.look(self.folder, self._turn) or self._listing
        shown = self._shown()
        self._filter(theme)
        self._keys(shown)
        foot = imgui.get_frame_height_with_spacing() * (2 if self._kind == "save" else 1)
        foot += imgui.get_style().item_spacing.y + imgui.get_text_line_height_with_spacing()
        chosen = self._list(theme, shown, max(imgui.get_content_region_avail().y - foot, 4 * em)) or chosen
        chosen = self._foot(theme, shown) or chosen
        over = int(
            imgui.HoveredFlags_.root_and_child_windows | imgui.HoveredFlags_.allow_when_blocked_by_active_item
        )
        if (
            imgui.is_mouse_clicked(0)
            and not imgui.is_window_hovered(over)
            and not imgui.is_window_appearing()
        ):
            self.open = False
        imgui.end()
        imgui.pop_style_var(2)
        imgui.pop_style_color()
        if chosen is not None:
            self.open = False
        return chosen

    def _shown(self) -> tuple[Entry, ...]:
        if self._listing is None or self._listing.folder != self.folder:
            return ()
        endings = self._kinds[self._ending][1] if self._kinds else ()
        return fitting(self._listing, endings, self.words, self._kind == "folder")

    def _place(self, theme: Theme, recent: tuple[str, ...]) -> Path | None:
        """Up, home, the path as text, recent folders."""
        gap, edge = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        top = "" if self.folder.parent != self.folder else "This is the topmost folder"
        if controls.icon_button(
            theme, fa.ICON_FA_ARROW_UP, "files-up", tip="The folder above (Backspace)", why_not=top
        ):
            self._go(self.folder.parent)
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_HOUSE, "files-home", tip="Your home folder"):
            self._go(start_folder())
        imgui.same_line(0.0, gap)
        imgui.set_next_item_width(imgui.get_content_region_avail().x - edge - gap)
        entered, self._typed = imgui.input_text(
            "##files-path", self._typed, int(imgui.InputTextFlags_.enter_returns_true)
        )
        controls.tooltip("The folder that is shown; type another one, or a file, and press Enter")
        imgui.same_line(0.0, gap)
        why = "" if recent else "Nothing was chosen in any folder yet"
        if controls.icon_button(
            theme, fa.ICON_FA_CLOCK_ROTATE_LEFT, "files-recent", tip="Recent folders", why_not=why
        ):
            imgui.open_popup("##recent-folders")
        if imgui.begin_popup("##recent-folders"):
            for place, path in enumerate(recent):
                shown = controls.ellipsis(path, 30 * theme.em, keep_end=True)
                if imgui.selectable(f"{shown}###recent-folder-{place}", False)[0]:
                    self._go(Path(path))
                controls.tooltip(path)
            imgui.end_popup()
        self._entered = entered
        return self._typed_path() if entered else None

    def _typed_path(self) -> Path | None:
        path = expanded(self._typed.strip())
        path = path if path.is_absolute() else self.folder / path
        if path.is_dir():
            self._go(path)
        elif path.is_file() and self._kind == "open":
            return path
        else:
            self.said = f"There is no folder {path}"
        return None

    def _filter(self, theme: Theme) -> None:
        """Typed words, and which endings are shown."""
        em = theme.em
        several = self._kind != "folder" and len(self._kinds) > 0
        right = 15 * em if several else 0.0
        if self._focus:
            imgui.set_keyboard_focus_here()
            self._focus = False
        imgui.set_next_item_width(imgui.get_content_region_avail().x - right)
        changed, self.words = imgui.input_text_with_hint("##files-filter", "Type to filter", self.words)
        if changed:
            self.marked, self._reveal = 0, True
        controls.tooltip(
            "Names that hold every typed word. Up and Down mark, Enter takes, Backspace goes to the folder above"
        )
        if several:
            imgui.same_line()
            imgui.set_next_item_width(-1.0)
            if choice_rows.begin_combo(theme, "##files-kind", legible(self._kinds[self._ending][0])):
                for place, (name, endings) in enumerate(self._kinds):
                    if imgui.selectable(legible(name), place == self._ending)[0]:
                        self._ending, self.marked, self._focus = place, 0, True
                    controls.tooltip(" ".join(endings) or "Every file")
                imgui.end_combo()
            else:
                controls.tooltip(" ".join(self._kinds[self._ending][1]) or "Every file")

    def _keys(self, shown: tuple[Entry, ...]) -> None:
        """Up, Down, Page and Backspace, wherever the keyboard is but in a field that needs them."""
        arrows = (imgui.Key.up_arrow, imgui.Key.down_arrow, imgui.Key.page_up, imgui.Key.page_down)
        inputs.keep_for(imgui.get_id("##files-filter"), *arrows)
        pressed = lambda key: int(imgui.is_key_pressed(key))
        step = pressed(imgui.Key.down_arrow) - pressed(imgui.Key.up_arrow)
        step += PAGE * (pressed(imgui.Key.page_down) - pressed(imgui.Key.page_up))
        last = max(len(shown) - 1, 0)
        self._reveal = self._reveal or step != 0
        self.marked = min(max(self.marked + step, 0), last)
        elsewhere = imgui.is_any_item_active() and imgui.internal.get_active_id() != imgui.get_id(
            "##files-filter"
        )
        if (
            imgui.is_key_pressed(imgui.Key.backspace, False)
            and not self.words
            and not elsewhere
            and not self._cleared
        ):
            self._go(self.folder.parent)
        self._cleared = bool(self.words)

    def _list(self, theme: Theme, shown: tuple[Entry, ...], height: float) -> Path | None:
        em, chosen = theme.em, None
        wide = imgui.get_content_region_avail().x > 34 * em
        columns = 3 if wide else 2
        imgui.push_style_color(imgui.Col_.child_bg, imgui.get_style_color_vec4(imgui.Col_.window_bg))
        if imgui.begin_table("##files-list", columns, _TABLE, ImVec2(0.0, height)):
            imgui.table_setup_column("Name", int(imgui.TableColumnFlags_.width_stretch))
            imgui.table_setup_column("Size", 0, 6 * em)
            if wide:
                imgui.table_setup_column("Changed", 0, 10 * em)
            imgui.table_setup_scroll_freeze(0, 1)
            imgui.table_headers_row()
            for place, entry in enumerate(shown):
                chosen = self._row(theme, place, entry, wide) or chosen
            imgui.end_table()
        imgui.pop_style_color()
        return chosen

    def _row(self, theme: Theme, place: int, entry: Entry, wide: bool) -> Path | None:
        imgui.table_next_row()
        imgui.table_next_column()
        if place != self.marked and not imgui.is_rect_visible(ImVec2(1.0, imgui.get_text_line_height())):
            imgui.dummy(ImVec2(1.0, imgui.get_text_line_height()))
            return None
        icon = fa.ICON_FA_FOLDER if entry.folder else fa.ICON_FA_FILE
        flags = int(imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_double_click)
        name = controls.ellipsis(entry.name, imgui.get_content_region_avail().x - 1.8 * theme.em)
        chosen = None
        if imgui.selectable(f"{icon}  {name}###{entry.name}", place == self.marked, flags)[0]:
            self.marked, self._focus = place, True
            if self._kind == "save" and not entry.folder:
                self.name = entry.name
            if imgui.is_mouse_double_clicked(0):
                chosen = self._take(entry)
        controls.tooltip(str(entry.path))
        if place == self.marked and self._reveal:
            imgui.set_scroll_here_y(0.5)
            self._reveal = False
        with controls.text_colour(theme.palette.muted):
            imgui.table_next_column()
            imgui.text_unformatted("" if entry.folder else size_words(entry.size))
            if wide:
                imgui.table_next_column()
                imgui.text_unformatted(time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.changed)))
        return chosen

    def _take(self, entry: Entry | None) -> Path | None:
        """Into a folder, or the file itself."""
        if entry is None:
            return None
        if entry.folder:
            self._go(entry.path)
            return None
        if self._kind == "save":
            self.name = entry.name
            return None
        return entry.path

    def _foot(self, theme: Theme, shown: tuple[Entry, ...]) -> Path | None:
        """What is wrong or how many there are, the name of a file to be written, and the two buttons."""
        listing = self._listing
        fault = listing.fault if listing is not None else ""
        if listing is None or listing.folder != self.folder:
            controls.note(theme, "Looking …")
        elif fault or self.said:
            with controls.text_colour(theme.palette.bad):
                imgui.text_unformatted(legible(self.said or f"It cannot be read: {fault}"))
        else:
            inside = len(listing.entries) + listing.more
            more = f"; {listing.more} more are not listed" if listing.more else ""
            what = "folders" if self._kind == "folder" else f"of {inside} shown"
            controls.note(theme, f"{len(shown)} {what}{more}" if inside else "The folder is empty")
        if self._kind == "save":
            controls.label(theme, "Name", "Name of the file")
            self.name = imgui.input_text("##files-name", self.name)[1]
            controls.tooltip("Name of the file that is written")
        marked = shown[self.marked] if self.marked < len(shown) else None
        into = marked is not None and marked.folder
        enter = imgui.is_key_pressed(imgui.Key.enter, False) or imgui.is_key_pressed(
            imgui.Key.keypad_enter, False
        )
        # where the keyboard is: Enter on a button is the button's
        at, filtering = imgui.get_current_context().nav_id, imgui.get_id("##files-filter")
        naming = self._kind == "save" and at == imgui.get_id("##files-name")
        entered = enter and not self._entered and (naming or at in (0, filtering))
        into = into and not (enter and naming)
        why, target = self._target(marked)
        title = VERBS[self._kind]
        there = target is not None and self._kind == "save" and target.exists()
        tip = f"{target} is there and will be lost" if there else str(target or "")
        pressed = controls.button(
            theme,
            f"{'Replace it' if there else title}###files-take",
            tip=tip,
            why_not=why,
            primary=not there,
            danger=there,
            width=max(9 * theme.em, imgui.calc_text_size(title).x + 2 * theme.em),
        )
        imgui.same_line()
        if controls.button(theme, "Cancel###files-cancel", tip="Esc closes it too", width=6 * theme.em):
            self.open = False
        if entered and into:
            return self._take(marked)
        if pressed and into and self._kind == "open":
            return self._take(marked)
        return target if (pressed or entered) and not why else None

    def _target(self, marked: Entry | None) -> tuple[str, Path | None]:
        """(why nothing can be taken, what would be)."""
        if self._kind == "folder":
            return "", self.folder
        if self._kind == "save":
            name = self.name.strip()
            if not name or "/" in name or "\\" in name:
                return "Type the name of the file", None
            return "", self.folder / name
        return ("", marked.path) if marked is not None else ("Nothing is marked", None)

    def _go(self, folder: Path) -> None:
        self.folder, self._turn = Path(folder).absolute(), self._turn + 1
        self._typed, self.words, self.said = str(self.folder), "", ""
        self.marked, self._focus, self._reveal = 0, True, True
        self._listing = None
