// Bicubic enlargement of a premultiplied texture with nine bilinear taps.
// Mitchell and Netravali's cubic with B = C = 1/3: smooth enough that a low-resolution moving frame shows no staircase, sharp
// enough that features stay. The two inner weights of an axis share one tap.
vec4 bicubic(sampler2D image, vec2 uv) {
    const float B = 1.0 / 3.0;
    const float C = 1.0 / 3.0;
    vec2 size = vec2(textureSize(image, 0));
    vec2 texel = uv * size;
    vec2 base = floor(texel - 0.5) + 0.5;
    vec2 f = texel - base;
    vec2 g = 1.0 - f;
    vec2 w0 = (B / 6.0) * g * g * g + C * (g * g * g - g * g);
    vec2 w3 = (B / 6.0) * f * f * f + C * (f * f * f - f * f);
    vec2 w1 = ((12.0 - 9.0 * B - 6.0 * C) * f * f * f + (-18.0 + 12.0 * B + 6.0 * C) * f * f + (6.0 - 2.0 * B)) / 6.0;
    vec2 w2 = 1.0 - w0 - w1 - w3;
    vec2 inner = w1 + w2;
    vec2 t0 = (base - 1.0) / size;
    vec2 t1 = (base + w2 / inner) / size;
    vec2 t3 = (base + 2.0) / size;
    vec4 sum = vec4(0.0);
    sum += texture(image, vec2(t0.x, t0.y)) * (w0.x * w0.y);
    sum += texture(image, vec2(t1.x, t0.y)) * (inner.x * w0.y);
    sum += texture(image, vec2(t3.x, t0.y)) * (w3.x * w0.y);
    sum += texture(image, vec2(t0.x, t1.y)) * (w0.x * inner.y);
    sum += texture(image, vec2(t1.x, t1.y)) * (inner.x * inner.y);
    sum += texture(image, vec2(t3.x, t1.y)) * (w3.x * inner.y);
    sum += texture(image, vec2(t0.x, t3.y)) * (w0.x * w3.y);
    sum += texture(image, vec2(t1.x, t3.y)) * (inner.x * w3.y);
    sum += texture(image, vec2(t3.x, t3.y)) * (w3.x * w3.y);
    return sum;
}
