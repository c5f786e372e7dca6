"""A cohort of small nights that all tests of a study share, and pools that end with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cohorts import Cohort, write_cohort

from sleepdask.features import registry
from sleepdask.parallel import close_pools


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Four nights that nobody changes."""
    return write_cohort(tmp_path_factory.mktemp("nights"))


@pytest.fixture
def cohort(nights: Cohort, tmp_path: Path) -> Cohort:
    """Copies of them."""
    return nights.copy(tmp_path / "nights")


@pytest.fixture(autouse=True)
def known_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the features that a test makes up."""
    monkeypatch.setattr(registry, "_FEATURES", dict(registry._FEATURES))


@pytest.fixture(scope="module")
def pools() -> Iterator[None]:
    """Let the tests of a module share a cluster, which ends with them."""
    yield
    close_pools()
