"""Every shader compiles, and present.frag draws what its description says, pixel by pixel against numpy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from core_model.schema.assets import data_root
from core_model.schema.colormaps import colormaps, colour_table
from viewer.gl.presenter import Presentation, Presenter
from viewer.gl.program import ShaderError, compile_shader, shader_source

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("context")]

SHADERS = sorted(p.name for p in (data_root() / "shaders").iterdir() if p.suffix in (".vert", ".frag"))
LIBRARIES = sorted(p.name for p in (data_root() / "shaders").glob("*.glsl"))


@pytest.fixture
def presenter(context: None) -> Iterator[Presenter]:
    made = Presenter()
    yield made
    made.delete()


@pytest.mark.parametrize("name", SHADERS)
def test_shader_compiles(name: str):
    assert compile_shader(name) > 0


@pytest.mark.parametrize("name", ["baked.vert", "baked.frag"])
def test_shader_compiles_with_what_it_can_do(name: str):
    assert compile_shader(name, ("NORMALS", "WIDTHS")) > 0


def test_the_quick_presenting_shader_compiles():
    assert compile_shader("present.frag", ("QUICK",)) > 0


def test_a_map_that_is_a_texture_is_shown_as_its_pixels_are(presenter: Presenter):
    from viewer.gl.map_target import MapTarget

    source = MapTarget()
    source.resize(16, 16)
    from OpenGL import GL

    values = np.random.default_rng(2).random((16, 16, 4), dtype=np.float32)
    values[..., 3] = 1.0
    GL.glBindTexture(GL.GL_TEXTURE_2D, source.texture)
    GL.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, 0, 0, 16, 16, GL.GL_RGBA, GL.GL_FLOAT, values)
    how = Presentation(kind="colour", width=16, height=16, dithering=False)
    presenter.draw_map("map", source.texture, 16, how)
    assert np.abs(presenter.read() / 255.0 - values[..., :3]).max() <= 0.51 / 255
    source.delete()


def test_a_picture_that_fades_in_is_mixed_with_the_last_one(presenter: Presenter):
    how = Presentation(kind="colour", width=8, height=8, dithering=False)
    presenter.draw("dark", np.zeros((3, 8, 8), np.float32), how)
    presenter.draw("light", np.ones((3, 8, 8), np.float32), how, opacity=0.25)
    assert np.abs(presenter.read() / 255.0 - 0.25).max() < 1.5 / 255
    presenter.draw("light", np.ones((3, 8, 8), np.float32), how, opacity=1.0)
    assert (presenter.read() == 255).all()


@pytest.mark.parametrize("name", LIBRARIES)
def test_library_is_compiled_by_a_shader(name: str):
    assert any(f'#include "{name}"' in (data_root() / "shaders" / s).read_text() for s in SHADERS)


def test_a_broken_shader_names_file_and_line(tmp_path, monkeypatch):
    broken = tmp_path / "broken.frag"
    broken.write_text("void main() {\n  colour = undefined_thing;\n}\n")
    monkeypatch.setattr("viewer.gl.program.shader_path", lambda name: broken)
    with pytest.raises(ShaderError, match=r"(?s)broken\.frag: 0:2.*undefined_thing"):
        compile_shader("broken.frag")


def test_include_keeps_the_version_line_first():
    assert shader_source("present.frag").startswith("#version 330 core\n")
    assert "#include" not in shader_source("present.frag")


def _drawn(presenter: Presenter, pixels: np.ndarray, **how) -> np.ndarray:
    height, width = how.pop("size", pixels.shape[-2:])
    presenter.draw(object(), pixels, Presentation(width=width, height=height, dithering=False, **how))
    return presenter.read()


@pytest.mark.parametrize("name", list(colormaps()))
@pytest.mark.parametrize("invert", [False, True])
def test_scalar_ramp_against_numpy(presenter: Presenter, name: str, invert: bool):
    ramp = np.linspace(-1.0, 3.0, 64 * 40, dtype=np.float32).reshape(40, 64)
    shown = _drawn(presenter, ramp, kind="scalar", colormap=name, low=0.0, high=2.0, invert=invert)
    t = np.clip((ramp.astype(np.float64) - 0.0) / 2.0, 0, 1)
    t = 1 - t if invert else t
    table = colour_table(name).astype(np.float64)
    at = t * 255
    i = np.minimum(at.astype(int), 254)
    expected = table[i] + (table[i + 1] - table[i]) * (at - i)[..., None]
    assert np.abs(shown / 255.0 - expected).max() < 1.5 / 255


def test_colour_is_shown_as_it_is_with_row_0_on_top(presenter: Presenter):
    rgb = np.random.default_rng(0).random((3, 24, 32), dtype=np.float32)
    shown = _drawn(presenter, rgb, kind="colour")
    assert np.abs(shown / 255.0 - rgb.transpose(1, 2, 0)).max() <= 0.51 / 255


def test_direction_and_position(presenter: Presenter):
    v = np.random.default_rng(1).normal(size=(3, 16, 16)).astype(np.float32)
    n = v / np.linalg.norm(v, axis=0)
    assert (
        np.abs(_drawn(presenter, n, kind="direction") / 255.0 - (0.5 + 0.5 * n).transpose(1, 2, 0)).max()
        <= 0.51 / 255
    )
    shown = _drawn(presenter, 0.5 * n, kind="position", low=-0.5, high=0.5) / 255.0
    assert np.abs(shown - (0.5 + 0.5 * n).transpose(1, 2, 0)).max() <= 0.51 / 255


def test_no_value_is_a_checkerboard(presenter: Presenter):
    dark, light = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    shown = _drawn(
        presenter,
        np.full((32, 32), np.nan, np.float32),
        kind="scalar",
        checker_dark=dark,
        checker_light=light,
        checker_size=8.0,
    )
    y, x = np.mgrid[:32, :32] // 8
    assert np.array_equal(shown[..., 0] > 127, (x + y) % 2 == 0) or np.array_equal(
        shown[..., 0] > 127, (x + y) % 2 == 1
    )
    assert set(np.unique(shown)) == {0, 255}


def test_enlarging_keeps_constants_and_lines_and_does_not_bleed_from_missing_values(presenter: Presenter):
    flat = np.full((3, 8, 8), 0.25, np.float32)
    assert np.abs(_drawn(presenter, flat, kind="colour", size=(40, 40)) / 255.0 - 0.25).max() <= 0.6 / 255
    # A straight line stays straight away from the clamped border.
    line = np.broadcast_to((np.arange(16, dtype=np.float32) + 0.5) / 16, (3, 16, 16))
    shown = _drawn(presenter, line, kind="colour", size=(64, 64))[32, 12:52, 0] / 255.0
    assert np.abs(shown - (np.arange(12, 52) + 0.5) / 64).max() < 1.0 / 255
    half = np.full((16, 16), 0.5, np.float32)
    half[:, 8:] = np.nan
    shown = _drawn(
        presenter,
        half,
        kind="scalar",
        colormap="gray",
        size=(64, 64),
        checker_dark=(1.0, 0.0, 0.0),
        checker_light=(1.0, 0.0, 0.0),
    )
    solid = shown[:, :28]
    assert np.abs(solid / 255.0 - 0.5).max() < 1.5 / 255, "missing values must not darken their neighbours"
    assert (shown[:, 40:, 0] == 255).all() and (shown[:, 40:, 1] == 0).all()


def test_equal_keys_draw_once(presenter: Presenter):
    how = Presentation(kind="scalar", width=8, height=8)
    presenter.draw("a", np.zeros((8, 8), np.float32), how)
    first = presenter.read()
    presenter.draw("a", np.ones((8, 8), np.float32), how)
    assert np.array_equal(presenter.read(), first)
    presenter.draw("b", np.ones((8, 8), np.float32), how)
    assert not np.array_equal(presenter.read(), first)


@pytest.mark.parametrize("scale", [1, 4])
def test_iso_lines_lie_where_the_value_passes_a_multiple_of_the_step(presenter: Presenter, scale: int):
    size = 96
    ramp = np.broadcast_to(np.linspace(0.0, 1.0, size, dtype=np.float32), (size, size)).copy()
    how = {"kind": "scalar", "colormap": "gray", "size": (scale * size, scale * size)}
    plain = _drawn(presenter, ramp, **how).astype(int)
    lined = _drawn(presenter, ramp, iso_step=0.25, **how).astype(int)
    changed = np.flatnonzero(np.abs(lined - plain).max(axis=(0, 2)) > 30)
    value = (changed + 0.5) / (scale * size)
    nearest = np.abs(value - 0.25 * np.round(value / 0.25))
    assert nearest.max() < 2.5 / size and {round(v / 0.25) for v in value} >= {1, 2, 3}
    steep = _drawn(presenter, ramp, iso_step=0.004 / scale, **how).astype(int)
    edge = 8 * scale  # the clamped border is flat
    assert np.abs(steep - plain)[:, edge:-edge].max() < 30, "lines that would merge are left out"


def test_iso_lines_leave_missing_values_alone(presenter: Presenter):
    half = np.broadcast_to(np.linspace(0.0, 1.0, 32, dtype=np.float32), (32, 32)).copy()
    half[16:] = np.nan
    dark = {"checker_dark": (0.0, 0.0, 0.0), "checker_light": (0.0, 0.0, 0.0)}
    assert _drawn(presenter, half, kind="scalar", iso_step=0.3, **dark)[16:].max() == 0


def test_the_outline_runs_around_the_mask_and_only_there(presenter: Presenter):
    values, mask = np.full((32, 32), 0.5, np.float32), np.zeros((32, 32), bool)
    mask[8:20, 10:24] = True
    how = Presentation(kind="scalar", width=128, height=128, colormap="gray", dithering=False)
    presenter.draw("plain", values, how)
    plain = presenter.read().astype(int)
    presenter.draw("outlined", values, how, mask)
    shown = presenter.read().astype(int)
    y, x = np.nonzero(np.abs(shown - plain).max(axis=-1) > 60)
    assert len(y) > 4 * (12 + 14) and x.min() >= 38 and x.max() <= 97 and y.min() >= 30 and y.max() <= 81
    inner = (x > 43) & (x < 92) & (y > 35) & (y < 76)
    assert not inner.any(), "nothing but the rim is touched"
    presenter.draw("plain again", values, how)
    assert np.array_equal(presenter.read().astype(int), plain)
