"""The tour's steps through panels of latents, paths and files and the Training workspace; none needs a new
render.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from imgui_bundle import imgui

from core_model.schema.question import LatentQuestion
from viewer.features.path import edits
from viewer.state import actions

if TYPE_CHECKING:
    from viewer.shell.app import App
    from viewer.state.document import Document

Steps = Iterator[None]
SEEDS = 12
"""Heads of the board: small pictures, but each of them is a new one."""
STILL_FRAMES = 4


class Guide(Protocol):
    """What a stop needs of the tour."""

    def shot(self, app: App, name: str) -> Steps: ...
    def wait(self, condition: Callable[[], bool], what: str, app: App) -> Steps: ...


def panels(guide: Guide, app: App) -> Steps:
    """Latent with its plane open, basket with two heads, directions, seed board, a path, export, Training;
    then back.
    """
    loop = app.loop
    assert loop is not None
    control, home = loop.coordinator, loop.store.doc
    if control.info is None or not control.info.z_dim:
        return
    latent: Any = loop.features["latent"].panel
    kept = dict(latent.opened)
    latent.opened = {**kept, "plane": True}
    yield from _still()
    yield from guide.shot(app, "latent")
    latent.opened = kept
    yield from _basket(guide, app, home)
    yield from _front(app, "Directions")
    directions: Any = loop.features["directions"].panel
    yield from guide.wait(lambda: bool(directions.found or directions.note), "the directions", app)
    yield from guide.shot(app, "directions")
    yield from _front(app, "Latent")
    yield from _seeds(guide, app)
    control.store.doc = home.replace(path=edits.turntable(home.camera, 4.0, 30.0))
    yield from _front(app, "Path")
    yield from guide.shot(app, "path")
    control.store.doc = home
    yield from _front(app, "Export")
    yield from guide.shot(app, "export")
    yield from _front(app, "Timings")
    training: Any = loop.features["training"].panel
    training.view.show("launch")  # there are no runs to draw charts of
    imgui.get_io().add_mouse_pos_event(800.0, 8.0)  # no tooltip in the picture
    loop.dispatch(actions.ShowWorkspace("training"))
    yield from _still()
    yield from guide.shot(app, "training")
    loop.dispatch(actions.ShowWorkspace("explore"))
    yield from _still()


def _basket(guide: Guide, app: App, home: Document) -> Steps:
    """Two heads are kept, as the plus of the panel does."""
    assert app.loop is not None
    basket: Any = app.loop.features["basket"].panel
    yield from _front(app, "Basket")
    for seed in (0, 1):
        latent = home.latent.replace(seeds=(home.latent.seeds[0].replace(seed=seed),))
        basket.adding = LatentQuestion(checkpoint=home.checkpoint, latent=latent)
        yield from guide.wait(lambda: basket.adding is None, "the latent of a seed", app)
    answers = app.loop.coordinator.queries
    yield from _still()
    yield from guide.wait(lambda: not answers.busy, "the small pictures", app)
    yield from guide.shot(app, "basket")


def _seeds(guide: Guide, app: App) -> Steps:
    assert app.loop is not None
    board: Any = app.loop.features["seeds"].panel
    board.count, before = SEEDS, board.count
    yield from _front(app, "Seeds")
    yield from guide.wait(lambda: len(board.board.thumbs) >= SEEDS, "the seed board", app)
    yield from guide.shot(app, "seeds")
    board.count = before


def _front(app: App, title: str) -> Steps:
    """The panel in front of those that it shares its place with."""
    app.front_panel(title)
    imgui.set_window_focus(title)
    yield from _still()


def _still() -> Steps:
    for _ in range(STILL_FRAMES):
        yield
