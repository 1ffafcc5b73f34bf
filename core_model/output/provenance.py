"""Where a picture, an array file or a video came from.

Written by `images` and `video`, read back without torch. The record and its one reader live in
`core_model.schema` (`record`, `record_text`, `record_file`), so that the window has them too.
"""

from __future__ import annotations

from core_model.schema.record import KEY, NPZ_KEY, VIDEO_KEY, DisplayRange, RenderRecord, utc_now
from core_model.schema.record_file import read_provenance

__all__ = ["KEY", "NPZ_KEY", "VIDEO_KEY", "DisplayRange", "RenderRecord", "read_provenance", "utc_now"]
