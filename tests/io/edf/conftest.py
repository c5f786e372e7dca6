"""Recipes of small EDF files, as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from edf_recipes import Recipe, Signal, annotation_signal


@pytest.fixture(scope="session")
def make_edf(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a file from a recipe: `make_edf(Signal(...), ..., duration="30")`."""
    folder = tmp_path_factory.mktemp("edf")

    def make(*signals: Signal, **recipe: object) -> Path:
        number = sum(1 for _ in folder.iterdir())
        chosen = {"signals": signals} if signals else {}
        return Recipe(**chosen, **recipe).write(folder / f"{number}.edf")

    return make


@pytest.fixture(scope="session")
def signal() -> type[Signal]:
    return Signal


@pytest.fixture(scope="session")
def annotations() -> Callable[..., Signal]:
    """Make an annotation signal from the bytes of each record."""
    return annotation_signal
