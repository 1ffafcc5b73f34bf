"""The walk's controls, and its step at the end of each GUI frame, whichever panels are shown."""

from __future__ import annotations

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from viewer.state.document import Document
from viewer.state.latent_blend import SeedPlane, main_seed, neighbours, plane_of
from viewer.state.latent_walk import Walk, WalkKind
from viewer.widgets import choice_rows, controls, press, typed
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme

FASTEST = 10.0
_KINDS: tuple[tuple[WalkKind, str, str], ...] = (
    ("seeds", "Seeds", "From seed to seed, on a smooth curve in w"),
    ("plane", "Plane", "Round the seed plane, along its border"),
)


def walked(doc: Document, picture: ShownPicture, walk: Walk, now: float) -> Document:
    """The document one step of the walk further.

    Any click outside the walk's own controls stops it, and so does Esc (`viewer.shell.escape`); a drag in the
    picture turns the heads that come.
    """
    if not walk.playing:
        return doc
    over = picture.place.hover is not None or bool(picture.place.held)
    clicked = not over and any(imgui.is_mouse_clicked(b) for b in (0, 1, 2)) and not walk.spared
    walk.spared = False
    if clicked or (over and _clicked_still()):
        walk.stop()
        return doc
    shown = picture.result.request if picture.result is not None else None
    done = picture.frames.error is not None or (shown is not None and shown.latent == doc.latent)
    latent = walk.step(doc.latent, done, now)
    return doc if latent is doc.latent else doc.replace(latent=latent)


def _clicked_still() -> bool:
    """Whether the left button came up where it had gone down."""
    return imgui.is_mouse_released(press.LEFT) and not press.dragged(press.LEFT, press.SLACK_PX)


def toggled_walk(doc: Document, walk: Walk, now: float) -> Document:
    """The command: stop the walk, or walk on from what is shown."""
    if walk.playing:
        walk.stop()
    elif doc.latent.w is None and doc.latent.z is None:
        walk.play(doc.latent, plane_of(doc.latent, neighbours(main_seed(doc.latent)))[0], now)
    return doc


class WalkRows:
    """Two rows: what to walk, and play or stop with the speed."""

    def __init__(self) -> None:
        self._stopped_here = False

    def draw(
        self, doc: Document, theme: Theme, walk: Walk, now: float, plane: SeedPlane, why_not: str
    ) -> None:
        own = doc.latent.w is not None or doc.latent.z is not None
        why_not = why_not or ("A w of its own is shown: choose a seed first" if own else "")
        before = walk.kind
        walk.kind = choice_rows.segmented(
            theme, "Walk", "walk", walk.kind, _KINDS, tip="Where the walk leads", why_not=why_not
        )
        if walk.playing and walk.kind != before:
            walk.play(doc.latent, plane, now)
        _spare(walk)
        controls.label(theme, "Speed", "Seeds per second; negative walks backwards. One undo step a walk")
        self._button(doc, theme, walk, now, plane, why_not)
        imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
        imgui.set_next_item_width(-1.0)
        with controls.disabled(why_not):
            draw = lambda: imgui.drag_float(
                "##walk-speed", walk.speed, 0.01, -FASTEST, FASTEST, "%.2f seeds/s"
            )
            speed = typed.dragged(theme, "##walk-speed", walk.speed, -FASTEST, FASTEST, "%.2f seeds/s", draw)
        walk.speed = min(max(speed, -FASTEST), FASTEST)
        _spare(walk)
        controls.tooltip(
            why_not or "Seeds per second, -10 to 10; drag, or Ctrl+click to type. Negative walks backwards"
        )

    def _button(
        self, doc: Document, theme: Theme, walk: Walk, now: float, plane: SeedPlane, why_not: str
    ) -> None:
        icon, tip = (
            (fa.ICON_FA_STOP, "Stop the walk; a click and Esc do so too, a drag turns the head")
            if walk.playing
            else (fa.ICON_FA_PLAY, "Walk on from what is shown, in moving pictures")
        )
        tip = theme.keyed(tip, "latent.walk")
        pressed = controls.icon_button(theme, icon, "walk-play", tip=tip, why_not=why_not)
        _spare(walk)
        if imgui.is_item_activated():
            # the walk stops when the button goes down; its way up must not start another one
            self._stopped_here = walk.playing
            if walk.playing:
                walk.stop()
        elif pressed and not self._stopped_here:
            walk.play(doc.latent, plane, now)


def _spare(walk: Walk) -> None:
    """A click on the last item does not stop the walk."""
    walk.spared = walk.spared or imgui.is_item_hovered() or imgui.is_item_active()
