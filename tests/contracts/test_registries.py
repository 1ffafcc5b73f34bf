"""One contract for everything that plugs in: every sampler and strategy renders every channel of every family's checkpoints.

The lists come from the registries alone; who registers a thing is tested here without another line, and nothing is skipped.
A family without a checkpoint that can be made here fails `test_every_family_has_a_sample`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.checkpoints.describe import describe_checkpoint
from core_model.checkpoints.store import save_checkpoint
from core_model.families import FAMILIES
from core_model.families.analytic.shapes import SHAPES
from core_model.rendering.channels import CHANNELS
from core_model.sampling.samplers import SAMPLERS
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import STAGES, RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import Frame, RenderSession
from tests.contracts.tiny_checkpoint import save_tiny
from tests.unit.families.foreign_nets import Net, eg3d_state, epigraf_state, mimic3d_state, native

SIZE = 12


def imported(family: str, net: Net) -> Callable[[Path], tuple[str, ...]]:
    """A small random network in the other program's layout, brought in as `triscope import` does."""

    def make(folder: Path) -> tuple[str, ...]:
        header, tensors = native(family, net)
        return (str(save_checkpoint(folder / f"{family}.safetensors", header, tensors)),)

    return make


# The checkpoints of each family that the contract runs on; a new family adds its line.
MAKERS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "analytic": lambda folder: tuple(f"analytic:{shape}" for shape in SHAPES.names()),
    "wysiwyg": lambda folder: (save_tiny(folder / "wysiwyg.safetensors"),),
    "eg3d": imported("eg3d", Net("", eg3d_state())),
    "epigraf": imported("epigraf", Net("", epigraf_state())),
    "mimic3d": imported("mimic3d", Net("", mimic3d_state())),
}
SAMPLES = [("analytic", i) for i in range(len(SHAPES))] + [(name, 0) for name in MAKERS if name != "analytic"]
WAYS = [(s.info.name, strategy) for s in SAMPLERS for strategy in (s.info.strategies or ("robust",))]


@pytest.fixture(scope="module")
def session() -> RenderSession:
    return RenderSession(device="cpu", threads=1)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], str]:
    folder = Path(tmp_path_factory.mktemp("families"))
    return {(name, i): path for name, make in MAKERS.items() for i, path in enumerate(make(folder))}


def shell(info: CheckpointInfo) -> tuple[float, float]:
    """Nearest and farthest distance that is sampled from the default camera."""
    conv, pose = info.header.conventions, info.header.camera.default
    if conv.near is not None and conv.far is not None:
        return conv.near, conv.far
    centre = float(np.linalg.norm(pose.world_from_cam()[:3, 3]))
    return centre - (conv.scene_radius or conv.box), centre + (conv.scene_radius or conv.box)


def check_values(
    name: str, values: np.ndarray, info: CheckpointInfo, opacity: np.ndarray, counts: np.ndarray
) -> None:
    """What each kind of channel may hold; channels that are not named here must be finite where something is seen."""
    box = info.header.conventions.box
    seen, background = opacity > 0.05, opacity < 0.04
    finite = np.isfinite(values)
    if name in ("depth", "normal", "position", "beta", "eikonal"):  # documented: NaN on background
        assert not finite[..., background].any()
    elif name not in (
        "leftover",
        "entropy",
        "missed",
    ):  # documented: NaN where no proposal was made, no crossing met
        assert finite.all()
    if name == "normal":
        if any(
            c.name == "beta" for c in info.channels
        ):  # a piecewise constant density has no normal, a distance has
            assert finite[..., seen].all()
            np.testing.assert_allclose(np.linalg.norm(values[:, seen], axis=0), 1.0, atol=1e-4)
    elif name not in ("leftover", "entropy", "missed"):
        assert finite[..., seen].all()
    good = values[finite]
    low, high = {
        "rgb": (0.0, 1.0), "opacity": (0.0, 1.0), "depth": shell(info), "normal": (-1.0, 1.0), "position": (-1.2 * box, 1.2 * box),
        "beta": (0.0, 0.02), "samples": (0.0, 64.0), "leftover": (0.0, 1.0), "entropy": (0.0, np.log(512)),
        "eikonal": (-1.0, np.inf), "missed": (0.0, 1.0),
    }.get(name, (-np.inf, np.inf))  # fmt: skip
    if good.size:
        assert good.min() >= low - 1e-5 and good.max() <= high + 1e-5, (name, good.min(), good.max())
    if name == "samples":
        assert bool((values == np.round(values)).all()) and bool((counts > 0).all())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: f"{s[0]}-{s[1]}")
@pytest.mark.parametrize(("name", "strategy"), WAYS, ids=lambda w: w)
def test_every_sampler_renders_every_channel_of_every_family(
    session: RenderSession,
    checkpoints: dict[tuple[str, int], str],
    sample: tuple[str, int],
    name: str,
    strategy: str,
) -> None:
    path = checkpoints[sample]
    info = session.open(path)
    channels = tuple(c.name for c in info.channels)
    request = RenderRequest(
        checkpoint=path, width=SIZE, height=SIZE, channels=channels, camera=info.header.camera.default.replace(yaw=0.3, pitch=0.2),
        sampler=SamplerSpec(name=name, strategy=strategy, spp=24),  # type: ignore[arg-type]
    )  # fmt: skip
    frame = session.render(request)
    if not next(s for s in info.samplers if s.name == name).available:
        error = frame.result.error
        assert error is not None and error.kind == "input" and name in error.message
        return
    assert frame.result.error is None, frame.result.error
    assert tuple(frame.arrays) == channels
    for channel in channels:
        values = frame.arrays[channel]
        scalar = CHANNELS.get(channel).info.kind == "scalar"
        assert values.dtype == np.float32 and values.shape == ((SIZE, SIZE) if scalar else (3, SIZE, SIZE))
        check_values(channel, values, info, frame.arrays["opacity"], frame.arrays["samples"])
    check_result(frame, info, SAMPLERS.get(name).needs_proposal)


