"""The part of the window that the frame loop uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from viewer.state.palette import ThemeName

if TYPE_CHECKING:
    from viewer.render_client.protocol import Renderer


class WindowOptions(Protocol):
    """The part of the start options that chooses the renderer."""

    @property
    def client(self) -> Renderer | None: ...
    @property
    def factory(self) -> str: ...
    @property
    def touring(self) -> bool: ...
    @property
    def worker(self) -> str: ...


class WindowProtocol(Protocol):
    """Every call takes effect with the next GUI frame; all but `wake` belong to the window's own thread."""

    @property
    def options(self) -> WindowOptions: ...
    @property
    def wake(self) -> Callable[[], None]: ...

    def set_look(self, name: ThemeName, scale: float) -> None:
        """Theme and interface scale."""
        ...

    def set_title(self, text: str) -> None:
        """What is open, for the desktop's window list."""
        ...

    def panels_shown(self) -> tuple[tuple[str, bool, bool], ...]:
        """(title, visible, can be hidden) of every panel."""
        ...

    def show_panel(self, title: str, visible: bool) -> None: ...
    def front_panel(self, title: str) -> None: ...

    def toggle_panels(self) -> None: ...
    def reset_layout(self) -> None: ...

    def pace(self, frames_per_second: float, dragging: bool) -> None:
        """Frames per second while no event comes in. dragging: a lower limit, which leaves the processor to the
        renderer.
        """
        ...

    def quit(self) -> None: ...
