"""A tiny stored network and sessions with their own caches."""

from __future__ import annotations

from pathlib import Path

import pytest

from core_model.queries import QuerySession
from tests.contracts.tiny_checkpoint import save_tiny


@pytest.fixture(scope="package")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(Path(tmp_path_factory.mktemp("tiny")) / "tiny.safetensors")


@pytest.fixture
def session() -> QuerySession:
    return QuerySession(device="cpu", threads=1)
