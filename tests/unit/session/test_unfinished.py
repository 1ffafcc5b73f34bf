"""Work that gives way is taken up where it was: no tile, no piece and no point is computed twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from core_model.geometry.rays import Rays
from core_model.queries import QuerySession, directions
from core_model.queries.registry import Answer
from core_model.rendering.evaluate import Evaluated
from core_model.schema.camera import OrbitPose
from core_model.schema.errors import Cancelled
from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MeshRequest
from core_model.schema.question import DirectionsQuestion, PictureQuestion, Question
from core_model.schema.question_mesh import FieldHistogramQuestion, MeshPreviewQuestion
from core_model.schema.question_planes import SectionQuestion
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import SamplerSpec
from core_model.session import Frame
from core_model.session.picture import Picture

SPHERE = "analytic:sphere"
UNIFORM = SamplerSpec(name="uniform", spp=8)


@pytest.fixture
def session() -> Iterator[QuerySession]:
    threads = torch.get_num_threads()
    yield QuerySession(device="cpu", threads=1)
    torch.set_num_threads(threads)


def impatient(pieces: int) -> Callable[[], bool]:
    """Says after every `pieces` pieces that something waits."""
    looks = 0

    def cancelled() -> bool:
        nonlocal looks
        looks += 1
        return looks % (pieces + 1) == 0  # else it would be told so again before its first piece

    return cancelled


def insisted(session: QuerySession, question: Question, cancelled: Callable[[], bool]) -> tuple[Answer, int]:
    """(answer, how often it gave way)."""
    for given_way in range(1000):
        try:
            return session.answer(question, cancelled), given_way
        except Cancelled:
            continue
    raise AssertionError("it never came to an end")


def request(**changes: object) -> RenderRequest:
    base = RenderRequest(
        checkpoint=SPHERE, width=48, height=48, tile_rays=64, sampler=UNIFORM, channels=("rgb", "depth")
    )
    return base.replace(**changes)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the tiles that are drawn."""
    sizes: list[int] = []
    plain = Picture.placed

    def placed(self: Picture, pixels: torch.Tensor, rays: Rays | None = None) -> Evaluated:
        if rays is not None:  # a tile: what the sampler asks for itself comes without rays
            sizes.append(len(pixels))
        return plain(self, pixels, rays)

    monkeypatch.setattr(Picture, "placed", placed)
    return sizes


@pytest.fixture
def whole(drawn: list[int]) -> tuple[Frame, int]:
    """The picture of `request()` in one go, and how many pixels its tiles have."""
    frame = QuerySession(device="cpu", threads=1).render(request())
    count = sum(drawn)
    drawn.clear()
    return frame, count


def test_a_picture_goes_on_with_the_tiles_that_are_left(
    session: QuerySession, drawn: list[int], whole: tuple[Frame, int]
) -> None:
    cancelled, shares = impatient(6), list[float]()
    for _ in range(100):
        frame = session.render(
            request(), cancelled, lambda stage, share: shares.append(share) if stage == "samples" else None
        )
        if frame.result.error is None:
            break
        assert frame.result.error.kind == "cancelled"
    assert frame.result.error is None and len(drawn) > 10 and sum(drawn) == whole[1]
    assert shares == sorted(shares), "a picture that is taken up again does not start from nothing"
    assert frame.result.evaluated_per_pixel == whole[0].result.evaluated_per_pixel
    for name, array in whole[0].arrays.items():
        np.testing.assert_array_equal(frame.arrays[name], array)


def test_another_view_forgets_the_pictures_of_the_one_before(
    session: QuerySession, drawn: list[int], whole: tuple[Frame, int]
) -> None:
    session.render(request(), impatient(6))
    session.render(request(tier=Tier.MOVING, camera=OrbitPose(yaw=0.4)))
    drawn.clear()
    session.render(request())
    assert sum(drawn) == whole[1]


def test_a_thumbnail_goes_on(session: QuerySession, drawn: list[int], whole: tuple[Frame, int]) -> None:
    _, given_way = insisted(session, PictureQuestion(checkpoint=SPHERE, request=request()), impatient(6))
    assert given_way > 1 and sum(drawn) == whole[1]


def test_directions_map_no_latent_twice(
    session: QuerySession, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = DirectionsQuestion(checkpoint=tiny, samples=2048, count=4)
    whole = QuerySession(device="cpu", threads=1).answer(question)
    mapped: list[int] = []
    plain = directions.map_batch

    def counted(model: object, z: torch.Tensor, latent: LatentSpec) -> torch.Tensor:
        mapped.append(len(z))
        return plain(model, z, latent)  # type: ignore[arg-type]

    monkeypatch.setattr(directions, "map_batch", counted)
    told: list[float] = []
    cancelled = impatient(2)
    for _ in range(100):
        try:
            answer = session.answer(question, cancelled, lambda stage, share: told.append(share))
            break
        except Cancelled:
            continue
    assert sum(mapped) == 2048 and told == sorted(told) and told[-1] == 1.0
    np.testing.assert_array_equal(answer.arrays["directions"], whole.arrays["directions"])


@pytest.mark.parametrize(
    ("question", "pieces"),
    [
        (SectionQuestion(checkpoint=SPHERE, size=192), 1),
        (FieldHistogramQuestion(checkpoint=SPHERE), 1),
        # the last stages, triangles and normals, are short and begin anew
        (MeshPreviewQuestion(checkpoint=SPHERE, request=MeshRequest(checkpoint=SPHERE, resolution=128)), 6),
    ],
    ids=("section", "histogram", "mesh"),
)
def test_a_question_about_the_field_goes_on(session: QuerySession, question: Question, pieces: int) -> None:
    """A few pieces each time that it is let: it ends all the same, with the same answer."""
    whole = QuerySession(device="cpu", threads=1).answer(question)
    answer, given_way = insisted(session, question, impatient(pieces))
    assert given_way > 2
    assert set(answer.arrays) == set(whole.arrays)
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(answer.arrays[name], array)
