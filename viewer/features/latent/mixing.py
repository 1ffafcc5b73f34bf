"""Style mixing: which layers of w come from a second seed."""

from __future__ import annotations

import random

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import SEEDS, LatentSpec, StyleMix
from viewer.state.latent_blend import main_seed
from viewer.widgets import choice_rows, controls, inputs, typed
from viewer.widgets.theme import Theme

_PARTS = {"coarse": "pose and shape", "middle": "features", "fine": "colour and detail"}


class MixRows:
    """Keeps the mix while it is switched off."""

    def __init__(self) -> None:
        self._kept: StyleMix | None = None
        self._painting: bool | None = None
        self._layer = 0

    def draw(self, latent: LatentSpec, theme: Theme, info: CheckpointInfo | None, why_not: str) -> LatentSpec:
        layers = info.num_ws if info else 0
        mix = latent.mix
        on = choice_rows.toggle(
            theme,
            "Mix",
            "##mix",
            mix is not None,
            tip="Take some layers of w from a second seed (style mixing)",
            why_not=why_not,
        )
        following = StyleMix(seed=(main_seed(latent) + 1) % SEEDS, layers=band("fine", layers))
        if on and mix is None:
            mix = self._kept or following
        elif not on and mix is not None:
            self._kept, mix = mix, None
        reason = why_not or ("" if mix is not None else "Switch Mix on first")
        shown = mix or self._kept or following
        new = self._layers(self._seed(shown, theme, reason), theme, layers, reason)
        if mix is not None and new != shown:
            mix = new
        return latent if mix == latent.mix else latent.replace(mix=mix)

    def _seed(self, mix: StyleMix, theme: Theme, why_not: str) -> StyleMix:
        controls.label(theme, "From seed", "The seed whose layers are taken, truncated alike")
        gap, button = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        imgui.set_next_item_width(imgui.get_content_region_avail().x - button - gap)
        with controls.disabled(why_not):
            entered = typed.whole(theme, "##mix-seed", str(mix.seed), 0, SEEDS - 1)
        mix = mix if entered is None else mix.replace(seed=entered)
        controls.tooltip(why_not or "Type a seed and press Enter")
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_SHUFFLE, "mix-seed?", tip="Random seed", why_not=why_not):
            mix = mix.replace(seed=random.randrange(1_000_000))
        return mix

    def _layers(self, mix: StyleMix, theme: Theme, layers: int, why_not: str) -> StyleMix:
        named = {name: band(name, layers) for name in BANDS}
        now = next((name for name, found in named.items() if found == mix.layers), "")
        options = [
            (n, n.capitalize(), f"Layers {in_words(named[n], layers)}: mostly {_PARTS[n]}") for n in BANDS
        ]
        chosen = choice_rows.segmented(
            theme, "Layers", "mix-band", now, options, tip="Which layers are taken", why_not=why_not
        )
        if chosen != now:
            mix = mix.replace(layers=named[chosen])
        controls.label(theme, "", "")
        return self._cells(mix, theme, layers, why_not)

    def _cells(self, mix: StyleMix, theme: Theme, layers: int, why_not: str) -> StyleMix:
        """One cell per layer; dragging over several sets them all as the first one."""
        if not layers:
            imgui.new_line()
            return mix
        p, draw = theme.palette, imgui.get_window_draw_list()
        corner, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        height, step = imgui.get_frame_height(), room / layers
        with controls.disabled(why_not):
            controls.hit(theme, "##mix-layers", ImVec2(room, height))
        at = min(max(int((imgui.get_io().mouse_pos.x - corner.x) / step), 0), layers - 1)
        by_keys = imgui.is_item_focused() and imgui.get_io().nav_visible and not imgui.is_mouse_down(0)
        if by_keys:
            at = self._layer = min(max(self._layer + inputs.left_right(imgui.get_item_id()), 0), layers - 1)
        if imgui.is_item_activated():
            self._painting = at not in mix.layers
        if not imgui.is_item_active():
            self._painting = None
        elif self._painting is not None and not why_not:
            mix = mix.replace(layers=toggled(mix.layers, at, self._painting))
        hovered = imgui.is_item_hovered()
        words = in_words(mix.layers, layers)
        controls.tooltip(
            why_not
            or f"Layer {at} of 0 to {layers - 1}; click, drag or Left, Right and Space take it from the second seed. Taken: {words}"
        )
        alpha = p.faded if why_not else 1.0
        for i in range(layers):
            low = ImVec2(round(corner.x + i * step) + 1, corner.y + 1)
            high = ImVec2(round(corner.x + (i + 1) * step) - 1, corner.y + height - 1)
            taken = i in mix.layers
            fill = (
                p.accent_fill if taken else (p.field_hover if (hovered or by_keys) and i == at else p.field)
            )
            draw.add_rect_filled(low, high, theme.colour(fill, alpha), 0.5 * imgui.get_style().frame_rounding)
        return mix


BANDS = ("coarse", "middle", "fine")


def band(name: str, layers: int) -> tuple[int, ...]:
    """Layers of a band of w with `layers` layers.

    Four coarse ones, four middle ones and the rest; thirds where there are few.
    """
    coarse, middle = (4, 8) if layers >= 10 else (max(1, round(layers / 3)), max(2, round(2 * layers / 3)))
    first, last = {"coarse": (0, coarse), "middle": (coarse, middle), "fine": (middle, layers)}[name]
    return tuple(range(first, min(last, layers)))


def toggled(chosen: tuple[int, ...], layer: int, on: bool) -> tuple[int, ...]:
    """`chosen` with a layer added or removed, in order."""
    return tuple(sorted({*chosen, layer} if on else set(chosen) - {layer}))


def in_words(chosen: tuple[int, ...], layers: int) -> str:
    """ "none", "all", "0-3, 8"."""
    inside = sorted(i for i in set(chosen) if 0 <= i < layers)
    if not inside:
        return "none"
    if len(inside) == layers:
        return "all"
    runs: list[list[int]] = []
    for i in inside:
        if runs and i == runs[-1][1] + 1:
            runs[-1][1] = i
        else:
            runs.append([i, i])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
