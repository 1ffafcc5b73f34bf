"""Probe and prediction of the whole picture in the Sampler panel, and the Camera panel of a shape without training cameras."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from core_model.schema.camera import CameraPrior
from core_model.schema.question_volume import RayVolumeQuestion
from tests.blob_head.session import BlobSession
from tests.gui.window_driver import Hands, Recorder, drive
from tests.unit.render_client.inline_client import InlineClient

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]


class Plain(BlobSession):
    """A checkpoint that has neither a proposal network nor training cameras."""

    def open(self, path: str):
        info = super().open(path)
        prior = CameraPrior(law="none", default=info.header.camera.default)
        return info.replace(has_proposal=False, header=info.header.replace(camera=prior))


def show(h: Hands, title: str) -> None:
    h.app.params.docking_params.dockable_window_of_name(title).focus_window_at_next_frame = True
    h.ctx.yield_(4)


def test_slices_and_level_sets_follow_their_rows_and_the_camera_at_rest(recorder: Recorder):

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, cast(Any, h.loop.features["sampler"].panel)
        rows = panel._volume
        h.until_full()
        show(h, "Sampler")
        assert not recorder.asked(RayVolumeQuestion), "a folded view asks nothing"
        ctx.item_click("//Sampler/##fold-volume")
        h.until(lambda: rows._last is not None, "the first slice")
        assert h.doc.volume.opened and set(rows._shown[1]) == {"image", "probe", "proposal"}
        asked, renders = len(recorder.asked(RayVolumeQuestion)), len(recorder.requests)
        ctx.yield_(10)
        assert len(recorder.asked(RayVolumeQuestion)) == asked == 1, "the same slice is asked for once"
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
        assert len(recorder.requests) == renders, "no row of it renders a picture"
        ctx.item_click("//Sampler/##fold-volume")
        ctx.yield_(3)
        asked = len(recorder.asked(RayVolumeQuestion))
        ctx.yield_(10)
        assert not h.doc.volume.opened and len(recorder.asked(RayVolumeQuestion)) == asked

    drive(body, recorder)


def test_a_shape_without_network_and_cameras_says_so():

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, cast(Any, h.loop.features["sampler"].panel)
        rows = panel._volume
        h.until_full()
        assert not ctx.item_exists("//Camera/##prior"), "there is no plot of training cameras"
        assert not ctx.item_exists("//Camera/###prior-yaw+1")
        show(h, "Sampler")
        ctx.item_click("//Sampler/##fold-volume")
        h.until(lambda: rows._last is not None, "the probe")

    drive(body, InlineClient(Plain))
