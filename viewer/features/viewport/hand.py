"""What the mouse does in the viewport: it drags the camera, and clicks inspect a ray or turn about the surface."""

from __future__ import annotations

from dataclasses import dataclass

from imgui_bundle import imgui

from core_model.schema.camera import OrbitPose
from viewer.state import orbit
from viewer.state.actions import Dispatch, PinRay, ShowPanel
from viewer.state.document import Document
from viewer.state.screen import PicturePlace
from viewer.widgets import navigation, press
from viewer.widgets.feature import RequestFrames
from viewer.widgets.inputs import DOUBLE_S, Inputs
from viewer.widgets.shown_picture import ShownPicture

WAITING_FPS = 30.0
_LEFT, _MIDDLE = press.LEFT, press.MIDDLE


@dataclass(frozen=True)
class _Click:
    """A click that inspects its ray unless a second one makes it a double click: mark in the picture, whether it pins, time and place
    of the press (Dear ImGui's seconds, pixels)."""

    mark: tuple[float, float]
    pins: bool
    at: float
    place: tuple[float, float]


@dataclass(frozen=True)
class _Recentre:
    """A double click that waits for the exact picture of the view that it was made on."""

    mark: tuple[float, float]
    camera: OrbitPose


class Hand:
    """Left drag orbits, middle or Shift+left drag pans, wheel dollies, Ctrl+wheel changes fov, click inspects the ray, double click
    re-centres.
    """

    def __init__(self) -> None:
        self._pressed_at: float | None = None
        self._dragged = False
        self._click: _Click | None = None
        self._recentre: _Recentre | None = None

    @property
    def mark(self) -> tuple[float, float] | None:
        """Where a click waits that may yet become a double click."""
        return None if self._click is None else self._click.mark

    def moved(
        self,
        doc: Document,
        picture: ShownPicture,
        place: PicturePlace,
        request_frames: RequestFrames,
        dispatch: Dispatch,
        inputs: Inputs,
    ) -> tuple[Document, str]:
        """The document after what the mouse did, and what it holds."""
        io, held, hover = imgui.get_io(), "", place.hover
        hovered = imgui.is_item_hovered()
        doc = self._inspect(doc, picture, hover, request_frames, dispatch, inputs)
        if imgui.is_item_active() or imgui.is_item_deactivated():
            doc, held = navigation.drag(doc, request_frames, place.size, _is_dragged())
            self._dragged = self._dragged or bool(held)
        if hovered and io.mouse_wheel:
            doc = navigation.wheel(doc, io.mouse_wheel, io.key_ctrl)
        if hover is not None and imgui.is_mouse_double_clicked(_LEFT):
            self._recentre = _Recentre(hover, doc.camera)
        wish, self._recentre = self._recentre, None
        if wish is not None and wish.camera == doc.camera:
            if _has_depth_of(picture, doc.camera):
                doc = doc.replace(camera=self._recentred(doc.camera, picture, *wish.mark))
            else:  # a baked picture is on the screen: the exact one knows the place
                self._recentre = wish
        return doc, held

    def _inspect(
        self,
        doc: Document,
        picture: ShownPicture,
        hover: tuple[float, float] | None,
        request_frames: RequestFrames,
        dispatch: Dispatch,
        inputs: Inputs,
    ) -> Document:
        """A click (not a drag) or the key I chooses the ray under the cursor; with Shift the click pins it.

        A click waits until it cannot become a double click any more: that one turns about the surface and inspects nothing.
        """
        io = imgui.get_io()
        if imgui.is_mouse_clicked(_LEFT):
            single = imgui.get_mouse_clicked_count(_LEFT) == 1
            self._pressed_at = imgui.get_time() if imgui.is_item_active() and single else None
            self._dragged = False
            if not single:
                self._click = None
        self._dragged = self._dragged or _is_dragged()
        mark = hover if picture.result is not None else None
        if imgui.is_mouse_released(_LEFT):
            if self._pressed_at is not None and not self._dragged and mark is not None:
                self._click = _Click(mark, io.key_shift, self._pressed_at, (io.mouse_pos.x, io.mouse_pos.y))
            self._pressed_at = None
        held = (
            imgui.is_key_down(imgui.Key.i)
            and not io.want_text_input
            and not (io.key_ctrl or imgui.is_any_mouse_down())
        )
        rays, click = doc.rays, self._click
        if click is not None and not inputs.waiting and _is_single(click):
            self._click = None
            rays = rays.replace(selected=click.mark)
            if click.pins:
                dispatch(PinRay(click.mark))
            dispatch(ShowPanel("Ray", True))
        elif click is not None:
            request_frames(WAITING_FPS)
        elif held and mark is not None:
            rays = rays.replace(selected=mark)
            if doc.rays.selected is None:
                dispatch(ShowPanel("Ray", True))
        return doc if rays == doc.rays else doc.replace(rays=rays)

    def _recentred(self, pose: OrbitPose, picture: ShownPicture, u: float, v: float) -> OrbitPose:
        result, distance = picture.result, picture.frames.under("depth", u, v)
        if result is None or result.request is None:
            return pose
        camera = result.request.camera
        if distance is None or not isinstance(camera, OrbitPose):
            return pose
        return orbit.recentre(pose, orbit.surface_point(camera, u, v, distance[0]))


def _has_depth_of(picture: ShownPicture, camera: OrbitPose) -> bool:
    """Whether the exact picture that is there is of this camera."""
    base = picture.frames.base
    return base is not None and base.camera == camera


def _is_dragged() -> bool:
    """Whether the mouse has left the place where its button went down: a click must not turn the head."""
    return any(press.dragged(b, press.SLACK_PX) for b in (_LEFT, _MIDDLE))


def _is_single(click: _Click) -> bool:
    """Whether no second press can make it a double click any more: its time is over, or the mouse has gone on."""
    io = imgui.get_io()
    moved = (io.mouse_pos.x - click.place[0]) ** 2 + (io.mouse_pos.y - click.place[1]) ** 2
    return imgui.get_time() - click.at > DOUBLE_S or moved > io.mouse_double_click_max_dist**2
