"""The exported ray plot and the ray panel draw a series in the same colour under the same name (issue 15 F)."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.report.ray_plot import ray_figure
from core_model.schema import ray_look
from core_model.schema.inspect import BinSeries, RayReport, SampleTicks
from viewer.features.ray.plots import ink_of
from viewer.features.ray.series import series_of
from viewer.state.palette import DARK, LIGHT, contrast, rgb
from viewer.widgets.theme import Theme

PDFS = ("truth", "probe", "prediction", "target", "robust")
ROWS = ("probe", "unstratified", "stratified", "robust", "final")
MARKS = ("first zero crossing", "expected depth")


def report() -> RayReport:
    """Every series that a ray can have, each in a place of its own."""
    t = tuple(np.linspace(1.0, 2.0, 129).tolist())
    edges = np.linspace(1.0, 2.0, 65)
    pdfs = []
    for i, name in enumerate(PDFS):
        mass = np.exp(-(((edges[:-1] - 1.2 - 0.13 * i) / 0.03) ** 2))
        pdfs.append(
            BinSeries(name=name, edges=tuple(edges.tolist()), values=tuple((mass / mass.sum()).tolist()))
        )
    spots = tuple(np.linspace(1.3, 1.7, 16).tolist())
    return RayReport(
        checkpoint="head.safetensors", family="wysiwyg", x=3, y=4, width=64, height=64, origin=(0, 0, 0), direction=(0, 0, 1),
        near=1.0, far=2.0, hit_box=True, t=t, sdf=tuple(1.5 - v for v in t), density=tuple(float(v > 1.5) * 9 for v in t),
        transmittance=tuple(float(min(1.0, 2.2 - v)) for v in t), beta=(0.01,) * len(t), colors=((0.5, 0.5, 0.5),) * len(t),
        pdfs=tuple(pdfs), ticks=tuple(SampleTicks(name=name, t=spots) for name in ROWS), hits={},
        numbers={"first zero crossing": 1.5, "expected depth": 1.52}, units={}, ms=1.0,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(ray_look.INKS["light"]))
def test_the_panel_takes_its_colours_from_the_shared_table(name: str) -> None:
    for ground, palette in (("dark", DARK), ("light", LIGHT)):
        theme = Theme(palette=palette, fonts=None)  # type: ignore[arg-type]
        assert ink_of(theme, name) == pytest.approx(rgb(ray_look.INKS[ground][name]))  # type: ignore[index]


def test_marks_are_called_by_the_colours_that_the_theme_uses_for_them() -> None:
    for ground, palette in (("dark", DARK), ("light", LIGHT)):
        inks = ray_look.INKS[ground]  # type: ignore[index]
        assert (
            rgb(inks["first zero crossing"]) == palette.bad and rgb(inks["expected depth"]) == palette.accent
        )
        assert rgb(inks["other"]) == palette.muted
        assert all(contrast(rgb(text), palette.panel) >= 3.0 for text in inks.values()), (
            "a curve has to stand out from its ground"
        )


def test_every_series_of_the_exported_plot_has_the_panels_colour() -> None:
    """Pixels of the panel's light colour (smoothing moves a value by up to 8) are in the picture."""
    light = Theme(palette=LIGHT, fonts=None)  # type: ignore[arg-type]
    pixels = np.asarray(ray_figure(report())).reshape(-1, 3).astype(int)
    for name in {*PDFS, *ROWS, *MARKS, "sdf", "density", "transmittance"}:
        wanted = np.asarray([round(255 * c) for c in ink_of(light, name)])
        count = int((np.abs(pixels - wanted).max(axis=1) <= 8).sum())
        assert count > 10, f"{name}: {count} pixels of its colour"


def test_the_panels_legend_and_the_exported_one_use_the_same_names() -> None:
    for one in series_of(report()).steps:
        assert one.title == ray_look.TITLES[one.name]
