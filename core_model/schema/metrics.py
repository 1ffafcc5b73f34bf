"""What an evaluation says: one record for the command line, the run directory and the window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core_model.schema.frozen import Frozen

Need = Literal["inception", "normals", "truth"]
NEEDS: dict[str, str] = {
    "inception": "the Inception weights pt_inception-2015-12-05-6726825d.pth (--inception FILE)",
    "normals": "normal maps (--normals FOLDER, or generated heads as --data)",
    "truth": "known depth and normals (generated heads as --data)",
}


View = Literal["colour", "shape", "front"]


Better = Literal["lower", "higher", "neither"]
"""Which of two values is the better one."""


class MetricInfo(Frozen):
    """One metric.

    view: which pictures it looks at (colour: as trained, at --psi; shape: normals and depth at --shape-psi,
    both from the cameras of the data; front: depth maps from the frontal camera at --psi). pictures: how many
    it takes at most: the number of the publications, or what it uses. whole: whether all of the data is its
    reference.
    """

    name: str
    title: str
    view: View
    pictures: int
    whole: bool = False
    needs: tuple[Need, ...] = ()
    description: str = ""


class MetricValue(Frozen):
    """One number; `value` is None where it could not be computed, and `why_not` says why."""

    name: str
    metric: str
    value: float | None = None
    unit: str = ""
    better: Better = "lower"
    why_not: str = ""


class SampleRow(Frozen):
    """The colour metrics at another number of samples per ray."""

    spp: float = Field(description="samples per ray asked for")
    placed: float = Field(description="samples per ray that the sampler placed, mean")
    values: dict[str, float]


class MetricsRecord(Frozen):
    """Everything needed to read the numbers and to make them again."""

    tool: str = "triscope"
    version: str = ""
    created: str = ""
    checkpoint: str
    checkpoint_sha256: str = ""
    family: str = ""
    data: str
    size: int = Field(description="edge of the compared pictures, pixels")
    count: int = Field(description="generated colour pictures; 0 = none were needed")
    reals: int = Field(description="pictures of the data that they were compared with")
    shape_count: int = Field(
        default=0, description="generated normal and depth maps from the cameras of the data"
    )
    shape_reals: int = Field(
        default=0, description="normal maps, or maps of the data's truth, that they were compared with"
    )
    front_count: int = Field(default=0, description="generated depth maps from the frontal camera")
    seed: int = 0
    psi: float = 1.0
    shape_psi: float = 0.7
    cutoff: int | None = None
    sampler: str = ""
    native: bool = Field(
        default=False, description="colour pictures as the imported family's own program renders them"
    )
    view_dirs: Literal["frontal", "camera"] = "camera"
    masked: Literal["", "masks", "maps"] = Field(default="", description="what --masks held")
    placed: float = Field(default=0.0, description="samples per ray of the colour pictures, mean")
    supersample: int = 1
    inception_sha256: str = ""
    device: str = ""
    seconds: float = 0.0
    values: tuple[MetricValue, ...] = ()
    samples_table: tuple[SampleRow, ...] = ()
    definitions: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def value(self, name: str) -> float | None:
        """The number called `name`, None where it was not computed."""
        return next((v.value for v in self.values if v.name == name), None)
