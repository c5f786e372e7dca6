"""Polar Sensor Logger: values and times of the files, their two clocks, fragments, and what is odd told."""

from __future__ import annotations

import csv
import pickle
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import FileFormatError
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import Timestamps

MS, SECOND = 1_000_000, 1_000_000_000
START = datetime(2024, 3, 11, 22, 47, 30)
ECG = "Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]"
ACC = "Phone timestamp;sensor timestamp [ns];X [mg];Y [mg];Z [mg]"
HR = "Phone timestamp;HR [bpm];HRV [ms];Breathing interval [rpm];"
PPI = "Phone timestamp;PP-interval [ms];error estimate [ms];blocker;contact;contact;hr [bpm]"
H10 = "Polar_H10_1A2B3C4D_20240311_224730"


def phone(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, ""]))
    return path


def acc_rows(first: int, after: int, rate: float = 50, ppm: float = 0) -> list[str]:
    """Rows whose values tell which they are, of a sensor whose clock is slow."""
    return [
        f"{phone(k / rate)};{700_000_000 * SECOND + round(k / rate * (1 - ppm * 1e-6) * SECOND)};{k};{-k};{k % 7}"
        for k in range(first, after)
    ]


def times_of(node: object) -> np.ndarray:
    return node["time"].values.astype("datetime64[ns]").astype(np.int64)  # type: ignore[index]


@pytest.fixture
def real(test_data: Path) -> Path:
    return test_data / "polar-verity-sense"


def test_the_real_acceleration_equals_a_plain_parse(real: Path) -> None:
    table = pd.read_csv(real / "Polar_Sense_ACC.txt", sep=";")
    node = sd.open_recording(real, chunks=None)["acc"]
    assert node["channel"].values.tolist() == ["acc_x", "acc_y", "acc_z"]
    assert node["unit"].values.tolist() == ["mg"] * 3
    assert node["signal_type"].values.tolist() == ["acc"] * 3
    assert node["sensor"].values.tolist() == ["Polar Sense"] * 3
    np.testing.assert_array_equal(node["signal"].values, table.iloc[:, 2:].to_numpy(np.float32).T)
    clock = clock_of(node.to_dataset())
    assert isinstance(clock, Clock)
    assert float(clock.rate) == pytest.approx(51.7053, abs=1e-4)  # the vendor says 52
    written = pd.to_datetime(table.iloc[:, 0]).astype("datetime64[ns]").astype("int64").to_numpy()
    sensor = table.iloc[:, 1].to_numpy()
    tied = sensor + int(np.median(written - sensor - (written - sensor)[0])) + (written - sensor)[0]
    assert np.abs(times_of(node) - tied).max() <= MS
    assert np.abs(times_of(node) - written).max() <= 2 * MS
    assert node.attrs["clock_drift"] == 0
    assert 0 < node.attrs["clock_jitter_seconds"] < 1e-3


def test_the_real_heart_rate_equals_a_plain_parse(real: Path) -> None:
    with (real / "Polar_Sense_HR.txt").open(newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))[1:]
    recording = sd.open_recording(real, chunks=None)
    node = recording["hr"]
    want = [float(value) or np.nan for _, value in rows]
    np.testing.assert_array_equal(node["signal"].values[0], want)
    assert node["time"].values.astype("datetime64[ms]").astype(str).tolist() == [time for time, _ in rows]
    assert isinstance(clock_of(node.to_dataset()), Timestamps)
    assert "hr: 73 of 548 values are 0: no contact; missing there" in recording.attrs["findings"]


