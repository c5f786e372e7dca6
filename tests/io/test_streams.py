"""What devices write, as a recording: order of rows, zones, fragments, clocks; nothing is read too early."""

from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import xarray as xr
from dask.base import tokenize
from lazy_values import Watched

import sleepdask as sd
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.findings import Findings
from sleepdask.io.chunking import chunked_by_epochs
from sleepdask.io.streams import NAT, Channel, Parts, Stream, recording_of
from sleepdask.signals.clock import Clock, Run
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import annotations_dataset
from sleepdask.signals.timestamps import Timestamps

MS, S = 1_000_000, 1_000_000_000
HR = (Channel("hr", "bpm", "", "Polar Sense"),)


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


START = ns("2024-03-11T22:47:30")
BEATS = START + np.cumsum([0, 900, 850, 1100, 970, 1020, 880, 930, 1200, 990, 1010, 940]) * MS


def stream(stamps: Any, values: Any = None, name: str = "hr", **options: Any) -> Stream:
    stamps = np.asarray(stamps, np.int64)
    values = np.arange(float(stamps.size))[np.newaxis] if values is None else values
    return Stream(name, HR, values, stamps, **options)


def recording(
    *streams: Stream, policy: str = "warn", timezone: str | None = None, dtype: str | None = None, **parts: Any
) -> tuple[xr.DataTree, Findings]:
    findings = Findings("night.csv", policy, format="CSV")
    tree = recording_of(
        Parts(list(streams), **parts),
        findings,
        recording_id="night",
        source="night.csv",
        timezone=timezone,
        dtype=dtype,
    )
    return tree, findings


def rows_of(tree: xr.DataTree, name: str = "hr") -> list[float]:
    values: list[float] = tree[name]["signal"].values[0].tolist()
    return values


def codes(findings: Findings) -> list[str]:
    return [finding.code for finding in findings.found]


def times_of(tree: xr.DataTree, name: str = "hr") -> list[int]:
    times: list[int] = tree[name]["time"].values.astype(np.int64).tolist()
    return times


def test_a_stream_becomes_a_node() -> None:
    tree, findings = recording(stream(BEATS), attrs={"device": "watch"})
    assert tree.attrs == {
        "recording_id": "night",
        "source": "night.csv",
        "format": "CSV",
        "start": "2024-03-11T22:47:30.000000000",
        "time_zone": "",
        "findings": [],
        "device": "watch",
    }
    node = tree["hr"].to_dataset()
    assert clock_of(node) == Timestamps.of(BEATS)
    assert node["signal"].dtype == np.float32
    assert {name: node[name].item() for name in ("channel", "unit", "sensor")} == {
        "channel": "hr",
        "unit": "bpm",
        "sensor": "Polar Sense",
    }
    assert node["signal_type"].item() == "hr"
    assert findings.found == []


def test_a_type_that_is_given_goes_before_one_that_is_told() -> None:
    told = replace(stream(BEATS), channels=(Channel("x", "", "SpO2"),))
    assert recording(told)[0]["hr"]["signal_type"].item() == "SpO2"


def test_regular_stamps_become_a_clock_that_tells_how_far_it_is_off() -> None:
    stamps = START + np.arange(500) * 20 * MS
    stamps[::7] += MS
    tree, findings = recording(stream(stamps, resolution=MS, period=Fraction(20 * MS)))
    clock = clock_of(tree["hr"].to_dataset())
    assert isinstance(clock, Clock)
    assert clock.rate == 50
    assert tree["hr"].attrs["clock_jitter_seconds"] == pytest.approx(0.0005)
    assert tree["hr"].attrs["clock_drift"] == 0
    assert findings.found == []


@pytest.mark.parametrize(("ppm", "word"), [(400, "slow"), (-400, "fast")])
def test_a_drift_of_many_samples_is_told(ppm: int, word: str) -> None:
    stamps = START + np.arange(200_000) * 20 * (1_000_000 + ppm)
    tree, findings = recording(stream(stamps, period=Fraction(20 * MS)))
    (finding,) = findings.found
    assert finding.code == "drift"
    assert finding.message == f"its clock is 400 ppm {word}"
    assert finding.reading == "it has the rate that is measured"
    assert tree["hr"].attrs["clock_drift"] == pytest.approx(ppm / 1e6)
    assert abs(times_of(tree)[-1] - int(stamps[-1])) < MS


