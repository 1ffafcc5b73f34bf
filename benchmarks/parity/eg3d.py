"""What a recording of EG3D holds, computed by triscope's phases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.parity.iteration import Stepper, average_of, check_recorded, check_weights, fresh, run_phase
from benchmarks.parity.networks import (
    Named,
    RecordedNet,
    check_gradients,
    discriminator_of,
    generator_of,
    with_noise_images,
)
from benchmarks.parity.percentile import PercentileDraws
from benchmarks.parity.recording import RecordedDraws, Recording, Table
from benchmarks.parity.tables import check_ada, check_phases, check_schedule_columns
from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.fade_blur import blur_taps, fade_blur
from core_model.discriminators.stylegan2 import noisy_label, resized
from core_model.families.eg3d.convert import Eg3dConfig, tensors_of, to_native
from core_model.families.eg3d.generator import Eg3dGenerator
from core_model.families.osg.learning import mapped, raw_density, styles
from core_model.training.gan.phases import eg3d as phases
from core_model.training.gan.phases.eg3d import Fakes, Reals, View, resized_real
from core_model.training.gan.phases.schedules import (
    AdamRule,
    average_keep,
    batch_blur,
    render_size,
    swap_probability,
)
from core_model.training.gan.phases.term import Term, swapped

BLOCKS = {"Gmain": 0, "Gboth": 0, "Greg": 1, "Dmain": 2, "Dreg": 3, "Dboth": 2}
NOTHING = ("l1-alt", "total-variation")
"""Kinds of the density regulariser that the program accepts and does not compute."""
INTERVALS = {"Greg": 4, "Dreg": 16}
LONG_AFTER = 10e6  # images after which nothing is blurred


@dataclass(frozen=True)
class Variant:
    """A recorded phase's name, read: base, its number of images, raw size, augmentation, density kind."""

    base: str
    images: float
    size: int
    augment: bool
    kind: str


