// Distance along the ray of the pixel, as the channel `depth` has it: from the eye, or from the image plane of an orthographic camera.
uniform int orthographic;
in vec3 at_cam;
out float distance_along;

void main() {
    distance_along = orthographic != 0 ? at_cam.z : length(at_cam);
}
