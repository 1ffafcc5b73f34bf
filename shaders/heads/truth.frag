// What the ray through the pixel's centre meets: normal, distance along it, and the part's number.
in vec3 world;
in vec3 smooth_normal;
in vec2 texel;
in float visibility;

uniform sampler2D picture;
uniform bool cut;
uniform vec3 camera;
uniform bool two_sided;
uniform int number;

layout(location = 0) out vec4 surface;
layout(location = 1) out int part;

void main() {
    if (cut && textureLod(picture, texel, 0.0).a < 0.5) discard;
    vec3 away = world - camera;
    float distance = length(away);
    vec3 ray = away / distance, n = normalize(smooth_normal);
    if (two_sided && dot(n, ray) > 0.0) n = -n;
    // A smoothed normal at a silhouette may turn away: bent back until it is seen edge-on.
    n = normalize(n - ray * max(dot(n, ray), 0.0));
    surface = vec4(n, distance);
    part = number;
}
