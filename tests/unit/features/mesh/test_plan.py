"""What the Mesh panel writes and asks: requests, files, batches, commands."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from core_model.cli.mesh import read_latents, read_request
from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MAX_TEXTURE_FACES, MESH_SUFFIXES, MeshRequest, texture_problem
from viewer.features.mesh import plan
from viewer.features.mesh.level_histogram import span_of
from viewer.features.mesh.plan import Batch, Still
from viewer.state.mesh_settings import MeshSettings
from viewer.state.requests import (
    for_another_process,
    forecast_question,
    histogram_question,
    mesh_request,
    preview_question,
)

SPHERE, SEED = "analytic:sphere", LatentSpec.of_seed(5)


def test_settings_become_the_request() -> None:
    crop = ((-0.1, -0.2, -0.3), (0.1, 0.2, 0.3))
    settings = MeshSettings(resolution=300, level=0.01, keep="largest", faces=5000, normals=False, crop=crop)
    made = mesh_request(settings, SPHERE, SEED)
    assert made == MeshRequest(
        checkpoint=SPHERE,
        latent=SEED,
        resolution=300,
        level=0.01,
        keep="largest",
        faces=5000,
        normals=False,
        crop=settings.crop,
    )
    assert MeshSettings(level=3.0).with_quantity("density").level is None


def test_a_texture_is_asked_for_where_the_file_can_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    textured = MeshSettings(colour="texture", faces=10_000_000)
    if find_spec("xatlas") is not None:
        assert mesh_request(
            textured, SPHERE, SEED, ".glb"
        ).faces == MAX_TEXTURE_FACES and not texture_problem(".glb")
    monkeypatch.setitem(sys.modules, "xatlas", None)  # as where it has no wheel
    for suffix, reason in ((".ply", "choose .obj or .glb"), (".glb", "need the package xatlas")):
        plain = mesh_request(textured, SPHERE, SEED, suffix)
        assert plain.colour == "vertex" and plain.faces == 10_000_000 and reason in texture_problem(suffix)


def test_the_up_axis_goes_into_the_files_that_leave_it_free() -> None:
    z = MeshSettings(up="z")
    made = {suffix: mesh_request(z, SPHERE, SEED, suffix).up for suffix in MESH_SUFFIXES}
    assert made == {".ply": "z", ".obj": "z", ".stl": "z", ".glb": "y"}
    assert mesh_request(MeshSettings(), SPHERE, SEED, ".ply").up == "y"


def test_questions_change_only_with_what_they_depend_on() -> None:
    a = MeshSettings()
    dragged, finer, looks = (
        a.replace(level=0.2),
        a.replace(resolution=1024, normals=False),
        a.replace(mode="mesh", wire=True, blend=0.1),
    )
    assert histogram_question(a, SPHERE, SEED) == histogram_question(dragged, SPHERE, SEED)
    assert (
        preview_question(a, SPHERE, SEED, 64)
        == preview_question(finer, SPHERE, SEED, 64)
        != preview_question(dragged, SPHERE, SEED, 64)
    )
    assert forecast_question(a, SPHERE, SEED, ".ply") != forecast_question(finer, SPHERE, SEED, ".ply")
    assert forecast_question(a, SPHERE, SEED, ".ply") == forecast_question(
        a.replace(up="z"), SPHERE, SEED, ".ply"
    )
    for ask in (
        histogram_question,
        lambda *x: preview_question(*x, 64),
        lambda *x: forecast_question(*x, ".ply"),
    ):
        assert ask(a, SPHERE, SEED) == ask(looks, SPHERE, SEED)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "Type the path"),
        ("a.fbx", ".ply, .obj"),
        (".", "must end in"),
        ("nowhere/a.ply", "no folder"),
        ("folder.ply", "is a folder"),
    ],
)
def test_bad_paths_say_what_is_wrong(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "folder.ply").mkdir()
    assert said in plan.outputs(str(tmp_path / path) if path else "", Batch(), SEED).why_not


def test_files_of_a_batch_are_those_that_the_command_writes(tmp_path: Path) -> None:
    out = str(tmp_path / "a b.ply")
    assert plan.outputs(out, Batch(), SEED).files == (tmp_path / "a b.ply",)
    found = plan.outputs(out, Batch("seeds", seeds="3, 7-8"), SEED)
    assert [f.name for f in found.files] == ["a b.3.ply", "a b.7.ply", "a b.8.ply"] and found.latents is None
    (tmp_path / "a b.7.ply").touch()
    assert [f.name for f in plan.outputs(out, Batch("seeds", seeds="3,7-8"), SEED).existing] == ["a b.7.ply"]
    for bad in ("", "x", "5-2", "0-99999", "4294967296"):
        assert plan.outputs(out, Batch("seeds", seeds=bad), SEED).why_not
    path = plan.outputs(out, Batch("path"), SEED, (SEED, LatentSpec.of_seed(6)))
    assert [f.name for f in path.files] == ["a b.000.ply", "a b.001.ply"]
    assert "no keys" in plan.outputs(out, Batch("path"), SEED).why_not


def test_a_path_to_a_seed_begins_here_and_ends_there(tmp_path: Path) -> None:
    found = plan.outputs(str(tmp_path / "a.ply"), Batch("between", to=9, steps=5), SEED)
    assert found.latents is not None and len(found.latents) == 5
    weights = [{s.seed: s.weight for s in spec.seeds} for spec in found.latents]
    assert weights[0] == {5: 1.0} and weights[-1] == {9: 1.0}
    assert weights[1] == {5: pytest.approx(0.75), 9: pytest.approx(0.25)}
    own = LatentSpec(w=((0.0, 1.0),))
    assert "of its own" in plan.outputs(str(tmp_path / "a.ply"), Batch("between"), own).why_not


def test_latents_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "l.json"
    for text, said in (("{}", "1 to"), ("[]", "1 to"), ('[{"psi": 9}]', "Not a list"), ("[", "Not a list")):
        file.write_text(text)
        assert said in plan.outputs(str(tmp_path / "a.ply"), Batch("file", file=str(file)), SEED).why_not
    assert (
        "No such file"
        in plan.outputs(str(tmp_path / "a.ply"), Batch("file", file=str(tmp_path / "x")), SEED).why_not
    )
    file.write_text(json.dumps([json.loads(SEED.model_dump_json())]))
    assert plan.outputs(str(tmp_path / "a.ply"), Batch("file", file=str(file)), SEED).latents == (SEED,)


def test_the_command_reads_what_the_window_writes(tmp_path: Path) -> None:
    batch = Batch("between", to=9, steps=3)
    found = plan.outputs(str(tmp_path / "a.ply"), batch, SEED)
    request = mesh_request(MeshSettings(), SPHERE, SEED)
    plan.write_inputs(tmp_path, request, found)
    words = plan.arguments(tmp_path, str(tmp_path / "a.ply"), batch, found)
    given = dict(zip(words[1::2], words[2::2], strict=False))
    assert words[0] == "mesh" and words[-1] != "--json" and "--json" in words
    assert read_request(Path(given["--request"])) == request
    assert tuple(read_latents(tmp_path / plan.LATENTS_FILE)) == found.latents
    seeds = Batch("seeds", seeds="1, 2")
    words = plan.arguments(tmp_path, "a.ply", seeds, plan.outputs(str(tmp_path / "a.ply"), seeds, SEED))
    assert words[-2:] == ("--seeds", "1,2") and "--latents" not in words


def test_names_and_words() -> None:
    assert plan.default_name("/x/demo.safetensors", SEED, ".glb") == "demo-seed-5.glb"
    assert plan.default_name("analytic:sphere", SEED.replace(w=((0.0,),)), ".ply") == "sphere-own.ply"
    assert plan.default_folder().is_dir()
    assert for_another_process(SPHERE) == SPHERE and Path(for_another_process("a.safetensors")).is_absolute()


def test_still() -> None:
    still = Still(0.5)
    assert not still.of("a", 1.0) and not still.of("a", 1.4) and still.of("a", 1.5)
    assert not still.of("b", 1.6) and still.of("b", 2.2)


def test_the_histogram_shows_the_level_and_nearly_all_values() -> None:
    edges = np.linspace(-1.0, 9.0, 101, dtype=np.float32)
    counts = np.zeros(100, np.float32)
    counts[5:30], counts[99] = 1000.0, 1.0
    low, high = span_of(counts, edges, 0.0)
    assert -0.8 < low < -0.4 and 2.0 < high < 2.3, "one far value does not squeeze the rest"
    assert span_of(counts, edges, 6.0)[1] > 6.0 and span_of(counts, edges, -0.9)[0] < -0.9
