"""The strict EDF header: exact numbers, honest findings, and refusals that say what to do."""

from __future__ import annotations

import datetime as dt
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sleepdask.findings import Findings
from sleepdask.io.edf.annotations import read_track
from sleepdask.io.edf.header import channel_names, read_header


def findings(path):
    """All that is odd about a header."""
    found = Findings(path)
    read_header(path, found)
    return [str(finding) for finding in found.found]


def start(path):
    """Time of the first sample."""
    return np.datetime64(read_track(path, read_header(path)).stretches[0].start_ns, "ns")


def test_reads_every_field(make_edf, signal):
    path = make_edf(signal("C3 ", 4), signal("SpO2", 2, "%", "0", "1E2", "0", "1000"), duration="30")
    header = read_header(path)
    assert (header.kind, header.dated, header.sample_bytes) == ("EDF", True, 2)
    assert start(path) == np.datetime64("1989-04-24T23:05:00", "ns")
    assert header.record_ns == 30_000_000_000
    assert (header.header_bytes, header.record_bytes, header.n_records) == (768, 12, 3)
    assert findings(path) == []
    c3, spo2 = header.signals
    assert (c3.label, c3.transducer, c3.unit, c3.prefilter) == ("C3", "AgAgCl", "uV", "HP:0.1Hz")
    assert (c3.samples_per_record, c3.byte_offset, spo2.byte_offset) == (4, 0, 8)
    assert (spo2.physical_min, spo2.physical_max, spo2.digital_min, spo2.digital_max) == (0.0, 100.0, 0, 1000)
    assert (spo2.gain, spo2.offset) == (0.1, 0.0)


def test_header_and_file_stay_apart(make_edf, bytes_read):
    path = make_edf(n_records=500)
    header = read_header(path)
    assert bytes_read == [(0, 256), (256, 256)]
    assert header.file_size == path.stat().st_size
    assert header.mtime_ns == path.stat().st_mtime_ns


def test_no_identity_is_kept(make_edf):
    stored = pickle.dumps(read_header(make_edf(reserved="EDF+C")))
    for secret in (b"Harry", b"1987", b"MCH", b"EMG561", b"Sony", b"JOP"):
        assert secret not in stored


def test_pickles_and_hashes(make_edf):
    header = read_header(make_edf())
    assert pickle.loads(pickle.dumps(header)) == header
    assert hash(header) == hash(pickle.loads(pickle.dumps(header)))


@given(
    numbers=st.tuples(st.integers(-9999999, 9999999), st.integers(-9999999, 9999999)),
    digital=st.tuples(st.integers(-32768, 32767), st.integers(-32768, 32767)),
)
def test_calibration_meets_both_ends(make_edf, signal, numbers, digital):
    assume(numbers[0] != numbers[1] and digital[0] < digital[1])
    texts = [str(Decimal(n) / 100 if abs(n) < 99999 else n) for n in numbers]
    path = make_edf(signal("C3", 4, "uV", *texts, str(digital[0]), str(digital[1])))
    (found,) = read_header(path).signals
    for text, stored in zip(texts, digital, strict=True):
        steps = 1 + max(map(abs, digital)) / (digital[1] - digital[0])  # the rounding of both ends, carried to 0
        scale = steps * max(abs(found.physical_min), abs(found.physical_max))
        assert found.gain * stored + found.offset == pytest.approx(float(text), abs=1e-15 * scale)


@given(st.one_of(st.integers(1, 99999999).map(str), st.integers(1, 9999999).map(lambda n: f".{n:07d}")))
def test_record_duration_is_exact(make_edf, text):
    assert read_header(make_edf(duration=text)).record_ns == Fraction(text) * 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".0078125", 7_812_500),
        ("1800", 1_800_000_000_000),
        ("0.333333", 333_333_000),
        ("60.00", 60_000_000_000),
    ],
)
def test_record_duration_of_recorders(make_edf, text, expected):
    assert read_header(make_edf(duration=text)).record_ns == expected


@pytest.mark.parametrize(("year", "expected"), [("85", 1985), ("99", 1999), ("00", 2000), ("84", 2084)])
def test_two_digit_years(make_edf, year, expected):
    assert start(make_edf(date=f"01.02.{year}")) == np.datetime64(f"{expected}-02-01T23:05:00")


@pytest.mark.parametrize(
    ("date", "startdate", "expected"),
    [
        ("24.04.yy", "Startdate 24-APR-2103 X X X", "2103-04-24"),
        ("01.01.85", "Startdate 01-JAN-2085 X X X", "2085-01-01"),
        ("24.04.89", "Startdate 24-apr-1989", "1989-04-24"),
        ("24.04.89", "Startdate X X X X", "1989-04-24"),
    ],
)
def test_edf_plus_year(make_edf, date, startdate, expected):
    assert start(make_edf(date=date, recording=startdate, reserved="EDF+C")) == np.datetime64(f"{expected}T23:05:00")


