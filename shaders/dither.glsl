// Screen-space gradient noise in [-1/2, 1/2] of one 8-bit step: hides the bands of smooth gradients.
float dither(vec2 pixel) {
    return (fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715)))) - 0.5) / 255.0;
}
