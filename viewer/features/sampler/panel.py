"""How points are placed on a ray, and what a moving picture may cost. What does not apply says why."""

from __future__ import annotations

from core_model.schema import glossary
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.sampler import AUTO, SamplerInfo, SamplerSpec
from viewer.features.sampler.volume_rows import RayVolumeRows
from viewer.state.document import Document, QualitySettings
from viewer.state.query_cache import QueryCache
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.shown_picture import Present, ShownPicture
from viewer.widgets.theme import Theme

_STRATEGY_TITLES = {name: (term.title, term.tip) for name, term in glossary.STRATEGIES.items()}
_HARD_RULES = (
    (
        "weighted",
        "Weighted",
        "Leftover mass times the chance that the ray meets anything: an empty background gets no large budget",
    ),
    (
        "leftover",
        "Leftover",
        "Leftover mass alone, exactly as the paper (A3.4): for pictures without empty background",
    ),
)
_ONLY_LEARNED = "Only the learned sampler has it"
_NOT_ADAPTIVE = "Adaptive is off: every ray gets the same"
PROGRAM = "native"
_PROGRAM_HINT = "At rest exactly the picture of the checkpoint's own program: its samples, its one size, its super-resolution"
_FLAT = "The program has no orthographic camera"
_NATIVE = "The checkpoint's own program has its numbers of samples"


