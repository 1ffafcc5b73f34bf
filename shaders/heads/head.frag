// Soft portrait lighting in linear light: ambient sky over ground, a fill and a key light with a soft shadow.
// Output is premultiplied by alpha.
in vec3 world;
in vec3 smooth_normal;
in vec2 texel;
in float visibility;
in float lit;

uniform sampler2D picture;
uniform vec3 camera;
uniform bool textured;
uniform vec3 tone;
uniform int kind;            // 0 matt, 1 skin, 2 eyeball, 3 hair, 4 cornea, 5 lens, 6 frame
uniform vec2 alpha_range;    // fragments outside it are left out
uniform bool two_sided;
uniform vec3 key_direction;  // towards the light
uniform vec3 key;
uniform vec3 sky;
uniform vec3 ground;
uniform vec3 fill_direction;
uniform vec3 fill;

out vec4 colour;

vec3 ambient(vec3 n) {
    return mix(ground, sky, 0.5 + 0.5 * n.y) + fill * max(0.0, 0.5 + 0.5 * dot(n, fill_direction));
}

// Microfacet highlight (GGX; Smith's shadowing in Schlick's form) of a light seen along h.
float highlight(vec3 n, vec3 l, vec3 v, float roughness, float f0) {
    vec3 h = normalize(l + v);
    float nl = max(dot(n, l), 0.0), nv = max(dot(n, v), 0.05), nh = max(dot(n, h), 0.0);
    float a = roughness * roughness, d = nh * nh * (a * a - 1.0) + 1.0;
    float ggx = a * a / (3.14159 * d * d), k = a * 0.5;
    float visible = 1.0 / ((nl * (1.0 - k) + k) * (nv * (1.0 - k) + k) * 4.0);
    float fresnel = f0 + (1.0 - f0) * pow(1.0 - max(dot(h, v), 0.0), 5.0);
    return ggx * visible * fresnel * nl * 3.14159;
}

// The picture's own light and dark as height: pores and wrinkles (Mikkelsen 2010, without a parametrisation).
vec3 bumped(vec3 n, vec3 albedo) {
    float height = 0.0011 * log2(dot(albedo, vec3(0.2126, 0.7152, 0.0722)) + 0.02);
    vec3 dx = dFdx(world), dy = dFdy(world);
    vec3 across = cross(dy, n), along = cross(n, dx);
    float area = dot(dx, across);
    vec3 slope = sign(area) * (dFdx(height) * across + dFdy(height) * along);
    return normalize(abs(area) * n - clamp(slope, -0.6 * abs(area), 0.6 * abs(area)));
}

void main() {
    vec4 base = textured ? texture(picture, texel) : vec4(1.0);
    if (base.a < alpha_range.x || base.a >= alpha_range.y) discard;
    vec3 albedo = base.rgb * tone;
    vec3 v = normalize(camera - world), n = normalize(smooth_normal);
    if (two_sided && dot(n, v) < 0.0) n = -n;
    // Between vertices at 0 or 1 the interpolated value may lie a rounding outside; pow of a negative number is NaN.
    float shade = clamp(lit, 0.0, 1.0), open = clamp(visibility, 0.0, 1.0), nl = dot(n, key_direction);

    if (kind >= 4 && kind <= 5) {  // clear shells: what they reflect
        float facing = max(dot(n, v), 0.0);
        float mirror = 0.03 + 0.97 * pow(1.0 - facing, 5.0);
        vec3 r = reflect(-v, n);
        float window = kind == 4 ? smoothstep(0.955, 0.975, dot(r, key_direction)) : 0.25 * smoothstep(0.86, 0.97, dot(r, key_direction));
        vec3 light = ambient(r) * mirror * (kind == 4 ? 0.35 * open : 0.3) + key * window * (kind == 4 ? 0.45 * shade : 0.25);
        float dim = kind == 4 ? 0.0 : 1.0 - dot(tone, vec3(0.3333));
        colour = vec4(light, dim);
        return;
    }
    vec3 sum;
    if (kind == 1) {
        // Light scatters under the skin: red wraps round the terminator and bleeds into creases.
        vec3 wrap = vec3(0.30, 0.14, 0.10);
        vec3 diffuse = clamp((nl + wrap) / (1.0 + wrap), 0.0, 1.0) * pow(vec3(shade), vec3(0.75, 1.0, 1.08));
        vec3 occlusion = pow(vec3(open), vec3(0.78, 1.0, 1.06));
        sum = albedo * (ambient(n) * occlusion + key * diffuse);
        vec3 b = bumped(n, base.rgb);
        sum *= 1.0 + 0.5 * (dot(b, key_direction) - nl);
        float gloss = highlight(b, key_direction, v, 0.52, 0.028) * 0.55 + highlight(b, key_direction, v, 0.34, 0.028) * 0.16;
        float rim = 0.02 + 0.2 * pow(1.0 - max(dot(n, v), 0.0), 5.0);
        sum += key * gloss * shade + ambient(reflect(-v, b)) * rim * open * open * 0.35;
    } else if (kind == 2) {
        vec3 diffuse = vec3(clamp((nl + 0.25) / 1.25, 0.0, 1.0) * mix(0.4, 1.0, shade));
        sum = albedo * (ambient(n) * mix(0.25, 1.0, open) + key * diffuse);
    } else if (kind == 3) {
        // Strands run along v of the picture: a highlight of cylinders (Kajiya and Kay 1989), bent over the head.
        vec3 dx = dFdx(world), dy = dFdy(world);
        vec2 tx = dFdx(texel), ty = dFdy(texel);
        vec3 strand = dx * ty.x - dy * tx.x;
        float size = length(strand);
        strand = size > 1e-12 ? strand / size : vec3(0.0, 1.0, 0.0);
        strand = normalize(strand - n * dot(strand, n) + n * 0.0001);
        vec3 h = normalize(key_direction + v);
        float th = dot(strand, h);
        float spec = pow(sqrt(max(1.0 - th * th, 0.0)), 60.0) * clamp(nl + 0.3, 0.0, 1.0);
        float wrapped = clamp((nl + 0.35) / 1.35, 0.0, 1.0);
        sum = albedo * (ambient(n) * mix(0.15, 1.0, open) + key * wrapped * mix(0.12, 1.0, shade));
        sum += key * shade * spec * (0.010 + 0.35 * albedo);
    } else {
        sum = albedo * (ambient(n) * open + key * clamp(nl, 0.0, 1.0) * shade);
        float f0 = kind == 6 ? 0.05 : 0.02, rough = kind == 6 ? 0.25 : 0.6;
        sum += key * shade * highlight(n, key_direction, v, rough, f0);
        if (kind == 6) sum += ambient(reflect(-v, n)) * (0.05 + 0.6 * pow(1.0 - max(dot(n, v), 0.0), 5.0)) * open;
    }
    colour = vec4(sum * base.a, base.a);
}
