"""A photograph into a checkpoint's latent, camera and weights: `triscope invert` from Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core_model.api.runs import Run, read_run
from core_model.checkpoints.codes import read_code
from core_model.cli.invert import new_inversion
from core_model.schema.inversion import CodeHeader
from core_model.training.invert.run import run_invert


@dataclass(frozen=True)
class Inversion:
    """How an inversion ended. code: the file that opens wherever a checkpoint does. about: its camera, likeness, steps."""

    code: Path
    about: CodeHeader = field(repr=False)
    run: Run = field(repr=False)

    def _repr_png_(self) -> bytes | None:
        return self.run._repr_png_()


def invert(
    photo: str | Path,
    checkpoint: str | Path,
    out: str | Path,
    *,
    points: Sequence[float] | None = None,
    label: str | Path | None = None,
    face: int | str = 1,
    progress: Callable[[str, float], None] = lambda stage, fraction: None,
    **settings: Any,
) -> Inversion:
    """Find the code with which a checkpoint shows a photograph (WYSIWYG, A2.3) in the new run directory `out`.

    points: x, y of left eye, right eye, nose tip, left and right mouth corner, pixels of the photograph upright; label: file
    of an EG3D label; without either, the largest face that is found, or the `face`-th largest; face="none": the middle square
    from the frontal camera. settings: of `triscope invert`
    (latent_steps, tune_steps, size …). Raises InputError.
    """
    words = {} if points is None else {"points": ",".join(f"{float(p):g}" for p in points)}
    words |= {} if label is None else {"label": str(label)}
    if not words:
        words["face"] = str(face)
    changes = [(name, str(value)) for name, value in settings.items()]
    cfg, portrait = new_inversion(Path(photo), str(checkpoint), words, changes)
    _, code = run_invert(Path(out), cfg, portrait, told=progress)
    return Inversion(code, read_code(code).header, read_run(out))