def test_the_real_intervals_keep_the_order_of_the_beats(real: Path) -> None:
    table = pd.read_csv(real / "Polar_Sense_PPI.txt", sep=";")
    recording = sd.open_recording(real, chunks=None)
    node = recording["ppi"]
    assert node["channel"].values.tolist() == [
        "ppi", "ppi_error", "ppi_blocker", "ppi_contact", "ppi_contact_supported", "ppi_hr",
    ]  # fmt: skip
    assert node["signal_type"].values.tolist() == ["rr", "unknown", "status", "status", "status", "hr"]
    assert node["unit"].values.tolist() == ["ms", "ms", "", "", "", "bpm"]
    values = table.iloc[:, 1:].to_numpy(float).T
    values[-1][values[-1] == 0] = np.nan
    np.testing.assert_array_equal(node["signal"].values, values)
    written = pd.to_datetime(table.iloc[:, 0]).astype("datetime64[ns]").astype("int64").to_numpy()
    same = times_of(node) == written
    assert same.sum() == len(table) - 10
    moved = np.flatnonzero(~same)
    np.testing.assert_array_equal(times_of(node)[moved] - times_of(node)[moved - 1], values[0][moved - 1] * MS)
    assert any("10 rows are not later than the one before" in finding for finding in recording.attrs["findings"])


def test_real_markers_are_annotations(real: Path) -> None:
    notes = sd.open_recording(real)["annotations"]
    assert notes["text"].values.tolist() == ["MARKER_START", "MARKER_STOP"]
    assert notes["onset"].values.astype(str).tolist() == [
        "2022-04-25T11:40:02.383000000", "2022-04-25T11:48:03.398000000",
    ]  # fmt: skip
    assert np.isnat(notes["duration"].values).all()
    assert "annotations" not in sd.open_recording(real, annotations=False).children


def test_features_of_the_real_folder(real: Path) -> None:
    features = [sd.features.Statistics(), sd.features.BandPower(bands={"slow": (0.5, 3)})]
    table = sd.to_dataframe(sd.compute(sd.extract(sd.open_recording(real), features)))
    assert len(table) == 18
    whole = table.iloc[2:-1]
    assert whole[("acc_x", "bandpower_slow")].notna().all()
    assert whole[("hr", "mean")].between(45, 75).all()
    ppi = pd.read_csv(real / "Polar_Sense_PPI.txt", sep=";", parse_dates=[0])
    begin = pd.Timestamp("2022-04-25T11:44:02.323")
    inside = ppi.iloc[:, 0].between(begin, begin + pd.Timedelta(seconds=30), inclusive="left")
    epoch = table[table.index.get_level_values("start") == begin]
    assert epoch[("ppi", "mean")].item() == pytest.approx(ppi.loc[inside, "PP-interval [ms]"].mean(), rel=1e-6)


def test_nothing_is_computed_and_it_pickles(real: Path, no_compute: None) -> None:
    recording = sd.open_recording(real)
    assert recording["acc"]["signal"].chunks is not None
    again = pickle.loads(pickle.dumps(recording))
    assert again["acc"]["signal"].data.name == recording["acc"]["signal"].data.name


def test_each_real_file_opens_alone(real: Path) -> None:
    whole = sd.open_recording(real, chunks=None)
    for kind in ("ACC", "HR", "PPI"):
        alone = sd.open_recording(real / f"Polar_Sense_{kind}.txt", chunks=None)
        assert list(alone.children) == [kind.lower()]
        assert alone[kind.lower()].to_dataset().identical(whole[kind.lower()].to_dataset())


def test_an_h10_with_its_ecg(tmp_path: Path) -> None:
    rows = [f"{phone(k / 130)};{SECOND + k * 7_692_308};{k * 7.692308:.6f};{k % 500 - 250}" for k in range(1300)]
    write(tmp_path / f"{H10}_ECG.txt", ECG, *rows)
    write(tmp_path / f"{H10}_HR.txt", HR, f"{phone(0)};64", f"{phone(1)};65;5.4", f"{phone(2)};66;5.5;14.1;")
    recording = sd.open_recording(tmp_path, chunks=None)
    ecg = recording["ecg"]
    assert (ecg["unit"].item(), ecg["signal_type"].item(), ecg["sensor"].item()) == ("uV", "ecg", "Polar H10")
    assert ecg["signal"].values[0].tolist() == [k % 500 - 250 for k in range(1300)]
    assert clock_of(ecg.to_dataset()).rate == 130
    hr = recording["hr"]
    assert hr["channel"].values.tolist() == ["hr", "hrv", "breathing"]
    assert hr["unit"].values.tolist() == ["bpm", "ms", "1/min"]
    np.testing.assert_array_equal(
        hr["signal"].values, np.float32([[64, 65, 66], [np.nan, 5.4, 5.5], [np.nan, np.nan, 14.1]])
    )
    assert recording.attrs["findings"] == []


