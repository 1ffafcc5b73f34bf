"""`triscope bake`: one HTML file that holds all it needs, and that a real browser shows."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from core_model.cli.main import main
from core_model.output.baked_page import programs
from core_model.queries import QuerySession
from core_model.rendering.baked_picture import draw_baked
from core_model.schema.baked_bytes import parts_of
from core_model.schema.latent import LatentSpec
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.record_file import read_provenance
from core_model.session.bakery import Baked
from tests.browser import browser, pixels_of, run_page
from tests.cli.command import triscope
from tests.contracts.tiny_checkpoint import save_tiny

EDGE = 160
needs_browser = pytest.mark.skipif(
    browser() is None, reason="no Chromium or Chrome on the path (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("bake") / "tiny.safetensors")


@pytest.fixture(scope="module")
def page(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "heads.html"
    assert main(["bake", tiny, "--out", str(out), "--seeds", "3,5", "--level", "64"]) == 0
    return out


def baked(tiny: str, seed: int) -> Baked:
    session = QuerySession(device="cpu", threads=1)
    cutoff = min(14, session.open(tiny).num_ws)
    return session.bake(
        BakeQuestion(checkpoint=tiny, latent=LatentSpec.of_seed(seed, cutoff=cutoff), level=64)
    )


def test_the_page_holds_the_volumes(page: Path, tiny: str) -> None:
    text = page.read_text(encoding="utf-8")
    told = re.search(r'<script type="application/json" id="page">(.*?)</script>', text)
    assert told is not None
    heads = json.loads(told.group(1))["heads"]
    assert [head["title"] for head in heads] == ["seed 3", "seed 5"]
    for number, seed in enumerate((3, 5)):
        packed = re.search(rf'id="head-{number}">([^<]*)</script>', text)
        assert packed is not None
        data, at, found = zlib.decompress(base64.b64decode(packed.group(1))), 0, {}
        for name, depth, height, width, size in heads[number]["textures"]:
            count = depth * height * width
            planes = np.frombuffer(data, np.uint8, count * size, at).reshape(size, count)
            found[name] = planes.T.tobytes()
            at += count * size
        assert at == len(data)
        _, _, value, colour = parts_of(baked(tiny, seed).arrays)
        assert found["value"] == bytes(value) and found["paint"] == bytes(colour)


def test_nothing_in_the_page_comes_from_elsewhere(page: Path) -> None:
    text = re.sub(r'id="head-\d+">[^<]*<', "<", page.read_text(encoding="utf-8"))
    assert not re.search(r"https?://|\bsrc\s*=|\bhref\s*=|@import|\bfetch\(|XMLHttpRequest|WebSocket", text)
    assert "default-src 'none'" in text


def test_the_page_says_where_it_comes_from(page: Path) -> None:
    record = read_provenance(page)
    assert record.family == "wysiwyg" and len(record.checkpoint_sha256) == 64
    assert record.request.latent.seeds[0].seed == 3 and record.motion == "--level 64 --seeds 3,5"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--level", "100"], "level"),
        (["--seeds", "x"], "--seeds"),
        (["--seeds", "0-99"], "at most 64 seeds"),
        (["--out", "head.png"], "unknown kind of file"),
    ],
)
def test_wrong_input_is_one_line(
    tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    out = [] if "--out" in words else ["--out", str(tmp_path / "head.html")]
    done = triscope(capsys, "bake", tiny, *out, *words)
    assert done.status == 2 and said in done.line
    assert not list(tmp_path.iterdir())


def test_shaders_are_the_windows_with_another_head() -> None:
    for name, sources in programs().items():
        for source in sources:
            assert source.startswith("#version 300 es\n") and source.count("#version") == 1, name
            assert "#include" not in source


@needs_browser
@pytest.mark.slow
def test_a_browser_shows_turns_and_zooms_the_heads(page: Path, tiny: str, tmp_path: Path) -> None:
    script = f"""
        const canvas = document.querySelector("canvas"), view = triscope.view;
        const picture = () => {{ triscope.drawAll(1); return canvas.toDataURL(); }};
        const at = (kind, id, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {{ pointerId: id, clientX: x, clientY: y }}));
        view.edge = {EDGE};
        found.front = picture();
        triscope.show("normal"); found.normal = picture();
        triscope.show("depth"); found.depth = picture();
        triscope.show("rgb");
        at("pointerdown", 1, 100, 100); at("pointermove", 1, 130, 90); at("pointerup", 1, 130, 90);
        found.pose = {{ ...view.pose }}; found.turned = picture();
        at("pointerdown", 1, 100, 100); at("pointerdown", 2, 200, 100);
        at("pointermove", 2, 150, 100); at("pointerup", 1, 100, 100); at("pointerup", 2, 150, 100);
        found.pinched = view.pose.radius;
        canvas.dispatchEvent(new WheelEvent("wheel", {{ deltaY: -100, cancelable: true }}));
        found.wheeled = view.pose.radius;
        document.getElementById("reset").click();
        found.reset = view.pose.radius; found.labels = document.getElementById("labels").textContent;
    """
    found = run_page(page, tmp_path, script)
    camera = QuerySession(device="cpu", threads=1).open(tiny).header.camera.default
    front, turned = pixels_of(found["front"]), pixels_of(found["turned"])
    assert front.shape == (EDGE, 2 * EDGE, 3)
    pose = found["pose"]
    assert isinstance(pose, dict) and pose["yaw"] < -0.2 and pose["pitch"] < -0.05
    for number, seed in enumerate((3, 5)):
        made = baked(tiny, seed)
        for picture, view in (
            (front, camera),
            (turned, camera.replace(yaw=pose["yaw"], pitch=pose["pitch"])),
        ):
            exact = draw_baked(made.spec, made.arrays, view, EDGE, EDGE).rgb.numpy().transpose(1, 2, 0)
            got = picture[:, number * EDGE : (number + 1) * EDGE]
            assert -10.0 * np.log10(np.square(got - exact).mean()) > 35.0
    assert np.abs(pixels_of(found["normal"]) - front).mean() > 0.02
    assert np.abs(pixels_of(found["depth"]) - front).mean() > 0.02
    assert (
        found["pinched"] == pytest.approx(2.0 * camera.radius)
        and float(str(found["wheeled"])) < 2.0 * camera.radius
    )
    assert found["reset"] == pytest.approx(camera.radius) and found["labels"] == "seed 3seed 5"
