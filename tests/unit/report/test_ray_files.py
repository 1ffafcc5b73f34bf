"""Ray reports as files: every number of the report is in the table, and the session writes what the command writes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from core_model.report.worker_session import WorkerSession
from core_model.schema.errors import InputError
from core_model.schema.record import NPZ_KEY, RenderRecord
from core_model.schema.record_file import read_provenance
from core_model.schema.render import RenderRequest

REQUEST = RenderRequest(checkpoint="analytic:sphere", width=24, height=24)


@pytest.fixture
def session() -> WorkerSession:
    return WorkerSession(device="cpu", threads=1)


def table(path: Path) -> dict[str, list[list[str]]]:
    rows: dict[str, list[list[str]]] = {}
    with path.open(newline="") as file:
        lines = csv.reader(file)
        assert next(lines) == ["quantity", "unit", "t", "t_end", "value"]
        for quantity, *rest in lines:
            rows.setdefault(quantity, []).append(rest)
    return rows


def test_the_table_holds_the_report(session: WorkerSession, tmp_path: Path) -> None:
    path = tmp_path / "ray.csv"
    session.save_ray(REQUEST, 12, 11, str(path))
    report, rows = session.inspect(REQUEST, 12, 11), table(path)
    assert RenderRecord.model_validate_json(rows[NPZ_KEY][0][3]).request == REQUEST
    for name, value in report.numbers.items():
        assert rows[name] == [[report.units.get(name, ""), "", "", "" if value is None else f"{value:.9g}"]]
    sdf = np.array([[float(t), float(v) if v else np.nan] for _, t, _, v in rows["sdf"]])
    np.testing.assert_allclose(sdf[:, 0], report.t, rtol=1e-7)
    np.testing.assert_allclose(sdf[:, 1], report.sdf, rtol=1e-7)
    for pdf in report.pdfs:
        found = np.array([[float(a), float(b), float(v)] for _, a, b, v in rows[pdf.name]])
        np.testing.assert_allclose(found[:, 0], pdf.edges[:-1], rtol=1e-7)
        np.testing.assert_allclose(found[:, 1], pdf.edges[1:], rtol=1e-7)
        np.testing.assert_allclose(found[:, 2], pdf.values, rtol=1e-6, atol=1e-12)
    for row in report.ticks:
        np.testing.assert_allclose([float(t) for _, t, _, _ in rows[f"samples {row.name}"]], row.t, rtol=1e-7)
    assert len(rows["red"]) == len(rows["blue"]) == len(report.t)


def test_each_kind_of_file_names_its_view(session: WorkerSession, tmp_path: Path) -> None:
    for suffix in (".json", ".png"):
        path = tmp_path / f"ray{suffix}"
        session.save_ray(REQUEST, 3, 4, str(path))
        assert read_provenance(path).request == REQUEST
    report = json.loads((tmp_path / "ray.json").read_text())["report"]
    assert (report["x"], report["y"]) == (3, 4)


@pytest.mark.parametrize("name", ["ray.txt", "ray", "missing/ray.csv"])
def test_what_cannot_be_written_is_an_input_error(session: WorkerSession, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        session.save_ray(REQUEST, 3, 4, str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []
