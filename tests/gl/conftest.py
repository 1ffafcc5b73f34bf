"""A display for every test that opens a window: the session's own, or an Xvfb that ends with the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from viewer.tour.virtual_display import some_display


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Name of an X display; DISPLAY is set while the tests run."""
    with some_display() as name:
        yield name
