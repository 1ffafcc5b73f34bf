"""What Dear ImGui's own items lack: drags that end in the frame in which they moved, and round items."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

LEFT, MIDDLE = 0, 2
SLACK_PX = 4.0
"""How far the mouse may move in a click."""


def disc(ident: str, radius: float) -> None:
    """An invisible round button at the cursor; the corners of its square belong to what lies below."""
    corner, mouse, size = (
        imgui.get_cursor_screen_pos(),
        imgui.get_io().mouse_pos,
        ImVec2(2 * radius, 2 * radius),
    )
    inside = (mouse.x - corner.x - radius) ** 2 + (mouse.y - corner.y - radius) ** 2 <= radius**2
    if inside or imgui.internal.get_active_id() == imgui.get_id(ident):
        imgui.invisible_button(ident, size)
        return
    area = imgui.internal.ImRect(corner, ImVec2(corner.x + size.x, corner.y + size.y))
    imgui.internal.item_size(size)
    imgui.internal.item_add(area, imgui.get_id(ident))


def dragged(button: int, slack: float) -> bool:
    """Whether the mouse has left the point where a button was pressed, also when it was released within one
    frame.
    """
    if imgui.is_mouse_down(button):
        return imgui.is_mouse_dragging(button, slack)
    away = imgui.get_mouse_drag_delta(button, 0.0)
    return imgui.is_mouse_released(button) and away.x**2 + away.y**2 >= slack**2
