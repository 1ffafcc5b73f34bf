"""Latents in the real window: plane, walk, mixing, conditioning, basket, directions and board, by item path."""

from __future__ import annotations

import numpy as np
import pytest
from imgui_bundle import imgui

from tests.gui.window_driver import Hands, Recorder, drive
from viewer.features.seeds.board import read_stars, stars_path
from viewer.state.basket import basket_path, read_basket

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]
PICTURE_EDGE = 64


def test_the_seed_plane_is_dragged_and_a_walk_is_one_step_of_the_history() -> None:
    def body(h: Hands) -> None:
        ctx, undo = h.ctx, h.loop.store.undo
        ctx.item_click("//Latent/##fold-plane")
        ctx.item_input_value("//Latent/##corner3", "77")
        ctx.item_click("//Latent/##plane-centre")
        ctx.yield_(2)
        assert [(s.seed, s.weight) for s in h.doc.latent.seeds] == [
            (0, 0.25),
            (1, 0.25),
            (2, 0.25),
            (77, 0.25),
        ]
        ctx.mouse_move("//Latent/##plane")
        corner = ctx.item_info("//Latent/##plane").rect_full.max
        ctx.mouse_down(0)
        ctx.mouse_move_to_pos(corner)
        ctx.mouse_up(0)
        ctx.yield_(2)
        assert h.doc.latent.seeds[3].weight > 0.9 and sum(
            s.weight for s in h.doc.latent.seeds
        ) == pytest.approx(1.0)
        steps, start = len(undo._past), h.doc.latent
        ctx.item_click("//Latent/##walk-play")
        h.until(lambda: h.loop.walk.position > 0.2, "the walk")
        ctx.item_click("//Latent/##walk-play")
        ctx.yield_(2)
        assert not h.loop.walk.playing and len(undo._past) == steps + 1 and h.doc.latent != start

    drive(body)


def test_mixing_noise_and_conditioning_reach_the_requests(recorder: Recorder):
    def body(h: Hands) -> None:
        ctx = h.ctx
        ctx.item_click("//Latent/##fold-mix")
        ctx.item_click("//Latent/##mix")
        ctx.item_click("//Latent/mix-band/Coarse")
        ctx.item_input_value("//Latent/##mix-seed", "9")
        ctx.yield_(2)
        assert h.doc.latent.mix is not None and (h.doc.latent.mix.seed, h.doc.latent.mix.layers) == (
            9,
            (0, 1, 2, 3),
        )
        ctx.item_click("//Latent/noise/None")
        ctx.item_click("//Latent/view-dirs/Camera")
        ctx.item_click("//Latent/##cond-strip6")
        h.until_full()

    drive(body, recorder, "blob:posed")
    last = recorder.requests[-1].latent
    assert recorder.requests[-1].view_dirs == "camera"
    assert last.noise == "none" and last.cond is not None and last.cond.yaw == pytest.approx(np.radians(45.0))
    assert last.mix is not None and last.mix.layers == (0, 1, 2, 3)


def test_a_click_beside_the_walk_s_controls_stops_it() -> None:
    def body(h: Hands) -> None:
        h.ctx.item_click("//Latent/##fold-plane")
        h.ctx.item_click("//Latent/##walk-play")
        h.until(lambda: h.loop.walk.position > 0.05, "the walk")
        h.ctx.item_click("//Camera/##yaw")
        assert not h.loop.walk.playing
        stood = h.doc.latent
        h.ctx.yield_(10)
        assert h.doc.latent == stood
        h.ctx.key_press(imgui.Key.mod_ctrl | imgui.Key.z)
        h.ctx.yield_(2)
        assert h.doc.latent.seeds[0].seed == 0 and len(h.doc.latent.seeds) == 1

    drive(body)


def test_basket_adds_opens_combines_and_survives(tmp_path, recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        ctx, basket = h.ctx, h.loop.basket
        ctx.window_focus("//Basket")
        ctx.item_input_value("//Basket/##basket-name", "first")  # Enter adds
        h.until(lambda: len(basket.items) == 1, "the first entry")
        ctx.window_focus("//Latent")
        ctx.item_input_value("//Latent/##seed", "5")
        ctx.window_focus("//Basket")
        ctx.item_click("//Basket/##basket-add")
        h.until(lambda: len(basket.items) == 2, "the second entry")
        assert [k.name for k in basket.items] == ["first", "seed 5"]
        ctx.item_input_value("//Basket/##combine-t", 0.25)
        ctx.yield_(2)
        assert h.doc.latent.w is not None
        np.testing.assert_allclose(
            h.doc.latent.w[0], 0.75 * basket.items[0].w[0] + 0.25 * basket.items[1].w[0], rtol=1e-4, atol=1e-5
        )
        ctx.item_click("//Basket/$$0/##open")
        ctx.yield_(2)
        assert h.doc.latent.w == basket.items[0].rows
        ctx.item_input_value("//Basket/##basket-path", str(tmp_path / "out"))
        ctx.item_click("//Basket/##basket-save")
        ctx.yield_(2)
        ctx.item_click("//Basket/$$0/##delete")
        ctx.yield_(2)
        assert [k.name for k in basket.items] == ["seed 5"]
        ctx.item_input_value("//Basket/##basket-path", str(tmp_path / "out.npz"))
        ctx.item_click("//Basket/##basket-load")
        ctx.yield_(2)
        assert [k.name for k in basket.items] == ["seed 5", "first", "seed 5 2"] and "Read 2 w" in basket.note

    drive(body, recorder)
    kept, sha = read_basket(basket_path("0" * 64), 14, 128)
    assert [k.name for k in kept] == ["seed 5", "first", "seed 5 2"] and sha == "0" * 64


def test_directions_move_w_by_standard_deviations(recorder: Recorder) -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["directions"].panel
        ctx.window_focus("//Directions")
        h.until(lambda: len(panel.found) == 16, "the directions")
        ctx.item_input_value("//Directions/$$0/##sigma", 1.5)
        ctx.yield_(2)
        (edit,) = h.doc.latent.edits
        assert (
            edit.strength == pytest.approx(1.5)
            and edit.direction[0] == pytest.approx(4.0)
            and edit.layers is None
        )
        h.until_full()
        ctx.item_click("//Directions/$$0/##reset")
        ctx.yield_(2)
        assert h.doc.latent.edits == ()
        ctx.key_press(imgui.Key.mod_ctrl | imgui.Key.z)
        ctx.yield_(2)
        assert h.doc.latent.edits == (edit,)
        ctx.item_click("//Directions/###reset-all")
        ctx.yield_(2)
        assert h.doc.latent.edits == ()

    drive(body, recorder)
    assert any(r.latent.edits for r in recorder.requests)


def test_the_board_renders_stars_sorts_and_opens() -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, h.loop.features["seeds"].panel
        ctx.window_focus("//Seeds")
        panel.count = 6
        h.until(lambda: len(panel.board.thumbs) == 6, "six pictures", 3000)
        board = ctx.window_info("//Seeds/##board").window
        ctx.set_ref(board)
        ctx.item_click("##seed3", imgui.MouseButton_.right)
        ctx.item_click("##seed4")
        ctx.yield_(2)
        assert h.doc.latent.seeds[0].seed == 4 and panel.stars == {3}
        assert all(
            np.isfinite(t.depth_range) and t.samples > 2 and t.flatness > 1
            for t in panel.board.thumbs.values()
        )
        ctx.set_ref("")
        ctx.item_click("//Seeds/###board-stars")
        ctx.yield_(2)
        assert panel._listed() == [3]

    drive(body)
    assert read_stars(stars_path("0" * 64)) == {3}
