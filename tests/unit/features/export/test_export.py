"""The Export panel without a window: what is started, under which name, and as which command."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.cli.bake import BakeOptions
from core_model.cli.parse import parse
from core_model.cli.render import RenderOptions
from core_model.cli.sheet import SheetOptions
from core_model.schema.record import RenderRecord
from core_model.schema.sampler import SamplerSpec
from tests.blob_head.session import blob_info
from viewer.features.export import clipboard
from viewer.jobs.tasks import Tasks
from viewer.state.document import Document
from viewer.state.export_settings import (
    ExportSettings,
    cells_of,
    count_seeds,
    heads_of,
    plan_export,
    typed_command,
)
from viewer.state.exports import Exports
from viewer.state.requests import export_request, full_request

INFO = blob_info("blob:demo")
DOC = Document.defaults_from(INFO)
DEPTH = {"depth": np.array([[2.0, np.nan], [3.0, 2.5]], np.float32)}


def settings(folder: Path, **changes: object) -> ExportSettings:
    return ExportSettings(folder=str(folder)).replace(**changes)


def test_the_request_is_that_of_the_window_at_another_size() -> None:
    doc = DOC.replace(quality=DOC.quality.replace(precision="bf16", max_size=128), background=(1.0, 1.0, 1.0))
    request = export_request(doc, INFO, 4096, ("normal",))
    shown = full_request(doc, INFO, 128)
    assert request == shown.replace(width=4096, height=4096, channels=("normal",))


def test_a_page_is_a_bake_command(tmp_path: Path) -> None:
    s = settings(tmp_path, kind="page", heads=" 1, 2-3 ", channels=("depth",))
    plan = plan_export(s, DOC, INFO, DEPTH)
    assert (
        plan.why_not == ""
        and plan.out == tmp_path / "blob-demo-seed0-page.html"
        and plan.files == (plan.out,)
    )
    words = plan.arguments(tmp_path / "r.json")
    assert words[0] == "bake" and words[-4:] == ("--level", "256", "--seeds", "1,2-3")
    assert parse(BakeOptions, words[1:], "bake", "").seeds == "1,2-3" and heads_of(s) == 3
    typed = typed_command(plan, INFO, DOC, "view.json")
    assert parse(BakeOptions, typed.words[1:], "bake", "").level == "256"
    one = plan_export(s.replace(heads=""), DOC, INFO, DEPTH)
    assert one.options == ("--level", "256") and one.why_not == ""
    for heads in ("x", "3-1", "0-64"):
        assert "Heads are seeds" in plan_export(s.replace(heads=heads), DOC, INFO, DEPTH).why_not


def test_a_picture_is_a_render_command(tmp_path: Path) -> None:
    s = settings(tmp_path, channels=("rgb", "depth"), transparent=True, scalars="grey16")
    plan = plan_export(s, DOC, INFO, DEPTH)
    assert plan.why_not == "" and plan.out == tmp_path / "blob-demo-seed0.png"
    assert plan.files == (plan.out, tmp_path / "blob-demo-seed0.depth.png")
    words = plan.arguments(tmp_path / "r.json")
    assert words == (
        "render",
        "--request",
        str(tmp_path / "r.json"),
        "--out",
        str(plan.out),
        "--transparent",
        "--scalars",
        "grey16",
    )
    assert parse(RenderOptions, words[1:], "render", "").transparent
    (span,) = plan.record.display
    assert (span.channel, span.low, span.high) == ("depth", 2.0, 3.0), (
        "the automatic range of the picture on the screen"
    )


def test_names_are_free_and_protected(tmp_path: Path) -> None:
    first = plan_export(settings(tmp_path), DOC, INFO, {})
    first.out.write_bytes(b"")
    second = plan_export(settings(tmp_path), DOC, INFO, {})
    assert second.out.name == "blob-demo-seed0-2.png" and not second.why_not
    third = plan_export(settings(tmp_path), DOC, INFO, {}, frozenset({str(second.out)}))
    assert third.out.name == "blob-demo-seed0-3.png"
    (tmp_path / "mine.depth.png").write_bytes(b"")
    named = settings(tmp_path, name="mine", channels=("rgb", "depth"))
    assert "mine.depth.png already" in plan_export(named, DOC, INFO, {}).why_not
    assert plan_export(named.replace(overwrite=True), DOC, INFO, {}).why_not == ""
    assert "no folder" in plan_export(settings(tmp_path / "none"), DOC, INFO, {}).why_not


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"kind": "walk", "walk": "3"}, "two seeds"), ({"kind": "walk", "walk": "5-3"}, "two seeds"), ({"kind": "walk", "walk": ""}, "two"),
        ({"kind": "sheet", "seeds": "0-9999"}, "4096"), ({"kind": "sheet", "yaws": "a"}, "numbers"),
        ({"kind": "sheet", "seeds": "4-2"}, "Seeds"),
    ],
)  # fmt: skip
def test_what_cannot_start_says_why(tmp_path: Path, changes: dict[str, object], word: str) -> None:
    assert word in plan_export(settings(tmp_path, **changes), DOC, INFO, {}).why_not
    no_latent = INFO.replace(z_dim=0)
    good = {k: v for k, v in changes.items() if k == "kind"}
    assert plan_export(settings(tmp_path, **good), DOC, INFO, {}).why_not == ""
    assert "no latent" in plan_export(settings(tmp_path, **good), DOC, no_latent, {}).why_not


def test_counts() -> None:
    assert (count_seeds("0-3,7"), count_seeds(" 2 "), count_seeds("4-2")) == (5, 1, 0)
    assert cells_of(ExportSettings(seeds="0-3,7", yaws="-0.4, 0,.4")) == 15


def test_videos_and_sheets_are_their_commands(tmp_path: Path) -> None:
    video = plan_export(
        settings(tmp_path, kind="walk", walk="0-3, 7", motion="turn", frames=12, fps=24.0), DOC, INFO, {}
    )
    assert video.out.suffix == ".mp4"
    assert video.options == ("--walk", "0-3,7", "--motion", "turn", "--frames", "12", "--fps", "24")
    sheet = plan_export(
        settings(tmp_path, kind="sheet", channels=("depth", "rgb"), yaws="-0.3, 0.3", seeds="1,2"),
        DOC,
        INFO,
        {},
    )
    assert sheet.record.request.channels == ("depth",) and sheet.files == (sheet.out,)
    options = parse(SheetOptions, sheet.arguments(tmp_path / "r.json")[1:], "sheet", "")
    assert (options.seeds, options.yaws, options.size) == ("1,2", "-0.3,0.3", 192)


def test_the_typed_command_is_short_and_keeps_chosen_colours(tmp_path: Path) -> None:
    doc = DOC.replace(camera=DOC.camera.replace(yaw=0.25))
    plan = plan_export(settings(tmp_path, size=256, name="a"), doc, INFO, {})
    words = typed_command(plan, INFO, doc, "v.json").words
    assert words == (
        "render",
        "blob:demo",
        "--out",
        str(tmp_path / "a.png"),
        "--size",
        "256",
        "--yaw",
        "0.25",
    )
    own = DOC.replace(sampler=SamplerSpec(low_budget=4, high_budget=8))
    words = typed_command(plan_export(settings(tmp_path, name="a"), own, INFO, {}), INFO, own, "v.json").words
    assert json.loads(words[5]) == {"sampler": {"low_budget": 4, "high_budget": 8}}
    depth = INFO.channels[1]
    mapped = DOC.replace(
        view=DOC.view.with_channel_view(DOC.view.of("depth", depth).replace(colormap="magma"))
    )
    plan = plan_export(settings(tmp_path, channels=("depth",), name="a"), mapped, INFO, DEPTH)
    command = typed_command(plan, INFO, mapped, "v.json")
    assert command.words[:3] == ("render", "--request", "v.json")
    assert RenderRecord.model_validate_json(command.file_text).display[0].colormap == "magma"
    sheet = typed_command(
        plan_export(settings(tmp_path, kind="sheet", name="s"), DOC, INFO, {}), INFO, DOC, "v.json"
    )
    assert sheet.words.count("--size") == 1


def test_a_quick_picture_goes_to_the_last_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, ...]] = []

    def start(self: Tasks, kind: str, title: str, arguments: tuple[str, ...], *rest: object) -> str:
        begun.append(arguments)
        return "id"

    monkeypatch.setattr(Tasks, "start", start)
    exports, tasks = Exports(str(tmp_path)), Tasks(tmp_path / "tasks")
    doc = DOC.replace(view=DOC.view.with_channel("normal"))
    said = exports.quick(doc, INFO, 300, {}, tasks)
    assert said == f"Saving blob-demo-seed0.png in {tmp_path}"
    record = RenderRecord.model_validate_json(Path(begun[0][2]).read_text())
    assert record.request.channels == ("normal",) and record.request.width == 300
    assert "open" in exports.quick(doc, None, 300, {}, tasks)
    exports.settings = exports.settings.replace(folder=str(tmp_path / "gone"))
    assert "no folder" in exports.quick(doc, INFO, 300, {}, tasks) and len(begun) == 1


def test_a_picture_reaches_the_clipboard_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("the other desktops have tools of their own")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clipboard.clipboard_tool() is None
    fake = tmp_path / "xclip"
    fake.write_text(f'#!/bin/sh\n/bin/cat > {tmp_path}/got.png\necho "$@" > {tmp_path}/words\n')
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    tool = clipboard.clipboard_tool()
    assert tool is not None
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    clipboard.copy_picture(pixels, tool).join(10)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "got.png")), pixels)
    assert "image/png" in (tmp_path / "words").read_text()


def test_a_figure_has_checkpoints_and_channels(tmp_path: Path) -> None:
    settings = ExportSettings(
        kind="sheet", folder=str(tmp_path), rows="checkpoints", checkpoints="a.safetensors, b.safetensors",
        column="channel", maps="rgb, depth", paper=".pdf", scale_bar=True,
    )  # fmt: skip
    plan = plan_export(settings, Document.defaults_from(blob_info("blob:demo")), blob_info("blob:demo"), {})
    assert plan.why_not == "" and plan.out.suffix == ".pdf" and cells_of(settings) == 4
    words = plan.arguments(Path("r.json"))
    assert words[words.index("--checkpoints") + 1] == "a.safetensors,b.safetensors"
    assert "--channels=rgb,depth" in words and "--scale-bar" in words
    wrong = plan_export(settings.replace(maps="rgb,,depth"), Document(), blob_info("blob:demo"), {})
    assert "columns" in wrong.why_not
    assert cells_of(settings.replace(column="view", views="0:0,0.4:0.1")) == 4


def test_report_metrics_and_fit_are_commands_of_their_own(tmp_path: Path) -> None:
    info = blob_info("blob:demo")
    doc = Document.defaults_from(info)
    doc = doc.replace(camera=doc.camera.replace(yaw=0.25))
    report = plan_export(ExportSettings(kind="report", folder=str(tmp_path)), doc, info, {})
    words = report.arguments(Path("r.json"))
    assert words[:2] == ("samplers", "blob:demo") and words[words.index("--yaw") + 1] == "0.25"
    assert words[words.index("--size") + 1] == "256" and report.why_not == ""
    metrics = ExportSettings(kind="metrics", folder=str(tmp_path), data=str(tmp_path / "nowhere"))
    assert "real images" in plan_export(metrics, doc, info, {}).why_not
    found = plan_export(metrics.replace(data=str(tmp_path)), doc, info, {})
    assert found.why_not == "" and found.arguments(Path("r"))[:4] == (
        "metrics",
        "blob:demo",
        "--data",
        str(tmp_path),
    )
    fit = plan_export(ExportSettings(kind="fit", folder=str(tmp_path), steps=50), doc, info, {})
    assert fit.arguments(Path("r")) == ("fit", "--out", str(fit.out), "--steps=50")
