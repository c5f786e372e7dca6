"""Names of nights and ids, from names of files."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.study.finding.names import folders, is_named_by_folders, night_name, recording_ids, says_scores
from sleepdask.study.table import check_ids


def ids(*paths: str) -> list[str]:
    places = [PurePosixPath(path) for path in paths]
    return recording_ids(places, [night_name(place.name) for place in places])


@pytest.mark.parametrize(
    ("name", "night"),
    [
        ("SC4001E0-PSG.edf", "SC4001E0"),
        ("SC4001EC-Hypnogram.edf", "SC4001EC"),
        ("shhs1-200001.edf", "shhs1-200001"),
        ("shhs1-200001-nsrr.xml", "shhs1-200001"),
        ("shhs1-200001-profusion.xml", "shhs1-200001"),
        ("night1.edf.xml", "night1"),
        ("night1.edf.gz", "night1"),
        ("night1.EDF", "night1"),
        ("PSG_007.edf", "007"),
        ("HYP_007.txt", "007"),
        ("P01 EEG night2.edf", "P01 night2"),
        ("P01_sleep_stages.csv", "P01"),
        ("sleep_P01.edf", "sleep_P01"),
        ("P.01.csv", "P.01"),
        ("P01", "P01"),
        ("psg.edf", ""),
        ("sub-01_ses-1_task-sleep_eeg.edf", "sub-01_ses-1_task-sleep"),
        ("sub-01_ses-1_task-sleep_acq-psg_events.tsv", "sub-01_ses-1_task-sleep_acq-psg"),
        ("eegle.edf", "eegle"),
    ],
)
def test_night_name(name: str, night: str) -> None:
    assert night_name(name) == night


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("edfs/shhs1/a.edf", ("shhs1",)),
        ("polysomnography/annotations-events-nsrr/shhs1/a-nsrr.xml", ("shhs1",)),
        ("data/P01/PSG/a.edf", ("P01",)),
        ("derivatives/yasa/sub-01/a.tsv", ("sub-01",)),
        ("derivatives/sub-01/a.tsv", ("sub-01",)),
        ("a.edf", ()),
    ],
)
def test_folders(path: str, kept: tuple[str, ...]) -> None:
    assert folders(PurePosixPath(path)) == kept


def test_words_of_scores() -> None:
    assert says_scores("a-Hypnogram.edf")
    assert says_scores("scoring a.txt")
    assert says_scores("a.hyp")
    assert not says_scores("a-PSG.edf")
    assert not says_scores("notes.txt")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a-PSG.edf", "x/b.edf"], ["a", "b"]),
        (["P01/psg.edf", "P02/psg.edf"], ["P01", "P02"]),
        (["psg.edf"], ["psg"]),
        (["P01/night1.edf", "P02/night1.edf", "P02/night2.edf"], ["P01_night1", "P02_night1", "night2"]),
        (["P01/n1/psg.edf", "P02/n1/psg.edf"], ["P01_n1", "P02_n1"]),
        (["lab/P01/a/x.edf", "lab/P02/a/x.edf"], ["P01_x", "P02_x"]),
        (["a.edf", "a.bdf"], ["a.edf", "a.bdf"]),
        (["a-PSG.edf", "a.edf"], ["a-PSG", "a"]),
        (["a.edf", "A/a.edf"], ["a", "A_a"]),
        (["N1.edf", "x/n1.edf"], ["N1", "x_n1"]),
        (["=1+1.edf", "@b.edf", "-c.edf", "a=b.edf"], ["_1+1", "b", "c", "a_b"]),
        (["e\u0301.edf"], ["\u00e9"]),
        (["%%%.edf", "---.edf"], ["_", "recording"]),
    ],
)
def test_ids(paths: list[str], expected: list[str]) -> None:
    assert ids(*paths) == expected


def test_ids_do_not_depend_on_recordings_of_other_names() -> None:
    few = ids("P01/night1.edf", "P02/night1.edf", "P03/a-PSG.edf")
    many = ids("P01/night1.edf", "P02/night1.edf", "P03/a-PSG.edf", "P03/b.edf", "P01/night2.edf")
    assert many[:3] == few


def test_long_names_are_cut_and_told_apart() -> None:
    first, second = ids("a" * 200 + "1.edf", "a" * 200 + "2.edf")
    assert first != second
    check_ids([first, second], "here")


def test_names_of_folders_in_ids_are_known() -> None:
    assert not is_named_by_folders("a", PurePosixPath("P01/a-PSG.edf"))
    assert not is_named_by_folders("a.edf", PurePosixPath("P01/a.edf"))
    assert is_named_by_folders("P01_a", PurePosixPath("P01/a-PSG.edf"))
    assert is_named_by_folders("P01", PurePosixPath("P01/psg.edf"))


PARTS = st.text("aA1_-. =é\u0301ßps", min_size=1, max_size=6).filter(lambda part: part not in {".", ".."})


@given(st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=6, unique=True))
def test_ids_are_safe_and_differ_whatever_the_names(paths: list[str]) -> None:
    got = ids(*(f"{path}.edf" for path in paths))
    check_ids(got, "here")
    assert got == ids(*(f"{path}.edf" for path in paths))
