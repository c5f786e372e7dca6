"""Features chosen by family or all at once."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.features import (
    BandPower,
    Feature,
    Hjorth,
    Output,
    Statistics,
    families,
    parse_features,
    register,
    registry,
)
from sleepdask.features.plan import plan_extraction
from sleepdask.study.config import load_study_config
from sleepdask.study.plan import StudyPlan


@dataclass(frozen=True)
class Slow(Feature):
    """Needs minutes."""

    name: ClassVar[str] = "slow"
    family: ClassVar[str] = "minutes"

    times: int = 1

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("slow", "1", "one"),)

    @property
    def minimal_window(self) -> float:
        return 120.0

    def compute(self, samples: np.ndarray, starts: np.ndarray, stops: np.ndarray, sampling: object) -> np.ndarray:
        return np.ones((len(samples), len(starts), 1))


@dataclass(frozen=True)
class Spectral(Slow):
    """Has the name of a family."""

    name: ClassVar[str] = "spectral"
    family: ClassVar[str] = "odd"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four features, whatever else there is."""
    monkeypatch.setattr(registry, "_FEATURES", {each.name: each for each in (Statistics, BandPower, Hjorth)})
    register(Slow)


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("spectral", [BandPower()]),
        ("time_domain,spectral", [Hjorth(), BandPower()]),
        ("all", [BandPower(), Hjorth(), Slow(), Statistics()]),
        ("minutes, all", [Slow(), BandPower(), Hjorth(), Statistics()]),
        ("all,all", [BandPower(), Hjorth(), Slow(), Statistics()]),
        ("all,bandpower:average=median", [Hjorth(), Slow(), Statistics(), BandPower(average="median")]),
        ("spectral,bandpower:relative=no", [BandPower(relative=False)]),
        ("statistics:ddof=0", [Statistics(ddof=0)]),  # a feature and a family: the feature
    ],
)
def test_groups(text: str, features: list[Feature]) -> None:
    assert list(parse_features(text)) == features


def test_of_a_name_that_is_also_a_family_the_feature_is_meant() -> None:
    register(Spectral)
    assert list(parse_features("spectral")) == [Spectral()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "spectral:average=median",
            "spectral: parameters are those of one feature.*add such as 'bandpower:parameter=value'",
        ),
        ("all:ddof=1", "all: parameters are those of one feature"),
        ("spectrall", "unknown feature 'spectrall'; expected one of all, .*did you mean 'spectral'"),
        ("al", "unknown feature 'al'.*did you mean 'all'"),
    ],
)
def test_what_is_no_group(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_features(text)


def test_families_have_their_names_in_order() -> None:
    assert families() == {
        "minutes": ["slow"],
        "spectral": ["bandpower"],
        "statistics": ["statistics"],
        "time_domain": ["hjorth"],
    }


def test_what_needs_a_longer_epoch_is_left_out_of_a_group() -> None:
    night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100)
    chosen = pickle.loads(pickle.dumps(parse_features("all")))
    plan = plan_extraction(night, chosen)
    assert plan.attrs["notes"] == ["no slow, which needs epochs of at least 120 s"]
    assert [feature.name for feature in plan.nodes["100Hz"].task.features] == ["bandpower", "hjorth", "statistics"]
    assert "slow" in sd.extract(night, "all", epoch="2min")["100Hz"]
    for text in ("slow", "all,slow:times=2"):
        with pytest.raises(ParameterError, match="epoch is too short for slow"):
            sd.extract(night, text)
    with pytest.raises(
        ParameterError, match="too short for all of these features; expected at least 120 s; found 30 s"
    ):
        sd.extract(night, "minutes")


def test_all_of_a_slow_signal_is_what_it_can_have() -> None:
    night = sd.recording_from_arrays({"SpO2": np.arange(300.0)}, rate=1)
    features = sd.extract(night, "all")
    assert features.attrs["notes"] == [
        "no slow, which needs epochs of at least 120 s",
        "1Hz: no bandpower, which needs at least 80 Hz (SpO2)",
    ]
    done = sd.compute(features, backend="sync")
    assert {"mean", "hjorth_activity"} <= set(done["1Hz"].data_vars)


@pytest.mark.parametrize("text", ["features: all\n", "features: [spectral, {statistics: {ddof: 0}}, all]\n"])
def test_a_study_takes_groups(text: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(text)
    plan = StudyPlan(load_study_config(tmp_path / "study.yaml").features or ())
    assert sorted(plan.names) == ["bandpower", "hjorth", "statistics"]
    assert StudyPlan.from_document(plan.document()) == plan
