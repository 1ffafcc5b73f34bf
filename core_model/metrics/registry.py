"""The metrics: each makes one reference of the real pictures and compares candidates with it.

Adding one is one registration. A metric sees pictures as a viewer would: 8-bit colours, normal maps, depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from core_model.metrics.feature_distances import FeatureStatistics, frechet_distance, kernel_distance
from core_model.metrics.flatness import non_flatness, surface_spread
from core_model.metrics.sliced_wasserstein import PatchSet, line_distance, patch_distances
from core_model.schema.metrics import Better, MetricInfo, MetricValue
from core_model.schema.registry import Registry

MOST_KERNEL_FEATURES = 10_000
PIXELS = 256
"""Pixels of a picture whose depth and normal are kept."""


@dataclass(frozen=True)
class Pictures:
    """B pictures of one kind; what is not there is None.

    rgb [B, 3, S, S] uint8; normal_map [B, 3, S, S] uint8, ½ + ½ n, black where there is no surface; normal
    [B, 3, S, S] unit, world frame, and depth [B, S, S] along unit rays, world units, both NaN where there is
    no surface. cut_depth [B, S', S'] as the published non-flatness score takes it, from the frontal camera.
    """

    rgb: Tensor | None = None
    normal_map: Tensor | None = None
    normal: Tensor | None = None
    depth: Tensor | None = None
    cut_depth: Tensor | None = None


@dataclass
class MetricContext:
    """What metrics share: the feature network (None: not available), the range of depths [world units], the
    random seed.
    """

    features: Callable[[Tensor], Tensor] | None = None
    near: float = 2.25
    far: float = 3.3
    seed: int = 0
    _last: tuple[Tensor, Tensor] | None = field(default=None, repr=False)

    def features_of(self, images: Tensor) -> Tensor:
        """[B, D]; pictures that several metrics look at in turn go through the network once."""
        if self.features is None:
            raise ValueError("this metric needs a feature network")
        if self._last is None or self._last[0] is not images:
            self._last = (images, self.features(images))
        return self._last[1]


class Candidate(Protocol):
    """One set of generated pictures under comparison."""

    def add(self, pictures: Pictures) -> None: ...

    def values(self) -> tuple[MetricValue, ...]: ...


class Reference(Protocol):
    """The real side."""

    def add(self, pictures: Pictures) -> None: ...

    def candidate(self) -> Candidate: ...


@dataclass(frozen=True)
class Metric:
    info: MetricInfo
    reference: Callable[[MetricContext], Reference]


METRICS: Registry[Metric] = Registry("metric")


def _images(pictures: Pictures, kind: str) -> Tensor:
    images = pictures.rgb if kind == "rgb" else pictures.normal_map
    if images is None:
        raise ValueError(f"this metric looks at {kind} pictures")
    return images


@dataclass
class _Gaussian:
    """FID, of colours or normal maps."""

    context: MetricContext
    kind: str
    name: str
    real: FeatureStatistics | None = None
    statistics: FeatureStatistics = field(default_factory=FeatureStatistics)

    def add(self, pictures: Pictures) -> None:
        self.statistics.add(self.context.features_of(_images(pictures, self.kind)))

    def candidate(self) -> _Gaussian:
        return _Gaussian(self.context, self.kind, self.name, self.statistics)

    def values(self) -> tuple[MetricValue, ...]:
        assert self.real is not None
        a, b = self.real, self.statistics
        return (
            MetricValue(
                name=self.name,
                metric=self.name,
                value=frechet_distance(a.mean, a.covariance, b.mean, b.covariance),
            ),
        )


@dataclass
class _Kernel:
    """KID."""

    context: MetricContext
    real: list[Tensor] | None = None
    kept: list[Tensor] = field(default_factory=list)

    def add(self, pictures: Pictures) -> None:
        if sum(map(len, self.kept)) < MOST_KERNEL_FEATURES:
            self.kept.append(self.context.features_of(_images(pictures, "rgb")).cpu())

    def candidate(self) -> _Kernel:
        return _Kernel(self.context, self.kept)

    def values(self) -> tuple[MetricValue, ...]:
        assert self.real is not None
        mean, spread = kernel_distance(torch.cat(self.real), torch.cat(self.kept), seed=self.context.seed)
        return (
            MetricValue(name="kid", metric="kid", value=1e3 * mean, unit="x 1e-3"),
            MetricValue(name="kid_std", metric="kid", value=1e3 * spread, unit="x 1e-3", better="neither"),
        )


@dataclass
class _Patches:
    """Sliced Wasserstein distance, of colours or normal maps."""

    context: MetricContext
    kind: str
    name: str
    real: PatchSet | None = None
    patches: PatchSet = field(default_factory=PatchSet)
    edge: int = 0

    def add(self, pictures: Pictures) -> None:
        images = _images(pictures, self.kind)
        self.edge = images.shape[-1]
        self.patches.add(images)

    def candidate(self) -> _Patches:
        return _Patches(self.context, self.kind, self.name, self.patches, PatchSet(self.context.seed + 1))

    def values(self) -> tuple[MetricValue, ...]:
        assert self.real is not None
        levels = patch_distances(self.real, self.patches, self.context.seed)
        mean = MetricValue(name=self.name, metric=self.name, value=sum(levels) / len(levels), unit="x 1e-3")
        parts = [(f"{self.name}_{self.edge >> i}", v) for i, v in enumerate(levels)]
        return (mean, *(MetricValue(name=n, metric=self.name, value=v, unit="x 1e-3") for n, v in parts))


@dataclass
class _Flatness:
    """The published non-flatness score; it has no reference."""

    context: MetricContext
    scores: list[Tensor] = field(default_factory=list)

    def add(self, pictures: Pictures) -> None:
        if pictures.cut_depth is not None:
            self.scores.append(non_flatness(pictures.cut_depth, self.context.near, self.context.far))

    def candidate(self) -> _Flatness:
        return _Flatness(self.context)

    def values(self) -> tuple[MetricValue, ...]:
        found = _mean(self.scores)
        why = "" if found is not None else "no depth map was made"
        return (
            MetricValue(
                name="nfs", metric="nfs", value=found, unit="bins of 64", better="higher", why_not=why
            ),
        )


@dataclass
class _Spread:
    """Bins that the surface uses, of both sides; the data's own where its depth is known."""

    context: MetricContext
    real: list[Tensor] | None = None
    scores: list[Tensor] = field(default_factory=list)

    def add(self, pictures: Pictures) -> None:
        if pictures.depth is not None:
            self.scores.append(surface_spread(pictures.depth, self.context.near, self.context.far))

    def candidate(self) -> _Spread:
        return _Spread(self.context, self.scores)

    def values(self) -> tuple[MetricValue, ...]:
        found = _mean(self.scores)
        why = "" if found is not None else "no picture shows a surface"
        own = MetricValue(
            name="spread", metric="spread", value=found, unit="bins of 64", better="higher", why_not=why
        )
        truth = _mean(self.real or [])
        if truth is None:
            return (own,)
        return (
            own,
            MetricValue(
                name="spread_data", metric="spread", value=truth, unit="bins of 64", better="neither"
            ),
        )


