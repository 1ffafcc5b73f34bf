"""`triscope demo`: the real window, driven through every view without a person, with a screenshot of each."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imgui_bundle import imgui

from core_model.schema.config_dir import CONFIG_DIR_VARIABLE, FILE_NAME
from core_model.schema.errors import TriscopeError
from core_model.schema.question_layers import PARTS
from viewer.shell.app import App, AppOptions
from viewer.state import actions
from viewer.state.comparison import Comparison
from viewer.state.plane_view import with_ablation
from viewer.state.ray_marks import Pin, RayMarks
from viewer.tour import panel_stops
from viewer.tour.virtual_display import some_display

SIZE = (1600, 1000)
PATIENCE_S = 240.0
"""A step that takes longer has failed; the slowest one waits for a full picture on two busy cores."""
STILL_FRAMES = 6
DIGITS = (
    imgui.Key._1,
    imgui.Key._2,
    imgui.Key._3,
    imgui.Key._4,
    imgui.Key._5,
    imgui.Key._6,
    imgui.Key._7,
    imgui.Key._8,
    imgui.Key._9,
    imgui.Key._0,
)

Steps = Iterator[None]


class Tour:
    """Sends real mouse and key events to the window, one step per GUI frame."""

    def __init__(self, out_dir: Path, tell: Callable[[str], None]) -> None:
        self.written: list[Path] = []
        self.failure: TriscopeError | None = None
        self._out, self._tell = out_dir, tell
        self._steps: Steps | None = None

    def on_frame(self, app: App) -> None:
        """The window calls this at the end of each frame."""
        if self._steps is None:
            self._steps = self._script(app)
        try:
            next(self._steps)
        except StopIteration:
            app.quit()
        except TriscopeError as error:
            self.failure = error
            app.quit()

    def _script(self, app: App) -> Steps:
        loop = app.loop
        assert loop is not None
        control = loop.coordinator
        yield from self.wait(lambda: bool(control.frames.arrays), "the first picture", app)
        yield from self.shot(app, "colour")
        yield from self._drag(app, -0.16, 0.05)
        yield from self.shot(app, "colour-turned")
        assert control.info is not None
        for index, channel in enumerate(control.info.channels):
            if (
                channel.name == "rgb"
                or index >= len(DIGITS)
                or (channel.needs_proposal and not control.info.has_proposal)
            ):
                continue
            yield from self._key(DIGITS[index])
            yield from self._hover(app, 0.47, 0.42)
            yield from self.shot(app, channel.name)
        yield from self._key(DIGITS[0])
        yield from self._samplers(app)
        yield from self._inspector(app)
        yield from self._comparison(app)
        yield from self._meshes(app)
        yield from self._slices(app)
        yield from self._layers(app)
        yield from panel_stops.panels(self, app)
        yield from self._looks(app)
        yield from self._mishap(app)

    def _samplers(self, app: App) -> Steps:
        """The sample count of each sampler that the checkpoint can use, at the same budget."""
        assert app.loop is not None
        control = app.loop.coordinator
        assert control.info is not None
        names = [s.name for s in control.info.samplers if s.available]
        home = control.store.doc
        for name in [n for n in ("uniform", "importance") if n in names]:
            control.store.doc = home.replace(sampler=home.sampler.replace(name=name, spp=16.0))
            yield from self.shot(app, f"sampler-{name}-16")
        control.store.doc = home

    def _inspector(self, app: App) -> Steps:
        """One ray, then three pinned ones, in both themes."""
        assert app.loop is not None
        control = app.loop.coordinator
        home = control.store.doc
        app.loop.dispatch(actions.ShowPanel("Ray", True))
        control.store.doc = home.replace(rays=RayMarks(selected=(0.47, 0.42)))
        yield from self._rays(app)
        yield from self.shot(app, "ray")
        control.store.doc = home.replace(
            rays=RayMarks(
                selected=(0.42, 0.3),
                pins=tuple(
                    Pin(camera=home.camera, mark=mark, frozen=True)
                    for mark in ((0.36, 0.3), (0.5, 0.55), (0.64, 0.62))
                ),
            )
        )
        yield from self._rays(app)
        yield from self.shot(app, "ray-pins")
        app.loop.dispatch(actions.SetTheme("light"))
        yield from self.shot(app, "light-ray-pins")
        app.loop.dispatch(actions.SetTheme("dark"))
        app.loop.dispatch(actions.ShowPanel("Ray", False))
        control.store.doc = home

    def _rays(self, app: App) -> Steps:
        assert app.loop is not None
        loop, control = app.loop, app.loop.coordinator
        for _ in range(STILL_FRAMES):
            yield
        fresh = lambda: all(control.rays.is_fresh(q) for q in control.questions(loop.place.edge_px))
        yield from self.wait(fresh, "the reports of the marked rays", app)

    def _comparison(self, app: App) -> Steps:
        """Uniform samples against the checkpoint's own sampler at the same budget: wipe, then the error map."""
        assert app.loop is not None
        control = app.loop.coordinator
        compared, frames = control.compared, control.frames
        home = control.store.doc
        app.loop.dispatch(actions.ShowPanel("Compare", True))
        for mode in ("wipe", "difference"):
            control.store.doc = home.replace(
                compare=Comparison.beside(mode, what="sampler", sampler="uniform")
            )
            for _ in range(STILL_FRAMES):
                yield
            ready = lambda: compared.pending is None and compared.matches(control.store.doc, frames.result)
            yield from self.wait(ready, "the picture to compare with", app)
            yield from self.shot(app, f"compare-{mode}")
        app.loop.dispatch(actions.ShowPanel("Compare", False))
        control.store.doc = home

    def _meshes(self, app: App) -> Steps:
        """The preview beside the render, then its distance to the rendered depth."""
        assert app.loop is not None
        loop, control = app.loop, app.loop.coordinator
        home = control.store.doc
        panel: Any = loop.features["mesh"].panel
        stage = panel.stage
        imgui.set_window_focus("Mesh")
        for mode in ("side", "error"):
            control.store.doc = home.replace(mesh=home.mesh.replace(mode=mode))
            for _ in range(STILL_FRAMES):
                yield
            yield from self.wait(
                lambda: stage.shown is not None or stage.failed, "the preview of the mesh", app
            )
            yield from self.shot(app, f"mesh-{mode}")
        imgui.set_window_focus("Sampler")
        control.store.doc = home

    def _slices(self, app: App) -> Steps:
        """The cross-section with the plane in the picture; the tri-planes, then one of them taken out."""
        assert app.loop is not None
        loop, control = app.loop, app.loop.coordinator
        home = control.store.doc
        for title, doc in (
            ("Section", home.replace(section=home.section.replace(axis="x"))),
            ("Planes", home.replace(planes=home.planes.replace(mode="pca"))),
            ("Planes", home.replace(latent=with_ablation(home.latent, 0, 0, True, "mean"))),
        ):
            if title == "Planes" and (control.info is None or not control.info.plane_channels):
                continue
            imgui.set_window_focus(title)
            control.store.doc = doc
            for _ in range(STILL_FRAMES):
                yield
            panel: Any = loop.features[title.lower()].panel
            yield from self.wait(lambda p=panel: p.link.answered, f"the answer of {title}", app)
            yield from self.shot(app, title.lower() if doc.latent == home.latent else "plane-taken-out")
        imgui.set_window_focus("View")
        control.store.doc = home

    def _layers(self, app: App) -> Steps:
        """The decoder's first layer, unit by unit, as the pixels of the view meet it."""
        assert app.loop is not None
        loop, control = app.loop, app.loop.coordinator
        asking: Any = loop.features["layers"].panel.asking  # type: ignore[attr-defined]
        home = control.store.doc
        loop.dispatch(actions.FrontPanel("Layers"))
        for _ in range(STILL_FRAMES):
            yield
        yield from self.wait(lambda: len(asking.parts) == len(PARTS) and not asking.waits, "the layers", app)
        decoder = asking.parts["decoder"].layers
        if decoder:
            look = home.layers.replace(part="decoder", layer=decoder[0].name, order="rms", range="channel")
            control.store.doc = home.replace(layers=look)
            for _ in range(STILL_FRAMES):
                yield
            yield from self.wait(lambda: asking.looked is not None and not asking.waits, "the layer", app)
            yield from self.shot(app, "layers")
        loop.dispatch(actions.ShowPanel("Layers", False))
        control.store.doc = home

    def _looks(self, app: App) -> Steps:
        assert app.loop is not None
        yield from self._key(imgui.Key.h)
        yield from self.shot(app, "panels-hidden")
        yield from self._key(imgui.Key.h)
        yield from self._key(imgui.Key.f1)
        yield from self.shot(app, "keys")
        yield from self._key(imgui.Key.escape)
        app.loop.dispatch(actions.SetTheme("light"))
        yield from self.shot(app, "light-colour")
        channels = app.loop.coordinator.info.channels if app.loop.coordinator.info else ()
        scalar = next((i for i, c in enumerate(channels) if c.kind == "scalar"), None)
        if scalar is not None and scalar < len(DIGITS):
            yield from self._key(DIGITS[scalar])
            yield from self._hover(app, 0.47, 0.42)
            yield from self.shot(app, f"light-{channels[scalar].name}")
        app.loop.dispatch(actions.SetTheme("dark"))
        yield from self._key(DIGITS[0])

    def _mishap(self, app: App) -> Steps:
        """A file that is no checkpoint: the banner says so and the model stays."""
        assert app.loop is not None
        control = app.loop.coordinator
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "not-a-checkpoint.safetensors"
            path.write_bytes(b"this is not a safetensors file")
            app.loop.open(str(path))
            yield from self.wait(lambda: control.store.banner is not None, "the banner of a bad file", app)
            yield from self.shot(app, "error-banner")
        app.loop.dispatch(actions.DismissBanner())

    # Single steps

    def shot(self, app: App, name: str) -> Steps:
        """Waits for the full picture of the present view, then writes NN-name.png."""
        for _ in range(STILL_FRAMES):
            yield
        yield from self.wait(lambda: _is_full(app), f"the full picture of {name}", app)
        for _ in range(STILL_FRAMES):
            yield
        path = self._out / f"{len(self.written) + 1:02d}-{name}.png"
        app.screenshot(path)
        yield
        yield
        self.written.append(path)
        self._tell(path.name)

    def wait(self, condition: Callable[[], bool], what: str, app: App) -> Steps:
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert app.loop is not None
            banner = app.loop.store.banner
            if (
                banner is not None
                and what.startswith(("the first", "the full"))
                and "checkpoint" not in banner.title
            ):
                raise TriscopeError(f"the tour stopped at {what}: {' '.join(banner.text.split())}")
            if time.monotonic() > until:
                raise TriscopeError(f"the tour waited {PATIENCE_S:.0f} s for {what}")
            yield

    def _key(self, key: imgui.Key) -> Steps:
        io = imgui.get_io()
        io.add_key_event(key, True)
        yield
        yield
        io.add_key_event(key, False)
        yield
        yield

    def _hover(self, app: App, u: float, v: float) -> Steps:
        """Moves the mouse to image coordinates (u, v) of the picture."""
        assert app.loop is not None
        view = app.loop.place
        for _ in range(2):
            imgui.get_io().add_mouse_pos_event(view.origin[0] + u * view.size, view.origin[1] + v * view.size)
            yield

    def _drag(self, app: App, du: float, dv: float) -> Steps:
        """Drags with the left button from the middle by (du, dv) edges."""
        yield from self._hover(app, 0.5, 0.5)
        io = imgui.get_io()
        io.add_mouse_button_event(0, True)
        yield
        for step in range(1, 9):
            yield from self._hover(app, 0.5 + du * step / 8, 0.5 + dv * step / 8)
        io.add_mouse_button_event(0, False)
        yield


