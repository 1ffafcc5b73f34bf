// One ray through a baked volume (core_model/schema/baked.py): bricks of signed distance or density, and their colours.
// Core profile 3.3 and ES 3.00 alike; ES needs `precision highp float; precision highp sampler3D;` before it.
// NORMALS: normals are wanted. WIDTHS: beta differs from place to place.
// Software drivers run both sides of every branch, and a loop's body once at least: what is seldom needed stands outside the loops.
// `bricks` [M, M, M] RGBA: position of the brick in the atlas (in bricks), and alpha: of an empty brick how far a ray may advance
// from any point of it [world units] without meeting an occupied one, 0 or more; of an occupied one minus the part of a distance
// that a ray may advance where the field is steeper than a distance ought to be.
uniform sampler3D bricks;
uniform sampler3D value;
uniform sampler3D paint;            // rgb, and the place of ln(beta) between its bounds
uniform vec3 atlas;                 // samples along the edges of the atlas
uniform float half_edge;            // of the cube, world units
uniform float cells;                // per edge of the cube
uniform float brick;                // cells per edge of a brick
uniform vec2 log_beta;              // bounds of ln(beta [world units])
uniform bool is_density;
uniform vec2 bounds;                // rays start and end here [world units along the ray] at the latest
uniform vec3 eye;                   // world
uniform vec3 right, down, forward;  // axes of the camera, world
uniform vec4 lens;                  // focal lengths x and y, principal point, in picture widths
uniform float skew;
uniform float span;                 // an orthographic picture shows this many world units at focal length 1; 0 = perspective

const float OPAQUE = 0.02;          // transmittance that is counted as none
const float FAINT = 1e-4;           // optical depth that is counted as none
const int STEPS = 160;
const int SURFACES = 16;            // met one behind the other: each has one colour
const float THICK = 4.0;            // cells: matter that is thicker counts as several surfaces
const float REACH = 5.0;            // a surface is felt this many betas away

struct Ray { vec3 start; vec3 along; };

// What a ray met, all but opacity weighted by it: rgb, place [world units along the ray], outward normal.
struct Met { float opacity; vec3 rgb; float place; vec3 normal; };

// The same in cells from the cube's lower corner; `per_step` is 1 / |along|, `way` its signs.
struct Walk { vec3 start; vec3 along; vec3 per_step; vec3 way; };

// A place in the cube: texel of the atlas, what `bricks` holds there, and how far along the walk its brick reaches [world units].
struct Here { vec3 texel; float entry; float side; };

// `at`: (0, 0) upper left, (1, 1) lower right corner of the picture.
Ray ray_of(vec2 at) {
    float y = (at.y - lens.w) / lens.y;
    float x = (at.x - lens.z - skew * y) / lens.x;
    if (span > 0.0) return Ray(eye + span * (x * right + y * down), forward);
    return Ray(eye, normalize(x * right + y * down + forward));
}

// Where the ray enters and leaves the cube; x > y if it misses it.
vec2 in_cube(Ray ray) {
    vec3 away = 1.0 / (abs(ray.along) + 1e-9);
    vec3 from = sign(ray.along) * ray.start;
    vec3 near = (-half_edge - from) * away;
    vec3 far = (half_edge - from) * away;
    return vec2(max(max(max(near.x, near.y), near.z), bounds.x), min(min(min(far.x, far.y), far.z), bounds.y));
}

Walk walk_of(Ray ray) {
    float per_unit = 0.5 * cells / half_edge;
    vec3 along = per_unit * ray.along;
    return Walk(per_unit * (ray.start + half_edge), along, 1.0 / (abs(along) + 1e-6), sign(along));
}

Here look_up(Walk walk, float t) {
    vec3 cell = clamp(walk.start + t * walk.along, 0.0, cells);
    vec3 which = min(floor(cell / brick), cells / brick - 1.0);
    vec4 entry = texelFetch(bricks, ivec3(which), 0);
    vec3 local = cell - which * brick;
    vec3 left = (0.5 * brick + walk.way * (0.5 * brick - local)) * walk.per_step;
    return Here((entry.xyz * (brick + 1.0) + local + 0.5) / atlas, entry.w, min(min(left.x, left.y), left.z));
}

// Outward: the gradient of a distance, minus that of a density. Beside an empty brick the value in the middle stands in.
vec3 normal_at(Walk walk, float t) {
    vec3 start = walk.start + t * walk.along;
    float middle = textureLod(value, look_up(walk, t).texel, 0.0).r;
    vec3 slope = vec3(0.0);
    for (int i = 0; i < 6; ++i) {
        float way = i < 3 ? -1.0 : 1.0;
        int axis = i < 3 ? i : i - 3;
        vec3 towards = vec3(axis == 0, axis == 1, axis == 2);
        Here here = look_up(Walk(start, towards, vec3(1.0), vec3(1.0)), way);
        float there = textureLod(value, here.texel, 0.0).r;
        slope += way * towards * (here.entry < 0.0 ? there : middle);
    }
    return (is_density ? -slope : slope) / max(length(slope), 1e-12);
}

