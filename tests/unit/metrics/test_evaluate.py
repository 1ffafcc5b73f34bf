"""The evaluation as a whole on made-up renders; and one contract for every registered metric."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from core_model.data.heads_dataset import write_heads_dataset
from core_model.data.images import ImageDataset
from core_model.data.truth_maps import TruthMaps
from core_model.metrics import METRICS, MetricContext, Pictures
from core_model.metrics.evaluate import Counts, Outcome, Plan, counts_of, evaluate
from core_model.metrics.segmented import Segmented
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.render import RenderRequest
from tests.unit.data.image_sets import encoded

SIZE, COUNT = 16, 6
INFO = CheckpointInfo(path="made-up", header=CheckpointHeader(family="none"), c_dim=25, num_ws=8)


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("heads") / "heads.zip"
    write_heads_dataset(path, COUNT, SIZE, workers=1, supersample=1)
    return path


def eight_features(images: Tensor) -> Tensor:
    """A stand-in for Inception: means of the channels and of the quarters."""
    x = images.double() / 255.0
    return torch.cat(
        [x.mean(dim=(2, 3)), x.mean(dim=1)[:, ::8, ::8].flatten(1), x.std(dim=(1, 2, 3))[:, None]], dim=1
    )


class Copies:
    """Renders item n of the set for the n-th latent, whatever is asked; remembers the requests."""

    def __init__(self, data: ImageDataset, *, lighter: float = 0.0, nan: bool = False) -> None:
        self.data, self.truth, self.lighter, self.nan = data, TruthMaps(data), lighter, nan
        self.requests: list[RenderRequest] = []
        self.fronts: list[RenderRequest] = []

    def cut_depth(self, request: RenderRequest) -> np.ndarray:
        self.fronts.append(request)
        return np.linspace(0.0, 4.0, request.width * request.height, dtype=np.float32).reshape(
            request.height, request.width
        )

    def picture(self, request: RenderRequest) -> tuple[Mapping[str, np.ndarray], float]:
        self.requests.append(request)
        labels = self.data.labels().labels.numpy()
        wanted = np.array([*request.camera.world_from_cam().ravel(), *request.camera.intrinsics().ravel()])
        item = int(np.abs(labels - wanted).max(axis=1).argmin())
        f = request.width // SIZE
        rgb = np.repeat(np.repeat(self.data.image(item) / 255.0 + self.lighter, f, 1), f, 2).astype(
            np.float32
        )
        if self.nan:
            rgb[0, 0, 0] = np.nan
        known = self.truth.item(item)
        maps = {
            "rgb": rgb,
            "normal": known.normal.repeat(f, 1).repeat(f, 2),
            "depth": known.depth.repeat(f, 0).repeat(f, 1),
        }
        return {name: maps[name] for name in request.channels}, float(request.sampler.spp or 9.0)


def run(render: Copies, **changes: object) -> Outcome:
    context = MetricContext(features=eight_features, near=2.2, far=3.2)
    plan = Plan(**{"count": COUNT, "size": SIZE, **changes})  # type: ignore[arg-type]
    return evaluate(render, INFO, render.data, plan, context)


def value(outcome: Outcome, name: str) -> float:
    found = next(v.value for v in outcome.values if v.name == name)
    assert found is not None and math.isfinite(found)
    return found


def test_the_data_itself_is_at_no_distance(heads: Path) -> None:
    render = Copies(ImageDataset.open(heads))
    outcome = run(render, table=(20.0, 50.0))
    for name in ("fid", "normal_fid", "depth_distance", "coverage_error"):
        assert value(outcome, name) == pytest.approx(0.0, abs=1e-6), name
    assert value(outcome, "normal_distance") < 1e-4
    assert value(outcome, "spread") == pytest.approx(value(outcome, "spread_data"))
    assert 5.0 < value(outcome, "spread") < 64.0 and 5.0 < value(outcome, "nfs") < 64.0
    assert [(r.spp, r.placed) for r in outcome.table] == [
        (20.0, 20.0),
        (50.0, 50.0),
    ] and outcome.placed == 9.0
    assert outcome.table[0].values["fid"] == pytest.approx(0.0, abs=1e-6)
    assert set(outcome.table[0].values) >= {"fid", "kid", "swd"} and "nfs" not in outcome.table[0].values


def test_lighter_pictures_are_farther_away(heads: Path) -> None:
    data = ImageDataset.open(heads)
    plain, lighter = run(Copies(data)), run(Copies(data, lighter=0.1))
    for name in ("fid", "swd"):
        assert value(lighter, name) > value(plain, name) + 1e-3
    assert value(lighter, "normal_swd") == value(plain, "normal_swd")


def test_requests_have_the_cameras_of_the_data_and_the_published_truncation(heads: Path) -> None:
    render = Copies(ImageDataset.open(heads, mirror=True))
    run(render, table=(20.0,), count=4, seed=7)
    assert len(render.requests) == 12
    seeds = [r.latent.seeds[0].seed for r in render.requests]
    assert seeds == [s for s in range(7, 11) for _ in range(3)]
    colour, row, shape = render.requests[:3]
    assert (
        colour.latent.psi == 1.0
        and colour.channels == ("rgb",)
        and colour.sampler.spp is None
        and row.sampler.spp == 20.0
    )
    assert shape.latent.psi == 0.7 and shape.latent.cutoff == 8 and shape.channels == ("normal", "depth")
    assert colour.latent.cond == colour.camera == shape.camera
    assert all(r.view_dirs == "camera" and not r.native for r in render.requests), "colours as in training"
    assert len({r.camera for r in render.requests}) == 4
    again = Copies(render.data)
    run(again, table=(20.0,), count=4, seed=7, camera_conditioned=False)
    assert again.requests[0].camera == colour.camera and again.requests[0].latent.cond is None


def test_supersampled_pictures_are_averaged(heads: Path) -> None:
    render = Copies(ImageDataset.open(heads))
    outcome = run(render, supersample=2)
    assert render.requests[0].width == 2 * SIZE
    assert value(outcome, "fid") == pytest.approx(0.0, abs=1e-6) and value(
        outcome, "coverage_error"
    ) == pytest.approx(0.0, abs=1e-9)


def test_without_weights_or_truth_the_rest_is_computed(heads: Path, tmp_path: Path) -> None:
    from tests.unit.data.image_sets import eg3d_files, write_zip

    data = ImageDataset.open(write_zip(tmp_path / "s.zip", eg3d_files(4, SIZE)))
    plain = Copies(ImageDataset.open(heads))
    outcome = evaluate(plain, INFO, data, Plan(count=3, size=SIZE), MetricContext(near=2.2, far=3.2))
    missing = {v.name: v.why_not for v in outcome.values if v.value is None}
    assert set(missing) == {"fid", "kid", "normal_fid", "normal_swd", "surface"}
    assert (
        "pt_inception-2015-12-05-6726825d.pth" in missing["fid"] and "generated heads" in missing["surface"]
    )
    assert value(outcome, "swd") > 0 and value(outcome, "nfs") > 1 and outcome.counts.colour_reals == 3
    with pytest.raises(InputError, match="'fid' cannot be computed"):
        evaluate(plain, INFO, data, Plan(count=3, size=SIZE, metrics=("fid",)), MetricContext())
    with pytest.raises(InputError, match="did you mean 'swd'"):
        evaluate(plain, INFO, data, Plan(count=3, size=SIZE, metrics=("swdd",)), MetricContext())
    alone = evaluate(
        plain, INFO, data, Plan(count=3, size=SIZE, metrics=("nfs",)), MetricContext(near=2.2, far=3.2)
    )
    assert {v.metric for v in alone.values} == {"nfs"}


def test_normal_maps_of_a_folder(heads: Path, tmp_path: Path) -> None:
    from tests.unit.data.image_sets import eg3d_files, encoded, write_folder, write_zip

    data = ImageDataset.open(write_zip(tmp_path / "s.zip", eg3d_files(COUNT, SIZE)))
    copies = Copies(ImageDataset.open(heads))
    maps = {}
    for i in range(COUNT):
        n = copies.truth.item(i).normal
        shown = np.nan_to_num(np.rint((0.5 + 0.5 * n) * 255)).astype(np.uint8)
        maps[f"{i}.png"] = encoded(shown.transpose(1, 2, 0))
    folder = ImageDataset.open(write_folder(tmp_path / "normals", maps), labels=False)
    context = MetricContext(features=eight_features, near=2.2, far=3.2)
    outcome = evaluate(copies, INFO, data, Plan(count=40, size=SIZE), context, normals=folder)
    # cameras of the other set pick heads unevenly, but they are the same heads
    assert (
        value(outcome, "normal_fid") < 0.05
        and next(v for v in outcome.values if v.name == "surface").value is None
    )


def test_the_non_flatness_score_is_seen_from_the_front(heads: Path) -> None:
    """Frontal cameras, which condition the generator too, at the colour pictures' truncation."""
    render = Copies(ImageDataset.open(heads))
    run(render, count=3, metrics=("nfs",), psi=0.9, front_size=12)
    assert not render.requests and [r.latent.seeds[0].seed for r in render.fronts] == [0, 1, 2]
    for r in render.fronts:
        assert (
            r.camera == INFO.header.camera.default.replace(yaw=0.0, pitch=0.0, roll=0.0)
            and r.latent.cond is None
        )
        assert r.latent.psi == 0.9 and (r.width, r.height) == (12, 12)


