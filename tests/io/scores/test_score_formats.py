"""Every format and vocabulary, from files made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from edf_recipes import Recipe, annotation_signal

import sleepdask as sd

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str, name: str = "scores.txt", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return to_file


def rows(hypnogram: xr.Dataset) -> list[tuple[float, float, str]]:
    """Onset in seconds (of what the onsets count from), duration in seconds, stage."""
    onset = hypnogram["onset"].values.astype(np.int64) / 1e9
    duration = hypnogram["duration"].values / np.timedelta64(1, "s")
    return list(zip(onset.tolist(), duration.tolist(), hypnogram["stage"].values.tolist(), strict=True))


def stages(hypnogram: xr.Dataset) -> list[str]:
    return [str(stage) for stage in hypnogram["stage"].values]


PROFUSION = (
    "<CMPStudyConfig><EpochLength>20</EpochLength><ScoredEvents><ScoredEvent><Name>Hypopnea</Name><Start>3.5</Start>"
    "<Duration>10</Duration><Input>NASAL</Input></ScoredEvent></ScoredEvents><SleepStages>{}</SleepStages>"
    "</CMPStudyConfig>"
)


def test_profusion(write: Write) -> None:
    listed = "".join(f"<SleepStage>{n}</SleepStage>" for n in "012345968")
    path = write(PROFUSION.format(listed), "p.xml")
    hypnogram = sd.read_hypnogram(path)
    assert stages(hypnogram) == ["W", "N1", "N2", "N3", "N3", "R", "", "", ""]
    assert rows(hypnogram)[1] == (20, 20, "N1")
    assert hypnogram.attrs["findings"] == [
        "labels that are no known stage: '8'; they are left unscored",
        "epochs are 20 s long, not 30 s; they are taken as such",
    ]
    events = sd.read_events(path)
    assert events["onset"].values[0] == np.timedelta64(3500, "ms")
    assert events["channel"].values.tolist() == ["NASAL"]


def test_nsrr(write: Write) -> None:
    concepts = ["Wake|0", "Stage 1 sleep|1", "Stage 2 sleep|2", "Stage 3 sleep|3", "Stage 4 sleep|4", "REM sleep|5"]
    concepts += ["Movement|6", "Unscored|9", "Stage 7|7"]
    made = "".join(
        f"<ScoredEvent><EventType>Stages|Stages</EventType><EventConcept>{concept}</EventConcept>"
        f"<Start>{60 * k}.0</Start><Duration>60.0</Duration></ScoredEvent>"
        for k, concept in enumerate(concepts)
    )
    other = (
        "<ScoredEvent><EventType/><EventConcept>Recording Start Time</EventConcept><Start>0</Start>"
        "<Duration>540</Duration><ClockTime>00.00.00 21.59.59</ClockTime></ScoredEvent><ScoredEvent>"
        "<EventType>Respiratory|Respiratory</EventType><EventConcept>Hypopnea|Hypopnea</EventConcept><Start>61.5</Start>"
        "<Duration>12</Duration><SignalLocation>ABDO RES</SignalLocation></ScoredEvent>"
    )
    text = f"<PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents>{other}{made}</ScoredEvents></PSGAnnotation>"
    hypnogram = sd.read_hypnogram(write(text))
    assert stages(hypnogram) == ["W", "N1", "N2", "N3", "N3", "R", "", "", ""]
    assert hypnogram.attrs["format"] == "nsrr"
    events = sd.read_events(write(text))
    assert events["text"].values.tolist() == ["Hypopnea"]
    assert events["channel"].values.tolist() == ["ABDO RES"]


REMLOGIC = "RemLogic Event Export\r\n{}\r\nSleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\r\n{}"


def remlogic(*lines: tuple[str, str, str], head: str = "") -> str:
    made = "".join(f"S0\tUnknown Position\t{time}\t{event}\t{length}\tC4-A1\r\n" for time, event, length in lines)
    return REMLOGIC.format(head, made)


def test_remlogic__times_of_day_cross_midnight_and_find_their_night(write: Write) -> None:
    names = ["SLEEP-S0", "SLEEP-S1", "SLEEP-S2", "SLEEP-S3", "SLEEP-S4", "SLEEP-REM", "SLEEP-MT", "SLEEP-UNSCORED"]
    times = ["23:58:30", "23:59:00", "23:59:30", "00:00:00", "00:00:30", "00:01:00", "00:01:30", "00:02:00"]
    scored = [(time, name, "30") for time, name in zip(times, names, strict=True)]
    path = write(remlogic(*scored[:3], ("23:59:40", "MCAP-A1", "5"), *scored[3:]))
    hypnogram = sd.read_hypnogram(path)
    assert stages(hypnogram) == ["W", "N1", "N2", "N3", "N3", "R", "", ""]
    assert hypnogram.attrs["relative_to"] == "midnight"
    assert rows(hypnogram)[0][0] == 23 * 3600 + 58 * 60 + 30
    assert rows(hypnogram)[3][0] == 24 * 3600
    assert hypnogram.attrs["findings"] == []
    placed = sd.read_hypnogram(path, start="2024-03-12T00:10")
    assert str(placed["onset"].values[0]) == "2024-03-11T23:58:30.000000000"
    events = sd.read_events(path, start="2024-03-11T22:00")
    assert str(events["onset"].values[0]) == "2024-03-11T23:59:40.000000000"
    assert events["text"].values.tolist() == ["MCAP-A1"]
    assert events["channel"].values.tolist() == ["C4-A1"]


def test_remlogic__in_french_with_points_and_afternoon(write: Write) -> None:
    text = "Stade de sommeil\tPosition\tHeure [hh:mm:ss]\tEvénement\tDurée[s]\nW\t\t10.05.30 PM\tSLEEP-S0\t30,0\n"
    assert rows(sd.read_hypnogram(write(text, encoding="cp1252"))) == [(22 * 3600 + 330, 30, "W")]


@pytest.mark.parametrize(
    ("head", "first", "placed"),
    [
        ("Recording Date:\t10/06/2013", "21:00:00", None),  # June or October
        ("Recording Date:\t13/06/2013", "21:00:00", "2013-06-13T21:00:00"),
        ("Recording Date:\t06/13/2013", "21:00:00", "2013-06-13T21:00:00"),
        ("Recording Date:\t2013-06-13", "21:00:00", "2013-06-13T21:00:00"),
        ("Recording Date:\t06/06/2013", "21:00:00", "2013-06-06T21:00:00"),
        ("Recording Date:\t13/06/2013", "01:00:00", None),  # of that day, or of the next
        ("Recording Date:\t13/13/2013", "21:00:00", None),
    ],
)
def test_remlogic__a_date_in_the_head_counts_where_it_means_one_thing(
    write: Write, head: str, first: str, placed: str | None
) -> None:
    hypnogram = sd.read_hypnogram(write(remlogic((first, "SLEEP-S0", "30"), head=head)))
    assert hypnogram.attrs.get("relative_to") == (None if placed else "midnight")
    if placed:
        assert str(hypnogram["onset"].values[0]) == f"{placed}.000000000"


def test_remlogic__a_stage_that_is_unknown_is_still_a_score(write: Write) -> None:
    path = write(remlogic(("22:00:00", "SLEEP-S0", "30"), ("22:00:30", "SLEEP-S7", "30"), ("22:00:40", "APNEA", "9")))
    hypnogram = sd.read_hypnogram(path)
    assert stages(hypnogram) == ["W", ""]
    assert hypnogram.attrs["findings"] == ["labels that are no known stage: 'SLEEP-S7'; they are left unscored"]
    assert sd.read_events(path)["text"].values.tolist() == ["APNEA"]


def noxturnal(*dates: str, names: str = "Start Time,End Time,Event,Duration", event: str = "sleep-n2") -> str:
    return f"{names}\r\n[],[],[],[s]\r\n" + "".join(f"{day} 23:00:00,{day} 23:00:30,{event},30\r\n" for day in dates)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_noxturnal__encodings(write: Write, encoding: str) -> None:
    hypnogram = sd.read_hypnogram(write(noxturnal("15/01/2016"), encoding=encoding))
    assert str(hypnogram["onset"].values[0]) == "2016-01-15T23:00:00.000000000"
    assert stages(hypnogram) == ["N2"]


@pytest.mark.parametrize(
    ("dates", "first", "told"),
    [
        (["15/01/2016"], "2016-01-15", 0),
        (["01/15/2016"], "2016-01-15", 0),
        (["05/06/2016", "06/06/2016"], "2016-06-05", 0),  # months do not pass from one night to the next
        (["06/05/2016", "06/06/2016"], "2016-06-05", 0),
        (["05/06/2016"], "2016-06-05", 1),
        (["05.06.2016"], "2016-06-05", 0),  # points part day, month and year in this order only
        (["2016-06-05"], "2016-06-05", 0),
        (["06/06/2016"], "2016-06-06", 0),
    ],
)
def test_noxturnal__day_and_month(write: Write, dates: list[str], first: str, told: int) -> None:
    hypnogram = sd.read_hypnogram(write(noxturnal(*dates)))
    assert str(hypnogram["onset"].values[0])[:10] == first
    assert sum("day from month" in finding for finding in hypnogram.attrs["findings"]) == told


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("0\n1\n2\n3\n-1\n-2\n", {}, ["W", "N1", "N2", "N3", "", ""]),
        ("0\n3\n4\n5\n6\n9\n", {}, ["W", "N3", "N3", "R", "", ""]),
        ("0\n4\n", {"vocabulary": "aasm"}, ["W", "R"]),
        ("0\n4\n", {"vocabulary": "r&k"}, ["W", "N3"]),
        ("# 0: Wake, 1: N1, 4: REM\n0\n4\n", {}, ["W", "R"]),
        ("# 0=W 1=S1 4=S4 5=REM\n0\n4\n", {}, ["W", "N3"]),
        ("0.000000000000000000e+00\n2.000e+00\n", {}, ["W", "N2"]),
        ("\ufeffW\nN1\nN2\nN3\nR\n?\n", {}, ["W", "N1", "N2", "N3", "R", ""]),
        ("WAKE\nS1\nS2\nS3\nS4\nREM\nMT\nART\nUNS\n", {}, ["W", "N1", "N2", "N3", "N3", "R", "", "", ""]),
        ("stage\nW\r\nSleep stage 2\r\n", {}, ["W", "N2"]),
        ("time_base 30\nsampling_period 0.0078125\nepoch_nb 3\nepoch_list\n0\n4\n5\n", {}, ["W", "N3", "R"]),
        ("time_base 30\nepoch_nb 2\nepoch_list\n0\n4\n", {}, ["W", "N3"]),
    ],
)
def test_lists(write: Write, text: str, options: dict[str, str], expected: list[str]) -> None:
    hypnogram = sd.read_hypnogram(write(text), **options)
    assert stages(hypnogram) == expected
    assert [onset for onset, _, _ in rows(hypnogram)] == [30 * k for k in range(len(expected))]
    assert hypnogram.attrs["findings"] == []


def test_lists__an_ambiguous_4_is_refused_with_advice(write: Write) -> None:
    with pytest.raises(sd.FileFormatError, match=r"4 could be REM .* or stage 4 .*vocabulary='aasm' or"):
        sd.read_hypnogram(write("0\n2\n4\n"))
    with pytest.raises(sd.FileFormatError, match="mean what no vocabulary says"):
        sd.read_hypnogram(write("# 0: REM, 5: Wake\n0\n5\n"))


def test_lists__length_of_an_epoch(write: Write) -> None:
    assumed = sd.read_hypnogram(write("W\nW\n"))
    assert assumed.attrs["epoch_assumed"] == 1
    for text, options in (("W\nW\n", {"epoch_length": "20s"}), ("# 1 value per 20 seconds\nW\nW\n", {})):
        hypnogram = sd.read_hypnogram(write(text), **options)
        assert rows(hypnogram) == [(0, 20, "W"), (20, 20, "W")]
        assert hypnogram.attrs["epoch_seconds"] == 20
        assert "epoch_assumed" not in hypnogram.attrs
        assert "20 s long" in hypnogram.attrs["findings"][0]


def test_lists__unknown_labels_stay_in_label(write: Write) -> None:
    hypnogram = sd.read_hypnogram(write("W\nN2\nquiet\nR\n7\n"))
    assert stages(hypnogram) == ["W", "N2", "", "R", ""]
    assert hypnogram["label"].values.tolist() == ["W", "N2", "quiet", "R", "7"]
    assert hypnogram.attrs["findings"] == ["labels that are no known stage: '7', 'quiet'; they are left unscored"]


def test_visbrain(write: Write) -> None:
    text = "*Duration_sec\t95.0\n*Datafile\tsomewhere\nWake\t30\nN1\t60.5\nREM\t95\n"
    assert rows(sd.read_hypnogram(write(text))) == [(0, 30, "W"), (30, 30.5, "N1"), (60.5, 34.5, "R")]
    with pytest.raises(sd.FileFormatError, match="does not end with the recording"):
        sd.read_hypnogram(write(text.replace("95.0", "9500")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("onset,duration,stage\n0,30,W\n30,60,N2\n", [(0, 30, "W"), (30, 60, "N2")]),
        ("Start\tDur\tSleep_Stage\n0.5\t30\tWake\n30.5\t30\tREM\n", [(0.5, 30, "W"), (30.5, 30, "R")]),
        ("Onset (s);Duration (s);Stage\n0,5;30,25;W\n30,75;29,5;2\n", [(0.5, 30.25, "W"), (30.75, 29.5, "N2")]),
        ("start,end,stage\n0,30,W\n30,90,R\n", [(0, 30, "W"), (30, 60, "R")]),
        ("onset,stage\n0,W\n30,N1\n90,R\n", [(0, 30, "W"), (30, 60, "N1")]),
        ("Epoch,Stage\n0,WAKE\n1,N1\n3,REM\n", [(0, 30, "W"), (30, 30, "N1"), (90, 30, "R")]),
        ("Epoch,Stage\n1,WAKE\n2,N1\n", [(0, 30, "W"), (30, 30, "N1")]),
        ("onset,duration,stage\n23:59:45,30,W\n00:00:15,30,R\n", [(86385, 30, "W"), (86415, 30, "R")]),
        ("onset,duration,stage\n1970-01-02T00:00:00.25,30,W\n", [(86400.25, 30, "W")]),
        ('# by hand\nonset,duration,stage\n"0","30","W"\n', [(0, 30, "W")]),
    ],
)
def test_tables(write: Write, text: str, expected: list[tuple[float, float, str]]) -> None:
    assert rows(sd.read_hypnogram(write(text))) == expected


def test_tables__length_of_an_epoch(write: Write) -> None:
    path = write("Epoch,Stage\n0,WAKE\n1,N1\n")
    assert sd.read_hypnogram(path).attrs["epoch_assumed"] == 1
    assert rows(sd.read_hypnogram(path, epoch_length=20)) == [(0, 20, "W"), (20, 20, "N1")]
    with pytest.raises(sd.ParameterError, match="epoch_length is of no use"):
        sd.read_hypnogram(write("onset,duration,stage\n0,30,W\n"), epoch_length=20)


def test_tables__a_score_longer_than_half_a_day_still_ends_on_the_right_day(write: Write) -> None:
    text = "onset,duration,stage\n08:00:00,50400,W\n22:00:00,7200,N2\n00:00:00,30,R\n"
    assert [onset / 3600 for onset, _, _ in rows(sd.read_hypnogram(write(text)))] == [8, 22, 24]


def test_bids(write: Write) -> None:
    text = "onset\tduration\ttrial_type\tchannel\n0\t30\tW\tn/a\n12.5\t3\tarousal\tC3\n30\t30\tSleep stage N2\tn/a\n"
    path = write(text + "31\tn/a\tn/a\tn/a\n", "sub-01_events.tsv")
    hypnogram = sd.read_hypnogram(path, start="2024-03-11T22:47:30")
    assert hypnogram.attrs["format"] == "bids"
    assert stages(hypnogram) == ["W", "N2"]
    assert str(hypnogram["onset"].values[1]) == "2024-03-11T22:48:00.000000000"
    events = sd.read_events(path)
    assert events["text"].values.tolist() == ["arousal"]
    assert events["channel"].values.tolist() == ["C3"]
    hypnogram = sd.read_hypnogram(write("onset\tduration\tstage\n0\t30\tN3\n", "sub-01_hypnogram.tsv"))
    assert rows(hypnogram) == [(0, 30, "N3")]


def test_bids__a_movement_or_an_artefact_is_an_event_and_cuts_no_stage(write: Write) -> None:
    path = write("onset\tduration\ttrial_type\n0\t30\tN2\n10\t3\tmovement\n12\t3\tartifact\n30\t30\tunscored\n")
    assert rows(sd.read_hypnogram(path)) == [(0, 30, "N2"), (30, 30, "")]
    assert sd.read_events(path)["text"].values.tolist() == ["movement", "artifact"]


def test_order_overlaps_and_gaps_are_told_not_closed(write: Write) -> None:
    text = "onset,duration,stage\n0,30,W\n60,40,N2\n30,30,N1\n90,30,N2\n300,30,R\n"
    hypnogram = sd.read_hypnogram(write(text))
    assert rows(hypnogram) == [(0, 30, "W"), (30, 30, "N1"), (60, 30, "N2"), (90, 30, "N2"), (300, 30, "R")]
    assert hypnogram.attrs["findings"] == [
        "1 scores stand behind a later one; all are put in order of time",
        "1 scores run into the next one; they are cut there",
        "1 gaps between scores, 3 min in all; nothing is scored there",
    ]
    with pytest.raises(sd.FileFormatError, match="under the policy 'strict'"):
        sd.read_hypnogram(write(text), policy="strict")


def test_lights_off(write: Write) -> None:
    path = write("W\nN1\n")
    for options in ({"lights_off": "2024-03-12T00:30"}, {"lights_off": "00:30", "start": "2024-03-11T22:47:30"}):
        hypnogram = sd.read_hypnogram(path, **options)
        assert str(hypnogram["onset"].values[1]) == "2024-03-12T00:30:30.000000000"
        assert "lights off" in hypnogram.attrs["notes"][0]
    with pytest.raises(sd.ParameterError, match="lights_off has no date"):
        sd.read_hypnogram(path, lights_off="00:30")
    with pytest.raises(sd.ParameterError, match="of no use for scores that have times"):
        sd.read_hypnogram(write(noxturnal("15/01/2016")), lights_off="2016-01-15T23:00")


def test_the_format_can_be_said(write: Write) -> None:
    path = write("onset,duration,stage\n0,30,W\n")
    assert sd.read_hypnogram(path, format="table").attrs["format"] == "table"
    with pytest.raises(sd.ParameterError, match="did you mean 'remlogic'"):
        sd.read_hypnogram(path, format="remlogik")
    with pytest.raises(sd.ParameterError, match="vocabulary is of no use"):
        sd.read_hypnogram(path, format="remlogic", vocabulary="aasm")
    for name in ("edf", "profusion", "nsrr", "remlogic", "noxturnal", "visbrain", "list"):
        with pytest.raises(sd.FileFormatError):
            sd.read_hypnogram(path, format=name)


@pytest.mark.parametrize(
    "options", [{"vocabulary": "sac"}, {"epoch_length": 0}, {"epoch_length": "2h"}, {"policy": "x"}, {"start": "now"}]
)
def test_parameters_are_checked(write: Write, options: dict[str, object]) -> None:
    with pytest.raises(sd.ParameterError):
        sd.read_hypnogram(write("W\nN1\n"), **options)


def test_what_is_odd_about_an_edf_is_told_with_its_scores(tmp_path: Path) -> None:
    lists = b"+0\x14\x14\0+0\x1530\x14Sleep stage W\x14\0+30,0\x1530\x14Sleep stage R\x14\0"
    recipe = Recipe([annotation_signal(lists, samples=40)], n_records=1, duration="0", reserved="EDF+C")
    path = recipe.write(tmp_path / "scores.edf")
    hypnogram = sd.read_hypnogram(path)
    assert stages(hypnogram) == ["W"]
    assert "annotations are not written as EDF+ has them" in hypnogram.attrs["findings"][0]
    with pytest.raises(sd.FileFormatError, match="not written as EDF"):
        sd.read_hypnogram(path, policy="strict")
