"""What is known of `analytic:SHAPE` without torch: its header and sizes."""

from __future__ import annotations

from typing import Literal

from core_model.families.description import Description, Sizes
from core_model.schema.camera import CameraPrior
from core_model.schema.checkpoint import CheckpointHeader, Provenance
from core_model.schema.conventions import Conventions
from core_model.schema.registry import Registry

PREFIX = "analytic:"
KINDS: Registry[Literal["sdf", "density"]] = Registry("analytic shape")
for _name in ("sphere", "torus", "shell"):
    KINDS.add(_name, "sdf")
KINDS.add("slab", "density")


def analytic_header(path: str) -> CheckpointHeader:
    """Header of `analytic:SHAPE`."""
    shape = path.removeprefix(PREFIX)
    kind = KINDS.get(shape, where=path)
    return CheckpointHeader(
        family="analytic",
        name=shape,
        config={"shape": shape},
        conventions=Conventions(
            field=kind,
            density_rule="density" if kind == "density" else "volsdf",
            background=(0.86, 0.87, 0.88),
            scene_radius=0.5,
            camera_label="none",
        ),
        camera=CameraPrior(law="none"),
        provenance=Provenance(
            made_by="triscope", notes="closed form; known answers for tests and demonstrations"
        ),
        licence="Apache-2.0",
    )


def describe(header: CheckpointHeader, where: str) -> Sizes:
    shape = str(header.config["shape"])
    return Sizes(
        title=f"Analytic {shape}",
        image_size=256,
        is_sdf=KINDS.get(shape, where=where) == "sdf",
        has_proposal=True,
        default_spp=17.6,
        probe_size=64,
        probe_samples=128,
        proposal_size=128,
    )


DESCRIPTION = Description("analytic", describe)