def test_counts_are_the_published_ones_as_far_as_the_data_goes() -> None:
    every = list(METRICS)
    assert counts_of(every, None, 70_000, 20_000) == Counts(50_000, 10_000, 256, 70_000, 20_000)
    assert counts_of(every, None, 4_000, 300) == Counts(4_000, 300, 256, 4_000, 300)
    assert counts_of(every, 100, 70_000, 20_000) == Counts(100, 100, 100, 100, 100)
    swd = [METRICS.get("swd")]  # uses 1024 pictures of either side: no more are made
    assert counts_of(swd, None, 70_000, 70_000) == Counts(1024, 0, 0, 1024, 0)
    assert counts_of([METRICS.get("nfs")], None, 10, 10) == Counts(front=256)


def test_imported_families_are_judged_by_the_picture_of_their_own_program(heads: Path) -> None:
    data = ImageDataset.open(heads)
    render = Copies(data)
    info = INFO.replace(image_size=2 * SIZE, has_native=True)
    plan = Plan(size=SIZE, count=2, sampler="importance", native=True, table=(20.0,))
    outcome = evaluate(render, info, data, plan, MetricContext(features=eight_features, near=2.2, far=3.2))
    colour, row, shape = render.requests[:3]
    assert colour.native and colour.width == colour.height == 2 * SIZE
    assert not row.native and row.sampler.spp == 20.0 and row.width == SIZE and not shape.native
    assert value(outcome, "fid") >= 0.0 and outcome.table[0].values["swd"] >= 0.0


