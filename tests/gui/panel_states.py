"""States in which a panel shows all that it has: each brings one about in the real window, for the test of every control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath, PathKey
from core_model.schema.latent import Ablation, Edit, StyleMix
from core_model.schema.portrait import Convention, Crop
from tests.gui.window_driver import Hands
from viewer.features.inversion.alignment import Alignment, FoundFace
from viewer.features.inversion.settings import KIND, InversionSettings
from viewer.jobs.tasks import Task, TaskRecord
from viewer.state import basket
from viewer.state.comparison import Comparison, Source
from viewer.state.export_settings import ExportSettings
from viewer.state.orbit import surface_point
from viewer.state.ray_marks import Pin, RayMarks

Prepare = Callable[[Hands], None]
MARK = (0.5, 0.5)


def panel_of(hands: Hands, name: str) -> Any:
    """The instance that draws a panel, whatever it keeps."""
    return hands.loop.features[name].panel


def as_it_is(hands: Hands) -> None:
    """What a fresh window shows."""


def document(**changes: Any) -> Prepare:
    """The first document of the window with some of its parts changed."""

    def prepare(hands: Hands) -> None:
        control = hands.loop.coordinator
        assert control.info is not None
        first = type(control.store.doc).defaults_from(control.info, quality=control.store.doc.quality)
        control.store.doc = first.replace(
            **{name: part(first) if callable(part) else part for name, part in changes.items()}
        )

    return prepare


def latent_folds(hands: Hands) -> None:
    """Plane, mixing and the rest of the Latent panel, all open."""
    document(latent=lambda d: d.latent.replace(mix=StyleMix(seed=3, layers=(0, 1))))(hands)
    panel = panel_of(hands, "latent")
    panel.opened = dict.fromkeys(panel.opened, True)


def two_kept(hands: Hands) -> None:
    """Three w in the basket, and one that was deleted last."""
    panel, rng = panel_of(hands, "basket"), np.random.RandomState(0)
    items: basket.Basket = ()
    for name in ("one", "two", "three"):
        items = basket.added(items, name, rng.randn(14, 128).astype(np.float32))
    panel.removed, panel.mode = (0, basket.kept("gone", items[0].w)), "between"
    hands.loop.basket.items = items
    document()(hands)


def analogy(hands: Hands) -> None:
    two_kept(hands)
    panel_of(hands, "basket").mode = "analogy"


def moved_directions(hands: Hands) -> None:
    """Directions that are moved: their sliders can be put back, named and limited to layers."""
    rows = np.eye(3, 128)
    edits = tuple(Edit(name=f"PC {i + 1}", direction=tuple(rows[i].tolist()), strength=1.0) for i in range(3))
    document(latent=lambda d: d.latent.replace(edits=edits))(hands)


def away(doc: Any) -> OrbitPose:
    """A camera that every button of the Camera panel moves."""
    return doc.camera.replace(yaw=0.4, pitch=0.2, radius=2.2, fov=0.5, pivot=(0.1, 0.0, 0.0))


def ortho_and_fly(hands: Hands) -> None:
    document(
        camera=lambda d: away(d).replace(orthographic=True),
        navigation=lambda d: d.navigation.replace(mode="fly"),
    )(hands)


def channel(name: str, **look: Any) -> Prepare:
    """The View panel with another channel, its ways of showing it changed."""

    def prepare(hands: Hands) -> None:
        document(view=lambda d: d.view.with_channel(name))(hands)
        control = hands.loop.coordinator
        assert control.info is not None
        shown = next(c for c in control.info.channels if c.name == name)
        view = control.store.doc.view.of(name, shown).replace(**look)
        control.store.doc = control.store.doc.replace(view=control.store.doc.view.with_channel_view(view))
        hands.until(lambda: name in hands.frames.arrays, f"the channel {name}")

    return prepare


def chosen_ray(hands: Hands) -> None:
    """A ray under inspection and two pins."""
    camera = hands.doc.camera
    pins = tuple(
        Pin(camera=camera, mark=m, point=surface_point(camera, *m, 2.4)) for m in ((0.4, 0.45), (0.55, 0.6))
    )
    document(rays=RayMarks(selected=MARK, pins=pins, measured=pins))(hands)
    control = hands.loop.coordinator
    reported = lambda: all(control.rays.report(key) is not None for key in (MARK, *pins))
    hands.until(reported, "the reports")
    panel_of(hands, "ray").readings.keep(hands.doc, control.rays)


def compared(mode: str, what: str) -> Prepare:
    return document(compare=Comparison.beside(mode, what=what))


def starred(hands: Hands) -> None:
    """A small board with two stars."""
    panel = panel_of(hands, "seeds")
    panel.start, panel.count, panel.stars, panel.camera = 0, 6, frozenset({1, 4}), None
    panel.order, panel.falling, panel.only_stars = "seed", False, False
    document()(hands)
    hands.ctx.yield_(30)


def three_keys(hands: Hands) -> None:
    """A path of three keys, the middle one chosen; it does not begin at the view, which would move the play head there."""

    def path(doc: Any) -> CameraPath:
        camera = doc.camera
        return CameraPath(
            keys=tuple(PathKey(time=float(i), pose=camera.replace(yaw=0.3 * (i + 1))) for i in range(3)),
            duration=3.0,
        )

    panel = panel_of(hands, "path")
    document(path=path)(hands)
    panel.chosen, panel.head, panel.playing = 1, 1.0, False


def export(**changes: Any) -> Prepare:
    def prepare(hands: Hands) -> None:
        exports = hands.loop.exports
        exports.settings = ExportSettings(folder=exports.settings.folder, **changes)
        document()(hands)

    return prepare


def mesh(mode: str, **changes: Any) -> Prepare:
    """The Mesh panel with every fold open."""

    def prepare(hands: Hands) -> None:
        panel = panel_of(hands, "mesh")
        panel.opened = dict.fromkeys(panel.opened, True)
        document(mesh=lambda d: d.mesh.replace(mode=mode, **changes))(hands)
        hands.ctx.yield_(20)

    return prepare


def aligned(hands: Hands) -> None:
    """A photograph with a second face, its square beside its points."""
    panel, convention = panel_of(hands, "inversion"), Convention()
    panel.page, photo = "photo", panel.photo
    photo.take("/nowhere/photo.png")
    photo.pixels = np.full((300, 400, 3), 0.5, np.float32)
    first = Alignment.fresh((400, 300), convention)
    square = Crop(20.0, 40.0, 150.0)
    face = FoundFace(first.points, (320.0, 20.0, 390.0, 110.0), square, first.camera)
    photo.faces, photo.convention, photo.base = (face, face), convention, "blob:posed"
    photo.alignment = replace(first, crop=square, points=tuple((x + 90.0, y) for x, y in first.points))
    photo.settings = InversionSettings(plan="own")
    document()(hands)


def inverted(hands: Hands) -> None:
    """An inversion that was stopped half way."""
    panel, tasks = panel_of(hands, "inversion"), hands.loop.tasks
    panel.page = "run"
    run = tasks.folder / "run"
    for name in ("state.safetensors", "snapshots/000001.safetensors", "figure.png"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).touch()
    record = TaskRecord(
        id="stopped", kind=KIND, title="Inversion of photo.png", out=str(run), arguments=("invert",), begun=0.0, pinned={"run": str(run)}
    )  # fmt: skip
    kept, others = {"stopped": Task(record, tasks.folder, "cancelled", fraction=0.4)}, type(tasks).views
    tasks.views = lambda kind="": tuple(kept.values()) if kind == KIND else others(tasks, kind)  # type: ignore[method-assign]
    tasks.remove = lambda task_id: kept.pop(task_id, None)  # type: ignore[method-assign,assignment]
    document()(hands)


def layer(part: str, name: str, **look: Any) -> Prepare:
    """The Layers panel with one layer chosen."""

    def prepare(hands: Hands) -> None:
        document(layers=lambda d: d.layers.replace(part=part, layer=name, **look))(hands)
        panel = panel_of(hands, "layers")
        asking = panel.asking
        panel.list.words, panel.list.closed, panel.page, panel.display = "", {}, 0, True
        hands.until(
            lambda: asking.looked is not None and asking.looked.info.name == name, f"the layer {name}"
        )
        hands.until(lambda: len(asking.parts) == 6, "all parts")

    return prepare


STATES: dict[str, tuple[str, Prepare]] = {
    "model": ("Model", as_it_is),
    "latent": ("Latent", latent_folds),
    "basket": ("Basket", two_kept),
    "basket, arithmetic": ("Basket", analogy),
    "directions": ("Directions", moved_directions),
    "camera": ("Camera", document(camera=away)),
    "camera, orthographic and fly": ("Camera", ortho_and_fly),
    "view, colour": ("View", as_it_is),
    "view, depth": ("View", channel("depth", auto_range=False, low=1.0, high=3.0, iso=True)),
    "view, normal": ("View", channel("normal")),
    "view, samples": ("View", channel("samples")),
    "view, position": ("View", channel("position")),
    "section": ("Section", document(section=lambda d: d.section.replace(axis="x", offset=0.05))),
    "section, free": ("Section", document(camera=away, section=lambda d: d.section.replace(axis="free"))),
    "planes": ("Planes", document(latent=lambda d: d.latent.replace(ablate=Ablation(planes=((0, 1),))))),
    "layers": ("Layers", layer("backbone", "planes")),
    "layers, fixed range": (
        "Layers",
        layer("backbone", "backbone.blocks.2.conv0", range="fixed", order="rms"),
    ),
    "layers, rows": ("Layers", layer("mapping", "w")),
    "sampler, learned": ("Sampler", as_it_is),
    "sampler, stratified": (
        "Sampler",
        document(sampler=lambda d: d.sampler.replace(name="uniform", jitter=True)),
    ),
    "mesh, off": ("Mesh", mesh("off")),
    "mesh, over": ("Mesh", mesh("overlay")),
    "mesh, error": ("Mesh", mesh("error")),
    "ray": ("Ray", chosen_ray),
    "compare, sampler": ("Compare", compared("wipe", "sampler")),
    "compare, samples": ("Compare", compared("side", "samples")),
    "compare, channel": ("Compare", compared("wipe", "channel")),
    "compare, psi": ("Compare", compared("difference", "psi")),
    "compare, checkpoint": ("Compare", compared("off", "checkpoint")),
    "compare, grid": (
        "Compare",
        document(
            compare=Comparison(mode="grid", tiles=(Source(), Source(what="seed"), Source(what="photo")))
        ),
    ),
    "compare, reference": ("Compare", compared("off", "reference")),
    "timings": ("Timings", as_it_is),
    "seeds": ("Seeds", starred),
    "path": ("Path", three_keys),
    "export, picture": ("Export", export(kind="picture", channels=("rgb", "depth"))),
    "export, orbit": ("Export", export(kind="orbit")),
    "export, walk": ("Export", export(kind="walk")),
    "export, sheet": ("Export", export(kind="sheet")),
    "inversion": ("Inversion", aligned),
    "inversion, run": ("Inversion", inverted),
    "export, sheet of channels": (
        "Export",
        export(kind="sheet", rows="checkpoints", column="channel", paper=".pdf"),
    ),
    "export, report": ("Export", export(kind="report")),
    "export, metrics": ("Export", export(kind="metrics")),
    "export, fit": ("Export", export(kind="fit")),
    "export, page": ("Export", export(kind="page")),
}
