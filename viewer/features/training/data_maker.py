"""Making a data set from the window: heads of made-up people, as a task of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from viewer.features.training.rows import progress_line
from viewer.jobs.desk import free_name
from viewer.jobs.tasks import Task, Tasks
from viewer.runs.format import duration, time_left
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.glyphs import legible
from viewer.widgets.path_field import PathField
from viewer.widgets.theme import Theme

KIND = "data"
"""Tasks that make data sets."""
_BACKGROUNDS = (
    ("plain", "Plain", "One colour behind the head, as the presets for heads expect"),
    ("blurred", "Blurred", "A place far out of focus"),
)


@dataclass
class HeadsWish:
    """What is typed: number of pictures, pixels of their edge (0 = as the training shows them), first seed, pictures of a head."""

    count: int = 2000
    size: int = 0
    seed: int = 0
    views: int = 1
    background: str = "plain"
    truth: bool = False


class HeadsMaker:
    """The form, and the newest task of its kind. out: the file that is made."""

    def __init__(self) -> None:
        self.wish = HeadsWish()
        self.out = ""
        self._field = PathField(
            "heads-out", FileWish("Data set to be made", "save", (("Zip files", (".zip",)),))
        )
        self._taken: str | None = None

    def draw(self, theme: Theme, tasks: Tasks, files: FileChooser, resolution: int) -> str:
        """The form; the path of a set that was finished since, "" for none. resolution: of the training, pixels."""
        wish = self.wish
        size = wish.size or resolution
        self.out = self.out or str(free_name(Path.cwd(), f"heads{size}.zip"))
        wish.count = number_rows.drag_int(
            theme,
            "Pictures",
            "##heads-count",
            wish.count,
            speed=10.0,
            low=1,
            high=1_000_000,
            tip="Number of pictures",
        )
        tip = "Edge of a picture; it begins with what the training shows its discriminator"
        chosen = number_rows.drag_int(
            theme, "Size", "##heads-size", size, speed=1.0, low=8, high=2048, fmt="%d px", tip=tip
        )
        wish.size = chosen if chosen != resolution else 0
        tip = "Pictures of each head, each from another camera"
        wish.views = number_rows.drag_int(
            theme,
            "Views",
            "##heads-views",
            wish.views,
            speed=0.1,
            low=1,
            high=64,
            fmt="%d of a head",
            tip=tip,
        )
        tip = "Picture i has camera seed + i, and the head seed + i / views"
        wish.seed = number_rows.drag_int(
            theme, "First seed", "##heads-seed", wish.seed, speed=1.0, low=0, high=2**31 - 1, tip=tip
        )
        tip = "What lies behind the heads"
        wish.background = choice_rows.segmented(
            theme, "Behind them", "heads-background", wish.background, _BACKGROUNDS, tip=tip
        )
        tip = "Also write normals, depth, masks, parts and landmarks of each picture; a training does not need them"
        wish.truth = choice_rows.toggle(theme, "Known truth", "##heads-truth", wish.truth, tip=tip)
        controls.label(theme, "File", "A .zip, or a folder where the name has no .zip")
        self.out = self._field.draw(
            theme, files, self.out, tip="A .zip, or a folder where the name has no .zip"
        )
        return self._start(theme, tasks, chosen)

    def arguments(self, size: int) -> tuple[str, ...]:
        """Words of `triscope data heads`."""
        wish = self.wish
        out = str(Path(self.out.strip()).expanduser().absolute())
        said = [
            "data",
            "heads",
            out,
            "--count",
            str(wish.count),
            "--size",
            str(size),
            "--seed",
            str(wish.seed),
        ]
        said += ["--views", str(wish.views), "--background", wish.background]
        return (*said, "--truth" if wish.truth else "--no-truth")

    def _start(self, theme: Theme, tasks: Tasks, size: int) -> str:
        out = Path(self.out.strip()).expanduser().absolute()
        task = next(iter(tasks.views(KIND)), None)
        running = task is not None and not task.ended
        there = f"{out.name} is there already: choose another name" if out.exists() else ""
        why = (
            "One is being made"
            if running
            else "Name the file"
            if not self.out.strip()
            else there or ("" if out.parent.is_dir() else f"There is no folder {out.parent}")
        )
        tip = f"Draw them, in a process of its own that outlives this window{_measured(tasks, self.wish.count, size)}"
        if controls.button(
            theme, f"{fa.ICON_FA_USERS}  Make the heads###make-heads", tip=tip, why_not=why, primary=not why
        ):
            pinned = {"count": self.wish.count, "size": size}
            title = f"Data set {out.name}"
            self._taken = tasks.start(KIND, title, self.arguments(size), out, pinned=pinned)
        if task is None:
            return ""
        if running:
            imgui.same_line()
            if controls.button(theme, "Cancel###cancel-heads", tip="End it; nothing half-written stays"):
                tasks.cancel(task.record.id)
            progress_line(theme, task.fraction, theme.palette.accent, imgui.get_content_region_avail().x)
            said = ", ".join(part for part in (task.stage or task.state, time_left(task.eta_s)) if part)
            controls.note(theme, f"{100 * task.fraction:.0f} %  {said}")
        elif task.state not in ("done", "cancelled"):
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(legible(f"{task.state}: {task.message}"))
        return self._finished(task)

    def _finished(self, task: Task) -> str:
        """The set that this form began and that is there now; told once."""
        if task.record.id != self._taken or task.state != "done":
            return ""
        self._taken, self.out = None, ""
        return task.record.out


def _measured(tasks: Tasks, count: int, size: int) -> str:
    """How long it will take, where a set of that size was made on this machine."""
    for task in tasks.views(KIND):
        made = task.record.pinned.get("count")
        if task.state == "done" and made and task.record.pinned.get("size") == size and task.seconds > 0:
            return f"; about {duration(max(task.seconds / made * count, 1.0))}, as measured on this machine"
    return ""
