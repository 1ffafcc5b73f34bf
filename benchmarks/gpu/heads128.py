"""Trains the preset `heads128` for some minutes and packs what a later machine needs to go on.

For GPUs that are available for minutes only.

    python -m benchmarks.gpu.heads128 --run RUN --minutes 8 --pack OUT [--from FOLDER] [--device auto]
        [--count 8000] [--quick]

RUN is an ordinary run directory (`triscope monitor RUN`). --pack writes the newest resume state in pieces of
15 MiB, the settings, the records and the newest snapshot; --from takes such a folder and goes on where it
stopped. The data set is made first where RUN's neighbour heads128.zip is missing: the same bytes on every
machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from benchmarks.gpu.random_model import needs_device
from core_model.schema.errors import InputError

PIECE = 15 * 2**20
RECORDS = ("config.json", "run.json", "stats.jsonl", "metrics.jsonl", "log.txt")


def main(arguments: list[str]) -> int:
    """Exit status: 0 also where the time was over before the training was."""
    options = _parser().parse_args(arguments)
    try:
        return train(options)
    except InputError as error:
        print(f"gpu_heads128: {error}", file=sys.stderr)
        return error.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks.gpu.heads128", description="Train heads128 for some minutes"
    )
    parser.add_argument("--run", type=Path, default=Path("runs/heads128"), help="run directory")
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="time of the training, without the data set's"
    )
    parser.add_argument(
        "--pack", type=Path, default=None, help="folder for state pieces, records and snapshot"
    )
    parser.add_argument("--from", type=Path, default=None, dest="source", help="folder that --pack wrote")
    parser.add_argument("--device", default="auto", help="auto = the accelerator; cuda:N, xpu, mps or cpu")
    parser.add_argument("--count", type=int, default=8000, help="heads of the data set, each also mirrored")
    parser.add_argument(
        "--quick", action="store_true", help="preset smoke and a few images: tests the script"
    )
    return parser


def train(options: argparse.Namespace) -> int:
    """One stretch of training.

    Prints a line of JSON with steps, images, img/s and the distances to the data.
    """
    needs_device(options.device)
    from core_model.data.heads_dataset import write_heads_dataset
    from core_model.schema.overrides import apply_overrides
    from core_model.schema.train_presets import PRESETS
    from core_model.training.gan.run import resumed_config, run_training

    preset = PRESETS.get("smoke" if options.quick else "heads128")
    run, data = options.run, options.run.with_name("heads128.zip")
    if not data.is_file():
        write_heads_dataset(data, 16 if options.quick else options.count, preset.data.resolution, depth=False)
    if options.source is not None and not (run / "config.json").exists():
        unpack(options.source, run)
    resume = (run / "config.json").exists()
    changes = [("data.path", str(data.absolute())), ("output.tensorboard", "false")]
    cfg = resumed_config(run, changes) if resume else apply_overrides(preset, changes)
    timer = threading.Timer(
        60.0 * options.minutes, os.kill, (os.getpid(), signal.SIGTERM)
    )  # asks the trainer for a clean stop
    timer.daemon = True
    timer.start()
    started = time.perf_counter()
    state = run_training(run, cfg, resume=resume, device=options.device, command=["benchmarks.gpu.heads128"])
    timer.cancel()
    record = json.loads((run / "run.json").read_text())
    if options.pack is not None:
        pack(run, options.pack)
    print(json.dumps({
        "state": state, "step": record["step"], "images": record["images"], "of": cfg.images, "seconds": time.perf_counter() - started,
        "images_s": (record["last_tick"] or {}).get("speed", {}).get("images_s"), "best": record["best"],
    }))  # fmt: skip
    return 0


def pack(run: Path, folder: Path) -> None:
    """The newest state in pieces, its snapshot and the records.

    A folder that held others is emptied of pieces first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.piece*"):
        old.unlink()
    state = max((run / "snapshots").glob("[0-9]*.state.safetensors"))
    with open(state, "rb") as file:
        for number, part in enumerate(iter(lambda: file.read(PIECE), b"")):
            (folder / f"{state.name}.piece{number:02d}").write_bytes(part)
    for path in (*(run / name for name in RECORDS), run / "snapshots" / state.name.replace(".state", "")):
        if path.is_file():
            shutil.copy2(path, folder / path.name)


def unpack(folder: Path, run: Path) -> None:
    """A run directory that can be resumed from what `pack` wrote.

    Raises InputError where pieces are missing.
    """
    pieces = sorted(folder.glob("*.piece[0-9][0-9]"))
    names = {p.name.rsplit(".piece", 1)[0] for p in pieces}
    if len(names) != 1 or [p.name[-2:] for p in pieces] != [f"{i:02d}" for i in range(len(pieces))]:
        raise InputError(
            what="nothing to go on from",
            where=str(folder),
            expected="the pieces of one state",
            got=f"{len(pieces)} pieces",
        )
    (run / "snapshots").mkdir(parents=True, exist_ok=True)
    with open(run / "snapshots" / names.pop(), "wb") as file:
        for piece in pieces:
            file.write(piece.read_bytes())
    for name in RECORDS:
        if (folder / name).is_file():
            shutil.copy2(folder / name, run / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
