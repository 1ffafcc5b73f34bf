"""The field of the wysiwyg family: where it starts, its activations, its fast path, its normals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core_model.families.wysiwyg.config import PRESETS
from core_model.families.wysiwyg.decoder import SdfMlp, WysiwygField, beta_pre_for
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.fields.density import volsdf_density
from core_model.fields.encoding import frequency_encoding
from core_model.fields.triplane import Planes
from core_model.rendering.composite import field_normals
from core_model.rendering.empty import outside_only
from core_model.rendering.evaluate import Scene
from core_model.schema.conventions import Conventions
from tests.contracts.tiny_checkpoint import tiny_generator

SMALL = ["tiny", "tiny-heads", "heads256"]


def points(n: int = 3000, spread: float = 0.5) -> torch.Tensor:
    return (torch.rand(1, n, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1) * spread


@pytest.fixture(scope="module", params=SMALL)
def fresh(request: pytest.FixtureRequest) -> WysiwygGenerator:
    """A new generator, as training gets it."""
    return tiny_generator(PRESETS[request.param], beta=None)


def field_of(generator: WysiwygGenerator, seed: int = 0, fast: bool = True) -> WysiwygField:
    cfg = generator.cfg
    z = torch.from_numpy(np.random.RandomState(seed).randn(1, cfg.z_dim)).float()
    ws = generator.map(z, torch.zeros(1, cfg.c_dim) if cfg.c_dim else None, psi=0.7)
    return generator.field(generator.synthesize(ws), fast=fast)


@torch.no_grad()
@pytest.mark.parametrize("preset", [*SMALL, "ffhq512"])
def test_the_geometric_start_is_a_sphere(preset: str) -> None:
    """With the plane features at the 1 where they start, s = radius - |x| (spec §2, SAL's purpose)."""
    cfg = PRESETS[preset]
    torch.manual_seed(0)
    mlp = SdfMlp(cfg)
    mlp.init_sphere(cfg, 0.5, torch.Generator().manual_seed(0))
    x = points()
    out = mlp(torch.ones(1, x.shape[1], cfg.plane_channels), frequency_encoding(x / 0.5, cfg.point_freqs))
    error = (out[..., 0] - (cfg.init_radius - x.norm(dim=-1))).abs()
    # sixteen hidden units can say less about |x| than the 64 and 128 of real networks
    assert float(error.mean()) < (0.06 if cfg.sdf_hidden <= 16 else 0.02)


def test_beta_starts_at_one_hundredth(fresh: WysiwygGenerator) -> None:
    beta = field_of(fresh).geometry(points()).beta
    assert beta is not None
    np.testing.assert_allclose(beta, 0.01, atol=1e-6)


def test_beta_stays_within_its_limits() -> None:
    """0.01 + tanh(2·pre)·(0.01 - 0.0001): never below 0.0001, never above 0.0199."""
    generator = tiny_generator()
    generator.sdf_mlp.fc2.weight.data[1] = torch.randn(16, generator=torch.Generator().manual_seed(0)) * 5
    field = field_of(generator)
    sample = field.geometry(points(spread=0.8))
    assert sample.beta is not None and sample.sdf is not None
    assert 0.0001 - 1e-7 <= float(sample.beta.min()) < 0.001
    assert 0.019 < float(sample.beta.max()) <= 0.0199 + 1e-7
    torch.testing.assert_close(sample.density, volsdf_density(sample.sdf, sample.beta))


@pytest.mark.parametrize("beta", [0.0002, 0.001, 0.01, 0.0195])
def test_beta_pre_is_the_inverse(beta: float) -> None:
    cfg = PRESETS["ffhq512"]
    back = cfg.beta_start + math.tanh(2 * beta_pre_for(beta, cfg)) * (cfg.beta_start - cfg.beta_floor)
    assert back == pytest.approx(beta, rel=1e-9)


def test_the_field_is_the_tables_written_out() -> None:
    """Table A2 and A3 in numpy, from the planes and the weights."""
    generator = tiny_generator()
    field = field_of(generator, fast=False)
    x = points(50)
    dirs = torch.nn.functional.normalize(
        torch.randn(1, 50, 3, generator=torch.Generator().manual_seed(2)), dim=-1
    )
    soft = lambda v: np.log1p(np.exp(v))
    lin = lambda layer, v: v @ layer.weight.double().numpy().T + layer.bias.double().numpy()
    encode = lambda v, k: np.concatenate(
        [v] + [f(2.0**i * v) for i in range(k) for f in (np.sin, np.cos)], axis=-1
    )
    features = field.features(x)[0].double().numpy()
    h = np.concatenate([features, encode(x[0].double().numpy() / 0.5, 6)], axis=-1)
    for layer in (generator.sdf_mlp.fc0, generator.sdf_mlp.fc1):
        h = soft(lin(layer, h))
    out = lin(generator.sdf_mlp.fc2, h)
    sample = field.geometry(x)
    assert sample.sdf is not None and sample.features is not None
    np.testing.assert_allclose(sample.sdf[0], -out[:, 0], atol=2e-5)
    c = np.concatenate([out[:, 2:], encode(dirs[0].double().numpy(), 2)], axis=-1)
    c = lin(generator.rgb_mlp.fc1, soft(lin(generator.rgb_mlp.fc0, c)))
    np.testing.assert_allclose(field.colour(sample, x, dirs)[0], 1.002 / (1 + np.exp(-c)) - 0.001, atol=2e-5)


@pytest.mark.parametrize("chunk", [7, 100, 16384])
@pytest.mark.parametrize("gradients", [True, False])  # normals need them; without, buffers are reused
def test_fast_path_equals_plain_path(chunk: int, gradients: bool) -> None:
    generator = tiny_generator()
    x = points(500, spread=0.6)  # some outside the box
    plain = field_of(generator, fast=False)
    fast = WysiwygField(plain.planes, generator.sdf_mlp, generator.rgb_mlp, generator.cfg, chunk=chunk)
    before = x.clone()
    with torch.set_grad_enabled(gradients):
        a, b = plain.geometry(x), fast.geometry(x)
    assert torch.equal(x, before)
    for name in ("sdf", "beta", "density", "features"):
        one, two = getattr(a, name), getattr(b, name)
        np.testing.assert_allclose(one, two, atol=2e-5 * float(one.abs().max()))


@torch.no_grad()
def test_colours_along_one_direction_equal_the_plain_ones() -> None:
    generator = tiny_generator()
    field, x = field_of(generator), points(300)
    sample = field.geometry(x)
    direction = torch.tensor([0.3, -0.4, -0.866])
    expanded, written_out = direction.expand(1, 300, 3), direction.repeat(1, 300, 1)
    np.testing.assert_allclose(
        field.colour(sample, x, expanded), field.colour(sample, x, written_out), atol=2e-6
    )
    np.testing.assert_allclose(
        field.colour(sample, x, written_out)[0], generator.rgb_mlp(sample.features, written_out)[0], atol=1e-6
    )


@torch.no_grad()
def test_several_scenes_at_once_on_the_fast_path() -> None:
    generator = tiny_generator()
    one, two = field_of(generator, 0), field_of(generator, 1)
    both = WysiwygField(
        Planes((torch.cat([one.planes.levels[0], two.planes.levels[0]]),), one.planes.conventions),
        generator.sdf_mlp,
        generator.rgb_mlp,
        generator.cfg,
        chunk=70,
    )
    x = points(200)
    together = both.geometry(x.expand(2, -1, -1))
    for k, alone in enumerate((one, two)):
        np.testing.assert_allclose(together.sdf[k], alone.geometry(x).sdf[0], atol=1e-6)  # type: ignore[index]


def test_normals_are_the_gradient_of_the_distance() -> None:
    """Automatic differentiation through the fast path against central differences in the distance."""
    generator = tiny_generator()
    field = field_of(generator)
    x = points(200, spread=0.4)
    scene = Scene(field, outside_only(0.5, torch.device("cpu")), None, torch.tensor([0.0, 0.0, -1.0]))
    got = field_normals(scene, x)[0]
    np.testing.assert_allclose(got.norm(dim=-1), 1.0, atol=1e-5)
    h = 2e-3
    columns = []
    for axis in range(3):
        step = torch.zeros(3)
        step[axis] = h
        plus, minus = field.geometry(x + step).sdf, field.geometry(x - step).sdf
        assert plus is not None and minus is not None
        columns.append((plus - minus)[0])
    want = torch.nn.functional.normalize(torch.stack(columns, dim=-1), dim=-1)
    assert (
        float((got * want).sum(dim=-1).quantile(0.1)) > 0.995
    )  # the planes are piecewise linear: kinks at cell edges


def test_planes_depend_on_the_latent_but_not_on_noise_that_is_off() -> None:
    generator = tiny_generator()
    for block in generator.modules():
        if hasattr(block, "noise_strength"):
            block.noise_strength.fill_(0.5)  # type: ignore[operator, union-attr]
    ws = generator.map(torch.randn(1, 16, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 25))
    const, none = (generator.synthesize(ws, mode).levels[0] for mode in ("const", "none"))
    assert not torch.allclose(const, none)
    assert torch.equal(const, generator.synthesize(ws, "const").levels[0])
    assert not torch.allclose(const, generator.synthesize(ws * 1.5, "const").levels[0])


def test_each_plane_comes_from_its_own_slice_of_t_prime() -> None:
    generator = tiny_generator()
    ws = generator.map(torch.zeros(1, 16), torch.zeros(1, 25))
    before = generator.synthesize(ws).levels[0]
    c = generator.cfg.plane_channels
    generator.backbone.blocks[-1].torgb.bias.data[c : 2 * c] += 1.0
    after = generator.synthesize(ws).levels[0]
    changed = [(not torch.allclose(before[:, k], after[:, k])) for k in range(3)]
    assert changed == [False, True, False]


def test_generator_without_plane_blocks() -> None:
    cfg = PRESETS["tiny"].replace(plane_size=16)
    generator = tiny_generator(cfg)
    ws = generator.map(torch.zeros(1, 16), torch.zeros(1, 25))
    level = generator.synthesize(ws).levels[0]
    assert torch.equal(level.reshape(1, 12, 16, 16), generator.backbone(ws))


def test_the_parameters_get_gradients_through_a_rendered_ray() -> None:
    """Training differentiates the plain path: every part but the proposal network takes part."""
    torch.manual_seed(0)
    generator = WysiwygGenerator(PRESETS["tiny"], Conventions())
    ws = generator.map(torch.randn(2, 16), torch.randn(2, 25))
    field = generator.field(generator.synthesize(ws, "random"), fast=False)
    x = torch.rand(2, 40, 3) * 0.6 - 0.3
    sample = field.geometry(x)
    (sample.density.sum() * 1e-3 + field.colour(sample, x, torch.zeros(2, 40, 3)).sum()).backward()
    silent = [
        name
        for name, p in generator.named_parameters()
        if not name.startswith("proposal")
        and (p.grad is None or not bool(torch.isfinite(p.grad).all()) or float(p.grad.abs().sum()) == 0)
    ]
    assert silent == []
