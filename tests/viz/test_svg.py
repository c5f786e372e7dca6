"""Pictures of pages: sound XML, within their width, on round scales."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.viz.bars import histogram, share_bar, split_bar
from sleepdask.viz.boxes import axis_row, box_row
from sleepdask.viz.scales import Scale, scale_of

FINITE = st.floats(-1e300, 1e300)


def percent(element: ET.Element, name: str) -> float:
    return float(element.attrib[name].rstrip("%"))


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_all_values_lie_on_their_scale(values: list[float]) -> None:
    scale = scale_of(values)
    assert scale is not None
    room = 1e-9 * max(map(abs, values))
    assert scale.low - room <= min(values) <= max(values) <= scale.high + room
    assert 2 <= len(scale.ticks) <= 8
    assert all(0 <= scale.percent(value) <= 100 for value in (*values, *scale.ticks))
    assert list(scale.ticks) == sorted(set(scale.ticks))


def test_values_over_decades_have_a_logarithmic_scale() -> None:
    scale = scale_of([0.5, 80])
    assert scale is not None
    assert scale.logarithmic
    assert scale.percent(1.0) - scale.percent(0.1) == pytest.approx(scale.percent(100) - scale.percent(10))
    assert scale_of([-0.5, 80]).logarithmic is False
    assert scale_of([math.nan]) is None


def test_a_box_stands_where_its_quantiles_are() -> None:
    root = ET.fromstring(box_row([10, 20, 40, 60, 90], Scale(0, 100, (0, 50, 100)), "n2"))
    [box] = root.findall("rect")
    [whisker, median] = [line for line in root.findall("line") if line.attrib["class"] != "grid"]
    assert (percent(box, "x"), percent(box, "width")) == (20, 40)
    assert (percent(whisker, "x1"), percent(whisker, "x2"), percent(median, "x1")) == (10, 90, 40)


def test_a_box_without_values_is_the_grid_alone() -> None:
    root = ET.fromstring(box_row([math.nan] * 5, Scale(0, 100, (0, 50, 100)), "n2"))
    assert [each.attrib["class"] for each in root] == ["grid"] * 3


def test_the_ticks_of_an_axis_are_told() -> None:
    root = ET.fromstring(axis_row(Scale(0, 2000, (0, 1000, 2000))))
    assert [text.text for text in root.findall("text")] == ["0", "1,000", "2,000"]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6).filter(any))
def test_the_parts_of_a_bar_fill_it(amounts: list[int]) -> None:
    root = ET.fromstring(split_bar([(f"part {k}", "ok", amount) for k, amount in enumerate(amounts)], "parts"))
    parts = root.findall("rect")
    assert len(parts) == sum(amount > 0 for amount in amounts)
    assert sum(percent(part, "width") for part in parts) == pytest.approx(100, abs=0.05)


def test_a_bar_of_nothing_is_empty() -> None:
    assert list(ET.fromstring(split_bar([("ok", "ok", 0)], "nothing"))) == []


def test_a_share_fills_its_part() -> None:
    assert [percent(each, "width") for each in ET.fromstring(share_bar(0.25, "ok")).findall("rect")] == [100, 25]


def test_a_histogram_tells_its_counts_and_what_the_last_bin_holds() -> None:
    root = ET.fromstring(histogram([1, 0, 4], [0, 2, 4, 6], "<lengths>", open_end=True))
    assert root.attrib["aria-label"] == "<lengths>"
    assert [each.text for each in root.iter("title")] == ["0 to 2: 1", "4 and more: 4"]
    short, tall = (float(each.attrib["height"]) for each in root.findall("rect"))
    assert tall == pytest.approx(4 * short)
