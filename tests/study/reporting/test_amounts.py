"""Amounts as they are written, and bins that hold all of them."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.study.reporting.amounts import amounts, bins, duration_text, share_text, size_text, value_text


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=200))
def test_every_value_is_in_a_bin(values: list[float]) -> None:
    found = bins(values)
    if found is None:
        assert max(values) < 1e-6 or min(values) == max(values)
        return
    assert sum(found.counts) == len(values)
    assert len(found.edges) == len(found.counts) + 1 <= 40
    assert found.open_end or max(values) <= found.edges[-1] * (1 + 1e-9)


def test_a_few_that_are_far_off_are_in_an_open_bin() -> None:
    found = bins([*range(1, 100), 5000])
    assert found is not None
    assert found.open_end
    assert found.edges[-1] < 200


def test_nothing_has_no_bins_and_zeros_for_amounts() -> None:
    assert bins([]) is None
    assert amounts([]).total == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-12.0, "\N{MINUS SIGN}12.0"),
        (999.96, "1,000"),
        (1.2e-7, "1.20 \N{MULTIPLICATION SIGN} 10⁻⁷"),
        (9.996e5, "1.00 \N{MULTIPLICATION SIGN} 10⁶"),
        (0.0001, "1.00 \N{MULTIPLICATION SIGN} 10⁻⁴"),
        (math.nan, "\N{EN DASH}"),
        (math.inf, "\N{EN DASH}"),
    ],
)
def test_a_value_has_three_digits(value: float, text: str) -> None:
    assert value_text(value) == text


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_value_can_be_written(value: float) -> None:
    assert value_text(value)


@given(st.floats(0, 1e9))
def test_any_time_and_size_can_be_written(amount: float) -> None:
    assert re.fullmatch(r"[\d.,]+ (s|min|h|d)( \d+ (s|min|h))?", duration_text(amount))
    assert re.fullmatch(r"[\d.,]+ [KMGT]?i?B", size_text(amount))


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_only_all_is_a_hundred_percent_and_only_nothing_is_none(part: int, whole: int) -> None:
    part = min(part, whole)
    assert (share_text(part, whole) == "100 %") == (part == whole)
    assert (share_text(part, whole) == "0 %") == (part == 0)
