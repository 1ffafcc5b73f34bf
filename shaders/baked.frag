// A baked volume through the picture's camera, as the maps that present.frag reads: values times validity, and validity.
#include "baked.glsl"

const int COLOUR = 0;
const int NORMAL = 1;
const int DEPTH = 2;
const int OPACITY = 3;
const float SEEN = 0.05;   // rays with less opacity are background for depth and normals

uniform int map;
uniform vec3 background;

in vec2 uv;
flat in float start;
out vec4 drawn;

void main() {
    Ray ray = ray_of(uv);
    vec2 inside = in_cube(ray);
    Met met = trace(ray, max(inside.x, start), inside.y);
    vec4 seen = vec4(0.0);
    if (map == DEPTH) seen = vec4(met.place / met.opacity, 1.0, 0.0, 1.0);
    if (map == NORMAL) seen = vec4(met.normal / max(length(met.normal), 1e-6), 1.0);
    drawn = met.opacity > SEEN ? seen : vec4(0.0);
    if (map == COLOUR) drawn = vec4(clamp(met.rgb + (1.0 - met.opacity) * background, 0.0, 1.0), 1.0);
    if (map == OPACITY) drawn = vec4(met.opacity, 1.0, 0.0, 1.0);
}
