"""ActiGraph: files by the published format; samples equal the maker's own library, and damage never makes a number."""

from __future__ import annotations

import json
import struct
import zipfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from gt3x_files import (
    PERSON,
    SERIAL,
    START,
    gt3x,
    info,
    log_of,
    packed,
    random_samples,
    record,
    scale_record,
    seconds,
    ticks,
    words,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.cli import main
from sleepdask.errors import FileFormatError, SleepdaskError
from sleepdask.io.devices import gt3x_log
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of

T0 = seconds()
OLD: dict[str, object] = {"Serial_Number": "NEO1C16110020", "Firmware": "2.2.0", "Acceleration_Scale": None}
ON_ONE_FOLDER = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(folder: Path, raw: bytes) -> Path:
    path = folder / "watch.gt3x"
    path.write_bytes(raw)
    return path


def opened(folder: Path, raw: bytes, **how: Any) -> xr.DataTree:
    return sd.open_recording(write(folder, raw), **{"chunks": None, "dtype": "float64", **how})


def acc(night: xr.DataTree) -> np.ndarray:
    """Samples as dims (time, axis)."""
    return night["acc/signal"].values.T


def at(time: int, sample: int = 0) -> np.datetime64:
    """Time of a sample at 30 Hz, some seconds after the start."""
    return np.datetime64((T0 + time) * 10**9 + sample * 10**9 // 30, "ns")


# Of these files pygt3x 0.7.1, the library of the maker, gives the same samples to the last bit, and the same times as
# far as its floating point tells them; these are its first, 31st and last sample.
PYGT3X = {
    26: [
        [79.7421875, -106.07421875, -82.06640625],
        [116.984375, 66.2265625, -44.6484375],
        [-108.75390625, 21.71875, -117.87890625],
    ],
    0: [
        [4.98046875, -6.6328125, -5.1328125],
        [7.30859375, 4.13671875, -2.79296875],
        [-6.80078125, 1.35546875, -7.37109375],
    ],
}
PYGT3X[27] = PYGT3X[0]


@pytest.mark.parametrize("kind", PYGT3X)
def test_samples_and_times_equal_those_of_the_makers_library(tmp_path: Path, kind: int) -> None:
    samples = random_samples(360, bits=16 if kind == 26 else 12)
    late = [0, 1, 2, 3, 4, 10, 11, 12, 100, 101, 102, 103]
    night = opened(tmp_path, gt3x(log_of(samples, kind=kind, times=[T0 + k for k in late])), policy="strict")
    assert acc(night)[[0, 30, -1]].tolist() == PYGT3X[kind]
    np.testing.assert_array_equal(acc(night), samples / 256)
    clock = clock_of(night["acc"].to_dataset())
    assert isinstance(clock, Clock)
    assert [(run.start, run.size) for run in clock.runs] == [
        ((T0 + first) * 10**9, 30 * count) for first, count in ((0, 5), (10, 3), (100, 4))
    ]
    assert night["acc/time"].values[-1] == at(103, 29)
    assert night["light/signal"].values[0].tolist() == list(range(100, 112))
    assert list(night["light/time"].values[[0, -1]]) == [at(0), at(103)]
    assert night["acc/unit"].values.tolist() == ["g", "g", "g"]


def test_samples_of_the_published_description_of_packed_ones(tmp_path: Path) -> None:
    raw = bytes.fromhex("006008EBD007009EBF007008EBF0")
    old = acc(opened(tmp_path, gt3x(None, info(**OLD), activity_bin=raw)))
    want = [[0.023, 0.018, -0.947], [0.026, 0.021, -0.941], [0.023, 0.021, -0.941]]
    np.testing.assert_array_equal(np.round(old, 3), want)
    new = record(0, T0, raw)
    np.testing.assert_array_equal(acc(opened(tmp_path, gt3x(new, info(3, **OLD)))), old)


def test_samples_of_the_published_description_of_words(tmp_path: Path) -> None:
    held = bytes.fromhex("000000000000 3000CCFF4201")
    night = opened(tmp_path, gt3x(record(26, T0, held), info(2)))
    assert np.round(acc(night), 3).tolist() == [[0, 0, 0], [0.188, -0.203, 1.258]]


def test_light_of_an_old_device_as_in_its_description(tmp_path: Path) -> None:
    light = bytes.fromhex("00001300FFFF98084C04")
    raw = gt3x(None, info(**OLD), activity_bin=packed(random_samples(150)), lux_bin=light)
    assert opened(tmp_path, raw)["light/signal"].values[0].tolist()[:2] == [0, 0]
    np.testing.assert_array_equal(opened(tmp_path, raw)["light/signal"].values[0, 2:], [np.nan, 2500, 1375])
    raw = gt3x(None, info(**OLD | {"Serial_Number": "MRA1"}), activity_bin=packed(random_samples(150)), lux_bin=light)
    np.testing.assert_array_equal(opened(tmp_path, raw)["light/signal"].values[0, 2:], [np.nan, 6000, 3575])


@pytest.mark.parametrize("count", [1, 59, 60, 61, 210])
def test_old_files_have_samples_from_their_start_on(tmp_path: Path, count: int) -> None:
    samples = random_samples(count)
    night = opened(tmp_path, gt3x(None, info(**OLD), activity_bin=packed(samples)), policy="strict")
    np.testing.assert_array_equal(acc(night), samples / 341)
    assert night["acc/time"].values[-1] == at(0, count - 1)


@ON_ONE_FOLDER
@given(
    rate=st.integers(1, 128),
    kind=st.sampled_from([0, 26, 27]),
    gaps=st.lists(st.integers(1, 5000), min_size=1, max_size=12),
    data=st.data(),
)
def test_any_rate_and_gaps(tmp_path: Path, rate: int, kind: int, gaps: list[int], data: st.DataObject) -> None:
    times = (T0 + np.cumsum(gaps)).tolist()
    samples = random_samples(rate * len(times), bits=12)
    method = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    raw = gt3x(log_of(samples, kind=kind, rate=rate, times=times), info(rate), method=method)
    night = opened(tmp_path, raw, policy="strict")
    np.testing.assert_array_equal(acc(night), samples / 256)
    expected = np.concatenate([at(time - T0) + np.arange(rate) * 10**9 // rate for time in times])
    np.testing.assert_array_equal(night["acc/time"].values, expected)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(samples))] * 2)))
    step = data.draw(st.integers(1, 40))
    piece = sd.open_recording(tmp_path / "watch.gt3x", chunks=None, dtype="float64")["acc/signal"]
    np.testing.assert_array_equal(piece[:, start:stop:step].values.T, samples[start:stop:step] / 256)


