"""Exact poses by text: copy in four formats, paste or type any of them."""

from __future__ import annotations

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from viewer.features.camera.pose_text import FORMATS, KNOWN, PoseFormat, pose_text, read_pose
from viewer.state.actions import CopyText, Dispatch
from viewer.widgets import choice_rows, controls
from viewer.widgets.theme import BODY_PX, Theme


class ExactPose:
    """Keeps the chosen format, what is being typed and why the last text was refused."""

    def __init__(self) -> None:
        self.form: PoseFormat = "json"
        self.typed = ""
        self.said = ""
        self.refused = False

    def draw(self, pose: OrbitPose, theme: Theme, dispatch: Dispatch) -> OrbitPose:
        """The rows; returns the pose, or the one that was pasted or typed."""
        self.form = choice_rows.combo(
            theme,
            "Format",
            "##pose-format",
            self.form,
            FORMATS,
            tip="How Copy writes the pose. Paste reads any of them by itself",
        )
        why_not = (
            "Parallel rays have no such label or matrix"
            if pose.orthographic and self.form in ("label", "matrix")
            else ""
        )
        gap = imgui.get_style().item_inner_spacing.x
        width = (imgui.get_content_region_avail().x - gap) / 2
        title = next(t for f, t, _ in FORMATS if f == self.form)
        if controls.button(
            theme,
            f"{fa.ICON_FA_COPY} Copy###copy-pose",
            width=width,
            why_not=why_not,
            tip=f"Copy the present pose: {title}",
        ):
            dispatch(CopyText(pose_text(pose, self.form), f"camera: {title}"))
        imgui.same_line(0.0, gap)
        tip = f"Take the camera from the clipboard: {KNOWN}"
        if controls.button(theme, f"{fa.ICON_FA_PASTE} Paste###paste-pose", width=width, tip=tip):
            pose = self._take(imgui.get_clipboard_text() or "", pose)
        imgui.set_next_item_width(-1.0)
        entered, self.typed = imgui.input_text_with_hint(
            "##pose-text",
            "Type JSON, 25 or 16 numbers",
            self.typed,
            int(imgui.InputTextFlags_.enter_returns_true),
        )
        controls.tooltip(f"Press Enter to look from there: {KNOWN}")
        if entered:
            pose = self._take(self.typed, pose)
            if not self.refused:
                self.typed = ""
        if self.said:
            p = theme.palette
            with (
                controls.font(theme.fonts.body, BODY_PX * 0.87),
                controls.text_colour(p.bad if self.refused else p.muted),
            ):
                imgui.push_text_wrap_pos(0.0)
                imgui.text_unformatted(self.said)
                imgui.pop_text_wrap_pos()
        return pose

    def _take(self, text: str, pose: OrbitPose) -> OrbitPose:
        try:
            pose, what = read_pose(text, pose)
        except InputError as error:
            said = str(error)
            self.said, self.refused = said[0].upper() + said[1:], True
        else:
            self.said, self.refused = f"Took the camera from the {what}", False
        return pose
