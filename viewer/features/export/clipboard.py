"""Pictures on the desktop's clipboard, through the tool that each desktop has.

Dear ImGui's own clipboard holds text only.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TIMEOUT_S = 10.0
_POWERSHELL = (
    "Add-Type -AssemblyName System.Windows.Forms,System.Drawing; "
    "[System.Windows.Forms.Clipboard]::SetImage([System.Drawing.Image]::FromFile('{path}'))"
)


@dataclass(frozen=True)
class ClipboardTool:
    """words: the command. by_file: it reads the PNG from the file {path}, else from its input."""

    words: tuple[str, ...]
    by_file: bool = False


def clipboard_tool() -> ClipboardTool | None:
    """The tool that takes a PNG on this desktop; None where there is none."""
    if sys.platform == "darwin":
        script = 'set the clipboard to (read (POSIX file "{path}") as «class PNGf»)'
        return ClipboardTool(("osascript", "-e", script), True) if shutil.which("osascript") else None
    if sys.platform == "win32":
        return (
            ClipboardTool(("powershell", "-NoProfile", "-STA", "-Command", _POWERSHELL), True)
            if shutil.which("powershell")
            else None
        )
    if os.environ.get("WAYLAND_DISPLAY") and shutil.which("wl-copy"):
        return ClipboardTool(("wl-copy", "--type", "image/png"))
    if shutil.which("xclip"):
        return ClipboardTool(("xclip", "-selection", "clipboard", "-t", "image/png", "-i"))
    return None


WHY_NOT = "No tool for pictures on the clipboard is installed (xclip, or wl-copy on Wayland)"


def png_bytes(pixels: np.ndarray) -> bytes:
    """[H, W, 3] uint8 as a PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def copy_picture(pixels: np.ndarray, tool: ClipboardTool) -> threading.Thread:
    """Hand [H, W, 3] uint8 to the clipboard in a thread of its own (the tool may take a while).

    Returns the thread.
    """
    thread = threading.Thread(
        target=_hand_over, args=(png_bytes(np.ascontiguousarray(pixels)), tool), daemon=True
    )
    thread.start()
    return thread


def _hand_over(png: bytes, tool: ClipboardTool) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": TIMEOUT_S, "check": False}
    try:
        if not tool.by_file:
            subprocess.run(tool.words, input=png, **quiet)
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture.png"
            path.write_bytes(png)
            subprocess.run([word.replace("{path}", str(path)) for word in tool.words], **quiet)
    except (OSError, subprocess.TimeoutExpired):
        return
