"""Rows in order of time, each time once, against a plain loop over them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from lazy_values import Watched
from xarray.core import indexing

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.stream_rows import NAT, ordered_rows

S = 1_000_000_000


def ordered(
    stamps: np.ndarray, values: np.ndarray | None = None, policy: str = "warn"
) -> tuple[list[int], dict[str, str]]:
    values = np.zeros((1, stamps.size)) if values is None else values
    findings = Findings("night.csv", policy)
    variable = xr.Variable(("channel", "time"), values)
    rows = ordered_rows(stamps, variable, findings, "hr", local=True)
    return rows.tolist(), {finding.code: finding.message for finding in findings.found}


@given(
    st.lists(st.tuples(st.integers(0, 30) | st.just(NAT), st.sampled_from([1.0, 2.0, np.nan])), max_size=20),
)
def test_rows__against_a_loop(rows: list[tuple[int, float]]) -> None:
    stamps = np.array([stamp for stamp, _ in rows], np.int64)
    values = np.array([[value for _, value in rows], [5.0] * len(rows)]).reshape(2, -1)
    kept: dict[int, int] = {}
    same = other = late = 0
    latest = NAT
    for k, (stamp, value) in enumerate(rows):
        if stamp == NAT:
            continue
        late += stamp < latest
        latest = max(latest, stamp)
        if stamp in kept:
            first = rows[kept[stamp]][1]
            is_same = value == first or (np.isnan(value) and np.isnan(first))
            same, other = same + is_same, other + (not is_same)
        else:
            kept[stamp] = k
    timed = int((stamps != NAT).sum())
    if same + other > timed // 2:
        with pytest.raises(FileFormatError, match="most rows have the time of the row before"):
            ordered(stamps, values)
        return
    got, told = ordered(stamps, values)
    assert got == [kept[stamp] for stamp in sorted(kept)]
    counts = {"no-time": len(rows) - timed, "out-of-order": late, "same-time": other, "repeated": same}
    assert {code: message.split()[0] for code, message in told.items()} == {
        code: str(count) for code, count in counts.items() if count
    }


@pytest.mark.parametrize(("conflicts", "passes"), [(10, True), (11, False)])
def test_many_rows_of_one_time_with_other_values_are_refused(conflicts: int, passes: bool) -> None:
    stamps = np.concatenate([np.arange(500), np.arange(conflicts)]) * S
    values = np.arange(float(stamps.size))[np.newaxis]
    if passes:
        rows, told = ordered(stamps, values)
        assert told["same-time"] == "10 rows at the time of another one, with other values"
    else:
        with pytest.raises(FileFormatError, match=r"many rows have the time of another one.*found 11 rows of 511"):
            ordered(stamps, values)
        rows, told = ordered(stamps, values, "repair")
        assert set(told) == {"out-of-order", "same-time"}
    assert rows == list(range(500))


def test_a_hundredth_of_many_rows_may_be_so() -> None:
    stamps = np.concatenate([np.arange(5000), np.arange(45)]) * S
    assert "same-time" in ordered(stamps, np.arange(5045.0)[np.newaxis])[1]


def test_one_row_of_many_thousand_that_differs_is_seen() -> None:
    """Far behind what would be compared if only the first ones were."""
    stamps = np.concatenate([np.arange(200_000), np.arange(90_000)]) * S
    values = Watched(np.concatenate([np.arange(200_000.0), np.arange(90_000.0)])[np.newaxis])
    values.values[0, -1] = -1
    findings = Findings("night.csv")
    rows = ordered_rows(stamps, xr.Variable(("channel", "time"), indexing.LazilyIndexedArray(values)), findings, "hr")
    assert rows.tolist() == list(range(200_000))
    assert [finding.message for finding in findings.found][1:] == [
        "1 row at the time of another one, with other values",
        "89,999 rows twice",
    ]
    assert len(values.read) <= 4  # in a few blocks, not row by row
    assert sum(values.read) <= 2 * 90_000


def test_no_value_is_read_of_times_that_come_once() -> None:
    values = Watched(np.zeros((1, 100)))
    variable = xr.Variable(("channel", "time"), indexing.LazilyIndexedArray(values))
    assert ordered_rows(np.arange(100)[::-1], variable, Findings("x"), "hr").tolist() == list(range(100))[::-1]
    with pytest.raises(FileFormatError, match=r"found 50 rows of 90 at a time.*say at what rate"):
        ordered_rows(np.concatenate([np.zeros(50, int), np.arange(40)]), variable[:, :90], Findings("x"), "hr")
    assert values.read == []


@pytest.mark.parametrize(
    ("back", "suspect"), [(3600, True), (3541, True), (3301, True), (2900, False), (3700, False), (86_400, False)]
)
def test_times_that_go_back_by_an_hour(back: int, suspect: bool) -> None:
    stamps = np.cumsum([7] * 50 + [-back] + [7] * 50) * S + 1
    if suspect:
        with pytest.raises(FileFormatError, match="its times go back by an hour"):
            ordered(stamps)
        assert "clock-change" in ordered(stamps, policy="repair")[1]
    else:
        assert set(ordered(stamps)[1]) <= {"out-of-order", "repeated"}