class Eg3dComparison:
    """The recorded networks and inputs of one file."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.table = recording, Table(recording)
        self.config: dict[str, Any] = recording.setting("config")
        self.batch = int(recording.setting("config", "batch"))
        self.loop_batch = int(self.config.get("batch_size", self.batch))
        kwargs = dict(recording.setting("G_kwargs"))
        self.rendering = dict(kwargs["rendering_kwargs"])
        state = with_noise_images({n: v.numpy() for n, v in recording.weights("sdG").items()})
        net = RecordedNet("TriPlaneGenerator", state, kwargs)
        self._g = generator_of(net, to_native, tensors_of, Eg3dConfig, Eg3dGenerator)
        self._d = discriminator_of(recording, "sdD", recording.setting("D_kwargs"), dual=True)
        self.reals, self.labels = recording.images("in/real_u8"), recording.tensor("in/real_c")
        self.z, self.c = recording.tensor("in/gen_z"), recording.tensor("in/gen_c")
        nrr = self.config["nrr"]
        self.growth = tuple(nrr) if isinstance(nrr, list) else (nrr, None, 0)
        self.gamma = float(recording.setting("config", "gamma"))

    def run(self) -> Table:
        self.images_alone()
        self.layers()
        check_recorded(self.table, self.phase, self.iteration, (self._g, self._d))
        self.tables()
        return self.table

    # -- settings -------------------------------------------------------------------------------------

    def swap(self, images: float) -> float | None:
        if not self.config.get("pose_cond", True):
            return None
        fade = float(self.config.get("gpc_fade", 1000))
        return swap_probability(images, float(self.config["gpc"]), fade)

    def size(self, images: float) -> int:
        first, last, fade = self.growth
        return render_size(images, int(first), None if last is None else int(last), float(fade or 0))

    def view(self, draws: RecordedDraws, images: float, size: int, augment: bool) -> View:
        return View(
            size=size,
            sigma=batch_blur(images, self.loop_batch),
            draws=draws,
            augment=AdaPipe() if augment else None,
            p=float(self.config.get("ada_p", 0.0)),
            label_noise=float(self.recording.setting("D_kwargs").get("disc_c_noise", 0) or 0),
            noise="const",
        )

    def fakes(self, block: int, draws: RecordedDraws, images: float, *, common: bool = False) -> Fakes:
        rows = slice(block * self.batch, (block + 1) * self.batch)
        label, p = self.c[rows], self.swap(images)
        u = None if p is None else draws.uniform(*(() if common else (self.batch, 1)))
        return Fakes(self.z[rows], swapped(label, p, u), label)

    @property
    def step_reals(self) -> Reals:
        return Reals(self.reals[: self.batch], self.labels[: self.batch])

    def read(self, name: str) -> Variant | None:
        """The phase that a name stands for; None for one that is not known here."""
        base, *rest = name.split("_", 1)
        if base not in BLOCKS:
            return None
        images, size, augment = float(self.config["cur_nimg"]), None, False
        kind = str(self.rendering.get("reg_type", "l1"))
        for part in rest[0].split("_") if rest else []:
            if part == "noblur":
                images = LONG_AFTER
            elif part == "ada":
                images, augment = LONG_AFTER, True
            elif m := re.fullmatch(r"raw(\d+)", part):
                size = int(m.group(1))
            elif base == "Greg" and part in ("l1", "monotonic-detach", "monotonic-fixed", *NOTHING):
                kind = part
            else:
                return None
        return Variant(base, images, size or self.size(images), augment, kind)

    def terms(self, v: Variant, g: Named, d: Named, draws: RecordedDraws, reals: Reals) -> Iterator[Term]:
        view = self.view(draws, v.images, v.size, v.augment)
        if v.base == "Gmain":
            return phases.generator_main(g.module, d.module, self.fakes(0, draws, v.images), view)
        if v.base in ("Greg", "Gboth"):
            return self.generator_terms(v, g, d, draws, view)
        if v.base == "Dreg":
            return phases.discriminator_penalty(d.module, reals, view, self.gamma)
        fakes = self.fakes(BLOCKS[v.base], draws, v.images)
        r1 = self.gamma if v.base == "Dboth" else 0.0
        return phases.discriminator_main(g.module, d.module, fakes, reals, view, r1)

    def generator_terms(
        self, v: Variant, g: Named, d: Named, draws: RecordedDraws, view: View
    ) -> Iterator[Term]:
        """The density regulariser; in Gboth (where it is not lazy, or off) after the adversarial loss."""
        block, weight = BLOCKS[v.base], float(self.rendering.get("density_reg", 0.25))
        if v.base == "Gboth":
            fakes = self.fakes(block, draws, v.images)
            yield from phases.generator_main(g.module, d.module, fakes, view)
        if v.kind in NOTHING or (v.base == "Gboth" and not weight):
            return
        yield from phases.generator_density(
            g.module,
            v.kind,  # type: ignore[arg-type]
            self.batch,
            lambda: self.fakes(block, draws, v.images, common=True),
            view,
            weight=weight,
            offset=float(self.rendering.get("density_reg_p_dist", 0.004)),
        )

    # -- phases ---------------------------------------------------------------------------------------

    def phase(self, name: str, table: Table) -> None:
        v, home = self.read(name), f"out/{name}"
        if v is None:
            table.fail(home, f"no phase of that name is known: {name}")
            return
        g, d = fresh(self._g), fresh(self._d)
        learning, other = (g, d) if v.base.startswith("G") else (d, g)
        draws, gain = RecordedDraws(self.recording, name), float(INTERVALS.get(v.base, 1))
        terms = run_phase(self.terms(v, g, d, draws, self.step_reals), learning.module, [other.module], gain)
        table.drawn(draws)
        check_terms(table, home, terms, gain)
        check_gradients(table, name, learning)
        seen = {k: x for t in terms for k, x in t.seen.items()}
        part = lambda array, key: check_seen(table, f"{home}/{array}", seen.get(key))
        part("gen_image_blurred", "fake_image")
        part("gen_raw", "fake_raw")
        part("real_raw", "real_raw")
        part("image", "real_image")
        part("raw", "real_raw")
        if f"{home}/w_avg_after" in self.recording:
            table.check(f"{home}/w_avg_after", g.module.mapping.w_avg)

    def iteration(self, table: Table) -> None:
        """The phases in their order, each on what the earlier ones have left."""
        home, recording, images = "out/iter", self.recording, float(self.config["cur_nimg"])
        g, d = fresh(self._g), fresh(self._d)
        average = fresh(self._g)
        with torch.no_grad():
            for p in average.module.parameters():
                p.mul_(0.5)
        names: list[str] = recording.setting("names", "iteration_order")
        reals = self.step_reals
        steppers = {
            "G": Stepper(g, AdamRule.lazy(0.0025, INTERVALS["Greg"] if "Greg" in names else None)),
            "D": Stepper(d, AdamRule.lazy(0.002, INTERVALS["Dreg"])),
        }
        for name in names:
            v = self.read(name)
            if v is None:
                table.fail(home, f"no phase of that name is known: {name}")
                return
            draws, gain = RecordedDraws(recording, f"iter_{name}"), float(INTERVALS.get(v.base, 1))
            own = steppers[name[0]]
            other = d if own.net is g else g
            terms = run_phase(self.terms(v, g, d, draws, reals), own.net.module, [other.module], gain)
            for term in terms:  # noise on labels adds up: the program changes them in place
                reals = Reals(reals.images, term.seen.get("label", reals.label))
            own.step()
            table.drawn(draws)
            check_terms(table, f"{home}/{name}", terms, gain)
        keep = average_keep(images, self.loop_batch, self.loop_batch * 10e3 / 32)
        table.check(f"{home}/ema_beta", keep)
        average_of(average, g, keep)
        detached = lambda net: {n: p.detach() for n, p in net.parameters.items()}
        check_weights(table, f"{home}/G", steppers["G"], detached(g))
        check_weights(table, f"{home}/D", steppers["D"], detached(d))
        check_weights(table, f"{home}/G_ema", steppers["G"], detached(average))
        if f"{home}/G_ema_w_avg" in recording:
            table.check(f"{home}/G_ema_w_avg", average.module.mapping.w_avg)

    # -- single layers --------------------------------------------------------------------------------

    @torch.no_grad()
    def images_alone(self) -> None:
        """Blur, resizing, augmentation."""
        table, recording, d = self.table, self.recording, self._d.module
        for k, sigma in enumerate(self.config.get("sigmas", [])):
            home = f"out/blur{k}"
            if not recording.below(home):
                continue
            image = fade_blur(self.reals, sigma)
            raw = fade_blur(resized(self.reals, int(self.growth[0])), sigma)
            if f"{home}/taps" in recording:
                table.check(f"{home}/taps", blur_taps(sigma))
            table.check_part(f"{home}/image", image)
            table.check_part(f"{home}/raw", raw)
            table.check(f"{home}/logits", d.judge(image, raw, self.labels))
        for name in recording.below("out/resize"):
            how, size = name.rsplit("_", 1)
            small = recording.images("in/ada_u8")[:1]
            try:
                table.check_part(f"out/resize/{name}", resized_real(small, int(size), mode_of(how)))
            except ValueError:
                table.fail(f"out/resize/{name}", f"no filter of that name is known: {how}")
        if recording.below("out/ada"):
            self.augmentation()

    def augmentation(self) -> None:
        table, recording, pipe = self.table, self.recording, AdaPipe()
        first = recording.images("in/ada_u8")
        images = torch.cat([first, first.flip(3) * 0.5], dim=1)
        for name in recording.below("out/ada"):
            full = f"out/ada/{name}"
            if name.startswith("percentile_"):
                draws = PercentileDraws(float(name.removeprefix("percentile_")))
                table.check(full, pipe(images[: recording.array(full).shape[0]], 2.0, draws))
            elif name in ("random", "p_zero"):
                drawn = RecordedDraws(recording, "ada" if name == "random" else "ada0")
                p = float(self.config["ada_p"]) if name == "random" else 0.0
                table.check_part(full, pipe(images, p, drawn))
                table.drawn(drawn)

    @torch.no_grad()
    def layers(self) -> None:
        """Labels in the discriminator and in the generator."""
        table, recording, g, d = self.table, self.recording, self._g.module, self._d.module
        if "out/cmap" in recording:
            table.check("out/cmap", d.embedding(self.labels))
        if recording.below("out/label_noise"):
            draws = RecordedDraws(recording, "label_noise")
            label = recording.tensor("in/noise_c")
            label = noisy_label(label, float(self.config["noise"]), draws.normal(*label.shape))
            some = self.reals[: len(label)]
            raw = resized(some, int(self.growth[0]))
            table.check("out/label_noise/logits", d.judge(some, raw, label))
            table.check("out/label_noise/c_after", label)
            table.drawn(draws)
        rows = slice(self.batch, 2 * self.batch)
        if "out/ws_zero_label" in recording:
            w = mapped(g, self.z[rows], None)
            table.check("out/ws_zero_label", w)
            if "out/sigma_zero_label" in recording:
                count = recording.array("out/sigma_zero_label").shape[1]
                points = recording.tensor("draw/Greg_l1/01_uniform")[:, :count] * 2 - 1
                planes = g.synthesize(styles(g, w), "const")
                table.check("out/sigma_zero_label", raw_density(g, planes, points)[..., None])

    def tables(self) -> None:
        lazy = "Greg" if "Greg" in self.recording.setting("names", "phases") else None
        rates = {"G": (0.0025, lazy), "D": (0.002, "Dreg")}
        check_phases(self.table, rates, INTERVALS)
        check_ada(self.table)
        check_schedule_columns(self.table, eg3d_schedule)


def eg3d_schedule(row: list[float]) -> list[float]:
    """A row of the schedule's table from its inputs: images, swap's end, final size, batch, resumed."""
    images, swap, final, batch, resumed = row[0], row[1], int(row[2]), int(row[3]), bool(row[4])
    fade = 0.0 if resumed else 1000.0
    return [
        *row[:5],
        0.0 if resumed else batch_blur(images, batch),
        -1.0 if swap < 0 else swap_probability(images, swap, fade),
        float(render_size(images, 64, final or None, 1000.0)),
        average_keep(images, batch, batch * 10e3 / 32, None if resumed else 0.05),
    ]


def mode_of(name: str) -> str | float:
    return name if name in ("antialiased", "none", "classic") else float(name)


def check_terms(table: Table, home: str, terms: list[Term], gain: float) -> None:
    """The differentiated scalars, and every report that was recorded."""
    values = torch.stack([t.value.detach() * gain for t in terms]) if terms else torch.zeros(0)
    table.check(f"{home}/backward", values)
    reports = {k: x for t in terms for k, x in t.reports.items()}
    for name, value in reports.items():
        if f"{home}/{name}" in table.recording:
            if value.dim() == 4:
                table.check_part(f"{home}/{name}", value)
            else:
                table.check(f"{home}/{name}", value)


def check_seen(table: Table, name: str, value: torch.Tensor | None) -> None:
    if name not in table.recording:
        return
    if value is None:
        table.fail(name, "the phase shows no such picture")
    else:
        table.check_part(name, value)
