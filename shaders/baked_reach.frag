// How far the rays of a tile of the picture may advance together before any of them comes near a surface: a cone about the ray of
// the tile's middle. Red: where to start; green: where the cube has ended, less than red if none of the rays meets anything.
#include "baked.glsl"

uniform sampler3D room;     // Chebyshev distance to the nearest block that a ray may feel, in blocks / 255
uniform vec2 size;      // of the picture, pixels
uniform float tile;     // pixels
out vec4 reach;

void main() {
    vec2 middle = tile * gl_FragCoord.xy / size;
    Ray ray = ray_of(middle);
    Walk walk = walk_of(ray);
    Ray corner = ray_of(middle + 0.5 * tile / size);
    Ray other = ray_of(middle + vec2(0.5, -0.5) * tile / size);
    // half width of the cone where it begins, and what each world unit adds to it
    float wide = max(length(corner.start - ray.start), length(other.start - ray.start));
    float widens = max(length(corner.along - ray.along), length(other.along - ray.along));
    float centre = -dot(ray.start, ray.along), around = 1.75 * half_edge;
    float t = max(centre - around, bounds.x), end = min(centre + around, bounds.y);
    float blocks = float(textureSize(room, 0).x);
    float cell = 2.0 * half_edge / cells, felt = is_density ? 1e9 : REACH * exp(log_beta.y);
    for (int i = 0; i < 64 && t < end; ++i) {
        vec3 p = ray.start + t * ray.along;
        Here here = look_up(walk, t);  // of the nearest place in the cube
        float now = textureLod(value, here.texel, 0.0).r;
        float outside = length(max(abs(p) - half_edge, 0.0));
        vec3 block = clamp((p + half_edge) * (0.5 * blocks / half_edge), 0.0, blocks - 1.0);
        float rings = floor(255.0 * texelFetch(room, ivec3(block), 0).r + 0.5);
        float free = max((rings - 1.0) * 2.0 * half_edge / blocks, outside);
        if (here.entry < 0.0) free = max(free, -here.entry * now - felt);
        free -= wide + widens * t;
        if (free < 0.25 * cell) break;
        t += free;
    }
    reach = vec4(t, end, 0.0, 1.0);
}
