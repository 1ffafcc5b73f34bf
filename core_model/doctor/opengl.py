"""OpenGL of this machine: `python -m core_model.doctor.opengl` makes a hidden window and tells what it got.

With `offscreen` it makes the context without a display in which `triscope data heads` draws.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from core_model.doctor.asking import Answer, ask, tell
from core_model.schema.doctor import Finding

MODULE = "core_model.doctor.opengl"
TIMEOUT_S = 60.0
SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "software", "gdi generic", "basic render")
DRIVER = "install or update the driver of the graphics card"
MESA = "on Debian and Ubuntu: apt-get install libgl1 libegl1 libglx-mesa0 libgl1-mesa-dri libegl-mesa0"
PLATFORMS = {"X11": "X11", "WAYLAND": "Wayland", "WIN32": "Windows", "COCOA": "macOS", "NULL": "none"}


def findings(headless: bool) -> list[Finding]:
    """Display and OpenGL of the window, and OpenGL off the screen. headless: no window is wanted here."""
    answer = ask(MODULE, "window", timeout_s=TIMEOUT_S)
    offscreen = ask(MODULE, "offscreen", timeout_s=TIMEOUT_S)
    missing = "note" if headless else "fatal"
    return [_display(answer, missing), *_opengl(answer, missing), _offscreen(offscreen)]


def _display(answer: Answer, missing: Any) -> Finding:
    display = answer.first("display")
    if display is None:
        why = answer.first("no_display") or answer.ended or "no answer"
        return Finding(
            group="Window", name="display", title="Display", value=f"none: {why}", status=missing,
            remedy=_libraries() if answer.first("no_libraries") else _display_remedy(), facts={"found": False},
        )  # fmt: skip
    screens = ", ".join(f"{w} × {h}" for w, h in display["screens"]) or "no screen"
    scale = f" at {100 * display['scale']:.0f} %" if display["scale"] != 1.0 else ""
    name = PLATFORMS.get(display["platform"], display["platform"])
    return Finding(
        group="Window", name="display", title="Display", value=f"{name}, {screens}{scale}",
        facts={"found": True, "platform": name, "scale": display["scale"], "screens": screens},
    )  # fmt: skip


def _libraries() -> str:
    return (
        f"install what is named there; {MESA}"
        if sys.platform.startswith("linux")
        else "install triscope anew"
    )


def _display_remedy() -> str:
    if not sys.platform.startswith("linux"):
        return "start it from a desktop session, not from a service or over ssh"
    named = [f"{n}={os.environ[n]}" for n in ("DISPLAY", "WAYLAND_DISPLAY") if os.environ.get(n)]
    if named:
        return f"{' and '.join(named)} leads to no display that answers: start a desktop session there, or set it right"
    return (
        "start it from a desktop session (ssh -X is slow); without one, `triscope demo` takes pictures in a virtual display, commands "
        'and `triscope worker` need none (`triscope view --worker "ssh THIS-MACHINE triscope worker"` shows it elsewhere)'
    )


def _opengl(answer: Answer, missing: Any) -> list[Finding]:
    if answer.first("display") is None:
        return []
    found = answer.first("opengl")
    if found is None:
        why = answer.first("no_opengl") or answer.ended or "no answer"
        older = answer.first("older")
        has = f"; the driver offers {older['version']} ({older['renderer']})" if older else ""
        return [
            Finding(
                group="Window",
                name="opengl",
                title="OpenGL",
                value=f"no OpenGL 3.3: {why}{has}",
                status=missing,
                remedy=f"{DRIVER}, or use software drawing ({_software()})",
                facts={"found": False},
            )  # fmt: skip
        ]
    software = any(word in found["renderer"].lower() for word in SOFTWARE)
    slow = " (drawn by the processor: slower than a graphics card, nothing else)" if software else ""
    return [
        Finding(
            group="Window",
            name="opengl",
            title="OpenGL",
            value=f"{found['version']}, {found['renderer']}{slow}",
            status="note" if software else "ok",
            facts={**found, "found": True, "software": software},
        )
    ]


def _software() -> str:
    if sys.platform.startswith("linux"):
        return MESA
    return "Windows: mesa3d's opengl32.dll beside python.exe" if sys.platform == "win32" else "none on macOS"


def _offscreen(answer: Answer) -> Finding:
    renderer = answer.first("renderer")
    missing = answer.first("missing")
    if missing is not None:
        return Finding(
            group="Window", name="opengl-offscreen", title="OpenGL off the screen", status="note", value=f"not asked: {missing}",
            facts={"found": None},
        )  # fmt: skip
    if renderer is None:
        return Finding(
            group="Window", name="opengl-offscreen", title="OpenGL off the screen", status="problem",
            value=f"none: {answer.first('no_opengl') or answer.ended or 'no answer'}", facts={"found": False},
            remedy=f"only `triscope data heads` needs it; {MESA if sys.platform.startswith('linux') else DRIVER}",
        )  # fmt: skip
    return Finding(
        group="Window",
        name="opengl-offscreen",
        title="OpenGL off the screen",
        value=renderer,
        facts={"found": True, "renderer": renderer},
    )


# What the process does


def _window() -> None:
    """Tells `display`, then `opengl`; or `no_display`, or `no_opengl` and what an older context is."""
    try:
        import glfw
        import imgui_bundle  # noqa: F401  (the window's own library; OpenGL must be there for it to load)
    except Exception as error:  # a package or a system library is missing
        tell(no_display=f"{type(error).__name__}: {error}", no_libraries=True)
        return
    glfw.ERROR_REPORTING = False
    complaints: list[str] = []
    glfw.set_error_callback(
        lambda code, text: complaints.append(
            text.decode(errors="replace") if isinstance(text, bytes) else text
        )
    )
    if not glfw.init():
        tell(no_display=_last(complaints) or "glfw does not start")
        return
    named = {getattr(glfw, f"PLATFORM_{name}", None): name for name in PLATFORMS}
    monitors = glfw.get_monitors()
    modes = [glfw.get_video_mode(m).size for m in monitors]
    scale = glfw.get_monitor_content_scale(monitors[0])[0] if monitors else 1.0
    platform = named.get(glfw.get_platform(), "") if hasattr(glfw, "get_platform") else sys.platform
    tell(display={"platform": platform, "screens": [[s.width, s.height] for s in modes], "scale": scale})
    glfw.window_hint(glfw.VISIBLE, False)
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
    glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
    window = glfw.create_window(64, 64, "triscope doctor", None, None)
    if window:
        glfw.make_context_current(window)
        tell(opengl=_facts())
    else:
        tell(no_opengl=_last(complaints) or "glfw makes no window")
        glfw.default_window_hints()
        glfw.window_hint(glfw.VISIBLE, False)
        older = glfw.create_window(64, 64, "triscope doctor", None, None)
        if older:
            glfw.make_context_current(older)
            tell(older=_facts())
    glfw.terminate()


def _facts() -> dict[str, str | int]:
    from OpenGL import GL

    def text(name: Any) -> str:
        return bytes(GL.glGetString(name) or b"").decode(errors="replace")

    return {
        "version": text(GL.GL_VERSION),
        "renderer": text(GL.GL_RENDERER),
        "vendor": text(GL.GL_VENDOR),
        "max_texture": int(GL.glGetIntegerv(GL.GL_MAX_TEXTURE_SIZE)),
    }


def _offscreen_context() -> None:
    from core_model.schema.errors import InputError
    from core_model.schema.extras import missing_extra

    try:
        from core_model.data.head_renderer.context import OffscreenContext

        context = OffscreenContext()
    except InputError as error:
        tell(no_opengl=error.got or str(error))
        return
    except ImportError as error:
        tell(missing=str(missing_extra(error) or error))
        return
    tell(renderer=context.renderer)
    context.close()


def _last(texts: list[str]) -> str:
    return " ".join(texts[-1].split()) if texts else ""


if __name__ == "__main__":
    _window() if sys.argv[1] == "window" else _offscreen_context()
