// Depth only; texels that are mostly transparent let light through.
in vec2 texel;

uniform sampler2D picture;
uniform bool cut;

void main() {
    if (cut && texture(picture, texel).a < 0.5) discard;
}
