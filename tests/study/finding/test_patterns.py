"""Patterns with fields."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.study.finding.patterns import Pattern


@pytest.mark.parametrize(
    ("pattern", "path", "fields"),
    [
        ("{recording_id}-PSG.edf", "SC4001E0-PSG.edf", {"recording_id": "SC4001E0"}),
        ("{recording_id}-PSG.edf", "a/b/SC4001E0-PSG.edf", {"recording_id": "SC4001E0"}),
        ("{recording_id}-PSG.edf", "SC4001E0-psg.edf", None),
        ("{recording_id}-PSG.edf", "-PSG.edf", None),
        ("{recording_id}/night{night}.edf", "P01/night2.edf", {"recording_id": "P01", "night": "2"}),
        ("{recording_id}/night{night}.edf", "x/P01/night2.edf", None),
        ("**/{recording_id}/night{night}.edf", "x/y/P01/night2.edf", {"recording_id": "P01", "night": "2"}),
        ("**/{recording_id}.edf", "P01.edf", {"recording_id": "P01"}),
        ("*/{recording_id}.edf", "x/y/P01.edf", None),
        ("{recording_id}/{recording_id}.edf", "P01/P01.edf", {"recording_id": "P01"}),
        ("{recording_id}/{recording_id}.edf", "P01/P02.edf", None),
        ("{recording_id}/*.edf", "P01/x.edf", {"recording_id": "P01"}),
        ("{recording_id}/h?.edf", "P01/h12.edf", None),
        ("a+({recording_id}).edf", "a+(x).edf", {"recording_id": "x"}),
        ("{recording_id}.edf", "xaedf", None),
    ],
)
def test_fields(pattern: str, path: str, fields: dict[str, str] | None) -> None:
    assert Pattern(pattern).fields(path) == fields


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{recording_id}_{night}.edf", "P01_a_1.edf"),
        ("{recording_id}*.edf", "P01.edf"),
        ("*{recording_id}.edf", "P01.edf"),
    ],
)
def test_two_ways_are_refused(pattern: str, path: str) -> None:
    with pytest.raises(ParameterError, match="fits in two ways") as caught:
        Pattern(pattern).fields(path)
    assert path in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "match"),
    [
        ("*-PSG.edf", "no {recording_id}"),
        ("{id}.edf", "no {recording_id}"),
        ("{recording_id}{night}.edf", "nothing parts two fields"),
        ("{recording_id}_{}.edf", "no name that a column can have"),
        ("{recording_id}_{a b}.edf", "no name that a column can have"),
        ("{recording_id}_{1}.edf", "no name that a column can have"),
        ("{recording_id}_{hypnogram}.edf", "is the name of a column"),
        ("{recording_id}_{path}.edf", "is the name of a column"),
        ("{recording_id}_}.edf", "a brace is alone"),
    ],
)
def test_what_is_no_pattern(pattern: str, match: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(match)):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("{recording_id}*Hypnogram*", "SC4001EC-Hypnogram.edf", True),
        ("{recording_id}*Hypnogram*", "x/SC4001EC-Hypnogram.edf", True),
        ("{recording_id}*Hypnogram*", "SC40012-Hypnogram.edf", False),
        ("*{recording_id}*", "XSC4001.txt", True),
        ("scores/{recording_id}.txt", "scores/SC4001.txt", True),
        ("scores/{recording_id}.txt", "SC4001.txt", False),
    ],
)
def test_known_fields(pattern: str, path: str, fits: bool) -> None:
    assert Pattern(pattern).fits(path, {"recording_id": "SC4001"}) is fits


def test_a_number_is_not_cut() -> None:
    assert not Pattern("*{recording_id}*").fits("1007.txt", {"recording_id": "007"})
    assert not Pattern("*{recording_id}*").fits("0071.txt", {"recording_id": "007"})
    assert Pattern("*{recording_id}*").fits("P007b.txt", {"recording_id": "007"})


PIECES = st.lists(st.sampled_from(["{recording_id}", "{b}", "*", "?", "x", "_", "xx"]), min_size=1, max_size=5)


@given(PIECES, st.text("x_", max_size=6))
def test_fields_are_those_of_all_ways_to_read_a_path(pieces: list[str], path: str) -> None:
    text = "".join(pieces)
    if "{recording_id}" not in text or "}{" in text:
        return
    readings = all_readings(pieces, path)
    pattern = Pattern(f"./{text}")
    if len(readings) > 1:
        with pytest.raises(ParameterError, match="two ways"):
            pattern.fields(f"./{path}")
    else:
        assert pattern.fields(f"./{path}") == (dict(readings.pop()) if readings else None)


def all_readings(pieces: list[str], path: str) -> set[tuple[tuple[str, str], ...]]:
    """Fields of every way to cut a path into the pieces, by trying all lengths."""
    found = set()
    for sizes in product(range(len(path) + 1), repeat=len(pieces)):
        if sum(sizes) != len(path):
            continue
        fields: dict[str, str] = {}
        begin = 0
        for piece, size in zip(pieces, sizes, strict=True):
            part, begin = path[begin : begin + size], begin + size
            if piece.startswith("{"):
                if not part or fields.setdefault(piece[1:-1], part) != part:
                    break
            elif not (piece == "*" or (piece == "?" and size == 1) or piece == part):
                break
        else:
            found.add(tuple(fields.items()))
    return found
