// Draws one channel of a finished frame as display colours.
// The frame is premultiplied by its validity: scalars hold (value, valid), all others (x, y, z, valid).
#include "resample.glsl"
#include "dither.glsl"

const int COLOUR = 0;
const int SCALAR = 1;
const int DIRECTION = 2;
const int POSITION = 3;

uniform sampler2D frame;
uniform sampler2D colormap;   // 256 x 1
uniform int kind;
uniform int exact;            // 1: picture and target have the same size, texels are copied
uniform float low;
uniform float high;
uniform int invert;
uniform int dithering;
uniform vec3 checker_dark;
uniform vec3 checker_light;
uniform float checker_size;   // pixels

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

void main() {
    vec4 texel = exact != 0 ? texelFetch(frame, ivec2(uv * vec2(textureSize(frame, 0))), 0) : bicubic(frame, uv);
    float valid = kind == SCALAR ? texel.g : texel.a;
    // Enlarged edges fade over half a source pixel instead of showing its corners.
    float cover = exact != 0 ? step(0.5, valid) : smoothstep(0.3, 0.7, valid);
    vec3 shown = checkerboard();
    if (cover > 0.0) shown = mix(shown, clamp(display(texel, valid), 0.0, 1.0), cover);
    if (dithering != 0) shown += dither(gl_FragCoord.xy);
    colour = vec4(shown, 1.0);
}
