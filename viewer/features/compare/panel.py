"""What the picture is compared with, how the two are shown, how far they are apart, and PSNR over samples."""

from __future__ import annotations

import math

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot

from core_model.schema.checkpoint import CheckpointInfo
from viewer.state.document import Comparison, Document
from viewer.state.second_view import CURVE_SPP, CurvePoint, SecondView
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.split import WHAT_TITLES, ways_of
from viewer.widgets.theme import BODY_PX, Theme

_MODES = (
    ("off", "Off", "One picture"),
    ("wipe", "Wipe", "A left and B right of a divider that is dragged"),
    ("side", "Side", "Two pictures side by side, cameras linked"),
    ("difference", "Error", "Difference of A and B as a map"),
)
_TIPS = {
    "sampler": "B is sampled in another way at the same samples per ray",
    "samples": "B has another number of samples per ray",
    "channel": "B shows another channel of the same view",
    "psi": "B has another truncation",
    "checkpoint": "B is another checkpoint with the same seed and camera",
    "reference": "B is the truth: jittered samples are accumulated while the view rests",
}
_CURVES = (("all", "psnr"), ("worst 1 %", "worst_1"), ("worst 0.1 %", "worst_01"))


class ComparePanel:
    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        recent: tuple[str, ...],
        second_view: SecondView,
    ) -> Document:
        if info is None:
            controls.note(theme, "Comparisons appear when a checkpoint is open.")
            return doc
        if implot.get_current_context() is None:
            implot.create_context()
        room, em = imgui.get_content_region_avail(), theme.em
        left = min(max(0.5 * room.x, 20 * em), 27 * em)
        beside = room.x - left > 17 * em
        if not imgui.begin_table("##columns", 2 if beside else 1):
            return doc
        if beside:
            imgui.table_setup_column("settings", int(imgui.TableColumnFlags_.width_fixed), left)
            imgui.table_setup_column("apart", int(imgui.TableColumnFlags_.width_stretch))
        imgui.table_next_column()
        spec = self._settings(doc, theme, info, recent, second_view)
        imgui.table_next_column()
        self._apart(doc, theme, picture, second_view, room.y)
        imgui.end_table()
        return doc if spec == doc.compare else doc.replace(compare=spec)

    def _settings(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo,
        recent: tuple[str, ...],
        second_view: SecondView,
    ) -> Comparison:
        spec = doc.compare
        mode = choice_rows.segmented(
            theme, "Compare", "mode", spec.mode, _MODES, tip="How the two pictures are shown"
        )
        what = choice_rows.combo(
            theme,
            "By",
            "##what",
            spec.what,
            [(k, t, _TIPS[k]) for k, t in WHAT_TITLES.items()],
            tip="In what B differs from A",
        )
        spec = spec.replace(mode=mode, what=what)
        if what == "checkpoint":
            return self._checkpoint(spec, doc, theme, recent, info)
        if what == "reference":
            return self._reference(spec, doc, theme, second_view, info)
        rows = {
            "sampler": self._sampler,
            "samples": self._samples,
            "channel": self._channel,
            "psi": self._psi,
        }
        return rows[what](spec, doc, theme, info)

    def _sampler(self, spec: Comparison, doc: Document, theme: Theme, info: CheckpointInfo) -> Comparison:
        options = [
            (key, title, s.description if s.available else s.why_not)
            for s in info.samplers
            for key, title in ways_of(s)
        ]
        closed = tuple(key for s in info.samplers if not s.available for key, _ in ways_of(s))
        chosen = choice_rows.combo(
            theme,
            "B",
            "##b-sampler",
            spec.sampler,
            options,
            unavailable=closed,
            tip="Sampler of B; as many samples per ray as A",
        )
        return spec.replace(sampler=chosen)

    def _samples(self, spec: Comparison, doc: Document, theme: Theme, info: CheckpointInfo) -> Comparison:
        spp = number_rows.drag_float(
            theme,
            "B",
            "##b-spp",
            spec.spp,
            speed=0.5,
            low=1.5,
            high=1024,
            fmt="%.1f samples per ray",
            tip="Samples per ray of B",
        )
        return spec.replace(spp=spp)

    def _channel(self, spec: Comparison, doc: Document, theme: Theme, info: CheckpointInfo) -> Comparison:
        closed = tuple(c.name for c in info.channels if c.needs_proposal and not info.has_proposal)
        options = [(c.name, c.title, c.description) for c in info.channels]
        chosen = choice_rows.combo(
            theme, "B", "##b-channel", spec.channel, options, unavailable=closed, tip="Channel of B"
        )
        return spec.replace(channel=chosen)

    def _psi(self, spec: Comparison, doc: Document, theme: Theme, info: CheckpointInfo) -> Comparison:
        why_not = "" if info.z_dim else "This family has no latent"
        psi = number_rows.slider_float(
            theme,
            "B",
            "##b-psi",
            spec.psi,
            low=-1.0,
            high=1.5,
            limits=(-2.0, 2.0),
            fmt="psi %.3f",
            tip="Truncation of B",
            why_not=why_not,
        )
        return spec.replace(psi=psi)

    def _checkpoint(
        self, spec: Comparison, doc: Document, theme: Theme, recent: tuple[str, ...], info: CheckpointInfo
    ) -> Comparison:
        paths = tuple(dict.fromkeys(p for p in (spec.checkpoint, *recent) if p))
        options = [(p, p.rsplit("/", 1)[-1], p) for p in paths]
        why_not = "" if paths else "Open another checkpoint once: the recent ones are offered here"
        chosen = choice_rows.combo(
            theme, "B", "##b-checkpoint", spec.checkpoint, options, tip="Checkpoint of B", why_not=why_not
        )
        controls.label(theme, "or path", "A .safetensors file or analytic:NAME")
        entered, typed = imgui.input_text("##b-path", chosen, int(imgui.InputTextFlags_.enter_returns_true))
        controls.tooltip("Type a .safetensors file or analytic:NAME and press Enter")
        return spec.replace(checkpoint=typed.strip() if entered else chosen)

    def _reference(
        self, spec: Comparison, doc: Document, theme: Theme, second_view: SecondView, info: CheckpointInfo
    ) -> Comparison:
        samples = number_rows.drag_int(
            theme, "Samples", "##b-reference", spec.reference_spp, speed=8, low=16, high=65536, fmt="%d per ray",
            tip="Samples per ray that are accumulated, 128 at a time, while the view rests",
        )  # fmt: skip
        curve = choice_rows.toggle(
            theme, "Curve", "##b-curve", spec.curve,
            tip=f"PSNR of the present sampler at {', '.join(str(n) for n in CURVE_SPP)} samples per ray, after the reference",
        )  # fmt: skip
        done = second_view.accumulated()
        if spec.mode != "off":
            imgui.progress_bar(min(done / samples, 1.0), ImVec2(-1.0, 0.5 * theme.em), "")
            controls.tooltip(f"{done:.0f} of {samples} samples per ray")
        return spec.replace(reference_spp=samples, curve=curve)

    def _apart(
        self, doc: Document, theme: Theme, picture: ShownPicture, second_view: SecondView, height: float
    ) -> None:
        found = second_view.apart(picture.frames)
        if doc.compare.mode == "off":
            controls.note(theme, "Choose Wipe, Side or Error to render a second picture.")
            return
        if doc.compare.what == "channel":
            controls.note(theme, "A and B are one picture: no distance between their colours.")
            return
        imgui.begin_group()
        for label, name in (("PSNR", "psnr"), ("Worst 1 %", "worst_1"), ("Worst 0.1 %", "worst_01")):
            value = None if found is None else getattr(found, name)
            text = "-" if value is None else "equal" if math.isinf(value) else f"{value:.2f} dB"
            # not a property row, whose columns are measured in the window: this stands in a table's second
            # column
            with controls.text_colour(theme.palette.muted):
                imgui.text_unformatted(label)
            controls.tooltip("Colour of A against B, values in [0, 1]")
            with controls.font(theme.fonts.mono, BODY_PX * 0.95):
                imgui.text_unformatted(f"{text:<9}")
        imgui.end_group()
        imgui.same_line(0.0, 1.0 * theme.em)
        if doc.compare.what == "reference" and (second_view.curve or doc.compare.curve):
            _curve(theme, second_view.curve, height)


