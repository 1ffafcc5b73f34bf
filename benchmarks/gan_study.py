"""What keeps `heads64-cpu` from faces: short runs with one setting changed each, beside a plain density field, at equal time.

Every run gets the same seconds of processor time (its start included) with one thread, on the same generated heads. Its last
snapshot is then looked at: distance of its pictures to the data, eyes, and what lies along its rays.

- swd: sliced Wasserstein distance × 1000, pictures of the data's cameras, untruncated.
- eyes, bridge: by how much cheeks, and the bridge of the nose, are lighter than the eyes, in brightness of [0, 1]; where eyes,
  cheeks and nose are is the mean of the set's landmarks, for pictures of the data and of the generator alike. A dark band across
  the face has eyes and no bridge.
- variety: standard deviation of a pixel over the pictures, mean over pixels and colours.
- coverage: mean opacity of all rays; beside it the data's.
- Along rays of opacity over one half, by 192 samples: `width` is the standard deviation of depth, `colours` that of colour, both
  by weight (layers of other colours within a wide surface raise it); `layers` counts stretches of the ray with more than a tenth
  of its largest weight; `beta` is the mean surface variance (distance fields only).
- noise: PSNR in dB of the pictures that the discriminator is shown against the same with 256 samples per ray (WYSIWYG only),
  as the run samples and as SAMPLINGS do. What is missing there looks like texture, and is learned as such.
- verdict: mean logit of the discriminator on pictures of the data (real) and of the generator (fake) with dark, middling and light
  faces, and how many of 128 there are; face_pull: length of the generator's gradient in the pixels of such a face (WYSIWYG only).
- pull: length of each loss's gradient in the generator, per unit of the adversarial one's (WYSIWYG only).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.recipes import snapshots_of, trained
from benchmarks.running import Findings, Settings, run_script, say
from core_model.data.heads_dataset import write_heads_dataset
from core_model.data.images import ImageDataset
from core_model.data.truth_maps import TruthMaps
from core_model.geometry.rays import camera_rays, project, ray_bounds
from core_model.losses.terms import generator_loss
from core_model.metrics.sliced_wasserstein import PatchSet, patch_distances
from core_model.rendering.empty import outside_only
from core_model.rendering.evaluate import evaluate, weights_of
from core_model.sampling.placement import uniform_samples
from core_model.schema.bench import measure
from core_model.schema.camera import MatrixCamera
from core_model.schema.errors import TriscopeError
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.schema.train import TrainConfig
from core_model.session import RenderSession
from core_model.training.common.run_directory import STATE_SUFFIX, saved_config
from core_model.training.gan.recipes import recipe_of
from core_model.training.gan.recipes.interface import GENERATOR, Moment, Sight
from core_model.training.gan.run import open_data
from core_model.training.gan.state import load_weights

Changes = tuple[tuple[str, str], ...]
EARLIER: Changes = (
    ("loss.surface_rays", "all"), ("network.beta_start", "0.03"), ("network.beta_floor", "0.001"),
    ("schedule.resolution", "0:32,10k:32,13k:64"), ("schedule.surface_target", "0:0.03,5k:0.03,12k:0.02"),
    ("optim.decoder_lr", "0.1"), ("optim.colour_lr", "0.1"),
    ("render.samples", "20"), ("render.refine", "6"), ("render.look", "48"),
)  # fmt: skip
"""`heads64-cpu` as it was before this study."""
FULL: Changes = (*EARLIER, ("schedule.resolution", "64"))
MET: Changes = (("loss.surface_rays", "met"),)
NARROW: Changes = (
    ("network.beta_start", "0.01"),
    ("network.beta_floor", "0.0005"),
    ("schedule.surface_target", "0.01"),
)
RATES: Changes = (("optim.decoder_lr", "0.3"), ("optim.colour_lr", "0.3"))
SHARP_LOOK: Changes = (("render.samples", "24"), ("render.refine", "8"), ("render.look", "0"))
PLAIN_PLACE: Changes = (("network.point_freqs", "0"),)
TWO_PASS: Changes = (
    ("render.first_stage", "two-pass"), ("render.samples", "24"), ("render.refine", "0"), ("render.look", "0"), ("render.cull_floor", "0"),
)  # fmt: skip
RUNS: dict[str, tuple[str, Changes]] = {
    "base": ("heads64-cpu", EARLIER),
    "density": ("eg3d-heads64-cpu", ()),
    "met": ("heads64-cpu", EARLIER + MET),
    "full-met": ("heads64-cpu", FULL + MET),
    "full-met-narrow": ("heads64-cpu", FULL + MET + NARROW),
    "full-met-narrow-rates": ("heads64-cpu", FULL + MET + NARROW + RATES),
    "full-met-narrow-rates-look": ("heads64-cpu", FULL + MET + NARROW + RATES + SHARP_LOOK),
    "full-met-narrow-rates-place": ("heads64-cpu", FULL + MET + NARROW + RATES + PLAIN_PLACE),
    "full-met-narrow-rates-two-pass": ("heads64-cpu", FULL + MET + NARROW + RATES + TWO_PASS),
    "full-met-narrow-rates-r1": ("heads64-cpu", (*FULL, *MET, *NARROW, *RATES, ("schedule.r1_gamma", "0.3"))),
    "full-met-narrow-rates-judge": (
        "heads64-cpu",
        (*FULL, *MET, *NARROW, *RATES, ("discriminator.channel_base", "2048")),
    ),
}
"""Name → preset and the settings that differ from it."""
SPARSE: Changes = (("output.snapshot_ticks", "8"),)
SECONDS = 240.0
SECONDS_VARIABLE, KEEP_VARIABLE = "TRISCOPE_BENCH_GAN_SECONDS", "TRISCOPE_BENCH_GAN_RUNS"
"""Another number of seconds; a folder for data set and run directories, where finished runs are taken as they are."""
ONLY_VARIABLE = "TRISCOPE_BENCH_GAN_ONLY"
"""Names of runs, with commas between them; all others are left as the folder has them."""
HEADS, PICTURES, LOOKED_AT, RAYS, DENSE = 600, 128, 16, 32, 192
SOLID = 0.5
LIGHT = torch.tensor([0.2126, 0.7152, 0.0722])


def body(settings: Settings) -> Findings:
    seconds = 4.0 if settings.quick else float(os.environ.get(SECONDS_VARIABLE, SECONDS))
    only = [name for name in os.environ.get(ONLY_VARIABLE, "").split(",") if name] or list(RUNS)[
        : 2 if settings.quick else None
    ]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(os.environ.get(KEEP_VARIABLE) or folder)
        place.mkdir(parents=True, exist_ok=True)
        data = place / "heads.zip"
        if not data.exists():
            write_heads_dataset(data, 16 if settings.quick else HEADS, 64, workers=settings.threads)
        truth = Truth(data, 8 if settings.quick else PICTURES)
        rows: dict[str, dict[str, Any]] = {}
        for name in only:
            preset, changes = RUNS[name]
            out, told = place / name, place / f"{name}.json"
            if not told.exists():
                run = trained(out, preset, data, seconds, settings, SPARSE + changes)
                told.write_text(json.dumps(run))
            run = json.loads(told.read_text())
            snapshot = snapshots_of(out)[-1]
            rows[name] = {"settings": dict(changes), **run, "figures": truth.compared(snapshot)}
            say(f"  {name}: {run['images']} images, {rows[name]['figures']}")
    rows["data"] = {"figures": truth.figures}
    names = [(n, k, v) for n, row in rows.items() for k, v in row["figures"].items() if isinstance(v, float)]
    return Findings(tuple(measure(f"{n}_{k}", f"{n}: {k}", "", v) for n, k, v in names), rows)


class Truth:
    """The data set's side of the comparison."""

    def __init__(self, path: Path, count: int) -> None:
        self.data = ImageDataset.open(path)
        self.chosen = [i * len(self.data) // count for i in range(min(count, len(self.data)))]
        self.cameras = [MatrixCamera.from_label(self.data.label(i)) for i in self.chosen]
        self.places = self._places()
        pictures = torch.from_numpy(np.stack([self.data.image(i) for i in self.chosen])).float() / 255.0
        self.patches = PatchSet()
        self.patches.add(pictures)
        self.figures = self._faces(pictures) | {"coverage": self._coverage()}

    def compared(self, snapshot: Path) -> dict[str, Any]:
        """All figures of a snapshot."""
        with torch.no_grad():
            session = RenderSession("cpu")
            pictures = torch.stack(
                [_picture(session, snapshot, n, c, self.data.resolution) for n, c in enumerate(self.cameras)]
            )
            patches = PatchSet()
            patches.add(pictures)
            levels = patch_distances(self.patches, patches)
            along = [_along(session, snapshot, n, c) for n, c in enumerate(self.cameras[:LOOKED_AT])]
        mean = {k: float(np.nanmean([one[k] for one in along])) for k in along[0]}
        found: dict[str, Any] = {"swd": sum(levels) / len(levels)} | self._faces(pictures) | mean
        state = snapshot.with_name(snapshot.name.replace(".safetensors", STATE_SUFFIX))
        if not state.exists():
            return found
        loaded = _loaded(snapshot.parents[1], state)
        return found | (
            pulls(*loaded) | noise(*loaded) | verdicts(*loaded, self.data) if loaded is not None else {}
        )

    def _faces(self, pictures: Tensor) -> dict[str, float]:
        """eyes, bridge and variety of pictures [N, 3, S, S] in [0, 1] from the cameras."""
        size = pictures.shape[-1]
        light = (pictures * LIGHT[:, None, None]).sum(dim=1)
        read: list[Tensor] = []
        for picture, camera in zip(light, self.cameras, strict=True):
            at = project(camera, self.places, size, size)
            assert at is not None
            grid = (2.0 * at + 1.0) / size - 1.0
            read.append(
                torch.nn.functional.grid_sample(
                    picture[None, None], grid[None, None].float(), align_corners=False
                )[0, 0, 0]
            )
        eyes, bridge, cheeks = (
            torch.stack(read)[:, part].mean() for part in (slice(0, 2), slice(2, 3), slice(3, 5))
        )
        variety = pictures.std(dim=0).mean()
        return {"eyes": float(cheeks - eyes), "bridge": float(bridge - eyes), "variety": float(variety)}

    def _places(self) -> Tensor:
        """Mean world positions [5, 3] of both eyes, the bridge of the nose and both cheeks."""
        sums: dict[str, np.ndarray] = {}
        names = [f"persons/{Path(self.data.names[i]).with_suffix('.json')}" for i in self.chosen]
        for name in names:
            marks = json.loads(self.data.source.read(name, 1 << 20))["landmarks"]
            for key, value in marks.items():
                sums[key] = sums.get(key, np.zeros(3)) + np.asarray(value) / len(names)
        eyes = [0.5 * (sums[f"eye_outer_{side}"] + sums[f"eye_inner_{side}"]) for side in ("left", "right")]
        corners = [sums[f"mouth_corner_{side}"] for side in ("left", "right")]
        cheeks = [0.5 * (eye + corner) for eye, corner in zip(eyes, corners, strict=True)]
        return torch.from_numpy(np.stack([*eyes, sums["sellion"], *cheeks])).float()

    def _coverage(self) -> float:
        maps = TruthMaps(self.data)
        return float(np.mean([np.isfinite(maps.item(i).depth).mean() for i in self.chosen]))


def _request(snapshot: Path, number: int, camera: MatrixCamera, size: int) -> RenderRequest:
    latent = LatentSpec.of_seed(number, psi=1.0, cond=camera)
    sampler = SamplerSpec(name="importance", spp=48)
    return RenderRequest(
        checkpoint=str(snapshot),
        latent=latent,
        camera=camera,
        width=size,
        height=size,
        sampler=sampler,
        channels=("rgb",),
        view_dirs="camera",
    )


def _picture(session: RenderSession, snapshot: Path, number: int, camera: MatrixCamera, size: int) -> Tensor:
    """[3, size, size] in [0, 1]."""
    frame = session.render(_request(snapshot, number, camera, size))
    if frame.result.error is not None:
        raise TriscopeError(frame.result.error.message)
    return torch.from_numpy(np.asarray(frame.arrays["rgb"])).float().clamp(0.0, 1.0)


def _along(session: RenderSession, snapshot: Path, number: int, camera: MatrixCamera) -> dict[str, float]:
    """Figures of the rays of one picture of RAYS² rays."""
    run = session.run_of(_request(snapshot, number, camera, RAYS))
    conventions = run.opened.info.header.conventions
    scene = run.scene(run.field(run.w()), outside_only(conventions.box, run.device))
    rays = ray_bounds(*camera_rays(camera, RAYS, RAYS), conventions, parallel=False)
    dense = evaluate(scene, rays, uniform_samples(rays.near, rays.far, DENSE))
    weights, _ = weights_of(dense)
    opacity = weights.sum(dim=-1)
    solid = opacity > SOLID
    share = (weights / opacity.clamp_min(1e-6)[:, None])[solid]
    dirs = rays.dirs[:, None].expand(-1, DENSE, -1).reshape(-1, 3)
    known = (dense.row >= 0).reshape(-1)
    colour = scene.field.colour(dense.table, dense.points, dirs[known][None])[
        0, : int(known.sum()), :3
    ].clamp(0.0, 1.0)
    colours = torch.zeros(*dense.row.shape, 3)
    colours[dense.row >= 0] = colour[dense.row[dense.row >= 0]]
    deviation = lambda x: (
        (share[..., None] * (x - (share[..., None] * x).sum(1, keepdim=True)).square()).sum(1)
    ).sqrt()
    thick = share > 0.1 * share.amax(dim=1, keepdim=True)
    runs = thick[:, :1].float().sum(dim=1) + (thick[:, 1:] & ~thick[:, :-1]).float().sum(dim=1)
    found = {
        "coverage": float(opacity.mean()), "width": float(deviation(dense.samples.t[solid][..., None]).mean()),
        "colours": float(deviation(colours[solid]).mean()), "layers": float(runs.mean()),
    }  # fmt: skip
    if dense.table.beta is not None:
        found["beta"] = float((share * dense.dense(dense.table.beta, 0.0)[solid]).sum(dim=1).mean())
    return found


def pulls(cfg: TrainConfig, recipe: Any, at: Moment, step: int) -> dict[str, float]:
    """Length of the gradient of each loss in the generator, per unit of the adversarial one's.

    The surface loss as the run has it, and in both of its forms.
    """
    learns, judge = list(recipe.networks.generator.parameters()), recipe.judges[0]
    lengths: dict[str, float] = {}
    for rays in ("all", "met"):
        recipe.cfg = cfg.replace(loss=cfg.loss.replace(surface_rays=rays))
        drawn = recipe.draw(cfg.batch, at.values.swap, step, GENERATOR)
        made = recipe.fakes(drawn, at, judges=(judge.name,), train=True)
        verdicts = judge.verdicts(made.sights[judge.name], at, (step, GENERATOR, 0))
        terms = {"adversarial": generator_loss(verdicts)} | {term.name: term.weighted for term in made.losses}
        terms[f"surface_{rays}"] = terms.pop("surface")
        for name, value in terms.items():
            grads = torch.autograd.grad(value, learns, retain_graph=True, allow_unused=True)
            lengths[name] = float(
                torch.stack([g.square().sum() for g in grads if g is not None]).sum().sqrt()
            )
    unit = max(lengths.pop("adversarial"), 1e-12)
    return {f"pull_{name}": length / unit for name, length in lengths.items()}


def verdicts(
    cfg: TrainConfig, recipe: Any, at: Moment, step: int, data: ImageDataset, count: int = 128
) -> dict[str, float]:
    """The discriminator's logits by the brightness of faces, and what it asks of their pixels."""
    judge = recipe.judges[0]
    edge = data.resolution
    face = (slice(edge * 3 // 8, edge * 3 // 4), slice(edge * 3 // 8, edge * 5 // 8))  # in most pictures

    def seen(pictures: Tensor, labels: Tensor, part: int) -> list[tuple[float, float, float]]:
        x = pictures.detach().requires_grad_(True)
        logits = judge.logits(Sight((x,), labels), at, (step, GENERATOR, part)).flatten()
        (asked,) = torch.autograd.grad(torch.nn.functional.softplus(-logits).sum(), x)
        light = ((x.detach() * 0.5 + 0.5) * LIGHT[:, None, None]).sum(dim=1)[:, *face].mean(dim=(1, 2))
        pull = asked[:, :, *face].square().sum(dim=(1, 2, 3)).sqrt()
        return list(zip(light.tolist(), logits.tolist(), pull.tolist(), strict=True))

    found: dict[str, list[tuple[float, float, float]]] = {"real": [], "fake": []}
    for part in range(min(count, len(data)) // cfg.batch):
        places = range(part * cfg.batch, (part + 1) * cfg.batch)
        pictures = torch.from_numpy(np.stack([data.image(i) for i in places])).float() / 127.5 - 1.0
        labels = torch.from_numpy(np.stack([data.label(i) for i in places])).float()
        found["real"] += seen(pictures, labels, part)
        drawn = recipe.draw(cfg.batch, at.values.swap, step + part, GENERATOR)
        with torch.no_grad():
            made = recipe.fakes(drawn, at, judges=(judge.name,), train=False).sights[judge.name]
        found["fake"] += seen(made.pictures[0], made.labels, part)
    figures: dict[str, float] = {}
    for kind, rows in found.items():
        for name, (low, high) in BRIGHTNESS.items():
            chosen = np.array([row[1:] for row in rows if low <= row[0] < high]).reshape(-1, 2)
            figures[f"count_{name}_{kind}"] = float(len(chosen))
            if len(chosen):
                figures[f"verdict_{name}_{kind}"], figures[f"face_pull_{name}_{kind}"] = chosen.mean(
                    axis=0
                ).tolist()
    return figures


BRIGHTNESS = {"dark": (0.0, 0.3), "middling": (0.3, 0.45), "light": (0.45, 1.01)}
"""Of the middle of a face."""


@torch.no_grad()
def noise(cfg: TrainConfig, recipe: Any, at: Moment, step: int) -> dict[str, float]:
    """PSNR of the trainer's own pictures against densely sampled ones, by sampling."""
    judge = recipe.judges[0].name
    drawn = recipe.draw(cfg.batch, at.values.swap, step, GENERATOR)

    def shown(**changes: Any) -> Tensor:
        recipe.cfg = cfg.replace(render=cfg.render.replace(**changes))
        return recipe.fakes(drawn, at, judges=(judge,), train=False).sights[judge].pictures[0]

    exact = shown(first_stage="stratified", samples=256, refine=0, look=0, cull_floor=0.0)
    samplings: dict[str, dict[str, Any]] = {"own": {}} | SAMPLINGS
    errors = {name: (shown(**changes) - exact).square().mean() for name, changes in samplings.items()}
    return {f"noise_{name}": float(10.0 * torch.log10(4.0 / error)) for name, error in errors.items()}


SAMPLINGS: dict[str, dict[str, Any]] = {
    "20_6_look_48": {"samples": 20, "refine": 6, "look": 48},
    "20_6": {"samples": 20, "refine": 6, "look": 0},
    "24_8": {"samples": 24, "refine": 8, "look": 0},
    "32_12": {"samples": 32, "refine": 12, "look": 0},
    "48_24": {"samples": 48, "refine": 24, "look": 0},
    "two_pass_24": {"first_stage": "two-pass", "samples": 24, "refine": 0, "look": 0, "cull_floor": 0.0},
}


def _loaded(run: Path, state: Path) -> tuple[TrainConfig, Any, Moment, int] | None:
    """Settings and networks of a WYSIWYG run at a state, the moment in its schedule and the step; None for other recipes."""
    cfg = saved_config(run, TrainConfig)
    if cfg.recipe != "wysiwyg":
        return None
    recipe = recipe_of(cfg, "cpu", open_data(cfg).labels())
    load_weights(state, recipe.networks)
    step = int(state.name.split(".")[0])
    return cfg, recipe, Moment(step, step * cfg.batch, cfg.schedule.at(step * cfg.batch)), step


if __name__ == "__main__":
    sys.exit(run_script("gan_study", "What keeps heads64-cpu from faces", body))
