"""The question for a folder of the machine that renders: what the window of another machine chooses checkpoints from."""

from __future__ import annotations

from pydantic import Field

from core_model.schema.question import Question

MAX_ENTRIES = 2000
CHECKPOINTS = (".safetensors", ".pkl", ".pth", ".pt")


class FolderQuestion(Question):
    """Folders and checkpoints in a folder; "" = the home folder. `checkpoint` is not used.

    Answer: values `folder`, `parent` (full paths), `entries`: (name, whether a folder, bytes, seconds since 1970), folders
    first, at most MAX_ENTRIES; `more`: how many were left out.
    """

    checkpoint: str = ""
    folder: str = Field(default="", max_length=4096)
    asked: int = Field(default=0, ge=0, description="another number asks again")
