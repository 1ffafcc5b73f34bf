"""The view cube: six named faces with their edges and corners, turned like the shown camera. A click asks for the view from there.

Drawn with plain quads; the names are glyph quads of the font, so that they lie in their faces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from viewer.state import orbit, prior_marks
from viewer.state.camera_glide import CameraGlide
from viewer.state.document import Document
from viewer.state.palette import Palette, Rgb, mix
from viewer.widgets import overlays
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import BODY_PX, Theme

HALF_EM = 1.8
"""Half edge of the cube; a corner reaches √3 times as far."""
REACH_EM = HALF_EM * 1.95
RIM = 0.62
"""Where a face ends and its edge begins, as share of the half edge."""
NAME_PX = 0.7
Side = tuple[int, int, int]


@dataclass(frozen=True)
class Face:
    """normal: world side that the camera stands on; right, up: the face's own axes as it is read from there."""

    name: str
    normal: Side
    right: Side
    up: Side


FACES = (
    Face("Front", (0, 0, 1), (1, 0, 0), (0, 1, 0)),
    Face("Back", (0, 0, -1), (-1, 0, 0), (0, 1, 0)),
    Face("Right", (1, 0, 0), (0, 0, -1), (0, 1, 0)),
    Face("Left", (-1, 0, 0), (0, 0, 1), (0, 1, 0)),
    Face("Top", (0, 1, 0), (1, 0, 0), (0, 0, -1)),
    Face("Bottom", (0, -1, 0), (1, 0, 0), (0, 0, 1)),
)
AXES: tuple[tuple[str, int, Rgb], ...] = (
    ("X", 0, (0.89, 0.36, 0.37)),
    ("Y", 1, (0.45, 0.72, 0.33)),
    ("Z", 2, (0.33, 0.56, 0.94)),
)


def letter_ink(palette: Palette, rgb: Rgb) -> Rgb:
    """An axis' colour as its letter has it, which can be read on a plate over any picture."""
    return mix(rgb, palette.text, 0.25 if palette.name == "dark" else 0.62)


def name_of(side: Side) -> str:
    """What a side is called: front, top right, … ."""
    words = (
        ("bottom", "", "top")[side[1] + 1],
        ("back", "", "front")[side[2] + 1],
        ("left", "", "right")[side[0] + 1],
    )
    return " ".join(w for w in words if w)


def spot(world_from_cam: np.ndarray, side: Side, half: float) -> tuple[float, float] | None:
    """Offset in pixels from the cube's centre to the middle of a face, edge or corner; None where it is turned away."""
    p = np.asarray(side, dtype=np.float64)
    if not any(
        float(world_from_cam[:3, 2] @ np.asarray(f.normal)) < -1e-6
        for f in FACES
        if float(p @ np.asarray(f.normal)) > 0
    ):
        return None
    middle = np.where(p != 0, p * (0.5 * (1 + RIM) if np.abs(p).sum() > 1 else 1.0), 0.0)
    # A point on a visible face: the component along its normal lies on the surface.
    face = min(
        (f for f in FACES if float(p @ np.asarray(f.normal)) > 0),
        key=lambda f: float(world_from_cam[:3, 2] @ np.asarray(f.normal)),
    )
    middle = np.where(np.asarray(face.normal) != 0, np.asarray(face.normal), middle)
    return half * float(world_from_cam[:3, 0] @ middle), half * float(world_from_cam[:3, 1] @ middle)


def picked(world_from_cam: np.ndarray, x: float, y: float) -> Side | None:
    """The side under (x, y), offsets from the cube's centre in half edges (y down); None beside the cube."""
    for face in FACES:
        n, u, v = (np.asarray(a, dtype=np.float64) for a in (face.normal, face.right, face.up))
        if float(world_from_cam[:3, 2] @ n) > -1e-6:
            continue
        on_screen = world_from_cam[:3, :2].T
        a, b = np.linalg.solve(
            np.stack([on_screen @ u, on_screen @ v], axis=1), np.array([x, y]) - on_screen @ n
        )
        if abs(a) <= 1.0 and abs(b) <= 1.0:
            cell = n + _step(a) * u + _step(b) * v
            return (int(cell[0]), int(cell[1]), int(cell[2]))
    return None


def _step(value: float) -> int:
    return 0 if abs(value) < RIM else (1 if value > 0 else -1)


def in_corner(
    doc: Document,
    theme: Theme,
    info: CheckpointInfo | None,
    picture: ShownPicture,
    glide: CameraGlide,
    now: float,
    right: float,
    top: float,
    world_from_cam: np.ndarray,
) -> None:
    """The cube in the corner of the view, and below it a warning when the shown camera is not what the model was trained on."""
    reach = REACH_EM * theme.em
    side = view_cube(theme, ImVec2(right - reach, top + reach), world_from_cam)
    if side is not None:
        glide.to(doc.camera, orbit.look_from(doc.camera, side), now)
    shown = (
        picture.result.request.camera
        if picture.result is not None and picture.result.request is not None
        else None
    )
    if info is None or not isinstance(shown, OrbitPose):
        return
    prior = info.header.camera
    why = prior_marks.warning(prior, shown)
    if why:
        far = prior_marks.sigmas(prior, shown)
        overlays.warning(
            theme,
            ImVec2(right, top + 2 * reach + 0.2 * theme.em),
            "outside" if far is None else f"{far:.1f} σ",
            why,
        )


