"""Joining recordings in memory: order, gaps, missing channels, nodes side by side, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from dask.base import tokenize
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.recording import annotations_dataset

NIGHT = np.datetime64("2026-03-10T23:00", "ns")
SECOND = np.timedelta64(1, "s")


def session(
    name: str, start: float, signals: dict[str, Any], rate: float = 10, unit: str = "L/s", node: str = ""
) -> xr.DataTree:
    """Recording that starts some seconds into the night."""
    moment = NIGHT + np.timedelta64(round(start * 1e9), "ns")
    made = sd.recording_from_arrays(signals, rate, start=moment, unit=unit, recording_id=name)
    if node:
        made = xr.DataTree.from_dict({node: made[f"{rate:g}Hz"].to_dataset()})
        made.attrs = {"recording_id": name, "start": str(moment), "time_zone": "", "findings": []}
    return made


def flow(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n).astype("f4")


def test_sessions_become_one_node_with_gaps_in_any_order() -> None:
    a, b, c = flow(100, 1), flow(70, 2), flow(30, 3)
    sessions = [session("c", 60, {"Flow": c}), session("a", 0, {"Flow": a}), session("b", 20.55, {"Flow": b})]
    night = sd.join_recordings(sessions)
    assert list(night.children) == ["10Hz"]
    node = night["10Hz"].to_dataset()
    assert np.array_equal(node["signal"].values, np.concatenate([a, b, c])[None])
    seconds = (node["time"].values - NIGHT) / SECOND
    want = np.concatenate([np.arange(100) / 10, 20.55 + np.arange(70) / 10, 60 + np.arange(30) / 10])
    np.testing.assert_allclose(seconds, want, atol=1e-9)
    assert len(clock_of(node).runs) == 3
    assert night.attrs == {
        "recording_id": "a",
        "source": "a, b, c",
        "start": "2026-03-10T23:00:00.000000000",
        "time_zone": "",
        "findings": [],
    }
    assert sd.join_recordings(sessions, recording_id="P01").attrs["recording_id"] == "P01"


@pytest.mark.parametrize(("start", "runs"), [(10, 1), (10.001, 1), (9.999, 1), (10.0011, 2)])
def test_a_millisecond_is_no_gap(start: float, runs: int) -> None:
    night = sd.join_recordings([session("b", start, {"Flow": flow(50)}), session("a", 0, {"Flow": flow(100)})])
    assert len(clock_of(night["10Hz"].to_dataset()).runs) == runs
    assert night["10Hz"].sizes["time"] == 150


def test_small_steps_do_not_add_up() -> None:
    starts = [0, 9.9992, 19.9984, 29.9976]  # each within a millisecond of the end of the one before
    night = sd.join_recordings([session(f"s{k}", s, {"Flow": flow(100, k)}) for k, s in enumerate(starts)])
    clock = clock_of(night["10Hz"].to_dataset())
    off = (clock.times(np.arange(4) * 100) - NIGHT) / SECOND - starts
    assert np.abs(off).max() <= 0.001 + 1e-9


def test_a_recording_within_a_gap_of_another() -> None:
    whole = flow(100)
    clock = Clock.segmented([(NIGHT, 40), (NIGHT + 100 * SECOND, 60)], 100_000_000)
    broken = session("broken", 0, {"Flow": whole})
    broken["10Hz"] = broken["10Hz"].to_dataset().drop_vars("time").assign_coords(time_coordinate(clock))
    night = sd.join_recordings([broken, session("within", 50, {"Flow": flow(30, 1)})])
    node = night["10Hz"].to_dataset()
    assert np.array_equal(node["signal"].values[0], np.concatenate([whole[:40], flow(30, 1), whole[40:]]))
    assert [run.size for run in clock_of(node).runs] == [40, 30, 60]
    with pytest.raises(
        sd.ParameterError, match=r"an overlap of 1 s, from 2026-03-10T23:01:40\.000 to 2026-03-10T23:01:41"
    ):
        sd.join_recordings([broken, session("into", 90, {"Flow": flow(110, 1)})])


def test_a_channel_that_one_session_lacks_is_missing_there() -> None:
    a = session("a", 0, {"Flow": flow(100, 1), "SpO2": flow(100, 2)})
    b = session("b", 20, {"Flow": flow(50, 3)})
    c = session("c", 40, {"SpO2": flow(100, 4), "Flow": flow(100, 5)})  # in another order
    night = sd.join_recordings([a, b, c])
    assert list(night.children) == ["10Hz"]
    node = night["10Hz"]
    assert node["channel"].values.tolist() == ["Flow", "SpO2"]
    assert node["signal"].dtype == "f4"
    want = [
        np.concatenate([flow(100, 1), flow(50, 3), flow(100, 5)]),
        np.concatenate([flow(100, 2), np.full(50, np.nan), flow(100, 4)]),
    ]
    assert np.array_equal(node["signal"].values, want, equal_nan=True)
    assert night.attrs["findings"] == ["10Hz: no 'SpO2' in b; all values are missing there"]
    with pytest.raises(sd.FileFormatError, match="no 'SpO2' in b"):
        sd.join_recordings([a, b, c], policy="strict")
    features = sd.compute(sd.extract(night, "statistics", epoch=10))["10Hz"]
    assert features["status"].values.tolist() == ["ok", "missing", "partial", "missing", "ok"]
    assert np.isnan(features["mean"].sel(channel="SpO2").values[1:4]).all()
    assert features["mean"].sel(channel="Flow").values[2] == pytest.approx(flow(50, 3).mean(dtype="f8"))


def test_integers_with_missing_values_become_float64() -> None:
    ints = {"A": np.arange(20), "B": np.arange(20)}
    kept = sd.join_recordings([session("a", 0, ints), session("b", 5, ints)])
    assert kept["10Hz/signal"].dtype == np.int64
    night = sd.join_recordings([session("a", 0, ints), session("b", 5, {"A": ints["A"]})])
    assert night["10Hz/signal"].dtype == np.float64
    assert np.isnan(night["10Hz/signal"].values[1, 20:]).all()


def test_other_rates_stand_side_by_side() -> None:
    night = sd.join_recordings(
        [
            session("PLD", 1, {"Leak": flow(5)}, rate=0.5),
            session("BRP", 0, {"Flow": flow(250)}, rate=25),
            session("SAD", 1, {"Pulse": flow(9)}, rate=1, unit="bpm"),
        ]
    )
    assert list(night.children) == ["25Hz", "0.5Hz", "1Hz"]
    starts = [(node["time"].values[0] - NIGHT) / SECOND for node in night.children.values()]
    assert starts == [0, 1, 1]
    assert night["1Hz/unit"].values.tolist() == ["bpm"]


def test_two_headboxes_share_a_node_on_equal_clocks_only() -> None:
    a, b = session("a", 0, {"C3": flow(50, 1)}), session("b", 0, {"C4": flow(50, 2)})
    together = sd.join_recordings([b, a])["10Hz"]
    assert together["channel"].values.tolist() == ["C3", "C4"]
    assert np.array_equal(together["signal"].values, [flow(50, 1), flow(50, 2)])
    apart = sd.join_recordings([a, session("b", 0.02, {"C4": flow(50, 2)})])
    assert list(apart.children) == ["10Hz", "10Hz #2"]
    assert apart["10Hz #2/channel"].values.tolist() == ["C4"]
    twice = [a, b, session("a2", 10, {"C3": flow(50, 3)}), session("b2", 10, {"C4": flow(50, 4)})]
    both = sd.join_recordings(twice)
    assert list(both.children) == ["10Hz"]
    assert np.array_equal(both["10Hz/signal"].values[1], np.concatenate([flow(50, 2), flow(50, 4)]))
    shifted = [a, twice[2], session("b", 0.02, {"C4": flow(50, 2)}), session("b2", 10.02, {"C4": flow(50, 4)})]
    two = sd.join_recordings(shifted)
    assert two["10Hz/signal"].shape == two["10Hz #2/signal"].shape == (1, 100)


def test_channels_that_never_meet_keep_nodes_of_their_own() -> None:
    night = sd.join_recordings([session("a", 0, {"Flow": flow(50)}), session("b", 10, {"Snore": flow(40)})])
    assert [node.sizes["time"] for node in night.children.values()] == [50, 40]
    assert night.attrs["findings"] == []


def test_nodes_with_names_of_their_own_keep_them() -> None:
    night = sd.join_recordings(
        [
            session("a", 0, {"x": flow(50)}, node="acc"),
            session("b", 10, {"x": flow(40)}, node="acc"),
            session("c", 0, {"Flow": flow(50)}),
        ]
    )
    assert {name: node.sizes["time"] for name, node in night.children.items()} == {"acc": 90, "10Hz": 50}


def test_a_changed_rate_gives_a_channel_with_a_number() -> None:
    settings = [session("a", 0, {"Flow": flow(50)}), session("b", 10, {"Flow": flow(50), "Leak": flow(50)}, rate=20)]
    night = sd.join_recordings(settings)
    assert night["10Hz/channel"].values.tolist() == ["Flow"]
    assert night["20Hz/channel"].values.tolist() == ["Flow #2", "Leak"]
    (finding,) = night.attrs["findings"]
    assert finding.startswith("20Hz: 'Flow' is recorded on another node too, 10Hz; ")
    assert finding.endswith("called 'Flow #2'")
    columns = sd.to_dataframe(sd.extract(night, "statistics", epoch=5), flat=True)
    assert np.isfinite(columns["Flow/mean"].to_numpy()).tolist() == [True, False]
    with pytest.raises(sd.FileFormatError, match="another node"):
        sd.join_recordings(settings, policy="strict")


@pytest.mark.parametrize("rate", [10, 20])
def test_a_channel_twice_at_one_time_is_refused(rate: float) -> None:
    a = session("a.edf", 0, {"Flow": flow(100), "Leak": flow(100)})
    b = session("b.edf", 8, {"Flow": flow(100), "Leak": flow(100)}, rate=rate)
    said = (
        r"a\.edf and b\.edf: channel 'Flow' and 1 more would have two values at one time; expected .*; found "
        r"an overlap of 2 s, from 2026-03-10T23:00:08\.000 to 2026-03-10T23:00:10\.000; leave one of them out"
    )
    for order in ([a, b], [b, a]):
        with pytest.raises(sd.ParameterError, match=said):
            sd.join_recordings(order)
    with pytest.raises(sd.ParameterError, match=r"a\.edf and a\.edf #2: channel 'Flow'"):
        sd.join_recordings([a, a])


def test_a_long_recording_over_two_short_ones_is_refused() -> None:
    long = session("long", 0, {"Flow": flow(1000)})
    short = [session(f"s{k}", start, {"Flow": flow(50)}) for k, start in enumerate((120, 50, 150))]
    with pytest.raises(sd.ParameterError, match=r"long and s1: .* overlap of 5 s, from 2026-03-10T23:00:50"):
        sd.join_recordings([*short, long])


def test_two_units_are_refused_and_two_details_told() -> None:
    a, b = session("a", 0, {"Flow": flow(50)}), session("b", 10, {"Flow": flow(50)}, unit="L/min")
    with pytest.raises(sd.ParameterError, match=r"'Flow' has two units; found L/s in a, L/min in b; .*to_unit"):
        sd.join_recordings([b, a])
    night = sd.join_recordings([sd.to_unit(b, "L/s"), a])
    np.testing.assert_allclose(night["10Hz/signal"].values[0, 50:], flow(50) / 60, rtol=1e-6)
    mask, cannula = (
        tree.map_over_datasets(lambda node, name=name: node.assign_coords(sensor=("channel", [name])) if node else node)
        for tree, name in ((a, "mask"), (session("c", 10, {"Flow": flow(50)}), "cannula"))
    )
    mask.attrs, cannula.attrs = a.attrs, b.attrs | {"recording_id": "c"}
    joined = sd.join_recordings([cannula, mask])
    assert joined["10Hz/sensor"].values.tolist() == ["mask"]
    assert joined.attrs["findings"] == ["channel Flow: sensor is 'mask' in a, 'cannula' in c; the first is kept"]


def test_a_channel_without_a_scale_is_so_where_all_sessions_say_so() -> None:
    a, b = session("a", 0, {"Flow": flow(50), "Leak": flow(50)}), session("b", 10, {"Flow": flow(50), "Leak": flow(50)})
    a["10Hz"] = a["10Hz"].to_dataset().assign_coords(uncalibrated=("channel", ["no range", "no range"]))
    assert sd.join_recordings([a, b])["10Hz/uncalibrated"].values.tolist() == ["", ""]
    b["10Hz"] = b["10Hz"].to_dataset().assign_coords(uncalibrated=("channel", ["", "no range"]))
    night = sd.join_recordings([a, b])
    assert night["10Hz/uncalibrated"].values.tolist() == ["", "no range"]
    assert night.attrs["findings"] == []


def test_positions_that_one_session_does_not_know_are_those_of_the_other() -> None:
    a, b = session("a", 0, {"C3": flow(50), "C4": flow(50)}), session("b", 10, {"C3": flow(50), "C4": flow(50)})
    a["10Hz"] = a["10Hz"].to_dataset().assign_coords(height=("channel", [np.nan, np.nan]))
    b["10Hz"] = b["10Hz"].to_dataset().assign_coords(height=("channel", [0.5, np.nan]))
    night = sd.join_recordings([a, b])
    assert np.array_equal(night["10Hz/height"].values, [0.5, np.nan], equal_nan=True)
    assert night.attrs["findings"] == []


def test_recordings_far_from_each_other_are_told() -> None:
    a, b = session("a", 0, {"Flow": flow(50)}), session("b", 100_000, {"Flow": flow(50)})
    (finding,) = sd.join_recordings([b, a]).attrs["findings"]
    assert finding == "b: begins 27 h 46 min 35 s after the end of a; what lies between is a gap"
    with pytest.raises(sd.FileFormatError, match="27 h"):
        sd.join_recordings([a, b], policy="strict")
    days = session("STR", -200_000, {"Leak.50": flow(5)}, rate=1 / 86400)
    (finding,) = sd.join_recordings([a, days]).attrs["findings"]
    assert finding.startswith("STR: has one sample in 24 h: a summary of days")


def test_annotations_are_in_order_of_time_and_the_same_one_once() -> None:
    def notes(name: str, onsets: list[float], texts: list[str], signals: dict[str, Any] | None = None) -> xr.DataTree:
        moments = NIGHT + (np.array(onsets) * 1e9).astype("timedelta64[ns]")
        node = annotations_dataset(moments, np.full(len(onsets), 10 * SECOND, "timedelta64[ns]"), texts)
        tree = session(name, 0, signals) if signals else xr.DataTree()
        made = tree.assign({"annotations": xr.DataTree(node)})
        made.attrs = {"recording_id": name, "start": str(NIGHT - SECOND), "time_zone": "", "findings": []} | tree.attrs
        return made

    night = sd.join_recordings(
        [
            notes("scores", [30, 10, 10], ["Apnea", "Apnea", "Apnea"]),
            session("x", 20, {"Flow": flow(20)}),
            notes("flow", [20, 10, 5], ["Hypopnea", "Apnea", "Arousal"], {"Flow": flow(50)}),
        ]
    )
    node = night["annotations"]
    assert node["text"].values.tolist() == [
        "Arousal",
        "Apnea",
        "Apnea",
        "Hypopnea",
        "Apnea",
    ]  # repeats of one file stay
    assert ((node["onset"].values - NIGHT) / SECOND).tolist() == [5, 10, 10, 20, 30]
    assert night.attrs["start"] == str(NIGHT)  # of the signals, though the scores start earlier
    assert night.attrs["recording_id"] == "flow"
    only = sd.join_recordings([notes("a", [3], ["x"]), notes("b", [1], ["y"])])
    assert only["annotations/text"].values.tolist() == ["y", "x"]


def test_findings_say_which_recording_they_are_of() -> None:
    a, b = session("a", 0, {"Flow": flow(50)}), session("b", 10, {"Flow": flow(50)})
    a.attrs["findings"] = ["9 of 10 data records are there"]
    assert sd.join_recordings([b, a]).attrs["findings"] == ["a: 9 of 10 data records are there"]


def test_attributes_that_agree_are_kept() -> None:
    a, b = session("a", 0, {"Flow": flow(50)}), session("b", 10, {"Flow": flow(50)})
    for tree, scorer in ((a, "x"), (b, "y")):
        tree.attrs |= {"device": "CPAP", "scorer": scorer}
    attrs = sd.join_recordings([a, b]).attrs
    assert attrs["device"] == "CPAP"
    assert "scorer" not in attrs


def test_sessions_over_a_change_of_the_clock_have_their_true_distance() -> None:
    evening, morning = (
        sd.recording_from_arrays({"Flow": flow(10)}, 10, start=start, recording_id=start, timezone="Europe/Berlin")
        for start in ("2024-10-27T01:30:00", "2024-10-27T03:30:00")
    )
    night = sd.join_recordings([morning, evening])
    assert (night.attrs["start"], night.attrs["time_zone"]) == ("2024-10-26T23:30:00.000000000Z", "Europe/Berlin")
    assert np.diff(night["10Hz"]["time"].values[[0, 10]]) == 3 * 3600 * SECOND
    with pytest.raises(sd.ParameterError, match=r"an overlap of 1 s, from 2024-10-27T01:30:00\.000\+02:00"):
        sd.join_recordings([evening, evening])
    naive = session("naive", 0, {"Flow": flow(10)})
    with pytest.raises(sd.ParameterError, match=r"time zones; found .*unknown in naive"):
        sd.join_recordings([evening, naive])


def test_one_recording_stays_as_it_is() -> None:
    a = session("a", 0, {"Flow": flow(50)})
    joined = sd.join_recordings([a], recording_id="P01")
    assert joined["10Hz"].identical(a["10Hz"])
    assert joined.attrs == a.attrs | {"recording_id": "P01"}
    assert a.attrs["recording_id"] == "a"


def test_refusals() -> None:
    a = session("a", 0, {"Flow": flow(50)})
    undated = session("u", 0, {"Leak": flow(50)})
    node = undated["10Hz"].to_dataset().drop_vars("time")
    undated["10Hz"] = node.assign_coords(time_coordinate(Clock.regular(0, 50, 100_000_000, dated=False)))
    with pytest.raises(sd.ParameterError, match="u: recording has no date"):
        sd.join_recordings([a, undated])
    with pytest.raises(sd.ParameterError, match="there is no recording to join"):
        sd.join_recordings([])
    with pytest.raises(sd.ParameterError, match="not a list of recordings"):
        sd.join_recordings(a)  # type: ignore[arg-type]
    with pytest.raises(sd.ParameterError, match="unknown policy"):
        sd.join_recordings([a, session("b", 9, {"Flow": flow(5)})], policy="lax")
    extra = session("e", 9, {"Flow": flow(5)})
    extra["10Hz"] = extra["10Hz"].to_dataset().assign(quality=("time", np.ones(5)))
    with pytest.raises(sd.ParameterError, match=r"e, 10Hz: only nodes of signal .* found also quality"):
        sd.join_recordings([a, extra])
    rr = xr.DataTree(xr.Dataset({"interval": ("beat", [0.8, 0.9])}))
    beats = [session(name, start, {"Flow": flow(5)}).assign(rr=rr) for name, start in (("p", 0), ("q", 9))]
    for tree, name in zip(beats, "pq", strict=True):
        tree.attrs["recording_id"] = name
    assert sd.join_recordings([beats[0], session("b", 9, {"Flow": flow(5)})])["rr/interval"].size == 2
    with pytest.raises(sd.ParameterError, match="q: a node 'rr' is in two of them"):
        sd.join_recordings(beats)


@pytest.mark.usefixtures("no_compute")
def test_joining_computes_nothing() -> None:
    def explode(block: np.ndarray) -> np.ndarray:
        raise AssertionError("a sample was asked for")

    sessions = [session(f"s{k}", 20 * k, {"Flow": flow(100), f"only {k % 2}": flow(100)}) for k in range(4)]
    for tree in sessions:
        node = tree["10Hz"].to_dataset().chunk({"time": 30})
        bomb = da.map_blocks(explode, node["signal"].data, dtype="f4", meta=np.empty((0, 0), "f4"))
        tree["10Hz"] = node.assign(signal=(("channel", "time"), bomb))
    night = sd.join_recordings(sessions)
    sd.extract(night, "statistics", epoch=10)
    assert night["10Hz/signal"].chunks is not None


def test_a_joined_signal_pickles_and_keeps_its_token() -> None:
    def joined() -> xr.Variable:
        a, b = session("a", 0, {"Flow": flow(50)}), session("b", 10, {"Flow": flow(50), "Leak": flow(50)})
        return sd.join_recordings([a, b])["10Hz"]["signal"].variable

    copy = pickle.loads(pickle.dumps(joined()))
    assert np.array_equal(copy.values, joined().values, equal_nan=True)
    first, again = (tokenize(joined().chunk({"time": 20}, inline_array=True).data) for _ in range(2))
    assert first == again


CHANNELS = ("Flow", "Leak", "SpO2")


@st.composite
def pieces(draw: st.DrawFn) -> list[tuple[float, int, list[str], int | None]]:
    """Start in seconds, samples, channels and chunk size of each session, in random order."""
    made, clock = [], 0.0
    for _ in range(draw(st.integers(2, 5))):
        size = draw(st.integers(1, 60))
        channels = draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=3, unique=True))
        made.append((clock, size, channels, draw(st.sampled_from([None, 1, 7, 1000]))))
        clock = round(clock + size / 10 + draw(st.sampled_from([0, 0, 0.1, 0.73, 5, 31.4])), 3)
    return draw(st.permutations(made))


@given(pieces(), st.data())
def test_equals_plain_numpy(sessions: list[tuple[float, int, list[str], int | None]], data: st.DataObject) -> None:
    """Every channel has its samples at their times, NaN elsewhere on its node; in any selection, as in any chunk."""
    truth: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    trees = []
    for k, (start, size, channels, chunk) in enumerate(sessions):
        signals = {channel: flow(size, 10 * k + i) for i, channel in enumerate(channels)}
        tree = session(f"s{k}", start, signals)
        if chunk is not None:
            node = tree["10Hz"].to_dataset()
            tree["10Hz"] = node.assign(signal=node["signal"].variable.chunk({"time": chunk}))
        trees.append(tree)
        moments = NIGHT + (np.round(start * 1e9) + np.arange(size) * 100_000_000).astype("timedelta64[ns]")
        for channel, values in signals.items():
            truth.setdefault(channel, []).append((moments, values))
    night = sd.join_recordings(trees)
    met = {}
    for node in night.children.values():
        signal, time = node["signal"].variable, node["time"].values
        assert (np.diff(time) > np.timedelta64(0)).all()
        values = signal.values
        for row, channel in enumerate(node["channel"].values.tolist()):
            there = np.isfinite(values[row])
            met[channel] = (time[there], values[row][there])
        low = data.draw(st.integers(0, len(time)))
        high = data.draw(st.integers(0, len(time)))
        step = data.draw(st.integers(1, 4))
        rows = data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1, unique=True))
        assert np.array_equal(signal[rows, low:high:step].values, values[rows, low:high:step], equal_nan=True)
        assert np.array_equal(signal[rows[0], low:high].values, values[rows[0], low:high], equal_nan=True)
        if len(time):
            assert np.array_equal(signal[:, -1].values, values[:, -1], equal_nan=True)
            assert np.array_equal(signal[:, ::-1].values, values[:, ::-1], equal_nan=True)
    assert met.keys() == truth.keys()
    for channel, said in truth.items():
        moments, values = (np.concatenate(each) for each in zip(*sorted(said, key=lambda one: one[0][0]), strict=True))
        assert np.array_equal(met[channel][0], moments)
        assert np.array_equal(met[channel][1], values)
