"""Presses on things that lie over one another, decided in the frame in which they come.

Dear ImGui gives an item with `allow_overlap` the mouse one frame after it came there, and the item above it one frame later still. Where
a frame takes a tenth of a second, a hand has moved and clicked within one: the click was lost, or went to what lies below.
"""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

LEFT, RIGHT, MIDDLE = 0, 1, 2


def under(ident: str, size: ImVec2, buttons: tuple[int, ...] = (LEFT,)) -> bool:
    """An invisible button that others lie over (`over`); True while the mouse is on it. A press on it is never lost."""
    flags = {LEFT: imgui.ButtonFlags_.mouse_button_left, RIGHT: imgui.ButtonFlags_.mouse_button_right}
    flags[MIDDLE] = imgui.ButtonFlags_.mouse_button_middle
    imgui.set_next_item_allow_overlap()
    imgui.invisible_button(ident, size, sum(int(flags[b]) for b in buttons))
    if imgui.is_item_hovered():
        return True
    fresh = next((b for b in buttons if imgui.is_mouse_clicked(b)), None)
    if fresh is None or not _on_item() or imgui.internal.get_active_id():
        return False
    _take(fresh)
    return True


def over(ident: str, size: ImVec2, disc: bool = False) -> bool:
    """An invisible button over another (`under`); True when it was clicked. disc: only the inscribed disc is it, not the corners."""
    corner, mouse = imgui.get_cursor_screen_pos(), imgui.get_io().mouse_pos
    x, y = mouse.x - corner.x - 0.5 * size.x, mouse.y - corner.y - 0.5 * size.y
    inside = not disc or 4 * (x * x + y * y) <= size.x * size.y
    held = imgui.internal.get_active_id() == imgui.get_id(ident)
    if not inside and not held:
        area = imgui.internal.ImRect(corner, ImVec2(corner.x + size.x, corner.y + size.y))
        imgui.internal.item_size(size)
        imgui.internal.item_add(area, imgui.get_id(ident))
        return False
    clicked = imgui.invisible_button(ident, size)
    if imgui.is_mouse_clicked(LEFT) and not imgui.is_item_active() and _on_item():
        _take(LEFT)
    return clicked


def dragged(button: int, slack: float) -> bool:
    """Whether the mouse has left the place where a button went down, also where both fell into the frame of its release."""
    if imgui.is_mouse_down(button):
        return imgui.is_mouse_dragging(button, slack)
    away = imgui.get_mouse_drag_delta(button, 0.0)
    return imgui.is_mouse_released(button) and away.x**2 + away.y**2 >= slack**2


def _on_item() -> bool:
    """Whether the mouse is on the last item, and no other window or popup lies over it."""
    return imgui.is_window_hovered() and imgui.is_mouse_hovering_rect(imgui.get_item_rect_min(), imgui.get_item_rect_max())


def _take(button: int) -> None:
    """Make the last item the one that holds the mouse button."""
    imgui.internal.set_active_id(imgui.get_item_id(), imgui.internal.get_current_window())
    imgui.get_current_context().active_id_mouse_button = button
