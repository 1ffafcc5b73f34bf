"""No dead control: every item of every panel is used by hand, and something has to follow (issue 3 section 6).

Disabled items are told apart by Dear ImGui's own flags; their tooltip, like that of every other item, has to come.
"""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from tests.blob_head.session import BlobSession
from tests.gui.every_control import Seen, Walker, Witness
from tests.gui.panel_states import STATES
from tests.gui.window_driver import Hands, drive
from tests.unit.render_client.inline_client import InlineClient
from viewer.shell.layout import SLOTS

pytestmark = [pytest.mark.gui, pytest.mark.slow]
WITH_PLOTS, PLOTS = ("Ray", "Inversion"), ("panel ray._plots", "panel inversion.runs.watch")


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own; pictures of 64² without refinement: the panels are the matter here."""
    config = tmp_path / "config"
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(config))
    monkeypatch.chdir(tmp_path)
    config.mkdir()
    quality = {"max_size": 64, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05}
    look = {"theme": "dark", "ui_scale": 1.0, "recent": [], "window_size": [1280, 800], "quality": quality}
    (config / "preferences.json").write_text(json.dumps(look))


def test_every_panel_has_a_state_to_be_walked_in() -> None:
    assert {title for title, _ in STATES.values()} == {slot.title for slot in SLOTS if not slot.bare}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("state", STATES)
def test_every_control_of_a_panel_does_something_and_says_what(
    display: str, state: str, request: pytest.FixtureRequest
) -> None:
    title, prepare = STATES[state]
    if title != "Mesh":  # its depth error is read back from the graphics card
        request.getfixturevalue("undrawn")
    seen: list[Seen] = []

    def body(hands: Hands) -> None:
        seen.append(Walker(hands, title, Witness(hands), prepare).walk())
        assert not hands.loop.broken, hands.loop.broken

    drive(body, InlineClient(BlobSession), "blob:posed")
    (what,) = seen
    gc.collect()  # a window refers to itself: two dozen of them would fill the memory
    print(
        f"{state}: {len(what.used)} used, {len(what.off)} off, {len(what.lost)} lost",
        *what.followed.items(),
        sep="\n  ",
    )
    # frames, axes and legends are the plot library's: no tooltip, and nothing but the plots' own state follows
    plots: set[str] = set()
    if title in WITH_PLOTS:
        plots = {p for p in what.mute if what.followed.get(p, PLOTS[0]).startswith(PLOTS)}
    assert not set(what.dead) - plots, f"nothing follows: {what.dead}"
    assert not set(what.mute) - plots, f"no tooltip: {what.mute}"
    assert title in WITH_PLOTS or not what.covered, f"something lies over: {what.covered}"
    assert not what.lost, f"went away before their turn: {what.lost}"
    assert what.used or title in ("Ray", "Timings")
