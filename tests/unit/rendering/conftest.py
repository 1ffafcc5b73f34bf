"""One session for all pictures of the rendering tests."""

from __future__ import annotations

import pytest

from core_model.queries import QuerySession


@pytest.fixture(scope="package")
def session() -> QuerySession:
    return QuerySession(device="cpu", threads=1)
