"""What a recording of EpiGRAF holds, computed by triscope's phases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.parity.eg3d import check_seen, check_terms
from benchmarks.parity.iteration import Stepper, average_of, check_recorded, check_weights, fresh, run_phase
from benchmarks.parity.networks import (
    Named,
    RecordedNet,
    check_gradients,
    count_layers,
    generator_of,
    load,
    with_noise_images,
)
from benchmarks.parity.recording import RecordedDraws, Recording, Table
from benchmarks.parity.tables import check_phases, check_schedule_columns, column_scale
from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.augment import AugmentSpec
from core_model.discriminators.fade_blur import fade_sigma
from core_model.discriminators.patch_aware import CameraCode, HyperConv, PatchDiscriminator
from core_model.families.epigraf.background import inverse_sphere_points
from core_model.families.epigraf.convert import EpigrafConfig, tensors_of, to_native
from core_model.families.epigraf.generator import EpigrafGenerator
from core_model.geometry.patches import Windows, crop, sphere_poses, whole, window_dirs, window_grid
from core_model.ops.draw_source import TorchDraws
from core_model.training.gan.phases import epigraf as phases
from core_model.training.gan.phases.epigraf import Fakes, Reals, View
from core_model.training.gan.phases.patch_law import CameraLaw, PatchLaw, spoofed
from core_model.training.gan.phases.schedules import AdamRule, average_keep, linear
from core_model.training.gan.phases.term import Term

BLOCKS = {"Gall": 0, "Dmain": 1, "Dreg": 2, "Dall": 1}
INTERVALS = {"Dreg": 16}
LONG_AFTER = 10e6
CODES = {0: "beta", 1: "uniform", 2: "discrete_uniform"}
AUGMENT_NAMES = {
    "xflip": "xflip", "rotate90": "quarter_turns", "xint": "whole_shift", "scale": "scale", "rotate": "rotation",
    "aniso": "anisotropy", "xfrac": "part_shift", "brightness": "brightness", "contrast": "contrast",
    "lumaflip": "luma_flip", "hue": "hue", "saturation": "saturation",
}  # fmt: skip
CAMERAS = {
    "uniform": CameraLaw("uniform", 0.1, 0.4, 1.5, 0.3),
    "normal": CameraLaw("normal", 0.1, 0.4, 1.5, 0.3),
    "spherical_uniform": CameraLaw(),
}


@dataclass(frozen=True)
class Variant:
    """A recorded phase's name, read."""

    base: str
    images: float
    augment: bool
    noisy: bool
    background: str | None


