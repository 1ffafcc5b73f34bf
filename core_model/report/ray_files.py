"""A ray report as a file: numbers (.json), one tidy table (.csv) or a chart (.png), each with its provenance.

The window's ray panel and `triscope inspect` both write through `write_ray`, so that they write the same.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

from core_model.schema.atomic import atomic_path
from core_model.schema.errors import InputError
from core_model.schema.inspect import RayReport
from core_model.schema.record import KEY, NPZ_KEY, RenderRecord

SUFFIXES = (".json", ".csv", ".png")
_NUMBER_LIST = re.compile(r"\[[^\[\]{}\"]*\]")  # lists of numbers go on one line

Row = tuple[str, str, float | None, float | None, float | str | None]


def write_ray(path: Path, report: RayReport, record: RenderRecord) -> None:
    """Write by the suffix of `path`, atomically; raises InputError for another suffix or a folder that is not
    there.
    """
    writer = {".json": write_json, ".csv": write_csv, ".png": write_chart}.get(path.suffix.lower())
    if writer is None:
        raise InputError(
            what="unknown kind of file", where=str(path), expected=" or ".join(SUFFIXES), got=path.suffix
        )
    writer(path, report, record)


def write_json(path: Path, report: RayReport, record: RenderRecord) -> None:
    """The report as strict JSON (no NaN or infinity: those become null), with its provenance."""
    document = {
        "report": _strict(report.model_dump(mode="json")),
        NPZ_KEY: json.loads(record.model_dump_json()),
    }
    text = json.dumps(document, indent=1, allow_nan=False)
    text = _NUMBER_LIST.sub(lambda found: " ".join(found.group().split()), text)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def write_csv(path: Path, report: RayReport, record: RenderRecord) -> None:
    """One row a value: quantity, unit, t, t_end (ends of a bin or an interval, else empty), value. No value =
    empty.

    Numbers of the whole ray have no t; the first row holds the provenance as JSON.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("quantity", "unit", "t", "t_end", "value"))
    table.writerow((NPZ_KEY, "", "", "", record.model_dump_json()))
    for quantity, unit, t, t_end, value in _rows(report):
        table.writerow((quantity, unit, _cell(t), _cell(t_end), _cell(value)))
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def write_chart(path: Path, report: RayReport, record: RenderRecord) -> None:
    """The report as a chart."""
    from PIL.PngImagePlugin import PngInfo

    from core_model.report.ray_plot import ray_figure

    text = PngInfo()
    text.add_itxt(KEY, record.model_dump_json())
    with atomic_path(path) as temporary:
        ray_figure(report).save(temporary, format="PNG", pnginfo=text)


def _rows(report: RayReport) -> Iterator[Row]:
    length, rate = "world units", "1 / world unit"
    yield "pixel x", "pixels", None, None, report.x
    yield "pixel y", "pixels", None, None, report.y
    yield "near", length, None, None, report.near
    yield "far", length, None, None, report.far
    for name, value in report.numbers.items():
        yield name, report.units.get(name, ""), None, None, value
    yield "tau", "", None, None, report.tau
    yield "robust threshold", "mass of a bin", None, None, report.robust_threshold
    dense = (
        ("sdf", length, report.sdf), ("density", rate, report.density), ("beta", length, report.beta),
        ("transmittance", "", report.transmittance),
    )  # fmt: skip
    for name, unit, values in dense:
        for t, value in zip(report.t, values, strict=False):
            yield name, unit, t, None, value
    for t, colour in zip(report.t, report.colors, strict=False):
        for name, value in zip(("red", "green", "blue"), colour, strict=True):
            yield name, "", t, None, value
    for pdf in report.pdfs:
        for low, high, value in zip(pdf.edges, pdf.edges[1:], pdf.values, strict=False):
            yield pdf.name, "mass of a bin", low, high, value
    for row in report.ticks:
        deltas = row.delta or (None,) * len(row.t)
        for t, delta in zip(row.t, deltas, strict=False):
            yield f"samples {row.name}", length, t, None if delta is None else t + delta, None


def _cell(value: float | str | None) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return value if isinstance(value, str) else f"{value:.9g}"


def _strict(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _strict(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_strict(v) for v in value]
    return None if value in ("NaN", "Infinity", "-Infinity") else value
