"""One long life of the real window, or of a process that writes meshes: its memory and handles at every step, as JSON.

    python -m benchmarks.soak_driver storm EVENTS SECONDS
    python -m benchmarks.soak_driver day OPENS LATENTS MESHES SECONDS
    python -m benchmarks.soak_driver kills COUNT SECONDS
    python -m benchmarks.soak_driver files COUNT SECONDS

storm: random mouse and key events. day: checkpoints opened and closed, latents drawn, meshes at 128³ shown. kills: the worker
is killed, and the picture comes back. files: meshes at 128³ written in every format. Each ends early after SECONDS and says how
far it came. The window draws really, on whatever OpenGL the display has; the worker is the product's own, with one thread and a
cache that is soon full.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from imgui_bundle import imgui

from benchmarks.random_hands import RandomHands, Storm
from benchmarks.running import ROOT, say
from core_model.schema.config_dir import FILE_NAME
from core_model.schema.latent import LatentSpec
from core_model.schema.processes import follow_starter
from core_model.schema.rest import REST_S
from viewer.render_client.client import RenderClient
from viewer.render_client.messages import SessionOptions
from viewer.render_client.shared_block import PREFIX
from viewer.shell.app import App, AppOptions
from viewer.state import actions

SIZE = (1100, 700)
CHECKPOINT = max((Path(__file__).parent / "gan" / "snapshots").glob("*[0-9].safetensors"))
"""The smallest that there is: what is asked here is whether things grow, not how large they are."""
CACHE_BYTES = 24 << 20
PATIENCE_S = 240.0
RESTART_S = 4.0
"""A worker that is not back after so long has died too often: a person would press Restart."""
GIVING_S = 3.0
"""What a process at rest takes to give memory back, on cores that others use too."""
Steps = Iterator[None]
Sample = dict[str, float]


def main(arguments: list[str]) -> dict[str, Any]:
    """Runs one life; returns its samples, what was done of what was planned, and what it left behind."""
    what, *numbers, seconds = arguments
    counts = [int(n) for n in numbers]
    said: dict[str, Any] = {"what": what, "planned": counts, "done": [0] * len(counts), "samples": []}
    end = time.monotonic() + float(seconds)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path(os.environ["TRISCOPE_CONFIG_DIR"]).mkdir(parents=True, exist_ok=True)
        quality = {"max_size": 128, "refine_frames": 2, "settle_delay_s": 0.02, "full_delay_s": 0.05}
        look = {"theme": "dark", "window_size": list(SIZE), "quality": quality, "hint_read": True}
        preferences = Path(os.environ["TRISCOPE_CONFIG_DIR"]) / FILE_NAME
        preferences.write_text(json.dumps(look), encoding="utf-8")
        path = str(CHECKPOINT)
        if what == "files":
            written(path, counts[0], end, said)
        else:
            windowed(what, path, counts, end, said)
        os.chdir(ROOT)
    said["left"] = {"processes": len(children()), "segments": len(segments())}
    said["seconds"] = round(time.monotonic() - (end - float(seconds)), 1)
    return said


def windowed(what: str, path: str, counts: list[int], end: float, said: dict[str, Any]) -> None:
    """Opens the window with its worker and lives in it until the plan is done, or `end`."""
    app: App
    options = SessionOptions(device="cpu", threads=1, cache_bytes=CACHE_BYTES)
    client = RenderClient(wake=lambda: app.wake(), options=options)

    def note(app: App, *events: int) -> None:
        said["done"] = list(events) or said["done"]
        said["samples"].append(sampled(client.status.pid, said))

    if what == "storm":
        storm = Storm(
            RandomHands(1, SIZE), counts[0], every=max(1, counts[0] // 100), note=note, enough=lambda: time.monotonic() > end
        )  # fmt: skip
        on_frame = storm.on_frame
    else:
        steps: list[Steps] = []

        def on_frame(app: App) -> None:
            if not steps:
                life = day if what == "day" else kills
                steps.append(life(app, path, counts, end, said, lambda: note(app)))
            if next(steps[0], app) is app:
                app.quit()

    app = App(
        AppOptions(
            checkpoint=path, client=client, size=SIZE, on_frame=on_frame, keep_layout=False,
            eager=what == "storm", touring=what != "storm",
        )
    )  # fmt: skip
    app.run()
    if what == "storm":
        said["done"] = [storm.hands.events]
        for name, text in storm.broken.items():
            say(f"panel {name}: {text}")
        said["broken"] = {name: text.strip().splitlines()[-1] for name, text in storm.broken.items()}
    elif not said.get("whole"):
        raise RuntimeError(f"the window closed early: {said['done']} of {said['planned']}")


def day(
    app: App, path: str, counts: list[int], end: float, said: dict[str, Any], note: Callable[[], object]
) -> Steps:
    """Rounds of checkpoints, latents and meshes in proportion; each ends with a sample.

    Every checkpoint has a path of its own, as files of a training have, so that what is kept by path is seen to grow.
    """
    assert app.loop is not None
    loop, control = app.loop, app.loop.coordinator
    yield from until(app, lambda: control.frames.arrays, "the first picture")
    last: Path | None = None
    edges: set[int] = set()
    rounds = max(1, min(25, min(counts)))
    for turn in range(rounds):
        share = [n * (turn + 1) // rounds for n in counts]
        while said["done"][0] < share[0] and time.monotonic() < end:
            named = Path(f"opened-{said['done'][0]}.safetensors").absolute()
            shutil.copyfile(path, named)
            loop.dispatch(actions.OpenCheckpoint(str(named)))
            yield from until(
                app, lambda named=named: shown(app, checkpoint=str(named)), "a picture of the checkpoint"
            )
            if last is not None:  # the open one's file stays: the worker looks whether it has changed
                last.unlink()
            last = named
            said["done"][0] += 1
        while said["done"][1] < share[1] and time.monotonic() < end:
            latent = LatentSpec.of_seed(said["done"][1])
            edit(app, latent=latent)
            yield from until(app, lambda latent=latent: shown(app, latent=latent), "a picture of the latent")
            said["done"][1] += 1
        imgui.set_window_focus("Mesh")
        while said["done"][2] < share[2] and time.monotonic() < end:
            stage: Any = loop.features["mesh"].panel
            stage = stage.stage
            before, edge = stage.shown, stage.edge
            doc = control.store.doc
            edit(app, mesh=doc.mesh.replace(mode="side", level=0.001 * (1 + said["done"][2] % 7)))
            yield from until(
                app, lambda b=before, s=stage: s.shown is not None and s.shown is not b, "the mesh"
            )
            edges.add(edge)
            said["done"][2] += 1
        imgui.set_window_focus("View")
        edit(app, mesh=control.store.doc.mesh.replace(mode="off"))
        yield from rested(app)
        note()
        if time.monotonic() > end:
            break
    said["mesh_edges"], said["whole"] = sorted(edges), True


def kills(
    app: App, path: str, counts: list[int], end: float, said: dict[str, Any], note: Callable[[], object]
) -> Steps:
    """The worker is killed while it has work, again when the picture asked for has come; a sample of the rest after every second one."""
    assert app.loop is not None
    control = app.loop.coordinator
    yield from until(app, lambda: control.frames.arrays, "the first picture")
    for number in range(counts[0]):
        latent = LatentSpec.of_seed(number + 1)
        edit(app, latent=latent)
        yield
        pid = control.client.status.pid
        psutil.Process(pid).kill()
        killed = time.monotonic()
        back = lambda pid=pid: control.client.status.alive and control.client.status.pid != pid
        while not back():
            if time.monotonic() > killed + PATIENCE_S:
                raise RuntimeError(f"no worker came back after kill {number + 1}")
            if time.monotonic() > killed + RESTART_S and not control.client.status.alive:
                app.loop.dispatch(actions.RestartWorker())
                killed = time.monotonic()
            yield
        yield from until(
            app, lambda latent=latent: shown(app, latent=latent), "the picture after the restart"
        )
        app.loop.dispatch(actions.DismissBanner())
        said["done"][0] += 1
        if (number + 1) % max(1, counts[0] // 25) == 0:
            yield from rested(app)
            note()
        if time.monotonic() > end:
            break
    said["whole"] = True


def written(path: str, count: int, end: float, said: dict[str, Any]) -> None:
    """Meshes at 128³ by the Python surface, each format in turn, over one another."""
    from core_model import api

    with api.open(path, device="cpu", threads=1) as opened:
        for number in range(count):
            suffix = (".ply", ".obj", ".glb", ".stl")[number % 4]
            opened.mesh(f"mesh{suffix}", seed=number % 8, resolution=128)  # few heads: the cache is soon full
            said["done"][0] += 1
            if (number + 1) % max(1, count // 25) == 0:
                said["samples"].append(sampled(0, said))
            if time.monotonic() > end:
                break


def edit(app: App, **changes: Any) -> None:
    assert app.loop is not None
    doc = app.loop.store.doc
    app.loop.dispatch(actions.Edit(doc, doc.replace(**changes)))


def shown(app: App, **wanted: object) -> bool:
    """Whether the picture on the screen is of these parts of its request."""
    assert app.loop is not None
    result = app.loop.coordinator.frames.result
    request = None if result is None else result.request
    return request is not None and all(getattr(request, name) == value for name, value in wanted.items())


def until(app: App, condition: Callable[[], object], what: str) -> Steps:
    assert app.loop is not None
    give_up = time.monotonic() + PATIENCE_S
    yield
    while not condition():
        if time.monotonic() > give_up:
            banner = app.loop.store.banner
            raise RuntimeError(f"{what} did not come in {PATIENCE_S:.0f} s; {banner or 'no banner'}")
        yield


def rested(app: App) -> Steps:
    """Until nothing was under way for so long that window and worker have given back what they freed: what is left is held."""
    assert app.loop is not None
    loop, started = app.loop, time.monotonic()
    since = started
    while time.monotonic() < since + REST_S + GIVING_S:
        if time.monotonic() > started + PATIENCE_S:
            raise RuntimeError(f"no rest in {PATIENCE_S:.0f} s: {loop.coordinator.client.status}")
        if loop.coordinator.client.status.busy or loop.baked.busy:
            since = time.monotonic()
        yield


def sampled(worker: int, said: dict[str, Any]) -> Sample:
    """Resident memory [MB], open files or handles, threads of window and worker; shared-memory blocks and child processes."""
    gc.collect()
    found: Sample = {"done": sum(said["done"]), "window_mb": _megabytes(psutil.Process())}
    window = psutil.Process()
    found |= {"handles": _handles(window), "threads": window.num_threads()}
    if worker:
        try:
            process = psutil.Process(worker)
            found["worker_mb"], found["worker_handles"] = _megabytes(process), _handles(process)
            found["worker_threads"] = process.num_threads()
        except psutil.Error:
            pass  # it was just replaced
    found |= {"segments": len(segments()), "children": len(children())}
    say(f"{said['what']} {json.dumps(found)}")
    return found


def segments() -> list[str]:
    """Blocks of shared memory of this process, where they have names in a folder."""
    folder = Path("/dev/shm")
    return [p.name for p in folder.glob(f"{PREFIX}{os.getpid()}-*")] if folder.is_dir() else []


def children() -> list[psutil.Process]:
    """Child processes, but for multiprocessing's tracker of names, which lives as long as this one."""
    found = psutil.Process().children(recursive=True)
    return [p for p in found if not any("resource_tracker" in word for word in p.cmdline())]


def _megabytes(process: psutil.Process) -> float:
    return round(process.memory_info().rss / 1e6, 1)


def _handles(process: psutil.Process) -> int:
    return process.num_handles() if sys.platform == "win32" else process.num_fds()


if __name__ == "__main__":
    follow_starter()
    print(json.dumps(main(sys.argv[1:])))
