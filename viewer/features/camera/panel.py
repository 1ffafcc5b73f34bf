"""The camera panel: distribution of the checkpoint's cameras, navigation, exact numbers, named views."""

from __future__ import annotations

import math

from imgui_bundle import imgui

from core_model.schema.camera import CameraPrior, OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from viewer.features.camera import prior_plot
from viewer.features.camera.exact_pose import ExactPose
from viewer.state import fly, orbit, prior_marks
from viewer.state.actions import Dispatch
from viewer.state.camera_glide import CameraGlide
from viewer.state.document import Document
from viewer.widgets import choice_rows, controls, number_rows, typed
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.navigation import MODES
from viewer.widgets.theme import Theme

_SIDES: tuple[tuple[orbit.ViewName, str], ...] = (
    ("front", "Front"),
    ("three-quarter", "3/4"),
    ("left", "Left"),
    ("right", "Right"),
    ("top", "Top"),
    ("back", "Back"),
)
_ANGLES = (
    ("yaw", -180.0, 180.0, "camera about the vertical axis; positive moves it to +x"),
    ("pitch", -89.0, 89.0, "camera above the horizon"),
    ("roll", -180.0, 180.0, "about the viewing axis; positive turns the picture counter-clockwise"),
)
_PROJECTIONS = (
    (False, "Perspective", "Rays from one eye; near things are larger"),
    (
        True,
        "Orthographic",
        "Parallel rays; sizes do not depend on depth. It shows what the perspective picture shows at the pivot",
    ),
)


