"""Clocks as JSON: the same clock back, and nothing else taken for one."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock
from sleepdask.signals.clock_json import clock_document, clock_from_document

REGULAR = Clock.regular("2024-03-11T23:00", 10, 30_000_000_000, 3001)


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
    st.integers(1, 10**9),
    st.integers(1, 1000),
    st.integers(-(10**18), 4 * 10**18),
    st.booleans(),
    st.builds(slice, *[st.none() | st.integers(-20, 20)] * 2, st.none() | st.integers(1, 4)),
)
def test_the_same_clock_comes_back(sizes: list[int], num: int, den: int, start: int, dated: bool, cut: slice) -> None:
    runs = []
    for size in sizes:
        runs.append((start, size))
        start += size * num // den + 5
    clock = Clock.segmented(runs, num, den, dated=dated).isel(cut)
    again = clock_from_document(json.loads(json.dumps(clock_document(clock))))
    assert again == clock
    assert again.dated == dated


def test_the_document_alone_tells_the_times() -> None:
    document = clock_document(REGULAR.isel(slice(3, None)))
    (start, size, phase), (num, den) = document["runs"][0], document["period_ns"]
    told = [start + Fraction(phase + j * num, den) // 1 for j in range(size)]
    assert told == REGULAR.times(range(3, 10)).astype("int64").tolist()


def changed(**parts: Any) -> dict[str, Any]:
    return clock_document(REGULAR) | parts


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "clock",
        {},
        {"period_ns": [1, 1], "dated": True},
        changed(dated=1),
        changed(dated=None),
        changed(period_ns=[0, 1]),
        changed(period_ns=[1, 0]),
        changed(period_ns=[1, -1]),
        changed(period_ns=[1.0, 1]),
        changed(period_ns=[True, 1]),
        changed(period_ns=[2**62, 3]),
        changed(period_ns=[1]),
        changed(runs=[]),
        changed(runs=[[0, 1]]),
        changed(runs=[[0, -1, 0]]),
        changed(runs=[[0, 1, 3001]]),
        changed(runs=[["0", 1, 0]]),
        changed(runs=[{"start": 0}]),
        changed(runs={"0": [0, 1, 0]}),
        changed(runs=[[2**63, 1, 0]]),
        changed(runs=[[2**62, 2**62, 0]]),
        changed(runs=[[10, 5, 0], [0, 5, 0]]),
        changed(runs=[[0, 2**61, 0], [1, 1, 0]]),
    ],
)
def test_what_is_no_clock_is_refused(document: object) -> None:
    with pytest.raises(ParameterError):
        clock_from_document(document)
