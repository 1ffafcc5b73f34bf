"""Sample grids over a time slider: one group of pictures at a time, decoded in a thread of its own."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from pathlib import Path

import dearpygui.dearpygui as dpg
import numpy as np

from viewer.monitor.theme import Tag
from viewer.monitor.view import Moment, View
from viewer.runs import format as words
from viewer.runs.escapes import in_ranges
from viewer.runs.files import Picture
from viewer.runs.pictures import Decoder

PLAY_FRAMES = 3
"""Updates of the window between two pictures of the film."""


class PictureTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self._decoder = Decoder()
        self._texture: Tag = 0
        self._shown: tuple[Path, float, tuple[int, int]] | None = None
        self._group = ""
        self._follow = True
        self._playing = 0
        self._count = 0
        self._moment: Moment | None = None

    @property
    def settled(self) -> bool:
        return not self._pictures() or self._texture != 0

    def build(self, parent: Tag) -> None:
        look = self.view.look
        with dpg.group(parent=parent):
            dpg.add_spacer(height=2)
            with dpg.group(horizontal=True, horizontal_spacing=10):
                dpg.add_text("Pictures", color=look.text_muted)
                self._groups = dpg.add_combo([], width=150, tag="picture-group", callback=self._choose_group)
                self._play = dpg.add_button(label="Play", width=70, tag="picture-play", callback=self._toggle)
                dpg.add_button(arrow=True, direction=dpg.mvDir_Left, callback=lambda: self._step(-1))
                dpg.add_button(arrow=True, direction=dpg.mvDir_Right, callback=lambda: self._step(1))
                self._slider = dpg.add_slider_int(width=260, tag="picture-slider", callback=self._moved, format="")
                self._follower = dpg.add_checkbox(label="Newest", default_value=True, tag="picture-follow", callback=self._set_follow)
                self._caption = dpg.add_text("", color=look.text_muted)
            dpg.add_spacer(height=4)
            self._place = dpg.add_child_window(border=False, no_scrollbar=True, tag="picture-place")
            dpg.bind_item_theme(self._place, look.plain)

    def update(self) -> None:
        """Choose the picture, ask for it, show what was decoded."""
        groups = self._by_name()
        if self._group not in groups:
            self._group = next(iter(groups), "")
        dpg.configure_item(self._groups, items=list(groups))
        dpg.set_value(self._groups, self._group)
        pictures = self._pictures()
        if not pictures:
            self._empty()
            return
        self._jump(pictures)
        self._advance(len(pictures))
        at = min(dpg.get_value(self._slider), len(pictures) - 1)
        dpg.configure_item(self._slider, max_value=max(1, len(pictures) - 1), enabled=len(pictures) > 1)
        if self._follow:
            at = len(pictures) - 1
        dpg.set_value(self._slider, at)
        self._show(pictures[at], at, len(pictures))

    def _show(self, picture: Picture, at: int, count: int) -> None:
        width, height = (int(v) for v in dpg.get_item_rect_size(self._place))
        room = (max(64, width - 8), max(64, height - 8))
        wish = (picture.path, picture.changed, room)
        if wish != self._shown:
            self._shown = wish
            self._decoder.want(picture, room)
        done = self._decoder.take()
        if done is None:
            return
        what = f"{at + 1} of {count}" + (f" · {self._where(picture)}" if picture.number >= 0 else "")
        if done.pixels is None:
            dpg.set_value(self._caption, in_ranges(f"{done.path.name} {done.fault}")[:120])
            self._shown = None  # it may be in the middle of a copy: ask again
            return
        dpg.set_value(self._caption, in_ranges(f"{what} · {done.size[0]} × {done.size[1]} · {done.path.name}"))
        self._upload(done.pixels)

    def _where(self, picture: Picture) -> str:
        """Native runs number their pictures by steps, the EG3D family by thousands of images."""
        foreign = self.view.run.is_foreign
        return f"{words.amount(picture.number * 1e3)} images" if foreign else f"step {picture.number}"

    def _upload(self, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        before = self._texture
        with dpg.texture_registry():
            self._texture = dpg.add_raw_texture(width, height, np.ascontiguousarray(pixels), format=dpg.mvFormat_Float_rgba)  # type: ignore[arg-type]
        dpg.delete_item(self._place, children_only=True)
        room = dpg.get_item_rect_size(self._place)
        dpg.add_image(self._texture, parent=self._place, pos=((room[0] - width) / 2, (room[1] - height) / 2), width=width, height=height)
        if before:
            dpg.delete_item(before)

    def _empty(self) -> None:
        if self._shown is not None or not dpg.get_item_children(self._place, 1):
            self._shown = None
            dpg.delete_item(self._place, children_only=True)
            dpg.add_text(
                "No pictures yet: sample grids appear here as the run writes them.", parent=self._place, color=self.view.look.text_muted
            )
            dpg.set_value(self._caption, "")

    def _by_name(self) -> dict[str, tuple[Picture, ...]]:
        run = self.view.run
        with run.lock:
            return run.listing.pictures

    def _pictures(self) -> tuple[Picture, ...]:
        return self._by_name().get(self._group, ())

    def _jump(self, pictures: tuple[Picture, ...]) -> None:
        """An alarm asked for its moment: the last picture before it."""
        moment = self.view.moment
        if moment is None or moment == self._moment:
            return
        self._moment = moment
        before = [i for i, p in enumerate(pictures) if p.number <= moment.number(self.view.run.is_foreign)]
        self._stop_following(before[-1] if before else 0)

    def _advance(self, count: int) -> None:
        if self._playing:
            self._count += 1
            if self._count % PLAY_FRAMES == 0:
                dpg.set_value(self._slider, (dpg.get_value(self._slider) + 1) % count)

    def _step(self, by: int) -> None:
        at = dpg.get_value(self._slider) + by
        self._stop_following(min(max(0, at), max(0, len(self._pictures()) - 1)))

    def _stop_following(self, at: int) -> None:
        self._follow = False
        dpg.set_value(self._follower, False)
        dpg.set_value(self._slider, at)

    def _moved(self) -> None:
        self._stop_following(dpg.get_value(self._slider))

    def _choose_group(self, sender: Tag, value: str) -> None:
        self._group, self._shown = value, None

    def _set_follow(self, sender: Tag, value: bool) -> None:
        self._follow = value

    def _toggle(self) -> None:
        self._playing = not self._playing
        dpg.configure_item(self._play, label="Pause" if self._playing else "Play")
        if self._playing:
            self._stop_following(dpg.get_value(self._slider))
