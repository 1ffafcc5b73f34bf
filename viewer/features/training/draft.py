"""A new run while it is being set up: preset, typed settings, place, device. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from core_model.schema.settings import Setting, SettingGroup, settings_of
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS, presets_of, start_missing
from viewer.jobs.asked import Asked
from viewer.jobs.backend import Resources
from viewer.jobs.command import CommandLine, processes_for, train_arguments
from viewer.jobs.form import Checked, check, form_of, texts_of

HIDDEN = ("preset", "recipe", "data.path")
"""Said by --preset (which has one recipe) and --data, and chosen above the form."""


@dataclass
class Draft:
    """typed: path → text of every field that was touched; what equals the base again is forgotten.

    asked: of the machine that trains. base: the settings that the form starts from: a preset, or those of another run (`origin` names it).
    """

    preset: str = "smoke"
    typed: dict[str, str] = field(default_factory=dict)
    data: str = ""
    out: str = ""
    device: str = "cpu"
    backend: str = "local"
    gpus: int = 1
    cpus: int = 0
    hours: float = 0.0
    partition: str = ""
    origin: str = ""
    asked: Asked = field(default_factory=Asked, repr=False)
    _texts: dict[str, str] = field(default_factory=dict, repr=False)
    _texts_of: str = ""
    _checked: Checked | None = field(default=None, repr=False)
    _checked_for: object = None

    @property
    def base(self) -> TrainConfig:
        """The preset, from which the command line tells every difference."""
        return PRESETS.get(self.preset)

    def groups(self) -> tuple[SettingGroup, ...]:
        """The form of the recipe, without what stands above it."""
        shown = lambda f: f.path not in HIDDEN and f.read_by(self.recipe)
        made = (
            SettingGroup(g.name, g.help, tuple(f for f in g.fields if shown(f)))
            for g in form_of(type(self.base))
        )
        return tuple(g for g in made if g.fields)

    @property
    def recipe(self) -> str:
        """How it is trained: the preset's."""
        return self.base.recipe

    def presets(self) -> tuple[str, ...]:
        """Presets of the recipe."""
        return presets_of(self.recipe)

    def choose_recipe(self, name: str) -> None:
        """Start from the first preset of another recipe; typed texts that it reads too stay."""
        if name != self.recipe:
            self.choose_preset(presets_of(name)[0])

    def texts(self) -> Mapping[str, str]:
        """Text of every field of the preset."""
        if self._texts_of != self.preset:
            self._texts, self._texts_of = texts_of(self.base), self.preset
        return self._texts

    def text(self, path: str) -> str:
        """What stands in a field."""
        return self.typed.get(path, self.texts().get(path, ""))

    def changed(self, path: str) -> bool:
        """Whether a field differs from the preset."""
        return path in self.typed

    def put(self, path: str, text: str) -> None:
        """Type a text into a field; the base's own text is no change."""
        if text.strip() == self.texts().get(path, "").strip():
            self.typed.pop(path, None)
        else:
            self.typed[path] = text

    def reset(self, path: str = "") -> None:
        """A field (all without a path) back to the preset."""
        if path:
            self.typed.pop(path, None)
        else:
            self.typed.clear()

    def choose_preset(self, name: str) -> None:
        """Start from another preset; typed texts that differ from it stay."""
        if name == self.preset:
            return
        before = dict(self.typed)
        self.preset, self.origin, self.typed = name, "", {}
        known = settings_of(type(self.base))
        for path, text in before.items():
            if path in known and known[path].read_by(self.recipe):
                self.put(path, text)

    def take(self, tree: TrainConfig, name: str) -> None:
        """The settings of another run, as differences from its preset."""
        fitting = presets_of(tree.recipe)
        self.preset = tree.preset if tree.preset in fitting else fitting[0]
        self.typed = {}
        for path, text in texts_of(tree).items():
            if path not in HIDDEN and path in self.texts():
                self.put(path, text)
        self.data, self.origin = tree.data.path or self.data, name

    def take_arguments(self, argv: tuple[str, ...], name: str) -> None:
        """The settings of a job that has not written any yet, as its command line tells them."""
        words = dict(zip(argv, argv[1:], strict=False))
        if words.get("--preset") in PRESETS.names():
            self.preset = words["--preset"]
        self.typed = {}
        for word in argv:
            path, equals, text = word.removeprefix("--").partition("=")
            if word.startswith("--") and equals and path in self.texts() and path not in HIDDEN:
                self.put(path, text)
        self.data, self.origin = words.get("--data", self.data), name

    def checked(self) -> Checked:
        """The settings where they are right, and the complaints by field."""
        key = (self.preset, tuple(self.typed.items()))
        if self._checked is None or key != self._checked_for:
            self._checked, self._checked_for = check(self.base, self.typed), key
        return self._checked

    @property
    def tree(self) -> TrainConfig | None:
        tree = self.checked().tree
        return tree if isinstance(tree, TrainConfig) else None

    @property
    def run(self) -> PurePath:
        return self.asked.desk.path(self.out)

    def resources(self) -> Resources:
        """What the job requests: the device here, or resources of the cluster."""
        if self.backend == "local":
            return Resources(devices=tuple(d.strip() for d in self.device.split(",") if d.strip()))
        return Resources(gpus=self.gpus, cpus=self.cpus, hours=self.hours, partition=self.partition.strip())

    def processes(self) -> int:
        found = self.resources()
        return processes_for(found.devices) if self.backend == "local" else max(1, found.gpus)

    def arguments(self) -> tuple[str, ...] | None:
        """The words after `triscope`; None while a field is wrong."""
        tree = self.tree
        if tree is None:
            return None
        # A cluster job that requested no GPU must not use one that happens to be visible.
        on_cpu = self.device.strip() == "cpu" if self.backend == "local" else self.gpus == 0
        device = "cpu" if on_cpu else "auto"
        data = self.asked.desk.path(self.data.strip() or ".")
        return train_arguments(tree, self.base, data, self.run, device)

    def line(self) -> CommandLine | None:
        """The one command line that is shown, forecast and started; None while a field is wrong."""
        arguments = self.arguments()
        return CommandLine(arguments, self.processes()) if arguments is not None else None

    def command(self) -> str:
        """The line that a person would type; "" while a field is wrong."""
        line = self.line()
        return line.typed() if line is not None else ""

    def argv(self) -> tuple[str, ...]:
        """What the job executes; only where `arguments` are there."""
        line = self.line()
        return line.argv() if line is not None else ()

    def problems(self, data_fault: str) -> list[str]:
        """Why it cannot start yet. data_fault: what is wrong with the data set."""
        found = []
        errors = self.checked().errors
        if errors:
            path, said = next(iter(errors.items()))
            found.append(
                f"{path or 'settings'}: {said}"
                + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")
            )
        if self.tree is not None and (needed := start_missing(self.tree)):
            found.append(f"start_from: it fine-tunes {needed}")
        if not self.data.strip():
            found.append("no data set: a zip or folder with dataset.json")
        elif data_fault:
            found.append(data_fault)
        if not self.out.strip():
            found.append("no run directory")
        elif self.asked.is_run(self.run):
            found.append(f"{self.run.name} is a run already: choose another directory, or resume that one")
        facts = self.asked.facts()
        why = self.asked.desk.trouble or (
            "its backends are being asked for" if facts is None else facts.why_not(self.backend)
        )
        if why:
            found.append(why)
        if self.backend == "local" and not self.resources().devices:
            found.append("no device: cpu, or cuda:0 …")
        return found


def matching(
    groups: tuple[SettingGroup, ...], draft: Draft, typed: str, only_changed: bool
) -> list[tuple[SettingGroup, list[Setting]]]:
    """Groups with the fields that contain every typed word; `only_changed`: that also differ from the preset
    or are wrong.
    """
    errors = draft.checked().errors
    kept = []
    for group in groups:
        fields = [
            f
            for f in group.fields
            if f.fits(typed) and (not only_changed or draft.changed(f.path) or f.path in errors)
        ]
        if fields:
            kept.append((group, fields))
    return kept
