"""The Pictures page: sample grids over a time line, one group at a time, or two of them side by side."""

from __future__ import annotations

from pathlib import PurePath

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.features.training.empty import empty
from viewer.features.training.rows import bar, chooser
from viewer.gl.texture import Texture
from viewer.runs.files import Picture
from viewer.runs.format import moment
from viewer.runs.moments import moment_of_number
from viewer.runs.pictures import NO_PICTURES, PLAY_S, Beside, PicturePage
from viewer.runs.reader import RunReader
from viewer.runs.selection import Selection
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.scrubber import scrubber
from viewer.widgets.theme import Theme

_BESIDE: tuple[tuple[Beside, str, str], ...] = (
    ("nothing", "alone", "One picture in the whole page"),
    ("reals", "beside the reals", "Pictures of the data at the right, to compare with"),
    ("step", "beside another step", "Two moments of the run, each with its own time line"),
)


class PictureDrawing:
    """Two pages of pictures, the second shown on request, each with its picture in a texture. Moments go with the first."""

    def __init__(self) -> None:
        self.page, self.second = PicturePage(), PicturePage()
        self.beside: Beside = "nothing"
        self._marked: PurePath | None = None
        self._textures: dict[str, Texture] = {}

    def draw(self, theme: Theme, view: Selection, run: RunReader, now: float) -> None:
        picture = self.page.update(run, view.moment, now)
        if picture is None:
            empty(theme, fa.ICON_FA_IMAGES, "No pictures yet", NO_PICTURES)
            return
        before = picture.path
        if self.beside == "nothing":
            self._side(theme, self.page, "", now)
        else:
            gap = 0.8 * theme.em
            width = 0.5 * (imgui.get_content_region_avail().x - gap)
            self.second.update(run, None, now)
            for page, key in ((self.page, ""), (self.second, "second-")):
                if key:
                    imgui.same_line(0.0, gap)
                if controls.begin_child(f"pictures-{key}", ImVec2(width, 0.0)):
                    self._side(theme, page, key, now)
                imgui.end_child()
        shown = self.page.pictures[self.page.place]
        moved = shown.path != before or (self.page.playing and shown.path != self._marked)
        self._marked = shown.path
        if moved and not self.page.follow and shown.number >= 0:
            # the charts mark this moment; `update` would come to the same picture by it
            view.moment = moment_of_number(run, shown.number)

    def choose_beside(self, what: Beside) -> None:
        """Nothing, the reals, or another moment of the run at the right."""
        self.beside = what
        self.second.begin_beside(self.page, what)

    def _side(self, theme: Theme, page: PicturePage, key: str, now: float) -> None:
        if not page.pictures:
            controls.note(theme, "This run has none of these pictures.")
            return
        self._toolbar(theme, page, key)
        self._picture(theme, page, page.pictures[page.place], key, now)

    def _toolbar(self, theme: Theme, page: PicturePage, key: str) -> None:
        em = theme.em
        with bar(theme):
            options = [(name, f"{name} ({len(some)})", "") for name, some in page.groups.items()]
            wide = min(11 * em, 0.5 * imgui.get_content_region_avail().x)
            page.choose(
                chooser(
                    theme, f"##{key}picture-group", page.group, options, wide, "Which pictures of the run"
                )
            )
            if not key:
                tip = "A second picture beside this one"
                chosen = chooser(theme, "##picture-beside", self.beside, _BESIDE, 11 * em, tip)
                if chosen != self.beside:
                    self.choose_beside(chosen)
            changed, on = imgui.checkbox(f"newest###{key}picture-follow", page.follow)
            if changed:
                page.stay_newest(on)
            controls.tooltip("Stay at the newest picture as the run goes on")
            imgui.same_line()
            with controls.text_colour(theme.palette.muted):
                imgui.align_text_to_frame_padding()
                words = legible(page.number_words(page.pictures[page.place]))
                imgui.text_unformatted(controls.ellipsis(words, imgui.get_content_region_avail().x))
            self._time(theme, page, key)

    def _time(self, theme: Theme, page: PicturePage, key: str) -> None:
        """Play, previous, next, and the line of all pictures."""
        why = "" if page.last else "There is one picture only"
        icon = fa.ICON_FA_PAUSE if page.playing else fa.ICON_FA_PLAY
        tip = f"Show one after the other, {1 / PLAY_S:g} per second"
        if controls.icon_button(theme, icon, f"{key}picture-play", tip=tip, why_not=why):
            page.toggle()
        imgui.same_line()
        for step, arrow, name in (
            (-1, fa.ICON_FA_CHEVRON_LEFT, "Previous"),
            (1, fa.ICON_FA_CHEVRON_RIGHT, "Next"),
        ):
            if controls.icon_button(
                theme, arrow, f"{key}picture-{name.lower()}", tip=f"{name} picture", why_not=why
            ):
                page.step(step)
            imgui.same_line()
        place = scrubber(
            theme,
            f"##{key}picture-time",
            [float(p.number) for p in page.pictures],
            page.place,
            tip="Time: the pictures from the first to the newest",
            name=lambda i: page.number_words(page.pictures[i]),
            why_not=why,
        )
        if place != page.place:
            page.go(place)

    def _picture(self, theme: Theme, page: PicturePage, picture: Picture, key: str, now: float) -> None:
        room = imgui.get_content_region_avail()
        size = (max(32, int(room.x)), max(32, int(room.y)))
        done = page.decoded(picture, size, now)
        if done is not None and done.pixels is not None:
            self._textures.setdefault(key, Texture(linear=False)).upload(done.pixels)
        shown = page.shown
        if shown is None:
            controls.note(theme, "Reading the picture …")
            return
        if shown.pixels is None or key not in self._textures:
            controls.note(theme, f"{shown.path.name}: {shown.fault}")
            return
        height, width = shown.pixels.shape[:2]
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, round(0.5 * (room.x - width))))
        imgui.image(imgui.ImTextureRef(self._textures[key].handle), ImVec2(width, height))
        full = f"{shown.size[0]} × {shown.size[1]} pixels"
        controls.tooltip(f"{shown.path}\n{full}, written {moment(picture.changed)}")
