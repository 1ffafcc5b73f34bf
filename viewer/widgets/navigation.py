"""Mouse and keys on the picture → the document's camera: drags, flying keys and wheel, by navigation mode."""

from __future__ import annotations

from imgui_bundle import imgui

from core_model.schema.camera import OrbitPose
from viewer.state import fly, orbit
from viewer.state.document import Document, Navigation, NavigationMode
from viewer.widgets.feature import RequestFrames

_LEFT, _MIDDLE = 0, 2
FLY_FPS = 60.0
MODES: tuple[tuple[NavigationMode, str, str], ...] = (
    ("turntable", "Turn", "Turntable: turns about the vertical; up stays up"),
    ("trackball", "Tumble", "Trackball: turns freely, over the poles too; the picture may roll"),
    (
        "fly",
        "Fly",
        "With the left button held the mouse looks about, W A S D move, E and Q rise and sink, Shift hurries. Wheel: speed",
    ),
)


def drag(doc: Document, request_frames: RequestFrames, edge: float, dragged: bool) -> tuple[Document, str]:
    """(document after this frame of a drag or its release, the move under way or "").

    edge: of the drawn picture on the screen, pixels. dragged: the mouse has left the point where the button
    was pressed.
    """
    io, pose = imgui.get_io(), doc.camera
    dx, dy = io.mouse_delta.x, io.mouse_delta.y
    flying = doc.navigation.mode == "fly" and _has(_LEFT)
    pans = _has(_MIDDLE) or (io.key_shift and not flying)
    held = ""
    if dragged:
        held = "pan" if pans else "fly" if flying else "orbit"
        if dx or dy:
            pose = _turned(doc, edge, dx, dy, pans, flying)
    if flying:
        thrust = keys()
        if thrust:
            held = "fly"
            request_frames(FLY_FPS)
            pose = fly.move(pose, thrust, doc.navigation.speed, io.delta_time)
    return (doc if pose == doc.camera else doc.replace(camera=pose)), held


def _has(button: int) -> bool:
    """Whether a button is down, or was released in this frame: the movement before the release belongs to its
    drag.
    """
    return imgui.is_mouse_down(button) or imgui.is_mouse_released(button)


def _turned(doc: Document, edge: float, dx: float, dy: float, pans: bool, flying: bool) -> OrbitPose:
    if pans:
        return orbit.pan(doc.camera, dx, dy, edge)
    if flying:
        return fly.look(doc.camera, dx, dy, edge)
    turn = orbit.trackball if doc.navigation.mode == "trackball" else orbit.orbit
    return turn(doc.camera, dx, dy, edge)


def keys() -> fly.Thrust:
    """The flying keys that are down; none while text is being typed or Ctrl is held."""
    io = imgui.get_io()
    if io.want_text_input or io.key_ctrl:
        return fly.Thrust()

    def axis(plus: imgui.Key, minus: imgui.Key) -> int:
        return int(imgui.is_key_down(plus)) - int(imgui.is_key_down(minus))

    k = imgui.Key
    return fly.Thrust(axis(k.d, k.a), axis(k.e, k.q), axis(k.w, k.s), io.key_shift)


def wheel(doc: Document, notches: float, ctrl: bool) -> Document:
    """Distance, with Ctrl the field of view; flying: the speed."""
    if doc.navigation.mode == "fly" and not ctrl:
        navigation = doc.navigation
        return doc.replace(navigation=Navigation(mode="fly", speed=fly.faster(navigation.speed, notches)))
    return doc.replace(camera=orbit.wheel(doc.camera, notches, ctrl))


def hint(doc: Document) -> str:
    """Text of the badge while flying; empty in the other modes."""
    return f"fly {doc.navigation.speed:.3g} wu/s   hold: W A S D, Q E" if doc.navigation.mode == "fly" else ""
