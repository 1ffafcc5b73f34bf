"""Probe and prediction of the whole picture in the Sampler panel, and the Camera panel of a shape without training cameras."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from core_model.schema.camera import CameraPrior
from core_model.schema.question import Question
from core_model.schema.question_volume import RayVolumeQuestion
from tests.blob_head.session import BlobSession
from tests.gui.window_driver import Hands, Recorder, drive
from tests.unit.render_client.inline_client import InlineClient

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures")]


class Asked(Recorder):
    """Keeps the questions too."""

    def __init__(self, session: type[BlobSession] = BlobSession) -> None:
        super().__init__(InlineClient(session))
        self.questions: list[Question] = []

    def ask(self, question: Question) -> int:
        self.questions.append(question)
        return super().ask(question)

    @property
    def volumes(self) -> list[RayVolumeQuestion]:
        return [q for q in self.questions if isinstance(q, RayVolumeQuestion)]


class Plain(BlobSession):
    """A checkpoint that has neither a proposal network nor training cameras."""

    def open(self, path: str):
        info = super().open(path)
        prior = CameraPrior(law="none", default=info.header.camera.default)
        return info.replace(has_proposal=False, header=info.header.replace(camera=prior))


def show(h: Hands, title: str) -> None:
    h.app.params.docking_params.dockable_window_of_name(title).focus_window_at_next_frame = True
    h.ctx.yield_(4)


def test_slices_and_level_sets_follow_their_rows_and_the_camera_at_rest():
    client = Asked()

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, cast(Any, h.loop.features["sampler"].panel)
        rows = panel._volume
        h.until_full()
        show(h, "Sampler")
        assert not client.volumes, "a folded view asks nothing"
        ctx.item_click("//Sampler/##fold-volume")
        h.until(lambda: rows._last is not None, "the first slice")
        assert h.doc.volume.opened and set(rows._shown[1]) == {"image", "probe", "proposal"}
        asked, renders = len(client.volumes), len(client.requests)
        ctx.yield_(10)
        assert len(client.volumes) == asked == 1, "the same slice is asked for once"
        ctx.item_input_value("//Sampler/##volume-depth", 3.0)
        h.until(
            lambda: rows._last[0].depth == pytest.approx(0.8, abs=1e-4),
            "the slice at 3 world units from near 2.2 to far 3.2",
        )
        ctx.item_input_value("//Sampler/##volume-thickness", 0.1)
        h.until(lambda: rows._last[0].thickness == pytest.approx(0.1, abs=1e-4), "the thicker slice")
        assert rows._last[1].values["end"] - rows._last[1].values["start"] == pytest.approx(0.1, abs=1e-4)
        ctx.item_click("//Sampler/volume-form/Level")
        h.until(lambda: rows._last[0].form == "level", "the level set")
        assert np.isnan(rows._shown[1]["proposal"].values).any()
        ctx.item_input_value("//Sampler/##volume-level", 20.0)
        h.until(lambda: rows._last[0].level == pytest.approx(0.2), "the other level")
        assert len(client.requests) == renders, "no row of it renders a picture"
        ctx.item_click("//Sampler/##fold-volume")
        ctx.yield_(3)
        asked = len(client.volumes)
        ctx.yield_(10)
        assert not h.doc.volume.opened and len(client.volumes) == asked

    drive(body, client)


def test_a_shape_without_network_and_cameras_says_so():
    client = Asked(Plain)

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, cast(Any, h.loop.features["sampler"].panel)
        rows = panel._volume
        h.until_full()
        assert not ctx.item_exists("//Camera/##prior"), "there is no plot of training cameras"
        assert not ctx.item_exists("//Camera/###prior-yaw+1")
        show(h, "Sampler")
        ctx.item_click("//Sampler/##fold-volume")
        h.until(lambda: rows._last is not None, "the probe")

    drive(body, client)
