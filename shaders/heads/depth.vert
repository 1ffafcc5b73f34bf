// Depth of a part seen from a light.
layout(location = 0) in vec3 position;
layout(location = 2) in vec2 uv;

uniform mat4 clip_from_world;

out vec2 texel;

void main() {
    texel = vec2(uv.x, 1.0 - uv.y);
    gl_Position = clip_from_world * vec4(position, 1.0);
}
