"""The parts of `python -m benchmarks.gpu` on the pretended accelerator, with the smallest networks.

`python -m tests.accelerator.gpu_bench [PART …]` prints one JSON line per part: its figures, or `error`. A process of its own, as
`checks` is.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from typing import Any

import torch

from benchmarks.gpu.__main__ import PARTS
from benchmarks.running import Settings
from tests.accelerator.pretended import Device, install


def main() -> None:
    chosen = sys.argv[1:]
    for name, _, small, _ in PARTS:
        if chosen and name not in chosen:
            continue
        row: dict[str, Any] = {"name": name}
        try:
            body = importlib.import_module(f"benchmarks.gpu.{name}").body
            with Device():
                found = body(Settings(checkpoint="", threads=1, quick=True, device="auto", preset=small))
            row["figures"] = {m.name: m.value for m in found.measures}
        except Exception as error:  # the row says what failed; the others go on
            text = [x for x in traceback.format_exc().splitlines() if "registered at" not in x]
            row |= {"error": f"{type(error).__name__}: {error}"[:300], "trace": "\n".join(text)[-3000:]}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    install()
    main()
