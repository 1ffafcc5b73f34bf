"""Rows of the Mesh panel that say which surface: quantity, level with its histogram, components, crop box."""

from __future__ import annotations

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.camera import Vec3
from core_model.schema.mesh import Quantity
from viewer.features.mesh.level_histogram import LevelHistogram
from viewer.features.mesh.plan import Still
from viewer.state.document import Document
from viewer.state.mesh_settings import MeshSettings
from viewer.state.query_cache import Answer, QueryCache
from viewer.state.requests import histogram_question
from viewer.widgets import choice_rows, controls, typed
from viewer.widgets.feature import RequestFrames
from viewer.widgets.theme import Theme

PAUSE_S = 0.25
_QUANTITIES: dict[Quantity, tuple[str, str, str]] = {
    "sdf": ("Signed distance", "world units", "Negative inside; the surface is level 0"),
    "raw": ("Raw density", "", "Density before its activation, as the original programs take it"),
    "density": ("Density", "1 / world unit", "What the renderer integrates"),
}
_KEEPS = (
    ("all", "All", "Every connected part"),
    ("largest", "Largest", "Only the connected part with most triangles"),
)


class SurfaceRows:
    """Keeps the last histogram while a new one is made, so that the panel does not jump."""

    def __init__(self) -> None:
        self._kept: tuple[str, Answer] | None = None
        self._histogram = LevelHistogram()
        self._still = Still(PAUSE_S)

    def draw(
        self, doc: Document, theme: Theme, queries: QueryCache, request_frames: RequestFrames, now: float
    ) -> MeshSettings:
        """The settings, changed or not."""
        spec = doc.mesh
        question = histogram_question(spec, doc.checkpoint, doc.latent)
        # a walk through the latents asks for nothing here until it rests
        still = self._still.of(question, now) or self._kept is None
        found = queries.want(question) if still else queries.peek(question)
        if not still:
            request_frames(10.0)
        if found is not None:
            self._kept = (doc.checkpoint, found)
        elif self._kept is not None and self._kept[0] == doc.checkpoint:
            found = self._kept[1]
        error = queries.error(question)
        spec = self._quantity(spec, theme, found)
        if found is not None:
            spec = self._level(spec, theme, found)
        else:
            controls.note(theme, error.message if error is not None else "Reading the field…")
        keep = choice_rows.segmented(
            theme,
            "Keep",
            "mesh-keep",
            spec.keep,
            _KEEPS,
            tip="Connected parts of the surface that are exported",
        )
        spec = spec if keep == spec.keep else spec.replace(keep=keep)
        return self._crop(spec, theme, float(found.values["box"]) if found is not None else 0.5)

    def _quantity(self, spec: MeshSettings, theme: Theme, found: Answer | None) -> MeshSettings:
        names: tuple[Quantity, ...] = (
            tuple(found.values["quantities"]) if found is not None else ("sdf", "raw", "density")
        )
        now = spec.quantity or (found.values["quantity"] if found is not None else names[0])
        options = [(name, _QUANTITIES[name][0], _QUANTITIES[name][2]) for name in names]
        why_not = "" if len(names) > 1 else "The field has no other"
        chosen = choice_rows.combo(
            theme,
            "Quantity",
            "##mesh-quantity",
            now,
            options,
            tip="What the level is a value of",
            why_not=why_not,
        )
        return spec if chosen == now else spec.with_quantity(chosen)

    def _level(self, spec: MeshSettings, theme: Theme, found: Answer) -> MeshSettings:
        quantity, default = found.values["quantity"], float(found.values["level"])
        level = default if spec.level is None else spec.level
        _, unit, _ = _QUANTITIES[quantity]
        counts, edges = found.arrays["counts"], found.arrays["edges"]
        dragged = self._histogram.draw(theme, counts, edges, level, quantity == "sdf", unit)
        low, high = float(found.values["low"]), float(found.values["high"])
        controls.label(
            theme, "Level", f"Value of the surface [{unit or 'no unit'}]; double click or Ctrl+click to type"
        )
        button, gap = imgui.get_frame_height(), imgui.get_style().item_inner_spacing.x
        imgui.set_next_item_width(imgui.get_content_region_avail().x - button - gap)
        speed = max(high - low, 1e-6) / 2000
        fmt = f"%.5g {unit}".rstrip()
        draw = lambda: imgui.drag_float("##mesh-level", dragged, speed, -1e6, 1e6, fmt)
        new = typed.dragged(theme, "##mesh-level", dragged, -1e6, 1e6, fmt, draw)
        controls.tooltip(f"The field runs from {low:.4g} to {high:.4g} inside the box")
        imgui.same_line(0.0, gap)
        why_not = "It is the default" if spec.level is None else ""
        if controls.icon_button(
            theme, fa.ICON_FA_ROTATE_LEFT, "mesh-level-default", tip=f"Back to {default:g}", why_not=why_not
        ):
            return spec.replace(level=None)
        if not low <= new <= high:
            with controls.text_colour(theme.palette.warn):
                imgui.text_unformatted("No surface: the level lies outside the values")
        return spec if new == level else spec.replace(level=new)

    def _crop(self, spec: MeshSettings, theme: Theme, box: float) -> MeshSettings:
        on = choice_rows.toggle(
            theme, "Crop", "##mesh-crop", spec.crop is not None, tip="Only a part of the box, world units"
        )
        if on != (spec.crop is not None):
            return spec.replace(crop=((-box, -box, -box), (box, box, box)) if on else None)
        if spec.crop is None:
            return spec
        low = _corner(
            theme, "From", "##mesh-crop-low", spec.crop[0], box, "Lowest corner x, y, z [world units]"
        )
        high = _corner(
            theme, "To", "##mesh-crop-high", spec.crop[1], box, "Highest corner x, y, z [world units]"
        )
        if (low, high) == spec.crop:
            return spec
        gap = 0.01 * box
        high = (max(high[0], low[0] + gap), max(high[1], low[1] + gap), max(high[2], low[2] + gap))
        return spec.replace(crop=(low, high))


def _corner(theme: Theme, text: str, key: str, corner: Vec3, box: float, tip: str) -> Vec3:
    controls.label(theme, text, tip)
    new = typed.triple(theme, key, corner, -box, box, "%.3f", 0.005 * box)
    controls.tooltip(tip)
    return new
