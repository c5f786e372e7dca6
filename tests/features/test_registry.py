"""Features by name, and out of one line of text."""

from __future__ import annotations

from dataclasses import dataclass
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
    Sampling,
    Statistics,
    catalogue,
    create,
    parse_features,
    register,
    registry,
)


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_FEATURES", dict(registry._FEATURES))


@dataclass(frozen=True)
class Level(Feature):
    """Share of samples above a level; takes a parameter of every kind."""

    name: ClassVar[str] = "level"

    level: float = 0.0
    factor: int = 1
    upward: bool = True
    unit: str | None = None
    others: tuple[int, ...] = ()

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("above", "1", f"share of samples above {self.level:g}"),)

    def compute(self, samples: np.ndarray, starts: np.ndarray, stops: np.ndarray, sampling: Sampling) -> np.ndarray:
        over = [[(row[a:b] > self.level).mean() for a, b in zip(starts, stops, strict=True)] for row in samples]
        return np.array(over)[..., None]


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("statistics", [Statistics()]),
        (" statistics , hjorth,", [Statistics(), Hjorth()]),
        ("statistics:aggregations=mean+std:ddof=0", [Statistics(aggregations=("mean", "std"), ddof=0)]),
        ("bandpower:average=median,relative=no,hjorth", [BandPower(average="median", relative=False), Hjorth()]),
        ("bandpower:average=median:relative=no", [BandPower(average="median", relative=False)]),
        ("bandpower:bands=slow@0.5-1+fast@20-40", [BandPower(bands=(("slow", 0.5, 1.0), ("fast", 20.0, 40.0)))]),
        ("bandpower: segment = 2 ,edges=90+50, window=none", [BandPower(segment=2.0, edges=(90.0, 50.0))]),
        ("bandpower:preset=yasa,detrend=false,entropy=0", [BandPower(preset="yasa", detrend=False, entropy=False)]),
    ],
)
def test_features_out_of_a_line(text: str, features: list[Feature]) -> None:
    parsed = parse_features(text)
    assert list(parsed) == features
    assert [hash(feature) for feature in parsed] == [hash(feature) for feature in features]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no feature is named"),
        (" , ", "no feature is named"),
        ("statistic", "unknown feature 'statistic'.*did you mean 'statistics'"),
        (":ddof=1", "unknown feature ''"),
        ("ddof=1", "unknown feature 'ddof=1'"),
        ("statistics:dof=1", "statistics: unknown parameter 'dof'.*did you mean 'ddof'"),
        ("statistics:ddof", "statistics: a feature parameter needs a value; found 'ddof'"),
        ("statistics:ddof=one", "statistics:ddof: value does not fit the parameter; found 'one'"),
        ("statistics:ddof=1.5", "value does not fit"),
        ("bandpower:relative=perhaps", "bandpower:relative: value does not fit.*'perhaps'"),
        ("bandpower:bands=slow", "bandpower:bands: value does not fit"),
        ("bandpower:bands=slow@1", "bandpower:bands: value does not fit"),
        ("bandpower:preset=none", "unknown preset"),
        ("hjorth:version=2", "unknown parameter 'version'; expected none"),
        ("hjorth:name=x", "unknown parameter 'name'"),
    ],
)
def test_unknown_or_unfit_texts(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_features(text)


def test_parameters_by_name_need_no_text() -> None:
    assert create("statistics", {"aggregations": ("mean",), "ddof": 0}) == Statistics(("mean",), 0)
    assert create("hjorth") == Hjorth()


@pytest.mark.parametrize(
    ("parameters", "feature"),
    [
        (
            {"bands": [["slow", "0.5", "1"], ["fast", 20, 40.0]]},
            BandPower(bands=(("slow", 0.5, 1.0), ("fast", 20, 40))),
        ),
        ({"bands": ["slow@0.5-1", ("fast", "20", "40")]}, BandPower(bands=(("slow", 0.5, 1.0), ("fast", 20, 40)))),
        ({"bands": {"slow": ["0.5", "1"]}, "relative": "no"}, BandPower(bands=(("slow", 0.5, 1.0),), relative=False)),
        ({"edges": ["90", 50], "bands": None}, BandPower(edges=(90.0, 50.0))),
    ],
)
def test_lists_may_hold_texts(parameters: dict[str, object], feature: Feature) -> None:
    made = create("bandpower", parameters)
    assert made == feature
    assert repr(made.parameters) == repr(feature.parameters)
    assert hash(made) == hash(feature)


@pytest.mark.parametrize(
    "bands", [[["slow", "0.5"]], [["slow", "half", "1"]], [[["slow"], "1", "2"]], {"slow": ["1"]}, "5"]
)
def test_lists_that_do_not_fit_are_refused(bands: object) -> None:
    with pytest.raises(ParameterError, match="bandpower"):
        create("bandpower", {"bands": bands})


def test_catalogue_is_sorted_and_has_the_built_in_features() -> None:
    names = list(catalogue())
    assert names == sorted(names)
    assert {"bandpower", "hjorth", "statistics"} <= set(names)


@pytest.mark.usefixtures("own_registry")
def test_a_registered_feature_works_like_any_other() -> None:
    assert register(Level) is Level
    (feature,) = parse_features("level:level=0.5,factor=3,upward=no,unit=uV,others=1+2")
    assert feature == Level(0.5, 3, False, "uV", (1, 2))
    assert feature.parameters == {"level": 0.5, "factor": 3, "upward": False, "unit": "uV", "others": (1, 2)}
    night = sd.recording_from_arrays({"C3": np.arange(6000) % 4 / 4}, rate=100)
    computed = sd.compute(sd.extract(night, [feature, Statistics(("mean",))]), backend="sync")
    assert computed["100Hz/above"].values.tolist() == [[0.25], [0.25]]
    assert computed["100Hz/above"].attrs["parameters"] == (
        '{"level": 0.5, "factor": 3, "upward": false, "unit": "uV", "others": [1, 2]}'
    )


@pytest.mark.usefixtures("own_registry")
def test_a_later_feature_of_the_same_name_replaces_the_first() -> None:
    register(Level)
    second = type("Level2", (Level,), {})
    register(second)
    assert catalogue()["level"] is second


def test_registering_here_leaves_the_catalogue_alone() -> None:
    assert "level" not in catalogue()
