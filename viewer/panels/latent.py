"""Which head: seed, truncation and conditioning camera."""

from __future__ import annotations

import random

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.latent import LatentSpec, SeedWeight
from viewer.state.document import Document
from viewer.ui import controls
from viewer.ui.context import PanelContext
from viewer.ui.panel import PANELS

MAX_SEED = 2**32 - 1
NO_LATENT = "This checkpoint has no latent space: it always shows the same object"


class LatentPanel:
    """Keeps only the seed that is being typed."""

    def __init__(self) -> None:
        self.typed = ""

    def draw(self, doc: Document, ctx: PanelContext) -> Document:
        info = ctx.info
        why_not = "Nothing is open" if info is None else ("" if info.z_dim else NO_LATENT)
        latent = self._seed(doc.latent, ctx, why_not)
        latent = self._truncation(latent, ctx, why_not)
        latent = self._condition(latent, doc, ctx)
        return doc if latent == doc.latent else doc.replace(latent=latent)

    def _seed(self, latent: LatentSpec, ctx: PanelContext, why_not: str) -> LatentSpec:
        theme, style = ctx.theme, imgui.get_style()
        seed = latent.seeds[0].seed if latent.seeds else 0
        controls.label(theme, "Seed", "Seed of z (numpy RandomState), 0 to 4294967295. Keys [ and ] step it")
        button, gap = imgui.get_frame_height(), style.item_inner_spacing.x
        imgui.set_next_item_width(imgui.get_content_region_avail().x - 3 * (button + gap))
        flags = int(imgui.InputTextFlags_.chars_decimal) | int(imgui.InputTextFlags_.auto_select_all)
        with controls.disabled(why_not):
            changed, text = imgui.input_text("##seed", str(seed), flags)
        # Only the finished number counts: a head for each digit on the way would be wasted.
        if changed:
            self.typed = text
        if imgui.is_item_deactivated_after_edit() and self.typed.isdigit():
            seed = min(int(self.typed), MAX_SEED)
        controls.tooltip(why_not or "Type a seed and press Enter")
        for icon, key, tip, new in (
            (fa.ICON_FA_MINUS, "seed-", "Previous seed  [", (seed - 1) % (MAX_SEED + 1)),
            (fa.ICON_FA_PLUS, "seed+", "Next seed  ]", (seed + 1) % (MAX_SEED + 1)),
            (fa.ICON_FA_SHUFFLE, "seed?", "Random seed", None),
        ):
            imgui.same_line(0.0, gap)
            if controls.icon_button(theme, icon, key, tip=tip, why_not=why_not):
                seed = random.randrange(1_000_000) if new is None else new
        seed = self._fine(seed, ctx, why_not)
        if latent.seeds and seed == latent.seeds[0].seed:
            return latent
        return latent.replace(seeds=(SeedWeight(seed=seed),), z=None, w=None)

    def _fine(self, seed: int, ctx: PanelContext, why_not: str) -> int:
        """Drag field over a thousand seeds about the present one's thousand."""
        base = seed - seed % 1000
        return base + controls.slider_int(
            ctx.theme,
            "Browse",
            "##browse-seed",
            seed - base,
            low=0,
            high=999,
            fmt="%d",
            tip=f"Drag through the seeds {base} to {base + 999}",
            why_not=why_not,
        )

    def _truncation(self, latent: LatentSpec, ctx: PanelContext, why_not: str) -> LatentSpec:
        theme, layers = ctx.theme, ctx.info.num_ws if ctx.info else 0
        psi = controls.slider_float(
            theme,
            "Psi",
            "##psi",
            latent.psi,
            low=-0.5,
            high=1.5,
            fmt="%.3f",
            why_not=why_not,
            tip="Truncation: w = mean + psi (w - mean). 0 is the mean head, 1 the untruncated one. "
            "Ctrl+click types any value from -2 to 2",
        )
        psi = min(max(psi, -2.0), 2.0)
        cutoff = latent.cutoff
        all_layers = controls.toggle(
            theme,
            "All layers",
            "##cutoff-all",
            cutoff is None,
            why_not=why_not,
            tip="Truncate every layer of w instead of the first ones",
        )
        if all_layers != (cutoff is None):
            cutoff = None if all_layers else min(14, layers)
        shown = layers if cutoff is None else min(cutoff, layers)
        reason = why_not or ("All layers are truncated" if cutoff is None else "")
        new = controls.slider_int(
            theme,
            "Cutoff",
            "##cutoff",
            shown,
            low=0,
            high=max(layers, 1),
            fmt=f"%d of {layers}",
            why_not=reason,
            tip="Layers of w below this number are truncated",
        )
        if cutoff is not None and new != shown:
            cutoff = new
        same = psi == latent.psi and cutoff == latent.cutoff
        return latent if same else latent.replace(psi=psi, cutoff=cutoff)

    def _condition(self, latent: LatentSpec, doc: Document, ctx: PanelContext) -> LatentSpec:
        conditioned = ctx.info is not None and ctx.info.pose_conditioned
        why_not = "" if conditioned else "The mapping network of this checkpoint takes no camera"
        options = (
            ("frontal", "Frontal", "The frontal camera, as in the paper"),
            ("fixed", "Present", "The camera as it is now"),
        )
        now = "frontal" if latent.cond is None else "fixed"
        chosen = controls.segmented(
            ctx.theme,
            "Condition",
            "cond",
            now,
            options,
            why_not=why_not,
            tip="Camera that conditions the mapping network; it stays while the view turns",
        )
        if chosen == now:
            return latent
        return latent.replace(cond=doc.camera if chosen == "fixed" else None)


PANELS.add("latent", LatentPanel)
