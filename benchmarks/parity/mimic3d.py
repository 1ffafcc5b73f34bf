"""What a recording of Mimic3D's 3D stage holds, computed by triscope's phases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from benchmarks.parity.eg3d import check_seen, check_terms, eg3d_schedule
from benchmarks.parity.iteration import Stepper, average_of, check_recorded, check_weights, fresh, run_phase
from benchmarks.parity.networks import (
    Named,
    RecordedNet,
    check_gradients,
    discriminator_of,
    generator_of,
    with_noise_images,
)
from benchmarks.parity.recording import RecordedDraws, Recording, Table
from benchmarks.parity.tables import check_ada, check_phases, check_schedule_columns
from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.stylegan2 import resized
from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.mimic3d.convert import tensors_of, to_native
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.losses.perceptual import PerceptualDistance
from core_model.training.gan.phases import eg3d, mimic3d
from core_model.training.gan.phases.eg3d import Fakes, Reals, View
from core_model.training.gan.phases.mimic3d import Patches
from core_model.training.gan.phases.schedules import AdamRule, average_keep, batch_blur, swap_probability
from core_model.training.gan.phases.term import Term, swapped

ORDER = ("Gmain", "Greg", "Dmain", "Dreg", "D_patchmain", "D_patchreg")
INTERVALS = {"Greg": 4, "Dreg": 16, "D_patchreg": 16}
LONG_AFTER = 10e6


class Mimic3dComparison:
    """The recorded networks and inputs of one file."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.table = recording, Table(recording)
        self.config: dict[str, Any] = recording.setting("config")
        self.batch = int(recording.setting("config", "batch"))
        self.loop_batch = int(self.config.get("batch_size", self.batch))
        kwargs = dict(recording.setting("G_kwargs"))
        self.rendering = dict(kwargs["rendering_kwargs"])
        state = with_noise_images({n: v.numpy() for n, v in recording.weights("sdG").items()})
        name = str(kwargs["class_name"]).rsplit(".", 1)[-1]
        self.nets: dict[str, Named] = {
            "G": generator_of(
                RecordedNet(name, state, kwargs), to_native, tensors_of, Mimic3dConfig, Mimic3dGenerator
            ),
            "D": discriminator_of(recording, "sdD", recording.setting("D_kwargs"), dual=True),
        }
        if recording.below("sdP"):
            patch_kwargs = recording.setting("D_patch_kwargs")
            self.nets["P"] = discriminator_of(recording, "sdP", patch_kwargs, dual=False)
        self.distance = PerceptualDistance(recording.weights("sdL")) if recording.below("sdL") else None
        self.reals, self.labels = recording.images("in/real_u8"), recording.tensor("in/real_c")
        self.z, self.c = recording.tensor("in/gen_z"), recording.tensor("in/gen_c")
        self.raw = int(recording.setting("config", "nrr"))
        scale = float(self.config.get("patch_scale", 1.0))
        self.sizes = Patches(
            self.raw,
            int(self.raw / scale),
            imitation=float(self.config.get("lpips_weight", 1.0)),
            adversarial=float(self.config.get("patch_gan", 0.0)),
        )

    def run(self) -> Table:
        self.layers()
        check_recorded(self.table, self.phase, self.iteration, self.nets.values())
        self.tables()
        return self.table

    def read(self, name: str) -> tuple[str, float, bool] | None:
        """(phase, images, augmented) that a name stands for; None for one that is not known here."""
        base = next((p for p in sorted(ORDER, key=len, reverse=True) if name == p or name.startswith(p + "_")), None)  # fmt: skip
        if base is None:
            return None
        images, augment = float(self.config["cur_nimg"]), False
        for part in name.removeprefix(base).strip("_").split("_"):
            if part == "noblur":
                images = LONG_AFTER
            elif part == "ada":
                images, augment = LONG_AFTER, True
            elif part:
                return None
        return base, LONG_AFTER if self.unblurred(name) else images, augment

    def unblurred(self, name: str) -> bool:
        """Whether the reals of a recorded phase were judged without blur: it then has the logits of the
        discriminator alone. (The recordings run Dreg so without saying it.)
        """
        alone, own = "out/D/logits", f"out/{name}/scores_real"
        if name != "Dreg" or alone not in self.recording or own not in self.recording:
            return False
        first, second = (self.recording.tensor(n).flatten() for n in (alone, own))
        return first.shape == second.shape and torch.allclose(first, second, rtol=1e-5, atol=1e-6)

    def fakes(self, phase: str, draws: RecordedDraws, swap: float | None, *, common: bool = False) -> Fakes:
        block = ORDER.index(phase)
        rows = slice(block * self.batch, (block + 1) * self.batch)
        u = None if swap is None else draws.uniform(*(() if common else (self.batch, 1)))
        return Fakes(self.z[rows], swapped(self.c[rows], swap, u), self.c[rows])

    def terms(
        self,
        phase: str,
        nets: dict[str, Named],
        draws: RecordedDraws,
        sigma: float,
        swap: float | None,
        augment: bool,
    ) -> Iterator[Term]:
        g, d = nets["G"].module, nets["D"].module
        view = View(
            size=self.raw,
            sigma=sigma,
            draws=draws,
            augment=AdaPipe() if augment else None,
            p=float(self.config.get("ada_p", 0.0)),
            label_noise=float(self.recording.setting("D_kwargs").get("disc_c_noise", 0) or 0),
            noise="const",
        )
        reals = Reals(self.reals[: self.batch], self.labels[: self.batch])
        patch = nets["P"].module if "P" in nets else None
        if phase == "Gmain":
            fakes = self.fakes(phase, draws, swap)
            if patch is None or self.distance is None:
                return eg3d.generator_main(g, d, fakes, mimic3d.coarse_view(view))
            return mimic3d.generator_main(g, d, patch, fakes, view, self.sizes, self.distance)
        if phase == "Greg":
            return eg3d.generator_density(
                g,
                str(self.rendering.get("reg_type", "l1")),  # type: ignore[arg-type]
                self.batch,
                lambda: self.fakes(phase, draws, swap, common=True),
                view,
                weight=float(self.rendering.get("density_reg", 0.25)),
                offset=float(self.rendering.get("density_reg_p_dist", 0.004)),
            )
        if phase == "Dmain":
            fakes = self.fakes(phase, draws, swap)
            return eg3d.discriminator_main(g, d, fakes, reals, mimic3d.coarse_view(view))
        if phase == "Dreg":
            return eg3d.discriminator_penalty(d, reals, view, float(self.config["gamma"]))
        assert patch is not None
        if phase == "D_patchmain":
            return mimic3d.patch_discriminator_main(
                g, patch, lambda: self.fakes(phase, draws, swap), reals.images, view, self.sizes
            )
        gamma = float(self.config["gamma_patch"])
        return mimic3d.patch_discriminator_penalty(patch, reals.images, view, self.sizes, gamma)

    def swap(self, images: float) -> float | None:
        if not self.config.get("pose_cond", True):
            return None
        return swap_probability(images, float(self.config["gpc"]), float(self.config.get("gpc_fade", 1000)))

    def phase(self, name: str, table: Table) -> None:
        home, read = f"out/{name}", self.read(name)
        if read is None or (read[0].startswith("D_patch") and "P" not in self.nets):
            table.fail(home, f"no phase of that name is known: {name}")
            return
        base, images, augment = read
        nets = {key: fresh(net) for key, net in self.nets.items()}
        learning = nets[learner(base)]
        draws, gain = RecordedDraws(self.recording, name), float(INTERVALS.get(base, 1))
        terms = run_phase(
            self.terms(base, nets, draws, batch_blur(images, self.loop_batch), self.swap(images), augment),
            learning.module,
            [n.module for n in nets.values() if n is not learning],
            gain,
        )
        table.drawn(draws)
        check_terms(table, home, terms, gain)
        check_gradients(table, name, learning)
        seen = {k: x for t in terms for k, x in t.seen.items()}
        for array in self.recording.below(home):
            if array in seen:
                check_seen(table, f"{home}/{array}", seen[array])
        w_avg = nets["G"].module.mapping.w_avg
        if f"{home}/w_avg_after" in self.recording:
            table.check(f"{home}/w_avg_after", w_avg)
        if f"{home}/w_avg_unchanged" in self.recording:
            moved = (w_avg - self.nets["G"].module.mapping.w_avg).abs().max()
            table.check(f"{home}/w_avg_unchanged", moved)

    def iteration(self, table: Table) -> None:
        """The phases in their order, as after resuming: no blur, swap at its end value."""
        home, recording = "out/iter", self.recording
        nets = {key: fresh(net) for key, net in self.nets.items()}
        average = fresh(self.nets["G"])
        with torch.no_grad():
            for p in average.module.parameters():
                p.mul_(0.5)
        names: list[str] = recording.setting("names", "iteration_order")
        steppers = {
            key: Stepper(net, AdamRule.lazy(0.0025, 4 if "Greg" in names else None) if key == "G" else AdamRule.lazy(0.002, 16))
            for key, net in nets.items()
        }  # fmt: skip
        swap = float(self.config["gpc"]) if self.config.get("pose_cond", True) else None
        for name in names:
            read = self.read(name)
            if read is None:
                table.fail(home, f"no phase of that name is known: {name}")
                return
            own, gain = steppers[learner(read[0])], float(INTERVALS.get(read[0], 1))
            draws = RecordedDraws(recording, f"iter_{name}")
            terms = run_phase(
                self.terms(read[0], nets, draws, 0.0, swap, read[2]),
                own.net.module,
                [n.module for n in nets.values() if n is not own.net],
                gain,
            )
            own.step()
            table.drawn(draws)
            check_terms(table, f"{home}/{name}", terms, gain)
        keep = average_keep(0.0, self.loop_batch, self.loop_batch * 10e3 / 32, None)
        table.check(f"{home}/ema_beta", keep)
        average_of(average, nets["G"], keep)
        detached = lambda net: {n: p.detach() for n, p in net.parameters.items()}
        for key, stepper in steppers.items():
            check_weights(table, f"{home}/{key}", stepper, detached(nets[key]))
        check_weights(table, f"{home}/G_ema", steppers["G"], detached(average))
        if f"{home}/G_ema_w_avg" in recording:
            table.check(f"{home}/G_ema_w_avg", average.module.mapping.w_avg)

    def layers(self) -> None:
        """The discriminators alone, and the perceptual distance."""
        recording, table = self.recording, self.table
        if "out/P/logits" in recording:
            table.check("out/P/logits", self.nets["P"].module(recording.images("in/patch_a_u8")))
        if "out/D/logits" in recording:
            raw = resized(self.reals, self.raw)
            table.check("out/D/logits", self.nets["D"].module.judge(self.reals, raw, self.labels))
        if self.distance is not None and recording.below("out/lpips"):
            a = recording.images("in/patch_a_u8").requires_grad_(True)
            layers = self.distance.layers(a, recording.images("in/patch_b_u8"))
            value = torch.stack(layers).sum(dim=0)
            (gradient,) = torch.autograd.grad(value.mean(), a)
            table.check("out/lpips/value", value)
            if "out/lpips/last_layer" in recording:
                table.check("out/lpips/last_layer", layers[-1])
            if "out/lpips/grad" in recording:
                table.check_part("out/lpips/grad", gradient)

    def tables(self) -> None:
        lazy = "Greg" if "Greg" in self.recording.setting("names", "phases") else None
        rates = {"G": (0.0025, lazy), "D": (0.002, "Dreg"), "D_patch": (0.002, "D_patchreg")}
        check_phases(self.table, rates, INTERVALS)
        check_ada(self.table)
        check_schedule_columns(self.table, eg3d_schedule)


def learner(phase: str) -> str:
    """Which network a phase trains: G, D or P."""
    return "P" if phase.startswith("D_patch") else phase[0]
