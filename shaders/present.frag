// Draws one channel of a finished frame as display colours.
// The frame is premultiplied by its validity: scalars hold (value, valid), all others (x, y, z, valid).
// QUICK leaves out what a moving picture does without: software drivers run both sides of every branch.
#include "resample.glsl"
#include "dither.glsl"

const int COLOUR = 0;
const int SCALAR = 1;
const int DIRECTION = 2;
const int POSITION = 3;

const int COPY = 0;
const int SMOOTH = 1;

uniform sampler2D frame;
uniform sampler2D colormap;   // 256 x 1
uniform int kind;
uniform int enlarging;        // COPY: picture and target have the same size
uniform float low;
uniform float high;
uniform int invert;
uniform int dithering;
uniform vec3 checker_dark;
uniform vec3 checker_light;
uniform float checker_size;   // pixels
uniform float iso_step;       // distance of lines of equal value, in the unit of the scalar; 0 = none
uniform sampler2D mask;       // 1 inside what is outlined
uniform int outlined;

in vec2 uv;
out vec4 colour;

vec3 checkerboard() {
    vec2 cell = floor(gl_FragCoord.xy / checker_size);
    return mod(cell.x + cell.y, 2.0) < 0.5 ? checker_dark : checker_light;
}

vec3 mapped(float value) {
    float t = clamp((value - low) / max(high - low, 1e-20), 0.0, 1.0);
    if (invert != 0) t = 1.0 - t;
    return texture(colormap, vec2((t * 255.0 + 0.5) / 256.0, 0.5)).rgb;
}

vec3 display(vec4 texel, float valid) {
    if (kind == SCALAR) return mapped(texel.r / valid);
    vec3 value = texel.rgb / valid;
    if (kind == DIRECTION) return 0.5 + 0.5 * value;
    if (kind == POSITION) return (value - low) / max(high - low, 1e-20);
    return value;
}

// A line of about one pixel wherever the value passes a multiple of iso_step, a thicker one where the sign changes; none where lines
// would merge.
vec3 with_iso_lines(vec3 shown, float value) {
    float k = value / iso_step;
    float slope = fwidth(k);
    float away = abs(fract(k + 0.5) - 0.5) / max(slope, 1e-6);
    bool zero = abs(k) < 0.5;
    // Maps without negative values only creep up to zero: a line there would fill whole regions.
    if (slope < 1e-5 || (zero && low >= 0.0)) return shown;
    float half_width = zero ? 1.0 : 0.0;
    float merged = zero ? 0.0 : smoothstep(0.25, 0.5, slope);
    float line = (1.0 - smoothstep(half_width + 0.4, half_width + 1.1, away)) * (1.0 - merged);
    float light = dot(shown, vec3(0.2126, 0.7152, 0.0722));
    return mix(shown, vec3(light > 0.4 ? 0.0 : 1.0), (zero ? 1.0 : 0.75) * line);
}

bool inside(vec2 at) {
    return texture(mask, at).r > 0.5;
}

// White just outside the mask, black just inside: seen on every colour.
vec3 with_outline(vec3 shown) {
    vec2 pixel = vec2(dFdx(uv.x), dFdy(uv.y));
    bool here = inside(uv);
    bool differs = false;
    for (int i = 0; i < 4; ++i) {
        vec2 step = i < 2 ? vec2(i == 0 ? 1.0 : -1.0, 0.0) : vec2(0.0, i == 2 ? 1.0 : -1.0);
        if (inside(uv + step * pixel) != here) differs = true;
    }
    return differs ? vec3(here ? 0.0 : 1.0) : shown;
}

void main() {
    vec4 texel;
#ifdef QUICK
    texel = textureLod(frame, uv, 0.0);
#else
    if (enlarging == COPY) texel = texelFetch(frame, ivec2(uv * vec2(textureSize(frame, 0))), 0);
    else texel = bicubic(frame, uv);
#endif
    float valid = kind == SCALAR ? texel.g : texel.a;
    // Enlarged edges fade over half a source pixel instead of showing its corners.
    float cover = enlarging == COPY ? step(0.5, valid) : smoothstep(0.3, 0.7, valid);
    vec3 shown = checkerboard();
    if (cover > 0.0) shown = mix(shown, clamp(display(texel, valid), 0.0, 1.0), cover);
#ifndef QUICK
    if (iso_step > 0.0 && kind == SCALAR) {
        vec3 lined = with_iso_lines(shown, texel.r / max(valid, 1e-6));
        if (cover > 0.5) shown = lined;
    }
    if (outlined != 0) shown = with_outline(shown);
#endif
    if (dithering != 0) shown += dither(gl_FragCoord.xy);
    colour = vec4(shown, 1.0);
}
