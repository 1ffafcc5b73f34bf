// A part of a head in world units.
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 uv;
layout(location = 3) in float open_sky;

uniform mat4 clip_from_world;

out vec3 world;
out vec3 smooth_normal;
out vec2 texel;
out float visibility;

void main() {
    world = position;
    smooth_normal = normal;
    texel = vec2(uv.x, 1.0 - uv.y);
    visibility = open_sky;
    gl_Position = clip_from_world * vec4(position, 1.0);
}
