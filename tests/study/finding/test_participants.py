"""Tables of participants, and whose their rows are."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.study.finding.participants import Participants, read_participants


def table(tmp_path: Path, text: str, name: str = "participants.tsv") -> Participants:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return read_participants(path)


def of(people: Participants, recording_id: str, path: str = "a.edf", **fields: str) -> list[str]:
    return people.of(recording_id, PurePosixPath(path), fields)


def test_cells(tmp_path: Path) -> None:
    people = table(tmp_path, "\ufeffparticipant_id\tage\tgroup\nsub-01\t41\tn/a\nsub-02\t n/a\tcontrol\n")
    assert people.key == "participant_id"
    assert people.columns == ["participant_id", "age", "group"]
    assert people.rows == {
        "sub-01": {"participant_id": "sub-01", "age": "41", "group": ""},
        "sub-02": {"participant_id": "sub-02", "age": "", "group": "control"},
    }


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    people = table(tmp_path, f"recording_id{delimiter}age\nN1{delimiter}41\n", "people.csv")
    assert (people.key, people.columns) == ("recording_id", ["age"])
    assert (of(people, "N1"), of(people, "N2"), of(people, "N1-2")) == (["N1"], [], [])


def test_columns_that_tell_who_people_are_stay_behind(tmp_path: Path) -> None:
    people = table(tmp_path, "participant_id\tName\tDate of Birth\tpath\tage\n01\tA. B.\t1970-01-01\tx\t41\n")
    assert people.columns == ["participant_id", "age"]
    assert people.left_out == ("Name", "Date of Birth", "path")
    assert "A. B." not in str(people)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("subject\tage\n01\t41\n", "no column tells whose the rows are; expected recording_id or participant_id"),
        ("participant_id\tage\n01\t41\n01\t42\n", "empty or repeats; found '01'"),
        ("participant_id\tage\n01\t41\nsub-01\t42\n", "empty or repeats; found '01'"),
        ("participant_id\tage\n\t41\n", "empty or repeats; found ''"),
        ("", "the table is empty"),
        ("participant_id\tage\tage\n01\t1\t2\n", "two columns have one name"),
    ],
)
def test_what_is_no_such_table(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(FileFormatError, match=match):
        table(tmp_path, text)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no such table of participants"):
        read_participants(tmp_path / "people.csv")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_participants(tmp_path)


@pytest.mark.parametrize("keys", [("sub-01", "sub-010", "sub-P1"), ("01", "010", "P1")])
def test_whose_a_row_is(tmp_path: Path, keys: tuple[str, ...]) -> None:
    first, ten, named = keys
    people = table(tmp_path, "participant_id\n" + "\n".join(keys) + "\n")
    assert of(people, "01") == [first]
    assert of(people, "sub-01") == [first]
    assert of(people, "sub-01_ses-1_task-sleep", "sub-01_ses-1_task-sleep_eeg.edf") == [first]
    assert of(people, "night1", "P1/night1.edf") == [named]
    assert of(people, "night1", "sub-010/night1.edf") == [ten]
    assert of(people, "P1-night2") == of(people, "P1night2") == of(people, "P1_2") == [named]
    assert of(people, "P10") == of(people, "0101") == []
    assert of(people, "x", participant_id="01") == [first]
    assert of(people, "P1", participant_id="02") == []


def test_a_number_or_a_word_is_not_cut(tmp_path: Path) -> None:
    people = table(tmp_path, "participant_id\nP1\nAnn\n")
    assert of(people, "P10") == of(people, "Anna_1") == of(people, "xP1") == []
    assert of(people, "Ann_1") == ["Ann"]


def test_two_that_fit(tmp_path: Path) -> None:
    people = table(tmp_path, "participant_id\nP1\nP1-a\nP2\n")
    assert of(people, "P1-a-n1") == ["P1", "P1-a"]
    assert of(people, "x", "P1/P2/x.edf") == ["P1", "P2"]
    assert of(people, "P1-a") == ["P1-a"]
