"""Conditioning camera: the mapping network's camera label, apart from the rendering camera.

And a strip of small pictures over such cameras.
"""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import LatentSpec
from viewer.state.document import Document
from viewer.state.latent_walk import Walk
from viewer.state.query_cache import QueryCache
from viewer.state.requests import thumbnail_request
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme
from viewer.widgets.thumbnails import Thumbnails, at_rest

STRIP_DEG = (-45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0)
_OPTIONS = (
    ("frontal", "Frontal", "The frontal camera, as in the paper"),
    ("view", "Present", "The camera as it is now; it stays while the view turns"),
    ("own", "Own", "A yaw and a pitch of its own"),
)


def frontal(info: CheckpointInfo) -> OrbitPose:
    """The conditioning camera where none was chosen."""
    return info.header.camera.default.replace(yaw=0.0, pitch=0.0, roll=0.0)


def why_unconditioned(info: CheckpointInfo | None) -> str:
    if info is None:
        return "Nothing is open"
    return "" if info.pose_conditioned else "The mapping network of this checkpoint takes no camera"


class ConditionRows:
    def __init__(self) -> None:
        self.thumbs = Thumbnails(64, columns=8, rows=4)

    def draw(
        self,
        latent: LatentSpec,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
    ) -> LatentSpec:
        why_not = why_unconditioned(info)
        cond = latent.cond
        now = "frontal" if cond is None else ("view" if cond == doc.camera else "own")
        chosen = choice_rows.segmented(
            theme, "Condition", "cond", now, _OPTIONS, why_not=why_not,
            tip="Camera that conditions the mapping network; it stays while the view turns",
        )  # fmt: skip
        if chosen != now and info is not None:
            cond = {"frontal": None, "view": doc.camera, "own": cond or frontal(info)}[chosen]
        if not why_not and info is not None:
            cond = self._own(cond, theme, info)
            cond = self._strip(latent.replace(cond=cond), doc, theme, picture, queries, walk, info)
        return latent if cond == latent.cond else latent.replace(cond=cond)

    def _own(self, cond: object, theme: Theme, info: CheckpointInfo):
        """Yaw and pitch; moving one makes the camera an own one."""
        if cond is not None and not isinstance(cond, OrbitPose):
            controls.note(theme, "Conditioned by a camera matrix.")
            return cond
        pose = cond or frontal(info)
        for name, title, limit in (("yaw", "Yaw", 180.0), ("pitch", "Pitch", 89.0)):
            degrees = math.degrees(getattr(pose, name))
            new = number_rows.drag_float(
                theme, title, f"##cond-{name}", degrees, speed=0.25, low=-limit, high=limit, fmt="%.1f°",
                tip=f"{title} of the conditioning camera, degrees",
            )  # fmt: skip
            if new != degrees:
                pose = pose.replace(**{name: math.radians(new)})
                cond = pose
        return cond

    def _strip(
        self,
        latent: LatentSpec,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
        info: CheckpointInfo,
    ):
        """The same head under seven conditioning cameras; a click takes one.

        All are rendered from the checkpoint's own camera.
        """
        cond, p = latent.cond, theme.palette
        gap = 0.2 * theme.em
        size = (imgui.get_content_region_avail().x - gap * (len(STRIP_DEG) - 1)) / len(STRIP_DEG)
        draw, wanted = imgui.get_window_draw_list(), at_rest(doc, picture, walk)
        shown = math.degrees(cond.yaw) if isinstance(cond, OrbitPose) else (0.0 if cond is None else math.nan)
        for index, degrees in enumerate(STRIP_DEG):
            if index:
                imgui.same_line(0.0, gap)
            corner = imgui.get_cursor_screen_pos()
            if controls.hit(theme, f"##cond-strip{index}", ImVec2(size, size)):
                cond = None if degrees == 0.0 else frontal(info).replace(yaw=math.radians(degrees))
            hovered = imgui.is_item_hovered()
            controls.tooltip(
                f"Conditioned by a camera at yaw {degrees:+.0f}°, seen from the front. Click to condition the view so"
            )
            pose = None if degrees == 0.0 else frontal(info).replace(yaw=math.radians(degrees))
            end = ImVec2(corner.x + size, corner.y + size)
            request = thumbnail_request(doc, info, latent.replace(cond=pose), self.thumbs.edge)
            self.thumbs.draw(theme, info, queries, request, corner, end, wanted)
            if hovered or abs(shown - degrees) < 0.01:
                ink = p.accent if abs(shown - degrees) < 0.01 else p.muted
                draw.add_rect(corner, end, theme.colour(ink), imgui.get_style().frame_rounding, 2.0)
        return cond

    def close(self) -> None:
        self.thumbs.close()
