"""Annotations: exact times, texts in any script, and a check that the records follow each other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import FileFormatError
from sleepdask.io.edf.annotations import Annotation, read_annotations
from sleepdask.io.edf.header import read_header

SECOND = 10**9


def read(path):
    return read_annotations(path, read_header(path))


@pytest.fixture(scope="session")
def only(make_edf, annotations):
    """Write a file of annotations only, one record each."""

    def make(*records, **recipe):
        sizes = max(map(len, records)) // 2 + 1
        signal = annotations(*records, samples=sizes)
        return make_edf(signal, **{"n_records": len(records), "duration": "0", "reserved": "EDF+C", **recipe})

    return make


def test_reads_the_examples_of_the_specification(only):
    path = only(
        b"+0\x14\x14\0+180\x14Lights off\x14Close door\x14\0+180.25\x1525.5\x14Apnea\x14\0",
        b"+5\x14\x14at its start\x14\0-0.065\x14Pre-stimulus\x14\0",
    )
    assert read(path) == (
        Annotation(-65_000_000, None, "Pre-stimulus"),
        Annotation(5 * SECOND, None, "at its start"),
        Annotation(180 * SECOND, None, "Lights off"),
        Annotation(180 * SECOND, None, "Close door"),
        Annotation(180_250_000_000, 25_500_000_000, "Apnea"),
    )


def test_odd_but_clear_lists(only):
    path = only(b"\0\0+0\x14\x14\x14\0\0\0+1.\x15\x14Arousal\x14\0+2\x15\x14\x14\0+3\x150\x14x\x14\x14y\x14\0\0")
    assert read(path) == (
        Annotation(SECOND, None, "Arousal"),
        Annotation(3 * SECOND, 0, "x"),
        Annotation(3 * SECOND, 0, "y"),
    )


def test_texts_in_any_code(only):
    path = only("+0\x14\x14\0+2\x14仰卧\x14\0".encode() + b"+3\x14R\xe9veil\x14\0")
    assert [a.text for a in read(path)] == ["仰卧", "Réveil"]


_TIMES = st.decimals(min_value=0, max_value=999_999_999, allow_nan=False, allow_infinity=False, places=9)


@given(onset=_TIMES, sign=st.sampled_from("+-"), duration=st.none() | _TIMES)
def test_times_are_exact(only, onset, sign, duration):
    length = "" if duration is None else f"\x15{duration:f}"
    (found,) = read(only(f"+0\x14\x14\0{sign}{onset:f}{length}\x14x\x14\0".encode()))
    assert found.onset_ns == Fraction(onset) * SECOND * (-1 if sign == "-" else 1)
    assert found.duration_ns == (None if duration is None else Fraction(duration) * SECOND)


def test_digits_beyond_nanoseconds_are_rounded(only):
    path = only(b"+0\x14\x14\0+0.00000000149\x14a\x14\0+0.0000000015\x14b\x14\0+0.9999999999\x14c\x14\0")
    assert [a.onset_ns for a in read(path)] == [1, 2, SECOND]


@pytest.mark.parametrize(
    ("lists", "record", "byte"),
    [
        ((b"+0\x14\x14\0", b"1\x14x\x14\0"), 1, 512 + 12),
        ((b"+0\x14\x14\0", b"+1\x14x\x14\0?"), 1, 512 + 12 + 6),
        ((b"+0\x14\x14\0", b"+1,5\x14x\x14\0"), 1, 512 + 12),
        ((b"+0\x14\x14\0", b"+1\x15-5\x14x\x14\0"), 1, 512 + 12),
        ((b"+0\x14\x14\0", b"+1\x14unended"), 1, 512 + 12),
        ((b"+0\x14\x14\0", b"+1234567890\x14\x14\0"), 1, 512 + 16),
    ],
)
def test_malformed(only, lists, record, byte):
    size = max(map(len, lists)) // 2 + 1
    path = only(*lists)
    with pytest.raises(FileFormatError) as error:
        read(path)
    inside = byte - 512 - 12 if byte - 512 in (12, 18) else 0
    text = f"malformed annotation in data record {record} (byte {512 + 2 * size + inside} of the file)"
    assert text in str(error.value)
    assert str(path) in str(error.value)


def test_an_error_shows_little_of_a_comment(only):
    with pytest.raises(FileFormatError) as error:
        read(only(b"+0\x14\x14\0", b"patient called Mrs Harry\x14\0"))
    assert "Harry" not in str(error.value)


def test_several_annotation_signals(make_edf, signal, annotations):
    path = make_edf(
        annotations(b"+0\x14\x14\0", b"+1\x14\x14\0+1.5\x14b\x14\0"),
        signal(),
        annotations(b"+9\x14c\x14\0", b"+0.5\x14a\x14\0"),
        n_records=2,
        reserved="EDF+C",
    )
    assert [a.text for a in read(path)] == ["a", "b", "c"]


def test_onsets_count_from_the_whole_second(make_edf, signal, annotations):
    path = make_edf(signal(), annotations(b"+0.25\x14\x14\0+2\x14x\x14\0", b"+1.25\x14\x14\0"), n_records=2,
                    reserved="EDF+C")  # fmt: skip
    header = read_header(path)
    (found,) = read_annotations(path, header)
    assert header.time_origin + np.timedelta64(found.onset_ns, "ns") == np.datetime64("1989-04-24T23:05:02")


@pytest.mark.parametrize(("third", "fine"), [("2", True), ("2.0009", True), ("2.0011", False), ("302", False)])
def test_records_must_follow_each_other(make_edf, signal, annotations, third, fine):
    lists = (b"+0\x14\x14\0", b"+1\x14\x14\0", f"+{third}\x14\x14\0".encode())
    path = make_edf(signal(), annotations(*lists), reserved="EDF+C")
    if fine:
        assert read(path) == ()
    else:
        with pytest.raises(
            FileFormatError, match=rf"data record 2 though .* EDF\+C; expected .* 2 s .*found {third} s"
        ):
            read(path)


@pytest.mark.parametrize(("number", "width"), [(0, 2), (100, 3)])
def test_a_record_time_without_its_closing_zero(make_edf, signal, annotations, number, width):
    lists = [f"+{k}\x14\x14".encode() for k in range(number + 1)]
    path = make_edf(signal(), annotations(*lists, samples=width), n_records=len(lists), reserved="EDF+C")
    with pytest.raises(FileFormatError, match=f"malformed annotation in data record {number} "):
        read(path)


def test_record_duration_with_rounded_onsets(make_edf, signal, annotations):
    lists = [f"+{i * 0.0078125:.4f}\x14\x14\0".encode() for i in range(200)]
    assert read(make_edf(signal(), annotations(*lists), n_records=200, duration=".0078125", reserved="EDF+C")) == ()


def test_records_without_ordinary_signals_may_be_anywhere(only):
    path = only(b"+0\x14\x14\0+4\x14x\x14\0", b"+500\x14\x14\0+501\x14y\x14\0", reserved="EDF+D")
    assert [a.onset_ns // SECOND for a in read(path)] == [4, 501]


def test_records_that_keep_no_time(make_edf, signal, annotations):
    path = make_edf(signal(), annotations(b"+7\x14first\x14\0", b"", b"+8\x14last\x14\0"), reserved="EDF+C")
    assert [a.text for a in read(path)] == ["first", "last"]


def test_file_without_annotations(make_edf, bytes_read):
    path = make_edf()
    header = read_header(path)
    bytes_read.clear()
    assert read_annotations(path, header) == ()
    assert bytes_read == []


def test_changed_file_is_refused(make_edf, annotations):
    path = make_edf(annotations(b"+0\x14\x14\0"), n_records=1)
    header = read_header(path)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(FileFormatError, match="changed since it was opened"):
        read_annotations(path, header)


def _edfio_list(edfio, path):
    return [(a.onset, a.duration, a.text) for a in edfio.read_edf(path).annotations]


def test_agrees_with_edfio(tmp_path):
    edfio = pytest.importorskip("edfio")
    path = tmp_path / "night.edf"
    rng = np.random.default_rng(3)
    onsets = np.sort(rng.integers(0, 6_000_000, 40)) / 1e5
    notes = [edfio.EdfAnnotation(o, None if i % 3 else 30 + i / 8, f"stage {i} é") for i, o in enumerate(onsets)]
    edfio.Edf([edfio.EdfSignal(rng.normal(size=6000), 100, label="C3")], annotations=notes).write(path)
    assert len(read(path)) == 40
    for found, (onset, duration, text) in zip(read(path), _edfio_list(edfio, path), strict=True):
        assert found.onset_ns == round(onset * SECOND)
        assert found.duration_ns == (None if duration is None else round(duration * SECOND))
        assert found.text == text


@pytest.mark.parametrize(
    "name",
    [
        "sleep-edf-sc4001/SC4001EC-Hypnogram.edf",
        "resmed-night-a/20260310_000154_EVE.edf",
        "edf-odd/test_utf8_annotations.edf",
        "edf-odd/chtypes_edf.edf",
        "nox-a1-psg/subject1.edf",
        "edf-odd/duplicate_channel_labels.edf",
    ],
)
def test_real_files_agree_with_edfio(test_data, name):
    edfio = pytest.importorskip("edfio")
    path = test_data / name
    oracle = [
        (round(o * SECOND), None if d is None else round(d * SECOND), t) for o, d, t in _edfio_list(edfio, path) if t
    ]
    assert sorted((a.onset_ns, a.duration_ns or 0, a.text) for a in read(path)) == sorted(
        (o, d or 0, t) for o, d, t in oracle
    )


def test_real_hypnogram(test_data):
    found = read(test_data / "sleep-edf-sc4001/SC4001EC-Hypnogram.edf")
    assert len(found) == 154
    assert found[0] == Annotation(0, 30630 * SECOND, "Sleep stage W")
    assert (found[-1].text, found[-1].onset_ns) == ("Sleep stage ?", 79500 * SECOND)
    minutes = sum(a.duration_ns or 0 for a in found if a.text == "Sleep stage R") / SECOND / 60
    assert minutes == 62.5


def test_real_breathing_events(test_data):
    found = read(test_data / "resmed-night-a/20260310_000154_EVE.edf")
    assert [a.text for a in found].count("Apnea") == 9


def test_real_start_within_a_second(test_data):
    path = test_data / "edf-odd/test_subsecond.edf"
    header = read_header(path)
    assert header.start_ns - header.origin_ns == 394_531_200
    found = read_annotations(path, header)
    assert found[0] == Annotation(2_345_703_100, None, "XLSpike")
