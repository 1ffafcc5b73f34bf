// A part of a head in world units.
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 uv;
layout(location = 3) in float open_sky;

uniform mat4 clip_from_world;
uniform mat4 shadow_from_world;
uniform sampler2DShadow shadow;
uniform bool shadowed;

out vec3 world;
out vec3 smooth_normal;
out vec2 texel;
out float visibility;
out float lit;

const vec2 DISC[12] = vec2[12](
    vec2(-0.326, -0.406), vec2(-0.840, -0.074), vec2(-0.696, 0.457), vec2(-0.203, 0.621),
    vec2(0.962, -0.195), vec2(0.473, -0.480), vec2(0.519, 0.767), vec2(0.185, -0.893),
    vec2(0.507, 0.064), vec2(0.896, 0.412), vec2(-0.322, -0.933), vec2(-0.792, -0.598));

// Share of the key light that reaches the vertex; vertices lie closer together than this soft shadow is wide.
float reached(vec3 place, vec3 n) {
    vec3 at = (shadow_from_world * vec4(place + n * 0.006, 1.0)).xyz;
    float sum = 0.0;
    for (int i = 0; i < 12; ++i) sum += texture(shadow, vec3(at.xy + DISC[i] * 0.011, at.z));
    return sum / 12.0;
}

void main() {
    world = position;
    smooth_normal = normal;
    texel = vec2(uv.x, 1.0 - uv.y);
    visibility = open_sky;
    lit = shadowed ? reached(position, normal) : 1.0;
    gl_Position = clip_from_world * vec4(position, 1.0);
}
