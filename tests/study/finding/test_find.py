"""Finding the recordings of folders, each with its hypnogram."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from small_files import BIDS, NSRR, PROFUSION, STAGES, annotations, edf, text

import sleepdask as sd
from sleepdask.errors import FileFormatError, OutputError, ParameterError
from sleepdask.study.finding.find import FoundRecordings, find_recordings
from sleepdask.study.table import read_table


def table(found: FoundRecordings, folder: Path) -> dict[str, tuple[str, str | None]]:
    """Files of each row, relative to the folder."""

    def relative(path: str) -> str:
        return os.path.relpath(path, folder.resolve())

    return {
        entry.recording_id: (";".join(map(relative, entry.paths)), entry.hypnogram and relative(entry.hypnogram))
        for entry in found.entries
    }


def codes(found: FoundRecordings) -> list[str]:
    return sorted(finding.code for finding in found.findings)


def test_a_folder_of_nights(tmp_path: Path) -> None:
    edf(tmp_path / "b-PSG.edf")
    annotations(tmp_path / "b-Hypnogram.edf")
    edf(tmp_path / "a.edf")
    text(tmp_path / "a_stages.csv")
    edf(tmp_path / "deep" / "er" / "c.rec")
    text(tmp_path / "README.md", "nothing")
    text(tmp_path / "notes.txt", "nothing")
    found = find_recordings(tmp_path)
    assert list(table(found, tmp_path).items()) == [
        ("a", ("a.edf", "a_stages.csv")),
        ("b", ("b-PSG.edf", "b-Hypnogram.edf")),
        ("c", ("deep/er/c.rec", None)),
    ]
    assert (found.notes, found.findings) == ((), ())


def test_what_a_file_is_is_told_by_its_content(tmp_path: Path) -> None:
    edf(tmp_path / "a-Hypnogram.edf")  # signals, whatever it is called
    annotations(tmp_path / "b-PSG.edf")  # scores
    edf(tmp_path / "b.dat")  # a recording without a known suffix
    text(tmp_path / "c.edf", "no EDF")
    found = find_recordings(tmp_path)
    assert table(found, tmp_path) == {
        "a": ("a-Hypnogram.edf", None),
        "b.dat": ("b.dat", None),
        "c": ("c.edf", None),
    }
    assert codes(found) == ["unreadable"]
    assert found.notes == ("hypnograms that belong to no recording: b-PSG.edf",)


def test_every_format_of_scores(tmp_path: Path) -> None:
    contents = {
        "profusion.xml": PROFUSION,
        "nsrr.xml": NSRR,
        "stages.csv": STAGES,
        "events.tsv": BIDS,
        "hyp.txt": "W\nN1\n",
    }
    for k, (name, content) in enumerate(contents.items()):
        edf(tmp_path / f"n{k}.edf")
        text(tmp_path / f"n{k}-{name}", content)
    found = find_recordings(tmp_path)
    assert [row[1] for row in table(found, tmp_path).values()] == [f"n{k}-{name}" for k, name in enumerate(contents)]
    for entry in found.entries:
        assert sd.read_hypnogram(entry.hypnogram or "")["stage"].values[0] == "W"


def test_events_without_stages_are_no_hypnogram(tmp_path: Path) -> None:
    edf(tmp_path / "a.edf")
    text(tmp_path / "a_events.tsv", "onset\tduration\ttrial_type\n0\t10\tapnea\n")
    annotations(tmp_path / "a-annotations.edf", ("Apnea",))
    found = find_recordings(tmp_path)
    assert table(found, tmp_path) == {"a": ("a.edf", None)}
    assert found.notes == ("files with annotations, but neither signals nor sleep stages: a-annotations.edf",)


def test_layout_of_nsrr(tmp_path: Path) -> None:
    edf(tmp_path / "edfs" / "shhs1" / "shhs1-200001.edf")
    edf(tmp_path / "edfs" / "shhs1" / "shhs1-200002.edf")
    edf(tmp_path / "edfs" / "shhs2" / "shhs2-200001.edf")
    text(tmp_path / "annotations-events-nsrr" / "shhs1" / "shhs1-200001-nsrr.xml", NSRR)
    text(tmp_path / "annotations-events-profusion" / "shhs1" / "shhs1-200001-profusion.xml", PROFUSION)
    text(tmp_path / "annotations-events-profusion" / "shhs1" / "shhs1-200002-profusion.xml", PROFUSION)
    found = find_recordings(tmp_path)
    nsrr = "annotations-events-nsrr/shhs1/shhs1-200001-nsrr.xml"
    assert table(found, tmp_path) == {
        "shhs1-200001": ("edfs/shhs1/shhs1-200001.edf", nsrr),
        "shhs1-200002": (
            "edfs/shhs1/shhs1-200002.edf",
            "annotations-events-profusion/shhs1/shhs1-200002-profusion.xml",
        ),
        "shhs2-200001": ("edfs/shhs2/shhs2-200001.edf", None),
    }
    assert found.findings == ()
    assert found.notes == (f"NSRR XML that is taken, and Profusion XML of the same night not: {nsrr}",)


def test_what_fits_two_is_told(tmp_path: Path) -> None:
    edf(tmp_path / "a.edf")
    text(tmp_path / "a.csv")
    text(tmp_path / "scores" / "a.csv")
    edf(tmp_path / "b.edf")
    edf(tmp_path / "b.bdf")
    text(tmp_path / "b.csv")
    found = find_recordings(tmp_path)
    assert [row[1] for row in table(found, tmp_path).values()] == [None, None, None]
    assert codes(found) == ["repeats", "several-hypnograms", "several-recordings"]
    (said,) = (str(finding) for finding in found.findings if finding.code == "several-hypnograms")
    assert "a.csv and scores/a.csv" in said


def test_what_cannot_be_opened_is_kept_and_told(tmp_path: Path) -> None:
    whole = edf(tmp_path / "whole.edf").read_bytes()
    for name, raw in {
        "cut.edf": whole[:300],
        "empty.edf": b"",
        "headed.edf": whole[:512],
        "other.edf": b"<html>" * 100,
        "packed.edf.gz": gzip.compress(whole),
        "nothing.edf": annotations(tmp_path / "x").read_bytes().replace(b"EDF Annotations ", b"Crc16           "),
    }.items():
        (tmp_path / name).write_bytes(raw)
    (tmp_path / "x").unlink()
    edf(tmp_path / "announced.edf", records=0, declared=-1)
    (tmp_path / "lost.edf").symlink_to(tmp_path / "nowhere.edf")
    (tmp_path / "old.zarr").mkdir()
    found = find_recordings(tmp_path)
    names = ["announced", "cut", "empty", "headed", "lost", "nothing", "old", "other", "packed", "whole"]
    assert [entry.recording_id for entry in found.entries] == names
    told = {finding.where: finding.message for finding in found.findings}
    assert sorted(Path(where).name.partition(".")[0] for where in told) == names[:-1]
    assert "it is a link that leads nowhere" in told["lost.edf"]
    assert "the file is empty" in told["empty.edf"]
    assert str(tmp_path) not in " ".join(told.values())


def test_a_hypnogram_that_cannot_be_read_is_kept_and_told(tmp_path: Path) -> None:
    edf(tmp_path / "a.edf")
    text(tmp_path / "a-hypnogram.txt", "")
    edf(tmp_path / "b.edf")
    (tmp_path / "b-Hypnogram.edf").write_bytes(annotations(tmp_path / "x").read_bytes()[:300])
    (tmp_path / "x").unlink()
    edf(tmp_path / "c.edf")
    text(tmp_path / "c.csv", "onset,duration,stage\n0,30,4\n30,30,5\n")  # 4 could be two stages
    found = find_recordings(tmp_path)
    assert [row[1] for row in table(found, tmp_path).values()] == ["a-hypnogram.txt", "b-Hypnogram.edf", "c.csv"]
    assert set(codes(found)) == {"unreadable-hypnogram"}


def test_nights_of_a_card(tmp_path: Path) -> None:
    night = tmp_path / "P01" / "DATALOG" / "20260309"
    for name in ("20260309_223000_BRP", "20260309_223000_PLD", "20260310_020000_BRP", "20260310_020000_SA2"):
        edf(night / f"{name}.edf")
    annotations(night / "20260309_222955_EVE.edf", ("Hypopnea",))
    edf(night / "20260310_030000_BRP.edf", records=0)
    annotations(tmp_path / "P01" / "DATALOG" / "20260310" / "20260310_222955_EVE.edf", ("Hypopnea",))
    edf(tmp_path / "P01" / "STR.edf", seconds=86400)
    edf(tmp_path / "P02" / "20260310_113000_BRP.edf")
    edf(tmp_path / "P02" / "20260310_123000_BRP.edf")
    edf(tmp_path / "P02" / "99999999_123000_BRP.edf")
    found = find_recordings(tmp_path)
    joined = ["222955_EVE", "223000_BRP", "223000_PLD"]
    files = [f"P01/DATALOG/20260309/20260309_{name}.edf" for name in joined]
    files += [f"P01/DATALOG/20260309/20260310_020000_{name}.edf" for name in ("BRP", "SA2")]
    assert table(found, tmp_path) == {
        "20260310": ("P02/20260310_123000_BRP.edf", None),
        "99999999_123000_BRP": ("P02/99999999_123000_BRP.edf", None),
        "P01_20260309": (";".join(files), None),
        "P02_20260309": ("P02/20260310_113000_BRP.edf", None),
    }
    assert found.findings == ()
    assert found.notes == (
        "summaries of days, which are no recordings: P01/STR.edf",
        "files of cards that announce no data, and are left out of their nights: "
        "P01/DATALOG/20260309/20260310_030000_BRP.edf",
        "files with annotations, but neither signals nor sleep stages: P01/DATALOG/20260310/20260310_222955_EVE.edf",
        "ids that hold names of folders, which should be no names of people: P01_20260309, P02_20260309",
    )


def test_stores_are_recordings(tmp_path: Path) -> None:
    night = sd.recording_from_arrays({"C3": [0.0] * 6000}, rate=100, start="2024-03-11T22:00:00")
    sd.save_recording(night, tmp_path / "a.zarr")
    text(tmp_path / "a.csv")
    found = find_recordings(tmp_path)
    assert table(found, tmp_path) == {"a": ("a.zarr", "a.csv")}
    with pytest.raises(ParameterError, match="is a recording, not a folder of them"):
        find_recordings(tmp_path / "a.zarr")


def test_hidden_files_and_links_to_folders_are_left_out(tmp_path: Path) -> None:
    edf(tmp_path / "data" / "a.edf")
    text(tmp_path / "data" / "._a.edf", "resource fork")
    edf(tmp_path / "data" / ".trash" / "b.edf")
    edf(tmp_path / "elsewhere" / "c.edf")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    found = find_recordings(tmp_path / "data")
    assert list(table(found, tmp_path)) == ["a"]
    assert found.notes == (
        "hidden files that are left out: ._a.edf, .trash/b.edf",
        "links to folders that are not followed: link",
    )


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edf(tmp_path / "a.edf")
    (tmp_path / "closed").mkdir()
    scan, listed = os.scandir, Path.iterdir

    def refuse(path: object) -> None:
        if Path(str(path)).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", lambda path: (refuse(path), scan(path))[1])
    monkeypatch.setattr(Path, "iterdir", lambda path: (refuse(path), listed(path))[1])
    found = find_recordings(tmp_path)
    assert [(finding.code, finding.where) for finding in found.findings] == [("unreadable-folder", "closed")]


def test_several_folders(tmp_path: Path) -> None:
    edf(tmp_path / "one" / "a.edf")
    edf(tmp_path / "two" / "a.edf")
    text(tmp_path / "two" / "a.csv")
    found = find_recordings(tmp_path / "one", tmp_path / "two", tmp_path / "two")
    assert table(found, tmp_path) == {"one_a": ("one/a.edf", None), "two_a": ("two/a.edf", "two/a.csv")}


def test_what_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no such folder"):
        find_recordings(tmp_path / "none")
    with pytest.raises(ParameterError, match="no recordings there"):
        find_recordings(tmp_path)
    with pytest.raises(ParameterError, match="no folder to search"):
        find_recordings()


# --- patterns


def test_fields_become_covariates(tmp_path: Path) -> None:
    for person, site in (("007", "A"), ("010", "B")):
        edf(tmp_path / site / f"{person}-x.edf")
        text(tmp_path / site / f"{person}-any.dat")
    edf(tmp_path / "test.edf")
    found = find_recordings(
        tmp_path, pattern="{site}/{recording_id}-x.edf", hypnogram_pattern="{site}/{recording_id}-*.dat"
    )
    assert table(found, tmp_path) == {"007": ("A/007-x.edf", "A/007-any.dat"), "010": ("B/010-x.edf", "B/010-any.dat")}
    assert [entry.covariates for entry in found.entries] == [{"site": "A"}, {"site": "B"}]
    assert found.notes == ("left out, as they do not fit the pattern or hold no signals: test.edf",)
    assert found.findings == ()


def test_ids_that_repeat_get_the_fields_that_differ(tmp_path: Path) -> None:
    for name in ("P01/night1", "P01/night2", "P02/night1"):
        edf(tmp_path / f"{name}.edf")
        text(tmp_path / f"{name}.csv")
    found = find_recordings(
        tmp_path, pattern="{recording_id}/night{night}.edf", hypnogram_pattern="{recording_id}/night{night}.csv"
    )
    assert table(found, tmp_path) == {
        "P01_1": ("P01/night1.edf", "P01/night1.csv"),
        "P01_2": ("P01/night2.edf", "P01/night2.csv"),
        "P02_1": ("P02/night1.edf", "P02/night1.csv"),
    }
    assert [entry.covariates for entry in found.entries] == [{"night": 1}, {"night": 2}, {"night": 1}]
    assert found.notes == ("ids are made of recording_id, night, as several recordings have one recording_id",)
    (tmp_path / "P01" / "night1.csv").unlink()
    found = find_recordings(
        tmp_path, pattern="{recording_id}/night{night}.edf", hypnogram_pattern="{recording_id}/*.csv"
    )
    assert [row[1] for row in table(found, tmp_path).values()] == [None, None, "P02/night1.csv"]
    assert codes(found) == ["several-recordings"]


def test_files_of_one_id_are_joined_where_the_pattern_says_so(tmp_path: Path) -> None:
    for name in ("P01/h1", "P01/h2", "P02/h1"):
        edf(tmp_path / f"{name}.edf")
    annotations(tmp_path / "P01" / "events.edf", ("Apnea",))
    annotations(tmp_path / "P01" / "scores.edf")
    found = find_recordings(tmp_path, pattern="{recording_id}/*.edf")
    assert table(found, tmp_path) == {
        "P01": ("P01/h1.edf;P01/h2.edf;P01/events.edf", None),
        "P02": ("P02/h1.edf", None),
    }
    assert found.notes == (
        "recordings of several files: P01",
        "hypnograms that belong to no recording: P01/scores.edf",
    )


def test_two_files_of_one_id(tmp_path: Path) -> None:
    edf(tmp_path / "x" / "a-PSG.edf")
    edf(tmp_path / "y" / "a-PSG.edf")
    with pytest.raises(ParameterError, match=r"a: the pattern .* gives two files one id") as caught:
        find_recordings(tmp_path, pattern="{recording_id}-PSG.edf")
    assert "x/a-PSG.edf and y/a-PSG.edf" in str(caught.value)


def test_patterns_that_fit_nothing(tmp_path: Path) -> None:
    edf(tmp_path / "a.edf")
    with pytest.raises(ParameterError, match=r"no recording fits; found paths such as a\.edf"):
        find_recordings(tmp_path, pattern="{recording_id}-PSG.edf")
    with pytest.raises(ParameterError, match="no file fits"):
        find_recordings(tmp_path, hypnogram_pattern="{recording_id}.xml")
    with pytest.raises(ParameterError, match=r"{night} is no field of the recordings; write \*"):
        find_recordings(tmp_path, hypnogram_pattern="{recording_id}-{night}.xml")
    with pytest.raises(FileFormatError, match="not safe"):
        find_recordings(edf(tmp_path / "deep" / "a=b-PSG.edf").parent, pattern="{recording_id}-PSG.edf")


def test_hypnograms_by_a_pattern(tmp_path: Path) -> None:
    for name in ("P1", "P10", "P2", "SC4001E"):
        edf(tmp_path / f"{name}.edf")
    annotations(tmp_path / "P1-Hypnogram.edf")
    annotations(tmp_path / "P10-Hypnogram.edf")
    annotations(tmp_path / "SC4001EC-Hypnogram.edf")
    text(tmp_path / "P2 Hypnogram", "nothing that is known")
    found = find_recordings(tmp_path, hypnogram_pattern="{recording_id}*Hypnogram*")
    assert {k: row[1] for k, row in table(found, tmp_path).items()} == {
        "P1": "P1-Hypnogram.edf",
        "P10": "P10-Hypnogram.edf",
        "P2": "P2 Hypnogram",
        "SC4001E": "SC4001EC-Hypnogram.edf",
    }
    (finding,) = found.findings
    assert (finding.code, finding.where) == ("unreadable-hypnogram", "P2.edf")


# --- participants


def test_participants_of_a_bids_folder(tmp_path: Path) -> None:
    for subject in ("01", "02", "03"):
        edf(tmp_path / f"sub-{subject}" / "eeg" / f"sub-{subject}_task-sleep_eeg.edf")
        text(tmp_path / f"sub-{subject}" / "eeg" / f"sub-{subject}_task-sleep_events.tsv", BIDS)
    rows = "sub-01\t41\tF\t22:30\tA. B.\nsub-02\tn/a\tM\tn/a\tC. D.\nsub-09\t50\tF\t\tE. F.\n"
    text(tmp_path / "participants.tsv", f"participant_id\tage\tsex\tlights_off\tname\n{rows}")
    found = find_recordings(tmp_path)
    assert [entry.hypnogram is not None for entry in found.entries] == [True] * 3
    first, second, third = found.entries
    assert (first.covariates, first.marks) == (
        {"participant_id": "sub-01", "age": 41, "sex": "F"},
        {"lights_off": "22:30"},
    )
    assert (str(second.covariates["age"]), second.covariates["sex"], second.marks) == ("nan", "M", {})
    assert (third.covariates["participant_id"], third.covariates["sex"]) == (None, None)
    assert [str(finding) for finding in found.findings] == [
        "recordings without a row in participants.tsv: sub-03_task-sleep; their covariates are missing"
    ]
    assert found.notes == (
        "rows of participants.tsv without a recording: sub-09",
        "columns of participants.tsv that are left out: name",
    )


def test_a_given_table_goes_before_that_of_the_folder(tmp_path: Path) -> None:
    edf(tmp_path / "d" / "N1.edf")
    text(tmp_path / "d" / "participants.tsv", "participant_id\tage\nN1\t1\n")
    given = text(tmp_path / "people.csv", "recording_id,group\nN1,=control\n")
    (entry,) = find_recordings(tmp_path / "d", participants=given).entries
    assert entry.covariates == {"group": "=control"}
    with pytest.raises(ParameterError, match="no such table of participants"):
        find_recordings(tmp_path / "d", participants=tmp_path / "none.csv")


def test_a_table_of_the_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    edf(tmp_path / "N1.edf")
    text(tmp_path / "participants.tsv", "subject\tage\nN1\t1\n")
    found = find_recordings(tmp_path)
    assert codes(found) == ["participants"]
    assert found.entries[0].covariates == {}


def test_whoever_fits_two_participants_gets_neither(tmp_path: Path) -> None:
    edf(tmp_path / "P1-a-n1.edf")
    text(tmp_path / "participants.tsv", "participant_id\tage\nP1\t1\nP1-a\t2\n")
    found = find_recordings(tmp_path)
    assert codes(found) == ["several-participants"]
    assert str(found.entries[0].covariates["age"]) == "None"


def test_each_folder_has_its_own_participants(tmp_path: Path) -> None:
    for k, lab in enumerate(("one", "two")):
        edf(tmp_path / lab / "sub-01_eeg.edf")
        text(tmp_path / lab / "participants.tsv", f"participant_id\tage\n01\t{k}\n")
    found = find_recordings(tmp_path / "one", tmp_path / "two")
    assert {entry.recording_id: entry.covariates["age"] for entry in found.entries} == {
        "one_sub-01": 0,
        "two_sub-01": 1,
    }


def test_a_column_that_a_pattern_gives_too(tmp_path: Path) -> None:
    edf(tmp_path / "A" / "01.edf")
    text(tmp_path / "participants.tsv", "participant_id\tsite\n01\tB\n")
    with pytest.raises(ParameterError, match="site: is a column of the participants and a field of the pattern"):
        find_recordings(tmp_path, pattern="{site}/{recording_id}.edf")


# --- the table


def test_the_table_is_read_as_it_was_found(tmp_path: Path) -> None:
    data = tmp_path / "data"
    card = "DATALOG/20260309/20260309_223000"
    for name in ("P01/=1", "P01/night;1", "P02/ a, b", 'P02/"q"', f"{card}_BRP", f"{card}_PLD"):
        edf(data / f"{name}.edf")
    text(data / "P02" / " a, b.csv")
    text(
        data / "participants.tsv",
        "participant_id\tcode\tage\tbmi\tnote\nP01\t007\t41\t20.5\t=1+1\nP02\t1\t-3\tn/a\tn/a\n",
    )
    found = find_recordings(data)
    path = found.write(tmp_path / "study" / "recordings.csv")
    again = read_table(path)
    assert len(again) == 5
    for one, other in zip(found.entries, again, strict=True):
        assert one.recording_id == other.recording_id
        assert [os.path.realpath(each) for each in other.paths] == list(one.paths)
        assert (other.hypnogram and os.path.realpath(other.hypnogram)) == one.hypnogram
        assert str(one.covariates) == str(other.covariates)  # NaN is NaN
    assert "../data/P01/=1.edf" in path.read_text("utf-8")
    beside = find_recordings(data / "P01").write(data / "P01" / "recordings.csv")
    assert "./=1.edf" in beside.read_text("utf-8")


def test_the_table_names_nothing_but_what_it_needs(tmp_path: Path) -> None:
    folder = tmp_path / "Jane Doe"
    edf(folder / "P01-PSG.edf")
    text(folder / "remarks.txt", "Jane Doe slept well")
    path = find_recordings(folder).write(folder / "recordings.csv")
    assert path.read_text("utf-8") == "recording_id,path,hypnogram,lights_off,lights_on\nP01,P01-PSG.edf,,,\n"


def test_what_would_be_replaced(tmp_path: Path) -> None:
    night = edf(tmp_path / "N1.edf")
    found = find_recordings(tmp_path)
    path = found.write(tmp_path / "recordings.csv")
    with pytest.raises(OutputError, match="already there"):
        found.write(path)
    path.write_text("old")
    assert "N1" in found.write(path, force=True).read_text("utf-8")
    before = night.read_bytes()
    with pytest.raises(OutputError, match="would replace a file that is in it"):
        found.write(night, force=True)
    with pytest.raises(OutputError, match="is a folder"):
        found.write(tmp_path, force=True)
    assert night.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["N1.edf", "recordings.csv"]


def test_finding_again_gives_the_same(tmp_path: Path) -> None:
    for name in ("P01/n1", "P02/n1", "P02/n2"):
        edf(tmp_path / f"{name}.edf")
        text(tmp_path / f"{name}.csv")
    first = find_recordings(tmp_path)
    path = first.write(tmp_path / "recordings.csv")
    before = path.read_bytes()
    second = find_recordings(tmp_path)
    second.write(path, force=True)
    assert (second, path.read_bytes()) == (first, before)


# --- real files


def test_real_files(test_data: Path) -> None:
    found = find_recordings(test_data)
    rows = table(found, test_data)
    assert rows["SC4001E0"] == ("sleep-edf-sc4001/SC4001E0-PSG.edf", "sleep-edf-sc4001/SC4001EC-Hypnogram.edf")
    assert rows["20260309"] == (
        ";".join(
            f"resmed-night-a/20260310_{name}.edf" for name in ("000154_EVE", "000159_BRP", "000159_PLD", "000159_SAD")
        ),
        None,
    )
    assert rows["subject1"] == ("nox-a1-psg/subject1.edf", None)
    assert len(rows) == 14
    unreadable = sorted(finding.where for finding in found.findings if finding.code == "unreadable")
    assert unreadable == ["edf-odd/invalid-date.edf", "edf-odd/zero-data-records.edf"]
    assert sum(row[1] is not None for row in rows.values()) == 1
    (entry,) = (entry for entry in found.entries if entry.recording_id == "20260309")
    night = sd.open_recording(list(entry.paths))
    assert {"25Hz", "0.5Hz", "1Hz", "annotations"} <= set(night.children)
    told = " ".join(found.notes)
    assert "resmed-night-a/STR.edf" in told
    assert "newcastle-hypnograms/mecsleep01_psg.txt" in told
