"""Making a data set from the window: heads of made-up people, as a task of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.home import expanded
from viewer.features.training.data_task import KIND, DataTask
from viewer.jobs.desk import free_name
from viewer.jobs.tasks import Tasks
from viewer.runs.format import duration
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.path_field import PathField
from viewer.widgets.theme import Theme

_BACKGROUNDS = (
    ("plain", "Plain", "One colour behind the head, as the presets for heads expect"),
    ("blurred", "Blurred", "A place far out of focus"),
)


@dataclass
class HeadsWish:
    """What is typed: number of images, pixels of their edge (0 = as the training shows them), first seed, images of a head."""

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
        self._task = DataTask("heads")

    def draw(self, theme: Theme, tasks: Tasks, files: FileChooser, resolution: int) -> str:
        """The form; the path of a set that was finished since, "" for none. resolution: of the training, pixels."""
        wish = self.wish
        size = wish.size or resolution
        self.out = self.out or str(free_name(Path.cwd(), f"heads{size}.zip"))
        wish.count = number_rows.drag_int(
            theme,
            "Images",
            "##heads-count",
            wish.count,
            speed=10.0,
            low=1,
            high=1_000_000,
            tip="Number of images",
        )
        tip = "Edge of an image; it begins with what the training shows its discriminator"
        chosen = number_rows.drag_int(
            theme, "Size", "##heads-size", size, speed=1.0, low=8, high=2048, fmt="%d px", tip=tip
        )
        wish.size = chosen if chosen != resolution else 0
        tip = "Images of each head, each from another camera"
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
        tip = "Image i has camera seed + i, and the head seed + i / views"
        wish.seed = number_rows.drag_int(
            theme, "First seed", "##heads-seed", wish.seed, speed=1.0, low=0, high=2**31 - 1, tip=tip
        )
        tip = "What lies behind the heads"
        wish.background = choice_rows.segmented(
            theme, "Behind them", "heads-background", wish.background, _BACKGROUNDS, tip=tip
        )
        tip = "Also write normals, depth, masks, parts and landmarks of each image; a training does not need them"
        wish.truth = choice_rows.toggle(theme, "Known truth", "##heads-truth", wish.truth, tip=tip)
        controls.label(theme, "File", "A .zip, or a folder where the name has no .zip")
        self.out = self._field.draw(
            theme, files, self.out, tip="A .zip, or a folder where the name has no .zip"
        )
        return self._start(theme, tasks, chosen)

    def arguments(self, size: int) -> tuple[str, ...]:
        """Words of `triscope data heads`."""
        wish = self.wish
        out = str(expanded(self.out.strip()).absolute())
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
        why = self._task.why_not(tasks, self.out)
        tip = f"Draw them, in a process of its own that outlives this window{_measured(tasks, self.wish.count, size)}"
        if controls.button(
            theme, f"{fa.ICON_FA_USERS}  Make the heads###make-heads", tip=tip, why_not=why, primary=not why
        ):
            pinned = {"count": self.wish.count, "size": size}
            self._task.start(tasks, self.arguments(size), self.out, pinned)
        made = self._task.draw(theme, tasks, "End it; nothing half-written stays")
        if made:
            self.out = ""
        return made


def _measured(tasks: Tasks, count: int, size: int) -> str:
    """How long it will take, where a set of that size was made on this machine."""
    for task in tasks.views(KIND):
        made = task.record.pinned.get("count")
        if task.state == "done" and made and task.record.pinned.get("size") == size and task.seconds > 0:
            return f"; about {duration(max(task.seconds / made * count, 1.0))}, as measured on this machine"
    return ""