class SamplerPanel:
    def __init__(self) -> None:
        self._volume = RayVolumeRows()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        present: Present,
    ) -> Document:
        if info is None or not info.samplers:
            controls.note(theme, "The samplers appear when a checkpoint is open.")
            return doc
        spec, native = self._kind(doc, theme, info)
        chosen = next((s for s in info.samplers if s.name == spec.name), info.samplers[0])
        self._placed_by(native, chosen, info, theme, picture)
        spec = self._strategy(spec, theme, chosen)
        spec = self._budget(spec, theme, chosen, _NATIVE if native else "")
        controls.section(theme, "Quality")
        quality = self._quality(doc.quality, theme)
        if (spec, native, quality) != (doc.sampler, doc.native, doc.quality):
            doc = doc.replace(sampler=spec, native=native, quality=quality)
        return (
            self._volume.draw(doc, theme, picture, queries, present, info)
            if info.path == doc.checkpoint
            else doc
        )

    def _kind(self, doc: Document, theme: Theme, info: CheckpointInfo) -> tuple[SamplerSpec, bool]:
        """(sampler, whether the picture at rest is the original program's)."""
        spec = doc.sampler
        options = [(s.name, s.title, s.description if s.available else s.why_not) for s in info.samplers]
        closed = tuple(s.name for s in info.samplers if not s.available)
        if info.has_native:
            flat = doc.camera.orthographic
            options.append((PROGRAM, "As its program renders", _FLAT if flat else _PROGRAM_HINT))
            closed += (PROGRAM,) if flat else ()
        shown = PROGRAM if doc.native else spec.name
        name = choice_rows.combo(
            theme,
            "Sampler",
            "##sampler",
            shown,
            options,
            unavailable=closed,
            tip="How points are placed on a ray",
        )
        if name == shown:
            return spec, doc.native
        if name == PROGRAM:
            return spec, True
        # Budgets are the learned sampler's: kept under another one they would only hide its samples per ray.
        return spec if name == spec.name else spec.replace(
            name=name, low_budget=None, high_budget=None
        ), False

    def _placed_by(
        self, native: bool, chosen: SamplerInfo, info: CheckpointInfo, theme: Theme, picture: ShownPicture
    ) -> None:
        """What `auto` has chosen for the picture on the screen."""
        result = picture.result
        if native or chosen.name != AUTO or result is None or not result.sampler:
            return
        title = next((s.title for s in info.samplers if s.name == result.sampler), result.sampler)
        controls.value_row(
            theme,
            "Chosen",
            title,
            "The sampler of the picture on the screen, chosen by how empty its space is",
        )

    def _strategy(self, spec: SamplerSpec, theme: Theme, chosen: SamplerInfo) -> SamplerSpec:
        learned = "" if chosen.strategies else _ONLY_LEARNED
        names = chosen.strategies or tuple(_STRATEGY_TITLES)
        options = [(n, *_STRATEGY_TITLES.get(n, (n.title(), ""))) for n in names]
        strategy = choice_rows.segmented(
            theme,
            "Strategy",
            "strategy",
            spec.strategy,
            options,
            why_not=learned,
            tip="How samples are drawn from the predicted distribution",
        )
        tau = number_rows.slider_float(
            theme,
            "Tau",
            "##tau",
            spec.tau,
            low=0.5,
            high=1.0,
            fmt="%.3f",
            why_not=learned
            or ("" if strategy == "robust" else "Only the robust strategy keeps a set of bins"),
            tip="Share of the predicted mass that the kept bins must hold",
        )
        if strategy == spec.strategy and tau == spec.tau:
            return spec
        return spec.replace(strategy=strategy, tau=min(max(tau, 1e-3), 1.0))

    def _budget(self, spec: SamplerSpec, theme: Theme, chosen: SamplerInfo, fixed: str) -> SamplerSpec:
        """fixed: why the number of samples cannot be set, if so."""
        own = spec.low_budget is not None and spec.high_budget is not None
        shown = spec.spp if spec.spp is not None else chosen.default_spp
        spp = number_rows.drag_float(
            theme, "Samples", "##spp", shown, speed=0.1, low=2.0, high=1024.0, fmt="%.1f per ray",
            why_not=fixed or ("The two budgets decide" if own else ""),
            tip="Samples per ray on average, the probe not counted. "
            f"Default of this checkpoint: {chosen.default_spp:g}",
        )  # fmt: skip
        if spp != shown:
            spec = spec.replace(spp=spp)
        why_not = "" if chosen.strategies else _ONLY_LEARNED
        adaptive = choice_rows.toggle(
            theme, "Adaptive", "##adaptive", spec.adaptive, why_not=why_not,
            tip=glossary.ADAPTIVE.tip,
        )  # fmt: skip
        if adaptive != spec.adaptive:
            spec = spec.replace(adaptive=adaptive)
        return self._shares(spec, theme, chosen, why_not or ("" if adaptive else _NOT_ADAPTIVE))

    def _shares(self, spec: SamplerSpec, theme: Theme, chosen: SamplerInfo, why_not: str) -> SamplerSpec:
        """Share of hard rays and the two budgets; `why_not` disables them all."""
        percent = 100 * spec.adaptive_share
        share = number_rows.slider_float(
            theme, "Hard share", "##share", percent, low=0.0, high=50.0, limits=(0.0, 100.0), fmt="%.1f %%", why_not=why_not,
            tip="Share of the rays that get the large budget",
        )  # fmt: skip
        if share != percent:
            spec = spec.replace(adaptive_share=min(max(share / 100, 0.0), 1.0))
        rule = choice_rows.segmented(
            theme, "Hard rays by", "hard-rule", spec.hard_rule, _HARD_RULES, why_not=why_not,
            tip=f"What ranks the hard rays: predicted mass outside the {spec.leftover_bins} largest bins",
        )  # fmt: skip
        if rule != spec.hard_rule:
            spec = spec.replace(hard_rule=rule)
        own = spec.low_budget is not None and spec.high_budget is not None
        own_new = choice_rows.toggle(
            theme, "Own budgets", "##own-budgets", own, why_not=why_not,
            tip="Set both budgets instead of their mean",
        )  # fmt: skip
        if not own_new:
            return spec.replace(low_budget=None, high_budget=None) if own else spec
        low, high = spec.budgets(chosen.default_spp)
        new_low = number_rows.drag_int(
            theme, "Ordinary", "##low-budget", low, speed=0.1, low=1, high=512, fmt="%d samples",
            why_not=why_not, tip="Budget of an ordinary ray",
        )  # fmt: skip
        new_high = number_rows.drag_int(
            theme, "Hard", "##high-budget", high, speed=0.1, low=1, high=1024, fmt="%d samples",
            why_not=why_not, tip="Budget of a hard ray",
        )  # fmt: skip
        if own and (new_low, new_high) == (low, high):
            return spec
        return spec.replace(low_budget=new_low, high_budget=max(new_high, new_low))

    def _quality(self, quality: QualitySettings, theme: Theme) -> QualitySettings:
        fps = number_rows.slider_int(
            theme,
            "Moving",
            "##target-fps",
            round(quality.target_fps),
            low=2,
            high=60,
            fmt="%d frames/s",
            tip="Pictures per second while something moves; size and samples follow from measured times",
        )
        floor = number_rows.slider_int(
            theme,
            "Floor",
            "##floor",
            quality.floor_size,
            low=32,
            high=512,
            fmt="%d px",
            tip="Smallest edge of a moving picture, pixels",
        )
        limit = number_rows.slider_int(
            theme,
            "Largest",
            "##max-size",
            quality.max_size,
            low=128,
            high=2048,
            fmt="%d px",
            tip="Largest edge of a full picture, pixels",
        )
        options = (
            ("fp32", "fp32", "32-bit floats"),
            ("bf16", "bf16", "16-bit brain floats: faster where the hardware has them"),
        )
        precision = choice_rows.segmented(
            theme, "Precision", "precision", quality.precision, options, tip="Number format of the field"
        )
        skip = choice_rows.toggle(
            theme,
            "Skip empty",
            "##skip-empty",
            quality.skip_empty,
            tip="Leave out space that holds nothing, within the stated tolerance",
        )
        refine = choice_rows.toggle(
            theme,
            "Refine",
            "##refine",
            quality.refine,
            tip=f"Average {quality.refine_frames} jittered pictures while the view rests",
        )
        baked = choice_rows.toggle(
            theme,
            "Baked moves",
            "##baked",
            quality.baked,
            tip="While the view moves, draw the head from a volume baked for it where exact pictures are not quick enough; "
            "at rest, and for rays, meshes and exports, pictures are always exact",
        )
        changes = {
            "baked": baked,
            "floor_size": floor,
            "max_size": limit,
            "precision": precision,
            "skip_empty": skip,
            "refine": refine,
        }
        if fps != round(quality.target_fps):
            changes["target_fps"] = float(fps)
        new = quality.replace(**changes)
        return quality if new == quality else new


FEATURES.add("sampler", lambda: Feature(SamplerPanel()))
