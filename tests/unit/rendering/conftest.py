"""One session for all pictures of the rendering tests."""

from __future__ import annotations

import pytest

from core_model.session import RenderSession


@pytest.fixture(scope="package")
def session() -> RenderSession:
    return RenderSession(device="cpu", threads=1)
