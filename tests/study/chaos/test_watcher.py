"""The watcher that the other tests rely on: it finds what it looks for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from watcher import watched, wrong


@pytest.fixture
def study(few_truth: Path, output: Path) -> Path:
    shutil.copytree(few_truth, output)
    return output


def test_it_finds_nothing_in_a_sound_study(study: Path, tmp_path: Path) -> None:
    assert wrong(study, {}) == []
    with watched(study, tmp_path / "seen.json", least=12):
        pass


@pytest.mark.parametrize("name", ["features/recording_id=N001/part-0.parquet", "outcomes/N001.json"])
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_it_finds_half_a_file(study: Path, name: str, share: float) -> None:
    data = (study / name).read_bytes()
    (study / name).write_bytes(data[: int(share * len(data))])
    assert [each.split(": ")[0] for each in wrong(study, {})] == [name]


@pytest.mark.parametrize("name", ["features/x.tmp", "outcomes/.N001.json", "features/recording_id=N001/part-1.parquet"])
def test_it_finds_what_should_not_be_there(study: Path, name: str) -> None:
    shutil.copy(study / "outcomes" / "N001.json", study / name)
    assert [each.split(": ")[0] for each in wrong(study, {})] == [name]


def test_it_finds_it_while_it_watches(study: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"N001\.json: JSONDecodeError"), watched(study, tmp_path / "seen.json"):
        (study / "outcomes" / "N001.json").write_bytes(b"{")
