"""Any table by a layout: times, values and channels as it says, everything odd told, nothing guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sleepdask as sd
from sleepdask.errors import ChangedFileError, FileFormatError, ParameterError
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of

START = pd.Timestamp("2024-03-11T22:00")


def rows(count: int = 600, period: str = "40ms") -> pd.DataFrame:
    values = np.random.default_rng(1).normal(size=(count, 2)).round(3)
    return pd.DataFrame(values, columns=["x", "y"], index=pd.date_range(START, periods=count, freq=period, name="t"))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "parquet"])
def test_times_and_values_are_those_of_the_table(tmp_path: Path, suffix: str, no_compute: None) -> None:
    frame, path = rows(), tmp_path / f"night.{suffix}"
    if suffix == "parquet":
        frame.reset_index().to_parquet(path)
    else:
        frame.to_csv(path, sep={"csv": ";", "tsv": "\t", "txt": "|"}[suffix])
    layout = sd.TableLayout({"y": {"unit": "g", "label": "acc_y", "type": "acc"}, "x": "mV"}, time="t", node="watch")
    night = sd.open_recording(path, layout=layout, chunks=None, dtype="float64")
    node = night["watch"]
    assert isinstance(clock_of(node.to_dataset()), Clock)
    np.testing.assert_array_equal(node["time"].values, frame.index.to_numpy("datetime64[ns]"))
    np.testing.assert_array_equal(node["signal"].values, frame[["y", "x"]].to_numpy().T)
    assert node["channel"].values.tolist() == ["acc_y", "x"]
    assert node["unit"].values.tolist() == ["g", "mV"]
    assert node["signal_type"].values[0] == "acc"
    assert night.attrs["start"] == "2024-03-11T22:00:00.000000000"
    assert night.attrs["findings"] == []


@pytest.mark.parametrize(
    ("texts", "fields", "instants"),
    [
        (lambda t: t.tz_localize("UTC").as_unit("ns").asi8 / 1e9, {"time_format": "seconds"}, True),
        (lambda t: t.as_unit("ms").asi8, {"time_format": "milliseconds"}, True),
        (lambda t: (t - pd.Timestamp("2000-01-01")).as_unit("ns").astype("int64"),
         {"time_format": "nanoseconds", "time_origin": "2000-01-01"}, False),
        (lambda t: (t - START).total_seconds(),
         {"time_format": "seconds", "time_origin": "2024-03-11T23:00+01:00"}, True),
        (lambda t: t.strftime("%d/%m/%Y %I:%M:%S.%f %p"), {"time_format": "%d/%m/%Y %I:%M:%S.%f %p"}, False),
        (lambda t: t.tz_localize("UTC").tz_convert("Asia/Tokyo").map(lambda x: x.isoformat()), {}, True),
    ],
)  # fmt: skip
def test_ways_to_write_times(tmp_path: Path, texts: Any, fields: dict[str, str], instants: bool) -> None:
    frame, path = rows(), tmp_path / "night.csv"
    frame.assign(t=texts(frame.index)).to_csv(path, index=False)
    night = sd.open_recording(path, layout={"channels": ["x"], "time": "t", **fields})
    off = np.abs(night["table"]["time"].values - frame.index.to_numpy("datetime64[ns]")).max()
    assert off <= np.timedelta64(1, "us")  # as far as a float of seconds since 1970 tells
    assert night.attrs["time_zone"] == ("UTC" if instants else "")


def test_a_date_and_a_time_of_day_in_a_zone(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    path.write_text("Datum;Zeit;SpO2\n31.03.2024;01:59:59;97,5\n31.03.2024;03:00:00;96\n31.03.2024;03:00:01;--\n")
    layout = {"channels": {"SpO2": "%"}, "time": ["Datum", "Zeit"], "time_format": "%d.%m.%Y %H:%M:%S", "decimal": ",",
              "nulls": ["--"]}  # fmt: skip
    night = sd.open_recording(path, layout=layout, timezone="Europe/Berlin")
    assert np.diff(night["table"]["time"].values).tolist() == [10**9, 10**9]
    np.testing.assert_array_equal(night["table"]["signal"].values, [[97.5, 96, np.nan]])
    assert night.attrs["start"] == "2024-03-31T00:59:59.000000000Z"


@pytest.mark.parametrize(
    ("start", "timezone", "want"),
    [
        ("2024-03-11T22:00", None, "2024-03-11T22:00:00.000000000"),
        ("2024-03-11T22:00", "Europe/Berlin", "2024-03-11T21:00:00.000000000Z"),
        ("2024-03-11T22:00+01:00", None, "2024-03-11T21:00:00.000000000Z"),
        (None, None, "NaT"),
    ],
)
def test_rows_at_a_stated_rate(tmp_path: Path, start: str | None, timezone: str | None, want: str) -> None:
    path = tmp_path / "night.txt"
    path.write_text("".join(f"{i}\n" for i in range(90)))
    layout = {"channels": {"v": "uV"}, "names": ["v"], "rate": "3001/30", "start": start}
    night = sd.open_recording(path, layout=layout, timezone=timezone)
    clock = clock_of(night["table"].to_dataset())
    assert (clock.rate, clock.size, clock.dated) == (sd.TableLayout(**layout).rate, 90, start is not None)
    assert night.attrs["start"] == want
    np.testing.assert_array_equal(night["table"]["signal"].values[0], np.arange(90))


@pytest.mark.parametrize("line", ["1", "1,2,3", ""])
def test_rows_that_cannot_be_counted_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "night.csv"
    path.write_text(f"a,b\n1,2\n{line}\n3,4\n")
    with pytest.raises(FileFormatError, match="cannot be told by counting"):
        sd.open_recording(path, layout={"channels": ["b"], "rate": 1})


def test_a_table_that_was_cut_off_keeps_its_clock(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    path.write_text("a,b\n1,2\n3,4\n5")
    night = sd.open_recording(path, layout={"channels": ["b"], "rate": 1})
    assert night["table"].sizes["time"] == 2
    assert night.attrs["findings"] == ["1 row with fewer or more cells than there are columns; left out"]


def test_what_is_odd_is_told(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    path.write_text(
        "t,x\n2024-03-11T22:00:02,3\n2024-03-11T22:00:00,1\n2024-03-11T22:00:01,?\n,9\n2024-03-11T22:00:03\n"
    )
    layout = {"channels": ["x"], "time": "t"}
    night = sd.open_recording(path, layout=layout)
    np.testing.assert_array_equal(night["table"]["signal"].values, [[1, np.nan, 3]])
    assert night.attrs["findings"] == [
        "1 row with fewer or more cells than there are columns; left out",
        "x: 1 cell that is no number; missing",
        "table: 1 row without a time that can be read; left out",
        "table: 2 rows earlier than one before; put in order of time",
    ]
    (told,) = sd.diagnose(path, layout=layout)
    assert (told.policy, [finding.code for finding in told.findings]) == (
        "warn",
        ["ragged-rows", "bad-cells", "no-time", "out-of-order"],
    )
    with pytest.raises(FileFormatError, match="strict"):
        sd.open_recording(path, layout=layout, policy="strict")


@pytest.mark.parametrize(
    ("text", "layout", "match"),
    [
        ("t,x\n03/04/2024 10:00,1\n", {"time": "t"}, "whether the day or the month comes first"),
        ("t,x\n2024-03-11,off\n", {"time": "t"}, "most cells of column 'x' are no numbers"),
        ("t,x\n2024-03-11,1.5\n2024-03-12,\n", {"time": "t", "decimal": ","}, "most cells of column 'x'"),
        ("t;y\n2024-03-11;1\n", {"time": "t"}, r"no column 'x'.*cut at ';'"),
        ("t,x\n", {"time": "t"}, "no samples"),
        ("", {"time": "t"}, "no columns"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str, layout: dict[str, Any], match: str) -> None:
    path = tmp_path / "night.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=match):
        sd.open_recording(path, layout={"channels": ["x"], **layout})


def test_without_a_layout_an_unknown_table_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "night.parquet"
    rows().to_parquet(path)
    with pytest.raises(FileFormatError, match=r"a table that no reader knows.*layout="):
        sd.open_recording(path)
    with pytest.raises(ParameterError, match="no such file"):
        sd.open_recording(tmp_path / "none.csv", layout={"channels": ["x"], "time": "t"})


def test_a_table_that_changed_is_refused_when_it_is_computed(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    rows().to_csv(path)
    night = sd.open_recording(path, layout={"channels": ["x"], "time": "t"})
    rows(700).to_csv(path)
    with pytest.raises(ChangedFileError):
        night["table"]["signal"].values  # noqa: B018


@pytest.mark.parametrize("backend", ["sync", "threads"])
def test_features_are_those_of_arrays_in_memory(tmp_path: Path, backend: str) -> None:
    frame, path = rows(4000, "20ms"), tmp_path / "night.csv"
    frame.to_csv(path)
    night = sd.open_recording(path, layout={"channels": ["x", "y"], "time": "t"})
    memory = sd.recording_from_arrays({name: frame[name].to_numpy(np.float32) for name in "xy"}, 50, start=str(START))
    with sd.parallel_config(backend=backend):
        got, want = (sd.compute(sd.extract(each, "statistics,hjorth")) for each in (night, memory))
    for name, values in want["50Hz"].data_vars.items():
        np.testing.assert_array_equal(got["table"][name].values, values.values)
