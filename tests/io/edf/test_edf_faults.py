"""Every known fault of EDF files: the value is right, or marked missing, or the file is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from edf_deviations import deviations
from edf_fault_files import PLAIN, PLUS
from edf_fault_table import FAULTS
from edf_faults import Fault
from edf_readings import Channel, Reading, ours

from sleepdask.errors import FileFormatError
from sleepdask.findings import POLICIES
from sleepdask.io.diagnose import diagnose_file
from sleepdask.io.recordings import open_recording

BY_NAME = {fault.name: fault for fault in FAULTS}
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


def opened(path, policy="warn"):
    return open_recording(path, chunks=None, policy=policy, dtype="float64")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("faults")


def test_the_table_has_one_row_for_each():
    assert len(BY_NAME) == len({fault.title for fault in FAULTS}) == len(FAULTS)
    assert {fault.policy for fault in FAULTS} == {*POLICIES, "none"}


@every_fault
@pytest.mark.parametrize("policy", POLICIES)
def test_each_fault_under_each_policy(fault, policy, folder):
    path = fault.write(folder)
    if (*POLICIES, "none").index(policy) < (*POLICIES, "none").index(fault.policy):
        with pytest.raises(FileFormatError) as error:
            open_recording(path, policy=policy)
        assert str(error.value).startswith(str(path))
        assert error.value.fix
        if policy != "strict":
            assert fault.told in str(error.value)
            assert ("policy 'repair'" in str(error.value)) == (fault.policy == "repair")
        return
    reading, truth = ours(path, policy), fault.truth()
    assert deviations(reading, truth, 1e-14) == []
    assert [channel.name for channel in truth.channels if np.isnan(channel.values).all()] == list(fault.missing)
    by_name = {channel.name: channel for channel in reading.channels}
    for channel in truth.channels:
        np.testing.assert_allclose(by_name[channel.name].times, channel.times, rtol=0, atol=2e-9)
    assert reading.notes == list(truth.notes)
    assert any(fault.told in finding for finding in reading.warned) or not fault.codes
    if fault.missing:
        told = opened(path)["10Hz"]["uncalibrated"].values.tolist()
        assert (told[0], fault.told in told[1]) == ("", True)


@every_fault
def test_each_fault_is_told_by_its_code(fault, folder):
    seen = diagnose_file(fault.write(folder))
    assert seen.policy == fault.policy
    codes = tuple(finding.code for finding in seen.findings)
    assert codes == (fault.codes if fault.policy != "none" else (*fault.codes, "refused"))


SHIFTED = np.datetime64("1989-04-24T23:05:01", "ns")


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("edf", lambda c: replace(c, values=c.values * 328), "**silent**: amplitude off by 328x"),
        ("edf", lambda c: replace(c, values=c.values + 1), "**silent**: values off by 1"),
        ("edf", lambda c: replace(c, values=-c.values), "**silent**: sign turned"),
        ("edf", lambda c: replace(c, values=c.values[::-1]), "**silent**: wrong values"),
        ("edf", lambda c: replace(c, values=c.values * np.nan), "**silent**: values missing"),
        ("edf", lambda c: replace(c, values=c.values[:-10], times=c.times[:-10]), "**silent**: 1 s lost"),
        (
            "edf",
            lambda c: replace(c, values=np.append(c.values, 0), times=np.append(c.times, 6)),
            "**silent**: 0.1 s invented",
        ),
        ("edf", lambda c: replace(c, times=2 * c.times), "**silent**: rate off by 2x"),
        ("edf", lambda c: replace(c, unit="mV"), "**silent**: unit mV for uV"),
        ("edf", lambda c: replace(c, unit="V"), "**silent**: amplitude off by 1e+06x"),
        ("edf", lambda c: replace(c, values=c.values / 1e6, unit="V"), "right"),
        ("edf", lambda c: replace(c, name=f"x{c.name}"), "right, as `xC3`, `xC4`"),
        ("label-utf8", lambda c: replace(c, name=c.name.replace("é", "?")), "**silent**: Impédance becomes Imp?dance"),
        ("gap", lambda c: replace(c, times=np.arange(60) / 10), "**silent**: gap lost: samples up to 300 s off"),
        ("physical-same", lambda c: replace(c, values=np.zeros(60)), "**silent**: wrong values; makes up values"),
        ("overlap", lambda c: c, "**silent**: guesses"),
        ("truncated", lambda c: c, "**silent**: part of a record left out"),
        ("no-data", lambda c: c, "**silent**: reads 60 samples"),
    ],
)
def test_what_a_reader_gets_wrong_is_seen(name, change, expected):
    fault = BY_NAME[name]
    truth = fault.truth() if fault.means else Reading(channels=[Channel("x", *np.zeros((2, 60)), "uV")])
    truth.channels = [change(channel) for channel in truth.channels]
    assert fault.verdict(truth) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"refused": "no"}, "refuses"),
        ({"warned": ["x"]}, "right, warns"),
        ({"start": None}, "**silent**: no start"),
        ({"start": SHIFTED, "warned": ["x"]}, "warns: start 23:05:01 for 23:05:00"),
        ({"start": SHIFTED + np.timedelta64(365, "D")}, "**silent**: start 1990-04-24 23:05:01"),
        ({"start": SHIFTED - np.timedelta64(86401, "s")}, "**silent**: date 1989-04-23 for 1989-04-24"),
        ({"channels": []}, "**silent**: 2 of 2 channels lost"),
        ({"notes": []}, "**silent**: 2 of 2 annotations lost"),
        ({"notes": [(2.5, None, "Lights off"), (3.25, 1.5, "Apnea")]}, "**silent**: annotations 0.5 s off the samples"),
        ({"notes": [(2, None, "Lights"), (3.25, 1.5, "Apnea")]}, "**silent**: texts of annotations changed"),
    ],
)
def test_what_a_reader_gets_wrong_about_a_recording_is_seen(change, expected):
    fault = BY_NAME["edf-plus"]
    assert fault.verdict(replace(fault.truth(), **change)) == expected


def test_the_truth_is_not_that_of_our_reader():
    """A recipe in which every number is known by hand."""
    signal = replace(PLAIN.signals[0], samples=2, records=[b"\0\x80\xff\x7f", b"\0\0\1\0"])
    recipe = replace(PLAIN, signals=[signal], n_records=2, duration="4")
    (channel,) = Fault("x", "x", recipe, recipe, onsets=(1, 7)).truth().channels
    assert channel.times.tolist() == [0, 2, 6, 8]
    assert channel.values.tolist() == [-100, 100, -100 + 200 * 32768 / 65535, -100 + 200 * 32769 / 65535]
    assert PLUS.content()[192:197] == b"EDF+C"


@pytest.mark.parametrize(
    ("unit", "told", "expected"),
    [(b"\xb5V", "µV", "uV"), ("µV".encode(), "µV", "uV"), ("μV".encode(), "μV", "uV"), (b"\xb0C", "°C", "degC")],
)
def test_units_in_any_code(make_edf, signal, unit, told, expected):
    recording = opened(make_edf(signal("X1", unit=unit)))
    assert recording["4Hz"]["unit"].values.tolist() == [expected]
    assert recording["4Hz"]["physical_dimension"].values.tolist() == [told]


def test_without_a_date_time_is_elapsed_time(make_edf):
    recording = opened(make_edf(date="XX.XX.XX", recording=""))
    assert recording.attrs["start"] == "NaT"
    node = recording["4Hz"]
    assert node["time"].dtype == np.dtype("timedelta64[ns]")
    assert node["time"].values[[0, 1, -1]].tolist() == [0, 250_000_000, 2_750_000_000]
    assert node["signal"].sel(time=slice("1s", "1999ms")).sizes["time"] == 4
    assert node["signal"].sel(time="1.25s").values == node["signal"].values[:, 5]


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


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_truncated_file_is_its_whole_records(make_edf, cut):
    recording = opened(make_edf(cut=cut))
    whole = (3 * 8 - cut) // 8 * 4
    assert np.array_equal(recording["4Hz"]["signal"].values, opened(make_edf())["4Hz"]["signal"].values[:, :whole])
    assert "truncated: declares 3 data records" in recording.attrs["findings"][0]


def test_a_wrong_policy_is_refused(make_edf):
    with pytest.raises(ValueError, match="unknown policy; expected strict or warn or repair; found 'lax'"):
        opened(make_edf(), "lax")


def test_many_rates_are_many_nodes(folder):
    recording = opened(BY_NAME["many"].write(folder))
    assert list(recording.children) == [f"{rate}Hz" for rate in (10, 1, 2, 3, 5, 25, 50, 100, 256, 512)]
    assert sum(node.sizes["channel"] for node in recording.children.values()) == 139


def test_long_records(make_edf, signal):
    recording = opened(make_edf(signal(samples=18_000), duration="1800", n_records=2))
    assert recording["10Hz"]["signal"].sel(time="1989-04-24T23:35").sizes["time"] == 600
