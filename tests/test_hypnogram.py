"""Hypnograms: labels, intervals, and stages on a grid against a count of milliseconds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.epochs import EpochGrid
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.hypnogram import (
    STAGES,
    hypnogram_from_annotations,
    is_stage,
    stage_counts,
    stage_of,
    stages_on_grid,
)
from sleepdask.placement import place
from sleepdask.signals.recording import annotations_dataset

MS = 1_000_000
S = 1000 * MS
NIGHT = 1_710_197_250 * S


def annotations(*scores: tuple[float, float | None, str]) -> xr.Dataset:
    """Annotations of (onset in s, duration in s, text)."""
    nat = np.timedelta64("NaT", "ns")
    return annotations_dataset(
        [np.datetime64(NIGHT + round(onset * S), "ns") for onset, _, _ in scores],
        [nat if length is None else np.timedelta64(round(length * S), "ns") for _, length, _ in scores],
        [text for _, _, text in scores],
    )


def scores_of(hypnogram: xr.Dataset) -> list[tuple[float, float, str]]:
    """Scores as (onset in s, duration in s, stage)."""
    onset = (hypnogram["onset"].values.astype(np.int64) - NIGHT) / S
    duration = hypnogram["duration"].values.astype(np.int64) / S
    return list(zip(onset.tolist(), duration.tolist(), hypnogram["stage"].values.tolist(), strict=True))


def intervals(stages: list[tuple[int, int, str]]) -> xr.Dataset:
    """Hypnogram of (onset, end, stage) in ns after the start of the night."""
    return xr.Dataset(
        {
            "onset": ("score", np.array([NIGHT + a for a, _, _ in stages], "datetime64[ns]")),
            "duration": ("score", np.array([b - a for a, b, _ in stages], "timedelta64[ns]")),
            "stage": ("score", np.array([stage for _, _, stage in stages], "<U2")),
        },
        attrs={"source": "night.txt"},
    )


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("Sleep stage W", "W"),
        ("Sleep stage 1", "N1"),
        ("Sleep stage 2", "N2"),
        ("Sleep stage 3", "N3"),
        ("Sleep stage 4", "N3"),
        ("Sleep stage N1", "N1"),
        ("Sleep stage N2", "N2"),
        ("Sleep stage N3", "N3"),
        ("Sleep stage R", "R"),
        ("sleep STAGE rem ", "R"),
        ("Sleep stage ?", ""),
        ("Movement time", ""),
        ("movement", ""),
        ("Sleep stage X", None),
    ],
)
def test_stage_of(text: str, stage: str | None) -> None:
    assert stage_of(text) == stage
    assert is_stage(text)


@pytest.mark.parametrize(
    "text", ["Arousal", "Limb movement", "Sleep stage", "Sleep stage W to N1", "Movement of leg", ""]
)
def test_other_annotations_are_no_stage(text: str) -> None:
    assert not is_stage(text)
    assert stage_of(text) is None


def test_from_annotations__sorts_and_leaves_the_rest_out() -> None:
    hypnogram = hypnogram_from_annotations(
        annotations((30, 30, "Sleep stage 2"), (5, 1, "Arousal"), (0, 30, "Sleep stage W"), (60, 60, "Sleep stage 4")),
        source="night.edf",
    )
    assert scores_of(hypnogram) == [(0, 30, "W"), (30, 30, "N2"), (60, 60, "N3")]
    assert hypnogram["label"].values.tolist() == ["Sleep stage W", "Sleep stage 2", "Sleep stage 4"]
    assert hypnogram.attrs == {"source": "night.edf", "findings": []}


def test_from_annotations__cuts_what_runs_into_the_next() -> None:
    hypnogram = hypnogram_from_annotations(
        annotations((0, 45, "Sleep stage W"), (30, 30, "Sleep stage 1"), (60, 100, "Sleep stage 2"))
    )
    assert scores_of(hypnogram) == [(0, 30, "W"), (30, 30, "N1"), (60, 100, "N2")]
    assert hypnogram.attrs["findings"] == ["1 scores run into the next one; they are cut there"]


def test_from_annotations__a_missing_duration_lasts_until_the_next_score() -> None:
    hypnogram = hypnogram_from_annotations(
        annotations((0, None, "Sleep stage W"), (90, 30, "Sleep stage 1"), (150, None, "Sleep stage 2"))
    )
    assert scores_of(hypnogram) == [(0, 90, "W"), (90, 30, "N1")]
    assert hypnogram.attrs["findings"] == ["the last score has no duration; it is left out"]


def test_from_annotations__tells_gaps_and_keeps_them() -> None:
    hypnogram = hypnogram_from_annotations(
        annotations((0, 30, "Sleep stage W"), (90, 30, "Sleep stage 1"), (180, 30, "Sleep stage 2"))
    )
    assert scores_of(hypnogram) == [(0, 30, "W"), (90, 30, "N1"), (180, 30, "N2")]
    assert hypnogram.attrs["findings"] == ["2 gaps between scores, 2 min in all; nothing is scored there"]


def test_from_annotations__scores_of_one_time() -> None:
    hypnogram = hypnogram_from_annotations(
        annotations(
            (0, 30, "Sleep stage W"), (0, 30, "Sleep stage W"), (30, 20, "Sleep stage 1"), (30, 30, "Sleep stage R")
        )
    )
    assert scores_of(hypnogram) == [(0, 30, "W"), (30, 30, "")]
    assert hypnogram.attrs["findings"] == [
        "2 scores begin at the same time as another one; the longest of each is kept",
        "1 times have scores of several stages; they are left unscored",
    ]


def test_from_annotations__the_length_of_an_epoch_shows_where_a_stage_repeats() -> None:
    twenty = annotations((0, 20, "Sleep stage W"), (20, 20, "Sleep stage W"), (40, 20, "Sleep stage 1"))
    hypnogram = hypnogram_from_annotations(twenty)
    assert hypnogram.attrs["epoch_seconds"] == 20
    assert hypnogram.attrs["findings"] == ["epochs are 20 s long, not 30 s; they are taken as such"]
    runs = annotations((0, 20, "Sleep stage W"), (20, 20, "Sleep stage 1"))
    assert "epoch_seconds" not in hypnogram_from_annotations(runs).attrs


def test_from_annotations__reports_unknown_labels_once() -> None:
    hypnogram = hypnogram_from_annotations(
        annotations(
            (0, 30, "Sleep stage X"), (30, 30, "Sleep stage X"), (60, 30, "Sleep stage ?"), (90, 30, "Sleep stage Q")
        )
    )
    assert [stage for _, _, stage in scores_of(hypnogram)] == [""] * 4
    assert hypnogram.attrs["findings"] == [
        "labels that are no known stage: 'Sleep stage Q', 'Sleep stage X'; they are left unscored"
    ]


def test_from_annotations__refuses_a_file_without_stages() -> None:
    with pytest.raises(FileFormatError, match=r"night\.edf: no sleep stages.*found 3 others"):
        hypnogram_from_annotations(annotations((0, 1, "Lights off"), (5, 1, "Arousal"), (9, 1, "Arousal")), "night.edf")
    with pytest.raises(FileFormatError, match="found 0 others"):
        hypnogram_from_annotations(annotations())


@st.composite
def disjoint_scores(draw: st.DrawFn) -> list[tuple[int, int, str]]:
    """Scores in ms: in order, touching or apart, some without a stage, some empty."""
    scores, t = [], draw(st.integers(-50, 50))
    for _ in range(draw(st.integers(1, 12))):
        t += draw(st.sampled_from([0, 0, 0, 7, 40]))
        end = t + draw(st.integers(0, 60) | st.just(30))
        scores.append((t, end, draw(st.sampled_from([*STAGES, ""]))))
        t = end
    return scores


@given(
    scores=disjoint_scores(),
    start=st.integers(-80, 80) | st.sampled_from([0, 15, 30]),
    step=st.integers(1, 70) | st.just(30),
    window=st.integers(1, 120) | st.sampled_from([30, 60]),
    count=st.integers(1, 12),
)
def test_stages_on_grid__is_what_most_milliseconds_say(
    scores: list[tuple[int, int, str]], start: int, step: int, window: int, count: int
) -> None:
    stage_at = {ms: stage for a, b, stage in scores for ms in range(a, b)}
    expected = []
    for low in range(start, start + count * step, step):
        shares = Counter(stage_at.get(ms, "") for ms in range(low, low + window))
        expected.append(next((stage for stage in STAGES if 2 * shares[stage] > window), ""))
    hypnogram = intervals([(a * MS, b * MS, stage) for a, b, stage in scores])
    grid = EpochGrid(NIGHT + start * MS, step * MS, window * MS, count)
    assert stages_on_grid(hypnogram, grid).tolist() == expected


@pytest.mark.parametrize(("extra", "stage"), [(-1, ""), (0, ""), (1, "N2")])
def test_stages_on_grid__needs_more_than_half(extra: int, stage: str) -> None:
    hypnogram = intervals([(0, 15 * S + extra, "N2"), (15 * S + extra, 30 * S, "")])
    assert stages_on_grid(hypnogram, EpochGrid(NIGHT, 30 * S, 30 * S, 1)).tolist() == [stage]


def test_stages_on_grid__half_and_half_is_neither() -> None:
    hypnogram = intervals([(0, 30 * S, "N2"), (30 * S, 60 * S, "R")])
    assert stages_on_grid(hypnogram, EpochGrid(NIGHT + 15 * S, 30 * S, 30 * S, 1)).tolist() == [""]


def test_stages_on_grid__pieces_of_one_stage_add_up() -> None:
    hypnogram = intervals([(0, 9 * S, "R"), (9 * S, 20 * S, "W"), (20 * S, 29 * S, "R")])
    assert stages_on_grid(hypnogram, EpochGrid(NIGHT, 30 * S, 30 * S, 2)).tolist() == ["R", ""]


def relative(relative_to: str, *seconds: int, **attrs: str) -> xr.Dataset:
    return xr.Dataset(
        {"onset": ("score", np.array([second * S for second in seconds], "timedelta64[ns]"))},
        attrs={"relative_to": relative_to, **attrs},
    )


def test_place__counts_from_the_start_of_the_recording() -> None:
    tree = xr.DataTree()
    tree.attrs["start"] = "2024-03-11T22:47:30.000000000"
    for start in (tree, "2024-03-11T22:47:30", NIGHT):
        placed = place(relative("start", 0, 90), start)
        assert placed["onset"].values.astype("datetime64[s]").astype(str).tolist() == [
            "2024-03-11T22:47:30",
            "2024-03-11T22:49:00",
        ]
        assert "relative_to" not in placed.attrs
    assert place(placed, "1999-01-01").identical(placed)


@pytest.mark.parametrize(
    ("first_time", "date"),
    [
        ("22:47:30", "2024-03-11"),
        ("22:00:00", "2024-03-11"),
        ("10:47:29", "2024-03-12"),
        ("10:47:30", "2024-03-11"),
        ("00:10:00", "2024-03-12"),
    ],
)
def test_place__a_time_of_day_goes_onto_the_nearest_day(first_time: str, date: str) -> None:
    hours, minutes, seconds = map(int, first_time.split(":"))
    onset = hours * 3600 + minutes * 60 + seconds
    placed = place(relative("midnight", onset, onset + 30, first_time=first_time), NIGHT)
    assert str(placed["onset"].values[0].astype("datetime64[s]")) == f"{date}T{first_time}"
    assert abs(placed["onset"].values[0].astype(np.int64) - NIGHT) <= 12 * 3600 * S
    assert date in placed.attrs["notes"][0]


def test_place__never_wraps_around() -> None:
    with pytest.raises(ParameterError, match="beyond the year 2200"):
        place(relative("start", 0, 10**9), "2180-01-01")


@pytest.mark.parametrize("start", [None, "tonight", "23:05"])
def test_place__needs_a_date(start: object) -> None:
    with pytest.raises(ParameterError, match="start of the recording is not a local time"):
        place(relative("start", 0), start)


def test_stage_counts__in_order_of_depth() -> None:
    counts = stage_counts(np.array(["R", "", "W", "W", "N3"]))
    assert list(counts.items()) == [("W", 2), ("N1", 0), ("N2", 0), ("N3", 1), ("R", 1)]
    assert stage_counts([]) == dict.fromkeys(STAGES, 0)
