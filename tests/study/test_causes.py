"""Failures by cause: what is one, what is two, and that none is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.study.causes import MOST_IDS, causes, normalised, without_folders
from sleepdask.study.outcome import RecordingOutcome


def failed(recording_id: str, message: str, error_type: str = "FileFormatError", path: str = "") -> RecordingOutcome:
    inputs = {"recording": {"name": path or f"{recording_id}.edf"}}
    return RecordingOutcome(recording_id, "failed", error_type, message, inputs=inputs)


def test_an_error_of_one_kind_is_one_cause_with_the_fix_of_its_message() -> None:
    what, fix = "data records are missing", "get the file again"
    errors = [
        FileFormatError(what, where=f"/data/SC4{k:03}.edf", expected=2650, found=k + 1, fix=fix) for k in range(40)
    ]
    outcomes = [failed(f"SC4{k:03}", str(error)) for k, error in enumerate(errors)]
    [cause] = causes(outcomes).listed
    assert (cause.what, cause.count, cause.fix) == ("data records are missing; expected 2650", 40, "get the file again")
    assert cause.found == (("…", 40),)
    assert cause.example == "SC4000.edf: data records are missing; expected 2650; found 1; get the file again"
    assert cause.ids == tuple(f"SC4{k:03}" for k in range(MOST_IDS))


def test_numbers_that_differ_are_left_out_and_numbers_that_do_not_are_told() -> None:
    one, two = failed("a", "a.edf: 3 of 30 records"), failed("b", "b.edf: 7 of 30 records")
    assert [cause.what for cause in causes([one, two]).listed] == ["… of … records"]
    assert [cause.what for cause in causes([one]).listed] == ["3 of 30 records"]


def test_what_was_found_is_counted_within_its_cause() -> None:
    found = ["FR", "DE", "FR", "IT", "FR", "DE", "ES", "PT", "NL"]
    outcomes = [
        failed(f"n{k}", str(ParameterError("unknown code", where=f"n{k}.edf", found=code)), "ParameterError")
        for k, code in enumerate(found)
    ]
    [cause] = causes(outcomes).listed
    assert cause.found == (("FR", 3), ("DE", 2), ("ES", 1), ("IT", 1), ("NL", 1))
    assert cause.other_found == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/data/a.edf: is empty", "/elsewhere/deep/b.edf: is empty"),
        ("a b.edf: is empty", "c.edf: is empty"),
        ("[Errno 2] No such file or directory: '/data/a.edf'", "[Errno 2] No such file or directory: '/d/b.edf'"),
        ("shape (3000,) is not (1200, 4)", "shape (30,) is not (9, 4)"),
        ("at 0x7f01ab lies nothing", "at 0x1 lies nothing"),
        ("begins at 2024-03-11T23:00:00", "begins at 2023-01-01T21:30:00+01:00"),
        ("amounts to 1.5e-07 of 2", "amounts to -3 of 7,000"),
        ("key 9f8b7c6d5e4f no longer holds", "key 00aa11bb22cc no longer holds"),
    ],
)
def test_messages_that_differ_in_places_and_numbers_are_one_cause(one: str, other: str) -> None:
    first, second = (failed(name, text, "ValueError") for name, text in (("a b", one), ("c", other)))
    assert [cause.count for cause in causes([first, second]).listed] == [2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no such channel 'C3'", "no such channel 'C4'"),
        ("is empty", "is no EDF"),
        ("unit uV/Hz is not known", "unit mV/Hz is not known"),
    ],
)
def test_messages_that_say_something_else_are_two(one: str, other: str) -> None:
    assert len(causes([failed("a", one), failed("b", other)]).listed) == 2


def test_a_recording_with_a_name_of_a_word_does_not_take_the_word_from_messages() -> None:
    outcomes = [failed(name, f"/data/{name}.edf: is no file", path=f"{name}.edf") for name in ("is", "no", "a")]
    assert [cause.what for cause in causes(outcomes).listed] == ["is no file"]


def test_lost_recordings_are_told_what_to_do() -> None:
    [cause] = causes([RecordingOutcome("a", "lost")]).listed
    assert (cause.error_type, cause.what) == ("WorkerLostError", "(no message)")
    assert "fewer workers" in cause.fix


def test_folders_of_a_machine_are_not_shown() -> None:
    assert without_folders("cannot read /home/jane/sleep/a.edf, s3://lab/b.edf") == "cannot read a.edf, b.edf"


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=8)), max_size=60), st.integers(1, 5))
def test_each_failure_is_counted_once(messages: list[tuple[str, str]], most: int) -> None:
    outcomes = [failed(f"r{k}", message, kind) for k, (message, kind) in enumerate(messages)]
    found = causes(outcomes, most)
    assert len(found.listed) <= most
    counted = sum(cause.count for cause in found.listed) + sum(count for _, count in found.rest.values())
    assert counted == len(outcomes)
    assert all(cause.fix and cause.what and cause.count >= len(cause.ids) > 0 for cause in found.listed)


@given(st.text(max_size=200))
def test_any_text_becomes_one_line_that_can_be_written(message: str) -> None:
    text = normalised(message)
    assert text.isprintable()
    text.encode()


@pytest.mark.parametrize("unit", ["x", "a.", "/", "9", "0f", "a:", "x://", "\u2026 ", "; found "])
def test_a_message_of_any_length_takes_no_time_worth_mentioning(unit: str) -> None:
    [cause] = causes([failed("a", unit * 500_000)]).listed  # quadratic, it would run for hours
    assert len(cause.what) <= 400