// VolSDF's density integrated over the distance, times beta: a stretch along which the distance is linear is integrated exactly.
float volsdf_integral(float distance, float beta, float tail) {
    return distance >= 0.0 ? -tail : distance / beta + tail - 1.0;
}

Met trace(Ray ray, float start, float end) {
    Walk walk = walk_of(ray);
    float cell = 2.0 * half_edge / cells;
    float beta = exp(log_beta.y);
    float felt = is_density ? 1e9 : REACH * beta;
    Met met = Met(0.0, vec3(0.0), 0.0, vec3(0.0));
    float t = start, t_before = start, left = 1.0;
    float before = 0.0, integral_before = 0.0;  // at t_before
    bool linked = false;                        // whether the stretch from there lies in occupied bricks
    int steps = STEPS;
    // most of a ray's way: nothing is felt yet
    for (; t < end && steps > 0; --steps) {
        Here here = look_up(walk, t);
        float now = textureLod(value, here.texel, 0.0).r;
        bool occupied = here.entry < 0.0;
        if (occupied && now < felt) break;
        before = now;
        linked = occupied;
        t_before = t;
        t += occupied ? max(beta - here.entry * now, 0.75 * beta) : max(here.entry, here.side) + 1e-3 * cell;
    }
    integral_before = volsdf_integral(before, beta, 0.5 * exp(-abs(before) / beta));
    for (int surface = 0; surface < SURFACES && t < end && steps > 0 && left > OPAQUE; ++surface) {
        float weight = 0.0, weighted = 0.0, opened = end;
        for (; t < end && steps > 0 && left > OPAQUE; --steps) {
            Here here = look_up(walk, t);
            bool occupied = here.entry < 0.0;
            float now = textureLod(value, here.texel, 0.0).r;
            float reach = t - t_before, depth, advance, opens = 0.0;
            if (is_density) {
                depth = 0.5 * (before + now) * reach;
                advance = cell;
            } else {
#ifdef WIDTHS
                beta = exp(mix(log_beta.x, log_beta.y, textureLod(paint, here.texel, 0.0).a));
                integral_before = volsdf_integral(before, beta, 0.5 * exp(-abs(before) / beta));
#endif
                // a long step through the surface is exact as long as the distance is linear, and little light is left behind it
                float least = max(min(now < 0.0 ? 6.0 * beta : 4.0 * beta, 0.75 * cell), 0.75 * beta);
                float tail = 0.5 * exp(-abs(now) / beta);
                float integral = volsdf_integral(now, beta, tail);
                float apart = now - before;
                float level_depth = (now >= 0.0 ? tail : 1.0 - tail) / beta;
                depth = reach * (abs(apart) < 1e-2 * beta ? level_depth : (integral - integral_before) / apart);
                // matter lies behind the surface, and the half of its light that goes before it counts as if it were 0.4 widths nearer
                if (before > 0.0 && now < 0.0) opens = max(before - 0.4 * beta, 0.0) / (before - now);
                advance = max(least, -here.entry * now + beta);
                integral_before = integral;
            }
            depth = linked && occupied && depth > FAINT ? depth : 0.0;
            if (weight > 0.0 && ((depth == 0.0 && (is_density || now > REACH * beta)) || t > opened + THICK * cell)) break;
            // light falls off exponentially along a stretch: where it is lost on the average
            float passes = exp(-depth);
            float middle = depth < 0.05 ? 0.5 : 1.0 / depth - passes / (1.0 - passes);
            float gained = left * (1.0 - passes);
            if (depth > 0.0) opened = min(opened, t);
            weight += gained;
            weighted += gained * (t_before + mix(opens, 1.0, middle) * reach);
            left -= gained;
            linked = occupied;
            before = now;
            t_before = t;
            t += occupied ? advance : max(here.entry, here.side) + 1e-3 * cell;
        }
        float place = weighted / max(weight, 1e-9);
        met.rgb += weight * textureLod(paint, look_up(walk, place).texel, 0.0).rgb;
#ifdef NORMALS
        met.normal += weight * normal_at(walk, place);
#endif
        met.place += weighted;
        met.opacity += weight;
    }
    float whole = left < OPAQUE ? 1.0 / max(met.opacity, 1e-6) : 1.0;
    return Met(met.opacity * whole, met.rgb * whole, met.place * whole, met.normal * whole);
}
