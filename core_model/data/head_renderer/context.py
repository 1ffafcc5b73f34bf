"""An OpenGL 3.3 context without a window: EGL on Linux, a hidden window elsewhere."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any

from core_model.schema.errors import InputError

_SURFACELESS, _DEVICE = 0x31DD, 0x313F  # EGL_PLATFORM_SURFACELESS_MESA, EGL_PLATFORM_DEVICE_EXT
_MAJOR, _MINOR, _PROFILE, _CORE = 0x3098, 0x30FB, 0x30FD, 1


class OffscreenContext:
    """A current context in this thread until `close`; raises InputError where none can be made."""

    def __init__(self) -> None:
        self._close: Callable[[], None] | None = None
        try:
            self._close = _egl() if sys.platform.startswith("linux") else _hidden_window()
            from OpenGL import GL

            self.renderer = _text(GL.glGetString(GL.GL_RENDERER))
        except InputError:
            raise
        except Exception as error:  # a driver, a library or a symbol is missing: each shows in its own way
            raise InputError(
                what="no off-screen OpenGL 3.3",
                where="EGL" if sys.platform.startswith("linux") else "a hidden window",
                expected="a driver (on Debian and Ubuntu: libegl1 and libgl1-mesa-dri; no GPU is needed)",
                got=_reason(error),
            ) from None

    def close(self) -> None:
        if self._close is not None:
            self._close()
            self._close = None


def _reason(error: Exception) -> str:
    if sys.platform.startswith("linux") and os.environ.get("PYOPENGL_PLATFORM") != "egl":
        return "a process that uses PyOpenGL on a display; draw in one of its own"
    return (str(error).splitlines() or [type(error).__name__])[0][:100]


def _egl() -> Callable[[], None]:
    if "OpenGL" not in sys.modules:
        os.environ["PYOPENGL_PLATFORM"] = "egl"
    os.environ.setdefault(
        "LP_NUM_THREADS", "1"
    )  # llvmpipe: one process per core beats one picture on all cores
    from OpenGL import EGL

    display = _display(EGL)
    EGL.eglBindAPI(EGL.EGL_OPENGL_API)
    attributes = [_MAJOR, 3, _MINOR, 3, _PROFILE, _CORE, EGL.EGL_NONE]
    context = EGL.eglCreateContext(display, None, EGL.EGL_NO_CONTEXT, attributes)
    if not context:
        raise RuntimeError("eglCreateContext gave no context of version 3.3")
    if not EGL.eglMakeCurrent(display, EGL.EGL_NO_SURFACE, EGL.EGL_NO_SURFACE, context):
        raise RuntimeError("eglMakeCurrent failed")

    def close() -> None:
        EGL.eglMakeCurrent(display, EGL.EGL_NO_SURFACE, EGL.EGL_NO_SURFACE, EGL.EGL_NO_CONTEXT)
        EGL.eglDestroyContext(display, context)

    return close


def _display(EGL: Any) -> Any:
    """The first display that starts: Mesa without a surface, a device (drivers of GPUs), the default one."""
    from OpenGL.EGL.EXT.device_enumeration import eglQueryDevicesEXT
    from OpenGL.EGL.EXT.platform_base import eglGetPlatformDisplayEXT

    def device() -> Any:
        devices, count = (ctypes.c_void_p * 1)(), ctypes.c_long()
        if not eglQueryDevicesEXT(1, devices, count) or not count.value:
            return None
        return eglGetPlatformDisplayEXT(_DEVICE, devices[0], None)

    tries = (
        lambda: eglGetPlatformDisplayEXT(_SURFACELESS, None, None),
        device,
        lambda: EGL.eglGetDisplay(EGL.EGL_DEFAULT_DISPLAY),
    )
    for attempt in tries:
        try:
            display = attempt()
            if display and EGL.eglInitialize(display, ctypes.c_long(), ctypes.c_long()):
                return display
        except Exception:  # this kind of display is unknown here: the next one
            continue
    raise RuntimeError("no EGL display starts")


def _hidden_window() -> Callable[[], None]:
    import glfw

    if not glfw.init():
        raise RuntimeError("glfw does not start")
    for hint, value in (
        (glfw.VISIBLE, False),
        (glfw.CONTEXT_VERSION_MAJOR, 3),
        (glfw.CONTEXT_VERSION_MINOR, 3),
        (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE),
        (glfw.OPENGL_FORWARD_COMPAT, True),
    ):
        glfw.window_hint(hint, value)
    window = glfw.create_window(16, 16, "", None, None)
    if not window:
        glfw.terminate()
        raise RuntimeError("no window with OpenGL 3.3")
    glfw.make_context_current(window)

    def close() -> None:
        glfw.destroy_window(window)

    return close


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
