"""How close triscope's training phases are to those of EG3D, EpiGRAF and Mimic3D.

python -m benchmarks.training_parity FILE.npz

FILE holds what one of the three programs computed for tiny networks: weights, inputs, every random number, and
the results. The networks are rebuilt from the weights, the phases that triscope's recipes train with run on
the same numbers, and each recorded result is printed with the largest difference, relative to the array's
largest entry. Exit status 1 where a difference exceeds 1e-3 or a result could not be compared (it is listed
with the reason), 2 for a file that cannot be read.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.parity.recording import INPUT_PREFIXES, LIMIT, Recording, Table
from core_model.schema.errors import InputError

PROGRAMS = {"eg3d": "Eg3dComparison", "epigraf": "EpigrafComparison", "mimic3d": "Mimic3dComparison"}


def compare(path: Path) -> Table:
    """Everything that the file holds against triscope; raises InputError for a file that is no recording."""
    recording = Recording.read(path)
    program = str(recording.meta["codebase"]).lower()
    if program not in PROGRAMS:
        raise InputError(
            what="recording of an unknown program",
            where=str(path),
            expected=", ".join(PROGRAMS),
            got=program[:40],
        )
    module = importlib.import_module(f"benchmarks.parity.{program}")
    table: Table = getattr(module, PROGRAMS[program])(recording).run()
    return table


def report(table: Table) -> int:
    """Prints the table; the exit status."""
    arrays = table.recording.arrays
    width = max((len(row.name) for row in table.rows), default=20)
    for row in table.rows:
        mark = "" if row.ok else "  ABOVE THE LIMIT"
        note = f"  ({row.note})" if row.note else ""
        print(f"{row.name:{width}}  {row.error:9.2e}{mark}{note}")
    missing = table.missing()
    for name, reason in missing:
        print(f"{name:{width}}  not compared: {reason}")
    for name, what in table.inputs.items():
        print(f"{name:{width}}  input: {what}")
    inputs = [n for n in arrays if n.startswith(INPUT_PREFIXES)]
    for prefix in sorted({n.split("/", 1)[0] for n in inputs}):
        count = sum(n.startswith(prefix + "/") for n in inputs)
        print(f"{prefix + '/':{width}}  {count} arrays are inputs")
    above = [row for row in table.rows if not row.ok]
    worst = max((row.error for row in table.rows), default=0.0)
    print(
        f"{len(table.rows)} compared, largest difference {worst:.2e}; {len(above)} above {LIMIT:g},"
        f" {len(missing)} not compared"
    )
    return 1 if above or missing or not table.rows else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, metavar="FILE.npz")
    try:
        return report(compare(parser.parse_args().file))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