def test_masks_and_masked_maps_of_the_generated_pictures(heads: Path, tmp_path: Path) -> None:
    """What --keep wrote, masked outside, comes back by its seed: as masks, or as the maps themselves."""
    data = ImageDataset.open(heads)
    kept: dict[int, dict[str, np.ndarray]] = {}
    context = MetricContext(features=eight_features, near=2.2, far=3.2)
    plan = Plan(size=SIZE, count=3, seed=5, metrics=("normal_fid",))

    def measured(masks: Segmented | None = None) -> float:
        return value(evaluate(Copies(data), INFO, data, plan, context, masks=masks), "normal_fid")

    evaluate(
        Copies(data),
        INFO,
        data,
        plan,
        context,
        keep=lambda seed, request, pictures: kept.update({seed: dict(pictures)}),
    )
    assert sorted(kept) == [5, 6, 7] and kept[5]["normals"].shape == kept[5]["rgb"].shape == (SIZE, SIZE, 3)
    for name in ("whole", "left", "maps"):
        (tmp_path / name).mkdir()
    for seed, pictures in kept.items():
        left = np.zeros((SIZE, SIZE), np.uint8)
        left[:, : SIZE // 2] = 255
        (tmp_path / "whole" / f"seed{seed:06d}.png").write_bytes(
            encoded(np.full((SIZE, SIZE), 255, np.uint8))
        )
        (tmp_path / "left" / f"{seed}.png").write_bytes(encoded(left))
        map_ = np.where(left[..., None] > 0, pictures["normals"], 0).astype(np.uint8)
        (tmp_path / "maps" / f"{seed}.png").write_bytes(encoded(map_))
    by_masks, by_maps = (Segmented.open(tmp_path / name, SIZE) for name in ("left", "maps"))
    assert (by_masks.kind, by_maps.kind) == ("masks", "maps")
    assert measured(Segmented.open(tmp_path / "whole", SIZE)) == measured() != measured(by_masks)
    assert measured(by_masks) == measured(by_maps)
    (tmp_path / "left" / "6.png").unlink()
    with pytest.raises(InputError, match="no mask of seed 6"):
        measured(Segmented.open(tmp_path / "left", SIZE))
    (tmp_path / "left" / "face.png").write_bytes((tmp_path / "left" / "5.png").read_bytes())
    with pytest.raises(InputError, match="without a seed"):
        Segmented.open(tmp_path / "left", SIZE)


def test_pictures_of_nan_are_an_error_and_not_a_number(heads: Path) -> None:
    with pytest.raises(TriscopeError, match="NaN"):
        run(Copies(ImageDataset.open(heads), nan=True))
    with pytest.raises(InputError, match="too few"):
        run(Copies(ImageDataset.open(heads)), count=1)


def pictures(seed: int) -> Pictures:
    rng = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (5, 3, 32, 32), generator=rng, dtype=torch.uint8)
    normal = torch.nn.functional.normalize(torch.randn(5, 3, 32, 32, generator=rng), dim=1)
    depth = 2.5 + 0.3 * torch.rand(5, 32, 32, generator=rng)
    normal[:, :, :4], depth[:, :4] = torch.nan, torch.nan
    cut = 2.5 + 0.3 * torch.rand(5, 32, 32, generator=rng)
    return Pictures(rgb=images, normal_map=images.flip(0), normal=normal, depth=depth, cut_depth=cut)


