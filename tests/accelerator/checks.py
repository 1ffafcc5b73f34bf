"""What triscope does on an accelerator, done on the processor and on a pretended one, and compared.

`python -m tests.accelerator.checks` prints one JSON line per check: its name, `error` or the difference of what came out, and
where the device was waited for. It is a process of its own, since torch cannot forget a device.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core_model.checkpoints.layout import read_header
from core_model.checkpoints.locate import resolve
from core_model.checkpoints.store import save_checkpoint
from core_model.families import FAMILIES
from core_model.inversion.camera import FreeCamera
from core_model.inversion.likeness import Likeness
from core_model.inversion.stages import LatentStage, Search, TuneStage
from core_model.inversion.start import latent_space
from core_model.queries import QuerySession
from core_model.queries.registry import answer
from core_model.schema.inversion import InvertConfig
from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MeshRequest
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.question_mesh import FieldHistogramQuestion, MeshPreviewQuestion
from core_model.schema.question_planes import PlanesQuestion, SectionQuestion
from core_model.schema.question_volume import RayVolumeQuestion
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.training.gan.run import run_training
from tests.accelerator.pretended import NAME, Device, install
from tests.contracts.tiny_checkpoint import save_tiny
from tests.train.gan_data import tiny_of
from tests.unit.families import test_epigraf, test_mimic3d
from tests.unit.families.foreign_nets import Net, eg3d_state, native
from tests.unit.inversion.generators import KWARGS, MODELS, camera

Arrays = dict[str, np.ndarray]
Check = Callable[[str], Arrays]
SIZE = 24


def checkpoints(folder: Path) -> dict[str, str]:
    """A tiny stored network of each family."""
    nets = {
        "eg3d": Net(
            "TriPlaneGenerator",
            eg3d_state(),
            {"rendering_kwargs": KWARGS},
            {"neural_rendering_resolution": 8},
        ),
        "mimic3d": test_mimic3d.net(),
        "epigraf": test_epigraf.net(),
    }
    found = {"wysiwyg": save_tiny(folder / "wysiwyg.safetensors")}
    for family, net in nets.items():
        found[family] = str(save_checkpoint(folder / f"{family}.safetensors", *native(family, net)))
    return found


def picture(path: str, sampler: str, **changes: Any) -> Check:
    """A picture by a sampler, with the channels that the family has."""

    def run(device: str) -> Arrays:
        session = QuerySession(device=device, threads=1)
        info = session.open(path)
        channels = tuple(
            c.name for c in info.channels if c.name in ("rgb", "normal", "depth", "opacity", "samples")
        )
        request = RenderRequest(
            checkpoint=path, latent=LatentSpec.of_seed(1), camera=info.header.camera.default.replace(yaw=0.2),
            width=SIZE, height=SIZE, sampler=SamplerSpec(name=sampler), channels=channels,
        ).replace(**changes)  # fmt: skip
        frame = session.render(request)
        if frame.result.error is not None:
            raise RuntimeError(f"{frame.result.error.message}\n{frame.result.error.detail}")
        return dict(frame.arrays)

    return run


def asked(path: str, question: Any) -> Check:
    """The arrays of an answer."""

    def run(device: str) -> Arrays:
        session = QuerySession(device=device, threads=1)
        session.open(path)
        return dict(answer(session, question, lambda: False).arrays)

    return run


def inverted(family: str) -> Check:
    """Three steps of each stage of an inversion."""

    def run(device: str) -> Arrays:
        cfg = InvertConfig(size=16, latent_steps=3, tune_steps=3, average_samples=64, refresh=2)
        model, make = MODELS[family](), FAMILIES.get(family).painter
        assert make is not None
        place = torch.device(NAME, 0) if device == NAME else torch.device("cpu")
        model.module = model.module.to(place)
        if family == "wysiwyg":
            width = model.sizes.c_dim
            model.label = lambda latent: torch.zeros(1, width, device=place) if width else None
        likeness = Likeness.of(cfg, torch.full((1, 3, 16, 16), 0.4).to(place), None, {})
        start = camera(family)
        search = Search.begin(
            cfg, model, make(model), likeness, FreeCamera(start).to(place), latent_space(model, start, 64)
        )
        losses = []
        for stage in (LatentStage(search), TuneStage(search)):
            losses += [stage.advance()["loss"] for _ in range(3)]
        return {"loss": np.asarray(losses)}

    return run


def trained(recipe: str, folder: Path) -> Check:
    """Four steps of a recipe, with every phase: the weights that come out."""

    def run(device: str) -> Arrays:
        cfg = tiny_of(recipe, folder / f"{recipe}-set", images=8)
        cfg = cfg.replace(output=cfg.output.replace(tick_images=8, snapshot_ticks=1))
        out = folder / f"{recipe}-{device}"
        assert run_training(out, cfg, device=device) == "finished"
        (snapshot,) = [
            p for p in (out / "snapshots").glob("*.safetensors") if p.suffixes == [".safetensors"]
        ][-1:]
        from safetensors.numpy import load_file

        read_header(snapshot)
        return load_file(snapshot)

    return run


def all_checks(folder: Path) -> Iterator[tuple[str, Check]]:
    paths = checkpoints(folder)
    for family, path in paths.items():
        info = QuerySession(device="cpu", threads=1).open(path)
        for sampler in info.samplers:
            # which rays of a network of noise are the hardest is a draw among equals: the demo shows the learned sampler
            if sampler.available and sampler.name not in ("surface", "learned"):
                yield f"picture {family} {sampler.name}", picture(path, sampler.name)
        yield f"bf16 {family}", picture(path, "uniform", precision="bf16")
        yield f"bake {family}", asked(path, BakeQuestion(checkpoint=path, level=64))
        yield f"section {family}", asked(path, SectionQuestion(checkpoint=path, size=16))
        yield f"histogram {family}", asked(path, FieldHistogramQuestion(checkpoint=path, nodes=8))
        yield (
            f"mesh {family}",
            asked(
                path,
                MeshPreviewQuestion(checkpoint=path, request=MeshRequest(checkpoint=path, resolution=32)),
            ),
        )
        yield f"inversion {family}", inverted(family)
    yield "picture demo learned", picture(resolve("demo"), "learned")
    yield "planes", asked(paths["wysiwyg"], PlanesQuestion(checkpoint=paths["wysiwyg"]))
    yield "volume", asked(paths["wysiwyg"], RayVolumeQuestion(checkpoint=paths["wysiwyg"]))
    for recipe in ("wysiwyg", "eg3d", "epigraf", "mimic3d"):
        yield f"training {recipe}", trained(recipe, folder)


def difference(a: Arrays, b: Arrays) -> float:
    """Mean difference relative to each array's largest entry (samples at a step of a distribution may fall on either side); infinite
    where names or shapes differ.
    """
    if a.keys() != b.keys() or any(a[k].shape != b[k].shape for k in a):
        return float("inf")
    worst = 0.0
    for name in a:
        x, y = (np.nan_to_num(v.astype(np.float64), posinf=1e6, neginf=-1e6) for v in (a[name], b[name]))
        worst = max(worst, float(np.abs(x - y).mean() / max(np.abs(x).max(), 1e-6)) if x.size else 0.0)
    return worst


def main() -> None:
    chosen = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for name, check in all_checks(Path(folder)):
            if chosen and not any(name.startswith(word) for word in chosen):
                continue
            row: dict[str, Any] = {"name": name}
            try:
                plain = check("cpu")
                with Device() as device:
                    found = check(NAME)
                row |= {"off": difference(plain, found), "waits": dict(device.waits)}
            except Exception as error:  # the row says what failed; the others go on
                import traceback

                text = [x for x in traceback.format_exc().splitlines() if "registered at" not in x]
                row["error"] = f"{type(error).__name__}: {error}"[:300]
                row["trace"] = "\n".join(text)[-3000:]
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    install()
    main()
