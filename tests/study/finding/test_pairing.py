"""Which hypnogram belongs to which recording."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from sleepdask.study.finding.pairing import Candidate, Pairs, pair


def paired(recordings: list[str], *candidates: Candidate | str) -> Pairs:
    made = [each if isinstance(each, Candidate) else scores(each) for each in candidates]
    return pair({k: PurePosixPath(path) for k, path in enumerate(recordings)}, made)


def scores(path: str, kind: str = "table", trouble: str = "") -> Candidate:
    return Candidate(PurePosixPath(path), kind, trouble)


@pytest.mark.parametrize(
    ("recording", "hypnogram"),
    [
        ("a.edf", "a.txt"),
        ("a.edf", "a.edf.xml"),
        ("a-PSG.edf", "a-Hypnogram.edf"),
        ("PSG_007.edf", "Hyp 007.txt"),
        ("P01/psg.edf", "P01/hypnogram.csv"),
        ("psg/P01/n1.edf", "scores/P01/n1.csv"),
        ("P01/N1.EDF", "p01/n1_Stages.csv"),
        ("SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf"),
        ("ST7011J0-PSG.edf", "ST7011JP-Hypnogram.edf"),
        ("edfs/shhs1/shhs1-200001.edf", "annotations-events-profusion/shhs1/shhs1-200001-profusion.xml"),
        ("edfs/shhs1/shhs1-200001.edf", "annotations-events-nsrr/shhs1/shhs1-200001-nsrr.xml"),
        ("sub-01/ses-1/eeg/sub-01_ses-1_task-sleep_eeg.edf", "sub-01/ses-1/eeg/sub-01_ses-1_task-sleep_events.tsv"),
        (
            "sub-01/eeg/sub-01_task-sleep_eeg.edf",
            "derivatives/yasa/sub-01/eeg/sub-01_task-sleep_desc-yasa_hypnogram.tsv",
        ),
    ],
)
def test_rules(recording: str, hypnogram: str) -> None:
    pairs = paired([recording, "other/x.edf"], hypnogram, "y.txt")
    assert {k: str(each.path) for k, each in pairs.hypnograms.items()} == {0: hypnogram}
    assert pairs.settled == {PurePosixPath(hypnogram)}
    assert pairs.findings == []


@pytest.mark.parametrize(
    ("recording", "hypnogram"),
    [
        ("a.edf", "b.txt"),
        ("night1.edf", "night10.txt"),
        ("P01/night1.edf", "P02/night1.txt"),
        ("SC4001E0-PSG.edf", "SC4002EC-Hypnogram.edf"),
        ("SC4001E0-PSG.edf", "SC4001FC-Hypnogram.edf"),
        ("XY4001E0-PSG.edf", "XY4001EC-Hypnogram.edf"),
        ("sub-01/sub-01_ses-1_eeg.edf", "sub-01/sub-01_ses-2_events.tsv"),
        ("sub-01_acq-ecg_eeg.edf", "sub-01_acq-psg_events.tsv"),
        ("only/one.edf", "only/other.txt"),
        ("a.edf", "a_scorer1.txt"),
    ],
)
def test_what_is_no_pair(recording: str, hypnogram: str) -> None:
    pairs = paired([recording], hypnogram)
    assert (pairs.hypnograms, pairs.settled, pairs.findings) == ({}, set(), [])


def test_two_that_fit_are_nobodys_and_both_are_named() -> None:
    pairs = paired(["a.edf"], "a.txt", "a-Hypnogram.edf")
    assert pairs.hypnograms == {}
    (finding,) = pairs.findings
    assert (finding.code, finding.where) == ("several-hypnograms", "a.edf")
    assert "a.txt and a-Hypnogram.edf" in str(finding)


def test_one_that_fits_two_recordings_is_nobodys() -> None:
    pairs = paired(["a.edf", "a.bdf", "b.edf"], "a.txt", "b.txt")
    assert {k: str(each.path) for k, each in pairs.hypnograms.items()} == {2: "b.txt"}
    (finding,) = pairs.findings
    assert (finding.code, finding.where) == ("several-recordings", "a.txt")
    assert "a.edf and a.bdf" in str(finding)


def test_the_first_rule_decides() -> None:
    pairs = paired(["SC4001E0-PSG.edf"], "SC4001E0-Hypnogram.edf", "SC4001EC-Hypnogram.edf")
    assert str(pairs.hypnograms[0].path) == "SC4001E0-Hypnogram.edf"


def test_two_scorers_by_a_later_rule() -> None:
    pairs = paired(["SC4001E0-PSG.edf"], "SC4001EC-Hypnogram.edf", "SC4001EH-Hypnogram.edf")
    assert pairs.hypnograms == {}
    assert [finding.code for finding in pairs.findings] == ["several-hypnograms"]


def test_nsrr_goes_before_profusion() -> None:
    both = scores("profusion/a-profusion.xml", "profusion"), scores("nsrr/a-nsrr.xml", "nsrr")
    pairs = paired(["edfs/a.edf"], *both)
    assert str(pairs.hypnograms[0].path) == "nsrr/a-nsrr.xml"
    assert (pairs.preferred, pairs.findings) == ([PurePosixPath("nsrr/a-nsrr.xml")], [])
    assert paired(["edfs/a.edf"], *both, "a.txt").hypnograms == {}


def test_what_cannot_be_read_is_paired_and_told() -> None:
    pairs = paired(["a.edf"], scores("a-hypnogram.txt", "", "the file is empty"))
    assert str(pairs.hypnograms[0].path) == "a-hypnogram.txt"
    (finding,) = pairs.findings
    assert (finding.code, finding.where) == ("unreadable-hypnogram", "a.edf")
    assert "the file is empty" in finding.message


def test_a_file_that_promises_nothing_is_no_hypnogram() -> None:
    pairs = paired(["a.edf"], scores("a.txt", "", "of no known format"))
    assert (pairs.hypnograms, pairs.findings) == ({}, [])
