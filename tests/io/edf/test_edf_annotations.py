"""Annotations: exact times, texts in any script, and a check that the records follow each other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.edf.annotations import Annotation, read_track
from sleepdask.io.edf.header import read_header

SECOND = 10**9


def read(path):
    return track(path).annotations


def track(path):
    return read_track(path, read_header(path))


def codes(path, policy="warn"):
    """Code and place of all that is odd about a file."""
    findings = Findings(path, policy)
    read_track(path, read_header(path, findings), findings)
    return [(finding.code, finding.where) for finding in findings.found]


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
    inside = byte - 512 - 12 if byte - 512 in (12, 18) else 0
    assert codes(path) == [("malformed-annotations", f"data record {record}, byte {512 + 2 * size + inside}")]
    with pytest.raises(FileFormatError, match=f"data record {record}, byte .* read it with the policy 'warn'"):
        codes(path, "strict")


def test_what_can_be_read_before_and_after_malformed_bytes_is_kept(only):
    path = only(b"+0\x14\x14\0+1\x14a\x14\0oops+2\x14b\x14\0", b"+1\x14\x14\0+3\x14c\x14\0")
    assert [a.text for a in read(path)] == ["a", "c"]


def test_many_malformed_records_are_one_finding(only):
    path = only(*[b"?"] * 50)
    assert codes(path) == [("malformed-annotations", "data record 0, byte 512")]


def test_a_finding_shows_nothing_of_a_comment(only):
    path = only(b"+0\x14\x14\0", b"patient called Mrs Harry\x14\0")
    findings = Findings(path)
    read_track(path, read_header(path), findings)
    assert "Harry" not in str(findings.found)


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
    (found,) = read_track(path, header).annotations
    assert np.datetime64(header.origin_ns + found.onset_ns, "ns") == np.datetime64("1989-04-24T23:05:02")


def timed(make_edf, signal, annotations, onsets, **recipe):
    """Write a file whose records of one second state these onsets."""
    lists = [b"" if onset is None else f"+{onset}\x14\x14\0".encode() for onset in onsets]
    return make_edf(signal(), annotations(*lists), **{"n_records": len(lists), "reserved": "EDF+D", **recipe})


def stretches(path):
    """First record and start of each, in ns after the start in the header."""
    header = read_header(path)
    return [(each.first, each.start_ns - header.origin_ns) for each in read_track(path, header).stretches]


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D"])
@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        (["0", "1", "2"], [(0, 0)]),
        (["0", "1", "2.0009"], [(0, 0)]),
        (["0", "1", "2.0011"], [(0, 0), (2, 2_001_100_000)]),
        (["0", "1", "302", "303", "999"], [(0, 0), (2, 302 * SECOND), (4, 999 * SECOND)]),
        (["0.25", "1.25", "7.5", "8.5"], [(0, SECOND // 4), (2, 7_500_000_000)]),
        (["0", "1.5", "3", "4"], [(0, 0), (1, 1_500_000_000), (2, 3 * SECOND)]),
    ],
)
def test_gaps_between_records(make_edf, signal, annotations, kind, onsets, expected):
    path = timed(make_edf, signal, annotations, onsets, reserved=kind)
    assert stretches(path) == expected
    odd = kind == "EDF+C" and len(expected) > 1
    assert codes(path) == ([("gaps", f"data record {expected[1][0]}")] if odd else [])


@given(
    st.lists(st.sampled_from([0, 0, 0, 1, 89, 10**6]), min_size=1, max_size=40),
    st.integers(1, 100),
    st.integers(1, 900),
)
def test_any_gaps(make_edf, signal, annotations, gaps, block, batch):
    """The record times that are recognised at once, and those that are parsed, make the same stretches."""
    onsets = np.cumsum([gap + 1 for gap in gaps]) - 1 - gaps[0]
    expected = [(k, int(onset) * SECOND) for k, onset in enumerate(onsets) if k == 0 or gaps[k]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sleepdask.io.edf.recordfile._BLOCK", block)
        patch.setattr("sleepdask.io.edf.annotations._BATCH", batch)
        assert stretches(timed(make_edf, signal, annotations, onsets)) == expected
        assert stretches(timed(make_edf, signal, annotations, [f"{onset}.0" for onset in onsets])) == expected


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D"])
@pytest.mark.parametrize("third", ["1.5", "1.9989", "0"])
def test_records_that_overlap(make_edf, signal, annotations, kind, third):
    path = timed(make_edf, signal, annotations, ["0", "1", third], reserved=kind)
    told = rf"data record 2 begins before .* ends; expected 2 s or more .*; found {float(third):g} s"
    with pytest.raises(FileFormatError, match=told + ".*policy 'repair': it follows the one before it"):
        track(path)
    assert codes(path, "repair") == [("overlap", "data record 2")]


def test_records_set_back_are_moved_all_together(make_edf, signal, annotations):
    path = timed(make_edf, signal, annotations, ["0", "1", "2", "0.5", "1.5", "11.5"])
    findings = Findings(path, "repair")
    header = read_header(path, findings)
    found = [(each.first, each.start_ns - header.origin_ns) for each in read_track(path, header, findings).stretches]
    assert found == [(0, 0), (5, 14 * SECOND)]
    assert [finding.code for finding in findings.found] == ["overlap"]


@pytest.mark.parametrize("decimals", [0, 1])
@pytest.mark.parametrize("more", [b"", b"+2\x14x\x14\0"], ids=["alone", "annotated"])
def test_records_on_time_after_one_that_overlaps_are_where_they_say(make_edf, signal, annotations, decimals, more):
    """However their times are written, and whatever else is in them."""
    onsets = ["0", "1", "1.5", *(f"{second:.{decimals}f}" for second in (3, 4, 9))]
    lists = [f"+{onset}\x14\x14\0".encode() + more for onset in onsets]
    path = make_edf(signal(), annotations(*lists), n_records=6, reserved="EDF+D")
    header = read_header(path)
    found = read_track(path, header, Findings(path, "repair")).stretches
    assert [(each.first, each.start_ns - header.origin_ns) for each in found] == [(0, 0), (5, 9 * SECOND)]


def test_a_discontinuous_record_without_its_time(make_edf, signal, annotations):
    path = timed(make_edf, signal, annotations, ["0", None, "2", None])
    with pytest.raises(FileFormatError, match=r"data record 1 does not state its time; .*; found none"):
        track(path)
    assert codes(path, "repair") == [("no-record-time", "data record 1"), ("guesses", "")]


def test_start_within_a_second(make_edf, signal, annotations):
    path = timed(make_edf, signal, annotations, ["0.3945312"], reserved="EDF+C")
    assert stretches(path) == [(0, 394_531_200)]
    assert codes(path) == []


@pytest.mark.parametrize("onset", ["3600", "-1", "1"])
def test_start_far_from_the_header(make_edf, signal, annotations, onset):
    lists = [f"{int(onset):+d}\x14\x14\0".encode()]
    path = make_edf(signal(), annotations(*lists), n_records=1, reserved="EDF+C")
    assert stretches(path) == [(0, int(onset) * SECOND)]
    assert codes(path) == [("first-record", "data record 0")]


def test_a_record_beyond_what_time_can_be(make_edf, signal, annotations):
    path = timed(
        make_edf, signal, annotations, ["0", "999999999"], date="01.01.yy", recording="Startdate 01-JAN-2240 x"
    )
    with pytest.raises(FileFormatError, match="data record 1 is beyond the year 2262"):
        track(path)


@pytest.mark.parametrize(("number", "width"), [(0, 2), (100, 3)])
def test_a_record_time_without_its_closing_zero(make_edf, signal, annotations, number, width):
    lists = [f"+{k}\x14\x14".encode() for k in range(number + 1)]
    path = make_edf(signal(), annotations(*lists, samples=width), n_records=len(lists), reserved="EDF+C")
    assert [code for code, _ in codes(path)] == ["malformed-annotations"]
    assert read(path) == ()


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
    assert read_track(path, header).annotations == ()
    assert bytes_read == []


def test_changed_file_is_refused(make_edf, annotations):
    path = make_edf(annotations(b"+0\x14\x14\0"), n_records=1)
    header = read_header(path)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(FileFormatError, match="changed since it was opened"):
        read_track(path, header)


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


def test_real_hypnogram(test_data):
    found = read(test_data / "sleep-edf-sc4001/SC4001EC-Hypnogram.edf")
    assert len(found) == 154
    assert found[0] == Annotation(0, 30630 * SECOND, "Sleep stage W")
    assert (found[-1].text, found[-1].onset_ns) == ("Sleep stage ?", 79500 * SECOND)
    minutes = sum(a.duration_ns or 0 for a in found if a.text == "Sleep stage R") / SECOND / 60
    assert minutes == 62.5


def test_real_gaps(test_data):
    begin = {0: 0, 1: 2, 2: 4, 8: 12, 9: 15, 10: 19}
    assert stretches(test_data / "edf-odd/edfPlusD.edf") == [(first, s * SECOND) for first, s in begin.items()]


def test_real_breathing_events(test_data):
    found = read(test_data / "resmed-night-a/20260310_000154_EVE.edf")
    assert [a.text for a in found].count("Apnea") == 9


def test_real_start_within_a_second(test_data):
    path = test_data / "edf-odd/test_subsecond.edf"
    assert stretches(path) == [(0, 394_531_200)]
    found = read(path)
    assert found[0] == Annotation(2_345_703_100, None, "XLSpike")
