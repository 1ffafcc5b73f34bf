"""What the Layers panel asks while the view moves, how layers are listed and coloured, and what its pictures are made of."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.schema.camera import OrbitPose
from core_model.schema.latent import LatentSpec
from core_model.schema.question import Question
from core_model.schema.question_layers import LayerInfo, LayerQuestion, LayersQuestion
from tests.blob_head.session import BlobSession, blob_info
from viewer.features.layers.asking import Asking, Looked
from viewer.features.layers.listing import short_name, statistics_lines
from viewer.features.layers.pictures import (
    FOLDED,
    Under,
    large_picture,
    layer_histogram,
    mosaic,
    sampled,
    to_own_range,
    under_text,
)
from viewer.state.document import Document
from viewer.state.layer_view import LayerView, colour_range, grouped, matching, number_text, shape_text
from viewer.state.query_cache import QueryCache

INFO = blob_info("blob:posed")


class Renderer:
    """Answers the question under way when it is told to."""

    def __init__(self) -> None:
        self.queries, self.session = QueryCache(), BlobSession()
        self.number = 0
        self.asked: list[Question] = []

    def frame(self) -> None:
        question = self.queries.next()
        if question is not None:
            self.number += 1
            self.asked.append(question)
            self.queries.sent(self.number, question)

    def answer(self) -> None:
        question = self.queries.under_way
        if question is not None:
            found = self.session.answer(question)
            self.queries.answered(self.number, found.values, found.arrays)


def document(**changes: object) -> Document:
    return Document.defaults_from(INFO).replace(**changes)


def settled(asking: Asking, renderer: Renderer, doc: Document) -> None:
    for _ in range(12):
        asking.ask(doc, INFO, 64, renderer.queries, 0, 64)
        renderer.frame()
        renderer.answer()


def test_everything_is_asked_once_and_the_layer_as_soon_as_it_is_known() -> None:
    asking, renderer, doc = Asking(), Renderer(), document()
    settled(asking, renderer, doc)
    kinds = [type(q) for q in renderer.asked]
    assert kinds.count(LayersQuestion) == 6 and kinds.count(LayerQuestion) == 1 and not asking.waits
    assert asking.looked is not None and asking.looked.info.name == "planes"
    assert kinds.index(LayerQuestion) < 5, "before the parts that come later"


def test_a_moving_view_does_not_starve_and_the_last_view_wins() -> None:
    asking, renderer = Asking(), Renderer()
    settled(asking, renderer, document())
    seen = set()
    for step in range(1, 41):  # a walk: another latent in each frame, an answer every third
        doc = document(latent=LatentSpec.of_seed(step))
        asking.ask(doc, INFO, 64, renderer.queries, 0, 64)
        renderer.frame()
        if step % 3 == 0:
            renderer.answer()
        assert asking.looked is not None
        seen.add(asking.looked.question.latent.seeds[0].seed)
    assert len(seen) >= 3, "answers come while it moves"
    settled(asking, renderer, doc)
    assert asking.looked is not None and asking.looked.question.latent == doc.latent
    assert all(q.latent == doc.latent for q in asking._last.values())
    kept = [q for q in renderer.queries._kept if isinstance(q, LayersQuestion | LayerQuestion)]
    assert len(kept) <= 8, "views that are gone leave nothing behind"


def test_a_view_at_rest_replaces_the_question_at_once() -> None:
    asking, renderer = Asking(), Renderer()
    asking.ask(document(), INFO, 64, renderer.queries, 0, 64)
    renderer.frame()
    other = document(latent=LatentSpec.of_seed(9))
    for _ in range(2):  # the first frame still waits for the old one
        asking.ask(other, INFO, 64, renderer.queries, 0, 64)
        renderer.frame()
    assert isinstance(renderer.asked[-1], LayersQuestion) and renderer.asked[-1].latent == other.latent


def test_the_camera_asks_nothing_of_the_backbone() -> None:
    asking, renderer = Asking(), Renderer()
    settled(asking, renderer, document())
    before = len(renderer.asked)
    settled(asking, renderer, document(camera=OrbitPose(yaw=0.4)))
    assert {q.part for q in renderer.asked[before:] if isinstance(q, LayersQuestion)} == {
        "decoder", "background", "proposal", "superres"
    }  # fmt: skip
    assert not any(isinstance(q, LayerQuestion) for q in renderer.asked[before:]), "the planes are the same"


def test_another_checkpoint_without_the_layer_asks_for_none() -> None:
    asking, renderer = Asking(), Renderer()
    settled(asking, renderer, document(layers=LayerView(layer="superres.blocks.0")))
    assert asking.looked is None and not any(isinstance(q, LayerQuestion) for q in renderer.asked)


LAYERS = (
    LayerInfo(name="backbone.blocks.0.conv1", kind="StyleConv", shape=(512, 4, 4), group=4),
    LayerInfo(name="backbone.blocks.1.conv0.affine", kind="EqualLinear", shape=(1, 512), group=8),
    LayerInfo(name="backbone.blocks.1:2", kind="SynthesisBlock", shape=(3, 96, 8, 8), group=8),
)


def test_layers_are_listed_by_the_size_of_their_pictures_and_found_by_words() -> None:
    groups = grouped("backbone", LAYERS)
    assert [g.title for g in groups] == ["Backbone 4²", "Backbone 8²"] and len(groups[1].layers) == 2
    assert matching(LAYERS, "AFFINE blocks.1") == LAYERS[1:2] and matching(LAYERS, "styleconv") == LAYERS[:1]
    assert [short_name(i.name) for i in LAYERS] == [
        "blocks.0.conv1",
        "blocks.1.conv0.affine",
        "blocks.1, output 2",
    ]
    assert [shape_text(i) for i in LAYERS] == ["512 × 4²", "1 × 512", "3 × 96 × 8²"]
    assert LAYERS[2].channels == 288 and LAYERS[2].channel_title(97) == "1:1"
    assert LAYERS[2].replace(planes=("xy", "xz", "yz")).channel_title(97) == "xz 1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0"), (0.12345, "0.123"), (-11.02, "-11"), (12345.0, "1e4"), (1.2e-7, "1e-7")],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number_text(value) == text


def test_ranges_of_the_colours() -> None:
    info = LAYERS[0].replace(low=-3.0, high=1.0)
    span = lambda **look: colour_range(LayerView(**look), info, (0.25, 0.5))
    assert (
        span() == (-3.0, 1.0)
        and span(range="channel") == (0.25, 0.5)
        and span(range="symmetric") == (-3.0, 3.0)
    )
    assert span(range="fixed", low=0.0, high=9.0) == (0.0, 9.0)
    low, high = span(range="fixed", low=2.0, high=2.0)
    assert high > low


def test_cells_lie_side_by_side_and_keep_their_values() -> None:
    cells = np.arange(5, dtype=np.float32)[:, None, None] + np.zeros((5, 2, 2), np.float32)
    made = mosaic(cells, 3, 4)
    assert (
        made.shape == (12, 12)
        and made[0, 8] == 2.0
        and made[4, 0] == 3.0
        and np.isnan(made[4, 8])
        and np.isnan(made[8]).all()
    )
    np.testing.assert_array_equal(
        sampled(np.array([[1.0, 2.0], [3.0, 4.0]]), 4, 2), [[1, 1, 2, 2], [3, 3, 4, 4]]
    )
    own = to_own_range(np.array([[[1.0, 3.0], [np.nan, 2.0]], [[7.0, 7.0], [7.0, 7.0]]], np.float32))
    np.testing.assert_array_equal(own, [[[0.0, 1.0], [np.nan, 0.5]], [[0.0, 0.0], [0.0, 0.0]]])


def looked(info: LayerInfo, **arrays: np.ndarray) -> Looked:
    question = LayerQuestion(checkpoint="blob:posed", part="mapping", layer=info.name)
    return Looked(question, info, info.channels, arrays, 1)


def test_a_single_row_is_folded_and_named_by_its_channel() -> None:
    info = LayerInfo(name="w", kind="Linear", shape=(1, 70))
    picture = large_picture(looked(info, picture=np.arange(70, dtype=np.float32)[None]))
    assert picture.shape == (3, FOLDED) and picture[2, 5] == 69.0 and np.isnan(picture[2, 6])
    assert under_text(info, Under(2, 5, 69.0)) == "channel 69: 69"
    assert under_text(LAYERS[0], Under(1, 2, float("nan"))) == "row 1, column 2: no value"


def test_the_histogram_of_the_layer_is_cut_to_another_range() -> None:
    info = LayerInfo(name="w", kind="Linear", shape=(1, 64), low=0.0, high=1.0, mean=0.5)
    one = looked(
        info, counts=np.full(64, 10.0, np.float32), edges=np.linspace(0.0, 1.0, 65, dtype=np.float32)
    )
    whole, half = layer_histogram(one, 0.0, 1.0), layer_histogram(one, 0.25, 0.75)
    assert set(whole.counts) == {10} and set(half.counts) == {5}
    assert sum(layer_histogram(one, -1.0, 2.0).counts) == pytest.approx(640, abs=32)


def test_statistics_name_what_is_wrong_with_a_layer() -> None:
    broken = LAYERS[0].replace(nans=0.25, infs=0.5)
    assert "NaN" in statistics_lines(broken)[-1] and len(statistics_lines(LAYERS[0])) == 2
