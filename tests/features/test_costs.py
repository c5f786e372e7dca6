"""The table of what features cost: whom it knows, and that it is written as it is read."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sleepdask.features import BandPower, Hjorth, Statistics, catalogue
from sleepdask.features.code import is_ours
from sleepdask.features.costs import TABLE, Cost, cost_of, costs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT)
    return import_module("benchmarks.costs")


def test_an_epoch_costs_what_its_samples_do() -> None:
    assert Cost(epoch=1000, sample=2, squared=0.5).seconds(100) == pytest.approx((1000 + 200 + 5000) / 1e9)


def test_features_with_default_parameters_are_known() -> None:
    for feature in (Hjorth(), BandPower(), Statistics()):
        cost = cost_of(feature)
        assert cost is not None
        assert 1e-7 < cost.seconds(3000) < 1e-3
    assert cost_of(BandPower(average="median")) is None


def test_another_version_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hjorth, "version", 99)
    assert cost_of(Hjorth()) is None


def test_all_features_are_in_the_table() -> None:
    lacking = [name for name, kind in catalogue().items() if is_ours(kind) and cost_of(kind()) is None]
    assert lacking == [], "run python -m benchmarks.costs --only " + " ".join(lacking)
    assert set(costs()["features"]) <= set(catalogue())


def test_the_table_is_written_as_it_is_read(writer: Any) -> None:
    text = TABLE.read_text("utf-8")
    assert writer.text_of(json.loads(text)) == text


def test_times_of_several_sizes_become_a_cost(writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for want in ({"epoch": 5e3, "sample": 3.0, "squared": 0.0}, {"epoch": 2e3, "sample": 0.0, "squared": 0.25}):
        made = Cost(**want)
        monkeypatch.setattr(
            writer, "_nanoseconds", lambda feature, samples, rate, made=made: made.seconds(samples) * 1e9
        )
        got = writer.fitted(Hjorth())
        for samples in (1000, 3000, 15360):
            assert Cost(**got).seconds(samples) == pytest.approx(made.seconds(samples), rel=0.2)
        assert (got["squared"] > 0) == (want["squared"] > 0)


def test_one_feature_can_be_measured_anew(writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_load", lambda name: 0.01)
    monkeypatch.setattr(writer, "_nanoseconds", lambda feature, samples, rate: 1000.0 * samples)
    assert writer.main(["--only", "hjorth", "--output", str(tmp_path / "costs.json")]) == 0
    table = json.loads((tmp_path / "costs.json").read_text())
    assert table["features"]["bandpower"] == costs()["features"]["bandpower"]
    assert table["features"]["hjorth"] != costs()["features"]["hjorth"]
    assert np.isfinite(list(table["features"]["hjorth"].values())).all()
    assert "scipy.optimize" in sys.modules
