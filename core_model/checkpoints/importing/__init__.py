"""Safe import of EG3D, EpiGRAF and Mimic3D checkpoints: nothing of a foreign file is ever run.

No torch is imported until tensors are asked for, so that `triscope info` answers at once. `import_network`
reads a file into an `ImportedNetwork`; `open_source` makes native header and tensors of it.
"""

from core_model.checkpoints.importing.imported import ImportedNetwork
from core_model.checkpoints.importing.limits import DEFAULT_LIMITS, Limits
from core_model.checkpoints.importing.native import ForeignCheckpoint, open_source, save_source
from core_model.checkpoints.importing.network import import_bytes, import_network
from core_model.checkpoints.importing.source_file import is_foreign

__all__ = [
    "DEFAULT_LIMITS", "ForeignCheckpoint", "ImportedNetwork", "Limits",
    "import_bytes", "import_network", "is_foreign", "open_source", "save_source",
]  # fmt: skip
