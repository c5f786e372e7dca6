"""The page of deviations from other tools is that of the code, and states no less than is found."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sleepdask.features import catalogue
from sleepdask.features.code import is_ours

ROOT = Path(__file__).parents[1]
STATED = json.loads((ROOT / "benchmarks" / "oracles.json").read_text("utf-8"))["deviations"]
CASES = [(name, signal) for name, row in STATED.items() for signal in ("generated", "real") if signal in row]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: import_module(f"benchmarks.{name}")


@pytest.fixture
def oracle_of(module: Any) -> Any:
    """Pair of a name; skips where its tool is not installed."""

    def find(name: str) -> Any:
        [oracle] = [each for each in module("oracles").ORACLES if each.name == name]
        pair = module("oracle_pair")
        if not pair.version_of(oracle.tool):
            luna = f"{pair.LUNA_PYTHON} is not set to an interpreter that has lunapi"
            pytest.skip(luna if oracle.tool == pair.LUNA else f"{oracle.tool} is not installed")
        return oracle

    return find


def test_page__is_that_of_the_code(module: Any) -> None:
    maker = module("oracles_page")
    text = maker.PAGE.read_text("utf-8")
    assert text == maker.page(maker.load()), "run python -m benchmarks.oracles_page"
    for name, kind in catalogue().items():
        if is_ours(kind):
            assert f"\n| `{name}" in text


def test_every_pair_was_tried(module: Any) -> None:
    oracles = module("oracles").ORACLES
    assert list(STATED) == [oracle.name for oracle in oracles]
    assert all(set(STATED[each.name]) == {"flat", "generated", *(["real"] if each.real else [])} for each in oracles)


@pytest.mark.parametrize(("name", "signal"), CASES)
def test_deviation__within_what_is_stated(
    name: str, signal: str, oracle_of: Any, module: Any, request: pytest.FixtureRequest
) -> None:
    oracle, pair = oracle_of(name), module("oracle_pair")
    x, rate = pair.generated() if signal == "generated" else pair.real(request.getfixturevalue("test_data"))
    assert oracle.deviation(x, rate) <= STATED[name][signal]


@pytest.mark.parametrize("name", [name for name, row in STATED.items() if row["flat"] and "antropy" in name])
def test_equal_samples__as_stated(name: str, oracle_of: Any) -> None:
    assert oracle_of(name).flat() == STATED[name]["flat"]


@pytest.mark.parametrize(
    ("measure", "expected"), [("relative", 2e-3), ("absolute", 0.1), ("of the SD", 0.05), ("epochs that differ", 1)]
)
def test_deviation__that_is_there_is_found(measure: str, expected: float, module: Any) -> None:
    ours, theirs = np.array([[52.0, 48.0, 50.1]]), np.array([[52.0, 48.0, 50.0]])
    theirs[0, :2] = 50 + np.array([1, -1]) * 2 * np.sqrt(1.5)
    ours[0, :2] = theirs[0, :2]
    oracle = module("oracle_pair").Oracle(
        "x", "NumPy", "y", lambda x, _: theirs, compute=lambda x, _: ours, measure=measure
    )
    assert oracle.deviation(np.zeros((1, 3)), 1.0) == pytest.approx(expected, rel=1e-9)


def test_deviation__nan_on_one_side_only_is_refused(module: Any) -> None:
    oracle = module("oracle_pair").Oracle(
        "x", "NumPy", "y", lambda x, _: np.array([[1.0, np.inf]]), compute=lambda x, _: np.array([[1.0, np.nan]])
    )
    assert oracle.deviation(np.zeros((1, 2)), 1.0) == 0
    with pytest.raises(AssertionError, match="where values are"):
        replace(oracle, compute=lambda x, _: np.array([[np.nan, np.nan]])).deviation(np.zeros((1, 2)), 1.0)


@pytest.mark.parametrize(("found", "stated"), [(0, 1e-12), (4e-13, 1e-12), (2.1e-11, 5e-11), (4.6e-10, 1e-9)])
def test_bound__twice_in_one_digit(found: float, stated: float, module: Any) -> None:
    assert module("oracles_page").bound(found, 1e-12) == stated
