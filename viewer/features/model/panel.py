"""What the open checkpoint says of itself, and how to open another."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question import DescribeQuestion
from viewer.features.model.far_files import FarFiles
from viewer.render_client.events import WorkerStatus
from viewer.state.actions import Dispatch, ForgetRecent, OpenCheckpoint, OpenDialog
from viewer.state.document import Document
from viewer.state.query_cache import QueryCache
from viewer.widgets import controls
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.theme import BODY_PX, Theme


class ModelPanel:
    """Keeps only the path that is being typed, until a checkpoint is opened from anywhere."""

    def __init__(self) -> None:
        self.path = ""
        self._of: tuple[str, str] | None = None
        self.there = FarFiles()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        recent: tuple[str, ...],
        opening: str,
        status: WorkerStatus,
        dispatch: Dispatch,
    ) -> Document:
        self._follow(info)
        if info is None:
            controls.note(theme, f"Opening {opening} …" if opening else "Nothing is open yet.")
        else:
            self._head(theme, info)
            if opening:
                controls.note(theme, f"Opening {Path(opening).name} …")
                controls.tooltip(opening)
        self._open_row(theme, recent, bool(status.far), dispatch)
        if status.far:
            self.there.draw(theme, queries, dispatch)
        else:
            self._preview(theme, info, queries, dispatch)
        if info is not None:
            self._network(theme, info)
            self._provenance(theme, info)
        return doc

    def _follow(self, info: CheckpointInfo | None) -> None:
        """Forgets the typed path when another checkpoint was opened.

        Its preview would otherwise stay under the wrong checkpoint.
        """
        of = None if info is None else (info.path, info.sha256)
        if of != self._of:
            self._of, self.path = of, ""

    def _head(self, theme: Theme, info: CheckpointInfo) -> None:
        title = info.title or info.header.name or Path(info.path).stem
        with controls.font(theme.fonts.bold, BODY_PX * 1.12):
            controls.wrapped(title)
        with controls.font(theme.fonts.mono, BODY_PX * 0.82), controls.text_colour(theme.palette.muted):
            controls.wrapped(info.path)
        controls.tooltip(info.path)

    def _open_row(self, theme: Theme, recent: tuple[str, ...], far: bool, dispatch: Dispatch) -> None:
        style = imgui.get_style()
        imgui.dummy(ImVec2(0.0, 0.1 * theme.em))
        button = imgui.get_frame_height()
        imgui.set_next_item_width(
            imgui.get_content_region_avail().x - 2 * (button + style.item_inner_spacing.x)
        )
        entered, self.path = imgui.input_text_with_hint(
            "##path", "Path or analytic:sphere", self.path, imgui.InputTextFlags_.enter_returns_true
        )
        controls.tooltip(
            "A .safetensors, .pkl or .pt checkpoint, a run folder, or analytic:sphere, slab, torus or shell. Enter opens it"
            + (". The path is on the far machine; local:FILE sends one of this machine" if far else "")
        )
        imgui.same_line(0.0, style.item_inner_spacing.x)
        browse = controls.icon_button(
            theme,
            fa.ICON_FA_FOLDER_OPEN,
            "browse",
            tip=theme.keyed("Choose a file of the far machine" if far else "Choose a file", "file.open"),
        )
        imgui.same_line(0.0, style.item_inner_spacing.x)
        if controls.icon_button(
            theme,
            fa.ICON_FA_CLOCK_ROTATE_LEFT,
            "recent",
            tip="Recent files",
            why_not="" if recent else "No other file was opened yet",
        ):
            imgui.open_popup("##recent-files")
        self._recent(theme, recent, dispatch)
        if entered and self.path.strip():
            dispatch(OpenCheckpoint(self.path.strip()))
        if browse and far:
            self.there.toggle()
        elif browse:
            dispatch(OpenDialog())

    def _preview(
        self, theme: Theme, info: CheckpointInfo | None, queries: QueryCache, dispatch: Dispatch
    ) -> None:
        """What the typed path is, before it is opened."""
        path = self.path.strip()
        if not path or (info is not None and path == info.path):
            return
        stamp = _stamp(path)
        if stamp is None:
            return
        question = DescribeQuestion(checkpoint=path, stamp=stamp)
        answer, error = queries.want(question), queries.error(question)
        if error is not None:
            with controls.text_colour(theme.palette.bad):
                controls.note(theme, error.message)
            return
        if answer is None:
            controls.note(theme, "Looking …")
            return
        info = CheckpointInfo.model_validate(answer.values["info"])
        controls.section(theme, "Before it is opened")
        for name, value, tip in preview_rows(info):
            controls.value_row(theme, name, value, tip)
        if controls.button(
            theme,
            "Open###open-typed",
            tip="Load it; what is open is let go",
            primary=True,
            width=6 * theme.em,
        ):
            dispatch(OpenCheckpoint(path))

    def _recent(self, theme: Theme, recent: tuple[str, ...], dispatch: Dispatch) -> None:
        if not imgui.begin_popup("##recent-files"):
            return
        for path in recent:
            shown = controls.ellipsis(path, 26 * theme.em, keep_end=True)
            if imgui.selectable(f"{shown}###{path}", False)[0]:
                missing = not path.startswith("analytic:") and not Path(path).exists()
                dispatch(ForgetRecent(path) if missing else OpenCheckpoint(path))
            controls.tooltip(path)
        imgui.end_popup()

    def _network(self, theme: Theme, info: CheckpointInfo) -> None:
        controls.section(theme, "Network")
        controls.value_row(theme, "Family", info.family, "Registered family that the checkpoint belongs to")
        if info.plane_size:
            planes = f"3 × {info.plane_channels} × {info.plane_size}²"
            controls.value_row(theme, "Planes", planes, "Tri-planes: planes × channels × resolution")
        controls.value_row(
            theme, "Picture", f"{info.image_size} × {info.image_size}", "Native picture size, pixels"
        )
        if info.neural_size:
            rays = f"{info.neural_size} × {info.neural_size}"
            controls.value_row(
                theme, "Rays", rays, "Neural rendering resolution: rays behind the super-resolved picture"
            )
        if info.z_dim:
            latent = f"z {info.z_dim}, w {info.num_ws} × {info.w_dim}"
            controls.value_row(theme, "Latent", latent, "Sizes of z and of the stack of w")
        controls.value_row(
            theme,
            "Condition",
            f"camera, {info.c_dim} numbers" if info.pose_conditioned else "none",
            "What the mapping network is conditioned on",
        )
        controls.value_row(
            theme,
            "Sampler",
            "learned proposals" if info.has_proposal else "no proposal network",
            "Whether the checkpoint holds a trained proposal network",
        )
        if info.memory_bytes:
            controls.value_row(
                theme, "Memory", size_text(info.memory_bytes), "Estimate: weights, planes and one 512² frame"
            )
        self._parameters(theme, info)

    def _parameters(self, theme: Theme, info: CheckpointInfo) -> None:
        """Parts of the network by parameter count, each over a bar of its share."""
        total = sum(info.parameters.values())
        if not total:
            return
        controls.value_row(theme, "Parameters", count_text(total), f"{total:,} numbers")
        draw, p = imgui.get_window_draw_list(), theme.palette
        for name, count in sorted(info.parameters.items(), key=lambda item: -item[1]):
            controls.label(theme, f"  {name}", f"{count:,} parameters, {100 * count / total:.1f} %")
            corner, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
            height, text = imgui.get_frame_height(), count_text(count)
            with controls.font(theme.fonts.mono, BODY_PX * 0.85):
                number = imgui.calc_text_size("888.8 M").x
                middle = corner.y + 0.5 * height
                room = width - number - 0.5 * theme.em
                for share, ink in (
                    (1.0, theme.colour(p.field)),
                    (count / total, theme.colour(p.accent, 0.8)),
                ):
                    end = ImVec2(corner.x + max(room * share, 2.0), middle + 0.17 * theme.em)
                    draw.add_rect_filled(
                        ImVec2(corner.x, middle - 0.17 * theme.em), end, ink, 0.17 * theme.em
                    )
                size = imgui.calc_text_size(text)
                draw.add_text(
                    ImVec2(corner.x + width - size.x, round(middle - 0.5 * size.y)),
                    theme.colour(p.muted),
                    text,
                )
            imgui.dummy(ImVec2(width, height * 0.8))

    def _provenance(self, theme: Theme, info: CheckpointInfo) -> None:
        origin = info.header.provenance
        rows = [
            ("Licence", info.header.licence, "Terms under which the weights may be used", False),
            ("Made by", origin.made_by, "", False),
            ("Made at", origin.made_at, "", False),
            ("Source", origin.source, "File that it was imported from", False),
            ("Data", origin.data, "Training data", False),
            ("Steps", "" if origin.steps is None else f"{origin.steps:,}", "Optimiser steps", False),
            (
                "Images",
                "" if origin.images_seen is None else f"{origin.images_seen:,.0f}",
                "Images that the discriminator has seen in training",
                False,
            ),
            ("Command", origin.command, "Command that made the checkpoint", True),
            ("File", size_text(info.file_bytes) if info.file_bytes else "", "Size of the file", False),
            ("SHA-256", info.sha256, "Hash of the file", True),
        ]
        rows += [
            (name, f"{score:.4g}", "Score in the model card", False) for name, score in origin.scores.items()
        ]
        if any(value for _, value, _, _ in rows):
            controls.section(theme, "Origin")
        for name, value, tip, mono in rows:
            if value:
                controls.value_row(theme, name, value, tip, mono=mono)
        if origin.notes:
            controls.note(theme, origin.notes)


def preview_rows(info: CheckpointInfo) -> list[tuple[str, str, str]]:
    """(name, value, tooltip) of what one wants to know before a checkpoint is loaded."""
    origin = info.header.provenance
    rows = [
        ("Is", info.title or info.family, "Name and family"),
        (
            "Picture",
            f"{info.image_size} × {info.image_size}" if info.image_size else "",
            "Native picture size, pixels",
        ),
        (
            "Parameters",
            count_text(sum(info.parameters.values())) if info.parameters else "",
            "Numbers in the network",
        ),
        (
            "Memory",
            size_text(info.memory_bytes) if info.memory_bytes else "",
            "Estimate: weights, planes and one 512² frame",
        ),
        ("File", size_text(info.file_bytes) if info.file_bytes else "", "Size of the file"),
        (
            "Made by",
            origin.made_by or origin.source,
            "Program that wrote it, or file that it was imported from",
        ),
        ("Licence", info.header.licence, "Terms under which the weights may be used"),
    ]
    return [row for row in rows if row[1]]


def _stamp(path: str) -> float | None:
    """Time of change of what a path names, seconds.

    0 for shapes without a file, None where there is nothing.
    """
    if path.startswith("analytic:"):
        return 0.0
    try:
        return Path(path).stat().st_mtime
    except (OSError, ValueError):
        return None


def size_text(count: int) -> str:
    """Bytes as kB, MB or GB (decimal)."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def count_text(count: int) -> str:
    """Parameter counts as k or M."""
    if count >= 1_000_000:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e3:.1f} k" if count >= 1000 else str(count)


FEATURES.add("model", lambda: Feature(ModelPanel()))
