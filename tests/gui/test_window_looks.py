"""What can be said of the window's looks without opening it: contrast, ticks, histograms, keys, start-up
imports.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.schema import assets
from core_model.schema.camera import OrbitPose
from core_model.schema.colormaps import colormaps
from core_model.schema.errors import InputError
from viewer.state.palette import PALETTES, contrast
from viewer.state.screen import project_points
from viewer.widgets.histogram import BINS, histogram
from viewer.widgets.ticks import nice_ticks, tick_text


@pytest.mark.parametrize("name", PALETTES)
def test_text_has_the_contrast_that_readers_need(name):
    p = PALETTES[name]
    pairs = [(ink, ground) for ink in (p.text, p.muted) for ground in (p.panel, p.raised, p.window, p.field)]
    pairs += [
        (p.text, p.field_hover),
        (p.text, p.bad_panel),
        (p.muted, p.bad_panel),
        (p.on_accent, p.accent_fill),
    ]
    pairs += [
        (p.on_accent, p.accent_fill_hover),
        (p.bad, p.bad_panel),
        (p.good, p.panel),
        (p.warn, p.panel),
        (p.bad, p.panel),
    ]
    pairs += [
        (ink, ground) for ink in (p.canvas_text, p.canvas_muted) for ground in (p.canvas, p.canvas_edge)
    ]
    low = [f"{contrast(a, b):.2f} {a} on {b}" for a, b in pairs if contrast(a, b) < 4.5]
    assert not low, low


def test_contrast_of_black_and_white_is_21():
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21.0)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 9))
def test_ticks_are_few_ordered_and_inside(low, span, most):
    ticks = nice_ticks(low, low + span, most)
    assert 1 <= len(ticks) <= most
    assert list(ticks) == sorted(ticks)
    assert all(low - 1e-6 * span <= t <= low + span * (1 + 1e-6) for t in ticks)


def test_ticks_of_a_depth_map():
    assert nice_ticks(2.401, 2.685, 6) == pytest.approx((2.45, 2.5, 2.55, 2.6, 2.65))
    assert (
        tick_text(2.45, 0.05) == "2.45"
        and tick_text(0.0, 0.5) == "0.0"
        and tick_text(250000.0, 50000.0) == "2.5e5"
    )
    assert nice_ticks(float("nan"), 1.0) == ()


@given(st.lists(st.floats(-10, 10) | st.just(float("nan")), min_size=1, max_size=200))
def test_histogram_counts_every_finite_value(values):
    array = np.asarray(values, np.float32).reshape(1, -1)
    finite = array[np.isfinite(array)]
    found = histogram(array, -10.0, 10.0)
    assert len(found.counts) == BINS and sum(found.counts) == finite.size
    assert found.empty_share == pytest.approx(1 - finite.size / array.size)


@pytest.mark.parametrize("orthographic", [False, True])
def test_projection_of_the_pivot_is_the_middle_and_y_runs_down(orthographic: bool):
    pose = OrbitPose(yaw=0.7, pitch=-0.2, pivot=(0.1, 0.2, 0.0), orthographic=orthographic)
    above = tuple(np.asarray(pose.pivot) + np.array([0.0, 0.1, 0.0]))
    found = project_points(pose, np.asarray([pose.pivot, above])).uv
    assert found[0] == pytest.approx((0.5, 0.5))
    assert found[1, 1] < 0.5 and found[1, 0] == pytest.approx(0.5, abs=0.02)
    m = pose.world_from_cam()
    assert project_points(pose, (m[:3, 3] - m[:3, 2])[None]).ahead[0] == orthographic, (
        "parallel rays have no eye to be behind"
    )


def test_colour_maps_are_complete_and_name_their_licence():
    maps = colormaps()
    assert {"viridis", "magma", "inferno", "cividis", "turbo", "gray", "balance"} <= set(maps)
    for m in maps.values():
        assert m.table().shape == (256, 3) and m.licence and m.origin
    # Sequential maps get lighter all the way: that is what makes them readable in grey.
    weights = np.array([0.2126, 0.7152, 0.0722])
    for name in ("viridis", "magma", "inferno", "cividis", "gray"):
        lightness = (maps[name].table() ** 2.2) @ weights
        assert (np.diff(lightness) > -2e-3).all(), name


def test_fonts_carry_their_licence():
    folder = assets.asset_path("fonts")
    assert "SIL OPEN FONT LICENSE" in (folder / "OFL.txt").read_text()
    listed = (folder / "README.md").read_text()
    assert all(p.name in listed for p in folder.iterdir() if p.suffix in (".otf", ".ttf"))


def test_a_missing_asset_is_one_clear_line():
    with pytest.raises(InputError, match=r"asset is missing.*nothing\.bin"):
        assets.asset_path("nothing.bin")
    assert assets.find_asset("nothing.bin") is None


def test_the_first_frame_imports_nothing_heavy():
    heavy = ("torch", "numpy", "pydantic", "OpenGL", "PIL", "psutil")
    code = f"import viewer.shell.app, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_whole_window_imports_no_torch():
    code = "import viewer.shell.app, viewer.shell.frame_loop, viewer.tour.script, viewer.gl.presenter, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_no_display_is_one_clear_line_and_status_2():
    code = "import sys; from viewer.__main__ import main; sys.exit(main([]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin", "HOME": "/tmp"},
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "there is no display" in done.stderr