@pytest.mark.parametrize("name", METRICS.names())
def test_every_metric_keeps_the_contract(name: str) -> None:
    """Finite named values, several candidates of one reference, the same answer twice, inputs left alone."""
    metric = METRICS.get(name)
    assert metric.info.name == name and metric.info.description and metric.info.pictures >= 256
    assert metric.info.view in ("colour", "shape", "front")
    context = MetricContext(features=eight_features, near=2.2, far=3.2, seed=5)
    reference = metric.reference(context)
    real = [pictures(s) for s in range(2)]
    before = [p.rgb.clone() for p in real if p.rgb is not None]
    for part in real:
        reference.add(part)
    answers = []
    for _ in range(2):
        candidate = reference.candidate()
        for part in (pictures(10), pictures(11)):
            candidate.add(part)
        answers.append(candidate.values())
    assert answers[0] == answers[1] and answers[0]
    assert all(v.metric == name and v.value is not None and math.isfinite(v.value) for v in answers[0])
    assert len({v.name for v in answers[0]}) == len(answers[0])
    assert all(torch.equal(a, p.rgb) for a, p in zip(before, real, strict=True) if p.rgb is not None)


def test_truth_of_mirrored_items_is_mirrored(heads: Path) -> None:
    data = ImageDataset.open(heads, mirror=True)
    truth = TruthMaps(data)
    plain, mirrored = truth.item(2), truth.item(2 + COUNT)
    np.testing.assert_array_equal(mirrored.depth, plain.depth[:, ::-1])
    np.testing.assert_array_equal(mirrored.normal[0], -plain.normal[0][:, ::-1])
    hit = np.isfinite(plain.depth)
    assert 0.1 < hit.mean() < 0.9 and 2.0 < np.nanmin(plain.depth) < np.nanmax(plain.depth) < 3.4
    np.testing.assert_allclose(
        np.linalg.norm(plain.normal, axis=0)[np.isfinite(plain.normal[0])], 1.0, atol=1e-5
    )
