"""The cache of computed features: what it answers, what it must not, and that nobody can spoil it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.features import (
    Feature,
    Hjorth,
    Output,
    Statistics,
    clear_feature_cache,
    enable_feature_cache,
    get_cache_stats,
)
from sleepdask.features.task import NodeTask


@pytest.fixture(autouse=True)
def cache() -> Iterator[None]:
    clear_feature_cache()
    enable_feature_cache()
    yield
    enable_feature_cache(False)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nodes whose chunks were really computed."""
    calls: list[str] = []
    compute = NodeTask.compute

    def counted(task: NodeTask, *arguments: Any) -> Any:
        calls.append(",".join(task.channels))
        return compute(task, *arguments)

    monkeypatch.setattr(NodeTask, "compute", counted)
    return calls


def features_of(path: Path, features: Any = "hjorth", **options: Any) -> xr.DataTree:
    return sd.extract(sd.open_recording(path), features, **options)


def test_the_second_time_nothing_is_computed(
    scored_night: Path, computed: list[str], assert_same_bits: Callable[[xr.DataTree, xr.DataTree], None]
) -> None:
    before = get_cache_stats()
    first = sd.compute(features_of(scored_night))
    assert computed
    computed.clear()
    again = sd.compute(features_of(scored_night), backend="sync")
    assert computed == []
    assert_same_bits(again, first)
    xr.testing.assert_identical(again, first)
    stats = get_cache_stats()
    assert stats["enabled"]
    assert {name: stats[name] - before[name] for name in ("hits", "misses", "sets")} == {
        "hits": 1,
        "misses": 1,
        "sets": 1,
    }
    assert stats["size"] == 1
    assert stats["bytes"] > 0


@pytest.mark.parametrize(
    ("features", "options"),
    [
        ("statistics", {}),
        (Statistics(aggregations=("mean",)), {}),
        ("hjorth", {"epoch": "20s"}),
        ("hjorth", {"step": "10s"}),
        ("hjorth", {"channels": "C3"}),
        ("hjorth", {"min_coverage": 0.9}),
        ("hjorth", {"lights_off": "22:50"}),
    ],
)
def test_another_question_is_computed(
    features: Any, options: dict[str, Any], scored_night: Path, computed: list[str]
) -> None:
    sd.compute(features_of(scored_night))
    computed.clear()
    sd.compute(features_of(scored_night, features, **options))
    assert computed


def test_a_file_that_has_changed_is_computed(scored_night: Path, tmp_path: Path, computed: list[str]) -> None:
    copy = tmp_path / "night.edf"
    shutil.copy(scored_night, copy)
    first = sd.compute(features_of(copy))
    data = bytearray(copy.read_bytes())
    data[-5000:-3000] = bytes(2000)
    copy.write_bytes(data)
    computed.clear()
    second = sd.compute(features_of(copy))
    assert computed
    assert not first.equals(second)


def test_samples_in_memory_are_told_apart(computed: list[str]) -> None:
    samples = np.sin(np.arange(30_000.0))
    for changed in (False, True):
        if changed:
            samples[7] = 5
        sd.compute(sd.extract(sd.recording_from_arrays({"C3": samples}, rate=100), "hjorth"))
        assert computed
        computed.clear()
    sd.compute(sd.extract(sd.recording_from_arrays({"C3": samples.copy()}, rate=100), "hjorth"))
    assert computed == []


def test_results_are_copies(scored_night: Path) -> None:
    first = sd.compute(features_of(scored_night))
    want = first.copy(deep=True)
    first["100Hz/hjorth_activity"][:] = 0
    second = sd.compute(features_of(scored_night))
    xr.testing.assert_identical(second, want)
    second["100Hz/hjorth_activity"][:] = 1
    xr.testing.assert_identical(sd.compute(features_of(scored_night)), want)


def test_several_objects_are_asked_for_one_by_one(scored_night: Path, computed: list[str]) -> None:
    known = features_of(scored_night)
    sd.compute(known)
    computed.clear()
    spectrogram = sd.spectrogram(sd.open_recording(scored_night), "C3")
    one, picture, other = sd.compute(known, spectrogram, features_of(scored_night, "statistics", channels="C4"))
    assert set(computed) == {"C3", "C4"}
    assert "hjorth_activity" in one["100Hz"]
    assert picture.chunks is None
    assert other["100Hz"].sizes["channel"] == 1


def test_other_objects_are_never_kept(scored_night: Path) -> None:
    night = sd.open_recording(scored_night)
    sd.compute(night, night["100Hz"].to_dataset(), features_of(scored_night)["100Hz/hjorth_activity"])
    sd.compute(sd.compute(features_of(scored_night)))  # in memory: no question
    assert get_cache_stats()["size"] == 1


def test_switched_off(scored_night: Path, computed: list[str]) -> None:
    sd.compute(features_of(scored_night))
    enable_feature_cache(False)
    before = get_cache_stats()
    computed.clear()
    sd.compute(features_of(scored_night))
    assert computed
    assert get_cache_stats() == before
    enable_feature_cache()
    computed.clear()
    sd.compute(features_of(scored_night))
    assert computed == []
    clear_feature_cache()
    assert get_cache_stats()["size"] == 0
    sd.compute(features_of(scored_night))
    assert computed


@dataclass(frozen=True)
class Sometimes(Feature):
    """Fails in its first run."""

    name: ClassVar[str] = "sometimes"
    fails: ClassVar[bool] = True

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("sometimes", "1", "one"),)

    def compute(self, samples: Any, starts: Any, stops: Any, sampling: Any) -> Any:
        if Sometimes.fails:
            raise ValueError("not now")
        return np.ones((len(samples), len(starts), 1))


def test_failures_are_not_kept(scored_night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sd.compute(features_of(scored_night, Sometimes()), backend="sync")
    assert set(first["100Hz/status"].values) == {"failed"}
    monkeypatch.setattr(Sometimes, "fails", False)
    second = sd.compute(features_of(scored_night, Sometimes()), backend="sync")
    assert set(second["100Hz/status"].values) == {"ok"}


def test_a_new_version_of_a_feature_is_another_question(
    scored_night: Path, monkeypatch: pytest.MonkeyPatch, computed: list[str]
) -> None:
    sd.compute(features_of(scored_night, Hjorth()))
    computed.clear()
    monkeypatch.setattr(Hjorth, "version", 99)
    sd.compute(features_of(scored_night, Hjorth()))
    assert computed


def test_what_else_is_in_the_tree_is_part_of_the_key(scored_night: Path) -> None:
    features = features_of(scored_night)
    for number in (1.0, 2.0):
        mine = features.copy()
        mine["mine"] = xr.Dataset({"x": ("t", [number])})
        mine.name = f"night {number}"
        done = sd.compute(mine)
        assert done["mine/x"].values.tolist() == [number]
        assert done.name == mine.name
    assert "mine" not in sd.compute(features).children