def _mean(parts: list[Tensor]) -> float | None:
    values = torch.cat(parts) if parts else torch.zeros(0)
    values = values[torch.isfinite(values)]
    return float(values.mean()) if len(values) else None


@dataclass
class _Surface:
    """Distributions of depth, normals and coverage against the truth of generated heads."""

    context: MetricContext
    real: _Surface | None = None
    depth: list[Tensor] = field(default_factory=list)
    normal: list[Tensor] = field(default_factory=list)
    covered: list[Tensor] = field(default_factory=list)

    def add(self, pictures: Pictures) -> None:
        assert pictures.depth is not None and pictures.normal is not None
        depth, normal = pictures.depth.flatten(1), pictures.normal.flatten(2)
        # The same evenly spread pixels of every picture, so that no side is weighed by its size.
        place = torch.linspace(0, depth.shape[1] - 1, min(PIXELS, depth.shape[1])).round().long()
        depth, normal = depth[:, place], normal[:, :, place].transpose(1, 2)
        self.covered.append(torch.isfinite(pictures.depth).double().mean(dim=(1, 2)))
        self.depth.append(depth[torch.isfinite(depth)].double())
        self.normal.append(normal[torch.isfinite(normal).all(dim=2)].double())

    def candidate(self) -> _Surface:
        return _Surface(self.context, self)

    def values(self) -> tuple[MetricValue, ...]:
        assert self.real is not None
        mine, true = (torch.cat(s.depth) for s in (self, self.real))
        n_mine, n_true = (torch.cat(s.normal) for s in (self, self.real))
        cover, cover_true = (float(torch.cat(s.covered).mean()) for s in (self, self.real))

        def value(name: str, number: float | None, unit: str, better: Better = "lower") -> MetricValue:
            why = "" if number is not None else "no picture shows a surface"
            return MetricValue(
                name=name, metric="surface", value=number, unit=unit, better=better, why_not=why
            )

        solid = len(mine) > 1 and len(true) > 1 and len(n_mine) > 0 and len(n_true) > 0
        gaps = [line_distance(n_mine[:, i], n_true[:, i]) for i in range(3)] if solid else []
        return (
            value("depth_distance", line_distance(mine, true) if solid else None, "world units"),
            value("normal_distance", sum(gaps) / 3.0 if solid else None, "of 2"),
            value("coverage_error", abs(cover - cover_true), "of the picture"),
            value("depth_mean", float(mine.mean()) if solid else None, "world units", "neither"),
            value("depth_mean_data", float(true.mean()) if solid else None, "world units", "neither"),
            value("depth_std", float(mine.std()) if solid else None, "world units", "neither"),
            value("depth_std_data", float(true.std()) if solid else None, "world units", "neither"),
            value("coverage", cover, "of the picture", "neither"),
            value("coverage_data", cover_true, "of the picture", "neither"),
        )


