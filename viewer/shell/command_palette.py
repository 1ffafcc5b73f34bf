"""Ctrl+P: type a few letters of what is wanted, Enter does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from viewer.shell.commands import COMMANDS, Situation
from viewer.state.actions import Action, ApplyPreset, Dispatch, Edit, FrontPanel, OpenCheckpoint
from viewer.state.key_map import KeyMap
from viewer.state.presets import Presets
from viewer.widgets import controls, inputs
from viewer.widgets.theme import BODY_PX, Theme

SHOWN = 12
_FLAGS = (
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_saved_settings
)


@dataclass(frozen=True)
class Entry:
    """One line: group, title, its key, what it asks for, why it cannot be done now, and other words for it."""

    group: str
    title: str
    keys: str
    action: Action | None
    why_not: str = ""
    words: str = ""


PANEL_WORDS = {
    "Model": "checkpoint open file info parameters network",
    "Latent": "seed psi truncation z w style mixing noise",
    "Basket": "favourites interpolate arithmetic keep w",
    "Directions": "edit pca semantic attribute slider",
    "Camera": "pose view angle orbit fov lens matrix",
    "View": "channel colour map range background depth normals display",
    "Section": "slice cut plane level set",
    "Planes": "tri-planes features pca channels",
    "Layers": "activations feature maps neurons hidden units channels backbone network statistics visualizer",
    "Sampler": "quality speed resolution samples per ray precision",
    "Mesh": "3d model export obj ply glb stl surface marching cubes",
    "Export": "video turntable orbit movie picture sheet image save render html page exr npz",
    "Ray": "inspect pixel density weights",
    "Compare": "difference wipe side by side a/b checkpoint",
    "Timings": "performance speed profile fps milliseconds",
    "Seeds": "gallery grid heads faces browse",
    "Path": "keyframes animation timeline video film",
}
"""What people call the contents of the panels."""


class CommandPalette:
    """Open or not, what was typed, and which line is marked."""

    def __init__(self) -> None:
        self.open = False
        self._typed = ""
        self._marked = 0
        self._fresh = False

    def toggle(self) -> None:
        self.open, self._typed, self._marked, self._fresh = not self.open, "", 0, True

    def draw(
        self,
        theme: Theme,
        keys: KeyMap,
        presets: Presets,
        recent: tuple[str, ...],
        situation: Situation,
        panels: Sequence[str],
        dispatch: Dispatch,
    ) -> None:
        """Draws the palette over the window ("//##palette"); panels: titles of those that can be shown."""
        if not self.open:
            return
        found = matching(entries(keys, presets, recent, situation, panels), self._typed)
        em = theme.em
        view = imgui.get_main_viewport()
        imgui.set_next_window_pos(
            ImVec2(view.get_center().x, view.pos.y + 5 * em), imgui.Cond_.always, ImVec2(0.5, 0.0)
        )
        imgui.set_next_window_size(ImVec2(36 * em, 0.0))
        imgui.push_style_color(imgui.Col_.window_bg, imgui.get_style_color_vec4(imgui.Col_.popup_bg))
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0.8 * em, 0.8 * em))
        imgui.push_style_var(imgui.StyleVar_.window_border_size, 1.0)
        imgui.begin("##palette", None, _FLAGS)
        chosen = self._lines(found, theme)
        over = imgui.is_window_hovered(imgui.HoveredFlags_.allow_when_blocked_by_active_item)
        away = imgui.is_mouse_clicked(0) and not over and not imgui.is_window_appearing()
        imgui.end()
        imgui.pop_style_var(2)
        imgui.pop_style_color()
        if chosen is not None:
            self.open = False
            if chosen.action is not None:
                dispatch(chosen.action)
            return
        if away:
            self.open = False

    def _lines(self, found: list[Entry], theme: Theme) -> Entry | None:
        if self._fresh:
            imgui.set_keyboard_focus_here()
            self._fresh = False
        imgui.set_next_item_width(-1.0)
        changed, self._typed = imgui.input_text_with_hint(
            "##palette-text", "What do you want to do?", self._typed
        )
        if changed:
            self._marked = 0
        inputs.keep_for(imgui.get_id("##palette-text"), imgui.Key.up_arrow, imgui.Key.down_arrow)
        step = int(imgui.is_key_pressed(imgui.Key.down_arrow)) - int(imgui.is_key_pressed(imgui.Key.up_arrow))
        self._marked = min(max(self._marked + step, 0), max(len(found) - 1, 0))
        first = min(max(self._marked - SHOWN + 3, 0), max(len(found) - SHOWN, 0))
        chosen: Entry | None = None
        for index, entry in enumerate(found[first : first + SHOWN], first):
            if self._line(entry, index == self._marked, index, theme) and not entry.why_not:
                chosen = entry
        if not found:
            controls.note(theme, "Nothing is called that.")
        entered = imgui.is_key_pressed(imgui.Key.enter, False) or imgui.is_key_pressed(
            imgui.Key.keypad_enter, False
        )
        if entered and found and not found[self._marked].why_not:
            chosen = found[self._marked]
        return chosen

    def _line(self, entry: Entry, marked: bool, index: int, theme: Theme) -> bool:
        em = theme.em
        with controls.disabled(entry.why_not):
            pressed = imgui.selectable(f"##line-{index}", marked, 0, ImVec2(0.0, 1.5 * em))[0]
        controls.tooltip(entry.why_not)
        corner, end = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        draw, p = imgui.get_window_draw_list(), theme.palette
        middle = 0.5 * (corner.y + end.y) - 0.5 * imgui.get_font_size()
        draw.add_text(ImVec2(corner.x + 0.4 * em, middle), theme.colour(p.muted), entry.group)
        ink = theme.colour(p.text, p.faded if entry.why_not else 1.0)
        with controls.font(theme.fonts.mono, BODY_PX * 0.9):
            width = imgui.calc_text_size(entry.keys).x
            draw.add_text(ImVec2(end.x - width - 0.6 * em, middle), theme.colour(p.muted), entry.keys)
        draw.add_text(
            ImVec2(corner.x + 7.0 * em, middle),
            ink,
            controls.ellipsis(entry.title, end.x - corner.x - 8.5 * em - width),
        )
        return pressed


def entries(
    keys: KeyMap, presets: Presets, recent: tuple[str, ...], now: Situation, panels: Sequence[str]
) -> list[Entry]:
    """Commands, channels and samplers by name, panels, presets and recent files."""
    found = [
        Entry(c.group, c.title, keys.text(c.name), c.does(now), c.blocked(now), c.words)
        for c in COMMANDS
        if not c.name.startswith("channel-")
    ]
    doc, info = now.doc, now.info
    if info is not None:
        for index, channel in enumerate(info.channels):
            why = "Needs a proposal network" if channel.needs_proposal and not info.has_proposal else ""
            edit = Edit(doc, doc.replace(view=doc.view.with_channel(channel.name)))
            found.append(Entry("Channel", channel.title, keys.text(f"channel-{index + 1}"), edit, why))
        for sampler in info.samplers:
            why = "" if sampler.available else "Not for this checkpoint"
            edit = Edit(doc, doc.replace(sampler=doc.sampler.replace(name=sampler.name), native=False))
            found.append(Entry("Sampler", sampler.title, "", edit, why))
        if info.has_native:
            found.append(Entry("Sampler", "As its program renders", "", Edit(doc, doc.replace(native=True))))
    found += [
        Entry("Panel", title, "", FrontPanel(title), "", PANEL_WORDS.get(title, "")) for title in panels
    ]
    found += [Entry("Preset", name, "", ApplyPreset(name)) for name in presets.names()]
    found += [Entry("Open", Path(path).name, "", OpenCheckpoint(path)) for path in recent]
    return found


def matching(found: list[Entry], typed: str) -> list[Entry]:
    """Entries that hold every typed word in title, group or other words.

    In front: those whose title begins with the first one, then those whose title holds them all.
    """
    words = typed.lower().split()
    hits = [e for e in found if all(w in f"{e.group} {e.title} {e.words}".lower() for w in words)]
    if not words:
        return hits

    def rank(entry: Entry) -> tuple[bool, bool, bool]:
        title = entry.title.lower()
        return not title.startswith(words[0]), not all(w in title for w in words), bool(entry.why_not)

    return sorted(hits, key=rank)
