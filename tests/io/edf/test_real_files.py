"""Every real recording: read, or refused for its reason; equal to other readers, and to the bytes decoded by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from edf_by_hand import by_hand
from edf_deviations import deviations
from edf_readings import PEERS, Channel, Reading, ours, peer_version, readings_of

import sleepdask as sd
from sleepdask.findings import POLICIES
from sleepdask.io.diagnose import diagnose_file

SUFFIXES = (".edf", ".bdf", ".rec")


@dataclass(frozen=True)
class Real:
    """What is known of a file.

    `wrong` says of other readers which get something wrong, and what; all others are right.
    """

    kind: str
    start: str
    channels: int
    notes: int = 0
    policy: str = "strict"
    codes: tuple[str, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()
    refused: str = ""
    large: bool = False


NO_BDF = ("lunapi", "corrupt EDF")
OTHER_TEXTS = ("lunapi", "texts of annotations changed")
ONE_RATE = ("mne", "slower channels resampled")
EMPTY = "holds no whole data record; expected at least 1270 bytes after the header; found 0 bytes"
NIGHT = "1989-04-24T16:13:00"
FILES = {
    "edf-odd/bdfPlusD.bdf": Real(
        "BDF+D",
        "2009-12-10T12:45:54",
        11,
        1,
        wrong=(
            ("edfio", "gap lost"),
            ("mne", "gap lost"),
            ("pyedflib", "1 channels too many"),
            ("lunapi", "EDF+D with no time track"),
        ),
    ),
    "edf-odd/chtypes_edf.edf": Real("EDF+C", "2015-11-19T19:33:09", 42, 8, wrong=(OTHER_TEXTS,)),
    "edf-odd/duplicate_channel_labels.edf": Real("EDF+C", "2018-04-01T14:12:44", 3, policy="warn", codes=("labels",)),
    "edf-odd/edfPlusD.edf": Real(
        "EDF+D",
        "2009-12-10T12:44:02",
        11,
        1,
        wrong=(("edfio", "gap lost"), ("mne", "gap lost"), ("pyedflib", "is discontinuous and cannot be read")),
    ),
    "edf-odd/invalid-date.edf": Real("EDF", "", 0, policy="none", codes=("no-date", "refused"), refused=EMPTY),
    "edf-odd/test_subsecond.edf": Real(
        "EDF+C",
        "2020-01-24T04:05:56.3945312",
        1,
        4,
        wrong=(
            ("pyedflib", "start 04:05:56.039453 for 04:05:56.3945312"),
            ("mne", "start 04:05:56 for"),
            ("lunapi", "start 04:05:56 for 04:05:56.3945312; annotations 0.394"),
        ),
    ),
    "edf-odd/test_uneven_samp.edf": Real("EDF", "2000-07-13T12:05:48", 2, wrong=(ONE_RATE,)),
    "edf-odd/test_utf8_annotations.edf": Real("EDF+C", "2009-12-10T12:44:02", 11, 2),
    "edf-odd/zero-data-records.edf": Real("EDF", "", 0, policy="none", codes=("refused",), refused=EMPTY),
    "nox-a1-psg/subject1.edf": Real(
        "EDF+C",
        "2018-02-06T01:36:50",
        89,
        policy="warn",
        codes=("not-ascii",),
        wrong=(("pyedflib", "the label is incorrect"), ONE_RATE),
    ),
    "resmed-night-a/20260310_000154_EVE.edf": Real(
        "EDF+D",
        "2026-03-10T00:01:55",
        0,
        10,
        wrong=(("pyedflib", "is discontinuous and cannot be read"), ("mne", "annotations lost")),
    ),
    "resmed-night-a/20260310_000159_BRP.edf": Real("EDF", "2026-03-10T00:01:59", 3),
    "resmed-night-a/20260310_000159_PLD.edf": Real("EDF", "2026-03-10T00:02:00", 13),
    "resmed-night-a/20260310_000159_SAD.edf": Real("EDF", "2026-03-10T00:02:00", 2),
    "resmed-night-a/STR.edf": Real(
        "EDF",
        "2025-01-12T12:00:00",
        96,
        policy="warn",
        codes=("not-ascii", "digital-range"),
        wrong=(("pyedflib", "Physical Dimension"), ONE_RATE),
    ),
    "sleep-edf-sc4001/SC4001E0-PSG.edf": Real("EDF", NIGHT, 7, wrong=(ONE_RATE,), large=True),
    "sleep-edf-sc4001/SC4001EC-Hypnogram.edf": Real("EDF+C", NIGHT, 0, 154, wrong=(("mne", "no start"), OTHER_TEXTS)),
    "sleep-edf-short/SC4001EC-Hypnogram.bdf": Real("BDF+C", NIGHT, 0, 154, wrong=(("mne", "no start"), NO_BDF)),
    "sleep-edf-short/short_psg.bdf": Real("BDF", NIGHT, 7, wrong=(ONE_RATE, NO_BDF)),
    "sleep-edf-short/short_psg.edf": Real("EDF", NIGHT, 7, wrong=(ONE_RATE,)),
}
READ = [name for name, real in FILES.items() if not real.refused]
QUICK = [name for name in READ if not FILES[name].large]


def test_every_file_is_known(test_data: Path) -> None:
    there = {str(p.relative_to(test_data)) for p in test_data.rglob("*") if p.suffix.lower() in SUFFIXES}
    assert there == set(FILES), "say in FILES what is expected of each recording"


@pytest.mark.parametrize("name", FILES)
def test_each_opens_or_is_refused_for_its_reason(test_data: Path, name: str) -> None:
    real, path = FILES[name], test_data / name
    seen = diagnose_file(path)
    assert (seen.format, seen.policy) == (real.kind if not real.refused else seen.format, real.policy)
    assert tuple(finding.code for finding in seen.findings) == real.codes
    if real.refused:
        for policy in POLICIES[1:]:
            with pytest.raises(sd.FileFormatError, match=real.refused):
                sd.open_recording(path, policy=policy)
        return
    recording = sd.open_recording(path)
    assert recording.attrs["format"] == real.kind
    assert np.datetime64(recording.attrs["start"]) == np.datetime64(real.start)


@pytest.mark.parametrize("name", READ)
def test_each_is_what_its_bytes_say(test_data: Path, name: str) -> None:
    """Names, units as written, times, values, stored numbers, annotations."""
    path = test_data / name
    truth, stored = by_hand(path)
    found = ours(path)
    assert len(truth.channels) == FILES[name].channels
    assert len(truth.notes) == FILES[name].notes
    assert sorted(c.name for c in found.channels) == sorted(c.name for c in truth.channels)
    by_name = {channel.name: channel for channel in found.channels}
    for true in truth.channels:
        mine = by_name[true.name]
        np.testing.assert_allclose(mine.times, true.times, rtol=0, atol=1e-6 if "subsecond" in name else 2e-9)
        number = stored[true.name]
        np.testing.assert_allclose(
            mine.values, true.values, rtol=0, atol=1e-13 * max(abs(number.low), abs(number.high)) + 1e-300
        )
        assert np.array_equal(np.round(number.back(mine.values)), number.numbers)
    assert found.start == truth.start
    assert [(text, length) for _, length, text in found.notes] == [(text, length) for _, length, text in truth.notes]
    np.testing.assert_allclose([n[0] for n in found.notes], [n[0] for n in truth.notes], rtol=0, atol=2e-9)
    written = {str(unit) for node in _signals(path) for unit in node["physical_dimension"].values}
    assert written == {channel.unit for channel in truth.channels}


@pytest.mark.parametrize("peer", PEERS)
def test_all_others_agree_but_where_they_are_known_to_be_wrong(test_data: Path, peer: str) -> None:
    if not peer_version(peer):
        pytest.skip(f"{peer} is not there")
    paths = [test_data / name for name in QUICK]
    for name, path, reading in zip(QUICK, paths, readings_of(peer, paths), strict=True):
        _compare(name, peer, reading, path)


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS[:3])
@pytest.mark.parametrize("name", [name for name in READ if FILES[name].large])
def test_all_others_agree_about_a_whole_night(test_data: Path, peer: str, name: str) -> None:
    if not peer_version(peer):
        pytest.skip(f"{peer} is not there")
    _compare(name, peer, readings_of(peer, [test_data / name])[0], test_data / name)


def _compare(name: str, peer: str, reading: Reading, path: Path) -> None:
    expected = dict(FILES[name].wrong).get(peer, "")
    truth = _in_file_order(ours(path), by_hand(path)[0])
    kept = [channel for channel in reading.channels if channel.name.lower() != "crc16"]
    if len(kept) == len(truth.channels):
        kept = [_in_unit(*pair, volts=peer == "mne") for pair in zip(kept, truth.channels, strict=True)]
    said = reading.refused or "; ".join(deviations(replace(reading, channels=kept), truth))
    assert (expected in said) if expected else not said, f"{peer} of {name}: {said or 'is right by now'}"


def _in_unit(one: Channel, true: Channel, *, volts: bool) -> Channel:
    """Channel in the unit of ours; units are compared with what the file says, not with how others spell them."""
    factor = {"uV": 1e6, "mV": 1e3}.get(true.unit, 1.0) if volts else 1.0
    return replace(one, values=one.values * factor, unit=true.unit)


def _in_file_order(reading: Reading, order: Reading) -> Reading:
    by_name = {channel.name: channel for channel in reading.channels}
    return replace(reading, channels=[by_name[channel.name] for channel in order.channels])


def _signals(path: Path) -> list[xr.DataTree]:
    return [node for node in sd.open_recording(path, chunks=None).children.values() if "signal" in node]


RESMED = "resmed-night-a/20260310_0001"


def test_the_breathing_night_is_on_one_clock(test_data: Path) -> None:
    flow, settings, oximeter = (
        sd.open_recording(test_data / f"{RESMED}59_{kind}.edf", chunks=None) for kind in ("BRP", "PLD", "SAD")
    )
    times = flow["25Hz"]["time"]
    assert str(times.values[0]) == "2026-03-10T00:01:59.000000000"
    assert str(times.values[1]) == "2026-03-10T00:01:59.040000000"
    for recording, rate in ((settings, "0.5Hz"), (oximeter, "1Hz")):
        assert str(recording[rate]["time"].values[0]) == "2026-03-10T00:02:00.000000000"
    assert "Flow.40ms" in flow["25Hz"]["channel"].values
    assert any(name.startswith("MaskPress") for name in settings["0.5Hz"]["channel"].values)


def test_breathing_events_land_where_their_bytes_say(test_data: Path) -> None:
    path = test_data / f"{RESMED}54_EVE.edf"
    raw = path.read_bytes()
    assert raw[168:184] == b"10.03.2600.01.55"
    onsets = [int(onset) for onset in re.findall(rb"\+(\d+)\x15\d+\x14Apnea\x14", raw)]
    expected = [np.datetime64("2026-03-10T00:01:55", "ns") + np.timedelta64(onset, "s") for onset in onsets]
    rows = sd.open_recording(path)["annotations"]
    apneas = rows["text"].values == "Apnea"
    assert rows["onset"].values[apneas].tolist() == [int(time) for time in expected]
    assert len(onsets) == 9


def test_breathing_events_mark_quiet_flow(test_data: Path) -> None:
    """This device marks the end of an apnea: flow is quiet before its marks, and nowhere else nearby."""
    rows = sd.open_recording(test_data / f"{RESMED}54_EVE.edf")["annotations"]
    flow = sd.open_recording(test_data / f"{RESMED}59_BRP.edf", chunks=None)["25Hz"]["signal"].sel(channel="Flow.40ms")
    second = np.timedelta64(1, "s")

    def quiet(shift: int) -> float:
        parts = []
        for onset, length, text in zip(rows["onset"].values, rows["duration"].values, rows["text"].values, strict=True):
            if text == "Apnea":
                end = onset + shift * second
                parts.append(float(flow.sel(time=slice(end - length, end)).std()))
        return float(np.median(parts))

    around = {shift: quiet(shift) for shift in range(-120, 121, 10)}
    assert min(around, key=around.__getitem__) == 0
    assert around[0] < 0.6 * np.median(list(around.values()))
