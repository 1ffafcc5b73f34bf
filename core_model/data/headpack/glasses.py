"""Glasses modelled from the landmarks: lenses before the eyes, a bridge over the nose, sides that lie on the ears."""

from __future__ import annotations

import numpy as np

from core_model.data.headpack.mesh import Part, vertex_normals
from core_model.data.headpack.parameters import Glasses

_RING = 48
"""Points of a lens's outline."""
_SIDES = 8
"""Corners of a tube's section."""
_SQUARE = {"round": 2.0, "oval": 2.3, "square": 4.0, "rimless": 3.2}
"""Exponent of the outline |x/a|ⁿ + |y/b|ⁿ = 1."""
_WRAP, _TILT = 0.09, 0.10
"""Radians that a lens turns outwards, and that its lower edge turns to the cheek."""
_DROP = 0.09
"""How far the middle of a lens lies under the pupil, in its heights."""
_BEFORE_EYE, _CLEAR, _ON_SKIN = 0.018, 0.0035, 0.003
"""World units: from the cornea to the lens, from lashes and brows to the lens, from the skin to bridge and sides."""
_TUBE_SKIN = 0.02


def glasses_parts(
    glasses: Glasses, landmarks: dict[str, np.ndarray], skin: np.ndarray, near: np.ndarray
) -> list[Part]:
    """The frame and the lenses. skin [N, 3]: vertices that it rests on; near [K, 3]: lashes and brows that it clears."""
    pupils = np.stack([np.asarray(landmarks[f"pupil_{side}"]) for side in ("left", "right")])
    apart = float(pupils[0, 0] - pupils[1, 0])
    half_width, half_height = 0.5 * glasses.width * apart, 0.5 * glasses.width * glasses.height * apart
    outline = _outline(half_width, half_height, _SQUARE[glasses.shape])
    centre_y = float(pupils[:, 1].mean()) - _DROP * 2 * half_height
    rim = glasses.rim if glasses.shape != "rimless" else 0.0
    lenses = []
    for side, pupil in ((1, pupils[0]), (-1, pupils[1])):
        middle = np.array([pupil[0] + side * 0.02 * apart, centre_y, float(pupils[:, 2].max()) + _BEFORE_EYE])
        lenses.append((middle, _turned(outline * [side, 1.0, 1.0], side)))
    forward = _clearance(lenses, half_width, half_height, np.concatenate((skin, near)))
    lenses = [(middle + [0.0, 0.0, forward], ring) for middle, ring in lenses]

    tubes = []
    if rim > 0:
        tubes += [_tube(middle + ring, 0.5 * rim, closed=True) for middle, ring in lenses]
    thin = max(0.5 * rim, 0.0013)
    inner = [
        middle + ring[np.argmin(side * ring[:, 0] - 0.6 * ring[:, 1])]
        for side, (middle, ring) in zip((1, -1), lenses)
    ]
    tubes.append(_tube(_bridge(inner, skin), thin))
    for side, (middle, ring) in zip((1, -1), lenses):
        hinge = middle + ring[np.argmax(side * ring[:, 0] + 0.5 * ring[:, 1])]
        name = "left" if side > 0 else "right"
        tubes.append(
            _tube(
                _arm(hinge, np.asarray(landmarks[f"ear_attachment_top_{name}"]), side, skin),
                max(thin, 0.0016),
            )
        )
    return [
        _joined("frame", tubes, glasses.tone),
        _joined("lenses", [_disc(m, r) for m, r in lenses], glasses.lens),
    ]


