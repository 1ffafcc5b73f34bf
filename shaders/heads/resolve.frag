// The mean of factor² samples over the background, exposed and encoded as sRGB; alpha is the opacity.
uniform sampler2D samples;
uniform sampler2D backdrop;
uniform int factor;

out vec4 pixel;

vec3 encoded(vec3 x) {
    // A shoulder over 0.7 keeps highlights from clipping.
    vec3 over = max(x - 0.7, 0.0);
    x = min(x, 0.7) + 0.3 * (1.0 - exp(-over / 0.3));
    return mix(12.92 * x, 1.055 * pow(max(x, 0.0031308), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, x));
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec3 behind = texelFetch(backdrop, at, 0).rgb;
    vec4 sum = vec4(0.0);
    for (int y = 0; y < factor; ++y)
        for (int x = 0; x < factor; ++x) sum += min(texelFetch(samples, at * factor + ivec2(x, y), 0), vec4(2.0));
    sum /= float(factor * factor);
    pixel.a = clamp(sum.a, 0.0, 1.0);
    // The background is given as it shall look: it is mixed after the encoding of what stands before it.
    vec3 front = sum.a > 1e-4 ? encoded(sum.rgb / sum.a) : vec3(0.0);
    pixel.rgb = mix(behind, front, pixel.a);
}
