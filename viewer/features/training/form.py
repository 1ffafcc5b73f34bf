"""The form of the training settings: groups that fold, controls, units, ranges, marks of changes, errors at
the fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.settings import Setting
from viewer.features.training.draft import Draft, matching
from viewer.features.training.empty import empty
from viewer.features.training.rows import bar, room_for
from viewer.features.training.rows import field as text_field
from viewer.widgets import choice_rows, controls
from viewer.widgets.controls import fold
from viewer.widgets.theme import Theme

LEAST_EM = 14.0
"""Height of a list of settings that scrolls by itself."""


@dataclass
class FormPage:
    """What is only being looked for."""

    words: str = ""
    only_changed: bool = False
    opened: set[str] = field(default_factory=lambda: {""})

    def draw(self, theme: Theme, draft: Draft) -> None:
        em = theme.em
        with bar(theme):
            tip = "Settings whose path or help holds every typed word"
            self.words = text_field("##form-filter", self.words, "Filter settings", 12 * em, tip)
            room_for(8 * em)
            changed, on = imgui.checkbox("only changes###form-changed", self.only_changed)
            self.only_changed = on if changed else self.only_changed
            controls.tooltip("Only what differs from the preset, and what is wrong")
            imgui.same_line()
            why = "" if draft.typed else "Nothing differs from the preset"
            room_for(5.5 * em)
            if controls.button(
                theme,
                "Reset all###form-reset",
                tip=f"Everything back to the preset {draft.preset}",
                why_not=why,
            ):
                draft.reset()
            imgui.same_line()
            room_for(6 * em)
            with controls.text_colour(theme.palette.accent if draft.typed else theme.palette.muted):
                imgui.align_text_to_frame_padding()
                imgui.text_unformatted(f"{len(draft.typed)} changed" if draft.typed else "as the preset")
        found = matching(draft.groups(), draft, self.words, self.only_changed)
        # where little room is left, the whole column scrolls instead of a strip of it
        low = imgui.get_content_region_avail().y < LEAST_EM * em
        fit = int(imgui.ChildFlags_.auto_resize_y) if low else 0
        if not controls.begin_child("form", None, fit):
            imgui.end_child()
            return
        errors = draft.checked().errors
        if "" in errors:
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(errors[""])
        if not found:
            empty(theme, fa.ICON_FA_SLIDERS, "No setting fits", "No path and no help holds every typed word.")
        searching = bool(self.words.strip()) or self.only_changed
        for group, fields in found:
            wrong = sum(f.path in errors for f in fields)
            touched = sum(draft.changed(f.path) for f in fields)
            notes = [f"{touched} changed"] * bool(touched) + ["wrong"] * bool(wrong)
            title = "  ·  ".join([group.name or "run", *notes])
            opened = searching or group.name in self.opened or bool(wrong)
            now = fold(theme, title, f"##form-{group.name}", opened, tip=group.help)
            if now != opened and not searching:
                (self.opened.add if now else self.opened.discard)(group.name)
            if now:
                for one in fields:
                    self._row(theme, draft, one, group.name, errors.get(one.path, ""))
        imgui.end_child()

    def _row(self, theme: Theme, draft: Draft, one: Setting, group: str, error: str) -> None:
        """Label, control, unit, reset; the complaint under it."""
        em, p = theme.em, theme.palette
        changed = draft.changed(one.path)
        left, edge = imgui.get_cursor_pos_x(), imgui.get_frame_height()
        unit_room, right = 7.5 * em, imgui.get_content_region_avail().x
        label_room = min(12 * em, 0.36 * right)
        imgui.align_text_to_frame_padding()
        name = one.path.removeprefix(f"{group}.").replace(".", " ").replace("_", " ")
        name = name[:1].upper() + name[1:]
        with controls.text_colour(p.bad if error else (p.accent if changed else p.muted)):
            imgui.text_unformatted(controls.ellipsis(("• " if changed else "") + name, label_room - 0.4 * em))
        tip = _help(one, draft)
        controls.tooltip(tip)
        imgui.same_line(left + label_room)
        imgui.set_next_item_width(max(5 * em, right - label_room - unit_room - edge - 1.0 * em))
        self._control(theme, draft, one, tip)
        note = one.unit or ""
        imgui.same_line(left + right - unit_room - edge)
        with controls.font(theme.fonts.body, theme.small()), controls.text_colour(p.muted):
            imgui.align_text_to_frame_padding()
            imgui.text_unformatted(controls.ellipsis(note or one.range_text(), unit_room - 0.3 * em))
        controls.tooltip(tip)
        if changed:
            imgui.same_line(left + right - edge)
            tip = f"Back to {draft.texts().get(one.path, '')}"
            if controls.icon_button(theme, fa.ICON_FA_ROTATE_LEFT, f"reset-{one.path}", tip=tip):
                draft.reset(one.path)
        if error:
            with controls.text_colour(p.bad):
                imgui.set_cursor_pos_x(left + label_room)
                imgui.text_wrapped(error)

    def _control(self, theme: Theme, draft: Draft, one: Setting, tip: str) -> None:
        text = draft.text(one.path)
        key = f"##{one.path}"
        if one.kind == "switch":
            was = text.strip().lower() in ("on", "true", "yes", "1")
            on = choice_rows.toggle(theme, "", key, was, tip=tip)
            if on != was:
                draft.put(one.path, "on" if on else "off")
            return
        elif one.kind == "choice":
            if choice_rows.begin_combo(theme, key, text):
                for choice in (*one.choices, *(("none",) if one.optional else ())):
                    if imgui.selectable(f"{choice}###{choice}", choice == text)[0]:
                        draft.put(one.path, choice)
                imgui.end_combo()
                return
        else:
            changed, typed = imgui.input_text(key, text)
            if changed:
                draft.put(one.path, typed)
        controls.tooltip(tip)


def _help(one: Setting, draft: Draft) -> str:
    kinds = {
        "curve": "A number, or images:value, … (k and M are understood)",
        "list": "A list in brackets",
        "whole": "A whole number",
    }
    lines = [
        one.help, one.range_text() and f"Range: {one.range_text()}", kinds.get(one.kind, ""), "“none” is allowed" if one.optional else "",
        f"Preset: {draft.texts().get(one.path, '')}", f"--{one.path}=…",
    ]  # fmt: skip
    return "\n".join(line for line in lines if line)