def view_cube(theme: Theme, centre: ImVec2, world_from_cam: np.ndarray) -> Side | None:
    """Draws the cube about `centre` as the shown camera [4, 4] sees it; returns the side that was clicked."""
    half = HALF_EM * theme.em
    reach = REACH_EM * theme.em
    imgui.set_cursor_screen_pos(ImVec2(centre.x - reach, centre.y - reach))
    clicked = imgui.invisible_button("##cube", ImVec2(2 * reach, 2 * reach))
    mouse = imgui.get_io().mouse_pos
    over = (
        picked(world_from_cam, (mouse.x - centre.x) / half, (mouse.y - centre.y) / half)
        if imgui.is_item_hovered()
        else None
    )
    axes_behind = float(world_from_cam[:3, 2] @ np.full(3, -1.0)) > 0
    if axes_behind:
        _axes(theme, centre, world_from_cam, half)
    for face in FACES:
        if float(world_from_cam[:3, 2] @ np.asarray(face.normal)) < -1e-3:
            _face(theme, centre, world_from_cam, half, face, over)
    if not axes_behind:
        _axes(theme, centre, world_from_cam, half)
    if over is not None:
        imgui.set_tooltip(f"Look from the {name_of(over)}")
    return over if clicked else None


def _face(theme: Theme, centre: ImVec2, m: np.ndarray, half: float, face: Face, over: Side | None) -> None:
    p, draw = theme.palette, imgui.get_window_draw_list()
    n, u, v = (np.asarray(a, dtype=np.float64) for a in (face.normal, face.right, face.up))
    lit = -float(m[:3, 2] @ n)

    def at(a: float, b: float) -> ImVec2:
        q = n + a * u + b * v
        return ImVec2(centre.x + half * float(m[:3, 0] @ q), centre.y + half * float(m[:3, 1] @ q))

    ground = mix(p.field_active, p.text, 0.05 + 0.13 * lit)
    draw.add_quad_filled(at(-1, 1), at(1, 1), at(1, -1), at(-1, -1), theme.colour(ground))
    if over is not None:
        edges = {-1: (-1.0, -RIM), 0: (-RIM, RIM), 1: (RIM, 1.0)}
        for i, j in product((-1, 0, 1), repeat=2):
            if tuple(int(c) for c in n + i * u + j * v) == over:
                (a0, a1), (b0, b1) = edges[i], edges[j]
                draw.add_quad_filled(
                    at(a0, b1), at(a1, b1), at(a1, b0), at(a0, b0), theme.colour(p.accent_fill, 0.85)
                )
    line = theme.colour(mix(p.faint, p.text, 0.25), 0.9)
    draw.add_quad(at(-1, 1), at(1, 1), at(1, -1), at(-1, -1), line, 1.0)
    if lit > 0.12:
        ink = p.on_accent if over == face.normal else p.text
        _name(theme, face.name.upper(), at, half, theme.colour(ink, min(1.0, 0.25 + lit)))


def _name(theme: Theme, text: str, at: Callable[[float, float], ImVec2], half: float, ink: int) -> None:
    """`text` as glyph quads in the plane of a face; `at` takes the face's own coordinates to the screen."""
    imgui.push_font(theme.fonts.bold, BODY_PX * NAME_PX)
    baked, draw = imgui.get_font_baked(), imgui.get_window_draw_list()
    glyphs = [baked.find_glyph(ord(c)) for c in text]
    width, scale = sum(g.advance_x for g in glyphs), 1.0 / half
    # Capitals stand on the baseline: their own extent is what has to be in the middle.
    top, bottom = min(g.y0 for g in glyphs), max(g.y1 for g in glyphs)
    x, middle = -0.5 * width, 0.5 * (top + bottom)
    texture = imgui.get_io().fonts.tex_data.get_tex_ref()
    for g in glyphs:
        x0, x1, y0, y1 = (
            (x + g.x0) * scale,
            (x + g.x1) * scale,
            (middle - g.y0) * scale,
            (middle - g.y1) * scale,
        )
        draw.add_image_quad(
            texture, at(x0, y0), at(x1, y0), at(x1, y1), at(x0, y1),
            ImVec2(g.u0, g.v0), ImVec2(g.u1, g.v0), ImVec2(g.u1, g.v1), ImVec2(g.u0, g.v1), ink,
        )  # fmt: skip
        x += g.advance_x
    imgui.pop_font()


def _axes(theme: Theme, centre: ImVec2, m: np.ndarray, half: float) -> None:
    """World axes along three edges, from the corner where all coordinates are smallest."""
    draw = imgui.get_window_draw_list()
    root = np.full(3, -1.13)

    def at(q: np.ndarray) -> ImVec2:
        return ImVec2(centre.x + half * float(m[:3, 0] @ q), centre.y + half * float(m[:3, 1] @ q))

    imgui.push_font(theme.fonts.bold, BODY_PX * 0.66)
    for name, axis, rgb in sorted(AXES, key=lambda a: -float(m[a[1], 2])):
        tip = root.copy()
        tip[axis] = 1.0
        end = tip.copy()
        end[axis] = 1.42
        ink = theme.colour(mix(rgb, theme.palette.text, 0.0 if theme.palette.name == "dark" else 0.18))
        draw.add_line(at(root), at(tip), ink, 0.12 * theme.em)
        shown = math.hypot(float(m[axis, 0]), float(m[axis, 1]))
        if shown > 0.3:
            size, where = imgui.calc_text_size(name), at(end)
            radius, p = 0.52 * theme.em, theme.palette
            draw.add_circle_filled(where, radius, theme.colour(p.panel, overlays.PLATE_ALPHA), 20)
            corner = ImVec2(round(where.x - 0.5 * size.x), round(where.y - 0.5 * size.y))
            draw.add_text(corner, theme.colour(letter_ink(p, rgb)), name)
    imgui.pop_font()
