"""The camera in exact numbers, with presets."""

from __future__ import annotations

import math

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.camera import CameraPrior, OrbitPose
from viewer.state import orbit
from viewer.state.document import Document
from viewer.ui import controls
from viewer.ui.actions import CopyText
from viewer.ui.context import PanelContext
from viewer.ui.panel import PANELS

_PRESETS: tuple[tuple[orbit.ViewName, str], ...] = (
    ("front", "Front"),
    ("three-quarter", "3/4"),
    ("left", "Left"),
    ("right", "Right"),
    ("top", "Top"),
    ("back", "Back"),
)


class CameraPanel:
    def draw(self, doc: Document, ctx: PanelContext) -> Document:
        prior = ctx.info.header.camera if ctx.info else CameraPrior()
        pose = self._angles(doc.camera, ctx)
        pose = self._lens(pose, ctx)
        pose = self._pivot(pose, ctx)
        pose = self._presets(pose, ctx)
        pose = self._buttons(pose, prior, ctx)
        return doc if pose == doc.camera else doc.replace(camera=pose)

    def _angles(self, pose: OrbitPose, ctx: PanelContext) -> OrbitPose:
        rows = (
            ("yaw", "Yaw", -180.0, 180.0, "Camera about the vertical axis; positive moves it to +x"),
            ("pitch", "Pitch", -89.0, 89.0, "Camera above the horizon"),
            (
                "roll",
                "Roll",
                -180.0,
                180.0,
                "About the viewing axis; positive turns the picture counter-clockwise",
            ),
        )
        for name, title, low, high, tip in rows:
            radians = getattr(pose, name)
            shown = math.degrees(radians)
            new = controls.drag_float(
                ctx.theme,
                title,
                f"##{name}",
                shown,
                speed=0.25,
                low=low,
                high=high,
                fmt="%.2f°",
                tip=f"{tip}. Degrees; {radians:.4f} rad",
            )
            if new != shown:
                pose = pose.replace(**{name: math.radians(new)})
        return pose

    def _lens(self, pose: OrbitPose, ctx: PanelContext) -> OrbitPose:
        radius = controls.drag_float(
            ctx.theme,
            "Distance",
            "##radius",
            pose.radius,
            speed=0.01,
            low=orbit.RADIUS_LIMITS[0],
            high=orbit.RADIUS_LIMITS[1],
            fmt="%.3f wu",
            tip="From the camera to the pivot, world units. The wheel changes it",
        )
        shown = math.degrees(pose.fov)
        fov = controls.drag_float(
            ctx.theme,
            "Field of view",
            "##fov",
            shown,
            speed=0.05,
            low=math.degrees(orbit.FOV_LIMITS[0]),
            high=math.degrees(orbit.FOV_LIMITS[1]),
            fmt="%.2f°",
            tip="Full angle across the picture. Focal length "
            f"{0.5 / math.tan(pose.fov / 2):.3f} picture widths. Ctrl+wheel changes it",
        )
        if radius != pose.radius:
            pose = pose.replace(radius=radius)
        return pose if fov == shown else pose.replace(fov=math.radians(fov))

    def _pivot(self, pose: OrbitPose, ctx: PanelContext) -> OrbitPose:
        controls.label(
            ctx.theme,
            "Pivot",
            "Point that the camera turns about: x, y, z in world units. A double click sets it",
        )
        changed, new = imgui.drag_float3("##pivot", list(pose.pivot), 0.002, -10.0, 10.0, "%.3f")
        controls.tooltip("x (right), y (up), z (towards the viewer of the front view), world units")
        return pose.replace(pivot=(new[0], new[1], new[2])) if changed else pose

    def _presets(self, pose: OrbitPose, ctx: PanelContext) -> OrbitPose:
        controls.section(ctx.theme, "Views")
        gap = imgui.get_style().item_inner_spacing.x
        width = (imgui.get_content_region_avail().x - 2 * gap) / 3
        for index, (name, title) in enumerate(_PRESETS):
            if index % 3:
                imgui.same_line(0.0, gap)
            if controls.button(
                ctx.theme,
                f"{title}###view-{name}",
                tip=f"Look from {name} at the present distance",
                width=width,
            ):
                pose = orbit.snap_view(pose, name)
        return pose

    def _buttons(self, pose: OrbitPose, prior: CameraPrior, ctx: PanelContext) -> OrbitPose:
        gap = imgui.get_style().item_inner_spacing.x
        width = (imgui.get_content_region_avail().x - 2 * gap) / 3
        if controls.button(
            ctx.theme,
            f"{fa.ICON_FA_HOUSE} Reset###reset",
            tip="The checkpoint's default pose  R",
            width=width,
        ):
            pose = orbit.reset(pose, prior)
        imgui.same_line(0.0, gap)
        if controls.button(
            ctx.theme,
            f"{fa.ICON_FA_EXPAND} Frame###frame",
            tip="The whole subject from the present side  F",
            width=width,
        ):
            pose = orbit.frame(pose, prior)
        imgui.same_line(0.0, gap)
        if controls.button(
            ctx.theme,
            f"{fa.ICON_FA_COPY} Copy###copy-pose",
            width=width,
            tip="Copy the pose as command-line options of `triscope render`",
        ):
            ctx.emit(CopyText(pose_options(pose), "camera pose"))
        return pose


def pose_options(pose: OrbitPose) -> str:
    """The camera as options of `triscope render` (radians, world units)."""
    numbers = {
        "yaw": pose.yaw,
        "pitch": pose.pitch,
        "roll": pose.roll,
        "radius": pose.radius,
        "fov": pose.fov,
    }
    return " ".join(f"--{name} {value:.6f}" for name, value in numbers.items())


PANELS.add("camera", CameraPanel)
