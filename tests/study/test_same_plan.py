"""What means the same is the same: nothing is computed again because somebody wrote a default down."""

from __future__ import annotations

from typing import Any

import pytest

from sleepdask.features import Hjorth
from sleepdask.study import Entry
from sleepdask.study.plan import StudyPlan

ENTRY = Entry("N1", ("N1.edf",))


def keys(**options: Any) -> dict[str, str]:
    return StudyPlan((Hjorth(),), options).keys(ENTRY, {"recording": "1"}, {})


@pytest.mark.parametrize(
    "options",
    [
        {"epoch": "30s"},
        {"epoch": 30},
        {"epoch": "30s", "step": "0.5min"},
        {"epoch": "30s", "origin": "recording", "min_coverage": 0.5, "step": None, "start": None},  # the command line
    ],
)
def test_defaults(options: dict[str, Any]) -> None:
    assert keys(**options) == keys()


@pytest.mark.parametrize(
    "options", [{"epoch": "60s"}, {"step": "10s"}, {"origin": "hypnogram"}, {"min_coverage": 0.4}, {"start": "23:00"}]
)
def test_what_differs(options: dict[str, Any]) -> None:
    assert keys(**options) != keys()