def asleep(*events: tuple[int, int]) -> bytes:
    return b"".join(record(3, T0 + time, bytes([what])) for time, what in events)


def test_sleep_of_the_device_is_a_gap_and_an_annotation(tmp_path: Path) -> None:
    samples = random_samples(300)
    first, second = (
        b"".join(record(26, T0 + start + k, words(samples[30 * (k + row) : 30 * (k + row + 1)])) for k in range(5))
        for start, row in ((0, 0), (60, 5))
    )
    night = opened(tmp_path, gt3x(first + asleep((5, 8), (60, 9)) + second + asleep((65, 8))))
    np.testing.assert_array_equal(acc(night), samples / 256)
    assert len(clock_of(night["acc"].to_dataset()).spans[0]) == 2
    assert night["annotations/text"].values.tolist() == ["idle sleep mode"] * 2
    assert list(night["annotations/onset"].values) == [at(5), at(65)]
    lengths = night["annotations/duration"].values
    assert lengths[0] == np.timedelta64(55, "s")
    assert np.isnat(lengths[1])
    assert night.attrs["findings"] == ["2 times in idle sleep mode, without samples; these times are gaps"]
    night = opened(tmp_path, gt3x(first + asleep((5, 9), (6, 8), (7, 8), (3, 9))), annotations=False)
    assert "annotations" not in night.children
    assert night.attrs["findings"] == ["2 times in idle sleep mode, without samples; these times are gaps"]


