"""A tiny stored network and sessions with their own caches. Torch is imported only where one of them is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from core_model.queries import QuerySession


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tests.contracts.tiny_checkpoint import save_tiny

    return save_tiny(Path(tmp_path_factory.mktemp("tiny")) / "tiny.safetensors")


@pytest.fixture
def session() -> QuerySession:
    from core_model.queries import QuerySession

    return QuerySession(device="cpu", threads=1)
