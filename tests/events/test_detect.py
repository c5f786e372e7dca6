"""Events that YASA finds: as by hand, never across a gap, and in tables with times and units."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyedflib
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.errors import BackendError, ParameterError
from sleepdask.events import searching
from sleepdask.events.kinds import KINDS, TIME
from sleepdask.hypnogram import STAGES
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate

RATE = 100
START = np.datetime64("2024-03-11T23:00", "ns")
CODES = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 4, "": -2}


@pytest.fixture
def yasa() -> Any:
    return pytest.importorskip("yasa")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let descriptions be built where YASA is not installed."""
    monkeypatch.setattr(searching, "version", lambda name: "0.8.1")


def sleep(seconds: int, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Noise with a spindle every 11 s and slow waves between, in uV."""
    rng = np.random.default_rng(seed)
    t = np.arange(seconds * rate) / rate
    x = 0.4 * rng.standard_normal(t.size).cumsum()
    x = x - np.convolve(x, np.ones(2 * rate) / (2 * rate), "same") + 2 * rng.standard_normal(t.size)
    for begin in range(5, seconds - 3, 11):
        inside = (t >= begin) & (t < begin + 1)
        x[inside] += 25 * np.hanning(inside.sum()) * np.sin(2 * np.pi * 13.5 * t[inside])
        wave = (t >= begin + 3) & (t < begin + 4.2)
        x[wave] -= 70 * np.sin(2 * np.pi * (t[wave] - begin - 3) / 1.2)
    return x


def eyes(seconds: int) -> tuple[np.ndarray, np.ndarray]:
    """Both eyes, with a movement every 7 s, in uV."""
    rng = np.random.default_rng(1)
    t = np.arange(seconds * RATE) / RATE
    x = np.zeros(t.size)
    for begin in range(4, seconds - 3, 7):
        x += 160 * np.exp(-(((t - begin) / 0.15) ** 2))
    return x + 5 * rng.standard_normal(t.size), -x + 5 * rng.standard_normal(t.size)


def scored(*stages: str, start: np.datetime64 = START) -> xr.Dataset:
    onsets = start + np.arange(len(stages)) * np.timedelta64(30, "s")
    lengths = np.full(len(stages), np.timedelta64(30, "s"), "timedelta64[ns]")
    return xr.Dataset(
        {"onset": ("score", onsets), "duration": ("score", lengths), "stage": ("score", np.array(stages, "<U2"))}
    )


def night(signals: dict[str, np.ndarray], **options: Any) -> xr.DataTree:
    return sd.recording_from_arrays(signals, RATE, start=START, **options)


def with_gap(recording: xr.DataTree, after: int, seconds: int) -> xr.DataTree:
    """Same samples, those from a second on so much later."""
    node = recording["100Hz"].to_dataset()
    pause = np.timedelta64(after + seconds, "s")
    runs = [(START, after * RATE), (START + pause, node.sizes["time"] - after * RATE)]
    clock = Clock.segmented(runs, 10_000_000)
    recording = recording.copy()
    recording["100Hz"] = xr.DataTree(node.drop_vars("time").assign_coords(time_coordinate(clock)))
    return recording


def same_events(table: pd.DataFrame, by_hand: pd.DataFrame, kind: str, start: np.datetime64 = START) -> None:
    """Compare with YASA's summary: the same numbers, and times of the samples."""
    assert len(table) == len(by_hand) > 0
    for column in KINDS[kind].columns:
        if column.yasa not in by_hand:
            assert table[column.name].isna().all()
            continue
        want = by_hand[column.yasa].to_numpy()
        if column.units == TIME:
            want = start + np.rint(want * RATE).astype(np.int64) * np.timedelta64(10_000_000, "ns")
        np.testing.assert_array_equal(table[column.name].to_numpy(), want, err_msg=column.name)
    if "Stage" in by_hand:
        assert table["stage"].map(CODES).tolist() == by_hand["Stage"].tolist()


@pytest.mark.parametrize(("kind", "function"), [("spindles", "spindles_detect"), ("slow_waves", "sw_detect")])
def test_no_hypnogram__like_yasa(yasa: Any, kind: str, function: str) -> None:
    x = sleep(180)
    table = sd.to_dataframe(sd.events.detect(night({"C3": x}), kind, channels="C3", stages="all"))
    by_hand = getattr(yasa, function)(x, RATE, verbose="critical").summary()
    same_events(table, by_hand, kind)
    assert table["channel"].unique().tolist() == ["C3"]
    assert table["stage"].isna().all()
    assert len(table) > 5


def test_hypnogram_and_parameters__like_yasa(yasa: Any) -> None:
    signals = {"C3": sleep(300), "C4": sleep(300, 1)}
    stages = ("W", "N2", "N2", "N3", "N1", "N2", "", "N2", "N3", "R")
    options: dict[str, Any] = {"coupling": True, "amp_neg": (20, 300), "amp_ptp": (40, np.inf)}
    lazy = sd.events.detect(night(signals), "slow_waves", hypnogram=scored(*stages), **options)
    table = sd.to_dataframe(lazy)
    codes = np.repeat([CODES[stage] for stage in stages], 30 * RATE)
    for name, x in signals.items():
        by_hand = yasa.sw_detect(x, RATE, hypno=codes, include=(2, 3), verbose="critical", **options).summary()
        same_events(table[table["channel"] == name], by_hand, "slow_waves")
    assert set(table["stage"]) <= {"N2", "N3"}
    everything = sd.to_dataframe(
        sd.events.detect(night(signals), "slow_waves", hypnogram=scored(*stages), stages="all", **options)
    )
    assert len(everything) > len(table)
    assert "W" in set(everything["stage"].dropna())


def test_eye_movements__like_yasa(yasa: Any) -> None:
    loc, roc = eyes(180)
    lazy = sd.events.detect(night({"ROC": roc, "LOC": loc}), "rem", hypnogram=scored(*["R"] * 5, "N2"))
    table = sd.to_dataframe(lazy)
    codes = np.repeat([4, 4, 4, 4, 4, 2], 30 * RATE)
    same_events(table, yasa.rem_detect(loc, roc, RATE, hypno=codes, verbose="critical").summary(), "rem")
    assert table["channel"].unique().tolist() == ["LOC+ROC"]
    assert len(table) > 15
    named = sd.events.detect(
        night({"a": loc, "b": roc}), "rem", channels=("a", "b"), hypnogram=scored(*["R"] * 5, "N2")
    )
    pd.testing.assert_frame_equal(sd.to_dataframe(named).drop(columns="channel"), table.drop(columns="channel"))


@pytest.mark.parametrize("unit", ["V", "mV", "nV"])
def test_units__as_in_microvolts(yasa: Any, unit: str) -> None:
    x = sleep(120)
    want = sd.to_dataframe(sd.events.detect(night({"C3": x}), "spindles", stages="all"))
    scale = {"V": 1e-6, "mV": 1e-3, "nV": 1e3}[unit]
    got = sd.to_dataframe(sd.events.detect(night({"C3": x * scale}, unit=unit), "spindles", stages="all"))
    assert len(want) > 5
    pd.testing.assert_frame_equal(got, want, rtol=1e-9)


def test_gaps__each_stretch_by_itself(yasa: Any) -> None:
    x = sleep(400)
    x[250 * RATE] = np.nan
    x[260 * RATE : 261 * RATE] = np.nan
    recording = with_gap(night({"C3": x}), 100, 3600)
    table = sd.to_dataframe(sd.events.detect(recording, "spindles", stages="all"))
    pieces = []
    for first, last, offset in ((0, 100 * RATE, 0), (100 * RATE, 250 * RATE, 3600), (261 * RATE, 400 * RATE, 3600)):
        by_hand = yasa.spindles_detect(x[first:last], RATE, verbose="critical").summary()
        for name in ("Start", "Peak", "End"):
            by_hand[name] += first / RATE + offset
        pieces.append(by_hand)
    same_events(table, pd.concat(pieces), "spindles")
    assert table.attrs["notes"] == [
        "C3: 9.99 s were not searched: they lie in stretches of less than 30 s without a gap"
    ]


def test_chunks_and_backends__same_table(yasa: Any) -> None:
    recording = night({"C3": sleep(120), "C4": sleep(120, 3)})
    want = sd.to_dataframe(sd.events.detect(recording, "spindles", stages="all"))
    chunked = sd.events.detect(recording.chunk({"time": 1234}), "spindles", stages="all")
    pd.testing.assert_frame_equal(sd.to_dataframe(chunked, backend="sync"), want)
    pd.testing.assert_frame_equal(sd.to_dataframe(sd.compute(chunked, backend="threads")), want)


def test_wrong_amplitude__not_searched_and_told(yasa: Any) -> None:
    table = sd.to_dataframe(sd.events.detect(night({"C3": sleep(60), "C4": 1e4 * sleep(60)}), "spindles", stages="all"))
    assert set(table["channel"]) == {"C3"}
    (note,) = table.attrs["notes"]
    assert "C4: 2024-03-11T23:00:00 to 2024-03-11T23:00:59 was not searched" in note
    assert "uV" in note


def test_nothing_found__empty_table_with_all_columns(yasa: Any) -> None:
    x = np.random.default_rng(0).standard_normal(60 * RATE)
    for kind in ("spindles", "slow_waves"):
        table = sd.to_dataframe(sd.events.detect(night({"C3": x}), kind, channels="C3", stages="all"))
        found = sd.to_dataframe(sd.events.detect(night({"C3": sleep(120)}), kind, channels="C3", stages="all"))
        assert len(table) == 0
        assert table.dtypes.to_dict() == found.dtypes.to_dict()


def test_table__times_of_the_zone_and_provenance(yasa: Any) -> None:
    x = sleep(120)
    recording = sd.recording_from_arrays({"C3": x}, RATE, start="2024-03-11T23:00", timezone="Europe/Berlin")
    table = sd.to_dataframe(sd.events.detect(recording, "spindles", stages="all", duration=(0.4, 3)))
    plain = sd.to_dataframe(sd.events.detect(night({"C3": x}), "spindles", stages="all", duration=(0.4, 3)))
    assert str(table["start"].dt.tz) == "Europe/Berlin"
    assert (table["start"].dt.tz_localize(None) == plain["start"]).all()
    assert table.attrs["yasa"] == yasa.__version__
    assert table.attrs["detector"] == "yasa.spindles_detect"
    assert table.attrs["parameters"]["duration"] == [0.4, 3]
    assert table.attrs["parameters"]["thresh"] == {"rel_pow": 0.2, "corr": 0.65, "rms": 1.5}
    assert table.attrs["units"]["amplitude"] == "uV"
    assert table.columns.tolist()[:4] == ["start", "duration", "channel", "stage"]
    assert set(table.columns) == set(table.attrs["definitions"]) | {"channel"}
    assert table.attrs["stages"] == ["all"]


def test_no_date__elapsed_times(yasa: Any) -> None:
    recording = night({"C3": sleep(120)})
    node = recording["100Hz"].to_dataset()
    clock = Clock.regular(np.timedelta64(0, "ns"), node.sizes["time"], 10_000_000, dated=False)
    undated = recording.copy()
    undated["100Hz"] = xr.DataTree(node.drop_vars("time").assign_coords(time_coordinate(clock)))
    table = sd.to_dataframe(sd.events.detect(undated, "spindles", stages="all"))
    dated = sd.to_dataframe(sd.events.detect(recording, "spindles", stages="all"))
    assert len(table) > 5
    assert (table["start"] == dated["start"] - START).all()


@pytest.mark.slow
def test_other_processes__same_table(yasa: Any) -> None:
    recording = night({"C3": sleep(120), "C4": sleep(120, 3)})
    lazy = sd.events.detect(recording, "spindles", stages="all")
    there = sd.to_dataframe(lazy, backend="processes", workers=2)
    pd.testing.assert_frame_equal(there, sd.to_dataframe(lazy, backend="sync"))


def test_our_defaults__those_of_yasa(yasa: Any) -> None:
    from inspect import signature

    for kind in KINDS.values():
        theirs = {name: each.default for name, each in signature(getattr(yasa, kind.function)).parameters.items()}
        assert set(theirs) - set(kind.parameters) <= {
            "data", "loc", "roc", "sf", "ch_names", "hypno", "include", "multi_only", "verbose"
        }  # fmt: skip
        for name, parameter in kind.parameters.items():
            assert parameter.default == theirs[name], name


@pytest.mark.usefixtures("installed", "no_compute")
def test_description__is_lazy_and_one_task_a_channel() -> None:
    recording = night({"C3": sleep(60), "C4": sleep(60), "Chin": sleep(60)})
    events = sd.events.detect(recording.chunk({"time": 1000}), "spindles", stages="all")
    assert events["channel"].values.tolist() == ["C3", "C4"]
    assert events["events"].chunks == ((1, 1),)


def test_the_real_night__like_yasa_by_hand(yasa: Any, real_night: Path, real_hypnogram: Path) -> None:
    """Slow waves of three hours of it."""
    real_night_like_yasa(yasa, real_night, real_hypnogram, "slow_waves", 8 * 3600, 11 * 3600)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spindles", "slow_waves"])
def test_the_whole_real_night__like_yasa_by_hand(yasa: Any, real_night: Path, real_hypnogram: Path, kind: str) -> None:
    real_night_like_yasa(yasa, real_night, real_hypnogram, kind, 0, 79_500)


def real_night_like_yasa(yasa: Any, psg: Path, scores: Path, kind: str, begin: int, end: int) -> None:
    channel = "EEG Fpz-Cz"
    recording = sd.open_recording(psg, dtype="float64")
    node = recording["100Hz"].to_dataset().isel(time=slice(begin * RATE, end * RATE))
    recording = xr.DataTree.from_dict({"/": xr.Dataset(attrs=recording.attrs), "100Hz": node})
    hypnogram = sd.read_hypnogram(scores)
    table = sd.to_dataframe(sd.events.detect(recording, kind, channels=channel, hypnogram=hypnogram))
    with pyedflib.EdfReader(str(psg)) as file:
        x = file.readSignal(file.getSignalLabels().index(channel), begin * RATE, (end - begin) * RATE)
        start = np.datetime64(file.getStartdatetime(), "ns")
    with pyedflib.EdfReader(str(scores)) as file:
        onsets, lengths, texts = file.readAnnotations()
    codes = np.full(79_500 * RATE, -2)
    numbers = {"W": 0, "1": 1, "2": 2, "3": 3, "4": 3, "R": 4}
    for onset, length, text in zip(onsets, lengths, texts, strict=True):
        codes[int(onset * RATE) : int((onset + length) * RATE)] = numbers.get(text.removeprefix("Sleep stage "), -2)
    function = getattr(yasa, KINDS[kind].function)
    by_hand = function(x, RATE, hypno=codes[begin * RATE : end * RATE], include=(2, 3), verbose="critical").summary()
    assert len(table) == len(by_hand) > 50
    np.testing.assert_array_equal(
        table["start"].to_numpy(),
        start + np.timedelta64(begin, "s") + np.rint(by_hand["Start"] * RATE).astype(int).to_numpy()
        * np.timedelta64(10_000_000, "ns"),
    )  # fmt: skip
    for column in KINDS[kind].columns:
        if column.units != TIME and column.yasa in by_hand:
            np.testing.assert_allclose(table[column.name], by_hand[column.yasa], rtol=1e-9)


def test_missing__told_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(searching, "version", missing)
    with pytest.raises(BackendError, match=r"pip install 'sleepdask\[events\]'"):
        sd.events.detect(night({"C3": sleep(60)}), "spindles", stages="all")


def test_import__does_not_load_yasa() -> None:
    code = "import sys, sleepdask, sleepdask.events, sleepdask.runners; print({'yasa', 'mne'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("kind", "arguments", "match"),
    [
        ("spindle", {}, "did you mean 'spindles'"),
        ("spindles", {"freq_spp": (12, 15)}, "did you mean 'freq_sp'"),
        ("spindles", {"multi_only": True}, "unknown parameter"),
        ("spindles", {"freq_sp": (15, 12)}, "freq_sp out of range"),
        ("spindles", {"freq_sp": 12}, "freq_sp out of range"),
        ("spindles", {"freq_sp": ("12", "15")}, "freq_sp out of range"),
        ("spindles", {"duration": (0.5, np.inf)}, "duration out of range"),
        ("spindles", {"min_distance": True}, "min_distance out of range"),
        ("spindles", {"min_distance": -1}, "min_distance out of range"),
        ("spindles", {"thresh": {"power": 1}}, "thresh out of range"),
        ("spindles", {"thresh": {"rel_pow": None, "corr": None, "rms": None}}, "thresh out of range"),
        ("spindles", {"remove_outliers": "yes"}, "remove_outliers out of range"),
        ("slow_waves", {"amp_neg": (None, 3)}, "amp_neg out of range"),
        ("slow_waves", {"coupling_params": {"time": 0}}, "coupling_params out of range"),
        ("rem", {}, "both eyes"),
        ("rem", {"channels": ("C3", "C3")}, "both eyes"),
        ("rem", {"channels": ("C3", "C9")}, "no channel matches"),
        ("spindles", {"channels": "C9"}, "no channel matches"),
        ("spindles", {"freq_broad": (1, 50)}, "no channel to search"),
        ("spindles", {"freq_broad": (1, 50), "channels": "C3"}, "too slowly"),
        ("spindles", {"stages": ("N2", "N4")}, "unknown stage"),
        ("spindles", {"stages": ()}, "unknown stage"),
        ("spindles", {"stages": None}, "no hypnogram"),
    ],
)
def test_refuses(kind: str, arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        sd.events.detect(night({"C3": sleep(60)}), kind, **({"stages": "all"} | arguments))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("unit", ["", "furlong", "degC"])
def test_unit_that_is_no_voltage__refused(unit: str) -> None:
    with pytest.raises(ParameterError, match="cannot be converted into uV"):
        sd.events.detect(night({"C3": sleep(60)}, unit=unit), "spindles", channels="C3", stages="all")


def test_stages_have_codes_of_yasa() -> None:
    assert [CODES[stage] for stage in STAGES] == list(range(5))
