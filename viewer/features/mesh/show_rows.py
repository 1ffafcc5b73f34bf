"""Rows of the Mesh panel that say how the mesh is shown, and how far it lies from the render."""

from __future__ import annotations

import math

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from viewer.features.mesh.stage import MeshStage
from viewer.state.document import Document
from viewer.state.mesh_settings import PREVIEW, MeshSettings
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.theme import BODY_PX, Theme

_MODES = (
    ("off", "Off", "The render alone"),
    ("mesh", "Mesh", "The mesh alone, drawn by the window: it turns at once"),
    ("overlay", "Over", "The mesh over the render, with the render's camera"),
    ("side", "Side", "Render and mesh side by side"),
    ("error", "Error", "Distance to the mesh minus the rendered depth, as a map in world units"),
)
_SHADINGS = (
    ("lit", "Lit", "Clay under two lamps, by the normals"),
    ("matcap", "Matcap", "A painted sphere's shade for every direction of the normal"),
    ("colour", "Colour", "Colours of the vertices, without light"),
    ("normals", "Normals", "Direction of the normals as colour, world frame, as the channel Normals"),
)


def show_rows(doc: Document, theme: Theme, mesh_stage: MeshStage) -> Document:
    """Mode, shading, edges, blend; returns the document.

    Turning a mesh on ends a comparison of two pictures.
    """
    spec = doc.mesh
    shown = doc.mesh_mode
    mode = choice_rows.segmented(
        theme, "Show", "mesh-mode", shown, _MODES, tip="How the mesh stands in the viewport"
    )
    if mode != shown:
        compare = doc.compare if mode == "off" else doc.compare.replace(mode="off")
        doc, spec = doc.replace(compare=compare), spec.replace(mode=mode)
    if mode in ("mesh", "overlay", "side"):
        spec = _drawn_rows(spec, theme, mesh_stage, mode)
    spec = _source(spec, theme, mesh_stage, mode)
    return doc if spec == doc.mesh else doc.replace(mesh=spec)


def _drawn_rows(spec: MeshSettings, theme: Theme, mesh_stage: MeshStage, mode: str) -> MeshSettings:
    """How the drawn mesh looks; where none is drawn these rows are not there."""
    plain = mesh_stage.shown is not None and mesh_stage.shown.fine.colours is None
    shading = choice_rows.combo(
        theme, "Shading", "##mesh-shading", spec.shading, _SHADINGS, tip="How the mesh is shaded",
        unavailable=("colour",) if plain else (),
    )  # fmt: skip
    wire = choice_rows.toggle(
        theme, "Wireframe", "##mesh-wire", spec.wire, tip="Edges of the triangles over the mesh"
    )
    if mode != "overlay":
        return spec.replace(shading=shading, wire=wire)
    blend = number_rows.slider_float(
        theme, "Blend", "##mesh-blend", 100 * spec.blend, low=0.0, high=100.0, fmt="%.0f %% mesh",
        tip="Opacity of the mesh over the render",
    )  # fmt: skip
    if round(blend) != round(100 * spec.blend):
        spec = spec.replace(blend=min(max(blend / 100, 0.0), 1.0))
    return spec.replace(shading=shading, wire=wire)


def _source(spec: MeshSettings, theme: Theme, mesh_stage: MeshStage, mode: str) -> MeshSettings:
    """Which mesh it is, and the way back from an export to the live preview."""
    stage = mesh_stage
    if mode == "off":
        return spec
    controls.label(
        theme, "Drawn", "The preview follows latent, level and crop; an export stays as it was written"
    )
    mesh = stage.shown
    back = spec.source != PREVIEW
    room = imgui.get_content_region_avail().x - (
        imgui.get_frame_height() + imgui.get_style().item_inner_spacing.x if back else 0.0
    )
    text = stage.words if mesh is None or stage.words else f"{mesh.title}, {len(mesh.fine.faces):,} triangles"
    if mesh is not None and imgui.calc_text_size(text).x > room:
        text = f"{len(mesh.fine.faces):,} triangles"
    text = "Nothing" if stage.failed else text
    imgui.align_text_to_frame_padding()
    left = imgui.get_cursor_pos_x()
    imgui.text_unformatted(controls.ellipsis(text or "Nothing yet", room))
    if mesh is None:
        controls.tooltip(text)
    else:
        more = (
            f"; of {mesh.triangles:,} in the file, decimated for display"
            if mesh.reduced
            else f". Voxel {mesh.voxel:.4g} world units"
        )
        controls.tooltip(text + more)
    if back:
        imgui.same_line(left + room + imgui.get_style().item_inner_spacing.x)
        if controls.icon_button(
            theme, fa.ICON_FA_ROTATE_LEFT, "mesh-preview", tip="Back to the live preview"
        ):
            spec = spec.replace(source=PREVIEW)
    if stage.failed:
        imgui.push_text_wrap_pos(0.0)
        with controls.text_colour(theme.palette.bad):
            imgui.text_unformatted(stage.words)
        imgui.pop_text_wrap_pos()
    for line in stage.notes:
        controls.note(theme, line[:1].upper() + line[1:])
    return spec


def error_rows(doc: Document, theme: Theme, mesh_stage: MeshStage) -> None:
    """RMS and what only one of the two has, under the map."""
    if doc.mesh_mode != "error":
        return
    error, mesh = mesh_stage.error, mesh_stage.shown
    if error is None or mesh is None:
        controls.note(theme, "The error follows when mesh and depth are there.")
        return
    if not error.pixels or math.isnan(error.rms):
        controls.note(theme, "No pixel has both a mesh and a rendered surface.")
        return
    voxels = f" = {error.rms / mesh.voxel:.2f} voxels" if mesh.voxel else ""
    rows = (
        (
            "RMS",
            f"{error.rms:.4g}{voxels}",
            "Root mean square of mesh minus rendered depth, world units along the ray",
        ),
        ("Mean", f"{error.mean:+.3g}", "World units; above zero = the mesh lies behind the rendered depth"),
        ("Median", f"{error.median:.3g}", "Half of the pixels have a smaller absolute error, world units"),
        (
            "Mesh only",
            f"{100 * error.mesh_only:.2f} %",
            "Share of the pixels of either where only the mesh has a surface",
        ),
        (
            "Render only",
            f"{100 * error.render_only:.2f} %",
            "Share of the pixels of either where only the render has one",
        ),
    )
    for label, value, tip in rows:
        with controls.font(theme.fonts.body, BODY_PX):
            controls.value_row(theme, label, value, tip, mono=True)
