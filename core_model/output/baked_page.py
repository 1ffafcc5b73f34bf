"""Baked volumes as one HTML file that shows them in any browser with WebGL 2: no server, no network, nothing installed.

The page draws with the window's own shaders (GLSL 3.30 with the head of GLSL ES 3.00). Of each volume it holds the four
textures that they read, the bytes of a texel one plane after the other (which packs better), deflated, as base64.
"""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_model.schema.assets import asset_path, shader_path
from core_model.schema.atomic import atomic_path
from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.baked_tables import brick_table, room_of
from core_model.schema.camera import OrbitPose
from core_model.schema.record import RenderRecord

TILE = 8
"""Edge of the tiles whose rays advance together at first, pixels; as in the window."""
ES_HEAD = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2D;\nprecision highp sampler3D;\n"
_INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"\s*$', re.MULTILINE)
_SHOWN = """
// The finished map on the canvas: the first row of a map is the top of the picture.
const vec3 RAMP[6] = vec3[6](vec3(.267, .005, .329), vec3(.254, .265, .530), vec3(.164, .471, .558), vec3(.135, .659, .518),
                             vec3(.478, .821, .318), vec3(.993, .906, .144));
uniform sampler2D drawn;
uniform int map;
uniform vec2 range;
uniform vec2 corner;
uniform float size;
in vec2 uv;
out vec4 pixel;
void main() {
    vec2 at = gl_FragCoord.xy - corner;
    vec4 found = texelFetch(drawn, ivec2(at.x, size - at.y), 0);
    vec3 colour = found.rgb;
    if (map == 1) colour = mix(vec3(.16), .5 + .5 * found.rgb, found.a);
    if (map == 2) {
        float place = 5.0 * clamp((found.r - range.x) / (range.y - range.x), 0.0, 1.0);
        int step_ = min(int(place), 4);
        colour = mix(vec3(.16), mix(RAMP[step_], RAMP[step_ + 1], place - float(step_)), found.g);
    }
    if (map == 3) colour = vec3(found.r);
    pixel = vec4(colour, 1.0);
}
"""


@dataclass(frozen=True)
class PageHead:
    """One head of the page: title is written under it where there are several."""

    title: str
    spec: BakedSpec
    arrays: BakedArrays


def write_page(
    path: Path, heads: Sequence[PageHead], camera: OrbitPose, title: str, record: RenderRecord
) -> int:
    """Write the page and return its size [bytes]; camera: where every view starts. Raises InputError where it cannot."""
    text = page_text(heads, camera, title, record).encode()
    with atomic_path(path) as temporary:
        temporary.write_bytes(text)
    return len(text)


def page_text(heads: Sequence[PageHead], camera: OrbitPose, title: str, record: RenderRecord) -> str:
    """The whole file."""
    listed, packed = [], []
    for number, head in enumerate(heads):
        textures = _textures(head)
        listed.append(
            {
                "title": head.title,
                "spec": head.spec.model_dump(mode="json", exclude={"latent"}),
                "textures": [_layout(name, texels) for name, texels in textures.items()],
            }
        )
        data = zlib.compress(b"".join(_planes(texels) for texels in textures.values()), 9)
        text = base64.b64encode(data).decode()
        packed.append(f'<script type="text/plain" id="head-{number}">{text}</script>')
    plain = camera.about_pivot()
    page = {
        "tile": TILE,
        "camera": plain.model_dump(mode="json", include={"yaw", "pitch", "roll", "radius", "pivot", "fov"}),
        "programs": programs(),
        "heads": listed,
    }
    parts = {
        "title": html.escape(title),
        "record": _in_script(record.model_dump_json()),
        "page": _in_script(json.dumps(page)),
        "heads": "\n".join(packed),
    }
    template = asset_path("baked_page.html").read_text(encoding="utf-8")
    return re.sub("@(title|record|page|heads)@", lambda m: parts[m.group(1)], template)


def programs() -> dict[str, tuple[str, str]]:
    """Vertex and fragment source of each program of the page."""
    march = source_es("baked.vert"), source_es("baked.frag")
    return {
        "reach": (source_es("fullscreen.vert"), source_es("baked_reach.frag")),
        "march": march,
        "normals": (march[0], source_es("baked.frag", ("NORMALS",))),
        "shown": (source_es("fullscreen.vert"), ES_HEAD + _SHOWN),
    }


def source_es(name: str, defines: tuple[str, ...] = ()) -> str:
    """`shaders/<name>` for WebGL 2."""
    body = _INCLUDE.sub(
        lambda m: shader_path(m.group(1)).read_text(encoding="utf-8"),
        shader_path(name).read_text(encoding="utf-8"),
    )
    return ES_HEAD + "".join(f"#define {d}\n" for d in defines) + body


def _textures(head: PageHead) -> dict[str, np.ndarray]:
    """By their names in the shader: [depth, height, width] of texels, each of some bytes or halves."""
    return {
        "bricks": brick_table(head.spec, head.arrays).astype("<f2"),
        "value": head.arrays.value.astype("<f2", copy=False)[..., None],
        "paint": head.arrays.colour,
        "room": room_of(head.spec, head.arrays)[..., None],
    }


def _layout(name: str, texels: np.ndarray) -> tuple[str, int, int, int, int]:
    """(name, depth, height, width, bytes of a texel)."""
    depth, height, width, count = texels.shape
    return name, depth, height, width, count * texels.dtype.itemsize


def _planes(texels: np.ndarray) -> bytes:
    """First byte of every texel, then the second …"""
    size = texels.shape[3] * texels.dtype.itemsize
    return np.ascontiguousarray(texels).view(np.uint8).reshape(-1, size).T.tobytes()


def _in_script(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c")
