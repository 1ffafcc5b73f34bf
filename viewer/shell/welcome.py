"""What a new user is greeted with: files opened before, the demo, a checkpoint of one's own, training, and three hints.

It lies below the first picture's face where nobody named what to open and no earlier view comes back: the head can be turned
at once, which closes it. Later starts go straight to the last view. Help brings it again.
"""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.assets import demo_checkpoint
from core_model.schema.checkpoint import CheckpointInfo
from viewer.shell.sheets import sheet
from viewer.state.actions import Dispatch, OpenCheckpoint, OpenDialog, ShowWorkspace
from viewer.state.key_map import KeyMap
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

RECENT = 5
"""Files opened before that are listed; File, Open recent has them all."""
_BEGIN_EM, _RECENT_EM, _GAP_EM = 17.0, 21.0, 2.0
_BESIDE_EM = 84.0
"""Width of a window in which the hints have room beside the rest."""


class Welcome:
    """open: whether it is shown."""

    def __init__(self) -> None:
        self.open = False

    def close(self) -> None:
        self.open = False

    def draw(
        self,
        theme: Theme,
        keys: KeyMap,
        info: CheckpointInfo | None,
        opening: str,
        recent: tuple[str, ...],
        dispatch: Dispatch,
    ) -> None:
        if not self.open:
            return
        shown = opening or (info.path if info is not None else "")
        demo = demo_checkpoint() or ""
        stay = sheet(
            theme,
            keys,
            "##welcome",
            "Welcome to triscope",
            lambda: self._body(theme, keys, recent, demo if demo != shown else "", dispatch),
            done="Look at the demo head" if demo == shown else "Go on",
            why="It is open behind this. Esc, or a press on the picture, closes this too",
            low=True,
        )
        self.open = self.open and stay

    def _body(
        self, theme: Theme, keys: KeyMap, recent: tuple[str, ...], demo: str, dispatch: Dispatch
    ) -> None:
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(
                "Explorer for tri-plane 3D GANs: every sample, every pixel, while you turn it."
            )
        imgui.dummy(ImVec2(0.0, 0.3 * theme.em))
        imgui.begin_group()
        self._begin(theme, demo, dispatch)
        imgui.end_group()
        imgui.same_line(0.0, _GAP_EM * theme.em)
        imgui.begin_group()
        self._recent(theme, recent, dispatch)
        imgui.end_group()
        # the lower it is, the more of the picture is seen
        if imgui.get_main_viewport().size.x > _BESIDE_EM * theme.em:
            imgui.same_line(0.0, _GAP_EM * theme.em)
        imgui.begin_group()
        self._hints(theme, keys)
        imgui.end_group()

    def _hints(self, theme: Theme, keys: KeyMap) -> None:
        controls.section(theme, "Three things to know")
        left = imgui.get_cursor_pos_x()
        for icon, words in hints(keys):
            with controls.text_colour(theme.palette.accent):
                imgui.text_unformatted(icon)
            imgui.same_line()
            imgui.set_cursor_pos_x(left + 2.0 * theme.em)
            imgui.text_unformatted(words)

    def _begin(self, theme: Theme, demo: str, dispatch: Dispatch) -> None:
        wide = _BEGIN_EM * theme.em
        controls.section(theme, "Begin")
        if controls.button(
            theme,
            f"{fa.ICON_FA_FOLDER_OPEN}  Open a checkpoint …###welcome-open",
            tip=theme.keyed(
                "A file of EG3D, EpiGRAF, Mimic3D or triscope. Or drop it on the window", "file.open"
            ),
            width=wide,
        ):
            self.close()
            dispatch(OpenDialog())
        if controls.button(
            theme,
            f"{fa.ICON_FA_CHART_LINE}  Train …###welcome-train",
            tip=theme.keyed(
                "The Training workspace: runs, charts, and a form for a new one", "view.training"
            ),
            width=wide,
        ):
            self.close()
            dispatch(ShowWorkspace("training"))
        if demo and controls.button(
            theme,
            f"{fa.ICON_FA_USER}  Open the demo head###welcome-demo",
            tip="People that do not exist, a generator shipped with triscope",
            width=wide,
        ):
            self.close()
            dispatch(OpenCheckpoint(demo))

    def _recent(self, theme: Theme, recent: tuple[str, ...], dispatch: Dispatch) -> None:
        controls.section(theme, "Recent files")
        wide = _RECENT_EM * theme.em
        if not recent:
            imgui.push_text_wrap_pos(imgui.get_cursor_pos_x() + wide)
            with controls.font(theme.fonts.body, BODY_PX * 0.9), controls.text_colour(theme.palette.muted):
                imgui.text_unformatted(
                    "What you open is listed here. Later starts show the last view at once."
                )
            imgui.pop_text_wrap_pos()
        for path in recent[:RECENT]:
            name = controls.ellipsis(_called(path), wide - theme.em)
            if imgui.selectable(f"{name}###welcome-{path}", False, 0, ImVec2(wide, 0.0))[0]:
                self.close()
                dispatch(OpenCheckpoint(path))
            controls.tooltip(path)


def hints(keys: KeyMap) -> tuple[tuple[str, str], ...]:
    """(icon, sentence) of the three hints, with the keys as they are bound now."""
    first, last, palette = keys.text("channel-1"), keys.text("channel-9"), keys.text("help.palette")
    channels = (
        f"Keys {first} to {last} choose what the picture shows"
        if first and last
        else "The View panel chooses what the picture shows"
    )
    every = f"{palette} finds every command" if palette else "The menus hold every command"
    return (
        (fa.ICON_FA_ARROWS_ROTATE, "Drag the picture to turn the head; the wheel comes nearer."),
        (fa.ICON_FA_CROSSHAIRS, "Click a pixel to see everything that the renderer did there."),
        (fa.ICON_FA_KEYBOARD, f"{channels}; {every}."),
    )


def _called(path: str) -> str:
    """File name with its folder: run folders and snapshots are often called alike."""
    place = Path(path)
    return f"{place.parent.name}/{place.name}" if place.parent.name else place.name
