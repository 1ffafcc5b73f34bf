"""Which head: seed, seed plane and walk, truncation, style mixing, class, noise and conditioning camera."""

from __future__ import annotations

import random
from typing import Literal

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import SEEDS, LatentSpec, SeedWeight
from viewer.features.latent.conditioning import ConditionRows
from viewer.features.latent.mixing import MixRows
from viewer.features.latent.seed_plane import PlaneWidget
from viewer.features.latent.walk_controls import WalkRows
from viewer.state.document import Document
from viewer.state.latent_blend import describe, main_seed, thousand_about
from viewer.state.latent_walk import Walk
from viewer.state.query_cache import QueryCache
from viewer.widgets import choice_rows, controls, number_rows, typed
from viewer.widgets.controls import fold
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme

NO_DIRECTION = "The colours of this checkpoint do not depend on the viewing direction"
NO_LATENT = "This checkpoint has no latent space: it always shows the same object"
_FOLDS = (
    ("plane", "Seed plane and walk", "Blend four seeds by dragging a dot; walk from seed to seed"),
    ("mix", "Style mixing", "Layers of w from a second seed"),
    (
        "more",
        "Conditioning and noise",
        "Conditioning camera, viewing direction, class and noise of the network",
    ),
)
_CENTRES = (
    ("average", "Average", "Psi draws towards the average w of all classes, as the network itself does"),
    (
        "class",
        "Class mean",
        "Psi draws towards the mean w of this class (256 seeds), as EpiGRAF's scripts do",
    ),
)
_VIEW_DIRS: tuple[tuple[Literal["frontal", "camera"], str, str], ...] = (
    (
        "frontal",
        "Frontal",
        "One frontal direction for every ray: colours stay while the view turns (the paper's pictures, A3.1)",
    ),
    (
        "camera",
        "Camera",
        "Each ray's own direction: highlights move with the view, as in training and for FID",
    ),
)
_NOISE = (
    ("const", "Constant", "The stored noise images: the same picture every time"),
    ("none", "None", "No noise: what the styles alone make"),
)


