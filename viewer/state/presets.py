"""Named settings of sampler, quality and display, kept between sessions; without checkpoint, latent and
camera.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from core_model.schema.camera import Vec3
from core_model.schema.config_dir import config_dir, save_kept
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.sampler import SamplerSpec
from viewer.state.document import Document, QualitySettings, ViewSettings

FILE_NAME = "presets.json"
MOST = 64


class Preset(Frozen):
    """What a preset sets."""

    sampler: SamplerSpec = SamplerSpec()
    native: bool = False
    view: ViewSettings = ViewSettings()
    quality: QualitySettings = QualitySettings()
    background: Vec3 | None = None


class PresetFile(Frozen):
    presets: dict[str, Preset] = Field(default_factory=dict, max_length=MOST)


class Presets:
    """Read at start, written with every change; a file that cannot be read stays until the next change
    replaces it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or config_dir()) / FILE_NAME
        self.fault = ""
        self._all: dict[str, Preset] = {}
        try:
            self._all = dict(PresetFile.model_validate_json(self._path.read_bytes()).presets)
        except FileNotFoundError:
            pass
        except (OSError, ValidationError) as error:
            self.fault = f"The presets could not be read: {str(error).splitlines()[0]}"

    def names(self) -> tuple[str, ...]:
        return tuple(self._all)

    def applied(self, name: str, doc: Document) -> Document:
        """The document under a preset; unchanged where there is none of that name."""
        preset = self._all.get(name)
        if preset is None:
            return doc
        kept = {
            "sampler": preset.sampler,
            "native": preset.native,
            "view": preset.view,
            "quality": preset.quality,
        }
        return doc.replace(**kept, background=preset.background)

    def save(self, name: str, doc: Document) -> None:
        """Keep the settings of `doc` under a name. Raises InputError where that is impossible."""
        name = " ".join(name.split())[:60]
        if not name:
            raise InputError(what="a preset needs a name", where="presets")
        if name not in self._all and len(self._all) >= MOST:
            raise InputError(
                what="too many presets",
                where="presets",
                expected=f"at most {MOST}",
                got=str(len(self._all) + 1),
            )
        kept = Preset(
            sampler=doc.sampler,
            native=doc.native,
            view=doc.view,
            quality=doc.quality,
            background=doc.background,
        )
        self._write({**self._all, name: kept})

    def remove(self, name: str) -> None:
        self._write({k: v for k, v in self._all.items() if k != name})

    def _write(self, presets: dict[str, Preset]) -> None:
        text = PresetFile(presets=presets).model_dump_json(indent=1)
        save_kept(self._path, "presets", text.encode())
        self._all = presets