def _is_full(app: App) -> bool:
    """Whether the shown picture is the full one of the present document."""
    assert app.loop is not None
    control = app.loop.coordinator
    result, doc = control.frames.result, control.store.doc
    if result is None or result.request is None or doc.view.channel not in control.frames.arrays:
        return False
    request = result.request
    same = (
        request.camera == doc.camera
        and request.latent == doc.latent
        and request.sampler.name == doc.sampler.name
    )
    return same and request.tier in ("full", "refined") and request.checkpoint == doc.checkpoint


def run_tour(
    out_dir: Path | str,
    checkpoint: str | None = None,
    factory: str = "",
    tell: Callable[[str], None] = print,
    edge: int = 512,
) -> list[Path]:
    """Drive the real window through every view of `checkpoint` (None = the demo); returns the screenshots in
    order.

    out_dir: folder of the PNGs (1600 x 1000), made where it is missing.
    factory: dotted path of another session class.
    tell: called with each file name. edge: largest edge of a picture, pixels.
    Starts an Xvfb where there is no display; raises InputError where that is impossible, TriscopeError where
    a step fails.
    """
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    tour = Tour(out, tell)
    with some_display(*SIZE), tempfile.TemporaryDirectory() as settings:
        quality = {"max_size": edge, "refine": False, "settle_delay_s": 0.05, "full_delay_s": 0.1}
        look = {"theme": "dark", "ui_scale": 1.0, "recent": [], "window_size": list(SIZE), "quality": quality}
        (Path(settings) / FILE_NAME).write_text(json.dumps(look), encoding="utf-8")
        before = os.environ.get(CONFIG_DIR_VARIABLE)
        os.environ[CONFIG_DIR_VARIABLE] = settings
        try:
            App(
                AppOptions(
                    checkpoint=checkpoint,
                    factory=factory,
                    size=SIZE,
                    on_frame=tour.on_frame,
                    keep_layout=False,
                    touring=True,
                )
            ).run()
        finally:
            if before is None:
                del os.environ[CONFIG_DIR_VARIABLE]
            else:
                os.environ[CONFIG_DIR_VARIABLE] = before
    if tour.failure is not None:
        raise tour.failure
    return tour.written