class LatentPanel:
    """Keeps only which sections are open; conditioning opens with a checkpoint that is conditioned."""

    def __init__(self) -> None:
        self.opened = {"plane": False, "mix": False, "more": False}
        self._of = ""
        self.plane = PlaneWidget()
        self.walk = WalkRows()
        self.mix = MixRows()
        self.condition = ConditionRows()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
        now: float,
    ) -> Document:
        if info is not None and info.path != self._of:
            self._of, self.opened["more"] = info.path, info.pose_conditioned
        why_not = "Nothing is open" if info is None else ("" if info.z_dim else NO_LATENT)
        latent = self._seed(doc.latent, theme, why_not)
        latent = self._truncation(latent, theme, info, why_not)
        for key, title, tip in _FOLDS:
            self.opened[key] = fold(theme, title, f"##fold-{key}", self.opened[key], tip=tip)
            if self.opened[key]:
                if key == "plane":
                    latent = self._plane(latent, doc, theme, info, picture, queries, walk, now, why_not)
                elif key == "mix":
                    latent = self.mix.draw(latent, theme, info, why_not)
                else:
                    latent = self._more(latent, doc, theme, info, picture, queries, walk, why_not)
        view_dirs = self._view_dirs(doc, theme, info) if self.opened["more"] else doc.view_dirs
        if latent == doc.latent and view_dirs == doc.view_dirs:
            return doc
        return doc.replace(latent=latent, view_dirs=view_dirs)

    def _plane(
        self,
        latent: LatentSpec,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
        now: float,
        why_not: str,
    ) -> LatentSpec:
        latent = self.plane.draw(
            doc if latent == doc.latent else doc.replace(latent=latent),
            theme,
            info,
            picture,
            queries,
            walk,
            why_not,
        )
        self.walk.draw(
            doc if latent == doc.latent else doc.replace(latent=latent),
            theme,
            walk,
            now,
            self.plane.plane(latent)[0],
            why_not,
        )
        return latent

    def _more(
        self,
        latent: LatentSpec,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
        why_not: str,
    ) -> LatentSpec:
        latent = self.condition.draw(latent, doc, theme, info, picture, queries, walk)
        return self._noise(self._class(latent, theme, info), theme, info, why_not)

    def _seed(self, latent: LatentSpec, theme: Theme, why_not: str) -> LatentSpec:
        style = imgui.get_style()
        seed = before = main_seed(latent)
        own = latent.w is not None or latent.z is not None
        many = own or len(latent.seeds) != 1
        said = f" Shown: {describe(latent)}; a seed here takes its place." if many else ""
        step = " and ".join(k for k in (theme.key("latent.previous"), theme.key("latent.next")) if k)
        step = f" {step} step it." if step else ""
        controls.label(theme, "Seed", f"Seed of z (numpy RandomState), 0 to 4294967295.{step}{said}")
        button, gap = imgui.get_frame_height(), style.item_inner_spacing.x
        imgui.set_next_item_width(imgui.get_content_region_avail().x - 3 * (button + gap))
        # Only the finished number counts: a head for each digit on the way would be wasted.
        with controls.disabled(why_not):
            entered = typed.whole(theme, "##seed", describe(latent) if many else str(seed), 0, SEEDS - 1)
        seed = seed if entered is None else entered
        controls.tooltip(why_not or f"Type a seed and press Enter.{said}")
        for icon, key, tip, new in (
            (fa.ICON_FA_MINUS, "seed-", theme.keyed("Previous seed", "latent.previous"), (seed - 1) % SEEDS),
            (fa.ICON_FA_PLUS, "seed+", theme.keyed("Next seed", "latent.next"), (seed + 1) % SEEDS),
            (fa.ICON_FA_SHUFFLE, "seed?", "Random seed", None),
        ):
            imgui.same_line(0.0, gap)
            if controls.icon_button(theme, icon, key, tip=tip, why_not=why_not):
                seed = random.randrange(1_000_000) if new is None else new
        seed = self._fine(seed, theme, why_not)
        if seed == before and not (entered is not None and many):
            return latent
        return latent.replace(seeds=(SeedWeight(seed=seed),), z=None, w=None)

    def _fine(self, seed: int, theme: Theme, why_not: str) -> int:
        """Drag field over a thousand seeds about the present one's thousand."""
        first, last = thousand_about(seed)
        return first + number_rows.slider_int(
            theme,
            "Browse",
            "##browse-seed",
            seed - first,
            low=0,
            high=last - first,
            fmt="%d",
            tip=f"Drag through the seeds {first} to {last}",
            why_not=why_not,
        )

    def _truncation(
        self, latent: LatentSpec, theme: Theme, info: CheckpointInfo | None, why_not: str
    ) -> LatentSpec:
        layers = info.num_ws if info else 0
        psi = number_rows.slider_float(
            theme,
            "Psi",
            "##psi",
            latent.psi,
            low=-0.5,
            high=1.5,
            limits=(-2.0, 2.0),
            fmt="%.3f",
            why_not=why_not,
            tip="Truncation: w = mean + psi (w - mean). 0 is the mean head, 1 the untruncated one. "
            "Ctrl+click types any value from -2 to 2",
        )
        cutoff = latent.cutoff
        all_layers = choice_rows.toggle(
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
        new = number_rows.slider_int(
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

    def _class(self, latent: LatentSpec, theme: Theme, info: CheckpointInfo | None) -> LatentSpec:
        """The class row; only for class-conditional checkpoints."""
        classes = info.num_classes if info else 0
        if not classes:
            return latent
        now = min(latent.class_index or 0, classes - 1)
        new = number_rows.drag_int(
            theme, "Class", "##class", now, speed=0.1, low=0, high=classes - 1, fmt=f"%d of {classes}",
            tip=f"Class of the label, 0 to {classes - 1}",
        )  # fmt: skip
        centre = choice_rows.segmented(
            theme, "Centre", "centre", latent.centre, _CENTRES, tip="What psi draws towards",
        )  # fmt: skip
        same = new == now and centre == latent.centre
        return latent if same else latent.replace(class_index=new, centre=centre)

    def _noise(
        self, latent: LatentSpec, theme: Theme, info: CheckpointInfo | None, why_not: str
    ) -> LatentSpec:
        without = info is not None and info.header.config.get("noise", True) is False
        reason = why_not or ("This network has no noise inputs" if without else "")
        noise = choice_rows.segmented(
            theme,
            "Noise",
            "noise",
            latent.noise,
            _NOISE,
            tip="Noise inputs of the synthesis network",
            why_not=reason,
        )
        return latent if noise == latent.noise else latent.replace(noise=noise)

    def _view_dirs(
        self, doc: Document, theme: Theme, info: CheckpointInfo | None
    ) -> Literal["frontal", "camera"]:
        why_not = "Nothing is open" if info is None else ("" if info.view_dependent else NO_DIRECTION)
        if doc.native and not why_not:
            why_not = "The picture is its program's, which takes each ray's own direction"
        return choice_rows.segmented(
            theme, "Seen from", "view-dirs", doc.view_dirs, _VIEW_DIRS, why_not=why_not,
            tip="Viewing direction that conditions the colours",
        )  # fmt: skip

    def close(self) -> None:
        """Frees the textures of the small pictures."""
        self.plane.close()
        self.condition.close()


def _latent() -> Feature:
    panel = LatentPanel()
    return Feature(panel, close=panel.close)


FEATURES.add("latent", _latent)
