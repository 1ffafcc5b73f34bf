// A mesh: clay lit from above the camera, a procedural matcap, the vertex colours as they are, or normals as colours.
// The inner side of an open surface is tinted, so that a hole is seen as one.
const int LIT = 0;
const int MATCAP = 1;
const int TINT = 2;
const int NORMAL = 3;

uniform int shading;
uniform int orthographic;
in vec3 at_cam;
in vec3 normal_cam;
in vec3 normal_world;
in vec3 ink;
out vec4 colour;

float glint(vec3 n, vec3 view, vec3 light, float power) {
    return pow(max(dot(n, normalize(light - view)), 0.0), power);
}

// Camera frame: x right, y down, z away from the eye.
vec3 lit(vec3 n, vec3 view) {
    vec3 key = normalize(vec3(-0.45, -0.65, -0.75));
    vec3 fill = normalize(vec3(0.8, 0.15, -0.5));
    float a = max(dot(n, key), 0.0);
    float b = max(dot(n, fill), 0.0);
    float rim = pow(1.0 - max(dot(n, -view), 0.0), 3.0);
    vec3 base = vec3(0.80, 0.785, 0.76);
    vec3 shade = base * (0.20 + 0.78 * a + 0.24 * b) + vec3(0.10, 0.11, 0.13) * rim;
    return shade + 0.10 * glint(n, view, key, 40.0);
}

// A sphere of warm wax under a soft box, written as a function of the normal as the eye sees it.
vec3 matcap(vec3 n, vec3 view) {
    vec3 right = normalize(cross(vec3(0.0, 1.0, 0.0), view));
    vec2 p = vec2(dot(n, right), dot(n, cross(view, right)));
    float up = 0.5 - 0.5 * p.y;
    float facing = sqrt(max(1.0 - dot(p, p), 0.0));
    vec3 body = mix(vec3(0.20, 0.10, 0.09), vec3(0.86, 0.58, 0.46), smoothstep(0.0, 0.95, 0.25 + 0.55 * up + 0.3 * facing - 0.25));
    float box = smoothstep(0.34, 0.16, max(abs(p.x + 0.30), 1.2 * abs(p.y + 0.42)));
    float edge = pow(1.0 - facing, 4.0);
    return body + 0.30 * box * vec3(1.0, 0.97, 0.92) + 0.22 * edge * vec3(0.55, 0.70, 1.0);
}

void main() {
    vec3 view = orthographic != 0 ? vec3(0.0, 0.0, 1.0) : normalize(at_cam);
    vec3 n = normalize(normal_cam);
    bool inner = dot(n, view) > 0.0;
    if (inner) n = -n;
    vec3 shown;
    if (shading == TINT) shown = ink;
    else if (shading == NORMAL) shown = 0.5 + 0.5 * normalize(normal_world);
    else if (shading == MATCAP) shown = matcap(n, view);
    else shown = lit(n, view);
    // at grazing angles interpolated normals turn over before the triangle does: only what is clearly inner is marked
    if (inner && gl_FrontFacing && shading != TINT && shading != NORMAL) shown *= vec3(0.62, 0.55, 0.80);
    colour = vec4(clamp(shown, 0.0, 1.0), 1.0);
}
