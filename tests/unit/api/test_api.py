"""The Python surface: the same numbers and files as the session and the commands, frozen, shown in Jupyter."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model import api as triscope
from core_model.schema.question import DirectionsQuestion
from core_model.schema.record_file import read_provenance
from tests.contracts.tiny_checkpoint import save_tiny

MESH_EDGE = 24


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triscope.Checkpoint]:
    path = save_tiny(tmp_path_factory.mktemp("api") / "tiny.safetensors")
    with triscope.open(path, device="cpu", threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def sphere() -> Iterator[triscope.Checkpoint]:
    with triscope.open("analytic:sphere", device="cpu", threads=1) as opened:
        yield opened


def shown_size(item: object) -> tuple[int, int]:
    data = item._repr_png_()  # type: ignore[attr-defined]
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def test_a_picture_is_frozen_and_shows_itself(sphere: triscope.Checkpoint, tmp_path: Path) -> None:
    picture = sphere.render(size=16, channels=("rgb", "depth"), yaw=0.3, sampler="stratified", spp=48)
    assert picture["rgb"].shape == (3, 16, 16) and picture["depth"].shape == (16, 16)
    assert picture.request.camera.yaw == 0.3 and picture.result.samples_per_pixel == 48  # type: ignore[union-attr]
    seen = picture["depth"][8, 8]
    assert abs(seen - (2.7 - 0.3)) < 0.03
    with pytest.raises(ValueError):
        picture["rgb"][0] = 0.0
    with pytest.raises(TypeError):
        picture.arrays["rgb"] = seen  # type: ignore[index]
    assert shown_size(picture) == shown_size(picture.of("depth")) == (16, 16)
    (file,) = picture.of("rgb").save(tmp_path / "a.npz")
    assert read_provenance(file).request == picture.request
    assert len(picture.save(tmp_path / "a.png")) == 2
    again = sphere.render(picture.request)
    np.testing.assert_array_equal(again["rgb"], picture["rgb"])


def test_words_go_where_they_belong(head: triscope.Checkpoint) -> None:
    request = head.request(seed=5, size=12, psi=1.0, pitch=0.1, native=False)
    assert request.latent.seeds[0].seed == 5 and request.latent.psi == 1.0 and request.camera.pitch == 0.1  # type: ignore[union-attr]
    picture = head.render(request)
    assert picture.w is not None and picture.w.shape == (head.info.num_ws, head.info.w_dim)
    again = head.render(w=picture.w, size=12, psi=1.0, pitch=0.1)
    np.testing.assert_allclose(again["rgb"], picture["rgb"], atol=1e-5)
    ray = head.inspect(6, 6, seed=5, size=12)
    assert ray.sdf is not None and len(ray.t) == len(ray.density) == len(ray.sdf)
    edges, masses = (
        ray.distributions["predicted"]
        if "predicted" in ray.distributions
        else next(iter(ray.distributions.values()))
    )
    assert len(edges) == len(masses) + 1 and ray.samples and shown_size(ray)[0] > 100
    found = head.ask(DirectionsQuestion(checkpoint=head.info.path, samples=64, count=2))
    assert found.arrays


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"sead": 3}, "unknown word"),
        ({"size": 0}, "bad value of width"),
        ({"channels": ("deep",)}, "deep"),
        ({"sampler": "no"}, "unknown sampler"),
        ({"request": triscope.RenderRequest(checkpoint="x"), "seed": 1}, "a request and words"),
    ],
)
def test_mistakes_are_one_line(sphere: triscope.Checkpoint, words: dict, said: str) -> None:
    with pytest.raises(triscope.TriscopeError) as caught:
        sphere.render(**words)
    assert said in str(caught.value) and "\n" not in str(caught.value) and caught.value.exit_status == 2


def test_what_is_not_there_is_named(sphere: triscope.Checkpoint) -> None:
    with pytest.raises(triscope.InputError, match="checkpoint not found"):
        triscope.open("nowhere.safetensors")
    with pytest.raises(triscope.InputError, match="was not rendered"):
        sphere.render(size=8)["depth"]
    with pytest.raises(triscope.InputError, match="outside"):
        sphere.inspect(99, 0, size=8)


def test_a_mesh_in_memory_and_as_a_file(sphere: triscope.Checkpoint, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    made = sphere.mesh(resolution=MESH_EDGE)
    assert not made.files and made.report.topology.watertight
    radii = np.linalg.norm(made.vertices, axis=1)
    assert np.abs(radii - 0.3).max() < 0.01 and made.faces.max() == len(made.vertices) - 1
    assert made.normals is not None and made.colours is not None and made.colours.dtype == np.uint8
    written = sphere.mesh(tmp_path / "s.glb", resolution=MESH_EDGE)
    assert written.files == (tmp_path / "s.glb",) and written.files[0].stat().st_size > 1000
    np.testing.assert_array_equal(written.vertices, made.vertices)


def test_a_run_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"id": "a", "state": "finished"}')
    (tmp_path / "config.json").write_text('{"batch": 4}')
    lines = [f'{{"step": {n}, "images": {4 * n}, "losses": {{"loss/G": {n / 2}}}}}' for n in (1, 2, 3)]
    (tmp_path / "stats.jsonl").write_text("\n".join(lines) + '\n{"step"')
    (tmp_path / "images").mkdir()
    Image.new("RGB", (6, 4)).save(tmp_path / "images" / "fakes000002.png")
    run = triscope.read_run(tmp_path)
    assert run.state == "finished" and run.settings["batch"] == 4 and not run.snapshots
    curve = run.curves["loss/G"]
    assert curve.at.tolist() == [4.0, 8.0, 12.0] and curve.values.tolist() == [0.5, 1.0, 1.5]
    assert shown_size(run) == (6, 4)
    with pytest.raises(triscope.InputError, match="no run in the folder"):
        triscope.read_run(tmp_path / "images")
