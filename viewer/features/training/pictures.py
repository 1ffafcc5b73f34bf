"""The Pictures page: sample grids over a time slider, one group at a time, decoded in a thread of their own."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.gl.texture import Texture
from viewer.runs import format as words
from viewer.runs.files import Picture
from viewer.runs.pictures import Decoded, Decoder
from viewer.runs.reader import RunReader
from viewer.features.training.selection import Moment, WatchView
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme
from viewer.features.training.rows import bar, chooser

PLAY_S = 0.25


class PicturePage:
    """Follows the newest picture until the hand takes the slider."""

    def __init__(self) -> None:
        self.place = 0
        self.group = ""
        self.follow = True
        self.playing = False
        self.shown: Decoded | None = None
        self._wish: tuple[Path, float, tuple[int, int]] | None = None
        self._decoder = Decoder()
        self._texture: Texture | None = None
        self._run: Path | None = None
        self._moment: Moment | None = None
        self._next = 0.0

    def draw(self, theme: Theme, view: WatchView, run: RunReader, now: float) -> None:
        if run.path != self._run:
            self._run, self.follow, self.playing, self.group = run.path, True, False, ""
        with run.lock:
            groups = run.listing.pictures
        if self.group not in groups:
            self.group = next(iter(groups), "")
        pictures = groups.get(self.group, ())
        if not pictures:
            controls.note(theme, "No pictures yet: sample grids appear here as the run writes them.")
            return
        self._jump(view, run, pictures)
        self._advance(len(pictures), now)
        self.place = len(pictures) - 1 if self.follow else min(max(0, self.place), len(pictures) - 1)
        self._toolbar(theme, run, groups, pictures)
        self._picture(theme, pictures[self.place])

    def _jump(self, view: WatchView, run: RunReader, pictures: tuple[Picture, ...]) -> None:
        """An alarm asked for its moment: the last picture before it."""
        moment = view.moment
        if moment is None or moment == self._moment or moment.run != run.path:
            return
        self._moment = moment
        number = moment.images / 1e3 if run.is_foreign else moment.step
        before = [i for i, p in enumerate(pictures) if p.number <= number]
        self.follow, self.place = False, before[-1] if before else 0

    def _advance(self, count: int, now: float) -> None:
        if self.playing and now >= self._next:
            self._next, self.place = now + PLAY_S, (self.place + 1) % count

    def _toolbar(self, theme: Theme, run: RunReader, groups: dict[str, tuple[Picture, ...]], pictures: tuple[Picture, ...]) -> None:
        em, last = theme.em, len(pictures) - 1
        with bar(theme):
            options = [(name, f"{name} ({len(some)})", "") for name, some in groups.items()]
            self.group = chooser(theme, "##picture-group", self.group, options, 11 * em, "Which pictures of the run")
            why = "" if last else "There is one picture only"
            icon = fa.ICON_FA_PAUSE if self.playing else fa.ICON_FA_PLAY
            if controls.icon_button(theme, icon, "picture-play", tip=f"Show one after the other, {1 / PLAY_S:g} per second", why_not=why):
                self.playing, self.follow = not self.playing, False
            imgui.same_line()
            for step, arrow, name in ((-1, fa.ICON_FA_CHEVRON_LEFT, "Previous"), (1, fa.ICON_FA_CHEVRON_RIGHT, "Next")):
                if controls.icon_button(theme, arrow, f"picture-{name.lower()}", tip=f"{name} picture", why_not=why):
                    self.place, self.follow, self.playing = self.place + step, False, False
                imgui.same_line()
            self.place = min(max(0, self.place), last)
            imgui.set_next_item_width(max(10 * em, imgui.get_content_region_avail().x - 21 * em))
            changed, value = imgui.slider_int("##picture-slider", self.place + 1, 1, last + 1, "%d", imgui.SliderFlags_.always_clamp)
            if changed:
                self.place, self.follow, self.playing = value - 1, False, False
            controls.tooltip("Time: the pictures from the first to the newest")
            imgui.same_line()
            changed, on = imgui.checkbox("newest###picture-follow", self.follow)
            if changed:
                self.follow, self.playing = on, False
            controls.tooltip("Stay at the newest picture as the run goes on")
            imgui.same_line()
            unit = "kimg" if run.is_foreign else "step"
            number = pictures[self.place].number
            with controls.text_colour(theme.palette.muted):
                imgui.align_text_to_frame_padding()
                imgui.text_unformatted(f"{unit} {words.amount(number)}" if number >= 0 else legible(pictures[self.place].path.name))

    def _picture(self, theme: Theme, picture: Picture) -> None:
        room = imgui.get_content_region_avail()
        size = (max(32, int(room.x)), max(32, int(room.y)))
        wish = (picture.path, picture.changed, size)
        if wish != self._wish:
            self._wish = wish
            self._decoder.want(picture, size)
        done = self._decoder.take()
        if done is not None:
            self.shown = done
            if done.pixels is not None:
                self._texture = self._texture or Texture(linear=False)
                self._texture.upload(done.pixels)
        if self.shown is None or self._texture is None:
            controls.note(theme, self.shown.fault if self.shown is not None else "Reading the picture …")
            return
        if self.shown.pixels is None:
            controls.note(theme, f"{self.shown.path.name}: {self.shown.fault}")
            return
        height, width = self.shown.pixels.shape[:2]
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, round(0.5 * (room.x - width))))
        imgui.image(imgui.ImTextureRef(self._texture.handle), ImVec2(width, height))
        full = f"{self.shown.size[0]} × {self.shown.size[1]} pixels"
        controls.tooltip(f"{self.shown.path}\n{full}, written {words.moment(picture.changed)}")