def _curve(theme: Theme, points: tuple[CurvePoint, ...], room: float) -> None:
    """PSNR over samples per ray against the reference, for all pixels and the worst ones."""
    p = theme.palette
    if not points:
        controls.note(theme, "The curve follows the reference.")
        return
    imgui.begin_group()
    height = max(room - 0.5 * theme.em, 7 * theme.em)
    flags = (
        implot.Flags_.no_title
        | implot.Flags_.no_menus
        | implot.Flags_.no_box_select
        | implot.Flags_.no_mouse_text
    )
    with controls.font(theme.fonts.mono, BODY_PX * 0.78):
        implot.push_style_color(implot.Col_.frame_bg, ImVec4(*p.panel, 0.0))
        implot.push_style_color(implot.Col_.axis_text, ImVec4(*p.muted, 1.0))
        implot.push_style_var(implot.StyleVar_.fit_padding, ImVec2(0.04, 0.1))
        if implot.begin_plot("##psnr", ImVec2(-1.0, height), int(flags)):
            fit = int(
                implot.AxisFlags_.auto_fit | implot.AxisFlags_.no_menus | implot.AxisFlags_.no_highlight
            )
            implot.setup_axes("samples per ray", "PSNR [dB]", fit, fit)
            implot.setup_axis_scale(implot.ImAxis_.x1, implot.Scale_.log10)
            implot.setup_axis_ticks(
                implot.ImAxis_.x1, [float(n) for n in CURVE_SPP], [str(n) for n in CURVE_SPP], False
            )
            implot.setup_legend(int(implot.Location_.south_east))
            x = np.array([point.spp for point in points], dtype=np.float64)
            for (title, name), ink in zip(_CURVES, (p.accent, p.warn, p.bad), strict=True):
                y = np.array([min(getattr(point.apart, name), 100.0) for point in points], dtype=np.float64)
                spec = implot.Spec(
                    line_color=ImVec4(*ink, 1.0),
                    line_weight=2.0,
                    marker=int(implot.Marker_.circle),
                    marker_size=3.0,
                )
                implot.plot_line(title, x, y, spec)
            implot.end_plot()
        implot.pop_style_color(2)
        implot.pop_style_var()
    imgui.end_group()


FEATURES.add("compare", lambda: Feature(ComparePanel()))
