"""An OpenGL context for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def context(display: str) -> Iterator[None]:
    """An OpenGL 3.3 core context in an invisible window."""
    import glfw
    import imgui_bundle  # noqa: F401  (chooses the glfw library)

    assert glfw.init()
    glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
    glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, glfw.TRUE)
    window = glfw.create_window(64, 64, "test", None, None)
    glfw.make_context_current(window)
    yield
    glfw.destroy_window(window)
    glfw.terminate()