def check_result(frame: Frame, info: CheckpointInfo, learned: bool) -> None:
    result = frame.result
    assert float(frame.arrays["opacity"].max()) > 0.05  # all samples show something
    assert result.samples_per_pixel == pytest.approx(float(frame.arrays["samples"].mean()), rel=1e-5)
    assert abs(result.samples_per_pixel - 24) < 1.0 and result.evaluated_per_pixel <= 25
    assert (result.probe_per_pixel > 0) == learned
    for name in {"leftover", "entropy"} & set(frame.arrays):
        assert bool(np.isfinite(frame.arrays[name]).any()) == learned
    stages = [t.stage for t in result.timings]
    assert stages == sorted(stages, key=STAGES.index) and all(t.ms >= 0 for t in result.timings)
    assert {"probe", "proposal"} <= set(stages) if learned else not {"probe", "proposal"} & set(stages)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: f"{s[0]}-{s[1]}")
def test_every_checkpoint_can_be_described_without_being_built(
    checkpoints: dict[tuple[str, int], str], session: RenderSession, sample: tuple[str, int]
) -> None:
    path = checkpoints[sample]
    described, opened = describe_checkpoint(path), session.open(path)
    assert described == opened
    assert described.family == sample[0] and described.memory_bytes > 0 and described.title
    assert type(described).model_validate_json(described.model_dump_json()) == described


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: f"{s[0]}-{s[1]}")
def test_every_family_s_field_keeps_to_the_protocol(
    checkpoints: dict[tuple[str, int], str], session: RenderSession, sample: tuple[str, int]
) -> None:
    field = session.field_of(RenderRequest(checkpoint=checkpoints[sample]))
    points = torch.rand(1, 60, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    with torch.no_grad():
        values = field.geometry(points)
        colours = field.colour(values, points, torch.tensor([0.0, 0.0, -1.0]).expand(1, 60, 3))
    assert (
        values.density.shape == (1, 60)
        and bool((values.density >= 0).all())
        and bool(torch.isfinite(values.density).all())
    )
    assert colours.shape == (1, 60, 3) and bool(torch.isfinite(colours).all())
    assert (values.sdf is not None) == field.is_sdf
    if values.sdf is not None:
        assert values.beta is not None and bool((values.beta > 0).all())
        inside = values.sdf < -10 * values.beta
        outside = values.sdf > 10 * values.beta
        torch.testing.assert_close(values.density[inside], 1 / values.beta[inside], rtol=1e-3, atol=0.0)
        assert bool((values.density[outside] < 1e-3 / values.beta[outside]).all())
    picked = values.select(torch.tensor([5, 9]))
    assert torch.equal(picked.density[0], values.density[0, [5, 9]])


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: f"{s[0]}-{s[1]}")
def test_every_family_is_baked(
    checkpoints: dict[tuple[str, int], str], session: RenderSession, sample: tuple[str, int]
) -> None:
    """Value and colour of the volume at the corners of its bricks are the field's own."""
    path = checkpoints[sample]
    conv = session.open(path).header.conventions
    made = session.bake(BakeQuestion(checkpoint=path, level=64))
    spec, arrays = made.spec, made.arrays
    assert spec.field == conv.field and spec.box == conv.box and spec.near == conv.near
    z, y, x = np.nonzero(arrays.index[..., 3])
    assert len(z)
    places = arrays.index[z, y, x, :3].astype(int) * (spec.brick + 1)
    value = arrays.value[places[:, 2], places[:, 1], places[:, 0]]
    colour = arrays.colour[places[:, 2], places[:, 1], places[:, 0]]
    at = (np.stack([x, y, z], axis=-1) * spec.brick * (2.0 / spec.level) - 1.0) * spec.box
    points = torch.from_numpy(at).float()[None]
    field = session.field_of(RenderRequest(checkpoint=path))
    with torch.no_grad():
        sample_ = field.geometry(points)
        wanted = field.colour(sample_, points, torch.tensor([0.0, 0.0, -1.0]).expand_as(points))[0]
    truth = sample_.sdf if sample_.sdf is not None else sample_.density
    # corners of bricks are corners of the coarsest lattice too
    np.testing.assert_allclose(value, truth[0].numpy(), rtol=2e-3, atol=2e-3)
    seen = np.full(len(at), True) if sample_.sdf is not None else sample_.density[0].numpy() > 0.1
    assert seen.any() or sample[0] == "analytic"
    np.testing.assert_allclose(colour[seen, :3] / 255.0, wanted.clamp(0, 1).numpy()[seen], atol=2.5 / 255)


def test_every_family_has_a_sample(checkpoints: dict[tuple[str, int], str]) -> None:
    assert set(SAMPLES) == set(checkpoints)
    assert set(FAMILIES.names()) == set(MAKERS)


@pytest.mark.parametrize("name", CHANNELS.names())
def test_every_channel_is_described_for_the_window(name: str) -> None:
    info = CHANNELS.get(name).info
    assert info.name == name and info.title and info.description
    assert info.low is None or info.high is None or info.low < info.high
    if info.kind == "scalar" and name not in (
        "opacity",
        "leftover",
        "missed",
    ):  # shares and a mask have no unit
        assert info.unit


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_every_sampler_is_described_for_the_window(name: str) -> None:
    info = SAMPLERS.get(name).info
    assert info.name == name and info.title and info.description and info.default_spp >= 2
