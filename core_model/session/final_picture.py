"""The picture of a family with a super-resolution (SR), and where the maps beside it come from.

The rule, for such families; others have every channel from rays of the request's own size:

rgb         the features of neural_size² rays (the stored neural rendering resolution) of the request's camera, placed by the request's
            sampler, through the super-resolution, resized to the request's size; sRGB in [0, 1]. Kept per latent, camera and sampler.
raw         the first three features, volume-rendered at the request's own size: what rgb is for other families.
all others  rays of the request's own size; but where `shared_rays` allows it and only depth, opacity and samples are asked for beside
            rgb, these are those of the rays behind rgb, enlarged: they cost nothing, and a window needs them for picking only.

A picture that is not square is a part of the square one whose edge is its longer side (`camera_rays` has the same rule). Another
background than the checkpoint's own is laid behind the finished picture, by its opacity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families import FAMILIES
from core_model.families.base import FinalPicture, NeuralRender
from core_model.fields.base import Field
from core_model.rendering.composite import OPACITY_FLOOR
from core_model.sampling.occupancy import Guide
from core_model.sampling.samplers import SAMPLERS
from core_model.schema.camera import CameraSpec, MatrixCamera, OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import AUTO
from core_model.session.picture import FEATURES, Picture, Progress, stop_if
from core_model.session.stages import DTYPES, StageRun

SHARED = ("depth", "opacity", "samples")


@dataclass(frozen=True)
class Sources:
    """Which channels of a request are made how. final: rgb is a super-resolved picture, which `shared` maps come along with."""

    final: bool
    shared: tuple[str, ...]
    marched: tuple[str, ...]


def sources_of(request: RenderRequest, channels: tuple[str, ...], info: CheckpointInfo) -> Sources:
    """The rule of this module."""
    if not info.neural_size or "rgb" not in channels:
        return Sources(False, (), channels)
    others = tuple(name for name in channels if name != "rgb")
    shared = others if request.shared_rays and set(others) <= set(SHARED) else ()
    return Sources(True, shared, () if shared else others)


@dataclass(frozen=True)
class FinalImage:
    """rgb [3, R, R] in [0, 1] before any clamp; maps [n, n] of the rays behind it, NaN = no value; field evaluations per ray."""

    rgb: Tensor
    depth: Tensor
    opacity: Tensor
    samples: Tensor
    evaluated: float

    @property
    def nbytes(self) -> int:
        return sum(x.numel() * x.element_size() for x in (self.rgb, self.depth, self.opacity, self.samples))


def final_image(
    run: StageRun, w: Tensor, field: Field, cancelled: Callable[[], bool], progress: Progress
) -> FinalImage:
    """The super-resolved picture of the run's latent, camera and sampler, made or kept; field: the scene of the run's latent.

    The sampler `auto` takes the marches of the family's own program, guided where the scene is mostly empty.
    """
    found, hit = run.cache.get(
        ("final", *_key(run)), lambda: _made(run, w, field, cancelled, progress), lambda image: image.nbytes
    )
    if hit:
        run.clock.add("superres", 0.0, cached=True)
    return found


def _key(run: StageRun) -> tuple[object, ...]:
    """What the rays behind the picture depend on."""
    request = run.request
    jitter = request.sampler.jitter and request.sampler.name != AUTO
    return (
        *run.latent_key, request.precision, request.skip_empty, square_camera(request), request.sampler.replace(jitter=jitter),
        request.seed if jitter else 0,
    )  # fmt: skip


def kept_features(run: StageRun, field: Field, cancelled: Callable[[], bool], progress: Progress) -> Tensor:
    """Features [C, n, n] in [0, 1] that the super-resolution takes, made or kept: for who looks at it apart from its picture."""
    make = lambda: _marched(run, field, cancelled, progress)[0].features
    return run.cache.get(("features", *_key(run)), make, lambda x: x.numel() * x.element_size())[0]


def lifted_features(run: StageRun, features: Tensor, w: Tensor, stop: Callable[[], None]) -> Tensor:
    """The super-resolution of features [C, n, n]: [3, R, R] in [0, 1] before any clamp. stop: called between its blocks."""
    final = FAMILIES.get(run.opened.info.family).final
    assert final is not None
    dtype = DTYPES[run.request.precision]
    return final.lift(run.opened.model, features, w, None if dtype == torch.float32 else dtype, stop).float()


def _made(
    run: StageRun, w: Tensor, field: Field, cancelled: Callable[[], bool], progress: Progress
) -> FinalImage:
    render, evaluated = _marched(run, field, cancelled, progress)
    stop_if(cancelled)
    progress("superres", 0.9)
    with run.clock.stage("superres"):
        rgb = lifted_features(run, render.features, w, lambda: stop_if(cancelled))
    depth = torch.where(render.opacity > OPACITY_FLOOR, render.depth, torch.nan)
    return FinalImage(rgb, depth, render.opacity.clamp(0.0, 1.0), render.samples, evaluated)


def _marched(
    run: StageRun, field: Field, cancelled: Callable[[], bool], progress: Progress
) -> tuple[NeuralRender, float]:
    """The rays behind the picture, and field evaluations per ray."""
    final = FAMILIES.get(run.opened.info.family).final
    assert final is not None
    camera, size = square_camera(run.request), run.opened.info.neural_size
    progress("samples", 0.0)
    if run.request.sampler.name == AUTO and not camera.orthographic:
        with run.clock.stage("samples"):
            render = _as_its_program(run, final, field, camera, size, cancelled)
        return render, float(render.samples.mean())
    return _by_own_sampler(run, final, field, camera, size, cancelled, progress)


def _as_its_program(
    run: StageRun,
    final: FinalPicture,
    field: Field,
    camera: CameraSpec,
    size: int,
    cancelled: Callable[[], bool],
) -> NeuralRender:
    whole = final.features(field)
    guide = (
        Guide(whole, run.density_grid(field)) if SAMPLERS.get(run.chosen_sampler(field)).needs_grid else None
    )
    stop_if(cancelled)
    return final.march(run.opened.model, whole, camera, size, guide, run.request.sampler.spp)


def _by_own_sampler(
    run: StageRun,
    final: FinalPicture,
    field: Field,
    camera: CameraSpec,
    size: int,
    cancelled: Callable[[], bool],
    progress: Progress,
) -> tuple[NeuralRender, float]:
    """Features by one of triscope's samplers: the same march as every other channel's, with all colours of the field."""
    spec = run.request.sampler
    own = run.request.replace(
        width=size,
        height=size,
        camera=camera,
        background=None,
        sampler=spec.replace(name=run.chosen_sampler(field)),
    )
    run = replace(run, request=own)
    whole, space = final.features(field), run.space(field)
    count = _colours_of(whole, run.device)
    scene = replace(
        run.scene(whole, space),
        background=torch.full((count,), final.background(run.opened.model), device=run.device),
        colours=count,
    )
    guide = run.guide(SAMPLERS.get(own.sampler.name), field)
    picture = Picture(run, scene, None, guide, (FEATURES, *SHARED), run.device)
    picture.draw(cancelled, progress)
    arrays, (_, evaluated, _) = picture.finish()
    on = lambda name: torch.from_numpy(arrays[name]).to(run.device)
    return NeuralRender(on(FEATURES), on("depth"), on("opacity"), on("samples")), evaluated


def _colours_of(field: Field, device: torch.device) -> int:
    """How many features a point has."""
    sample = field.geometry(torch.zeros(1, 1, 3, device=device))
    assert sample.features is not None
    return sample.features.shape[-1]


def final_arrays(
    image: FinalImage, request: RenderRequest, own: tuple[float, ...] | None, names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """float32 arrays of rgb and the maps `names` at the request's size; own: the checkpoint's background colour."""
    edge = max(request.width, request.height)
    rgb = resized(image.rgb, edge).clamp(0.0, 1.0)
    if request.background is not None:
        behind = torch.tensor(request.background, device=rgb.device) - torch.tensor(
            own or (0.0, 0.0, 0.0), device=rgb.device
        )
        rgb = rgb + (1.0 - _enlarged(image.opacity, edge, "bilinear")) * behind[:, None, None]
    out = {"rgb": rgb.clamp(0.0, 1.0)}
    for name in names:
        out[name] = _enlarged(
            getattr(image, name), edge, "bilinear" if name == "opacity" else "nearest-exact"
        )
    top, left = (edge - request.height) // 2, (edge - request.width) // 2
    part = lambda x: x[..., top : top + request.height, left : left + request.width]
    return {name: np.ascontiguousarray(part(x).float().cpu().numpy()) for name, x in out.items()}


def resized(rgb: Tensor, edge: int) -> Tensor:
    """[3, R, R] → [3, edge, edge], bicubic; antialiased where it becomes smaller."""
    if rgb.shape[-1] == edge:
        return rgb
    return F.interpolate(
        rgb[None], size=(edge, edge), mode="bicubic", align_corners=False, antialias=edge < rgb.shape[-1]
    )[0]


def _enlarged(x: Tensor, edge: int, mode: str) -> Tensor:
    """[n, n] → [edge, edge]."""
    if mode == "bilinear":
        return F.interpolate(x[None, None], size=(edge, edge), mode=mode, align_corners=False)[0, 0]
    return F.interpolate(x[None, None], size=(edge, edge), mode=mode)[0, 0]


def square_camera(request: RenderRequest) -> CameraSpec:
    """The camera whose square picture holds the request's, with the same size of a pixel: `camera_rays` fits the width."""
    camera, scale = request.camera, request.width / max(request.width, request.height)
    if scale == 1.0:
        return camera
    if isinstance(camera, OrbitPose):
        return camera.replace(fov=2.0 * float(np.arctan(np.tan(0.5 * camera.fov) / scale)))
    k = camera.intrinsics()
    k[0, 0], k[0, 1], k[1, 1] = k[0, 0] * scale, k[0, 1] * scale, k[1, 1] * scale
    k[:2, 2] = (k[:2, 2] - 0.5) * scale + 0.5
    return MatrixCamera(pose=camera.pose, normalized_intrinsics=tuple(k.reshape(-1).tolist()))


def check_auto(info: CheckpointInfo) -> None:
    """The choice of a sampler by emptiness is one between marches of families with a super-resolution; raises InputError elsewhere."""
    if not info.neural_size:
        raise InputError(
            what="sampler 'auto' cannot run", where=info.path, expected="a checkpoint with a super-resolution, or a sampler by name",
            got=info.title,
        )  # fmt: skip
