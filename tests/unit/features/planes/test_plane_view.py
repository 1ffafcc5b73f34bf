"""Cells of the tri-planes.

Which point reads which cell, which pixels a cell feeds, which planes are taken out.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.fields.triplane import sample_planes
from core_model.schema.camera import OrbitPose
from core_model.schema.conventions import Conventions
from core_model.schema.latent import LatentSpec
from viewer.features.planes.fed_pixels import FedPixels, footprint, positions_of, runs_of
from viewer.features.planes.plot import MAX_ZOOM, Window, texels
from viewer.state.plane_view import (
    Cell,
    ablation_text,
    box_coordinate,
    cell_column,
    cell_of,
    cell_place,
    texel,
    with_ablation,
)

SIZE = (12, 10)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("plane", [0, 1, 2])
def test_the_footprint_is_the_weight_of_the_lookup(plane: int, corners: bool) -> None:
    """A plane that is 1 in one cell and 0 elsewhere gives the renderer exactly the footprint."""
    conv = Conventions(align_corners=corners, reduction="sum", box=0.6)
    cell = Cell(plane=plane, column=4, row=7)
    level = torch.zeros(1, 3, 1, SIZE[1], SIZE[0])
    level[0, plane, 0, cell.row, cell.column] = 1.0
    points = np.random.default_rng(1).uniform(-0.6, 0.6, (3, 40, 50)).astype(np.float32)
    looked_up = sample_planes(level, torch.from_numpy(points.reshape(3, -1).T[None].copy()), conv)[
        0, :, 0
    ].numpy()
    weight = footprint(points, cell, SIZE, conv)
    assert 0 < (weight > 0).mean() < 0.2
    np.testing.assert_allclose(weight.reshape(-1), looked_up, atol=1e-5)


def test_at_the_border_the_last_cell_is_read_alone() -> None:
    conv = Conventions()
    points = np.full((3, 1, 1), 0.499, np.float32)
    assert footprint(points, Cell(plane=0, column=11, row=9), SIZE, conv)[0, 0] == pytest.approx(1.0)
    assert (
        footprint(np.full((3, 1, 1), np.nan, np.float32), Cell(plane=0, column=11, row=9), SIZE, conv)[0, 0]
        == 0.0
    )


def test_cells_and_points_find_each_other() -> None:
    conv = Conventions(box=0.5)
    cell = Cell(plane=1, column=3, row=8)
    x, z = cell_place(cell, SIZE, conv)
    assert cell_of((x, 0.2, z), 0, 1, SIZE, conv) == cell
    assert cell_of((0.7, 0.0, 0.0), 0, 1, SIZE, conv) is None
    start, end = cell_column(cell, SIZE, conv)
    assert start == pytest.approx((x, -0.5, z)) and end == pytest.approx((x, 0.5, z))
    for position in (0.0, 3.25, 11.0):
        assert texel(box_coordinate(position, 12, conv), 12, conv) == pytest.approx(position)


@pytest.mark.parametrize("orthographic", [False, True])
def test_positions_are_where_the_rays_end(orthographic: bool) -> None:
    from core_model.geometry.rays import camera_rays

    pose = OrbitPose(yaw=0.3, pitch=0.1, radius=2.0, orthographic=orthographic)
    depth = np.random.default_rng(0).uniform(1.5, 2.5, (6, 6)).astype(np.float32)
    depth[0, 0] = np.nan
    origins, dirs = camera_rays(pose, 6, 6, torch.device("cpu"))
    expected = (origins.reshape(-1, 3) + torch.from_numpy(depth).reshape(-1, 1) * dirs.reshape(-1, 3)).numpy()
    found = positions_of(depth, pose)
    np.testing.assert_allclose(found.reshape(3, -1).T, expected, atol=1e-5)


def test_fed_pixels_are_runs_and_kept_until_something_changes() -> None:
    weight = np.zeros((4, 6), np.float32)
    weight[1, 2:4], weight[1, 5], weight[3, 0] = 0.5, 1.0, 0.25
    runs = [(r.row, r.first, r.last, r.weight) for r in runs_of(weight)]
    assert runs == [(1, 2, 3, 0.5), (1, 5, 5, 1.0), (3, 0, 0, 0.25)]
    assert len(runs_of(weight, most=2)) == 2
    conv, pose, fed = Conventions(), OrbitPose(), FedPixels()
    depth = np.full((16, 16), 2.7, np.float32)
    point = positions_of(depth, pose)[:, 8, 8]
    cell = cell_of(tuple(point.tolist()), 0, 0, (64, 64), conv)
    assert cell is not None
    first = fed.runs(1, depth, pose, cell, (64, 64), conv)
    assert any(r.row == 8 and r.first <= 8 <= r.last for r in first) and 0 < fed.pixels < 40
    assert fed.runs(1, depth, pose, cell, (64, 64), conv) is first
    assert fed.runs(2, depth + 9.0, pose, cell, (64, 64), conv) is not first


def test_planes_are_taken_out_and_put_back() -> None:
    conv, latent = Conventions(), LatentSpec.of_seed(4)
    out = with_ablation(with_ablation(latent, 0, 2, True, "zero"), 0, 0, True, "zero")
    assert out.ablate is not None and out.ablate.planes == ((0, 0), (0, 2))
    assert ablation_text(out, conv, 1) == "xy, yz planes set to zero"
    one = with_ablation(out, 0, 0, False, "zero")
    assert ablation_text(one, conv, 2) == "yz level 1 plane set to zero"
    assert with_ablation(one, 0, 2, False, "zero") == latent and ablation_text(latent, conv, 1) == ""


def test_the_window_zooms_about_the_cursor_and_stays_in_the_box() -> None:
    window = Window().zoomed(4.0, ("x", "z"), (0.5, -0.25))
    assert window.zoom == 4.0
    low, high = window.span("x")
    assert (0.5 - low) / (high - low) == pytest.approx(0.75), "the point keeps its place"
    low, high = window.span("z")
    assert (-0.25 - low) / (high - low) == pytest.approx(0.375)
    assert window.span("y") == (-0.25, 0.25)
    moved = window.moved(("x", "z"), (9.0, -9.0))
    assert moved.span("x")[1] == pytest.approx(1.0) and moved.span("z")[0] == pytest.approx(-1.0)
    assert window.zoomed(1e6, ("x", "y"), (0.0, 0.0)).zoom == MAX_ZOOM
    assert window.zoomed(1e-6, ("x", "y"), (0.0, 0.0)).span("x") == (-1.0, 1.0)


def test_squares_show_texels_with_the_second_axis_upwards() -> None:
    conv = Conventions()
    picture = np.arange(6.0).reshape(2, 3)  # row 0 is the minimum of the second axis: it is drawn below
    np.testing.assert_array_equal(texels(picture, ("x", "y"), Window(), conv, 6)[::3, ::2], picture[::-1])
    zoomed = texels(picture, ("x", "y"), Window(zoom=16.0, centre=(1.0, 1.0, 0.0)), conv, 4)
    assert (zoomed == 5.0).all()
    assert texels(np.stack([picture] * 3), ("x", "y"), Window(), conv, 5).shape == (3, 5, 5)
