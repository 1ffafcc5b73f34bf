"""From the panel's settings to the export's command: files, batches, and what stands in the way."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core_model.schema.atomic import write_atomic, write_json
from core_model.schema.home import expanded, home
from core_model.schema.latent import LatentSpec, SeedWeight
from core_model.schema.mesh import MESH_SUFFIXES, MeshRequest
from core_model.schema.seeds import seeds_in
from viewer.gl.mesh_arrays import DISPLAY_FILE
from viewer.state.latent_blend import mixed

REQUEST_FILE, LATENTS_FILE = "request.json", "latents.json"
MOST_MESHES = 1000
BatchKind = Literal["one", "seeds", "between", "path", "file"]


@dataclass(frozen=True)
class Batch:
    """Which heads are exported.

    The present one, seeds `A-B,C`, steps from the present head to seed `to`, the keys of the camera path, or
    a JSON file with a list of LatentSpec.
    """

    kind: BatchKind = "one"
    seeds: str = "0-3"
    to: int = 1
    steps: int = 5
    file: str = ""


@dataclass(frozen=True)
class Outputs:
    """files: what will be written, first to last.

    latents: None = the present one, or those of `--seeds`. why_not: what is wrong.
    """

    files: tuple[Path, ...] = ()
    latents: tuple[LatentSpec, ...] | None = None
    why_not: str = ""

    @property
    def existing(self) -> tuple[Path, ...]:
        return tuple(f for f in self.files if f.exists())


def default_folder() -> Path:
    """The user's Downloads where there are any, else the working folder, else home."""
    downloads = home() / "Downloads"
    here = Path.cwd()
    return downloads if downloads.is_dir() else here if os.access(here, os.W_OK) else home()


def default_name(checkpoint: str, latent: LatentSpec, suffix: str) -> str:
    """`demo-seed-12.glb`."""
    stem = (
        checkpoint.removeprefix("analytic:").removeprefix("blob:")
        if ":" in checkpoint
        else Path(checkpoint).stem
    )
    plain = latent.z is None and latent.w is None and len(latent.seeds) == 1
    which = (
        f"seed-{latent.seeds[0].seed}"
        if plain
        else "blend"
        if latent.w is None and latent.z is None
        else "own"
    )
    return f"{stem or 'mesh'}-{which}{suffix}"


def between(latent: LatentSpec, seed: int, steps: int) -> tuple[LatentSpec, ...] | str:
    """Blends in w from the present head (first) to `seed` (last)."""
    if latent.z is not None or latent.w is not None:
        return "The present head is a w or z of its own: only seeds can be blended here"
    goal = (SeedWeight(seed=seed),)
    shares = [i / (steps - 1) for i in range(steps)]
    return tuple(
        latent.replace(seeds=mixed(tuple(p for p in ((latent.seeds, 1.0 - t), (goal, t)) if p[1])))
        for t in shares
    )


def latents_in(path: str) -> tuple[LatentSpec, ...] | str:
    """The LatentSpecs of a JSON list, or what is wrong with it."""
    if not path:
        return "Type the path of a JSON file with a list of latents"
    try:
        entries = json.loads(expanded(path).read_bytes())
        found = tuple(LatentSpec.model_validate(entry) for entry in entries)
    except OSError as error:
        return error.strerror or str(error)
    except (ValueError, TypeError) as error:
        return f"Not a list of latents: {str(error).splitlines()[0]}"
    return found if 0 < len(found) <= MOST_MESHES else f"A list of 1 to {MOST_MESHES} latents"


def outputs(path: str, batch: Batch, latent: LatentSpec, keys: tuple[LatentSpec, ...] = ()) -> Outputs:
    """What an export to `path` writes; keys: latents of the camera path's keys."""
    out = expanded(path)
    if why_not := _bad_path(path, out):
        return Outputs(why_not=why_not)
    if batch.kind == "one":
        return Outputs((out,))
    if batch.kind == "seeds":
        try:
            seeds = seeds_in(batch.seeds, MOST_MESHES)
        except ValueError as error:
            return Outputs(why_not=f"Type {error}")
        return Outputs(tuple(out.with_name(f"{out.stem}.{seed}{out.suffix}") for seed in seeds))
    if batch.kind == "between":
        found = between(latent, batch.to, batch.steps)
    elif batch.kind == "path":
        found = keys or "The camera path has no keys with a latent"
    else:
        found = latents_in(batch.file)
    if isinstance(found, str):
        return Outputs(why_not=found)
    return Outputs(tuple(out.with_name(f"{out.stem}.{i:03d}{out.suffix}") for i in range(len(found))), found)


def _bad_path(path: str, out: Path) -> str:
    if not path.strip():
        return "Type the path of the file"
    if out.suffix.lower() not in MESH_SUFFIXES:
        return f"The file must end in {', '.join(MESH_SUFFIXES)}"
    if out.is_dir():
        return "This is a folder: type a file name"
    if not out.parent.is_dir():
        return f"There is no folder {out.parent}"
    return "" if os.access(out.parent, os.W_OK) else f"The folder {out.parent} cannot be written to"


def write_inputs(folder: Path, request: MeshRequest, found: Outputs) -> None:
    """Puts what the command reads into the task's folder."""
    write_atomic(folder / REQUEST_FILE, request.model_dump_json().encode())
    if found.latents is not None:
        write_json(folder / LATENTS_FILE, [spec.model_dump(mode="json") for spec in found.latents])


def arguments(folder: Path, path: str, batch: Batch, found: Outputs) -> tuple[str, ...]:
    """Arguments of the triscope command, after `write_inputs`."""
    out = expanded(path).absolute()
    words = [
        "mesh",
        "--request",
        str(folder / REQUEST_FILE),
        "--out",
        str(out),
        "--display",
        str(folder / DISPLAY_FILE),
        "--json",
    ]
    if found.latents is not None:
        words += ["--latents", str(folder / LATENTS_FILE)]
    elif batch.kind == "seeds":
        words += ["--seeds", batch.seeds.replace(" ", "")]
    return tuple(words)


class Still:
    """`of(key, now)`: whether `key` has been the same for `pause_s` seconds."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._key: object = None
        self._since = 0.0

    def of(self, key: object, now: float) -> bool:
        if key != self._key:
            self._key, self._since = key, now
        return now - self._since >= self._pause_s
