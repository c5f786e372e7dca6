"""Plans: notes, refusals, spans and origins; nothing is computed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.features import BandPower, Feature, Hjorth, Output, SampleEntropy, Statistics
from sleepdask.features.plan import ExtractionPlan, plan_extraction

pytestmark = pytest.mark.usefixtures("no_compute")

START = "2024-03-11T22:47:30"


@pytest.fixture
def night() -> xr.DataTree:
    """Ten minutes and 10 s of EEG, and of breathing at 10 Hz."""
    eeg = sd.recording_from_arrays(
        {"EEG C3": np.zeros(61_000), "EEG C4": np.zeros(61_000)}, rate=100, start=START, recording_id="n1"
    )
    flow = sd.recording_from_arrays({"Airflow": np.zeros(6100)}, rate=10, start=START, unit="l/s")
    return eeg.assign({"10Hz": flow["10Hz"]})


def hypnogram(onset: str, *stages: str, seconds: int = 30) -> xr.Dataset:
    onsets = np.datetime64(onset, "ns") + np.arange(len(stages)) * np.timedelta64(seconds, "s")
    durations = np.full(len(stages), np.timedelta64(seconds, "s").astype("timedelta64[ns]"))
    return xr.Dataset(
        {
            "onset": ("score", onsets),
            "duration": ("score", durations),
            "stage": ("score", np.array(stages)),
            "label": ("score", np.array(stages)),
        },
        attrs={"source": "scores.edf", "findings": ["odd"]},
    )


def starts(plan: ExtractionPlan) -> list[str]:
    return [str(t.astype("datetime64[ms]"))[11:] for t in plan.grid.windows()[0]]


def test_summary_tells_all_as_json(night: xr.DataTree) -> None:
    plan = plan_extraction(night, [Statistics(("mean", "std")), BandPower()], workers=2)
    summary = json.loads(json.dumps(plan.summary()))
    assert summary["recording_id"] == "n1"
    assert summary["epochs"] == 20
    assert summary["start"] == "2024-03-11T22:47:30.000"
    assert (summary["epoch_seconds"], summary["step_seconds"]) == (30.0, 30.0)
    assert summary["tasks"] == 2
    eeg, flow = summary["nodes"]
    assert eeg["channels"] == ["EEG C3", "EEG C4"]
    assert eeg["features"] == ["statistics", "bandpower"]
    assert eeg["columns"] == 2 * (2 + len(BandPower().outputs))
    assert eeg["decoded_bytes"] == eeg["largest_chunk_bytes"] == 2 * 60_000 * 8
    assert flow["node"] == "10Hz"
    assert flow["features"] == ["statistics"]


def test_notes_tell_what_is_left_out(night: xr.DataTree) -> None:
    scores = hypnogram("2024-03-11T22:47:00", *["W"] * 30)
    plan = plan_extraction(night, [Statistics(), BandPower()], hypnogram=scores)
    assert plan.attrs["notes"] == [
        "hypnogram: scores begin 30 s before the signals",
        "hypnogram: scores run 4 min 20 s past the end of the signals",
        "the last 10 s make no whole epoch and are in no row",
        "10Hz: no bandpower, which needs at least 80 Hz (Airflow)",
    ]
    assert plan.attrs["findings"] == ["odd"]
    assert plan.attrs["hypnogram"] == "scores.edf"


def test_a_node_without_features_is_left_out_with_a_note(night: xr.DataTree) -> None:
    plan = plan_extraction(night, BandPower())
    assert list(plan.nodes) == ["100Hz"]
    assert any("Airflow" in note for note in plan.attrs["notes"])


def test_epochs_of_too_many_samples_are_left_out_with_a_note() -> None:
    feature = SampleEntropy()
    many = sd.recording_from_arrays({"C3": np.zeros(70_000, np.float32)}, rate=1000)
    plan = plan_extraction(many, [Statistics(), feature], epoch="66s")
    assert plan.attrs["notes"][-1] == "1000Hz: no sample_entropy, which needs epochs of at most 65535 samples (C3)"
    assert [f.name for f in plan.nodes["1000Hz"].task.features] == ["statistics"]
    assert plan_extraction(many, feature, epoch="65s").nodes["1000Hz"].task.features == (feature,)
    with pytest.raises(ParameterError, match="at most 65535 samples"):
        plan_extraction(many, feature, epoch="66s")


def test_a_step_longer_than_the_epoch_tells_how_much_it_skips(night: xr.DataTree) -> None:
    plan = plan_extraction(night, Statistics(), epoch="30s", step="60s")  # of 610 s: ten epochs, nine spaces between
    assert plan.grid.count == 10
    assert plan.attrs["notes"] == [
        "the last 40 s make no whole epoch and are in no row",
        "the step is longer than the epoch: 4 min 30 s between epochs are in no row",
    ]
    assert not any("step" in note for note in plan_extraction(night, Statistics(), step="10s").attrs["notes"])


def test_a_whole_number_of_epochs_needs_no_note(night: xr.DataTree) -> None:
    assert plan_extraction(night, Statistics(), epoch="10s").attrs["notes"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": "EEG C5"}, "no channel matches 'EEG C5'; expected one of EEG C3, EEG C4, Airflow; did you mean"),
        ({"epoch": "11min"}, "no whole epoch fits into the time span; expected at least 660 s; found 610 s"),
        ({"step": 0}, "step must be longer than zero"),
        ({"step": "-3s"}, "step must be longer than zero"),
        ({"epoch": 0}, "epoch must be longer than zero|epoch is too short"),
        ({"epoch": "thirty"}, "epoch is not a duration.*found 'thirty'"),
        ({"start": "2024-03-12T03:00"}, "the time span holds no signal.*2024-03-11T22:47:30 to 2024-03-11T22:57:40"),
        ({"end": "2024-03-11T22:00"}, "the time span ends before it starts"),
        ({"start": "2024-03-11T22:50", "end": "2024-03-11T22:50"}, "ends before it starts"),
        ({"start": "25:00"}, "start is not a local time"),
        ({"start": "2024-03-11T22:50+01:00"}, "start is not a local time.*without a time zone"),
        ({"lights_off": "late"}, "lights_off is not a local time"),
        ({"workers": 0}, "workers must be at least 1; found 0"),
        ({"min_coverage": 2}, "min_coverage must lie between 0 and 1; found 2"),
        ({"min_coverage": -0.1}, "min_coverage must lie"),
        ({"min_coverage": float("nan")}, "min_coverage must lie"),
        ({"origin": "hypnogram"}, "origin is the hypnogram, but there is none"),
        ({"origin": "bedtime"}, "origin is not a local time"),
        ({"hypnogram": hypnogram("2024-03-14T22:00:00", "W")}, "scores.edf: hypnogram and signals have no moment"),
        ({"hypnogram": hypnogram("2024-03-11T22:47:00", "W")}, "no moment in common"),
    ],
)
def test_refusals(night: xr.DataTree, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        plan_extraction(night, Statistics(), **arguments)


def test_epoch_shorter_than_a_segment(night: xr.DataTree) -> None:
    with pytest.raises(ParameterError, match=r"epoch is too short for bandpower; expected at least 4 s; found 3.9"):
        plan_extraction(night, BandPower(), epoch=3.9)
    assert plan_extraction(night, BandPower(), epoch=4).grid.count == 152


def test_two_features_with_the_same_column(night: xr.DataTree) -> None:
    with pytest.raises(ParameterError, match="statistics: two features give the column 'mean'"):
        plan_extraction(night, [Statistics(), Statistics(ddof=0)])


@pytest.mark.parametrize("features", [[], ()])
def test_no_feature(night: xr.DataTree, features: Any) -> None:
    with pytest.raises(ParameterError, match="no feature is given"):
        plan_extraction(night, features)


@pytest.mark.parametrize("feature", ["statistics", Statistics, None])
def test_not_a_feature(night: xr.DataTree, feature: Any) -> None:
    with pytest.raises(ParameterError, match=r"not a feature; expected such as sleepdask.features.Statistics"):
        plan_extraction(night, [feature])


def test_no_channel_is_fast_enough(night: xr.DataTree) -> None:
    with pytest.raises(ParameterError, match=r"no channel is sampled as.*bandpower.*80 Hz"):
        plan_extraction(night, BandPower(), channels="Airflow")


def test_a_recording_without_signals(night: xr.DataTree) -> None:
    with pytest.raises(ParameterError, match="n1: recording has no signals"):
        plan_extraction(night.filter(lambda node: node.parent is None), Statistics())


@pytest.mark.parametrize(
    ("channels", "kept"),
    [
        ("EEG*", {"100Hz": ("EEG C3", "EEG C4")}),
        (["airflow", "EEG C4"], {"100Hz": ("EEG C4",), "10Hz": ("Airflow",)}),
        (["EEG C4", "EEG C3"], {"100Hz": ("EEG C3", "EEG C4")}),
    ],
)
def test_channels_by_name_or_glob(night: xr.DataTree, channels: Any, kept: dict[str, tuple[str, ...]]) -> None:
    plan = plan_extraction(night, Statistics(), channels=channels)
    assert {name: node.task.channels for name, node in plan.nodes.items()} == kept


def test_channels_do_not_change_the_epochs(night: xr.DataTree) -> None:
    late = night["10Hz"].to_dataset().isel(time=slice(3000, None))
    shifted = night.assign({"10Hz": xr.DataTree(late)})
    assert plan_extraction(shifted, Statistics(), channels="Airflow").grid == plan_extraction(shifted, Hjorth()).grid


@pytest.mark.parametrize(
    ("arguments", "first", "second", "count"),
    [
        ({}, "22:47:30.000", "22:48:00.000", 20),
        ({"start": "22:50:10"}, "22:50:30.000", "22:51:00.000", 14),
        ({"start": "22:50:10", "origin": "22:50:10"}, "22:50:10.000", "22:50:40.000", 15),
        ({"start": "22:50", "end": "22:51"}, "22:50:00.000", "22:50:30.000", 2),
        ({"end": "2024-03-11T22:49"}, "22:47:30.000", "22:48:00.000", 3),
        ({"origin": "22:47:37.3"}, "22:47:37.300", "22:48:07.300", 20),
        ({"origin": "2024-03-11T22:00:07.3"}, "22:47:37.300", "22:48:07.300", 20),
        ({"origin": "2024-03-12T09:00:00"}, "22:47:30.000", "22:48:00.000", 20),
        ({"step": "10s"}, "22:47:30.000", "22:47:40.000", 59),
        ({"step": "10s", "start": "22:47:45"}, "22:47:50.000", "22:48:00.000", 57),
        ({"lights_off": "22:49", "lights_on": "22:50"}, "22:49:00.000", "22:49:30.000", 2),
        ({"lights_off": "22:49", "start": "22:48"}, "22:48:00.000", "22:48:30.000", 19),
        ({"lights_on": "22:50", "end": "22:51"}, "22:47:30.000", "22:48:00.000", 7),
        ({"start": np.datetime64("2024-03-11T22:50"), "epoch": "1min"}, "22:50:30.000", "22:51:30.000", 7),
        ({"start": "2024-03-11T22:45"}, "22:45:00.000", "22:45:30.000", 25),
    ],
)
def test_spans_and_origins(night: xr.DataTree, arguments: dict[str, Any], first: str, second: str, count: int) -> None:
    plan = plan_extraction(night, Statistics(), **arguments)
    assert (*starts(plan)[:2], plan.grid.count) == (first, second, count)


def test_lights_are_kept_as_attributes(night: xr.DataTree) -> None:
    attrs = plan_extraction(night, Statistics(), lights_off="22:49", lights_on="22:50:30").attrs
    assert attrs["lights_off"] == "2024-03-11T22:49:00.000000000"
    assert attrs["lights_on"] == "2024-03-11T22:50:30.000000000"
    assert "lights_off" not in plan_extraction(night, Statistics()).attrs


def test_a_time_of_day_is_the_next_one(night: xr.DataTree) -> None:
    with pytest.raises(ParameterError, match="2024-03-12T22:47:00"):
        plan_extraction(night, Statistics(), start="22:47")


def test_origin_hypnogram_puts_epochs_in_step_with_the_scores(night: xr.DataTree) -> None:
    scores = hypnogram("2024-03-11T22:47:41", "W", "N1", "N2")
    plan = plan_extraction(night, Statistics(), hypnogram=scores, origin="hypnogram")
    assert starts(plan)[:2] == ["22:47:41.000", "22:48:11.000"]
    assert plan.stages[:4].tolist() == ["W", "N1", "N2", ""]
    inside = plan_extraction(night, Statistics(), hypnogram=scores, origin="hypnogram", start="22:48:00")
    assert starts(inside)[0] == "22:48:11.000"
    assert inside.stages[0] == "N1"


def test_scores_count_where_they_cover_more_than_half(night: xr.DataTree) -> None:
    scores = hypnogram("2024-03-11T22:47:45", "N2", "N3")
    assert plan_extraction(night, Statistics(), hypnogram=scores).stages[:3].tolist() == ["", "", ""]
    scores = hypnogram("2024-03-11T22:47:44", "N2", "N3")
    assert plan_extraction(night, Statistics(), hypnogram=scores).stages[:3].tolist() == ["N2", "N3", ""]


def test_without_a_hypnogram_no_epoch_has_a_stage(night: xr.DataTree) -> None:
    plan = plan_extraction(night, Statistics())
    assert set(plan.stages) == {""}
    assert plan.attrs["hypnogram"] == ""


def test_scores_of_the_recording_itself_are_taken(scored_night: Path) -> None:
    night = sd.open_recording(scored_night)
    plan = plan_extraction(night, Statistics())
    assert plan.stages.tolist() == [
        *(stage for stage in ("W", "N1", "N2", "N3", "R", "") for _ in range(3)), "", ""
    ]  # fmt: skip
    assert plan.attrs["hypnogram"] == "scored.edf"
    given = hypnogram("2024-03-11T22:47:30", *["R"] * 20)
    assert set(plan_extraction(night, Statistics(), hypnogram=given).stages) == {"R"}
    assert starts(plan_extraction(night, Statistics(), origin="hypnogram", start="22:48"))[0] == "22:48:00.000"


def test_annotations_that_are_no_scores_are_no_hypnogram(write_night: Any) -> None:
    night = sd.open_recording(write_night({"C3": 100}, 60, [(1.0, 2.0, "Lights off"), (3.0, None, "apnea")]))
    assert plan_extraction(night, Statistics()).attrs["hypnogram"] == ""


def test_a_single_score_without_a_duration_is_no_hypnogram(write_night: Any) -> None:
    night = sd.open_recording(write_night({"C3": 100}, 60, [(0.0, None, "Sleep stage W")]))
    plan = plan_extraction(night, Statistics())
    assert set(plan.stages) == {""}


def test_workers_and_bytes_cut_the_epochs() -> None:
    night = sd.recording_from_arrays({"C3": np.zeros(3_000_000, np.float32)}, rate=100)
    edges = {w: plan_extraction(night, Statistics(), workers=w).nodes["100Hz"].task.edges for w in (1, 2, 64)}
    assert edges[1] == (0, 500, 1000)
    assert edges[2] == (0, 250, 500, 750, 1000)  # 4 MiB of samples make three chunks; two workers take two each
    assert edges[64] == (0, 333, 666, 1000)


@pytest.mark.parametrize("column", ["coverage", "status", "reason", "epoch", "start", "stage", "channel", "unit"])
def test_a_column_that_would_replace_one_of_ours(night: xr.DataTree, column: str) -> None:
    @dataclass(frozen=True)
    class Clash(Feature):
        name: ClassVar[str] = "clash"
        outputs = (Output(column, "1", "a name that is taken"),)

        def compute(self, *arguments: Any) -> Any:
            raise AssertionError("nothing is computed here")

    with pytest.raises(ParameterError, match=f"{column!r}"):
        plan_extraction(night, Clash())


def two_nodes(label: str, other: str) -> xr.DataTree:
    ones, fives = np.ones(6000, "f4"), np.full(3000, 5, "f4")
    fast, slow = sd.recording_from_arrays({label: ones}, 100), sd.recording_from_arrays({other: fives}, 50)
    return fast.assign({"50Hz": slow["50Hz"]})


def test_a_label_in_two_nodes_is_refused() -> None:
    with pytest.raises(ParameterError, match="two channels are called 'C3'; found in the nodes 100Hz and 50Hz"):
        plan_extraction(two_nodes("C3", "C3"), Statistics())
    assert set(plan_extraction(two_nodes("C3", "C4"), Statistics()).nodes) == {"100Hz", "50Hz"}


def test_a_span_past_the_signals_is_told() -> None:
    night = sd.recording_from_arrays({"C3": np.ones(30_000)}, 100, start="2024-03-11T23:00")
    plan = plan_extraction(night, Statistics(), lights_off="23:02", lights_on="23:01")
    assert "the span runs 23 h 56 min past the end of the signals" in plan.attrs["notes"]


def test_a_table_beyond_any_memory_is_refused() -> None:
    night = sd.recording_from_arrays({"C3": np.ones(30_000)}, 100)
    with pytest.raises(
        ParameterError, match=r"would not fit; expected at most 4 GiB; found .* GiB for \d+ h 5 min; use"
    ):
        plan_extraction(night, Statistics(), start="1700-01-01", step="1s")


def test_a_node_slower_than_the_epochs_is_left_out() -> None:
    night = two_nodes("C3", "C4")
    slow = sd.recording_from_arrays({"weight": np.ones(2)}, Fraction(1, 60))
    (name,) = slow.children
    plan = plan_extraction(night.assign({name: slow[name]}), Statistics())
    assert set(plan.nodes) == {"100Hz", "50Hz"}
    assert any(note.startswith(f"{name}: left out") for note in plan.attrs["notes"])


def test_sparse_epochs_stay_within_the_bytes_of_a_chunk() -> None:
    night = sd.recording_from_arrays({str(k): np.zeros(2_000_000, "f4") for k in range(4)}, 100)
    (node,) = plan_extraction(night, Statistics(), epoch="1s", step="60s").nodes.values()
    assert max(node.decoded_bytes) <= 16 << 20


def test_features_as_a_text(night: xr.DataTree) -> None:
    (node, *_) = plan_extraction(night, "statistics:aggregations=mean,hjorth").nodes.values()
    assert [feature.name for feature in node.task.features] == ["statistics", "hjorth"]
    with pytest.raises(ParameterError, match="did you mean 'hjorth'"):
        plan_extraction(night, "hjort")
    with pytest.raises(ParameterError, match="not a hypnogram"):
        plan_extraction(night, "hjorth", hypnogram="scores.edf")
