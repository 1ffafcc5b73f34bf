"""`python -m triscope_blobs FILE.safetensors`: a checkpoint of three blobs."""

from __future__ import annotations

import sys

import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.schema.checkpoint import CheckpointHeader, Provenance
from core_model.schema.conventions import Conventions

BACKGROUND = (0.86, 0.87, 0.88)


def main(out: str) -> None:
    tensors = {
        "centres": torch.tensor([[0.0, -0.12, 0.0], [0.0, 0.12, 0.02], [0.12, 0.2, 0.05]]),
        "radii": torch.tensor([0.2, 0.15, 0.08]),
        "colours": torch.tensor([[0.8, 0.35, 0.3], [0.3, 0.5, 0.8], [0.95, 0.8, 0.3]]),
    }
    header = CheckpointHeader(
        family="blobs",
        name="three",
        config={"count": len(tensors["radii"])},
        conventions=Conventions(background=BACKGROUND, camera_label="none"),
        provenance=Provenance(made_by="triscope-blobs"),
        licence="CC0-1.0",
    )
    print(save_checkpoint(out, header, tensors))


if __name__ == "__main__":
    main(sys.argv[1])
