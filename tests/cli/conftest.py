"""A short synthetic night on disk for the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohorts import Cohort, write_cohort

from sleepdask.simulate import PSG_MONTAGE, simulate_night


@pytest.fixture(scope="session")
def short_night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Ten minutes of F3-M2 and E1-M2 at different rates, and their hypnogram."""
    montage = tuple(channel for channel in PSG_MONTAGE if channel.label in {"F3-M2", "E1-M2", "SpO2"})
    return simulate_night(hours=1 / 6, montage=montage).write(tmp_path_factory.mktemp("night"), stem="short")


@pytest.fixture(scope="session")
def short_psg(short_night: tuple[Path, Path]) -> Path:
    return short_night[0]


@pytest.fixture(scope="session")
def short_hypnogram(short_night: tuple[Path, Path]) -> Path:
    return short_night[1]


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Four short nights of a study, which nobody changes."""
    return write_cohort(tmp_path_factory.mktemp("nights"))
