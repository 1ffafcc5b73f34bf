"""The bar under the picture while a snapshot of a run is open: scrub through the run's snapshots, or follow
the newest.
"""

from __future__ import annotations

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from viewer.runs.format import amount
from viewer.state.actions import Dispatch, OpenCheckpoint
from viewer.state.screen import PicturePlace
from viewer.state.workspace import Workspace
from viewer.widgets import controls
from viewer.widgets.scrubber import scrubber
from viewer.widgets.theme import Theme

_FLAGS = (
    imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_docking | imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_focus_on_appearing
)  # fmt: skip


def draw_over(
    theme: Theme,
    info: CheckpointInfo | None,
    place: PicturePlace,
    workspace: Workspace,
    opening: str,
    dispatch: Dispatch,
) -> None:
    """A small window at the lower edge of the picture ("//##timeline"); nothing for a run with a single
    snapshot.
    """
    checkpoint = info.path if info is not None else ""
    watch = workspace.snapshots
    if len(watch.watch(workspace.run_of(checkpoint))) < 2 or place.size <= 0:
        return
    em = theme.em
    width = min(0.9 * place.size, 34 * em)
    imgui.set_next_window_pos(
        ImVec2(place.origin[0] + 0.5 * place.size, place.origin[1] + place.size - 0.7 * em),
        imgui.Cond_.always,
        ImVec2(0.5, 1.0),
    )
    imgui.set_next_window_size(ImVec2(width, 0.0))
    imgui.set_next_window_bg_alpha(0.9)
    imgui.push_style_color(imgui.Col_.window_bg, ImVec4(*theme.palette.raised, 0.9))
    imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0.5 * em, 0.35 * em))
    imgui.begin("##timeline", None, int(_FLAGS))
    scrub(theme, workspace, opening, dispatch, checkpoint)
    imgui.end()
    imgui.pop_style_var()
    imgui.pop_style_color()


def keep_up(info: CheckpointInfo | None, workspace: Workspace, opening: str, dispatch: Dispatch) -> None:
    """Open the newest snapshot when it is followed, in either workspace."""
    checkpoint = info.path if info is not None else ""
    watch = workspace.snapshots
    if watch.follow and workspace.run_of(checkpoint) is not None:
        watch.watch(watch.run or workspace.run_of(checkpoint))
        newer = watch.due(checkpoint, opening)
        if newer:
            dispatch(OpenCheckpoint(newer, keep_view=True))


def scrub(theme: Theme, workspace: Workspace, opening: str, dispatch: Dispatch, checkpoint: str) -> None:
    """Previous, track, next, newest; latent and camera stay where they are."""
    em, watch = theme.em, workspace.snapshots
    found, place = watch.snapshots, watch.place_of(checkpoint)
    last = len(found) - 1
    why = "" if last > 0 else "There is one snapshot only"
    wanted = place
    first, newest = (
        why or ("" if place > 0 else "This is the first"),
        why or ("" if place < last else "This is the newest"),
    )
    if controls.icon_button(
        theme, fa.ICON_FA_BACKWARD_STEP, "snapshot-previous", tip="Previous snapshot", why_not=first
    ):
        wanted = place - 1
    imgui.same_line()
    said = (
        f"{place + 1} of {last + 1}   {amount(found[place].number)}" if place >= 0 else "another checkpoint"
    )
    right = imgui.calc_text_size(f"{last + 1} of {last + 1}   888.8 M").x + 9.0 * em
    wanted_now = scrubber(
        theme,
        "##snapshot",
        [s.number for s in found],
        place,
        tip="Snapshots of this run; seed and camera are held. The number is that of its file (steps, or kimg)",
        name=lambda i: f"snapshot {i + 1} of {last + 1}: {amount(found[i].number)}",
        why_not=why,
        width=max(5 * em, imgui.get_content_region_avail().x - right),
    )
    wanted = wanted_now if wanted_now != place else wanted
    imgui.same_line()
    if controls.icon_button(
        theme, fa.ICON_FA_FORWARD_STEP, "snapshot-next", tip="Next snapshot", why_not=newest
    ):
        wanted = place + 1
    imgui.same_line()
    with controls.text_colour(theme.palette.muted):
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(said)
    imgui.same_line()
    changed, on = imgui.checkbox("newest###snapshot-follow", watch.follow)
    watch.follow = on if changed else watch.follow
    controls.tooltip("Open every new snapshot as the run writes it; seed and camera are held")
    if wanted != place and 0 <= wanted <= last:
        watch.follow = watch.follow and wanted == last
        if not opening:  # the slider moves on: the next frame requests its place at that time
            dispatch(OpenCheckpoint(str(found[wanted].path), keep_view=True))
