"""Hypnograms on recordings: placed, and told how they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.epochs import EpochGrid
from sleepdask.features.plan import plan_extraction
from sleepdask.features.scores import fit, grid_findings

S = 1_000_000_000
NIGHT = 1_710_197_250 * S


def scores(count: int, length: int = 30, **attrs: Any) -> xr.Dataset:
    """Hypnogram of epochs of N2 in seconds after the start of the night, relative to it unless told otherwise."""
    relative = attrs.pop("relative", True)
    begin = attrs.pop("begin", 0)
    onset = (begin + np.arange(count) * length) * S + (0 if relative else NIGHT)
    return xr.Dataset(
        {
            "onset": ("score", onset.astype("timedelta64[ns]" if relative else "datetime64[ns]")),
            "duration": ("score", np.full(count, length * S).astype("timedelta64[ns]")),
            "stage": ("score", np.full(count, "N2")),
        },
        attrs={"source": "night.txt", "epoch_seconds": float(length)}
        | ({"relative_to": "start"} if relative else {})
        | attrs,
    )


def recording(seconds: int = 1483 * 30) -> xr.DataTree:
    return sd.recording_from_arrays({"C3": np.zeros(seconds)}, rate=1, start="2024-03-11T22:47:30")


def fitted(hypnogram: xr.Dataset, seconds: int = 1483 * 30) -> tuple[list[str], list[str]]:
    found = fit(hypnogram, recording(seconds), NIGHT, NIGHT + seconds * S)
    return found.notes, found.findings


def test_as_many_scores_as_epochs() -> None:
    notes, findings = fitted(scores(1483))
    assert notes == ["hypnogram: scores without clock times count from the recording's start, 2024-03-11T22:47:30"]
    assert findings == []


def test_fewer_scores_than_epochs() -> None:
    notes, findings = fitted(scores(1308))
    assert notes[1:] == ["hypnogram: scores end 1 h 27 min 30 s before the end of the signals"]
    assert findings == [
        "hypnogram: 1308 scores for 1483 epochs of 30 s of the recording; they are taken to begin with it"
    ]


def test_an_extra_epoch() -> None:
    notes, findings = fitted(scores(1484))
    assert notes[1:] == ["hypnogram: scores run 30 s past the end of the signals"]
    assert len(findings) == 1
    notes, findings = fitted(scores(1484), 1483 * 30 + 12)  # the last one was scored, although it is not whole
    assert notes[1:] == ["hypnogram: scores run 18 s past the end of the signals"]
    assert findings == []


def test_a_list_whose_epochs_nobody_stated_must_fit() -> None:
    assert fitted(scores(1483, epoch_assumed=1))[1] == []
    with pytest.raises(sd.ParameterError, match=r"night\.txt: 1308 scores for 1483 epochs of 30 s.*epoch_length="):
        fitted(scores(1308, epoch_assumed=1))


@pytest.mark.parametrize(
    ("begin", "count", "notes"),
    [
        (0, 100, []),
        (29, 99, []),
        (-90, 103, ["scores begin 1 min 30 s before the signals"]),
        (300, 90, ["scores begin 5 min after the start of the signals"]),
        (0, 80, ["scores end 10 min before the end of the signals"]),
        (1, 100, ["scores run 1 s past the end of the signals"]),
    ],
)
def test_scores_with_dates(begin: int, count: int, notes: list[str]) -> None:
    told, findings = fitted(scores(count, begin=begin, relative=False), 3000)
    assert told == [f"hypnogram: {note}" for note in notes]
    assert findings == []


@pytest.mark.parametrize("begin", [-3000, 3000])
def test_another_night_is_refused(begin: int) -> None:
    with pytest.raises(sd.ParameterError, match=r"night\.txt: .* have no moment in common") as caught:
        fitted(scores(100, begin=begin, relative=False), 3000)
    assert "2024-03-11T22:47:30" in str(caught.value.expected)


@pytest.mark.parametrize(
    ("length", "window", "start", "told"),
    [
        (30, 30, 0, None),
        (30, 10, 0, None),
        (20, 60, 0, None),
        (20, 30, 0, "scores of 20 s on epochs of 30 s: each gets the stage of more than half of it"),
        (30, 30, 15, "scores begin 15 s into the epochs of 30 s: each gets the stage of more than half"),
        (30, 10, 4, "scores begin 6 s into the epochs of 10 s: each gets the stage of more than half"),
    ],
)
def test_epochs_of_another_length_or_phase(length: int, window: int, start: int, told: str | None) -> None:
    grid = EpochGrid(NIGHT + start * S, window * S, window * S, 10)
    found = grid_findings(scores(100, length, relative=False), grid)
    assert found == ([] if told is None else [f"hypnogram: {told}"])


def test_scores_of_20_s_come_onto_epochs_of_30_s_by_majority() -> None:
    hypnogram = scores(6, 20)
    hypnogram["stage"] = ("score", np.array(["W", "N1", "N1", "R", "W", "W"]))
    plan = plan_extraction(recording(120), "hjorth", hypnogram=hypnogram)
    assert plan.stages.tolist() == ["W", "N1", "R", "W"]
    assert any("scores of 20 s on epochs of 30 s" in finding for finding in plan.attrs["findings"])
    assert any("count from the recording's start" in note for note in plan.attrs["notes"])


def test_epochs_of_10_s_take_the_stage_of_their_30_s() -> None:
    hypnogram = scores(2, 30)
    hypnogram["stage"] = ("score", np.array(["W", "N3"]))
    plan = plan_extraction(recording(60), "hjorth", epoch="10s", hypnogram=hypnogram)
    assert plan.stages.tolist() == ["W"] * 3 + ["N3"] * 3
    assert plan.attrs["findings"] == []


def test_scores_count_from_the_start_of_the_file_also_on_a_part_of_it() -> None:
    night = recording(120)
    hypnogram = scores(4)
    hypnogram["stage"] = ("score", np.array(["W", "N1", "N2", "N3"]))
    node = next(iter(night.children))
    part = xr.DataTree.from_dict({node: night[node].to_dataset().isel(time=slice(60, None))})
    part.attrs.update(night.attrs)
    assert plan_extraction(part, "hjorth", hypnogram=hypnogram).stages.tolist() == ["N2", "N3"]
