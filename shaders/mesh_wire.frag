// Edges of the triangles, over the shaded mesh.
uniform vec4 wire;
out vec4 colour;

void main() {
    colour = wire;
}
