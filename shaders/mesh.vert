// Vertices of a mesh through the picture's camera. Rows of the matrices come as vectors: clip[i] of clip_from_world, cam[i] of
// cam_from_world. Clip y runs down the image, so that row 0 of the target is the top.
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 tint;
uniform vec4 clip0, clip1, clip2, clip3;
uniform vec4 cam0, cam1, cam2;
out vec3 at_cam;
out vec3 normal_cam;
out vec3 normal_world;
out vec3 ink;

void main() {
    vec4 p = vec4(position, 1.0);
    at_cam = vec3(dot(cam0, p), dot(cam1, p), dot(cam2, p));
    normal_cam = vec3(dot(cam0.xyz, normal), dot(cam1.xyz, normal), dot(cam2.xyz, normal));
    normal_world = normal;
    ink = tint.rgb;
    gl_Position = vec4(dot(clip0, p), dot(clip1, p), dot(clip2, p), dot(clip3, p));
}