def _outline(a: float, b: float, n: float) -> np.ndarray:
    """[R, 3] of a superellipse in the plane z = 0, counter-clockwise."""
    t = np.linspace(0.0, 2 * np.pi, _RING, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    return np.stack((a * np.sign(c) * np.abs(c) ** (2 / n), b * np.sign(s) * np.abs(s) ** (2 / n), 0 * t), 1)


def _turned(points: np.ndarray, side: int) -> np.ndarray:
    """Wrapped round the head (the outer edge back) and tilted (the lower edge back)."""
    x, y, z = points.T
    back = z - side * x * np.sin(_WRAP) + y * np.sin(_TILT)
    return np.stack((x * np.cos(_WRAP), y * np.cos(_TILT), back), 1)


def _clearance(
    lenses: list[tuple[np.ndarray, np.ndarray]], half_width: float, half_height: float, obstacles: np.ndarray
) -> float:
    """How far the lenses move forwards so that nothing behind them comes closer than `_CLEAR`; at most 0.02."""
    forward = 0.0
    for side, (middle, _) in zip((1, -1), lenses):
        local = obstacles - middle
        inside = (np.abs(local[:, 0]) < half_width * 1.02) & (np.abs(local[:, 1]) < half_height * 1.02)
        # The nose's flank lies behind the inner corner; it is the pads' business.
        inside &= side * local[:, 0] > -0.85 * half_width
        inside &= local[:, 2] > -0.06
        plane = -side * local[inside, 0] * np.sin(_WRAP) + local[inside, 1] * np.sin(_TILT)
        if inside.any():
            forward = max(forward, float((local[inside, 2] - plane).max()) + _CLEAR)
    return min(forward, 0.02)


def _bridge(inner: list[np.ndarray], skin: np.ndarray) -> np.ndarray:
    """Points from lens to lens, arched upwards and over the nose."""
    t = np.linspace(0.0, 1.0, 13)[:, None]
    points = inner[0] * (1 - t) + inner[1] * t
    arch = 4 * t * (1 - t)
    points = points + arch * np.array([0.0, 0.004, 0.0])
    nose = skin[np.abs(skin[:, 0]) < 0.02]
    level = nose[np.abs(nose[:, 1] - points[6, 1]) < 0.008]
    if len(level):
        points[:, 2] += arch[:, 0] * max(float(level[:, 2].max()) + _ON_SKIN + 0.002 - points[6, 2], 0.0)
    return points


def _arm(hinge: np.ndarray, ear: np.ndarray, side: int, skin: np.ndarray) -> np.ndarray:
    """Points from the hinge along the temple, over the ear and down behind it, outside of the skin."""
    over = ear + [side * 0.006, 0.008, -0.004]
    behind = ear + [side * 0.003, -0.030, -0.036]
    t = np.linspace(0.0, 1.0, 15)[:, None]
    straight = hinge * (1 - t) + over * t
    bend = np.linspace(0.0, 1.0, 6)[1:, None]
    control = over + [0.0, 0.002, -0.022]
    curve = (1 - bend) ** 2 * over + 2 * bend * (1 - bend) * control + bend**2 * behind
    flank = skin[side * skin[:, 0] > 0.06]
    for point in straight[1:-3]:
        close = flank[(np.abs(flank[:, 1] - point[1]) < 0.012) & (np.abs(flank[:, 2] - point[2]) < 0.012)]
        if len(close):
            widest = float((side * close[:, 0]).max()) + _ON_SKIN
            point[0] = side * max(side * point[0], min(widest, side * point[0] + _TUBE_SKIN))
    return np.concatenate((straight, curve))


def _tube(path: np.ndarray, radius: float, *, closed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(vertices, triangles) of a round tube along `path` [P, 3], with flat ends where it is open."""
    if closed:
        tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    else:
        tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    lean = (
        np.array([0.0, 0.0, 1.0])
        if closed or np.abs(tangent[:, 2]).max() < 0.8
        else np.array([0.0, 1.0, 0.0])
    )
    first = np.cross(tangent, lean)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-9)
    second = np.cross(first, tangent)
    turn = np.linspace(0.0, 2 * np.pi, _SIDES, endpoint=False)
    ring = first[:, None] * np.cos(turn)[:, None] - second[:, None] * np.sin(turn)[:, None]
    vertices = (path[:, None] + radius * ring).reshape(-1, 3)
    rows = np.arange(len(path) if closed else len(path) - 1)
    k = np.arange(_SIDES)
    a = (rows[:, None] * _SIDES + k).ravel()
    b = (rows[:, None] * _SIDES + (k + 1) % _SIDES).ravel()
    c, d = (a + _SIDES) % len(vertices), (b + _SIDES) % len(vertices)
    triangles = np.concatenate((np.stack((a, c, b), 1), np.stack((b, c, d), 1)))
    if not closed:
        last = len(vertices) - _SIDES
        fan = np.stack((np.zeros(_SIDES - 2, int), k[1:-1], k[2:]), 1)
        triangles = np.concatenate((triangles, fan, last + fan[:, ::-1]))
    return vertices, triangles


def _disc(middle: np.ndarray, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(vertices, triangles) of a lens, a little domed, facing forwards."""
    dome = np.array([0.0, 0.0, 0.004])
    vertices = np.concatenate((middle + ring * 0.98, middle + ring * 0.55 + dome * 0.7, [middle + dome]))
    k = np.arange(_RING)
    after = (k + 1) % _RING
    outer = np.concatenate(
        (np.stack((k, after, k + _RING), 1), np.stack((after, after + _RING, k + _RING), 1))
    )
    inner = np.stack((k + _RING, after + _RING, np.full(_RING, 2 * _RING)), 1)
    triangles = np.concatenate((outer, inner))
    if ring[_RING // 8, 0] < 0:  # the mirrored side runs clockwise
        triangles = triangles[:, ::-1]
    return vertices, triangles


def _joined(name: str, pieces: list[tuple[np.ndarray, np.ndarray]], tone: tuple[float, float, float]) -> Part:
    starts = np.cumsum([0] + [len(v) for v, _ in pieces[:-1]])
    vertices = np.concatenate([v for v, _ in pieces])
    triangles = np.concatenate([t + start for (_, t), start in zip(pieces, starts)])
    return Part(
        name=name,
        vertices=vertices.astype(np.float32),
        normals=vertex_normals(vertices, triangles).astype(np.float32),
        triangles=triangles.astype(np.int32),
        uv=np.zeros((len(triangles), 3, 2), np.float32),
        texture=None,
        tone=tone,
        alpha="clear" if name == "lenses" else "opaque",
        two_sided=True,
    )