def test_serial_numbers_are_kept_on_request_only(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    write(folder / f"{H10}_HR.txt", HR, f"{phone(0)};64", f"{phone(1)};65")
    hidden = sd.open_recording(folder)
    assert "1A2B3C4D" not in str(hidden.attrs) + str(hidden["hr"].to_dataset().to_dict())
    assert sd.open_recording(folder, keep_identity=True).attrs["identity"] == {"device": "1A2B3C4D"}


@pytest.mark.parametrize("delimiter", [";", ","])
@pytest.mark.parametrize(
    ("header", "row", "node", "channels", "units"),
    [
        (ACC.replace("mg", "g"), "7;0.5;-1;0", "acc", ["acc_x", "acc_y", "acc_z"], ["g"] * 3),
        (ACC.replace("mg", "dps"), "7;1;2;3", "gyro", ["gyro_x", "gyro_y", "gyro_z"], ["dps"] * 3),
        (ACC.replace("mg", "G"), "7;1;2;3", "mag", ["mag_x", "mag_y", "mag_z"], ["G"] * 3),
        (
            "Phone timestamp;sensor timestamp [ns];channel 0;channel 1;channel 2;ambient;",
            "7;1;2;3;4",
            "ppg",
            ["ppg_0", "ppg_1", "ppg_2", "ppg_ambient"],
            [""] * 4,
        ),
        (
            "Phone timestamp;sensor timestamp [ns];HR [bpm];PP-interval [ms];error estimate [ms];blocker;skin contact;"
            "skin contact supported",
            "7;60;900;9;0;1;1",
            "ppi",
            ["ppi_hr", "ppi", "ppi_error", "ppi_blocker", "ppi_contact", "ppi_contact_supported"],
            ["bpm", "ms", "ms", "", "", ""],
        ),
        (PPI.replace("Phone timestamp", "Phone Data RX timestamp"), "900;9;0;1;1;60", "ppi",
         ["ppi", "ppi_error", "ppi_blocker", "ppi_contact", "ppi_contact_supported", "ppi_hr"],
         ["ms", "ms", "", "", "", "bpm"]),
    ],
)  # fmt: skip
def test_each_kind_is_told_by_its_columns(
    tmp_path: Path, delimiter: str, header: str, row: str, node: str, channels: list[str], units: list[str]
) -> None:
    lines = [header, *(f"{phone(k)};{row.replace('7', str(k + 1) + '000000000', 1)}" for k in range(5))]
    file = write(tmp_path / "session.txt", *(line.replace(";", delimiter) for line in lines))
    recording = sd.open_recording(file, chunks=None, policy="strict")
    assert list(recording.children) == [node]
    assert recording[node]["channel"].values.tolist() == channels
    assert recording[node]["unit"].values.tolist() == units
    values = row.split(";")[-len(channels) :]
    np.testing.assert_array_equal(recording[node]["signal"].values[:, 3], np.array(values, float))


def test_the_drift_of_the_sensor_is_taken_out_and_told(tmp_path: Path) -> None:
    file = write(tmp_path / "Polar_Sense_ACC.txt", ACC, *acc_rows(0, 6000, rate=5, ppm=150))
    recording = sd.open_recording(file, chunks=None)
    assert recording["acc"].attrs["clock_drift"] == pytest.approx(150e-6, abs=1e-6)
    assert recording.attrs["findings"] == [
        "acc: the sensor's clock is 150 ppm slow; its times are put on the phone's clock"
    ]
    begin = np.datetime64(START, "ns").astype(np.int64)
    assert np.abs(times_of(recording["acc"]) - begin - np.arange(6000) * SECOND // 5).max() <= 2 * MS


def test_fragments_that_overlap_or_go_on_are_one_stream(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    write(whole / "Polar_Sense_ACC.txt", ACC, *acc_rows(0, 900))
    write(parts / "Polar_Sense_ACC_2.txt", ACC, *acc_rows(0, 500))
    write(parts / "Polar_Sense_ACC.txt", ACC, *acc_rows(400, 700))
    write(parts / "Polar_Sense_ACC (1).txt", ACC, *acc_rows(700, 900))
    one, three = (sd.open_recording(folder, chunks=None) for folder in (whole, parts))
    assert three["acc"].to_dataset().identical(one["acc"].to_dataset())
    assert any("100 rows" in finding for finding in three.attrs["findings"])


def test_intervals_in_two_fragments_are_taken_once(tmp_path: Path) -> None:
    rows = [f"{phone(k * 0.9)};{900 + k % 3};9;0;1;1;66" for k in range(40)]
    write(tmp_path / "Polar_Sense_PPI.txt", PPI, *rows[:30])
    write(tmp_path / "Polar_Sense_PPI_2.txt", PPI, *rows[20:])
    recording = sd.open_recording(tmp_path, chunks=None)
    assert recording["ppi"]["signal"].values[0].tolist() == [900 + k % 3 for k in range(40)]
    assert recording.attrs["findings"] == ["ppi: 10 rows are in two files; taken once"]


@pytest.mark.parametrize(
    "names",
    [
        ("Polar_H10_1A2B3C4D_20240311_224730_ACC.txt", "Polar_H10_5E6F7A8B_20240311_224730_HR.txt"),
        ("Polar_H10_ACC.txt", "Polar_Sense_HR.txt"),
    ],
)
def test_files_of_two_sensors_are_refused_and_not_named(tmp_path: Path, names: tuple[str, str]) -> None:
    write(tmp_path / names[0], ACC, *acc_rows(0, 100))
    write(tmp_path / names[1], HR, f"{phone(0)};64", f"{phone(1)};65")
    with pytest.raises(FileFormatError, match=r"several sensors.*folder of its own") as caught:
        sd.open_recording(tmp_path)
    assert "1A2B" not in str(caught.value)


def test_two_files_of_one_time_with_other_samples_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "left_ACC.txt", ACC, *acc_rows(0, 500))
    shifted = [row.replace(";700", ";699") for row in acc_rows(0, 500)]
    write(tmp_path / "right_ACC.txt", ACC, *shifted)
    with pytest.raises(FileFormatError, match="different samples of the same time"):
        sd.open_recording(tmp_path)


def test_a_sensor_that_knows_no_time_leaves_the_phone_s(tmp_path: Path) -> None:
    rows = [f"{phone(k / 4)};0;{k};0;0" for k in range(40)]
    recording = sd.open_recording(write(tmp_path / "ACC.txt", ACC, *rows), chunks=None)
    assert recording.attrs["findings"] == []
    assert clock_of(recording["acc"].to_dataset()).rate == 4
    rows[3] = rows[3].replace(";0;3;", ";17;3;")
    assert sd.open_recording(write(tmp_path / "ACC.txt", ACC, *rows)).attrs["findings"]


def test_local_times_become_instants_in_a_zone(tmp_path: Path) -> None:
    file = write(tmp_path / "HR.txt", HR, f"{phone(0)};64", f"{phone(1)};65")
    recording = sd.open_recording(file, timezone="Europe/Berlin")
    assert recording.attrs["start"] == "2024-03-11T21:47:30.000000000Z"


def test_cells_that_are_no_number_are_missing_and_told(tmp_path: Path) -> None:
    rows = acc_rows(0, 100)
    rows[5] = rows[5].replace(";5;-5", ";x;-5")
    rows[7] = rows[7].rsplit(";", 1)[0]
    recording = sd.open_recording(write(tmp_path / "ACC.txt", ACC, *rows), chunks=None)
    assert recording.attrs["findings"] == [
        "acc: 1 row has too few or too many cells; left out",
        "acc_x: 1 cell that is no number; missing there",
    ]
    values = recording["acc"]["signal"].values
    assert values.shape == (3, 99)
    assert np.isnan(values[0, 5])
    assert values[1].tolist() == [-k for k in range(100) if k != 7]


def test_columns_that_are_not_known_are_told(tmp_path: Path) -> None:
    write(tmp_path / "HR.txt", "Phone timestamp;HR [bpm];Mood", f"{phone(0)};64;1", f"{phone(1)};65;2")
    write(tmp_path / "X.txt", "Phone timestamp;Mood", f"{phone(0)};1")
    write(tmp_path / "README.md", "About it")
    write(tmp_path / "1A2B3C4D.edf", "")
    assert sd.open_recording(tmp_path).attrs["findings"] == [
        "1 file of another kind; left out",
        "1 file has columns of no kind that is known; left out",
        "hr: column 'Mood' is not known; it is not read",
    ]
    with pytest.raises(FileFormatError, match="strict"):
        sd.open_recording(tmp_path, policy="strict")


@pytest.mark.parametrize("lines", [[ACC], [HR], [PPI], ["Phone timestamp;Mood", "2024-03-11T22:00:00;1"]])
def test_files_without_samples_are_refused(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(FileFormatError):
        sd.open_recording(write(tmp_path / "Polar_Sense.txt", *lines))


@pytest.mark.parametrize(("name", "header"), [("ACC", ACC), ("HR", HR), ("PPI", PPI)])
@given(data=st.data())
def test_a_file_that_is_cut_off_has_the_values_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, name: str, header: str, data: st.DataObject
) -> None:
    rows = {
        "ACC": acc_rows(100, 150),
        "HR": [f"{phone(k)};{60 + k};1{k}.5;14.5" for k in range(30)],
        "PPI": [f"{phone(k * 0.95)};{900 + k};1{k};0;1;1;6{k % 10}" for k in range(30)],
    }[name]
    raw = "\n".join([header, *rows, ""]).encode()
    folder = tmp_path_factory.mktemp("cut")
    whole, cut = folder / f"whole_{name}.txt", folder / f"cut_{name}.txt"
    whole.write_bytes(raw)
    cut.write_bytes(raw[: data.draw(st.integers(len(header) + 2, len(raw) - 1))])
    try:
        part = sd.open_recording(cut, chunks=None)[name.lower()]
    except FileFormatError:
        return
    full = sd.open_recording(whole, chunks=None)[name.lower()]
    size = part.sizes["time"]
    assert len(rows) - 1 >= size
    np.testing.assert_array_equal(part["signal"].values, full["signal"].values[:, :size])
    np.testing.assert_allclose(times_of(part), times_of(full)[:size], atol=MS)
    shutil.rmtree(folder)


def test_an_hour_that_came_twice_is_told_apart_by_the_order_of_rows(tmp_path: Path) -> None:
    begin = np.datetime64("2024-10-27T00:59:50", "ms")  # UTC; at 01:00 clocks in Berlin go back from 3 to 2
    moments = begin + np.arange(200) * np.timedelta64(100, "ms")
    rows = []
    for k, moment in enumerate(moments):
        offset = np.timedelta64(2 if moment < np.datetime64("2024-10-27T01:00") else 1, "h")
        rows.append(f"{moment + offset};{SECOND + k * 100 * MS};{k};0;0")
    file = write(tmp_path / "Polar_Sense_ACC.txt", ACC, *rows)
    recording = sd.open_recording(file, chunks=None, timezone="Europe/Berlin")
    assert clock_of(recording["acc"].to_dataset()) == Clock.regular(begin.astype("datetime64[ns]"), 200, 100 * MS)
    assert recording["acc"]["signal"].values[0].tolist() == list(range(200))
    assert recording.attrs["findings"][0].startswith("acc: the sensor's clock or the phone's was set anew once")
