"""Every tab and popup of the real window in one size and theme, as contact sheets to look at.

`python -m tests.gui.contact_sheets OUT [--size 1280x720] [--theme light] [--scale 1.25] [--only WORD]`: a PNG for each view in
OUT/SIZE-THEME, and sheets of six views each beside it. The renderer is the blob head, the runs are synthetic.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from imgui_bundle import imgui
from PIL import Image, ImageDraw

from core_model.schema.camera import OrbitPose, label25
from core_model.schema.checkpoint import CheckpointInfo
from tests.blob_head.session import BlobSession, blob_info
from tests.gui.panel_states import STATES, document
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from tests.unit.runs.synthetic import Plan, picture, write_foreign, write_native
from viewer.features.training.panel import TABS
from viewer.state import actions
from viewer.state.store import Banner
from viewer.tour.virtual_display import some_display
from viewer.widgets.file_chooser import FileWish

SIZES = ((1600, 1000), (1280, 720), (1024, 700))
TILE, COLUMNS, ROWS = 800, 2, 3


class AnyFile(BlobSession):
    """The blob, whatever file is opened: snapshots of synthetic runs hold nothing."""

    def open(self, path: str) -> CheckpointInfo:
        return blob_info(path)


HERE = Path(__file__).resolve()
View = tuple[str, Callable[[Hands], None]]


def panels() -> Iterator[View]:
    """Each state of each panel, in front of its group."""
    for state, (title, prepare) in STATES.items():

        def show(h: Hands, title: str = title, prepare: Callable[[Hands], None] = prepare) -> None:
            for closed in ("Ray", "Compare", "Inversion", "Layers"):
                h.app.show_panel(closed, title == closed)
            h.app.front_panel(title)
            h.ctx.yield_(3)
            prepare(h)

        yield f"panel {state}", show


def popups() -> Iterator[View]:
    """Menus, sheets, palette, messages."""
    for place, menu in enumerate(("File", "Edit", "View", "Help")):
        yield f"menu {menu}", lambda h, place=place: _menu(h, place)
    yield "palette", lambda h: h.loop.dispatch(actions.TogglePalette())
    yield "keys", lambda h: h.loop.dispatch(actions.ToggleKeys())
    yield "about", lambda h: h.loop.dispatch(actions.ShowAbout())
    yield "doctor", lambda h: h.loop.dispatch(actions.ShowDoctor())
    yield "banner", lambda h: setattr(h.loop.store, "banner", Banner("Cannot open head.pkl", "no such file"))
    yield ("toast", lambda h: h.loop.toasts.add("head.glb is there", "meshes/head.glb", time.monotonic()))


def files() -> Iterator[View]:
    """The browser of files, for each of its kinds."""
    for kind in ("open", "save", "folder"):

        def show(h: Hands, kind: Any = kind) -> None:
            h.loop.files.system = False
            kinds = (("Python files", (".py",)), ("All files", ()))
            h.loop.files.ask(
                FileWish("Open a checkpoint, or a file whose view is to be restored", kind, kinds, str(HERE)),
                print,
            )

        yield f"browser to {kind}", show


def a_data_set(path: Path) -> None:
    """Twenty-four pictures with their cameras."""
    rng = np.random.default_rng(2)
    poses = [OrbitPose(yaw=float(rng.normal(0, 0.5)), pitch=float(rng.normal(0, 0.2))) for _ in range(24)]
    grid = np.asarray(picture(4, 1.0, edge=64))
    with zipfile.ZipFile(path, "w") as out:
        for number in range(24):
            x, y = number % 6 * 64, number // 6 * 64
            data = BytesIO()
            Image.fromarray(grid[y : y + 64, x : x + 64]).save(data, format="PNG")
            out.writestr(f"{number}.png", data.getvalue())
        labels = [[f"{n}.png", label25(pose).tolist()] for n, pose in enumerate(poses)]
        out.writestr("dataset.json", json.dumps({"labels": labels}))


def launches() -> Iterator[View]:
    """The new run with a data set, and with everything that can be opened."""

    def page(h: Hands) -> Any:
        training: Any = h.loop.features["training"].panel
        if h.loop.workspace.exploring:
            h.loop.dispatch(actions.ShowWorkspace("training"))
        training.view.show("launch")
        h.ctx.yield_(20)
        return training.launch

    def with_data(h: Hands) -> None:
        page(h).draft.data = str(Path.cwd() / "heads.zip")
        h.ctx.yield_(40)

    def making(h: Hands) -> None:
        launch = page(h)
        launch.data.making, launch.data.shown = True, False

    def photos(h: Hands) -> None:
        making(h)
        page(h).data.kind = "photos"

    yield "training launch with data", with_data
    yield "training launch making data", making
    yield "training launch of photographs", photos


def _menu(h: Hands, place: int) -> None:
    """Opens a menu by keys."""
    h.loop.dispatch(actions.FocusMenus())
    h.ctx.yield_(3)
    for key in (*(imgui.Key.right_arrow,) * place, imgui.Key.enter):
        h.ctx.key_press(key)
        h.ctx.yield_(2)


def trainings() -> Iterator[View]:
    """Each page of a run, of the new run, and of an empty list."""
    for tab, title in TABS:

        def show(h: Hands, tab: str = tab) -> None:
            panel = h.loop.features["training"].panel
            if h.loop.workspace.exploring:
                h.loop.dispatch(actions.ShowWorkspace("training"))
                h.until(lambda: len(panel.index.rows) > 1, "the runs", 4000)  # type: ignore[attr-defined]
            if tab != "alarms":  # the first run is one of another program
                panel.view.choose(Path.cwd() / "runs" / "heads128-ada")  # type: ignore[attr-defined]
            panel.view.show(tab)  # type: ignore[attr-defined]
            if tab == "snapshots":
                newest = max((Path.cwd() / "runs" / "heads128-ada" / "snapshots").iterdir())
                h.loop.dispatch(actions.OpenCheckpoint(str(newest)))
            h.ctx.yield_(60)

        yield f"training {title}", show


def shoot(h: Hands, views: list[View], folder: Path) -> list[Path]:
    """One picture per view; what a view opened is closed behind it."""
    made = []
    home = h.doc
    popped = False
    for number, (name, show) in enumerate(views, 1):
        if not name.startswith("panel") and not popped:  # nothing lies under them but the picture
            popped = True
            for closed in ("Ray", "Compare", "Inversion"):
                h.app.show_panel(closed, False)
            h.ctx.yield_(4)
        h.ctx.mouse_teleport_to_pos(imgui.ImVec2(0.6 * imgui.get_io().display_size.x, 8.0))
        show(h)
        h.ctx.yield_(14)
        path = folder / f"{number:02d} {name.replace('/', ' - ')}.png"
        path.unlink(missing_ok=True)
        h.app.screenshot(path)
        h.until(path.is_file, f"the picture of {name}")
        h.ctx.yield_(2)
        made.append(path)
        h.ctx.popup_close_all()
        loop = h.loop
        loop.keys_open = loop.about_open = loop.palette.open = False
        loop.doctor.close()
        loop.files.close()
        loop.store.banner, loop.toasts.shown = None, []
        loop.store.doc = home
        h.ctx.yield_(2)
    return made


def sheets(pictures: list[Path], folder: Path, stem: str) -> list[Path]:
    """The pictures, six to a sheet, each under its name."""
    made = []
    each = COLUMNS * ROWS
    for start in range(0, len(pictures), each):
        tiles = [Image.open(path).convert("RGB") for path in pictures[start : start + each]]
        high = round(TILE * tiles[0].height / tiles[0].width)
        sheet = Image.new("RGB", (COLUMNS * TILE, ROWS * (high + 18)), (90, 90, 90))
        pen = ImageDraw.Draw(sheet)
        for place, (tile, path) in enumerate(zip(tiles, pictures[start:], strict=False)):
            x, y = place % COLUMNS * TILE, place // COLUMNS * (high + 18)
            pen.text((x + 6, y + 3), path.stem, fill=(255, 255, 255))
            sheet.paste(tile.resize((TILE, high), Image.Resampling.LANCZOS), (x, y + 18))
        made.append(folder / f"{stem}-{start // each + 1:02d}.png")
        sheet.save(made[-1])
    return made


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("out", type=Path)
    options.add_argument("--size", default="")
    options.add_argument("--theme", choices=("dark", "light"), default="")
    options.add_argument("--scale", type=float, default=1.0)
    options.add_argument(
        "--only", default="", help="views whose name holds one of these words, with commas between them"
    )
    given = options.parse_args()
    sizes = [tuple(map(int, given.size.split("x")))] if given.size else list(SIZES)
    themes = [given.theme] if given.theme else ["dark", "light"]
    out = given.out.resolve()
    with tempfile.TemporaryDirectory() as scratch, some_display():
        work = Path(scratch)
        runs = work / "runs"
        start = time.time() - 200 * 37.0
        write_native(runs / "heads128-ada", Plan(edge=64, start=start), pid=os.getpid())
        write_native(runs / "nosampler", Plan(edge=64, seed=9, nan_at=40, start=start), state="failed")
        write_foreign(runs / "00012-ffhq", Plan(edge=64, seed=5, start=start))
        a_data_set(work / "heads.zip")
        os.environ["TRISCOPE_CONFIG_DIR"] = str(work)
        os.chdir(work)
        quality = {"max_size": 384, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05}
        views = [
            v
            for v in (*panels(), *popups(), *files(), *trainings(), *launches())
            if any(word in v[0].lower() for word in given.only.lower().split(","))
        ]
        for width, height in sizes:
            for theme in themes:
                look = {
                    "theme": theme,
                    "ui_scale": given.scale,
                    "window_size": [width, height],
                    "quality": quality,
                    "run_folders": [str(runs)],
                    "hint_read": True,
                }
                (work / "preferences.json").write_text(json.dumps(look))
                stem = f"{width}x{height}-{theme}"
                folder = out / stem
                folder.mkdir(parents=True, exist_ok=True)
                made: list[Path] = []

                def body(h: Hands, folder: Path = folder, made: list[Path] = made) -> None:
                    document()(h)
                    made += shoot(h, views, folder)

                drive(body, InlineClient(AnyFile), "blob:posed", (width, height))
                for sheet in sheets(made, out, stem):
                    print(sheet)


if __name__ == "__main__":
    main()
