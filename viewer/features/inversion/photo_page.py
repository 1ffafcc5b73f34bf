"""The first page: a photograph, its crop and camera, the settings, and the start."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.home import expanded
from core_model.schema.inversion import CPU_STEPS, PAPER_STEPS
from core_model.schema.portrait import EG3D, Convention
from core_model.schema.question_photo import PHOTO_SUFFIXES, FacesQuestion, PhotoQuestion
from viewer.features.inversion.alignment import LEAST_EDGE, Alignment, FoundFace, found_faces
from viewer.features.inversion.settings import KIND, InversionSettings, arguments, base_of, free_run, why_not
from viewer.features.inversion.stage import PhotoStage
from viewer.jobs.command import as_typed
from viewer.jobs.tasks import Tasks
from viewer.state.query_cache import QueryCache
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.theme import Theme

SIDE_EM = 22.0
"""Width of the rows beside the photograph."""
_PLANS = (
    ("auto", "Automatic", f"{sum(CPU_STEPS)} steps on a CPU, the paper's {sum(PAPER_STEPS)} on a GPU"),
    ("paper", "Paper's", f"{PAPER_STEPS[0]} steps on the latent, {PAPER_STEPS[1]} on the weights"),
    ("own", "Own", "Steps of both stages by hand"),
)
_SPACES = (
    ("w", "w", "One w for all layers: a head as the generator makes them"),
    ("w+", "w+", "A w for each layer: closer to the photograph, and easier to break"),
)
_MASKS = (
    ("none", "Everywhere", "The whole square is compared"),
    ("opacity", "Head", "Only where the rendered head is: the background of the photograph does not count"),
)
_VIEWS = ((False, "Photograph", "The whole photograph"), (True, "Square", "A close-up of the square"))
_ANGLES = (
    ("yaw", -180.0, 180.0, "positive: the camera stands further right"),
    ("pitch", -90.0, 90.0, "positive: it looks from above"),
    ("roll", -180.0, 180.0, "about the viewing axis"),
)


class PhotoPage:
    """The photograph that is aligned; one at a time. path: of it, "" before the first.

    convention: where faces lie before the cameras of the checkpoint `base`. faces: None while they are looked for. face: the one that
    is taken.
    """

    def __init__(self) -> None:
        self.path = ""
        self.typed = ""
        self.pixels: np.ndarray | None = None
        self.alignment: Alignment | None = None
        self.convention = EG3D
        self.faces: tuple[FoundFace, ...] | None = None
        self.face = 0
        self.settings = InversionSettings()
        self.folder = ""
        self.run = ""
        self.label = ""
        self.complaint = ""
        self.stage = PhotoStage()
        self.base = ""
        self._untouched: Alignment | None = None

    def take(self, path: str) -> None:
        """Another photograph."""
        self.path = self.typed = str(expanded(path).absolute())
        self.pixels = self.alignment = self.faces = None
        self.label, self.complaint, self.run, self.face, self.base = "", "", "", 0, ""

    def ask(self, files: FileChooser) -> None:
        """Choose a photograph in a dialog."""
        wish = FileWish(
            "Open a photograph", "open", (("Pictures", PHOTO_SUFFIXES), ("All files", ())), self.path
        )
        files.ask(wish, lambda path: self.take(str(path)))

    def draw(
        self,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        tasks: Tasks,
        files: FileChooser,
        folder: str,
        far: bool,
    ) -> str:
        """Draws the page; returns the id of a task that was started, else ""."""
        self.folder = self.folder or folder
        self._read(queries, info)
        room, gap = imgui.get_content_region_avail(), 1.0 * theme.em
        beside = room.x > 2 * SIDE_EM * theme.em
        photo = (
            ImVec2(room.x - SIDE_EM * theme.em - gap, room.y)
            if beside
            else ImVec2(room.x, min(room.x, 0.55 * room.y))
        )
        self._picture(theme, info, photo)
        if beside:
            imgui.same_line(0.0, gap)
        controls.begin_child("##rows", ImVec2(0.0, 0.0 if beside else max(room.y - photo.y, 12 * theme.em)))
        started = self._rows(theme, info, tasks, files, far)
        imgui.end_child()
        return started

    def _read(self, queries: QueryCache, info: CheckpointInfo | None) -> None:
        """Pixels of the photograph, which the render process reads."""
        if not self.path or self.complaint or info is None:
            return
        if self.pixels is not None:
            self._look(queries, info)
            return
        question = PhotoQuestion(photo=self.path)
        answer, failed = queries.want(question), queries.error(question)
        if failed is not None:
            self.complaint = failed.message
        elif answer is not None:
            self.pixels = np.ascontiguousarray(answer.arrays["pixels"], dtype=np.float32)
            size = (int(answer.values["width"]), int(answer.values["height"]))
            self.convention = Convention.before(info.header.camera.default)
            self.alignment = Alignment.fresh(size, self.convention)
            self._untouched = self.alignment

    def _look(self, queries: QueryCache, info: CheckpointInfo) -> None:
        """The faces, and where the checkpoint has its own; anew for another checkpoint."""
        base = base_of(info)
        if base == self.base:
            return
        question = FacesQuestion(checkpoint=base, photo=self.path)
        answer, failed = queries.want(question), queries.error(question)
        if failed is not None:
            self.base, self.faces, self.complaint = base, (), failed.message
        elif answer is not None:
            self.base, self.faces = base, found_faces(answer.arrays)
            self.convention = Convention.model_validate_json(answer.values["convention"])
            if self.faces and self.alignment == self._untouched:
                self._take_face(min(self.face, len(self.faces) - 1))

    def _take_face(self, number: int) -> None:
        assert self.faces is not None and self.alignment is not None
        self.face = number
        self.alignment = Alignment.of_face(self.alignment.size, self.faces[number], self.convention)
        self._untouched = self.alignment

    def _picture(self, theme: Theme, info: CheckpointInfo | None, room: ImVec2) -> None:
        if self.pixels is not None and self.alignment is not None and info is not None:
            others = {i: face for i, face in enumerate(self.faces or ()) if i != self.face}
            self.alignment = self.stage.draw(
                theme, self.pixels, self.alignment, self.convention, others, room
            )
            if self.stage.picked is not None:
                self._take_face(self.stage.picked)
            return
        corner = imgui.get_cursor_screen_pos()
        end = ImVec2(corner.x + room.x, corner.y + room.y)
        imgui.get_window_draw_list().add_rect_filled(
            corner, end, theme.colour(theme.palette.canvas), imgui.get_style().frame_rounding
        )
        words = "Reading the photograph …" if self.path and not self.complaint else "Drop a photograph here"
        size = imgui.calc_text_size(words)
        at = ImVec2(corner.x + 0.5 * (room.x - size.x), corner.y + 0.5 * (room.y - size.y))
        imgui.get_window_draw_list().add_text(at, theme.colour(theme.palette.muted), words)
        imgui.dummy(room)

    def _rows(
        self, theme: Theme, info: CheckpointInfo | None, tasks: Tasks, files: FileChooser, far: bool
    ) -> str:
        self._file(theme, files)
        reason = why_not(info, far) or ("" if self.alignment is not None else "Open a photograph first")
        if info is not None and self.alignment is not None:
            self._camera(theme, self.alignment)
        self._settings(theme, info)
        return self._start(theme, info, tasks, reason)

    def _file(self, theme: Theme, files: FileChooser) -> None:
        tip = "A PNG, JPEG, WebP, TIFF or BMP of one face; type its path and press Enter, or drop it on the window"
        controls.label(theme, "Photograph", tip)
        gap, button = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        imgui.set_next_item_width(imgui.get_content_region_avail().x - button - gap)
        flags = int(imgui.InputTextFlags_.enter_returns_true)
        entered, self.typed = imgui.input_text("##photo", self.typed, flags)
        controls.tooltip(f"{tip}\n{self.path}".strip())
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_FOLDER_OPEN, "photo-open", tip="Choose a photograph"):
            self.ask(files)
        if entered and self.typed.strip():
            self.take(self.typed.strip())
        if self.complaint:
            with controls.text_colour(theme.palette.bad):
                controls.wrapped(self.complaint)

    def _camera(self, theme: Theme, now: Alignment) -> None:
        controls.section(theme, "Crop and camera")
        if now.complaint:
            with controls.text_colour(theme.palette.warn):
                controls.wrapped(now.complaint)
        else:
            controls.note(theme, self.said())
        now = self._choice(theme, now)
        self.stage.close_up = choice_rows.segmented(
            theme, "Show", "inversion-zoom", self.stage.close_up, _VIEWS, tip="What fills the room at the left"
        )  # fmt: skip
        now = self._crop(theme, self._distance(theme, self._angles(theme, now)))
        now = self._typed_label(theme, now)
        gap = imgui.get_style().item_inner_spacing.x
        width = 0.5 * (imgui.get_content_region_avail().x - gap)
        if controls.button(
            theme, "From the points###from-points", tip="Crop and camera as the five points say", width=width
        ):
            now = now.from_points(self.convention)
        imgui.same_line(0.0, gap)
        if controls.button(
            theme,
            "Reset###reset-camera",
            tip="The middle square, from the checkpoint's own camera",
            width=width,
        ):
            now, self.label = Alignment.fresh(now.size, self.convention), ""
        self.alignment = now

    def said(self) -> str:
        """What was found, and what the hand can do."""
        points = "drag the five points onto eyes, nose tip and corners of the mouth: crop and camera follow"
        if self.faces is None:
            return "Looking for the face; until it is found " + points + "."
        if not self.faces:
            return "No face was found: " + points + "."
        return "Where a point is wrong, drag it: crop and camera follow."

    def _choice(self, theme: Theme, now: Alignment) -> Alignment:
        """Which of several faces."""
        if self.faces is None or len(self.faces) < 2:
            return now
        options = [
            (i, f"{i + 1} of {len(self.faces)}", "By size, the largest first") for i in range(len(self.faces))
        ]
        tip = "Which face is taken; a click into its box takes it too"
        chosen = choice_rows.combo(theme, "Face", "##face", self.face, options, tip=tip)
        if chosen != self.face:
            self._take_face(chosen)
        return self.alignment or now

    def _angles(self, theme: Theme, now: Alignment) -> Alignment:
        controls.label(theme, "Angles", "Yaw, pitch and roll of the camera, degrees; drag or type")
        gap = imgui.get_style().item_inner_spacing.x
        width = (imgui.get_content_region_avail().x - 2 * gap) / 3
        pose = now.pose
        for place, (name, low, high, tip) in enumerate(_ANGLES):
            if place:
                imgui.same_line(0.0, gap)
            imgui.set_next_item_width(width)
            shown = math.degrees(getattr(pose, name))
            told = f"{name.title()}: {tip}"
            new = number_rows.dragged_float(theme, f"##photo-{name}", shown, 0.25, low, high, "%.1f°", told)
            if new != shown:
                pose = pose.replace(**{name: math.radians(new)})
        return now if pose == now.pose else now.with_pose(pose)

    def _distance(self, theme: Theme, now: Alignment) -> Alignment:
        new = number_rows.drag_float(
            theme, "Distance", "##photo-distance", now.pose.distance, speed=0.005, low=0.2, high=20.0, fmt="%.3f wu",
            tip="From the camera to the middle of the head, world units",
        )  # fmt: skip
        return now if new == now.pose.distance else now.with_pose(now.pose.at_distance(new))

    def _crop(self, theme: Theme, now: Alignment) -> Alignment:
        controls.label(
            theme, "Square", "Left, top and edge of the square that is compared, pixels of the photograph"
        )
        gap, crop = imgui.get_style().item_inner_spacing.x, now.crop
        width = (imgui.get_content_region_avail().x - 2 * gap) / 3
        values = [crop.left, crop.top, crop.edge]
        names = (("left", "Left side"), ("top", "Upper side"), ("edge", "Edge"))
        for place, (name, tip) in enumerate(names):
            if place:
                imgui.same_line(0.0, gap)
            imgui.set_next_item_width(width)
            low, high = (LEAST_EDGE, 65536.0) if name == "edge" else (-65536.0, 65536.0)
            values[place] = number_rows.dragged_float(
                theme, f"##crop-{name}", values[place], 1.0, low, high, "%.0f", f"{tip}, pixels"
            )
        if values == [crop.left, crop.top, crop.edge]:
            return now
        if values[2] != crop.edge:  # it grows about its middle
            values[0] -= 0.5 * (values[2] - crop.edge)
            values[1] -= 0.5 * (values[2] - crop.edge)
        return now.with_crop(*values)

    def _typed_label(self, theme: Theme, now: Alignment) -> Alignment:
        tip = "An EG3D label, 25 numbers: paste it and press Enter; it replaces angles and distance"
        controls.label(theme, "Label", tip)
        flags = int(imgui.InputTextFlags_.enter_returns_true)
        hint = "as pasted" if now.label else "paste 25 numbers"
        entered, self.label = imgui.input_text_with_hint("##photo-label", hint, self.label, flags)
        controls.tooltip(tip)
        if not entered:
            return now
        try:
            now, self.label = now.with_label(self.label, self.convention), ""
        except InputError as error:
            return now.refused(str(error))
        return now

    def _settings(self, theme: Theme, info: CheckpointInfo | None) -> None:
        controls.section(theme, "Search")
        s = self.settings
        plan = choice_rows.segmented(theme, "Steps", "inversion-steps", s.plan, _PLANS, tip="Of both stages")
        latent, tune = s.latent_steps, s.tune_steps
        if plan == "own":
            latent = number_rows.drag_int(
                theme, "Latent", "##latent-steps", latent, speed=1.0, low=0, high=100_000, fmt="%d steps",
                tip="First stage: latent, camera and noise",
            )  # fmt: skip
            tune = number_rows.drag_int(
                theme, "Weights", "##tune-steps", tune, speed=1.0, low=0, high=100_000, fmt="%d steps",
                tip="Second stage: camera and weights about the latent found",
            )  # fmt: skip
        most = info.image_size if info is not None else 512
        size = number_rows.drag_int(
            theme, "Size", "##inversion-size", s.size, speed=1.0, low=0, high=max(most, 512),
            fmt="%d px" if s.size else "automatic",
            tip=f"Edge of the compared pictures; 0 = automatic: 128 on a CPU, the checkpoint's {most} on a GPU",
        )  # fmt: skip
        space = choice_rows.segmented(
            theme, "Latent in", "inversion-space", s.space, _SPACES, tip="What is searched"
        )
        mask = choice_rows.segmented(
            theme, "Compared", "inversion-mask", s.mask, _MASKS, tip="Where losses count"
        )
        self.settings = InversionSettings(plan, latent, tune, size, space, mask)

    def _start(self, theme: Theme, info: CheckpointInfo | None, tasks: Tasks, reason: str) -> str:
        taken = {str(task.record.pinned.get("run", "")) for task in tasks.views(KIND)}
        run = (
            expanded(self.run.strip()) if self.run.strip() else free_run(Path(self.folder), self.path, taken)
        )
        tip = "The folder that the run makes: losses, pictures, the code and its figure; empty = named after the photograph"
        controls.label(theme, "Run", tip)
        self.run = imgui.input_text_with_hint("##inversion-run", run.name, self.run)[1]
        controls.tooltip(f"{tip}\n{run}")
        if not reason and (run.exists() or str(run) in taken):
            reason = f"{run.name} is there already: give the run another name"
        words: tuple[str, ...] = ()
        if info is not None and self.alignment is not None:
            words = arguments(self.path, info, str(run), self.alignment, self.settings)
        tip = f"Start the inversion in a process of its own\n{as_typed(words)}"
        if not controls.button(
            theme, f"{fa.ICON_FA_PLAY}  Start###inversion-start", tip=tip, why_not=reason, primary=True, width=-1.0
        ):  # fmt: skip
            return ""
        assert info is not None
        self.run, name = "", Path(self.path).name
        pinned = {"run": str(run), "base": base_of(info), "photo": name}
        return tasks.start(KIND, f"Inversion of {name}", words, run, pinned=pinned)
