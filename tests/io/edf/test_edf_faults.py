"""Every known fault of EDF files: the value is right, or marked missing, or the file is refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from sleepdask.errors import FileFormatError
from sleepdask.io.recordings import open_recording
from sleepdask.signals.index import clock_of

START = np.datetime64("1989-04-24T23:05:00", "ns")


def opened(path, policy="warn"):
    return open_recording(path, chunks=None, policy=policy, dtype="float64")


@pytest.fixture
def plain(make_edf):
    return opened(make_edf())


def same_samples(recording, plain):
    assert np.array_equal(recording["4Hz"]["signal"].values, plain["4Hz"]["signal"].values)
    return True


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"time": "23:05:00"}, "is not written as hh.mm.ss: '23:05:00'; it is read as 23:05:00"),
        ({"time": "23.05. 0"}, "is not written as hh.mm.ss"),
        ({"date": "24-04-89"}, "is not written with points: '24-04-89'; it is read as 1989-04-24"),
        ({"date": "24:04:89"}, "is not written with points"),
        ({"date": "24/04/89"}, "is not written with points"),
        ({"date": "24/04/89", "reserved": "EDF+C"}, "is not written with points"),
        ({"date": "XX.XX.XX"}, "holds no date: 'XX.XX.XX'; the recording field has it: 1989-04-24"),
        ({"date": "00.00.00", "reserved": "EDF+C"}, "the recording field has it: 1989-04-24"),
        ({"date": ""}, "holds no date: ''; the recording field has it: 1989-04-24"),
        ({"duration": "1,0"}, "has a comma as decimal sign: '1,0'; it is read as the point"),
        ({"declared": -1}, "does not tell the number"),
        ({"header_bytes": 0}, "the size of the file proves that the data begin at byte 512"),
        ({"header_bytes": "?"}, "the size of the file proves"),
        ({"tail": b"\0" * 501}, "501 bytes follow them; these are ignored"),
        ({"duration": "1E0"}, None),
        ({"version": b"0\0\0\0\0\0\0\0"}, None),
    ],
)
def test_what_means_one_thing_only_is_read_and_told(make_edf, plain, recipe, told):
    recording = opened(make_edf(**recipe))
    assert same_samples(recording, plain)
    assert clock_of(recording["4Hz"].to_dataset()) == clock_of(plain["4Hz"].to_dataset())
    assert recording.attrs["start"] == str(START)
    odd = [finding for finding in recording.attrs["findings"] if "EDF Annotations" not in finding]
    assert len(odd) == (told is not None)
    if told:
        assert told in odd[0]
        with pytest.raises(FileFormatError, match="under the policy 'strict'"):
            opened(make_edf(**recipe), "strict")


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [
        ({"pmin": "-100,5", "pmax": "100,5"}, -100.5, 100.5),
        ({"pmin": "-1E2", "pmax": "1,5E2"}, -100, 150),
        ({"pmin": "100", "pmax": "-100"}, 100, -100),
        ({"dmin": "32767", "dmax": "-32768"}, 100, -100),
        ({"dmin": "-32768.0", "dmax": "32767.00"}, -100, 100),
    ],
)
def test_scales_in_odd_notations_are_exact(make_edf, signal, plain, change, low, high):
    recording = opened(make_edf(signal(**change)))
    stored = (plain["4Hz"]["signal"].values + 100) / 200  # 0 to 1 over the digital range
    np.testing.assert_allclose(recording["4Hz"]["signal"].values, low + stored * (high - low), atol=1e-9)
    inverted_digits = change.get("dmin") == "32767"
    assert len(recording.attrs["findings"]) == sum("," in text for text in change.values()) + inverted_digits


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pmin": "7", "pmax": "7.0"}, "physical minimum and maximum are the same (7)"),
        ({"pmin": "0", "pmax": "0"}, "physical minimum and maximum are the same (0)"),
        ({"dmin": "5", "dmax": "5"}, "digital minimum and maximum are the same (5)"),
        ({"pmin": "", "pmax": ""}, "'physical minimum of signal 2'"),
        ({"dmin": "a lot"}, "'digital minimum of signal 2'"),
        ({"dmin": "1.5"}, "is not a whole number"),
        ({"pmin": "nan"}, "is not a number"),
        ({"pmin": "-1E999"}, "is not a number"),
        ({"pmin": "-1E308", "pmax": "1E308"}, "beyond floating-point numbers"),
    ],
)
def test_a_channel_without_a_scale_stays_all_missing_with_its_reason(make_edf, signal, plain, change, reason):
    path = make_edf(signal(), signal("dead", **change), signal("C4"))
    node = opened(path)["4Hz"]
    assert node["channel"].values.tolist() == ["C3", "dead", "C4"]
    assert np.isnan(node["signal"].sel(channel="dead").values).all()
    assert np.isfinite(node["signal"].sel(channel=["C3", "C4"]).values).all()
    told = node["uncalibrated"].values.tolist()
    assert (told[0], told[2]) == ("", "")
    assert reason in told[1]
    assert [f for f in opened(path).attrs["findings"] if "all its values are missing" in f]
    with pytest.raises(FileFormatError):
        opened(path, "strict")


def test_a_signal_that_is_only_announced_is_left_out(make_edf, signal):
    recording = opened(make_edf(signal(), signal("none", 0), signal("C4")))
    assert recording["4Hz"]["channel"].values.tolist() == ["C3", "C4"]
    assert "'none' is announced only; it is left out" in recording.attrs["findings"][0]


@pytest.mark.parametrize(
    ("unit", "told", "expected"),
    [(b"\xb5V", "µV", "uV"), ("µV".encode(), "µV", "uV"), ("μV".encode(), "μV", "uV"), (b"\xb0C", "°C", "degC")],
)
def test_units_in_any_code(make_edf, signal, unit, told, expected):
    recording = opened(make_edf(signal("X1", unit=unit)))
    assert recording["4Hz"]["unit"].values.tolist() == [expected]
    assert recording["4Hz"]["physical_dimension"].values.tolist() == [told]
    assert "bytes that are not ASCII in 1 labels or units" in recording.attrs["findings"][0]


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"date": "XX.XX.XX", "recording": "anonymised"}, "holds no date: 'XX.XX.XX'"),
        ({"date": "00.00.00", "recording": ""}, "holds no date: '00.00.00'"),
        ({"date": "31.02.89", "recording": ""}, "holds no date: '31.02.89'"),
        ({"date": "24.04.yy", "recording": "Startdate X X X X", "reserved": "EDF+C"}, "holds no date: '24.04.yy'"),
        ({"time": "24.00.00"}, "holds no time of day: '24.00.00'"),
        ({"time": "--.--.--"}, "holds no time of day"),
        ({"time": ""}, "holds no time of day: ''"),
    ],
)
def test_without_a_date_time_is_elapsed_time(make_edf, plain, recipe, told):
    recording = opened(make_edf(**recipe))
    assert recording.attrs["start"] == "NaT"
    assert told in recording.attrs["findings"][0]
    assert "times count from it" in recording.attrs["findings"][0]
    assert same_samples(recording, plain)
    time = recording["4Hz"]["time"]
    assert time.dtype == np.dtype("timedelta64[ns]")
    assert time.values[[0, 1, -1]].tolist() == [0, 250_000_000, 2_750_000_000]
    assert recording["4Hz"]["signal"].sel(time=slice("1s", "1999ms")).sizes["time"] == 4
    assert recording["4Hz"]["signal"].sel(time="1.25s").values == plain["4Hz"]["signal"].values[:, 5]


def test_annotations_without_a_date_count_from_the_start(make_edf, signal, annotations):
    path = make_edf(
        signal(),
        annotations(b"+0.5\x14\x14\0+2\x14x\x14\0"),
        n_records=1,
        date="XX.XX.XX",
        recording="",
        reserved="EDF+C",
    )
    recording = opened(path)
    assert recording["annotations"]["onset"].values.tolist() == [2_000_000_000]
    assert recording["annotations"]["onset"].dtype == np.dtype("timedelta64[ns]")
    assert recording["4Hz"]["time"].values[0] == np.timedelta64(500, "ms")


@pytest.mark.parametrize(
    ("recipe", "reason", "reading"),
    [
        ({"date": "25.04.89", "reserved": "EDF+C"}, "contradicts the start date", "1989-04-24"),
        ({"date": "04/05/89", "recording": ""}, "which number is the month", "the first number is the day"),
        ({"header_bytes": 256, "declared": -1}, "does not fit the number of signals", "begin at byte 512"),
        ({"declared": 0}, "says that the file holds no data", "all 3 are read"),
        ({"declared": -2}, "says that the file holds no data", "all 3 are read"),
        ({"reserved": "EDF+"}, "does not say whether the recording is contiguous", "it is contiguous"),
        ({"reserved": "EDF+D"}, "nothing tells when", "follow each other"),
    ],
)
def test_what_is_only_likely_is_refused_or_a_named_guess(make_edf, plain, recipe, reason, reading):
    path = make_edf(**recipe)
    with pytest.raises(FileFormatError, match=f"{reason}.* policy 'repair': .*{reading}"):
        opened(path)
    with pytest.raises(FileFormatError):
        opened(path, "strict")
    recording = opened(path, "repair")
    assert any(reason in finding and reading in finding for finding in recording.attrs["findings"])
    assert same_samples(recording, plain)


@pytest.mark.parametrize("cut", [1, 3, 8, 11])
def test_a_truncated_file_is_its_whole_records(make_edf, plain, cut):
    recording = opened(make_edf(cut=cut))
    whole = (3 * 8 - cut) // 8 * 4
    assert np.array_equal(recording["4Hz"]["signal"].values, plain["4Hz"]["signal"].values[:, :whole])
    assert "truncated: declares 3 data records" in recording.attrs["findings"][0]


def test_a_wrong_policy_is_refused(make_edf):
    with pytest.raises(ValueError, match="unknown policy; expected strict or warn or repair; found 'lax'"):
        opened(make_edf(), "lax")


def test_many_channels_at_many_rates(make_edf, signal):
    sizes = [1, 2, 3, 5, 10, 25, 50, 100, 256, 512]
    signals = [signal(f"X{k}", sizes[k % 10]) for k in range(139)]
    recording = opened(make_edf(*signals, n_records=2))
    assert list(recording.children) == [f"{rate}Hz" for rate in sizes]
    assert sum(node.sizes["channel"] for node in recording.children.values()) == 139
    assert all(np.isfinite(node["signal"].values).all() for node in recording.children.values())


def test_long_records(make_edf, signal):
    recording = opened(make_edf(signal(samples=18_000), duration="1800", n_records=2))
    assert recording["10Hz"]["signal"].sel(time="1989-04-24T23:35").sizes["time"] == 600
