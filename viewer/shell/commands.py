"""Everything that can be done with one key or one word: shortcuts, F1 list and command palette are three views of this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core_model.schema.camera import CameraPrior
from core_model.schema.latent import SeedWeight
from viewer.state import orbit
from viewer.state.document import Document
from viewer.state.latent_blend import main_seed
from viewer.state import actions as act
from viewer.features.viewport import readout
from viewer.widgets.context import PanelContext
from viewer.features.latent.walk_controls import toggled_walk

COMPARISONS = ("off", "wipe", "side", "difference")
Run = Callable[[Document, PanelContext], Document]
WhyNot = Callable[[Document, PanelContext], str]


@dataclass(frozen=True)
class Command:
    """One thing to do.

    name: stable, what preferences call it. keys: default chords. repeats: also while the key is held down. anywhere: in the Training
    workspace as well. why_not: why it cannot be done now, "" where it can.
    """

    name: str
    group: str
    title: str
    run: Run
    keys: tuple[str, ...] = ()
    repeats: bool = False
    anywhere: bool = False
    why_not: WhyNot | None = None

    def blocked(self, doc: Document, ctx: PanelContext) -> str:
        if not self.anywhere and not ctx.workspace.exploring:
            return "Belongs to the Explore workspace"
        return self.why_not(doc, ctx) if self.why_not is not None else ""


def _emit(action: act.Action) -> Run:
    def run(doc: Document, ctx: PanelContext) -> Document:
        ctx.emit(action)
        return doc

    return run


def _prior(ctx: PanelContext) -> CameraPrior:
    return ctx.info.header.camera if ctx.info is not None else CameraPrior()


def _reset(doc: Document, ctx: PanelContext) -> Document:
    return doc.replace(camera=orbit.reset(doc.camera, _prior(ctx)))


def _frame(doc: Document, ctx: PanelContext) -> Document:
    return doc.replace(camera=orbit.frame(doc.camera, _prior(ctx)))


def _pin(doc: Document, ctx: PanelContext) -> Document:
    return doc if doc.rays.selected is None else doc.replace(rays=doc.rays.toggled(doc.rays.selected))


def _no_ray(doc: Document, ctx: PanelContext) -> str:
    return "" if doc.rays.selected is not None else "Click a pixel first"


def _compare(doc: Document, ctx: PanelContext) -> Document:
    following = COMPARISONS[(COMPARISONS.index(doc.compare.mode) + 1) % len(COMPARISONS)]
    ctx.emit(act.ShowPanel("Compare", True))
    return doc.replace(compare=doc.compare.replace(mode=following))


def _seed(step: int) -> Run:
    def run(doc: Document, ctx: PanelContext) -> Document:
        return doc.replace(latent=doc.latent.replace(seeds=(SeedWeight(seed=(main_seed(doc.latent) + step) % 2**32),), z=None, w=None))

    return run


def _no_latent(doc: Document, ctx: PanelContext) -> str:
    return "" if ctx.info is not None and ctx.info.z_dim else "This checkpoint has no latent"


def _nothing_open(doc: Document, ctx: PanelContext) -> str:
    return "" if ctx.info is not None else "Nothing is open"


def _copy_value(doc: Document, ctx: PanelContext) -> Document:
    text = readout.text(doc, ctx)
    if text:
        ctx.emit(act.CopyText(text, "value under the cursor"))
    return doc


def _channel(index: int) -> Run:
    def run(doc: Document, ctx: PanelContext) -> Document:
        if ctx.info is None or _no_channel(index)(doc, ctx):
            return doc
        return doc.replace(view=doc.view.with_channel(ctx.info.channels[index].name))

    return run


def _no_channel(index: int) -> WhyNot:
    def why(doc: Document, ctx: PanelContext) -> str:
        if ctx.info is None or index >= len(ctx.info.channels):
            return "There are fewer channels"
        channel = ctx.info.channels[index]
        return "Needs a proposal network" if channel.needs_proposal and not ctx.info.has_proposal else ""

    return why


def _channels() -> tuple[Command, ...]:
    digits = "1234567890"
    return tuple(
        Command(f"channel-{i + 1}", "View", f"Channel {i + 1}", _channel(i), (d,), why_not=_no_channel(i)) for i, d in enumerate(digits)
    )


COMMANDS: tuple[Command, ...] = (
    Command("camera.reset", "Camera", "Reset to the checkpoint's pose", _reset, ("R",)),
    Command("camera.frame", "Camera", "Frame the whole subject", _frame, ("F",)),
    *_channels(),
    Command("view.compare", "View", "Compare: off, wipe, side by side, error map", _compare, ("V",), why_not=_nothing_open),
    Command("view.panels", "View", "Hide or show the panels", _emit(act.TogglePanels()), ("Tab",)),
    Command("view.reset-layout", "View", "Reset the layout", _emit(act.ResetLayout())),
    Command("view.dark", "View", "Dark theme", _emit(act.SetTheme("dark")), anywhere=True),
    Command("view.light", "View", "Light theme", _emit(act.SetTheme("light")), anywhere=True),
    Command("view.explore", "View", "Explore workspace", _emit(act.ShowWorkspace("explore")), ("Ctrl+1",), anywhere=True),
    Command("view.training", "View", "Training workspace", _emit(act.ShowWorkspace("training")), ("Ctrl+2",), anywhere=True),
    Command("ray.pin", "Ray", "Pin the inspected ray, or remove its pin", _pin, ("P",), why_not=_no_ray),
    Command("ray.copy", "Ray", "Copy the value under the cursor", _copy_value, ("Ctrl+C",)),
    Command("latent.previous", "Latent", "Previous seed", _seed(-1), ("[",), repeats=True, why_not=_no_latent),
    Command("latent.walk", "Latent", "Walk through the seeds, or stop", toggled_walk, ("L",), why_not=_no_latent),
    Command("latent.next", "Latent", "Next seed", _seed(1), ("]",), repeats=True, why_not=_no_latent),
    Command("edit.undo", "Edit", "Undo", _emit(act.Undo()), ("Ctrl+Z",), repeats=True),
    Command("edit.redo", "Edit", "Redo", _emit(act.Redo()), ("Ctrl+Y", "Ctrl+Shift+Z"), repeats=True),
    Command("file.open", "File", "Open a checkpoint", _emit(act.OpenDialog()), ("Ctrl+O",), anywhere=True),
    Command("file.save-picture", "File", "Save the view as a picture in the last folder", _emit(act.SavePicture()), ("Ctrl+S",)),
    Command("file.copy-picture", "File", "Copy the picture", _emit(act.CopyPicture()), why_not=_nothing_open),
    Command("file.restore", "File", "Restore the last session", _emit(act.RestoreSession()), anywhere=True),
    Command("file.restart", "File", "Restart the render process", _emit(act.RestartWorker()), anywhere=True),
    Command("file.quit", "File", "Quit", _emit(act.Quit()), ("Ctrl+Q",), anywhere=True),
    Command("help.palette", "Help", "Command palette", _emit(act.TogglePalette()), ("Ctrl+P",), anywhere=True),
    Command("help.keys", "Help", "Keys", _emit(act.ToggleKeys()), ("F1",), anywhere=True),
    Command("help.about", "Help", "About triscope", _emit(act.ShowAbout()), anywhere=True),
)
"""In the order in which F1 lists them."""

DEFAULT_KEYS: dict[str, tuple[str, ...]] = {c.name: c.keys for c in COMMANDS}
