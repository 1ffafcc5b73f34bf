"""Inversion of pictures whose answer is known: heads of the generator itself, data-set heads outside it, a photograph.

`python -m benchmarks.inversion [--own 8] [--outside 8] [--astronaut] [--size 128] [--out results/inversion.json]`. Own heads start
from a camera that is 5° off. Every row is a whole run as `triscope invert` makes it: PSNR at the end of both stages, the error
of the camera and of w, and for data-set heads the chamfer distance and normal error before and after tuning.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core_model.checkpoints.codes import read_code
from core_model.checkpoints.locate import resolve
from core_model.data.headpack.assembly import assemble
from core_model.data.headpack.truth import HeadTruth
from core_model.data.photos import Photo
from core_model.inversion.camera import angle_between
from core_model.inversion.start import latent_space
from core_model.schema.atomic import write_atomic
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.conventions import HEAD_HEIGHT
from core_model.schema.export import best_sampler
from core_model.schema.inversion import InvertConfig
from core_model.schema.latent import LatentSpec
from core_model.schema.overrides import apply_overrides
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from core_model.training.fit.latent import head_of_z, latent_z
from core_model.training.fit.pictures import FIRST_UNSEEN, true_picture, unseen_camera
from core_model.training.fit.scores import head_distance, level_set
from core_model.training.invert.portraits import portrait_of_photo
from core_model.training.invert.run import Portrait, run_invert

OFF = 5.0
"""Degrees by which the camera of own heads is off at the start."""
FIRST_OWN = 40_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="demo")
    parser.add_argument("--own", type=int, default=8)
    parser.add_argument("--outside", type=int, default=8)
    parser.add_argument("--astronaut", action="store_true")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "inversion.json")
    parser.add_argument("--keep", type=Path, help="folder for the run directories, to look at")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="settings of the runs"
    )
    options = parser.parse_args()
    changes = [tuple(text.split("=", 1)) for text in options.set]
    cfg = apply_overrides(InvertConfig(), changes, "--set")  # type: ignore[arg-type]
    cfg = cfg.replace(checkpoint=resolve(options.checkpoint), size=options.size)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = options.keep or Path(folder)
        work = [("own", i) for i in range(options.own)] + [("outside", i) for i in range(options.outside)]
        work += [("astronaut", 0)] * options.astronaut
        for kind, i in work:
            rows.append(_ROWS[kind](cfg, place / f"{kind}{i}", i))
            print(json.dumps(rows[-1]), flush=True)
            write_atomic(options.out, (json.dumps(_document(rows, cfg, options), indent=1) + "\n").encode())


def _document(rows: list[dict[str, Any]], cfg: InvertConfig, options: argparse.Namespace) -> dict[str, Any]:
    means: dict[str, float] = {}
    for kind in ("own", "outside"):
        found = [row for row in rows if row["kind"] == kind]
        for name in found[0] if found else ():
            if name not in ("kind", "seed"):
                means[f"{kind}/{name}"] = statistics.mean(row[name] for row in found)
    return {
        "what": "inversion", "size": options.size, "settings": options.set, "threads": torch.get_num_threads(),
        "aims": {"own/psnr": 32.0, "own/camera_deg": 1.0, "outside/psnr": 26.0, "seconds": 300.0},
        "means": means, "rows": rows,
    }  # fmt: skip


def _run(cfg: InvertConfig, out: Path, photo: Photo, camera: MatrixCamera, name: str) -> dict[str, float]:
    started = time.perf_counter()
    run_invert(out, cfg, Portrait(photo, camera, name))
    took = time.perf_counter() - started
    before, after = _codes(out)
    return {"psnr_latent": before.header.psnr or 0.0, "psnr": after.header.psnr or 0.0, "seconds": took}


def _codes(out: Path) -> tuple[Any, Any]:
    """The codes at the end of the first stage and of the second."""
    cfg = InvertConfig.model_validate_json((out / "config.json").read_bytes())
    return read_code(out / "snapshots" / f"{cfg.latent_total:06d}.safetensors"), read_code(
        out / "code.safetensors"
    )


def _own(cfg: InvertConfig, out: Path, i: int) -> dict[str, Any]:
    seed, session = FIRST_OWN + i, RenderSession("cpu")
    info = session.open(cfg.checkpoint)
    pose = unseen_camera(seed)
    true = MatrixCamera.from_label(label25(pose))
    latent = LatentSpec.of_seed(seed, psi=0.7, cutoff=None)
    frame = session.render(
        RenderRequest(
            checkpoint=cfg.checkpoint, latent=latent, camera=pose, width=cfg.size, height=cfg.size,
            sampler=SamplerSpec(name=best_sampler(info)), channels=("rgb",),
        )
    )  # fmt: skip
    turn = np.random.RandomState(seed).randn(2)
    turn *= np.radians(OFF) / np.linalg.norm(turn)
    start = MatrixCamera.from_label(
        label25(OrbitPose(yaw=pose.yaw + turn[0] / np.cos(pose.pitch), pitch=pose.pitch + turn[1]))
    )
    found = _run(cfg, out, _photo(frame.arrays["rgb"]), start, f"seed {seed}")
    before, after = _codes(out)
    assert frame.w is not None
    mean = latent_space(session.model_of(cfg.checkpoint), start, cfg.average_samples).mean.numpy()
    error = lambda code: float(np.linalg.norm(code.w - frame.w) / np.linalg.norm(frame.w - mean))
    return {
        "kind": "own", "seed": seed, **found, "start_deg": angle_between(start, true),
        "camera_latent_deg": angle_between(before.camera, true), "camera_deg": angle_between(after.camera, true),
        "w_error": error(after),
    }  # fmt: skip


def _outside(cfg: InvertConfig, out: Path, i: int) -> dict[str, Any]:
    seed, session = FIRST_UNSEEN + 500 + i, RenderSession("cpu")
    info = session.open(cfg.checkpoint)
    box, pose = info.header.conventions.box, unseen_camera(seed)
    truth = HeadTruth(assemble(head_of_z(latent_z(seed, info.z_dim))))
    rgb, normal, mask = true_picture(truth, pose, 2 * cfg.size, box)
    found = _run(cfg, out, _photo(rgb), MatrixCamera.from_label(label25(pose)), f"head {seed}")
    row: dict[str, Any] = {"kind": "outside", "seed": seed, **found}
    codes = _codes(out)
    for name, code in (("before", codes[0]), ("after", codes[1])):
        request = RenderRequest(
            checkpoint=str(code.path), latent=code.latent, camera=pose, width=2 * cfg.size, height=2 * cfg.size,
            sampler=SamplerSpec(name=best_sampler(info)), channels=("normal",),
        )  # fmt: skip
        own = session.render(request).arrays["normal"]
        both = mask & np.isfinite(own).all(axis=0)
        cosine = (own * normal).sum(axis=0)[both] / np.maximum(np.linalg.norm(normal, axis=0)[both], 1e-6)
        row[f"normal_{name}_deg"] = float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))))
        with torch.no_grad():
            field = session.field_of(request)
            level = level_set(lambda p, field=field: field.geometry(p).sdf, 0.96 * box)
        row[f"chamfer_{name}_percent"] = 100.0 * head_distance(level, truth, 0.96 * box, seed) / HEAD_HEIGHT
    return row


def _astronaut(cfg: InvertConfig, out: Path, i: int) -> dict[str, Any]:
    """NASA's portrait that scikit-image ships, by five points set by hand; no answer is known, the picture alone counts."""
    from skimage.data import astronaut

    photo = Photo(np.asarray(astronaut(), np.float32) / 255.0, None)
    found = portrait_of_photo(photo, cfg.checkpoint, "astronaut").portrait
    return {"kind": "astronaut", "seed": i} | _run(cfg, out, found.photo, found.camera, "astronaut")


def _photo(rgb: np.ndarray) -> Photo:
    """Of a picture [3, S, S]."""
    return Photo(np.ascontiguousarray(rgb.transpose(1, 2, 0).clip(0, 1)), None)


_ROWS = {"own": _own, "outside": _outside, "astronaut": _astronaut}

if __name__ == "__main__":
    main()