class EpigrafComparison:
    """The recorded networks and inputs of one file."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.table = recording, Table(recording)
        self.config: dict[str, Any] = recording.setting("config")
        self.batch = int(recording.setting("config", "batch"))
        self.loop_batch = int(self.config.get("batch_size", 64))
        self.cfg: dict[str, Any] = recording.setting("cfg")
        self.dataset: dict[str, Any] = recording.setting("cfg", "dataset")
        self.patch_cfg: dict[str, Any] = recording.setting("cfg", "training_patch")
        self.size, self.patch = int(self.dataset["resolution"]), int(self.patch_cfg["resolution"])
        self.d_cfg: dict[str, Any] = recording.setting("cfg", "model", "discriminator")
        self.generators: dict[str | None, Named] = {None: self._generator("sdG", None)}
        for kind in {n.split("/")[0].removeprefix("sdG_") for n in recording.arrays if n.startswith("sdG_")}:
            self.generators[kind] = self._generator(f"sdG_{kind}", kind)
        self._d = self._discriminator()
        self.law = self._law(str(self.patch_cfg["distribution"]))
        self.classes = int(self.dataset.get("c_dim", 0))
        tensor = recording.tensor
        images = recording.images("in/real_u8")
        # data sets with a camera distribution have no cameras of their own
        given = lambda name, width: tensor(name) if name in recording else torch.zeros(len(images), width)
        self.reals = Reals(images, given("in/real_c", self.classes), given("in/real_angles", 3))
        self.gen = tensor("in/gen_z"), tensor("in/gen_c"), tensor("in/gen_angles")
        probs = recording.setting("cfg", "augment").get("probs", {})
        self.augment = AdaPipe(
            AugmentSpec(**{own: float(probs.get(name, 0.0)) for name, own in AUGMENT_NAMES.items()})
        )
        self.gamma = float(recording.setting("config", "gamma"))
        self.camera = camera_code(recording.setting("cfg", "model", "generator"), raw=True)

    def _generator(self, prefix: str, background: str | None) -> Named:
        cfg = dict(self.recording.setting("cfg", "model", "generator"))
        cfg["dataset"] = self.dataset
        cfg["bg_model"] = dict(cfg.get("bg_model") or {}, **({"type": background} if background else {}))
        state = with_noise_images({n: v.numpy() for n, v in self.recording.weights(prefix).items()})
        kwargs = {"cfg": cfg, "img_resolution": self.size, "c_dim": int(self.dataset.get("c_dim", 0))}
        net = RecordedNet("Generator", state, kwargs)
        return generator_of(net, to_native, tensors_of, EpigrafConfig, EpigrafGenerator)

    def _discriminator(self) -> Named:
        weights = {n: v for n, v in self.recording.weights("sdD").items() if not n.endswith("fourier_coefs")}
        d, hyper = self.d_cfg, any(n.startswith("hyper_mod_mapping") for n in weights)
        camera = camera_code(d, raw=bool(d.get("camera_cond_raw"))) if d.get("camera_cond") else None
        embed = weights.get("head_mapping.embed.weight")
        place = "scalar_enc.const_embed.weight" in weights
        classes = int(self.dataset.get("c_dim", 0))
        width = 0 if embed is None else embed.shape[1] - classes - (camera.width if camera else 0)
        module = PatchDiscriminator(
            self.size,
            self.patch,
            classes=classes,
            camera=camera,
            placed=place and width > 0,
            hyper=hyper,
            channel_base=int(self.config.get("d_base", d["cbase"] * d["fmaps"])),
            channel_max=int(self.config.get("d_max", d["cmax"])),
            label_layers=count_layers(weights, "head_mapping"),
            std_group=int(d.get("mbstd_group_size", 4)),
        )
        load(module, weights)
        return Named(module, dict(module.named_parameters()))

    def _law(self, distribution: str) -> PatchLaw:
        p = self.patch_cfg
        name = {"discrete": "discrete_uniform"}.get(distribution, distribution)
        return PatchLaw(
            distribution=name,  # type: ignore[arg-type]
            min_scale=float(p.get("min_scale_trg", self.patch / self.size)),
            max_scale=float(p.get("max_scale", 1.0)),
            kimg=float(p.get("anneal_kimg", 10000)),
            alpha=float(p.get("alpha", 1.0)),
            beta_start=float(p.get("beta_val_start", 0.001)),
            beta_end=float(p.get("beta_val_end", 0.8)),
            scales=int(p.get("num_discrete_steps", p.get("discrete_support_size", 2))),
            group=int(self.d_cfg.get("mbstd_group_size", 4)),
        )

    def run(self) -> Table:
        self.geometry()
        self.layers()
        self.windows()
        self.cameras()
        check_recorded(self.table, self.phase, self.iteration, (*self.generators.values(), self._d))
        self.tables()
        return self.table

    # -- phases ---------------------------------------------------------------------------------------

    def read(self, name: str) -> Variant | None:
        """The phase that a name stands for; None for one that is not known here."""
        base, *rest = name.split("_")
        if base not in BLOCKS:
            return None
        images, augment, noisy, background = float(self.config["cur_nimg"]), False, False, None
        for part in rest:
            if part == "noblur":
                images = LONG_AFTER
            elif part == "ada":
                images, augment = LONG_AFTER, True
            elif part == "noise":
                noisy = True
            elif part in self.generators:
                images, background = LONG_AFTER, part
            else:
                return None
        return Variant(base, images, augment, noisy, background)

    def std(self, kimg: float) -> float:
        g = self.recording.setting("cfg", "model", "generator")
        growth = float(g.get("nerf_noise_kimg_growth", 5000))
        return linear(float(g.get("nerf_noise_std_init", 1.0)), 0.0, kimg * 1e3, growth)

    def fakes(self, block: int) -> Fakes:
        rows = slice(block * self.batch, (block + 1) * self.batch)
        z, c, angles = (x[rows] for x in self.gen)
        return Fakes(z, c, angles, angles.roll(1, 0))

    def view(self, v: Variant, draws: RecordedDraws, kimg: float) -> View:
        loss = self.recording.setting("cfg", "model").get("loss_kwargs", {})
        start, fade = float(loss.get("blur_init_sigma", 10)), float(loss.get("blur_fade_kimg", 200))
        return View(
            patch=self.patch,
            image_size=self.size,
            windows=lambda: self.law.draw(draws, self.batch, kimg * 1e3),
            sigma=fade_sigma(v.images, start, fade),
            draws=draws,
            augment=self.augment if v.augment else None,
            p=float(self.config.get("ada_p", 0.0)),
            density_std=self.std(kimg) if v.noisy else 0.0,
            noise="const",
            camera=self.camera,
        )

    def terms(
        self, v: Variant, g: nn.Module, d: nn.Module, draws: RecordedDraws, kimg: float
    ) -> Iterator[Term]:
        view, rows = self.view(v, draws, kimg), slice(self.batch)
        reals = Reals(self.reals.images[rows], self.reals.classes[rows], self.reals.angles[rows])
        assert isinstance(g, EpigrafGenerator) and isinstance(d, PatchDiscriminator)
        if v.base == "Gall":
            return phases.generator_main(g, d, self.fakes(0), view)
        if v.base == "Dreg":
            return phases.discriminator_penalty(d, reals, view, self.gamma)
        r1 = self.gamma if v.base == "Dall" and "Dreg" not in self.recording.phases() else 0.0
        return phases.discriminator_main(g, d, self.fakes(1), reals, view, r1)

    def phase(self, name: str, table: Table) -> None:
        v, home = self.read(name), f"out/{name}"
        if v is None:
            table.fail(home, f"no phase of that name is known: {name}")
            return
        g, d = fresh(self.generators[v.background]), fresh(self._d)
        learning, other = (g, d) if v.base.startswith("G") else (d, g)
        draws, gain = RecordedDraws(self.recording, name), float(INTERVALS.get(v.base, 1))
        kimg = float(self.config.get("kimg", v.images / 1e3))
        terms = run_phase(
            self.terms(v, g.module, d.module, draws, kimg), learning.module, [other.module], gain
        )
        table.drawn(draws)
        check_terms(table, home, terms, gain)
        check_gradients(table, name, learning)
        seen = {k: x for t in terms for k, x in t.seen.items()}
        for array in self.recording.below(home):
            if re.match(r"D\d+/", array):
                check_seen(table, f"{home}/{array}", seen.get(array))
        if f"{home}/std" in self.recording:
            table.check(f"{home}/std", self.std(kimg))
        if f"{home}/w_avg_after" in self.recording:
            table.check(f"{home}/w_avg_after", g.module.mapping.w_avg)

    def iteration(self, table: Table) -> None:
        """The phases in their order, each on what the earlier ones have left; a session's first iteration."""
        home, recording, images = "out/iter", self.recording, float(self.config["cur_nimg"])
        g, d, average = fresh(self.generators[None]), fresh(self._d), fresh(self.generators[None])
        with torch.no_grad():
            for p in average.module.parameters():
                p.mul_(0.5)
        names: list[str] = recording.setting("names", "iteration_order")
        steppers = {"G": Stepper(g, self.rule("generator", None)), "D": Stepper(d, self.rule("discriminator", "Dreg"))}  # fmt: skip
        for name in names:
            v = self.read(name)
            if v is None:
                table.fail(home, f"no phase of that name is known: {name}")
                return
            draws, gain = RecordedDraws(recording, f"iter_{name}"), float(INTERVALS.get(v.base, 1))
            own = steppers[name[0]]
            other = d if own.net is g else g
            kimg = float(self.config.get("kimg", 0.0))
            terms = run_phase(
                self.terms(v, g.module, d.module, draws, kimg), own.net.module, [other.module], gain
            )
            own.step()
            table.drawn(draws)
            check_terms(table, f"{home}/{name}", terms, gain)
        multiplier = float(recording.setting("cfg", "model", "generator").get("ema_multiplier", 0.3125))
        keep = average_keep(images, self.loop_batch, self.loop_batch * multiplier * 1e3)
        table.check(f"{home}/ema_beta", keep)
        average_of(average, g, keep)
        detached = lambda net: {n: p.detach() for n, p in net.parameters.items()}
        check_weights(table, f"{home}/G", steppers["G"], detached(g))
        check_weights(table, f"{home}/D", steppers["D"], detached(d))
        check_weights(table, f"{home}/G_ema", steppers["G"], detached(average))
        if f"{home}/G_ema_w_avg" in recording:
            table.check(f"{home}/G_ema_w_avg", average.module.mapping.w_avg)

    def rule(self, network: str, lazy: str | None) -> AdamRule:
        optim = self.recording.setting("cfg", "model", network).get("optim", {})
        lazy_now = lazy is not None and lazy in self.recording.setting("names", "phases")
        b1, b2 = optim.get("betas", (0.0, 0.99))
        default = 0.0025 if network == "generator" else 0.002
        return AdamRule.lazy(
            float(optim.get("lr", default)), INTERVALS[lazy] if lazy_now and lazy else None, b1, b2
        )

    # -- single pieces --------------------------------------------------------------------------------

    @torch.no_grad()
    def geometry(self) -> None:
        table, recording = self.table, self.recording
        if "out/crop" not in recording:
            return
        windows = Windows(recording.tensor("in/patch_scales"), recording.tensor("in/patch_offsets"))
        table.check("out/crop", crop(self.reals.images, windows, self.patch))
        if "out/crop_coords" in recording:
            grid = window_grid(windows, self.patch)
            kept = recording.array("out/crop_coords").shape[1]
            step, _ = table.stride("out/crop_coords", self.patch, kept)
            table.check("out/crop_coords", grid[:, ::step, ::step])
        if "out/ray_dirs_cam" in recording:
            fov = float(self.dataset["camera"]["fov"])
            dirs = window_dirs(windows, self.patch, fov).unflatten(1, (self.patch, self.patch))
            kept = recording.array("out/ray_dirs_cam").shape[1]
            step, _ = table.stride("out/ray_dirs_cam", self.patch, kept)
            table.check("out/ray_dirs_cam", dirs[:, ::step, ::step])
        if "out/c2w" in recording:
            radius = float(self.dataset["camera"].get("radius", 1.0))
            table.check("out/c2w", sphere_poses(self.reals.angles, radius))

    @torch.no_grad()
    def layers(self) -> None:
        """The discriminator's conditions and logits."""
        table, recording, d = self.table, self.recording, self._d.module
        assert isinstance(d, PatchDiscriminator)
        windows = Windows(recording.tensor("in/patch_scales"), recording.tensor("in/patch_offsets"))
        has = lambda name: f"out/D/{name}" in recording
        if d.scalar_enc is not None:
            code = d.scalar_enc(windows)
            if has("patch_code"):
                table.check("out/D/patch_code", code[: len(recording.array("out/D/patch_code"))])
            if d.hyper_mod_mapping is not None:
                h = d.hyper_mod_mapping(code)
                if has("hyper"):
                    table.check("out/D/hyper", h)
                for name in recording.below("out/D"):
                    if name.startswith("modulation_"):
                        conv = d.get_submodule(f"{name.removeprefix('modulation_')}.conv1")
                        assert isinstance(conv, HyperConv)
                        table.check(f"out/D/{name}", conv.factors(h))
        if d.camera is not None and has("camera_code"):
            table.check("out/D/camera_code", d.camera(self.reals.angles, None))
        patch = crop(self.reals.images, windows, self.patch)
        told = {"classes": self.reals.classes, "angles": self.reals.angles}
        if has("logits_eval"):
            table.check("out/D/logits_eval", d(patch, windows, **told))
        if has("logits_eval_full"):
            full = whole(len(patch))
            shown = crop(self.reals.images, full, self.patch)
            table.check("out/D/logits_eval_full", d(shown, full, **told))
        if has("logits_train"):
            draws = RecordedDraws(recording, "D_train")
            table.check("out/D/logits_train", d(patch, windows, **told, draws=draws))
            table.drawn(draws)
        if "out/bg/points" in recording:
            self.background_points()

    def background_points(self) -> None:
        recording, table = self.recording, self.table
        for array in ("ray_o", "ray_d"):
            table.inputs[f"out/bg/{array}"] = "rays that out/bg/points lie on"
        origins, dirs = recording.tensor("out/bg/ray_o"), recording.tensor("out/bg/ray_d")
        network = self.generators["sphere"].module.background
        shape = recording.array("out/bg/inv_depth").shape
        scope = recording.below("draw/bg")
        jitter = RecordedDraws(recording, "bg").uniform(*shape) if scope else torch.full(shape, 0.5)
        inverse = network.depths(torch.device("cpu"), jitter)
        table.check("out/bg/inv_depth", inverse)
        origins = origins[:, None].expand_as(dirs) if origins.dim() == 2 else origins
        table.check("out/bg/points", inverse_sphere_points(origins, dirs, inverse).flatten(1, 2))

    def windows(self) -> None:
        for name in sorted({"/".join(n.split("/")[:2]) for n in self.recording.below("out/patch")}):
            distribution, kimg = name.split("/")
            law = self._law(distribution)
            draws = RecordedDraws(self.recording, f"patch_{distribution}_{kimg}")
            count = len(self.recording.array(f"out/patch/{name}/scales"))
            scope = f"draw/patch_{distribution}_{kimg}"
            first = sorted(self.recording.below(scope))[0]
            groups = max(1, self.recording.array(f"{scope}/{first}").size)
            found = replace(law, group=count // groups).draw(draws, count, float(kimg) * 1e3)
            self.table.check(f"out/patch/{name}/scales", found.scales)
            self.table.check(f"out/patch/{name}/offsets", found.offsets)
            self.table.drawn(draws)

    def cameras(self) -> None:
        recording, table = self.recording, self.table
        for name in recording.below("out/camera"):
            if name not in CAMERAS:
                table.fail(f"out/camera/{name}", f"no such distribution is known: {name}")
                continue
            draws = RecordedDraws(recording, f"camera_{name}")
            count = len(recording.array(f"out/camera/{name}"))
            table.check(f"out/camera/{name}", CAMERAS[name].draw(draws, count))
            table.drawn(draws)
        if "out/spoof" in recording:
            draws, angles = RecordedDraws(recording, "spoof"), recording.tensor("in/spoof_angles")
            table.check("out/spoof", spoofed(angles, self.spoof_p(), draws.uniform(len(angles))))
            table.drawn(draws)

    def spoof_p(self) -> float:
        """The probability of `out/spoof`, which only the notes state."""
        notes = str(self.recording.meta.get("notes", {}).get("out/spoof", ""))
        stated = re.search(r"probability ([\d.]+\d)", notes)
        return float(stated.group(1)) if stated else 0.6

    def tables(self) -> None:
        recording = self.recording
        check_phases(
            self.table,
            {
                "G": (self.optim_lr("generator"), None),
                "D": (
                    self.optim_lr("discriminator"),
                    "Dreg" if "Dreg" in recording.setting("names", "phases") else None,
                ),
            },
            INTERVALS,
        )
        check_schedule_columns(self.table, self.schedule_row)
        if "out/table_patch" in recording:
            want, rows = np.asarray(recording.array("out/table_patch")), []
            for row in want:
                law, images = self._law(CODES[int(row[0])]), float(row[1]) * 1e3
                beta = law.beta(images) if law.distribution == "beta" else -1.0
                rows.append([row[0], row[1], law.smallest(images), law.max_scale, beta, self.spoof(images)])
            self.table.check("out/table_patch", np.asarray(rows), scale=column_scale(want))
        if "out/table_beta_quantiles" in recording:
            self.quantiles()

    def optim_lr(self, network: str) -> float:
        default = 0.0025 if network == "generator" else 0.002
        return float(self.recording.setting("cfg", "model", network).get("optim", {}).get("lr", default))

    def spoof(self, images: float) -> float:
        end = float(self.recording.setting("cfg", "model", "generator").get("camera_cond_spoof_p", 0.5))
        return linear(1.0, end, images, 1000.0)

    def schedule_row(self, row: list[float]) -> list[float]:
        images = row[0]
        return [
            images,
            fade_sigma(images, 10.0, 200.0),
            self.spoof(images),
            self.std(images / 1e3),
            average_keep(images, 64, 64 * 0.3125e3),
        ]

    def quantiles(self) -> None:
        """The law's own quantiles beside those of recorded samples, which have a sampling error themselves."""
        name = "out/table_beta_quantiles"
        want = np.asarray(self.recording.array(name))
        law, at = self._law("beta"), torch.linspace(0.0, 1.0, want.shape[1], dtype=torch.float64)
        stated = re.search(r"rows kimg ([\d, ]+)", str(self.recording.meta["notes"].get("out/table_beta_quantiles", "")))  # fmt: skip
        kimgs = [float(k) for k in stated.group(1).split(",") if k.strip()] if stated else []
        if len(kimgs) != len(want) or law.alpha != 1.0:
            self.table.fail(name, "its rows are not stated, or alpha is not 1")
            return
        draws = TorchDraws(torch.Generator().manual_seed(0))
        worst = 0.0
        for kimg, row in zip(kimgs, want, strict=True):
            count = 40000 * law.group
            s = law.draw(draws, count, kimg * 1e3).scales[:: law.group, 0].double().sort().values
            own = s[(at * (len(s) - 1)).round().long()].numpy()
            worst = max(worst, float(np.abs(own - row).max()))
        # both sides are samples of 40 000; their quantiles differ by up to about 0.01
        self.table.sampled(name, worst, 0.02)


def camera_code(cfg: dict[str, Any], *, raw: bool) -> CameraCode:
    return CameraCode(
        raw, float(cfg.get("camera_cond_drop_p", 0) or 0), float(cfg.get("camera_cond_noise_std", 0) or 0)
    )
