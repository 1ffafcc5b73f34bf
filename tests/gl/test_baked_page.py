"""The shared page in a real browser, against the window's own drawing of the same volume: the shaders are the same files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from core_model.output.baked_page import PageHead, write_page
from core_model.schema.camera import OrbitPose
from core_model.schema.record import RenderRecord
from core_model.schema.render import RenderRequest
from tests.browser import browser, pixels_of, run_page
from tests.gl.baked_blob import dense_cloud, dense_head, packed
from viewer.gl.baked_volume import BakedVolume, VolumeTexels, VolumeTextures

pytestmark = [
    pytest.mark.gui,
    pytest.mark.slow,
    pytest.mark.usefixtures("context"),
    pytest.mark.skipif(
        browser() is None, reason="no Chromium or Chrome on the path (apt-get install chromium)"
    ),
]
EDGE = 192


def test_page_and_window_draw_the_same_picture(tmp_path: Path) -> None:
    camera, turned = OrbitPose(fov=0.4), OrbitPose(yaw=0.9, pitch=-0.4, roll=0.2, radius=2.2, fov=0.4)
    volumes = [packed(dense_head(64)), packed(dense_cloud(64), log_beta=None)]
    page = tmp_path / "page.html"
    heads = [PageHead(f"head {i}", *volume) for i, volume in enumerate(volumes)]
    write_page(page, heads, camera, "test", RenderRecord(request=RenderRequest(checkpoint="analytic:sphere")))
    pose = f"{{ yaw: {turned.yaw}, pitch: {turned.pitch}, roll: {turned.roll}, radius: {turned.radius} }}"
    found = run_page(
        page,
        tmp_path,
        f"""const canvas = document.querySelector("canvas");
        triscope.view.edge = {EDGE}; triscope.drawAll(1); found.front = canvas.toDataURL();
        Object.assign(triscope.view.pose, {pose}); triscope.drawAll(1); found.turned = canvas.toDataURL();""",
    )
    window = BakedVolume()
    for name, view in (("front", camera), ("turned", turned)):
        picture = pixels_of(found[name])
        for number, volume in enumerate(volumes):
            textures = VolumeTextures(VolumeTexels.of(*volume))
            while not textures.upload():
                pass
            window.draw(textures, view, EDGE, "rgb")
            wanted = window.read()[..., :3]
            textures.delete()
            got = picture[:, number * EDGE : (number + 1) * EDGE]
            assert -10.0 * math.log10(np.square(got - wanted).mean()) > 35.0, (name, number)
    window.delete()