def test_a_drift_that_is_small_against_a_period_leaves_the_stated_rate() -> None:
    stamps = START + np.arange(100) * 60 * (S + S // 5000)  # a clock 200 ppm slow, once a minute
    tree, findings = recording(stream(stamps, period=Fraction(60 * S)))
    assert [(f.message, f.reading[:24]) for f in findings.found] == [
        ("its clock is 200 ppm slow", "the stated rate is kept,")
    ]
    assert clock_of(tree["hr"].to_dataset()).rate == Fraction(1, 60)


# --- rows


def test_rows_are_put_in_order_without_those_that_have_no_time() -> None:
    stamps = BEATS.copy()
    stamps[[2, 5]] = stamps[[5, 2]]
    stamps[3] = NAT
    tree, _ = recording(stream(stamps))
    assert rows_of(tree) == [0, 1, 5, 4, 2, 6, 7, 8, 9, 10, 11]
    assert times_of(tree) == [stamp for k, stamp in enumerate(BEATS.tolist()) if k != 3]
    assert tree.attrs["findings"] == [
        "hr: 1 row without a time that can be read; left out",
        "hr: 2 rows earlier than one before; put in order of time",
    ]
    with pytest.raises(FileFormatError, match=r"1 row without a time that can be read \(hr\)"):
        recording(stream(stamps), policy="strict")


def test_a_stream_without_a_time_is_left_out() -> None:
    tree, findings = recording(stream([NAT] * 5, name="acc"), stream(BEATS), stream([], name="ppi"))
    assert list(tree.children) == ["hr"]
    assert codes(findings) == ["no-time", "empty", "empty"]
    assert [f.message for f in findings.found][1:] == ["no row has a time", "there is no row"]
    with pytest.raises(FileFormatError, match="it holds no samples"):
        recording(stream([NAT] * 5))
    with pytest.raises(FileFormatError, match="it holds no samples"):
        recording()


def test_an_empty_clock_is_left_out() -> None:
    empty = Stream("acc", HR, np.zeros((1, 0)), clock=Clock.regular(START, 0, S))
    tree, findings = recording(empty, stream(BEATS))
    assert list(tree.children) == ["hr"]
    assert codes(findings) == ["empty"]


# --- lazy values


def test_nothing_is_read_before_it_is_asked_for() -> None:
    stamps = np.sort(np.random.default_rng(1).integers(0, 10**15, 2000)) + START
    stamps[[100, 200]] = stamps[[200, 100]]
    stamps[7] = NAT
    values = Watched(np.arange(2000.0)[np.newaxis])
    tree, _ = recording(stream(stamps, values))
    assert values.read == []
    part = tree["hr"]["signal"].isel(time=slice(500, 520))
    assert part.dtype == np.float32
    assert values.read == []
    assert part.values[0].tolist() == list(range(501, 521))
    assert sum(values.read) == 20
    assert rows_of(tree)[98:101] == [99, 200, 101]


@pytest.mark.parametrize("kind", ["array", "lazy", "variable", "dask", "integers"])
def test_all_kinds_of_values_give_the_same(kind: str) -> None:
    plain = np.random.default_rng(2).normal(size=(1, BEATS.size)).round(3)
    values: Any = plain
    if kind == "lazy":
        values = Watched(plain)
    elif kind == "variable":
        values = xr.Variable(("channel", "time"), plain)
    elif kind == "dask":
        values = xr.Variable(("channel", "time"), plain).chunk(time=5).data
    elif kind == "integers":
        plain = np.arange(BEATS.size)[np.newaxis]
        values = Watched(plain)
    stamps = BEATS.copy()
    stamps[[2, 5]] = stamps[[5, 2]]
    expected = plain[0, [0, 1, 5, 3, 4, 2, *range(6, 12)]]
    for dtype in ("float32", "float64"):
        signal = recording(stream(stamps, values), dtype=dtype)[0]["hr"]["signal"]
        assert signal.dtype == dtype
        assert (signal.chunks is not None) == (kind == "dask")
        assert signal.values[0].tolist() == expected.astype(dtype).tolist()
        assert float(signal.isel(channel=0, time=3)) == expected.astype(dtype)[3]


def test_a_recording_travels_and_is_cut_into_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    values = Watched(np.arange(50_000.0)[np.newaxis])
    stamps = START + np.cumsum(np.random.default_rng(3).integers(700, 1300, 50_000)) * MS
    tree, _ = recording(stream(stamps, values))
    chunked = chunked_by_epochs(pickle.loads(pickle.dumps(tree)), 2)
    assert len(chunked["hr"]["signal"].chunks[1]) > 1
    assert values.read == []
    assert np.array_equal(chunked["hr"]["signal"].values, values.values.astype("f4"))
    again, _ = recording(stream(stamps, Watched(values.values)))
    assert tokenize(chunked["hr"]["signal"].data) == tokenize(chunked_by_epochs(again, 2)["hr"]["signal"].data)


# --- fragments


def test_fragments_become_one_stream_in_order_of_time() -> None:
    values = [Watched(np.arange(4.0)[np.newaxis] + 4 * k) for k in range(3)]
    parts = [stream(BEATS[4 * k : 4 * k + 4], values[k]) for k in range(3)]
    tree, findings = recording(parts[2], stream([], np.zeros((1, 0))), parts[0], parts[1])
    assert [each.read for each in values] == [[]] * 3
    assert rows_of(tree) == list(range(12))
    assert times_of(tree) == BEATS.tolist()
    assert findings.found == []
    assert [recording(stream([]), stream([]), stream(BEATS, name="x"))[0].groups[1:]] == [("/x",)]


def test_fragments_that_overlap_keep_each_row_once() -> None:
    one, other = stream(BEATS[:8]), stream(BEATS[5:], np.arange(5.0, 12.0)[np.newaxis])
    tree, _ = recording(other, one)
    assert rows_of(tree) == list(range(12))
    assert tree.attrs["findings"] == [
        "hr: 2 rows earlier than one before; put in order of time",
        "hr: 3 rows twice; kept once",
    ]


def test_fragments_of_other_columns_are_refused() -> None:
    other = replace(stream(BEATS), channels=(Channel("pulse"),))
    with pytest.raises(FileFormatError, match="different columns or times of 'hr'; open them one by one"):
        recording(stream(BEATS), other)
    with pytest.raises(FileFormatError, match="some of its times are local and some are UTC"):
        recording(stream(BEATS), stream(BEATS, instants=True))


def test_fragments_have_in_common_what_all_say() -> None:
    stamps = START + np.arange(100) * 20 * MS
    fine = stream(stamps[:50] + 3 * MS, resolution=1, period=Fraction(20 * MS))
    coarse = stream(stamps[50:] // (10 * MS) * 10 * MS, resolution=10 * MS, period=Fraction(21 * MS))
    tree, findings = recording(fine, coarse)
    assert clock_of(tree["hr"].to_dataset()).rate == 50
    assert findings.found == []


def test_clocks_of_fragments_stay_exact() -> None:
    clock = Clock.regular(START, 6002, 30 * S, 3001)
    parts = [clock.isel(slice(0, 3001)), clock.isel(slice(3001, 4000)), clock.isel(slice(5000, None))]
    values = [np.full((1, part.size), float(k)) for k, part in enumerate(parts)]
    streams = [Stream("hr", HR, each, clock=part) for part, each in zip(parts, values, strict=True)]
    tree, findings = recording(*streams[::-1])
    joined = clock_of(tree["hr"].to_dataset())
    assert joined == Clock.joined(parts)
    assert isinstance(joined, Clock)
    assert [run.size for run in joined.runs] == [4000, 1002]
    assert rows_of(tree) == [0.0] * 3001 + [1.0] * 999 + [2.0] * 1002
    assert findings.found == []


def test_clocks_of_fragments_that_overlap_are_put_in_order() -> None:
    one, other = Clock.regular(START, 60, S), Clock.regular(START + 50 * S, 60, S)
    values = np.arange(110.0)[np.newaxis]
    tree, findings = recording(
        Stream("hr", HR, values[:, 50:], clock=other), Stream("hr", HR, values[:, :60], clock=one)
    )
    assert rows_of(tree) == list(range(110))
    assert clock_of(tree["hr"].to_dataset()) == Clock.regular(START, 110, S)
    assert codes(findings) == ["out-of-order", "repeated"]


def test_fragments_without_a_date_have_no_order() -> None:
    part = Stream("hr", HR, np.zeros((1, 5)), clock=Clock.regular(0, 5, S, dated=False))
    with pytest.raises(FileFormatError, match="no date to be put in order by"):
        recording(part, part)


# --- zones and dates


def test_a_clock_without_a_date_stays_so() -> None:
    tree, _ = recording(Stream("hr", HR, np.zeros((1, 5)), clock=Clock.regular(0, 5, S, dated=False)))
    assert tree.attrs["start"] == "NaT"
    assert tree["hr"]["time"].dtype == "timedelta64[ns]"
    undated = (
        Stream("hr", HR, np.zeros((1, 5)), clock=Clock.regular(0, 5, S, dated=False)),
        stream(BEATS - BEATS[3], name="beats", dated=False),
    )
    tree, findings = recording(*undated, timezone="Europe/Berlin")
    assert codes(findings) == ["zone-unused"]
    assert tree.attrs["start"] == "NaT"
    assert clock_of(tree["beats"].to_dataset()) == Timestamps.of(BEATS - BEATS[3], dated=False)
    with pytest.raises(ParameterError, match="some nodes have a date and some have none"):
        recording(undated[0], stream(BEATS, name="beats"))


def test_a_node_says_more_of_itself() -> None:
    tree, _ = recording(stream(BEATS, attrs={"range": 8}))
    assert tree["hr"].attrs == {"range": 8}


def test_annotations_may_be_all_there_is() -> None:
    times = np.array(["NaT", "2024-03-11T22:50:00", "2024-03-11T22:48:00"], "datetime64[ns]")
    notes = annotations_dataset(times, [np.timedelta64(1, "s")] * 3, ["a", "b", "c"])
    tree, _ = recording(annotations=notes, timezone="Europe/Berlin")
    assert list(tree.children) == ["annotations"]
    assert tree.attrs["start"] == "2024-03-11T21:48:00.000000000Z"
    elapsed = annotations_dataset([np.timedelta64(5, "s")], [np.timedelta64(1, "s")], ["a"], dated=False)
    for zone in (None, "Europe/Berlin"):
        tree, _ = recording(annotations=elapsed, timezone=zone)
        assert tree.attrs["start"] == "NaT"
        assert tree["annotations"].to_dataset().identical(elapsed)
    with pytest.raises(FileFormatError, match="it holds no samples"):
        recording(annotations=notes.isel(annotation=[]))


def test_local_times_become_instants() -> None:
    notes = annotations_dataset(["2024-03-11T22:50:00", "NaT"], [np.timedelta64(1, "s")] * 2, ["a", "b"])
    tree, findings = recording(stream(BEATS), timezone="Europe/Berlin", annotations=notes)
    assert times_of(tree) == (BEATS - 3600 * S).tolist()
    assert tree.attrs["start"] == "2024-03-11T21:47:30.000000000Z"
    assert tree.attrs["time_zone"] == "Europe/Berlin"
    onset = tree["annotations"]["onset"]
    assert onset.values.astype(str).tolist() == ["2024-03-11T21:50:00.000000000", "NaT"]
    assert onset.attrs == notes["onset"].attrs
    assert findings.found == []


def test_instants_are_shown_in_a_zone() -> None:
    notes = annotations_dataset(["2024-03-11T22:50:00"], [np.timedelta64(1, "s")], ["a"])
    for zone, name in ((None, "UTC"), ("Europe/Berlin", "Europe/Berlin")):
        tree, _ = recording(stream(BEATS, instants=True), timezone=zone, annotations=notes)
        assert times_of(tree) == BEATS.tolist()
        assert tree.attrs["time_zone"] == name
        assert tree.attrs["start"] == "2024-03-11T22:47:30.000000000Z"
        assert tree["annotations"]["onset"].values.astype(str).tolist() == ["2024-03-11T22:50:00.000000000"]
    assert recording(stream(BEATS), annotations=notes)[0]["annotations"].to_dataset().identical(notes)


def autumn() -> tuple[np.ndarray, np.ndarray]:
    """Instants of five hours around the end of summer time in Berlin, once a minute or so, and their local times."""
    steps = np.random.default_rng(4).integers(50, 70, 300) * S
    utc = ns("2024-10-26T22:30:00") + np.cumsum(steps)
    return utc, utc + np.where(utc < ns("2024-10-27T01:00:00"), 7200, 3600) * S


def test_the_order_of_rows_tells_the_hour_that_came_twice() -> None:
    utc, local = autumn()
    tree, findings = recording(stream(local), timezone="Europe/Berlin")
    assert times_of(tree) == utc.tolist()
    assert codes(findings) == ["clock-change"]
    cut = int(np.searchsorted(utc, ns("2024-10-27T01:10:00")))
    parts = stream(local[cut:], np.arange(cut, 300.0)[np.newaxis]), stream(local[:cut])
    assert times_of(recording(*parts, timezone="Europe/Berlin")[0]) == utc.tolist()


def test_without_a_zone_an_hour_that_came_twice_is_not_mixed() -> None:
    utc, local = autumn()
    with pytest.raises(FileFormatError, match=r"its times go back by an hour.*timezone="):
        recording(stream(local))
    tree, findings = recording(stream(local), policy="repair")
    assert codes(findings)[:2] == ["out-of-order", "clock-change"]
    assert times_of(tree) == np.unique(local).tolist()
    whole_minutes = START + np.arange(300) * 60 * S
    back = np.where(np.arange(300) < 150, whole_minutes, whole_minutes - 3600 * S)  # the same times come twice
    with pytest.raises(FileFormatError, match="its times go back by an hour"):
        recording(stream(back))
    assert recording(stream(utc, instants=True))[1].found == []


def test_files_that_overlap_by_an_hour_are_no_hour_that_came_twice() -> None:
    minutes = START + np.arange(300) * 60 * S
    values = np.arange(300.0)[np.newaxis]
    tree, findings = recording(stream(minutes[:200]), stream(minutes[141:], values[:, 141:]))
    assert rows_of(tree) == list(range(300))
    assert codes(findings) == ["out-of-order", "repeated"]


def test_an_hour_that_never_was_is_refused() -> None:
    stamps = ns("2024-03-31T01:30:00") + np.arange(60) * 61 * S
    with pytest.raises(FileFormatError, match=r"never was in Europe/Berlin.*timezone='Europe/Berlin\+01:00'"):
        recording(stream(stamps), timezone="Europe/Berlin")
    tree, findings = recording(stream(stamps), timezone="Europe/Berlin", policy="repair")
    assert times_of(tree) == (stamps - 3600 * S).tolist()
    assert codes(findings) == ["clock-change"]
    tree, _ = recording(stream(stamps), timezone="Europe/Berlin+01:00")
    assert times_of(tree) == (stamps - 3600 * S).tolist()


def test_a_rule_of_local_times_goes_on_as_it_began() -> None:
    """As in EDF: a device that counts samples does not change its clock in the night."""
    clock = Clock((Run(ns("2024-10-26T23:00:00"), 4 * 3600, 1), Run(ns("2024-10-27T04:00:00"), 3600)), 3 * S, 3).isel(
        slice(None)
    )
    whole = Stream("hr", HR, np.zeros((1, clock.size)), clock=clock)
    tree, findings = recording(whole, timezone="Europe/Berlin")
    got = clock_of(tree["hr"].to_dataset())
    assert np.array_equal(got.times(np.arange(got.size)), clock.times(np.arange(got.size)) - np.timedelta64(2, "h"))
    assert findings.found == []
    late = replace(whole, clock=Clock.regular("2024-10-27T02:30:00", clock.size, S))
    with pytest.raises(FileFormatError, match=r"its start comes twice.*Berlin\+02:00' or 'Europe/Berlin\+01:00'"):
        recording(late, timezone="Europe/Berlin")
    for hours in (1, 2):
        tree, _ = recording(late, timezone=f"Europe/Berlin+0{hours}:00")
        assert times_of(tree)[0] == ns(f"2024-10-27T0{2 - hours}:30:00")


def test_timestamps_of_local_times_are_converted_one_by_one() -> None:
    utc, local = autumn()
    early = local[: int(np.argmax(np.diff(local) < 0)) + 1]  # of a clock they cannot go back
    part = Stream("hr", HR, np.zeros((1, early.size)), clock=Timestamps.of(early))
    doubtful = Stream("hr", HR, np.zeros((1, 60)), clock=Timestamps.of(early[:60]))
    assert times_of(recording(doubtful, timezone="Europe/Berlin")[0]) == utc[:60].tolist()
    with pytest.raises(FileFormatError, match="comes twice"):
        recording(part, timezone="Europe/Berlin")


# --- streams


def test_a_stream_has_stamps_or_a_clock_and_values_for_them() -> None:
    clock = Clock.regular(START, 5, S)
    for given in ({}, {"stamps": np.arange(5), "clock": clock}):
        with pytest.raises(ParameterError, match="either stamps or a clock"):
            Stream("hr", HR, np.zeros((1, 5)), **given)
    for shape in ((1, 4), (2, 5), (5,)):
        with pytest.raises(ParameterError, match=r"a value of each channel at each time.*\(1, 5\)"):
            Stream("hr", HR, np.zeros(shape), clock=clock)


def test_features_of_a_stream() -> None:
    """A mean of each epoch, from values that are read in the tasks alone."""
    utc, local = autumn()
    values = Watched(np.random.default_rng(5).normal(60, 5, (1, 300)))
    tree, _ = recording(stream(local, values), timezone="Europe/Berlin", dtype="float64")
    lazy = sd.extract(tree, "statistics:aggregations=mean", epoch="30min")
    assert values.read == []
    means = sd.compute(lazy, backend="sync")["hr"]["mean"].values[:, 0]
    edges = utc[0] + np.arange(len(means) + 1) * 1800 * S
    for k, mean in enumerate(means):
        inside = (utc >= edges[k]) & (utc < edges[k + 1])
        assert mean == pytest.approx(values.values[0, inside].mean())
