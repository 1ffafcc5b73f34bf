"""Sample grids over a time slider: one group of pictures at a time, decoded in a thread of its own."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import time

import dearpygui.dearpygui as dpg
import numpy as np

from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.files import Picture
from viewer.runs.format import in_ranges
from viewer.runs.pictures import NO_PICTURES, PicturePage


class PictureTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self.page = PicturePage()
        self._texture: Tag = 0

    @property
    def settled(self) -> bool:
        return not self.page.pictures or self._texture != 0

    def build(self, parent: Tag) -> None:
        look = self.view.look
        with dpg.group(parent=parent):
            dpg.add_spacer(height=2)
            with dpg.group(horizontal=True, horizontal_spacing=10):
                dpg.add_text("Pictures", color=look.text_muted)
                self._groups = dpg.add_combo(
                    [], width=150, tag="picture-group", callback=lambda _, group: self.page.choose(group)
                )
                self._play = dpg.add_button(
                    label="Play", width=70, tag="picture-play", callback=lambda: self.page.toggle()
                )
                dpg.add_button(arrow=True, direction=dpg.mvDir_Left, callback=lambda: self.page.step(-1))
                dpg.add_button(arrow=True, direction=dpg.mvDir_Right, callback=lambda: self.page.step(1))
                self._slider = dpg.add_slider_int(
                    width=260, tag="picture-slider", callback=lambda _, place: self.page.go(place), format=""
                )
                self._follower = dpg.add_checkbox(
                    label="Newest",
                    default_value=True,
                    tag="picture-follow",
                    callback=lambda _, on: self.page.stay_newest(on),
                )
                self._caption = dpg.add_text("", color=look.text_muted)
            dpg.add_spacer(height=4)
            self._place = dpg.add_child_window(border=False, no_scrollbar=True, tag="picture-place")
            dpg.bind_item_theme(self._place, look.plain)

    def update(self) -> None:
        """Choose the picture, ask for it, show what was decoded."""
        page, now = self.page, time.monotonic()
        picture = page.update(self.view.run, self.view.selection.moment, now)
        dpg.configure_item(self._groups, items=list(page.groups))
        dpg.set_value(self._groups, page.group)
        dpg.configure_item(self._slider, max_value=max(1, page.last), enabled=page.last > 0)
        dpg.set_value(self._slider, page.place)
        dpg.set_value(self._follower, page.follow)
        dpg.configure_item(self._play, label="Pause" if page.playing else "Play")
        if picture is None:
            self._empty()
        else:
            self._show(picture, now)

    def _show(self, picture: Picture, now: float) -> None:
        width, height = (int(v) for v in dpg.get_item_rect_size(self._place))
        done = self.page.decoded(picture, (max(64, width - 8), max(64, height - 8)), now)
        if done is None:
            return
        if done.pixels is None:
            dpg.set_value(self._caption, in_ranges(f"{done.path.name} {done.fault}")[:120])
            return
        parts = [f"{self.page.place + 1} of {len(self.page.pictures)}"]
        parts += [self.page.number_words(picture)] if picture.number >= 0 else []
        parts += [f"{done.size[0]} × {done.size[1]}", done.path.name]
        dpg.set_value(self._caption, in_ranges(" · ".join(parts)))
        self._upload(done.pixels)

    def _upload(self, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        before = self._texture
        with dpg.texture_registry():
            self._texture = dpg.add_raw_texture(
                width,
                height,
                np.ascontiguousarray(pixels),  # type: ignore[arg-type]
                format=dpg.mvFormat_Float_rgba,
            )
        dpg.delete_item(self._place, children_only=True)
        room = dpg.get_item_rect_size(self._place)
        dpg.add_image(
            self._texture,
            parent=self._place,
            pos=((room[0] - width) / 2, (room[1] - height) / 2),
            width=width,
            height=height,
        )
        if before:
            dpg.delete_item(before)

    def _empty(self) -> None:
        if self._texture or not dpg.get_item_children(self._place, 1):
            dpg.delete_item(self._place, children_only=True)
            dpg.add_text(
                f"No pictures yet. {NO_PICTURES}", parent=self._place, color=self.view.look.text_muted
            )
            dpg.set_value(self._caption, "")
            if self._texture:
                dpg.delete_item(self._texture)
                self._texture = 0