class CameraPanel:
    """Keeps what is being typed, and the plot's extent while its dot is dragged."""

    def __init__(self) -> None:
        self._plot = prior_plot.PriorPlot()
        self._exact = ExactPose()
        self.exact_open = False
        self._room = 0.0

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        glide: CameraGlide,
        dispatch: Dispatch,
        now: float,
    ) -> Document:
        prior = info.header.camera if info else CameraPrior()
        pose = doc.camera
        if prior.law == "none":
            controls.note(theme, "A closed form: there were no training cameras.")
        else:
            pose = self._plot.draw(theme, prior, pose, "" if info else "Nothing is open")
            prior_plot.verdict(theme, prior, pose)
        doc = self._navigation(doc, theme)
        pose = self._angles(pose, theme)
        pose = self._lens(pose, theme)
        pose = self._pivot(pose, theme)
        target = self._views(pose, prior, theme)
        self.exact_open = controls.fold(
            theme,
            "Exact pose",
            "##fold-exact-pose",
            self.exact_open,
            tip="Copy, paste or type the camera as text",
        )
        if self.exact_open:
            pose = self._exact.draw(pose, theme, dispatch)
        if target != pose and pose == doc.camera:
            glide.to(pose, target, now)
        return doc if pose == doc.camera else doc.replace(camera=pose)

    def _navigation(self, doc: Document, theme: Theme) -> Document:
        kept = doc.navigation
        mode = choice_rows.segmented(
            theme, "Left drag", "navigation", kept.mode, MODES, tip="What a drag with the left button does"
        )
        speed = kept.speed
        if mode == "fly":
            speed = number_rows.drag_float(
                theme, "Speed", "##fly-speed", speed, speed=0.005, low=fly.SPEED_LIMITS[0], high=fly.SPEED_LIMITS[1], fmt="%.3f wu/s",
                tip="World units per second; Shift makes it four times as fast. While flying the wheel changes it",
            )  # fmt: skip
        new = kept.replace(mode=mode, speed=speed)
        return doc if new == kept else doc.replace(navigation=new)

    def _angles(self, pose: OrbitPose, theme: Theme) -> OrbitPose:
        controls.label(theme, "Angles", "Yaw, pitch and roll, degrees; drag or type")
        gap = imgui.get_style().item_inner_spacing.x
        width = (imgui.get_content_region_avail().x - 2 * gap) / 3
        for place, (name, low, high, tip) in enumerate(_ANGLES):
            if place:
                imgui.same_line(0.0, gap)
            imgui.set_next_item_width(width)
            radians = getattr(pose, name)
            shown = math.degrees(radians)
            told = f"{name.title()}: {tip}. {shown:.2f}° = {radians:.4f} rad"
            new = number_rows.dragged_float(theme, f"##{name}", shown, 0.25, low, high, "%.1f°", told)
            if new != shown:
                pose = pose.replace(**{name: math.radians(new)})
        return pose

    def _lens(self, pose: OrbitPose, theme: Theme) -> OrbitPose:
        parallel = choice_rows.segmented(
            theme,
            "Projection",
            "projection",
            pose.orthographic,
            _PROJECTIONS,
            tip="How rays leave the camera",
        )
        if parallel != pose.orthographic:
            pose = pose.replace(orthographic=parallel)
        radius = number_rows.drag_float(
            theme, "Distance", "##radius", pose.distance,
            speed=0.01, low=orbit.RADIUS_LIMITS[0], high=orbit.RADIUS_LIMITS[1], fmt="%.3f wu",
            tip="From the camera to the pivot, world units. "
            + ("Parallel rays: it only decides where the picture plane cuts" if parallel else "The wheel changes it"),
        )  # fmt: skip
        if radius != pose.distance:
            kept = pose.view_height
            pose = pose.at_distance(radius)
            pose = orbit.with_view_height(pose, kept) if parallel else pose
        return self._height(pose, theme) if parallel else self._fov(pose, theme)

    def _fov(self, pose: OrbitPose, theme: Theme) -> OrbitPose:
        shown = math.degrees(pose.fov)
        low, high = (math.degrees(v) for v in orbit.FOV_LIMITS)
        fov = number_rows.drag_float(
            theme, "Field of view", "##fov", shown, speed=0.05, low=low, high=high, fmt="%.2f°",
            tip=f"Full angle across the picture. Focal length {0.5 / math.tan(pose.fov / 2):.3f} picture widths. Ctrl+wheel changes it",
        )  # fmt: skip
        return pose if fov == shown else pose.replace(fov=math.radians(fov))

    def _height(self, pose: OrbitPose, theme: Theme) -> OrbitPose:
        shown = pose.view_height
        height = number_rows.drag_float(
            theme, "View height", "##view-height", shown, speed=0.004, low=0.001, high=1000.0, fmt="%.3f wu",
            tip="What the picture spans from edge to edge, world units. The wheel changes it",
        )  # fmt: skip
        return pose if height == shown else orbit.with_view_height(pose, height)

    def _pivot(self, pose: OrbitPose, theme: Theme) -> OrbitPose:
        controls.label(theme, "Pivot", _pivot_tip(pose, theme.key("camera.reset", "Reset")))
        new = typed.triple(theme, "##pivot", pose.pivot, -10.0, 10.0, "%.3f", 0.002)
        controls.tooltip("x (right), y (up), z (towards the viewer of the front view), world units")
        return pose if new == pose.pivot else pose.replace(pivot=new)

    def _views(self, pose: OrbitPose, prior: CameraPrior, theme: Theme) -> OrbitPose:
        """Where to turn to: the checkpoint's own views, the sides, the default pose.

        The present pose when nothing was pressed.
        """
        controls.section(theme, "Views")
        target = self._prior_views(pose, prior, theme)
        for index, (name, title) in enumerate(_SIDES):
            tip = f"Look from {name} at the present distance"
            if self._cell(theme, f"{title}###view-{name}", index % 4, 4, tip):
                target = orbit.snap_view(pose, name)
        if self._cell(
            theme, "Reset###reset", 2, 4, theme.keyed("The checkpoint's default pose", "camera.reset")
        ):
            target = orbit.reset(pose, prior)
        if self._cell(
            theme,
            "Frame###frame",
            3,
            4,
            theme.keyed("The whole subject from the present side", "camera.frame"),
        ):
            target = orbit.frame(pose, prior)
        return target

    def _prior_views(self, pose: OrbitPose, prior: CameraPrior, theme: Theme) -> OrbitPose:
        target, views = pose, prior_marks.presets(prior)
        tip = "Views at one and two standard deviations of the checkpoint's cameras"
        for title in ("Yaw", "Pitch"):
            row = [v for v in views if v.key.startswith("pitch") == (title == "Pitch")]
            if not row:
                continue
            controls.label(theme, title, tip)
            for column, view in enumerate(row):
                if self._cell(theme, f"{view.title}###prior-{view.key}", column, len(row), view.tip):
                    target = prior_marks.look(pose, view.yaw, view.pitch)
        return target

    def _cell(self, theme: Theme, title: str, column: int, columns: int, tip: str) -> bool:
        """One button of a row of equal ones; the first takes the measure of the row."""
        gap = imgui.get_style().item_inner_spacing.x
        if column:
            imgui.same_line(0.0, gap)
        else:
            self._room = imgui.get_content_region_avail().x
        return controls.button(theme, title, tip=tip, width=(self._room - (columns - 1) * gap) / columns)


def _pivot_tip(pose: OrbitPose, reset: str) -> str:
    if pose.centre is None:
        return "Point that the camera turns about: x, y, z in world units. A double click sets it"
    where = ", ".join(f"{v:g}" for v in pose.centre)
    return (
        f"Point that the camera looks at: x, y, z in world units. It moves about ({where}), as in the scripts of the checkpoint's program, "
        f"until a double click sets a point to turn about; {reset} restores it"
    )


FEATURES.add("camera", lambda: Feature(CameraPanel()))