def test_plain_edf_ignores_the_recording_field(make_edf):
    assert start(make_edf(recording="Startdate 25-APR-1990 X X X")) == np.datetime64("1989-04-24T23:05:00")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("Impédance".encode(), "Impédance"), (b"Imp\xe9dance", "Impédance"), (b"Temp \xb5V\0\0", "Temp µV")],
)
def test_labels_in_any_code(make_edf, signal, raw, expected):
    header = read_header(make_edf(signal(raw), signal("C4")))
    assert channel_names(header) == (expected, "C4")


def test_repeated_labels_are_numbered(make_edf, signal, annotations):
    labels = ("C3", "C3", "C3 #2", "", "C3")
    path = make_edf(*map(signal, labels), annotations(b"", b"", b""), reserved="EDF+C")
    assert channel_names(read_header(path)) == ("C3", "C3 #2", "C3 #2 #2", "unnamed", "C3 #3")
    assert findings(path) == [
        "3 signals are labelled 'C3'; the repeats are numbered in file order",
        "a signal has no label; it is called 'unnamed'",
    ]


@given(st.lists(st.sampled_from(["C3", "C3 #2", "C3 #2 #2", "C3 #3", ""]), min_size=1, max_size=8))
def test_names_are_unique(make_edf, signal, labels):
    names = channel_names(read_header(make_edf(*map(signal, labels))))
    assert len(set(names)) == len(labels)


@pytest.mark.parametrize(
    ("recipe", "records", "finding"),
    [
        (
            {"declared": 7, "cut": 3},
            2,
            "truncated: declares 7 data records, it holds 2 whole ones and 5 bytes more; the whole ones are read",
        ),
        ({"declared": 7}, 3, "truncated: declares 7 data records, it holds 3 whole ones; the whole ones are read"),
        ({"declared": -1, "cut": 7}, 2, "does not tell the number; it holds 2 whole ones and 1 bytes more"),
        ({"declared": ""}, 3, "does not tell the number; it holds 3 whole ones; the whole ones are read"),
        ({"tail": b"\0" * 501}, 3, "declares 3 data records, but 501 bytes follow them; these are ignored"),
        ({"tail": b"\n"}, 3, "declares 3 data records, but 1 bytes follow them; these are ignored"),
    ],
)
def test_sizes_that_do_not_fit(make_edf, recipe, records, finding):
    path = make_edf(**recipe)
    assert read_header(path).n_records == records
    assert findings(path)[0].startswith(f"header field 'number of data records' (bytes 236 to 243): {finding}")


def test_other_findings(make_edf, signal, annotations):
    path = make_edf(signal(dmin="0", dmax="65535"), signal("Crc16"), annotations(b"", b"", b""))
    assert read_header(path).ordinary == (0,)
    assert findings(path) == [
        "signal 'C3': declares numbers 0 to 65535, more than 16 bits can hold; the scale is read as written",
        "has a signal of annotations but does not say EDF+; it is read as annotations",
    ]
    assert findings(make_edf(reserved="EDF+C")) == [
        "says EDF+C but has no 'EDF Annotations' signal; its data records follow each other"
    ]


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D"])
def test_annotations_only_need_no_duration(make_edf, annotations, kind):
    header = read_header(make_edf(annotations(b"+0\x14\x14\0"), n_records=1, duration="0", reserved=kind))
    assert (header.kind, header.record_ns, header.ordinary) == (kind, 0, ())


def test_agrees_with_edfio(tmp_path):
    edfio = pytest.importorskip("edfio")
    rng = np.random.default_rng(1)
    path = tmp_path / "night.edf"
    edfio.Edf(
        [
            edfio.EdfSignal(rng.normal(size=2560), 256, label="C3", physical_dimension="uV", prefiltering="LP"),
            edfio.EdfSignal(rng.normal(size=10), 1, label="SpO2", physical_dimension="%"),
        ],
        recording=edfio.Recording(startdate=dt.date(2020, 2, 29)),
        starttime=dt.time(22, 1, 2, 250000),
        annotations=[edfio.EdfAnnotation(1, None, "x")],
    ).write(path)
    oracle, header = edfio.read_edf(path), read_header(path)
    assert header.kind == "EDF+C"
    assert start(path) == np.datetime64("2020-02-29T22:01:02.250")
    assert header.n_records == oracle.num_data_records
    assert header.record_ns == Fraction(oracle.data_record_duration) * 10**9
    for number, other in zip(header.ordinary, oracle.signals, strict=True):
        mine = header.signals[number]
        assert (mine.label, mine.unit, mine.prefilter) == (
            other.label,
            other.physical_dimension,
            other.prefiltering,
        )
        assert (mine.physical_min, mine.physical_max) == (other.physical_min, other.physical_max)
        assert mine.samples_per_record == other.samples_per_data_record


def test_real_names(test_data):
    names = channel_names(read_header(test_data / "nox-a1-psg/subject1.edf"))
    assert "1 Impédance" in names
    names = channel_names(read_header(test_data / "edf-odd/duplicate_channel_labels.edf"))
    assert names == ("EEG F1-Ref", "EEG F2-Ref", "EEG F1-Ref #2")
