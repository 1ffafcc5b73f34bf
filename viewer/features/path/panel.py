"""The camera path: keys on a time line, played in the view and rendered as a video.

The path is the document's, the play head is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.camera import CameraPrior, OrbitPose
from core_model.schema.camera_path import MAX_DURATION_S, MAX_KEYS, CameraPath, Ease
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import LatentSpec
from viewer.features.path import edits, timeline
from viewer.features.path.cameras import overview
from viewer.features.path.film import POPUP_EM, Film, PathFile
from viewer.features.path.timeline import Timeline
from viewer.features.path.wrapped_row import WrappedRow
from viewer.jobs.tasks import Tasks
from viewer.state.camera_glide import CameraGlide
from viewer.state.document import Document
from viewer.state.orbit import clamp
from viewer.widgets import controls, typed
from viewer.widgets.feature import RequestFrames
from viewer.widgets.navigation import FLY_FPS
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme

STEP_S = 1.0
"""A key that is added where one is already goes this long after the last one."""
LONGEST_STEP_S = 0.25
"""A GUI frame that took longer moves the play head no further."""


class PathPanel:
    """Keeps the play head (seconds), the chosen key, and what is being typed.

    walks: whether it plays, and leads from head to head. cameras: whether they are drawn in the picture.
    """

    def __init__(self) -> None:
        self.head = 0.0
        self.playing = self.walks = False
        self.chosen = -1
        self.with_head = False
        self.cameras = True
        self._shown: OrbitPose | None = None
        self._seen: CameraPath | None = None
        self._drawn, self._frame = 0.0, 0
        self._timeline, self._file, self._film = Timeline(), PathFile(), Film()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        tasks: Tasks,
        glide: CameraGlide,
        request_frames: RequestFrames,
        now: float,
    ) -> Document:
        self._follow(doc)
        doc = self._play(doc, request_frames, now)
        self.chosen = self.chosen if self.chosen < len(doc.path.keys) else -1
        self.head = clamp(self.head, 0.0, doc.path.duration)
        start, room, running = (
            imgui.get_cursor_screen_pos(),
            imgui.get_content_region_avail(),
            self._film.running(tasks) is not None,
        )
        left = _beside(theme, room.x, room.y, running)
        row = WrappedRow(theme, left or room.x)
        doc = self._transport(doc, theme, now, row)
        doc = self._keys(doc, theme, row)
        doc = self._shape(doc, theme, row)
        self._outside(doc, glide, request_frames, now, row)
        doc = self._templates(doc, theme, info, row)
        doc = self._out(doc, theme, info, picture, tasks, row)
        if left:
            imgui.set_cursor_screen_pos(ImVec2(start.x + left + theme.em, start.y))
        tall = room.y if left else imgui.get_content_region_avail().y
        touch = self._timeline.draw(
            theme, doc.path, self.head, self.chosen, self._timeline.height(theme, tall - 2)
        )
        if touch.chosen is not None:
            self.chosen = touch.chosen
        if touch.moved_to is not None and self.chosen >= 0:
            edited = edits.moved(doc.path, self.chosen, touch.moved_to)
            if edited.chosen >= 0:
                doc = self._with(doc, edited.path)
                self.chosen = self._timeline.held = edited.chosen
                self.head = edited.path.keys[edited.chosen].time
        elif touch.head is not None:
            self.playing = False
            doc = self.look(doc, touch.head)
        self._seen = doc.path
        return doc

    def _follow(self, doc: Document) -> None:
        """A path that came from outside, with the view at its beginning: the play head goes there."""
        before, self._seen = self._seen, doc.path
        if before is doc.path or before is None or before == doc.path or not doc.path.keys:
            return
        if doc.camera == doc.path.pose_at(0.0):
            self.head, self.chosen, self.playing = 0.0, -1, False

    def choose(self, path: CameraPath, index: int) -> None:
        """Key `index` is chosen, with the play head on it; the view stays."""
        self.chosen, self.playing, self.head = index, False, path.keys[index].time

    # The play head

    def look(self, doc: Document, time: float) -> Document:
        """The play head at `time`, and the view from there."""
        self.head = clamp(time, 0.0, doc.path.duration)
        if not doc.path.keys:
            return doc
        pose, latent = doc.path.pose_at(self.head), doc.path.latent_at(self.head)
        self._shown = pose
        changes: dict[str, object] = {"camera": pose} if pose != doc.camera else {}
        if latent is not None and latent != doc.latent:
            changes["latent"] = latent
        return doc.replace(**changes) if changes else doc

    def _play(self, doc: Document, request_frames: RequestFrames, now: float) -> Document:
        elapsed, self._drawn = min(now - self._drawn, LONGEST_STEP_S), now
        frame = imgui.get_frame_count()
        hidden, self._frame = frame - self._frame > 2, frame
        taken_over = self._shown is not None and doc.camera != self._shown
        if not self.playing or not doc.path.keys or hidden or taken_over:
            self.playing = self.walks = False
            return doc
        time = self.head + elapsed
        if time >= doc.path.duration:
            self.playing = doc.path.loop
            time = time % doc.path.duration if doc.path.loop else doc.path.duration
        self.walks = self.playing and doc.path.latent_at(time) is not None
        request_frames(min(doc.path.fps, 60.0), moving=True)
        return self.look(doc, time)

    def _transport(self, doc: Document, theme: Theme, now: float, row: WrappedRow) -> Document:
        why_not = "" if doc.path.keys else "The path has no keys"
        icon, tip = (
            (fa.ICON_FA_PAUSE, "Pause") if self.playing else (fa.ICON_FA_PLAY, "Play the path in the view")
        )
        if row.icon(fa.ICON_FA_BACKWARD_STEP, "to-start", "To the beginning", why_not):
            doc = self.look(doc, 0.0)
        if row.icon(icon, "play", tip, why_not):
            self.playing = not self.playing
            self._drawn = now
            if self.playing:
                at_end = not doc.path.loop and self.head >= doc.path.duration - 0.5 / doc.path.fps
                doc = self.look(doc, 0.0 if at_end else self.head)
        row.room(3.6 * theme.em)
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(f"{self.head:.2f} s")
        controls.tooltip(
            f"Time of the play head, seconds; frame {round(self.head * doc.path.fps)} at {doc.path.fps:g} per second"
        )
        return doc

    # Keys

    def _keys(self, doc: Document, theme: Theme, row: WrappedRow) -> Document:
        path, latent = doc.path, self._latent(doc)
        nothing = "" if self.chosen >= 0 else "Choose a key first"
        there = edits.key_near(path, self.head) >= 0
        tip = (
            f"Add the present view {STEP_S:g} s after the last key"
            if there
            else f"Add the present view at {self.head:.2f} s"
        )
        full = f"A path has at most {MAX_KEYS} keys" if len(path.keys) >= MAX_KEYS else ""
        if row.icon(fa.ICON_FA_PLUS, "add-key", tip, full):
            time = path.keys[-1].time + STEP_S if there else self.head
            edited = edits.with_key(
                edits.lengthened(path, time + (STEP_S if there and path.loop else 0.0)),
                time,
                doc.camera,
                latent,
            )
            doc = self._chosen(doc, edited)
        if row.icon(fa.ICON_FA_CAMERA, "update-key", "Give the chosen key the present view", nothing):
            doc = self._with(doc, edits.updated(doc.path, self.chosen, doc.camera, latent))
        if row.icon(
            fa.ICON_FA_CLONE,
            "duplicate-key",
            "Copy the chosen key, half way to the next one",
            nothing or full,
        ):
            doc = self._chosen(doc, edits.duplicated(doc.path, self.chosen))
        if row.icon(fa.ICON_FA_TRASH, "delete-key", "Delete the chosen key", nothing):
            edited = edits.without_key(doc.path, self.chosen)
            doc, self.chosen = self._with(doc, edited.path), edited.chosen
        shown = doc.path.keys[self.chosen].time if 0 <= self.chosen < len(doc.path.keys) else 0.0
        row.room(5.4 * theme.em)
        with controls.disabled(nothing):
            end = doc.path.duration
            draw = lambda: imgui.drag_float(
                "##key-time", shown, 0.01, 0.0, end, "at %.2f s", imgui.SliderFlags_.always_clamp
            )
            time = typed.dragged(theme, "##key-time", shown, 0.0, end, "at %.2f s", draw)
        controls.tooltip(nothing or "Time of the chosen key, seconds")
        if time != shown and self.chosen >= 0:
            doc = self._chosen(doc, edits.moved(doc.path, self.chosen, time))
        return self._ease(doc, theme, row)

    def _ease(self, doc: Document, theme: Theme, row: WrappedRow) -> Document:
        """How the time passes between the chosen key and the next one."""
        keys, path = doc.path.keys, doc.path
        last = 0 <= self.chosen == len(keys) - 1 and not path.loop
        why_not = "Choose a key first" if self.chosen < 0 else "The last key leads nowhere" if last else ""
        shown = keys[self.chosen].ease if 0 <= self.chosen < len(keys) else "even"
        row.room(6.4 * theme.em)
        title, plain = _EASES[shown][0], imgui.ComboFlags_.no_arrow_button
        if why_not:  # it never opens: the stack of disabled items must not reach into a popup
            with controls.disabled(why_not):
                imgui.begin_combo("##ease", title, plain)
            controls.tooltip(why_not)
        elif imgui.begin_combo("##ease", title, plain):
            for ease, (name, tip) in _EASES.items():
                if imgui.selectable(f"{name}###{ease}", ease == shown)[0]:
                    key = keys[self.chosen].replace(ease=ease)
                    changed = (*keys[: self.chosen], key, *keys[self.chosen + 1 :])
                    doc = doc.replace(path=path.replace(keys=changed))
                controls.tooltip(tip)
            imgui.end_combo()
        else:
            controls.tooltip(f"Way to the next key: {_EASES[shown][1]}")
        return doc

    def _outside(
        self, doc: Document, glide: CameraGlide, request_frames: RequestFrames, now: float, row: WrappedRow
    ) -> None:
        """The path's cameras in the picture, and a view in which all of them lie."""
        tip = "Draw the path's cameras in the picture, to choose and drag them there"
        if row.icon(fa.ICON_FA_VIDEO, "cameras", tip, on=self.cameras):
            self.cameras = not self.cameras
        why_not = "" if doc.path.keys else "The path has no keys"
        tip = "Look at the path from outside, all its cameras in the picture (R brings the front view back)"
        if row.icon(fa.ICON_FA_UP_RIGHT_AND_DOWN_LEFT_FROM_CENTER, "overview", tip, why_not):
            self.cameras, self.playing = True, False
            glide.to(doc.camera, overview(doc.path, doc.camera), now)
            request_frames(FLY_FPS)

    def _latent(self, doc: Document) -> LatentSpec | None:
        return doc.latent if self.with_head else None

    def _chosen(self, doc: Document, edited: edits.Edited) -> Document:
        """Takes an edit over, with its key chosen and under the play head."""
        self.chosen = edited.chosen
        if 0 <= edited.chosen < len(edited.path.keys):
            self.head = edited.path.keys[edited.chosen].time
        return self._with(doc, edited.path)

    def _with(self, doc: Document, path: CameraPath) -> Document:
        return doc if path == doc.path else doc.replace(path=path)

    # The path as a whole

    def _shape(self, doc: Document, theme: Theme, row: WrappedRow) -> Document:
        path, few = doc.path, "" if len(doc.path.keys) > 1 else "A path needs two keys for it"
        if row.icon(fa.ICON_FA_REPEAT, "loop", "Loop: go back from the last key to the first", on=path.loop):
            path = edits.looped(path, not path.loop)
        smooth = path.spline == "cubic"
        if row.icon(
            fa.ICON_FA_BEZIER_CURVE, "spline", "Smooth curve through the keys; off: straight lines", on=smooth
        ):
            path = path.replace(spline="linear" if smooth else "cubic")
        if row.icon(fa.ICON_FA_RIGHT_LEFT, "reverse", "Reverse the path in time", few):
            path, self.chosen = edits.backwards(path), -1
        row.room(4.6 * theme.em, apart=True)
        clamped, limits = imgui.SliderFlags_.always_clamp, (edits.SHORTEST_S, MAX_DURATION_S)
        duration = typed.dragged(
            theme, "##duration", path.duration, *limits, "%.2f s",
            lambda: imgui.drag_float("##duration", doc.path.duration, 0.02, *limits, "%.2f s", clamped),
        )  # fmt: skip
        controls.tooltip("Duration of the path, seconds; the keys keep their share of it")
        if duration != path.duration:
            path = edits.stretched(path, duration)
        row.room(4.4 * theme.em)
        fps = typed.dragged(
            theme, "##fps", path.fps, 1.0, 240.0, "%.0f fps",
            lambda: imgui.drag_float("##fps", doc.path.fps, 0.1, 1.0, 240.0, "%.0f fps", clamped),
        )  # fmt: skip
        controls.tooltip("Frames per second of the video; keys snap to frames")
        if fps != path.fps:
            path = path.replace(fps=round(fps))
        tip = "New and updated keys keep the head (latent) too; it moves where every key has one"
        if row.icon(fa.ICON_FA_USER, "with-head", tip, on=self.with_head):
            self.with_head = not self.with_head
        return self._with(doc, path)

    def _templates(
        self, doc: Document, theme: Theme, info: CheckpointInfo | None, row: WrappedRow
    ) -> Document:
        if row.icon(
            fa.ICON_FA_WAND_MAGIC_SPARKLES, "templates", "Start from a ready-made path about the present view"
        ):
            imgui.open_popup("path-templates")
        if not imgui.begin_popup("path-templates"):
            return doc
        prior = info.header.camera if info else CameraPrior()
        length, fps, pose = doc.path.duration, doc.path.fps, doc.camera
        undo = theme.key("edit.undo", "Undo")
        made: tuple[tuple[str, str, Callable[[], CameraPath]], ...] = (
            ("Turntable", "One full turn at the present height", lambda: edits.turntable(pose, length, fps)),
            (
                "Sway ±1σ",
                "An ellipse of one standard deviation of the checkpoint's cameras",
                lambda: edits.sway(pose, prior, length, fps),
            ),
            ("Spiral", "Two turns that rise and come nearer", lambda: edits.spiral(pose, length, fps)),
            ("Empty", "Remove all keys", lambda: CameraPath(duration=length, fps=fps)),
        )
        for title, tip, make in made:
            if imgui.menu_item(f"{title}###template-{title.split()[0].lower()}", "", False)[0]:
                doc, self.chosen, self.playing = self._with(doc, make()), -1, False
                doc = self.look(doc, 0.0)
            controls.tooltip(f"{tip}. The present path goes; {undo} brings it back")
        imgui.end_popup()
        return doc

    def _asks_for_film(self, theme: Theme, row: WrappedRow, why_not: str) -> bool:
        tip = "Make a video of the path"
        if row.width < NARROW_EM * theme.em:
            return row.icon(fa.ICON_FA_FILM, "render-path", tip, why_not)
        row.room(6.4 * theme.em, apart=True)
        return controls.button(theme, f"{fa.ICON_FA_FILM} Render…###render-path", tip=tip, why_not=why_not)

    def _out(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        tasks: Tasks,
        row: WrappedRow,
    ) -> Document:
        if row.icon(fa.ICON_FA_FILE_CODE, "path-file", "Save or load the path as a JSON file"):
            imgui.open_popup("path-file")
        if imgui.begin_popup("path-file"):
            imgui.dummy(imgui.ImVec2(POPUP_EM * theme.em, 0.0))
            path = self._file.draw(doc.path, theme)
            imgui.end_popup()
            if path is not doc.path:
                self.chosen = -1
                doc = self.look(self._with(doc, path), 0.0)
        task = self._film.running(tasks)
        if task is not None:
            row.room(16.0 * theme.em)
            self._film.progress(task, theme, tasks, 16.0 * theme.em)
            return doc
        why_not = "Nothing is open" if info is None else "" if doc.path.keys else "The path has no keys"
        if self._asks_for_film(theme, row, why_not):
            imgui.open_popup("render-path")
        if imgui.begin_popup("render-path"):
            imgui.dummy(imgui.ImVec2(POPUP_EM * theme.em, 0.0))
            self._film.draw(doc, theme, info, picture, tasks)
            imgui.end_popup()
        return doc


NARROW_EM = 34.0
"""In lines that are shorter the film's button has its icon alone, as all others have."""
CONTROLS_EM, FILM_EM = 60.0, 10.0
"""Width of all controls in one line, and what the bar of a running film adds."""
LEAST_TIMELINE_EM = 15.0


def _beside(theme: Theme, width: float, height: float, running: bool) -> float:
    """Width of the controls where the time line stands beside them, since below them it would lie under a fold; 0 = below."""
    line = imgui.get_frame_height_with_spacing()
    controls_px = (CONTROLS_EM + (FILM_EM if running else 0.0)) * theme.em
    if math.ceil(controls_px / max(width, 1.0)) * line + timeline.WHOLE_EM * theme.em <= height:
        return 0.0
    left = 1.08 * controls_px / max(int(height / line), 1)
    return left if width - left >= LEAST_TIMELINE_EM * theme.em else 0.0


_EASES: dict[Ease, tuple[str, str]] = {
    "even": ("Even", "At one pace"),
    "in": ("Ease in", "It sets out from rest"),
    "out": ("Ease out", "It comes to rest"),
    "in-out": ("In and out", "From rest to rest"),
}
