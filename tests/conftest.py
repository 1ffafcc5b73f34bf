"""Shared by all tests: two threads, repeatable examples of hypothesis, no user configuration touched."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ["TRISCOPE_PLUGINS"] = "off"  # what else is installed here is no part of the product

import pytest
from hypothesis import settings

import tests.examples  # noqa: F401 - registers the profiles


def pytest_configure(config: pytest.Config) -> None:
    """Where slow tests are left out, searches are shorter."""
    settings.load_profile("part" if "not slow" in config.option.markexpr else "whole")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """GPU tests need CUDA; without it they are skipped with the reason, wherever they were selected."""
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu:
        import torch

        if not torch.cuda.is_available():
            for item in gpu:
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(autouse=True, scope="session")
def _private_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("TRISCOPE_CONFIG_DIR", str(tmp_path_factory.mktemp("triscope-config")))


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Name of an X display, the session's own or an Xvfb that ends with the tests; DISPLAY is set while the tests run."""
    from viewer.tour.virtual_display import some_display

    with some_display() as name:
        yield name
