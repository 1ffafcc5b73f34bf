// The tiles of a picture whose rays may meet something, as quads; all others fall together to nothing.
#include "baked.glsl"

uniform sampler2D reach;    // baked_reach.frag
uniform vec2 size;          // of the picture, pixels
uniform float tile;         // pixels
out vec2 uv;
flat out float start;

void main() {
    int across = textureSize(reach, 0).x;
    ivec2 which = ivec2(gl_InstanceID % across, gl_InstanceID / across);
    vec2 reached = texelFetch(reach, which, 0).rg;
    vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * (reached.x < reached.y ? 1.0 : 0.0);
    uv = tile * (vec2(which) + corner) / size;
    start = reached.x;
    gl_Position = vec4(2.0 * uv - 1.0, 0.0, 1.0);
}
