"""Presets as cards: name, two lines, and what they cost on this machine where that was measured."""

from __future__ import annotations

from collections.abc import Sequence

from imgui_bundle import ImVec2, imgui

from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from viewer.jobs.command import forecast_words
from viewer.jobs.tasks import Tasks
from viewer.runs.job_record import read_console
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

KIND = "train-check"
"""Tasks that forecast a training."""
CARD_EM, HIGH_EM = 15.0, 5.1
_ABOUT = {
    "ffhq512": "Faces, as the paper trained them",
    "afhq512": "Animals, from few pictures",
    "heads128": "Rendered heads on one GPU",
    "heads64-cpu": "Rendered heads without a GPU",
    "smoke": "A few steps: does everything work?",
    "eg3d-ffhq512": "Faces, EG3D's recipe",
    "eg3d-afhq512": "Animals, EG3D's recipe",
    "eg3d-shapenet128": "Rendered cars, EG3D's recipe",
    "eg3d-heads64-cpu": "Heads without a GPU, EG3D's recipe",
    "eg3d-smoke": "EG3D's recipe: does everything work?",
    "epigraf-ffhq512": "Faces, EpiGRAF's recipe",
    "epigraf-cats256": "Cats, EpiGRAF's recipe",
    "epigraf-megascans-food256": "Scanned food, EpiGRAF's recipe",
    "epigraf-megascans-plants256": "Scanned plants, EpiGRAF's recipe",
    "epigraf-heads64-cpu": "Heads without a GPU, EpiGRAF's recipe",
    "epigraf-smoke": "EpiGRAF's recipe: does everything work?",
    "mimic3d-ffhq512": "Faces, Mimic3D's recipe",
    "mimic3d-afhq512": "Animals, Mimic3D's recipe",
    "mimic3d-shapenet128": "Rendered cars, Mimic3D's recipe",
    "mimic3d-heads64-cpu": "Heads without a GPU, Mimic3D's recipe",
    "mimic3d-smoke": "Mimic3D's recipe: does everything work?",
}


def about(name: str, tree: TrainConfig) -> tuple[str, str]:
    """The two lines of a card; a preset that has no words of its own is named by its recipe."""
    count = f"{tree.images:,}".replace(",", " ")
    size = f"{count} images of {tree.data.resolution} px, batch {tree.batch}"
    return _ABOUT.get(name, f"Recipe {tree.recipe}"), size


class Costs:
    """Measured times of whole presets on this machine: from the forecasts that were made of them."""

    def __init__(self) -> None:
        self._read: dict[str, str] = {}

    def of(self, tasks: Tasks, preset: str) -> str:
        """`16 min, 4 processes, cpu`; "" where nothing was measured."""
        for task in tasks.views(KIND):
            if task.state != "done" or task.record.pinned.get("preset") != preset:
                continue
            if task.record.id not in self._read:
                self._read[task.record.id] = forecast_words(read_console(task.folder))
            words = self._read[task.record.id]
            if "measured" in words:
                return ", ".join(part.strip() for part in words.split(",")[:2])
        return ""


def draw(theme: Theme, names: Sequence[str], chosen: str, tasks: Tasks, costs: Costs) -> str:
    """A grid of cards of the presets named, in the width of the window; returns the chosen one."""
    em, gap = theme.em, 0.6 * theme.em
    room = imgui.get_content_region_avail().x
    columns = max(int((room + gap) / (CARD_EM * em + gap)), 1)
    width = (room - gap * (columns - 1)) / columns
    for place, name in enumerate(names):
        if place % columns:
            imgui.same_line(0.0, gap)
        if _card(theme, name, name == chosen, costs.of(tasks, name), width):
            chosen = name
    return chosen


def _card(theme: Theme, name: str, chosen: bool, cost: str, width: float) -> bool:
    em, p, draw_list = theme.em, theme.palette, imgui.get_window_draw_list()
    corner = imgui.get_cursor_screen_pos()
    pressed = controls.hit(theme, f"##preset-{name}", ImVec2(width, HIGH_EM * em))
    hovered = imgui.is_item_hovered() or imgui.is_item_focused()
    what, size = about(name, PRESETS.get(name))
    last = f"{cost} here" if cost else "Not measured here yet"
    controls.tooltip(f"{what}\n{size}\n{last}. A forecast takes a few real steps and measures it")
    end = ImVec2(corner.x + width, corner.y + HIGH_EM * em)
    draw_list.add_rect_filled(corner, end, theme.colour(p.field_hover if hovered else p.field), 0.3 * em)
    if chosen:
        draw_list.add_rect(corner, end, theme.colour(p.accent), 0.3 * em, max(0.12 * em, 1.5))
    pad = 0.6 * em
    left, room = corner.x + pad, width - 2 * pad
    with controls.font(theme.fonts.bold, BODY_PX):
        draw_list.add_text(ImVec2(left, corner.y + 0.4 * em), theme.colour(p.text), name)
    with controls.font(theme.fonts.body, BODY_PX * 0.87):
        ink = theme.colour(p.text if cost else p.muted)
        for line, text, tone in (
            (1.7, what, theme.colour(p.text)), (2.7, size, theme.colour(p.muted)), (3.7, last, ink)
        ):  # fmt: skip
            draw_list.add_text(ImVec2(left, corner.y + line * em), tone, controls.ellipsis(text, room))
    return pressed