def _add(info: MetricInfo, reference: Callable[[MetricContext], Reference]) -> None:
    METRICS.add(info.name, Metric(info, reference))


_add(
    MetricInfo(
        name="fid",
        title="Fréchet Inception distance",
        view="colour",
        needs=("inception",),
        pictures=50_000,
        whole=True,
        description="Fréchet distance of Inception features of data and generated pictures (8-bit, 299² by TensorFlow's rule). Few "
        "pictures bias it upwards; only equal counts compare. Published: 50000 generated pictures, all of the data.",
    ),
    lambda c: _Gaussian(c, "rgb", "fid"),
)
_add(
    MetricInfo(
        name="kid",
        title="Kernel Inception distance",
        view="colour",
        needs=("inception",),
        pictures=50_000,
        whole=True,
        description="Unbiased MMD² of Inception features, cubic kernel, x 10³; mean and deviation over 100 subsets of at most 1000.",
    ),
    _Kernel,
)
_add(
    MetricInfo(
        name="swd",
        title="Sliced Wasserstein distance",
        view="colour",
        pictures=1024,
        description="7 x 7 patches of Laplacian pyramids on 256 random directions, x 10³, mean over the levels; swd_S is the level of "
        "edge S; at most 1024 pictures per side. Needs no weights.",
    ),
    lambda c: _Patches(c, "rgb", "swd", patches=PatchSet(c.seed)),
)
_add(
    MetricInfo(
        name="normal_fid",
        title="Normal-FID",
        view="shape",
        needs=("inception", "normals"),
        pictures=10_000,
        whole=True,
        description="FID of normal maps (½ + ½ n, world frame, black where there is no surface or --masks say so). Published: 10000 maps.",
    ),
    lambda c: _Gaussian(c, "normal", "normal_fid"),
)
_add(
    MetricInfo(
        name="normal_swd",
        title="Sliced Wasserstein distance of normal maps",
        view="shape",
        needs=("normals",),
        pictures=1024,
        description="swd of normal maps (½ + ½ n, world frame, black where there is no surface). Needs no weights.",
    ),
    lambda c: _Patches(c, "normal", "normal_swd", patches=PatchSet(c.seed)),
)
_add(
    MetricInfo(
        name="nfs",
        title="Non-flatness score",
        view="front",
        pictures=256,
        description="exp(entropy) of a 64-bin histogram of each depth map over the range of the rays, mean over the maps, as published "
        "with 3D generation on ImageNet: frontal camera, densities below the median of the picture's samples left out, all pixels, depth "
        "Σ w t with weights that are not normalised. Published: 256 maps.",
    ),
    _Flatness,
)
_add(
    MetricInfo(
        name="spread",
        title="Depth bins of the surface",
        view="shape",
        pictures=1024,
        description="The histogram's exp(entropy) of pixels with a surface alone, from the cameras of the data, depths normalised, the "
        "farthest 5 % cut off as background. spread_data: the same of the data's own depth, where it is known. Not the published score.",
    ),
    _Spread,
)
_add(
    MetricInfo(
        name="surface",
        title="Depth and normals against the truth",
        view="shape",
        needs=("truth",),
        pictures=1024,
        description="1-Wasserstein distance between the distributions of depth, and of each world component of the normal (mean of three), "
        "over pixels with a surface; difference of the mean share of pixels with a surface.",
    ),
    _Surface,
)
