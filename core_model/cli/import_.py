"""`triscope import SOURCE OUT.safetensors`: a native checkpoint from another program's file, which is never
run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from core_model.checkpoints.locate import newest_snapshot
from core_model.cli.files import check_output
from core_model.cli.parse import parse
from core_model.schema.home import expanded

SUMMARY = "Make a native checkpoint of an EG3D, EpiGRAF or Mimic3D file; nothing in the file is run."


@dataclass(frozen=True)
class ImportOptions:
    source: Annotated[Path, Positional, arg(metavar="SOURCE")]
    """network-snapshot-NNNNNN.pkl, a run folder of them (the newest), or a .pt with a state dict"""
    out: Annotated[Path, Positional, arg(metavar="OUT.safetensors")]
    """the native checkpoint"""


def main(args: list[str]) -> None:
    options = parse(ImportOptions, args, "import", SUMMARY)
    check_output(options.out, (".safetensors",), option="OUT")
    from core_model.checkpoints.importing import save_source

    started = time.perf_counter()
    source = expanded(options.source)
    foreign = save_source(newest_snapshot(source) if source.is_dir() else source, options.out)
    network, stored = foreign.network, foreign.stored
    values = sum(entry.numel for entry in stored.tensors.values())
    name = " ".join(x for x in (network.network, network.class_name) if x) or "state dict"
    print(f"{options.source}: {network.family}, {name}")
    print(
        f"{options.out}: {len(stored.tensors)} tensors, {values:,} values, {time.perf_counter() - started:.1f} s"
    )
