"""A long life compressed: random events with real drawing, checkpoints, latents, meshes, killed workers; is memory flat?

`benchmarks.soak_driver` lives the four lives; two at a time, each for an hour at most. How far each came stands beside what was planned.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.running import Findings, Settings, at_once, run_script, say
from benchmarks.window_start import display, report_of
from core_model.schema.bench import Measure, measure

LIVES: dict[str, tuple[int, ...]] = {
    "storm": (100_000,),
    "day": (500, 2000, 200),
    "kills": (50,),
    "files": (200,),
}
QUICK: dict[str, tuple[int, ...]] = {"storm": (400,), "day": (4, 8, 2), "kills": (2,), "files": (4,)}
TITLES = {
    "storm": "random events in the window",
    "day": "checkpoints opened, latents drawn and meshes shown",
    "kills": "workers killed",
    "files": "meshes written at 128³",
}
LONGEST_S = 3600.0
"""Of one life; it then says how far it came."""
Life = tuple[dict[str, Any] | None, str]
"""What `soak_driver` said, or why it said nothing."""
WARM = 0.2
"""Share of a life until caches are full and pools have their size."""
AIM = 1.1
HANDLES = ("handles", "threads", "worker_handles", "worker_threads", "segments", "children")


def body(settings: Settings) -> Findings:
    """The lives, two at a time, each in a process of its own."""
    lives = QUICK if settings.quick else LIVES
    with display() as (name, why_not), tempfile.TemporaryDirectory() as folder, at_once(2) as two:

        def lived(what: str) -> Life:
            if what != "files" and why_not:
                return None, why_not
            environment = {"DISPLAY": name, "TRISCOPE_CONFIG_DIR": str(Path(folder) / what)} | SINGLE
            words = what, *map(str, lives[what]), f"{LONGEST_S:g}"
            try:
                found = report_of(
                    "benchmarks.soak_driver", *words, environment=environment, limit_s=LONGEST_S + 600.0
                )
            except RuntimeError as error:
                return None, str(error)
            say(f"  {what}: {found['done']} of {lives[what]} in {found['seconds']:.0f} s")
            return found, ""

        found = dict(zip(lives, two.map(lived, lives), strict=True))
    measures = [m for what, life in found.items() for m in measures_of(what, lives[what], *life)]
    return Findings(tuple(measures), {what: life for what, (life, _) in found.items() if life})


SINGLE = {"OMP_NUM_THREADS": "1", "LP_NUM_THREADS": os.environ.get("LP_NUM_THREADS", "1")}
"""One thread for arithmetic, one for software OpenGL: a soak asks for steadiness, not for speed."""


def measures_of(what: str, counts: tuple[int, ...], life: dict[str, Any] | None, note: str) -> list[Measure]:
    """What was done, and by what factor memory grew and by how many the handles after the warm-up."""
    title = TITLES[what]
    samples: list[dict[str, float]] = life["samples"] if life else []
    done = sum(life["done"]) if life else None
    told = ", ".join(f"{d} of {p}" for d, p in zip(life["done"], counts, strict=True)) if life else note
    measures = [measure(f"{what}_done", title, "", done, better="higher", aim=sum(counts), note=told)]
    for who, whose in (("window", "the window"), ("worker", "the worker")):
        values = [s[f"{who}_mb"] for s in samples if f"{who}_mb" in s]
        if what == "files":
            whose = "the process"
            if who == "worker":
                continue
        if what == "kills" and who == "worker":
            continue  # each is a new one
        last = (
            f"{values[0]:.0f} MB at first, {values[-1]:.0f} MB at last, {max(values):.0f} MB at most"
            if values
            else note
        )
        measures.append(
            measure(f"{what}_{who}", f"{title}: memory of {whose} after warm-up", "×", growth(values), aim=AIM, note=last)
        )  # fmt: skip
    grown = {name: g for name in HANDLES if (g := more([s[name] for s in samples if name in s])) is not None}
    measures.append(
        measure(
            f"{what}_handles", f"{title}: open files, threads, shared memory, processes more than after warm-up", "",
            max(grown.values(), default=None), aim=0.0, note=", ".join(f"{n} {g:+g}" for n, g in grown.items()) or note,
        )
    )  # fmt: skip
    left = sum(life["left"].values()) if life else None
    measures.append(
        measure(f"{what}_left", f"{title}: processes and shared memory left behind", "", left, aim=0.0)
    )
    if what == "storm":
        broken = life.get("broken", {}) if life else {}
        measures.append(
            measure("storm_broken", "panels that failed", "", len(broken) if life else None, aim=0.0, note=str(broken or ""))
        )  # fmt: skip
    return measures


def quarters(values: list[float], of: Callable[[list[float]], float]) -> tuple[float, float] | None:
    """`of` the first and last quarter after the warm-up; None with fewer than two values there."""
    warm = values[int(WARM * len(values)) :]
    if len(warm) < 2:
        return None
    size = max(1, len(warm) // 4)
    return of(warm[:size]), of(warm[-size:])


def growth(values: list[float]) -> float | None:
    """By what factor held memory grew after the warm-up: by the least of each quarter, as what is held is never given back.

    What a sample finds beyond that belongs to the picture that is just being made.
    """
    found = quarters(values, min)
    return None if found is None else found[1] / found[0]


def more(values: list[float]) -> float | None:
    """By how many it grew after the warm-up."""
    found = quarters(values, statistics.median)
    return None if found is None else found[1] - found[0]


if __name__ == "__main__":
    sys.exit(run_script("soak", "A long life compressed", body))
