"""The Pictures page: sample grids over a time slider, one group at a time."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.features.training.rows import bar, chooser
from viewer.gl.texture import Texture
from viewer.runs.files import Picture
from viewer.runs.format import moment
from viewer.runs.pictures import NO_PICTURES, PLAY_S, PicturePage
from viewer.runs.reader import RunReader
from viewer.runs.selection import Selection
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme


class PictureDrawing:
    """The page's toolbar, and its picture in a texture."""

    def __init__(self) -> None:
        self.page = PicturePage()
        self._texture: Texture | None = None

    def draw(self, theme: Theme, view: Selection, run: RunReader, now: float) -> None:
        picture = self.page.update(run, view.moment, now)
        if picture is None:
            controls.note(theme, NO_PICTURES)
            return
        self._toolbar(theme)
        self._picture(theme, self.page.pictures[self.page.place], now)

    def _toolbar(self, theme: Theme) -> None:
        em, page = theme.em, self.page
        with bar(theme):
            options = [(name, f"{name} ({len(some)})", "") for name, some in page.groups.items()]
            page.choose(
                chooser(theme, "##picture-group", page.group, options, 11 * em, "Which pictures of the run")
            )
            why = "" if page.last else "There is one picture only"
            icon = fa.ICON_FA_PAUSE if page.playing else fa.ICON_FA_PLAY
            tip = f"Show one after the other, {1 / PLAY_S:g} per second"
            if controls.icon_button(theme, icon, "picture-play", tip=tip, why_not=why):
                page.toggle()
            imgui.same_line()
            for step, arrow, name in (
                (-1, fa.ICON_FA_CHEVRON_LEFT, "Previous"),
                (1, fa.ICON_FA_CHEVRON_RIGHT, "Next"),
            ):
                if controls.icon_button(
                    theme, arrow, f"picture-{name.lower()}", tip=f"{name} picture", why_not=why
                ):
                    page.step(step)
                imgui.same_line()
            imgui.set_next_item_width(max(10 * em, imgui.get_content_region_avail().x - 21 * em))
            changed, value = imgui.slider_int(
                "##picture-slider", page.place + 1, 1, page.last + 1, "%d", imgui.SliderFlags_.always_clamp
            )
            if changed:
                page.go(value - 1)
            controls.tooltip("Time: the pictures from the first to the newest")
            imgui.same_line()
            changed, on = imgui.checkbox("newest###picture-follow", page.follow)
            if changed:
                page.stay_newest(on)
            controls.tooltip("Stay at the newest picture as the run goes on")
            imgui.same_line()
            with controls.text_colour(theme.palette.muted):
                imgui.align_text_to_frame_padding()
                imgui.text_unformatted(legible(page.number_words(page.pictures[page.place])))

    def _picture(self, theme: Theme, picture: Picture, now: float) -> None:
        room = imgui.get_content_region_avail()
        size = (max(32, int(room.x)), max(32, int(room.y)))
        done = self.page.decoded(picture, size, now)
        if done is not None and done.pixels is not None:
            self._texture = self._texture or Texture(linear=False)
            self._texture.upload(done.pixels)
        shown = self.page.shown
        if shown is None:
            controls.note(theme, "Reading the picture …")
            return
        if shown.pixels is None or self._texture is None:
            controls.note(theme, f"{shown.path.name}: {shown.fault}")
            return
        height, width = shown.pixels.shape[:2]
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, round(0.5 * (room.x - width))))
        imgui.image(imgui.ImTextureRef(self._texture.handle), ImVec2(width, height))
        full = f"{shown.size[0]} × {shown.size[1]} pixels"
        controls.tooltip(f"{shown.path}\n{full}, written {moment(picture.changed)}")
