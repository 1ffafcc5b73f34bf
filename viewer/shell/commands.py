"""The table of commands: shortcuts, key list (F1) and command palette are three views of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core_model.schema.camera import CameraPrior
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import SEEDS, SeedWeight
from viewer.state import actions, orbit
from viewer.state.document import Document
from viewer.state.latent_blend import main_seed

COMPARISONS = ("off", "wipe", "side", "difference", "grid")


@dataclass(frozen=True)
class Situation:
    """What a command's availability depends on.

    exploring: the Explore workspace is shown; value: the value under the cursor, as text.
    """

    doc: Document
    info: CheckpointInfo | None = None
    exploring: bool = True
    value: str = ""


Does = Callable[[Situation], actions.Action | None]
WhyNot = Callable[[Situation], str]


@dataclass(frozen=True)
class Command:
    """One thing to do.

    name: stable, what preferences call it. does: the action, None where there is nothing to do. keys: default
    chords. repeats: also while the key is held down. anywhere: in the Training workspace as well. why_not:
    why it cannot be done now, "" where it can. words: what people call it beside its title, for the palette.
    """

    name: str
    group: str
    title: str
    does: Does
    keys: tuple[str, ...] = ()
    repeats: bool = False
    anywhere: bool = False
    why_not: WhyNot | None = None
    words: str = ""

    def blocked(self, now: Situation) -> str:
        if not self.anywhere and not now.exploring:
            return "Belongs to the Explore workspace"
        return self.why_not(now) if self.why_not is not None else ""


def _always(action: actions.Action) -> Does:
    return lambda now: action


def _edit(now: Situation, **changes: object) -> actions.Edit:
    return actions.Edit(now.doc, now.doc.replace(**changes))


def _prior(now: Situation) -> CameraPrior:
    return now.info.header.camera if now.info is not None else CameraPrior()


def _reset(now: Situation) -> actions.Action:
    return _edit(now, camera=orbit.reset(now.doc.camera, _prior(now)))


def _frame(now: Situation) -> actions.Action:
    return _edit(now, camera=orbit.frame(now.doc.camera, _prior(now)))


def _pin(now: Situation) -> actions.Action | None:
    selected = now.doc.rays.selected
    return None if selected is None else actions.PinRay(selected)


def _no_ray(now: Situation) -> str:
    return "" if now.doc.rays.selected is not None else "Click a pixel first"


def _compare(now: Situation) -> actions.Action:
    compare = now.doc.compare
    following = COMPARISONS[(COMPARISONS.index(compare.mode) + 1) % len(COMPARISONS)]
    return actions.Several(
        (actions.ShowPanel("Compare", True), _edit(now, compare=compare.replace(mode=following)))
    )


def _seed(step: int) -> Does:
    def does(now: Situation) -> actions.Action:
        latent = now.doc.latent
        seed = SeedWeight(seed=(main_seed(latent) + step) % SEEDS)
        return _edit(now, latent=latent.replace(seeds=(seed,), z=None, w=None))

    return does


def _no_latent(now: Situation) -> str:
    return "" if now.info is not None and now.info.z_dim else "This checkpoint has no latent"


def _nothing_open(now: Situation) -> str:
    return "" if now.info is not None else "Nothing is open"


def _copy_value(now: Situation) -> actions.Action | None:
    return actions.CopyText(now.value, "value under the cursor") if now.value else None


def _channel(index: int) -> Does:
    def does(now: Situation) -> actions.Action | None:
        if now.info is None or _no_channel(index)(now):
            return None
        return _edit(now, view=now.doc.view.with_channel(now.info.channels[index].name))

    return does


def _no_channel(index: int) -> WhyNot:
    def why(now: Situation) -> str:
        if now.info is None or index >= len(now.info.channels):
            return "There are fewer channels"
        channel = now.info.channels[index]
        return "Needs a proposal network" if channel.needs_proposal and not now.info.has_proposal else ""

    return why


def _channels() -> tuple[Command, ...]:
    digits = "1234567890"
    return tuple(
        Command(f"channel-{i + 1}", "View", f"Channel {i + 1}", _channel(i), (d,), why_not=_no_channel(i))
        for i, d in enumerate(digits)
    )


COMMANDS: tuple[Command, ...] = (
    Command(
        "camera.reset", "Camera", "Reset to the checkpoint's pose", _reset, ("R",), words="home front view"
    ),
    Command("camera.frame", "Camera", "Frame the whole subject", _frame, ("F",), words="fit zoom to extents"),
    *_channels(),
    Command(
        "view.compare",
        "View",
        "Compare: off, wipe, side by side, error map, grid",
        _compare,
        ("V",),
        why_not=_nothing_open,
        words="difference a/b split",
    ),
    Command(
        "view.layers",
        "View",
        "Layers of the networks: feature maps",
        _always(actions.FrontPanel("Layers")),
        ("N",),
        why_not=_nothing_open,
        words="activations feature maps layers neurons hidden units backbone network visualizer",
    ),
    Command(
        "view.panels",
        "View",
        "Hide or show the panels",
        _always(actions.TogglePanels()),
        ("H",),
        words="full screen zen presentation",
    ),
    Command(
        "view.reset-layout",
        "View",
        "Reset the layout",
        _always(actions.ResetLayout()),
        words="windows panels arrangement default",
    ),
    Command(
        "view.dark",
        "View",
        "Dark theme",
        _always(actions.SetTheme("dark")),
        anywhere=True,
        words="appearance night black colours",
    ),
    Command(
        "view.light",
        "View",
        "Light theme",
        _always(actions.SetTheme("light")),
        anywhere=True,
        words="appearance day white colours",
    ),
    Command(
        "view.explore",
        "View",
        "Explore workspace",
        _always(actions.ShowWorkspace("explore")),
        ("Ctrl+1",),
        anywhere=True,
    ),
    Command(
        "view.training",
        "View",
        "Training workspace",
        _always(actions.ShowWorkspace("training")),
        ("Ctrl+2",),
        anywhere=True,
        words="train new run launch start runs losses charts",
    ),
    Command(
        "ray.pin",
        "Ray",
        "Pin the inspected point, or remove its pin",
        _pin,
        ("P",),
        why_not=_no_ray,
        words="mark keep pixel",
    ),
    Command(
        "ray.copy",
        "Ray",
        "Copy the value under the cursor",
        _copy_value,
        ("Ctrl+C",),
        words="clipboard number",
    ),
    Command(
        "latent.previous",
        "Latent",
        "Previous seed",
        _seed(-1),
        ("[",),
        repeats=True,
        why_not=_no_latent,
        words="head sample z",
    ),
    Command(
        "latent.walk",
        "Latent",
        "Walk through the seeds, or stop",
        _always(actions.ToggleWalk()),
        ("L",),
        why_not=_no_latent,
        words="animate interpolate play",
    ),
    Command(
        "latent.next",
        "Latent",
        "Next seed",
        _seed(1),
        ("]",),
        repeats=True,
        why_not=_no_latent,
        words="head sample random z",
    ),
    Command(
        "edit.undo", "Edit", "Undo", _always(actions.Undo()), ("Ctrl+Z",), repeats=True, words="back revert"
    ),
    Command(
        "edit.redo",
        "Edit",
        "Redo",
        _always(actions.Redo()),
        ("Ctrl+Y", "Ctrl+Shift+Z"),
        repeats=True,
        words="again forward",
    ),
    Command(
        "file.open",
        "File",
        "Open a checkpoint",
        _always(actions.OpenDialog()),
        ("Ctrl+O",),
        anywhere=True,
        words="load file browse pkl safetensors run folder",
    ),
    Command(
        "file.open-photo",
        "File",
        "Open a photo: find its head (inversion)",
        _always(actions.OpenPhoto()),
        words="photograph picture face portrait invert project own image jpeg",
    ),
    Command(
        "file.save-picture",
        "File",
        "Save the view as a picture in the last folder",
        _always(actions.SavePicture()),
        ("Ctrl+S",),
        words="screenshot image png capture export snapshot",
    ),
    Command(
        "file.export-mesh",
        "File",
        "Export the mesh of this head",
        _always(actions.ExportMesh()),
        ("Ctrl+E",),
        why_not=_nothing_open,
        words="3d model surface geometry obj ply glb stl marching cubes 1024 save",
    ),
    Command(
        "file.copy-picture",
        "File",
        "Copy the picture",
        _always(actions.CopyPicture()),
        why_not=_nothing_open,
        words="screenshot clipboard image",
    ),
    Command(
        "file.restore",
        "File",
        "Restore the last session",
        _always(actions.RestoreSession()),
        anywhere=True,
        words="reopen last again",
    ),
    Command(
        "file.restart",
        "File",
        "Restart the render process",
        _always(actions.RestartWorker()),
        anywhere=True,
        words="worker reload crash hang",
    ),
    Command(
        "file.quit", "File", "Quit", _always(actions.Quit()), ("Ctrl+Q",), anywhere=True, words="exit close"
    ),
    Command(
        "help.welcome",
        "Help",
        "Welcome",
        _always(actions.ShowWelcome()),
        anywhere=True,
        words="start first steps recent demo train hints begin",
    ),
    Command(
        "help.palette",
        "Help",
        "Command palette",
        _always(actions.TogglePalette()),
        ("Ctrl+P",),
        anywhere=True,
        words="search find commands actions",
    ),
    Command(
        "help.keys",
        "Help",
        "Keys",
        _always(actions.ToggleKeys()),
        ("F1",),
        anywhere=True,
        words="shortcuts hotkeys bindings keyboard",
    ),
    Command(
        "help.doctor",
        "Help",
        "Check this machine",
        _always(actions.ShowDoctor()),
        anywhere=True,
        words="doctor gpu driver opengl cuda version diagnose problem",
    ),
    Command(
        "help.menus",
        "Help",
        "Go to the menu bar",
        _always(actions.FocusMenus()),
        ("F10",),
        anywhere=True,
        words="keyboard file edit view",
    ),
    Command(
        "help.about",
        "Help",
        "About triscope",
        _always(actions.ShowAbout()),
        anywhere=True,
        words="version licence",
    ),
)
"""In the order in which F1 lists them."""

DEFAULT_KEYS: dict[str, tuple[str, ...]] = {c.name: c.keys for c in COMMANDS}
