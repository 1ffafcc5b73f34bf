"""One picture of a comparison as a row: its letter, in what it differs, and the value."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question_photo import PHOTO_SUFFIXES
from viewer.state.basket import Basket
from viewer.state.compared import Compared
from viewer.state.comparison import Source, What
from viewer.state.second_view import CURVE_SPP
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.theme import Theme
from viewer.widgets.tile_labels import WHAT_TITLES, ways_of

_TIPS: dict[What, str] = {
    "view": "The window's own picture",
    "sampler": "Sampled in another way at the same samples per ray",
    "samples": "Another number of samples per ray",
    "channel": "Another channel of the same view",
    "psi": "Another truncation",
    "seed": "The head of another seed",
    "basket": "A head that was kept in the basket",
    "checkpoint": "Another checkpoint with the same seed and camera",
    "snapshot": "Another step of the run that this checkpoint belongs to",
    "reference": "The truth: jittered samples are accumulated while the view rests",
    "photo": "A picture file as it is, its middle square",
}


@dataclass(frozen=True)
class Offers:
    """What can be chosen. snapshots: (path, title), newest first."""

    info: CheckpointInfo
    recent: tuple[str, ...]
    basket: Basket
    snapshots: tuple[tuple[str, str], ...]
    files: FileChooser


class TileRow:
    """Item ids end in the tile's letter. Keeps the file that was chosen until the next frame."""

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self._chosen = ""

    def draw(
        self, theme: Theme, source: Source, offers: Offers, compared: Compared, index: int, below: bool
    ) -> Source:
        """Draws three cells of a table; returns the source, changed or not. below: the third lies under the second."""
        imgui.table_next_column()
        imgui.align_text_to_frame_padding()
        with controls.font(theme.fonts.bold, theme.small()):
            imgui.text_unformatted(self.letter)
        imgui.table_next_column()
        titles = [(key, title, _TIPS[key]) for key, title in WHAT_TITLES.items()]
        closed = self._closed(offers)
        what = choice_rows.combo(
            theme, "", f"##what-{self.letter}", source.what, titles, unavailable=closed,
            tip=f"What {self.letter} shows",
        )  # fmt: skip
        source = source if what == source.what else self._begun(source.replace(what=what), offers)
        if below:
            imgui.table_next_row()
            imgui.table_set_column_index(1)
        else:
            imgui.table_next_column()
        rows: dict[What, Callable[[Theme, Source, Offers], Source]] = {
            "view": self._view,
            "sampler": self._sampler,
            "samples": self._samples,
            "channel": self._channel,
            "psi": self._psi,
            "seed": self._seed,
            "basket": self._basket,
            "checkpoint": self._checkpoint,
            "snapshot": self._snapshot,
            "photo": self._photo,
        }
        if source.what == "reference":
            return self._reference(theme, source, compared.accumulated(index))
        return rows[source.what](theme, source, offers)

    def _closed(self, offers: Offers) -> tuple[What, ...]:
        without: list[What] = []
        if not offers.info.z_dim:
            without = ["psi", "seed", "basket"]
        elif not offers.basket:
            without.append("basket")
        if not offers.snapshots:
            without.append("snapshot")
        return tuple(without)

    def _begun(self, source: Source, offers: Offers) -> Source:
        """A source of another kind with the first thing that it can show."""
        if source.what == "basket" and not source.w and offers.basket:
            return source.replace(entry=offers.basket[0].name, w=offers.basket[0].rows)
        if source.what == "snapshot":
            known = [path for path, _ in offers.snapshots]
            others = [path for path in known if path != offers.info.path]
            if source.checkpoint not in known and others:
                return source.replace(checkpoint=others[0])
        return source

    def _view(self, theme: Theme, source: Source, offers: Offers) -> Source:
        imgui.align_text_to_frame_padding()
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted("as shown")
        return source

    def _sampler(self, theme: Theme, source: Source, offers: Offers) -> Source:
        samplers = offers.info.samplers
        options = [
            (key, title, s.description if s.available else s.why_not)
            for s in samplers
            for key, title in ways_of(s)
        ]
        closed = tuple(key for s in samplers if not s.available for key, _ in ways_of(s))
        chosen = choice_rows.combo(
            theme, "", f"##sampler-{self.letter}", source.sampler, options, unavailable=closed,
            tip=f"Sampler of {self.letter}; as many samples per ray as the view",
        )  # fmt: skip
        return source.replace(sampler=chosen)

    def _samples(self, theme: Theme, source: Source, offers: Offers) -> Source:
        spp = number_rows.drag_float(
            theme, "", f"##spp-{self.letter}", source.spp, speed=0.5, low=1.5, high=1024,
            fmt="%.4g samples", tip=f"Samples per ray of {self.letter}",
        )  # fmt: skip
        return source.replace(spp=spp)

    def _channel(self, theme: Theme, source: Source, offers: Offers) -> Source:
        info = offers.info
        closed = tuple(c.name for c in info.channels if c.needs_proposal and not info.has_proposal)
        options = [(c.name, c.title, c.description) for c in info.channels]
        chosen = choice_rows.combo(
            theme, "", f"##channel-{self.letter}", source.channel, options, unavailable=closed,
            tip=f"Channel of {self.letter}",
        )  # fmt: skip
        return source.replace(channel=chosen)

    def _psi(self, theme: Theme, source: Source, offers: Offers) -> Source:
        psi = number_rows.slider_float(
            theme, "", f"##psi-{self.letter}", source.psi, low=-1.0, high=1.5, limits=(-2.0, 2.0), fmt="psi %.3f",
            tip=f"Truncation of {self.letter}", why_not="" if offers.info.z_dim else "This family has no latent",
        )  # fmt: skip
        return source.replace(psi=psi)

    def _seed(self, theme: Theme, source: Source, offers: Offers) -> Source:
        seed = number_rows.drag_int(
            theme, "", f"##seed-{self.letter}", source.seed, speed=0.1, low=0, high=2**31 - 1, fmt="seed %d",
            tip=f"Seed of {self.letter}", why_not="" if offers.info.z_dim else "This family has no latent",
        )  # fmt: skip
        return source.replace(seed=seed)

    def _basket(self, theme: Theme, source: Source, offers: Offers) -> Source:
        names = [item.name for item in offers.basket]
        chosen = choice_rows.combo(
            theme, "", f"##entry-{self.letter}", source.entry, [(n, n, "") for n in names],
            tip=f"Entry of the basket that {self.letter} shows",
            why_not="" if names else "The basket is empty: its panel keeps heads",
        )  # fmt: skip
        found = next((item for item in offers.basket if item.name == chosen), None)
        same = chosen == source.entry and source.w
        return source if same or found is None else source.replace(entry=chosen, w=found.rows)

    def _snapshot(self, theme: Theme, source: Source, offers: Offers) -> Source:
        chosen = choice_rows.combo(
            theme, "", f"##snapshot-{self.letter}", source.checkpoint,
            [(path, title, path) for path, title in offers.snapshots], tip=f"Step of the run that {self.letter} shows",
            why_not="" if offers.snapshots else "The open checkpoint is no snapshot of a run",
        )  # fmt: skip
        return source.replace(checkpoint=chosen)

    def _checkpoint(self, theme: Theme, source: Source, offers: Offers) -> Source:
        return source.replace(
            checkpoint=self._file(
                theme, source.checkpoint, offers, "checkpoint", "A .safetensors file, a run folder or analytic:NAME",
                ("Checkpoints", (".safetensors", ".pkl", ".pth", ".pt")), offers.recent,
            )
        )  # fmt: skip

    def _photo(self, theme: Theme, source: Source, offers: Offers) -> Source:
        tip = "A picture file; its middle square is compared"
        return source.replace(
            photo=self._file(theme, source.photo, offers, "photo", tip, ("Pictures", PHOTO_SUFFIXES), ())
        )

    def _file(
        self,
        theme: Theme,
        path: str,
        offers: Offers,
        key: str,
        tip: str,
        kinds: tuple[str, tuple[str, ...]],
        recent: tuple[str, ...],
    ) -> str:
        """A path that is typed, taken from the recent ones, or chosen in the desktop's dialog."""
        button, gap = imgui.get_frame_height(), imgui.get_style().item_inner_spacing.x
        buttons = int(bool(recent)) + 1
        imgui.set_next_item_width(imgui.get_content_region_avail().x - buttons * (button + gap))
        entered, typed = imgui.input_text_with_hint(
            f"##{key}-{self.letter}",
            "type a path, Enter",
            path,
            int(imgui.InputTextFlags_.enter_returns_true),
        )
        controls.tooltip(f"{tip}: type its path and press Enter" + (f"\n{path}" if path else ""))
        path = typed.strip() if entered else path
        if recent:
            imgui.same_line(0.0, gap)
            if controls.icon_button(
                theme, fa.ICON_FA_CLOCK_ROTATE_LEFT, f"recent-{self.letter}", tip="Recent checkpoints"
            ):
                imgui.open_popup("recent")
            if imgui.begin_popup("recent"):
                for one in recent:
                    if imgui.menu_item(f"{os.path.basename(one)}###{one}", "", one == path)[0]:
                        path = one
                    controls.tooltip(one)
                imgui.end_popup()
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_FOLDER_OPEN, f"browse-{self.letter}", tip="Choose a file"):
            offers.files.ask(FileWish(f"Choose a {key}", kinds=(kinds, ("All files", ()))), self._take)
        found, self._chosen = self._chosen, ""
        return found or path

    def _take(self, path: Path) -> None:
        self._chosen = str(path)

    def _reference(self, theme: Theme, source: Source, done: float) -> Source:
        samples = number_rows.drag_int(
            theme, "", f"##reference-{self.letter}", source.reference_spp, speed=8, low=16, high=65536,
            fmt="%d samples per ray",
            tip="Samples per ray that are accumulated, 128 at a time, while the view rests",
        )  # fmt: skip
        edge, gap, curve = imgui.get_frame_height(), imgui.get_style().item_inner_spacing.x, source.curve
        room = imgui.get_content_region_avail().x - edge - gap
        imgui.progress_bar(min(done / samples, 1.0), ImVec2(room, edge), "")
        controls.tooltip(f"{done:.0f} of {samples} samples per ray")
        imgui.same_line(0.0, gap)
        if curve:
            imgui.push_style_color(imgui.Col_.button, ImVec4(*theme.palette.accent_fill, 1.0))
        counts = ", ".join(str(n) for n in CURVE_SPP)
        tip = f"PSNR of the present sampler at {counts} samples per ray, after the reference: {'on' if curve else 'off'}"
        if controls.icon_button(theme, fa.ICON_FA_CHART_LINE, f"curve-{self.letter}", tip=tip):
            curve = not curve
        if source.curve:
            imgui.pop_style_color()
        return source.replace(reference_spp=samples, curve=curve)
