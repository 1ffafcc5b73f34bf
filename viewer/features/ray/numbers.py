"""The numbers of one ray."""

from __future__ import annotations

from imgui_bundle import imgui

from core_model.schema import glossary
from core_model.schema.inspect import RayReport
from viewer.features.ray.plots import ink_of
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

MISSING = "-"


def number(report: RayReport, name: str, decimals: int = 4) -> str:
    """One of the report's numbers, or a dash."""
    value = report.numbers.get(name)
    return MISSING if value is None else f"{value:.{decimals}f}"


def hit_text(report: RayReport, name: str) -> tuple[str, bool | None]:
    """("hit" | "miss" | "-", state) of one row of samples."""
    state = report.hits.get(name)
    return {True: "hit", False: "miss", None: MISSING}[state], state


def number_rows(report: RayReport) -> tuple[tuple[str, str, str, str], ...]:
    """(label, value, unit, tooltip) of the numbers that this family has, in reading order."""
    length = "world units"
    rows = [
        ("Expected depth", "expected depth", length, 4, "Weighted mean distance along the unit ray (violet line)"),
        ("Median depth", "median depth", length, 4, "Half of the ray's weight lies before it"),
        ("First crossing", "first zero crossing", length, 4, "Where the signed distance first falls to zero (red line)"),
        ("Nearest sample", "nearest sample to the crossing", length, 4, "From the crossing to the nearest sample of the final pass"),
        ("Opacity", "opacity", "", 4, "Sum of the true weights"),
        ("Entropy", "entropy", "nats", 3, "Of the true weights, 192 dense samples"),
        ("Proposal entropy", "proposal entropy", "nats", 3, "Of the predicted distribution"),
        (glossary.SURFACE_VARIANCE.title, "surface variance B", length, 5, glossary.SURFACE_VARIANCE.tip),
        (glossary.LEFTOVER_MASS.title, "leftover mass", "", 4, glossary.LEFTOVER_MASS.tip),
        ("Samples given", "samples", "", 0, "Samples of the final pass on this ray"),
        ("Cross-entropy", "cross-entropy", "nats", 3, "Of the prediction with the true weights"),
        ("Overlap", "overlap", "", 3, "Shared mass of the prediction and the true weights, 0 to 1"),
        ("Target blur", "target blur", report.units.get("target blur", ""), 2, "Sigma of the target along the ray, as it was trained"),
        ("Robust bins", "robust bins", "", 0, f"Bins that hold {report.tau:g} of the predicted mass"),
    ]  # fmt: skip
    out = []
    has_surface = "surface variance B" in report.numbers  # a density has no zero crossing
    for label, key, unit, decimals, tip in rows:
        if key in report.numbers and (has_surface or "crossing" not in key):
            text = number(report, key, decimals)
            if key == "samples" and report.numbers.get("hard ray") == 1.0:
                text += " hard"
            out.append((label, text, unit if text != MISSING else "", tip))
    return tuple(out)


def numbers_text(report: RayReport) -> str:
    """All numbers as lines of text, for the clipboard."""
    lines = [f"pixel {report.x},{report.y} of {report.width} x {report.height}"]
    lines += [f"{label}: {value} {unit}".rstrip() for label, value, unit, _ in number_rows(report)]
    lines += [f"{name}: {hit_text(report, name)[0]}" for name in report.hits]
    return "\n".join(lines)


# Labels in the colours of their lines in the plots.
_LINES = {"Expected depth": "expected depth", "First crossing": "first zero crossing"}
NARROW_EM = 27.0


def draw_numbers(theme: Theme, report: RayReport) -> None:
    """Label, value and unit, side by side twice where there is room.

    Then hit or miss of each way to sample.
    """
    rows = number_rows(report)
    twice = imgui.get_content_region_avail().x > NARROW_EM * theme.em
    half = -(-len(rows) // 2) if twice else len(rows)
    if imgui.begin_table("##ray-numbers", 4 if twice else 2, int(imgui.TableFlags_.sizing_stretch_prop)):
        for weight, name in ((0.9, "a"), (1.15, "b"), (0.9, "c"), (1.15, "d"))[: 4 if twice else 2]:
            imgui.table_setup_column(name, int(imgui.TableColumnFlags_.width_stretch), weight)
        for i in range(half):
            imgui.table_next_row()
            for row in (rows[i : i + 1], rows[half + i : half + i + 1] if twice else ()):
                for label, value, unit, tip in row:
                    imgui.table_next_column()
                    with controls.text_colour(ink_of(theme, _LINES.get(label, "other"))):
                        imgui.text_unformatted(label)
                    controls.tooltip(tip)
                    imgui.table_next_column()
                    with controls.font(theme.fonts.mono, BODY_PX * 0.88):
                        imgui.text_unformatted(value)
                        if unit:
                            imgui.same_line(0.0, 0.4 * theme.em)
                            with controls.text_colour(theme.palette.muted):
                                imgui.text_unformatted({"world units": "w.u."}.get(unit, unit))
                    controls.tooltip(tip)
        imgui.end_table()
    _hits(theme, report)


def _hits(theme: Theme, report: RayReport) -> None:
    p = theme.palette
    with controls.text_colour(p.muted):
        imgui.text_unformatted("True peak")
    controls.tooltip("Whether a sample lies in the bin that holds most of the true weight")
    for name in report.hits:
        text, state = hit_text(report, name)
        wide = imgui.calc_text_size(name).x + imgui.calc_text_size(text).x + 0.5 * theme.em
        imgui.same_line(0.0, 0.9 * theme.em)
        if imgui.get_content_region_avail().x < wide:
            imgui.new_line()
        imgui.text_unformatted(name)
        imgui.same_line(0.0, 0.35 * theme.em)
        ink = p.muted if state is None else p.good if state else p.bad
        with controls.text_colour(ink), controls.font(theme.fonts.bold, BODY_PX):
            imgui.text_unformatted(text)
