"""Examples in docstrings run in a folder that holds a recording and its hypnogram."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.doctest import DoctestItem


@pytest.fixture(scope="session")
def example_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ``night.edf`` and ``hypnogram.edf``, six minutes of a synthetic night, and features in ``out/``."""
    from sleepdask.cli.job import Job, run
    from sleepdask.features import Hjorth
    from sleepdask.simulate import simulate_night

    folder = tmp_path_factory.mktemp("examples")
    psg, hypnogram = simulate_night(hours=0.1).write(folder)
    psg.rename(folder / "night.edf")
    hypnogram.rename(folder / "hypnogram.edf")
    run(Job(folder / "night.edf", folder / "out", (Hjorth(),)))
    return folder


@pytest.fixture(autouse=True)
def _run_examples_in_their_folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(request.node, DoctestItem):
        monkeypatch.chdir(request.getfixturevalue("example_folder"))
