"""Panels and layers name what they need: every parameter is a value of the frame, of the same type; every action has a handler."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest

import viewer.features  # noqa: F401  (registers the features)
from viewer.shell import banner, keys, menus, sheets, statusbar
from viewer.shell.command_palette import CommandPalette
from viewer.shell.dispatcher import Dispatcher
from viewer.shell.frame_loop import FrameLoop
from viewer.shell.values import FrameValues, call
from viewer.state import actions
from viewer.state.document import Document
from viewer.widgets.feature import FEATURES, Feature

OWN = {
    "doc",
    "shown",
    "where",
    "texture",
    "corner",
    "state",
    "notice",
    "jobs",
    "banner",
    "situation",
    "panels",
}
"""What single calls add by themselves."""


def drawn() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, make in FEATURES.items():
        feature: Feature = make()
        yield f"{name}.draw", feature.panel.draw
        for part in ("replace", "over", "badge", "labels"):
            method = getattr(feature.layer, part, None)
            if method is not None:
                yield f"{name}.layer.{part}", method
    for module in (banner, menus, statusbar):
        yield module.__name__, module.draw
    for function in (keys.shortcuts, sheets.keys, sheets.about, CommandPalette().draw):
        yield function.__qualname__, function


@pytest.mark.parametrize(("name", "function"), list(drawn()))
def test_a_parameter_has_the_name_and_the_type_of_a_value(name: str, function: Callable[..., Any]) -> None:
    values = get_type_hints(FrameValues)
    wanted = get_type_hints(function)
    for parameter in inspect.signature(function).parameters:
        if parameter not in OWN:
            assert parameter in values, f"{name} asks for {parameter}, which no frame has"
            assert wanted[parameter] == values[parameter], f"{name}: {parameter}"
    if name.endswith(".draw") and "." in name and name.split(".")[0] in FEATURES:
        assert wanted["doc"] is Document and wanted["return"] is Document


def test_no_panel_takes_them_all() -> None:
    most = max(len(inspect.signature(make().panel.draw).parameters) for _, make in FEATURES.items())
    assert most < len(fields(FrameValues)) - 8


def test_call_passes_values_by_name_and_what_the_call_adds() -> None:
    class Values:
        now, moving, opening = 2.0, True, "a"

    def asked(doc: str, now: float, moving: bool) -> tuple[str, float, bool]:
        return doc, now, moving

    assert call(asked, Values(), doc="d") == ("d", 2.0, True)  # type: ignore[arg-type]


def test_every_action_has_one_handler(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))

    class Client:
        status = None

    class Window:
        class options:
            client, factory, worker = Client(), "", ""

        def wake(self) -> None: ...

    loop = FrameLoop(Window())  # type: ignore[arg-type]
    kinds = set(get_args(actions.Action))
    assert loop.dispatch.kinds == kinds


def test_actions_are_carried_out_in_order_and_new_ones_wait() -> None:
    dispatch, done = Dispatcher(), []

    def note(action: actions.CopyText, now: float) -> None:
        done.append((action.text, now))
        if action.text == "first":
            dispatch(actions.CopyText("later", ""))

    dispatch.on(actions.CopyText, note)
    with pytest.raises(ValueError, match="CopyText"):
        dispatch.on(actions.CopyText, note)
    dispatch(actions.Several((actions.CopyText("first", ""), actions.CopyText("second", ""))))
    assert not done
    dispatch.carry_out(1.0)
    assert done == [("first", 1.0), ("second", 1.0)]
    dispatch.carry_out(2.0)
    assert done[-1] == ("later", 2.0)
    assert typing.get_type_hints(actions.Edit)["before"] is Document