def seconds_of(samples: np.ndarray) -> list[bytes]:
    return [record(26, T0 + k, words(samples[30 * k : 30 * k + 30])) for k in range(len(samples) // 30)]


def check_third_is_a_gap(night: xr.DataTree, samples: np.ndarray) -> None:
    np.testing.assert_array_equal(acc(night), np.delete(samples, np.s_[60:90], 0) / 256)
    assert night["acc/time"].values[60] == at(3)


@pytest.mark.parametrize("place", [0, 1, 3, 6, 7, 8, 40, 188])
def test_a_record_with_a_wrong_checksum_is_a_gap(tmp_path: Path, place: int) -> None:
    samples = random_samples(180)
    parts = seconds_of(samples)
    parts[2] = parts[2][:place] + bytes([parts[2][place] ^ 0x41]) + parts[2][place + 1 :]
    night = opened(tmp_path, gt3x(b"".join(parts)))
    check_third_is_a_gap(night, samples)
    assert night.attrs["findings"] == [
        "1 places with records that are damaged, or have a wrong checksum; their time is a gap"
    ]


@pytest.mark.parametrize(
    ("third", "told"),
    [
        (b"", None),
        (record(26, T0 + 2, b"\0"), None),  # a cable was put in
        (record(26, T0 + 2, bytes(6 * 29)), "1 seconds with another number of samples than the rate says"),
        (record(26, T0 + 1, bytes(180)), "1 seconds that come again, go back, or lie outside the recording"),
        (record(26, T0 - 9, bytes(180)), "1 seconds that come again, go back, or lie outside the recording"),
        (record(26, T0 + 10**8, bytes(180)), "1 seconds that come again, go back, or lie outside the recording"),
        (record(25, T0 + 2, bytes(12)), "1 records of heart rates or of further sensors"),
        (record(77, T0 + 2, bytes(12)), None),
        (bytes(11), None),
        (b"\xff" * 70000, "1 places with records that are damaged"),
    ],
)
def test_what_is_no_second_of_samples_is_a_gap(tmp_path: Path, third: bytes, told: str | None) -> None:
    samples = random_samples(180)
    parts = seconds_of(samples)
    night = opened(tmp_path, gt3x(b"".join([*parts[:2], third, *parts[3:]])))
    check_third_is_a_gap(night, samples)
    found = night.attrs["findings"]
    assert [text.startswith(told) for text in found] == [True] if told else found == []


def test_a_record_without_its_end_is_left_out(tmp_path: Path) -> None:
    samples = random_samples(180)
    night = opened(tmp_path, gt3x(b"".join(seconds_of(samples))[:-20]))
    np.testing.assert_array_equal(acc(night), samples[:150] / 256)
    assert night.attrs["findings"] == ["the last record has 169 bytes and no end; it is left out"]


def test_sound_records_after_one_that_states_too_many_bytes(tmp_path: Path) -> None:
    samples = random_samples(180)
    parts = seconds_of(samples)
    parts[2] = parts[2][:7] + b"\xff" + parts[2][8:]
    check_third_is_a_gap(opened(tmp_path, gt3x(b"".join(parts))), samples)


TRUE = random_samples(30 * 40)
TRUTH = {at(0, k): TRUE[k] / 256 for k in range(len(TRUE))}


def check_all_is_true(path: Path, policy: str) -> int:
    """That every sample that comes out is one that was put in; how many there are."""
    try:
        night = sd.open_recording(path, chunks=None, dtype="float64", policy=policy)
    except SleepdaskError:
        return 0
    times = night["acc/time"].values
    np.testing.assert_array_equal(acc(night), [TRUTH[time] for time in times])
    return len(times)


@ON_ONE_FOLDER
@given(cut=st.floats(0, 1), method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_a_file_that_is_cut_off_gives_what_is_whole(tmp_path: Path, cut: float, method: int) -> None:
    raw = gt3x(log_of(TRUE), method=method)
    size = int(cut * (len(raw) - 1))
    samples = check_all_is_true(write(tmp_path, raw[:size]), "warn")
    if method == zipfile.ZIP_STORED:
        assert samples >= 30 * max(0, (size - 1200) // 220)
    if samples:
        assert opened(tmp_path, raw[:size]).attrs["findings"][0].startswith("the end of the ZIP is missing")


@ON_ONE_FOLDER
@given(data=st.data(), method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_damage_never_makes_a_number(tmp_path: Path, data: st.DataObject, method: int) -> None:
    raw = bytearray(gt3x(log_of(TRUE), method=method))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] ^= data.draw(st.integers(1, 255))
    check_all_is_true(write(tmp_path, bytes(raw)), "warn")
    with suppress(SleepdaskError):
        opened(tmp_path, bytes(raw), policy="repair").load()


def test_a_damaged_zip_is_read_only_on_request(tmp_path: Path) -> None:
    raw = gt3x(log_of(TRUE), method=zipfile.ZIP_STORED)
    place = raw.index(words(TRUE[60:90])) + 17
    path = write(tmp_path, raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
    with pytest.raises(FileFormatError, match=r"the ZIP is damaged; found log\.bin is not as it was packed"):
        sd.open_recording(path)
    assert check_all_is_true(path, "repair") == len(TRUE) - 30


def test_times_that_the_file_calls_utc(tmp_path: Path) -> None:
    told = json.dumps({"MetadataType": "LocalTimeLog", "UsedUtc": True}).encode()
    log = record(6, T0, b"no JSON") + record(6, T0, told) + log_of(TRUE)
    night = opened(tmp_path, gt3x(log), timezone="Europe/Berlin")
    assert night["acc/time"].values[0] == at(0)
    assert night["light/time"].values[0] == at(0)
    local = opened(tmp_path, gt3x(log_of(TRUE)), timezone="Europe/Berlin")
    assert local["acc/time"].values[0] == at(-3600)
    assert local["light/time"].values[0] == at(-3600)


@pytest.mark.parametrize(
    ("log", "text", "scale", "told"),
    [
        (b"", info(), 256, None),
        (scale_record(T0, 341.5), info(Acceleration_Scale=None, Serial_Number="CPW1"), 341.5, None),
        (scale_record(T0, 341.0), info(), 341, "the log counts 341 in a g, info.txt and the serial number 256"),
        (b"", info(Acceleration_Scale=None, Serial_Number="CLE2A14151617"), 341, None),
        (b"", info(Acceleration_Scale="341,0", Serial_Number=None), 341, None),
        (b"", info(Acceleration_Scale=None), 256, None),
    ],
)
def test_the_scale(tmp_path: Path, log: bytes, text: str, scale: float, told: str | None) -> None:
    night = opened(tmp_path, gt3x(log + b"".join(seconds_of(TRUE)), text))
    np.testing.assert_array_equal(acc(night), TRUE / scale)
    found = night.attrs["findings"]
    assert [text.startswith(told) for text in found] == [True] if told else found == []


GOOD = log_of(TRUE)
ENCRYPTED = bytearray(gt3x(GOOD))
ENCRYPTED[ENCRYPTED.rindex(b"PK\1\2") + 8] |= 1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "it is no ZIP"),
        (b"BM" + bytes(99), "it is no ZIP"),
        (b"PK\3\4", "no recording of an ActiGraph; expected a ZIP with info.txt; found one whose end is missing"),
        (gt3x(None), "no recording of an ActiGraph; expected a ZIP with log.bin"),
        (gt3x(GOOD, method=zipfile.ZIP_BZIP2), "packed in an unknown way; expected deflate; found method 12"),
        (bytes(ENCRYPTED), "the ZIP is encrypted"),
        (gt3x(b""), "it holds no samples"),
        (gt3x(GOOD, info("fast")), "its rate cannot be read; expected such as 30; found fast"),
        (gt3x(GOOD, info(33.3)), "its rate cannot be read"),
        (gt3x(GOOD, info(0)), "its rate cannot be read"),
        (gt3x(GOOD, info(None)), "its rate cannot be read; expected such as 30; found none"),
        (gt3x(GOOD, info(40)), "expected 40 samples; found another number in 40 of 40"),
        (gt3x(GOOD + record(0, T0 + 99, packed(TRUE[:30]))), "stored in several ways; found records of the kinds"),
        (gt3x(b"".join(seconds_of(TRUE)), info(Acceleration_Scale=None, Serial_Number="XYZ")), "found XYZ"),
        (gt3x(scale_record(T0, 0.25) + seconds_of(TRUE)[0]), "scale of its samples is not known; found 0.25"),
        (gt3x(None, info(**OLD | {"Start_Date": 0}), activity_bin=bytes(9)), "its start is not known"),
        (gt3x(None, info(**OLD | {"Serial_Number": None}), activity_bin=bytes(9)), "scale of its samples is not known"),
        (gt3x(None, info(**OLD), activity_bin=b""), "it holds no samples"),
        (gt3x(GOOD, calibration_json=b'{"isCalibrated": false}'), "its samples are not calibrated"),
        (gt3x(GOOD, calibration_json=b"[]"), "calibration.json in the ZIP cannot be read"),
        (gt3x(GOOD, "x" * (20 << 20)), "info.txt in the ZIP is too large"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        opened(tmp_path, raw)


@pytest.mark.parametrize(("name", "most"), [("_MOST", 70), ("_MOST_SLEEPS", 1)])
def test_more_than_any_device_records_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    raw = gt3x(GOOD + asleep((50, 8), (60, 9)))
    assert len(acc(opened(tmp_path, raw))) == len(TRUE)
    monkeypatch.setattr(gt3x_log, name, most)
    with pytest.raises(FileFormatError, match="longer than any recording"):
        opened(tmp_path, raw)


def test_who_was_recorded_stays_inside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = gt3x(GOOD, info(DateOfBirth="630822816000000000", Mass="61"))
    path = write(tmp_path, raw)
    night = sd.open_recording(path, keep_identity=True)
    assert night.attrs["identity"] == {
        "serial_number": SERIAL, "name": PERSON, "sex": "Female", "age": "47",
        "birth_date": "2000-01-01", "mass": "61",
    }  # fmt: skip
    for more in ([], ["--json"]):
        with pytest.raises(SystemExit) as stop:
            main(["info", str(path), *more])
        assert not stop.value.code
    told = capsys.readouterr()
    told_without = str(sd.open_recording(path).to_dict()) + told.out + told.err
    for secret in (SERIAL, *PERSON.split(), "Female", "1976", "2000-01", "6308228"):
        assert secret not in told_without
    assert "acc_x" in told.out


def test_diagnose(tmp_path: Path) -> None:
    path = write(tmp_path, gt3x(GOOD))
    (one,) = sd.diagnose(tmp_path)
    assert (one.path, one.format, one.policy, one.findings) == (path, "ActiGraph gt3x", "strict", ())
    write(tmp_path, gt3x(GOOD)[:-30])
    (one,) = sd.diagnose(tmp_path)
    assert (one.policy, [found.code for found in one.findings]) == ("warn", ["truncated"])


def test_the_bounds_are_those_of_the_download_where_the_last_sample_is_not_told(tmp_path: Path) -> None:
    text = info(Last_Sample_Time=None, Download_Date=ticks(datetime(2024, 3, 12)))
    log = b"".join(seconds_of(TRUE)) + record(26, seconds(datetime(2024, 3, 14)), bytes(180))
    assert len(acc(opened(tmp_path, gt3x(log, text)))) == len(TRUE)
    text = info(Last_Sample_Time=None, Download_Date=None, Start_Date=None)
    assert len(acc(opened(tmp_path, gt3x(log, text)))) == len(TRUE) + 30


def test_a_value_of_light_that_was_not_written(tmp_path: Path) -> None:
    log = GOOD + record(5, T0 + 40, struct.pack("<H", 65535)) + record(5, T0 + 41, b"\1\2\3")
    light = opened(tmp_path, gt3x(log))["light/signal"].values[0]
    np.testing.assert_array_equal(light, [*range(100, 140), np.nan])


def test_the_start_of_the_tests_is_the_one_of_the_file(tmp_path: Path) -> None:
    assert opened(tmp_path, gt3x(GOOD)).attrs["start"] == np.datetime_as_string(np.datetime64(START, "ns"))
