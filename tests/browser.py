"""A real browser without a screen, for pages that triscope writes: Chromium with its software WebGL."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT_S = 240.0


def browser() -> str | None:
    """Its program; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def run_page(page: Path, folder: Path, script: str) -> dict[str, object]:
    """What `script` puts into `found`, after `page` is ready; its body may await. folder: for the browser's own files.

    Raises AssertionError with the browser's words when the page says nothing.
    """
    program = browser()
    assert program is not None
    probe = f"""<script>triscope.ready.then(async () => {{ const found = {{}}; {script}; return found; }})
    .catch((error) => ({{ error: String(error) }}))
    .then((found) => {{ const told = document.createElement("pre"); told.id = "told";
    told.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(found)))); document.body.append(told); }});</script>"""
    copy = folder / "probed.html"
    head, _, tail = page.read_text(encoding="utf-8").rpartition("</body>")
    copy.write_text(head + probe + "</body>" + tail, encoding="utf-8")
    line = [
        program, "--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage",
        "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}", "--window-size=800,800",
        "--force-device-scale-factor=1", "--virtual-time-budget=100000", "--dump-dom", copy.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(
        line,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env={**os.environ, "HOME": str(folder)},
        check=False,
    )
    told = re.search(r'<pre id="told">([^<]*)</pre>', done.stdout)
    assert told is not None, f"{program} said nothing of the page: {done.stderr[-2000:]}"
    found = json.loads(base64.b64decode(told.group(1)))
    assert "error" not in found, found["error"]
    return found


def pixels_of(url: object) -> np.ndarray:
    """[H, W, 3] float in [0, 1] of a canvas' data URL."""
    data = base64.b64decode(str(url).partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32) / 255.0
