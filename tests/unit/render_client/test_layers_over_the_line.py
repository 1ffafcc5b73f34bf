"""Questions about layers over the line to another machine: the answers are those of this one."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import numpy as np

from core_model.queries import ANSWERERS, QuerySession
from core_model.schema.question_layers import (
    LayerInfo,
    LayerQuestion,
    LayersQuestion,
    LayerValuesQuestion,
    fields_of,
)
from core_model.schema.render import RenderRequest
from tests.unit.render_client.test_lifecycle import until
from tests.unit.render_client.test_remote import ROOT
from viewer.render_client.client import RenderClient
from viewer.render_client.events import Answered, AnswerFailed, Opened
from viewer.render_client.remote_link import remote
from viewer.wire.records import QUESTIONS

FAR = f"sh -c {shlex.quote(f'cd {shlex.quote(str(ROOT))} && exec {shlex.quote(sys.executable)} -m core_model.cli.main worker')}"


def test_every_question_that_is_answered_may_cross_the_line() -> None:
    assert set(ANSWERERS.names()) == set(QUESTIONS)


def test_layers_come_as_from_here(tiny: str, session: QuerySession) -> None:
    request = RenderRequest(checkpoint=str(Path(tiny).absolute()), width=48, height=48)
    asked = (
        LayersQuestion.model_validate(fields_of("backbone", request)),
        LayerQuestion.model_validate(
            fields_of("backbone", request) | {"layer": "planes", "order": "rms", "channel": 3}
        ),
        LayerValuesQuestion.model_validate(fields_of("mapping", request) | {"layer": "w"}),
        LayersQuestion.model_validate(fields_of("superres", request)),
    )
    client = RenderClient(link=remote(FAR), far=FAR)
    client.start()
    try:
        client.open(request.checkpoint)
        until(client, lambda e: isinstance(e, Opened), 60.0)
        for question in asked:
            number, here = client.ask(question), session.answer(question)
            event, _ = until(client, lambda e: isinstance(e, Answered | AnswerFailed), 60.0)
            assert isinstance(event, Answered) and event.number == number
            if "layers" in here.values:
                near, far = ([LayerInfo.model_validate(i) for i in x.values["layers"]] for x in (here, event))
                assert [(i.name, i.shape, i.kind) for i in near] == [(i.name, i.shape, i.kind) for i in far]
                assert event.values["note"] == here.values["note"]
            assert event.arrays.keys() == here.arrays.keys()
            for name, array in here.arrays.items():
                assert event.arrays[name].dtype == array.dtype
                np.testing.assert_allclose(event.arrays[name], array, rtol=1e-4, atol=1e-5)
    finally:
        client.stop()
