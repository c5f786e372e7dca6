"""Broken and hostile files: an exception of ours, or a valid hypnogram."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.io.scores.registry import FORMATS

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><CMPStudyConfig>&c;</CMPStudyConfig>'
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><PSGAnnotation>&f;</PSGAnnotation>'
STAGES = "<SleepStages><SleepStage>0</SleepStage></SleepStages></CMPStudyConfig>"
REMLOGIC = "Time [hh:mm:ss]\tEvent\tDuration[s]\n"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "the file is empty"),
        (LAUGHS.encode(), "defines entities or a document type"),
        (EXTERNAL.encode(), "defines entities or a document type"),
        (b"<CMPStudyConfig><EpochLength>30</EpochLength><SleepSta", "the XML is broken"),
        (b'<?xml version="1.0" encoding="klingon"?><CMPStudyConfig/>', "the XML is broken"),
        (b"<html><body>W</body></html>", "of no known format"),
        (b"<CMPStudyConfig>" + STAGES.encode(), "EpochLength is no number"),
        (b"<CMPStudyConfig><EpochLength>0</EpochLength>" + STAGES.encode(), "no length of an epoch"),
        (b"<CMPStudyConfig><EpochLength>1e9</EpochLength>" + STAGES.encode(), "no length of an epoch"),
        (b"<CMPStudyConfig><EpochLength>30</EpochLength></CMPStudyConfig>", "no sleep stages"),
        (b"W\nN1\n\0\nN2\n", "NUL bytes"),
        (b"\x1f\x8b\x08\x00" * 9, "the file is compressed; .*unpack it"),
        (b"PK\x03\x04" * 9, "the file is compressed; .*export a workbook as CSV"),
        (b"W\xff\xfe\x81\nN1\n", "neither text nor EDF"),
        (b"\xff\xfeW\x00\n\x00\x00\xd8", "no valid utf-16"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 40, "neither text nor EDF|NUL bytes"),
        (b"hello\nworld\n", "of no known format"),
        (b"Jane Doe, born 1970\n", "of no known format"),
        (b"0\n0\n1\n0\n3\n" * 600 + b"\n".join(b"%d" % (7 * k) for k in range(99)), "of no known format"),
        (b"0\n" * 3000 + b"x\n" * 3000, "of no known format"),
        (b"onset,duration,stage\n0,-30,W\n", "line 2: a duration is negative"),
        (b"onset,duration,stage\n0,30,W\nx,30,W\n", "line 3: onset is no number"),
        (b"onset,duration,stage\nnan,30,W\n", "line 2: an onset is no time"),
        (b"onset,duration,stage\n0,inf,W\n", "line 2: duration is no number"),
        (b"onset,duration,stage\n1e18,30,W\n", "beyond 30 years"),
        (b"onset,duration,stage\n0,30\n", "line 2: a row is too short"),
        (b"onset,duration,stage\n", "no rows"),
        (b"onset,start,stage\n0,0,W\n", "two columns hold the same"),
        (b'onset,duration,stage\n0,30,"W\n', "cannot be split"),
        (b"onset,end,stage\n30,0,W\n", "ends before it begins"),
        (b"onset;duration;stage\n0;1,500;W\n", "part decimals or thousands"),
        (b"onset,duration,stage\n2024-02-30T10:00:00,30,W\n", "no such date"),
        (
            b"onset,duration,stage\n2024-02-03T10:00:00Z,30,W\n2024-02-03T10:00:30,30,W\n",
            "all of them with their offset",
        ),
        (b"onset,duration,stage\n3/4/2016 10:00:00 PM,30,W\n", "do not tell day from month"),
        (b"onset,duration,stage\n10:00:00,30,W\n2024-02-03T10:00:00,30,W\n", "line 3: an onset is no time"),
        (b"onset,duration,stage\n0,,W\n", "the only score has no duration"),
        (b"epoch,stage\n1.5,W\n", "line 2: the number of an epoch is none"),
        (b"epoch,duration,stage\n0,20,W\n", "durations but no onsets"),
        (b"epoch,stage\n0,W\n999999999,W\n", "scores lie beyond 30 years"),
        (b"epoch,stage\n5,W\n6,W\n", "not numbered from 0 or 1"),
        (b"epoch,stage\n0,W\n0,W\n", "not numbered from 0 or 1"),
        (REMLOGIC.encode() + b"25:00:00\tSLEEP-S0\t30\n", "line 2: an onset is no time"),
        (REMLOGIC.encode() + b"22:00:00\tSLEEP-S0\t-1\n", "line 2: a duration is negative"),
        (REMLOGIC.encode() + b"22:00:00\tAPNEA\t30\n", "no sleep stages; .*found 1 other events"),
        ("début,fin,événement\n[],[],[]\na,b,c\n".encode(), "columns have unknown names"),
        (b"0       not an EDF", "shorter than its header"),
    ],
)
def test_refused(tmp_path: Path, raw: bytes, told: str) -> None:
    path = tmp_path / "scores"
    path.write_bytes(raw)
    with pytest.raises(sd.FileFormatError, match=told) as caught:
        sd.read_hypnogram(path)
    assert "Jane" not in f"{caught.value.args[0]} {caught.value.found}"


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(sd.ParameterError, match="no such file"):
        sd.read_hypnogram(tmp_path / "none")
    with pytest.raises(sd.ParameterError, match="is a folder"):
        sd.read_hypnogram(tmp_path)


def test_a_million_lines(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("0\n1\n2\n3\n" * 250_000)
    hypnogram = sd.read_hypnogram(path)
    assert sd.stage_counts(hypnogram["stage"].values) == {
        "W": 250_000,
        "N1": 250_000,
        "N2": 250_000,
        "N3": 250_000,
        "R": 0,
    }


def test_long_labels_are_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "told.csv"
    path.write_text("onset,duration,stage\n0,30,W\n30,30,the patient Jane Doe was called\n")
    assert "Jane Doe" not in str(sd.read_hypnogram(path).attrs["findings"])


WORDS = [
    "W",
    "4",
    "5",
    "-1",
    "nan",
    "1e400",
    "9" * 400,
    "=1",
    "23:59:59",
    "00:00:00",
    "30",
    "-30",
    "0,5",
    "\0",
    "é",
    "",
]
HEADS = ["", "onset,duration,stage\n", "onset\tduration\ttrial_type\n", REMLOGIC, "a,b\n[],[]\n", "epoch_list\n"]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from(HEADS) | st.text(max_size=20),
    table=st.lists(st.lists(st.sampled_from(WORDS) | st.text(max_size=5), min_size=1, max_size=4), max_size=6),
    mark=st.sampled_from(",\t;"),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
    name=st.sampled_from([None, *FORMATS]),
)
@example(head="", table=[], mark=",", encoding="utf-8", name="table")
def test_anything_is_refused_or_valid(
    tmp_path: Path, head: str, table: list[list[str]], mark: str, encoding: str, name: str | None
) -> None:
    path = tmp_path / "any"
    path.write_bytes((head + "\n".join(mark.join(row) for row in table)).encode(encoding, "surrogatepass"))
    try:
        hypnogram = sd.read_hypnogram(path, format=name)
    except sd.SleepdaskError:
        return
    assert set(hypnogram["stage"].values.tolist()) <= {"W", "N1", "N2", "N3", "R", ""}
    onset = hypnogram["onset"].values.astype(np.int64)
    assert (np.diff(onset) > 0).all()
    assert (hypnogram["duration"].values > np.timedelta64(0, "ns")).all()
