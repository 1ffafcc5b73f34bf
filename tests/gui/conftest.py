"""A display for every test that opens a window: the session's own, or an Xvfb that ends with the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from viewer.virtual_display import some_display


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Name of an X display; DISPLAY is set while the tests run."""
    with some_display() as name:
        yield name


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that use thousands of GUI frames and look at no pixel: Mesa takes every OpenGL call and draws nothing.

    That driver keeps 0.16 MB a frame for ever: no test that measures memory may use it.
    """
    monkeypatch.setenv("GALLIUM_NOOP", "1")
