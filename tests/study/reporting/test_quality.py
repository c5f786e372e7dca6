"""What a report gathers of recordings: channels, stages, lengths, remarks, why some are partial, and the work."""

from __future__ import annotations

from study_example import example

from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.reporting.effort import effort
from sleepdask.study.reporting.partial import partial
from sleepdask.study.reporting.quality import channel_table, coverage_table, kinds, quality, stage_table


def night(recording_id: str, **fields: object) -> RecordingOutcome:
    return RecordingOutcome(recording_id).but(**fields)


def test_a_channel_is_counted_with_values_without_and_absent() -> None:
    done = [
        night("a", channels=("C3", "EMG")),
        night("b", status="partial", channels=("C3",), invalid_channels={"EMG": "/x/b.edf, EMG: is flat at 5"}),
        night("c", status="partial", channels=("C3",), missing_channels=("EMG",)),
        night("d", channels=("C3",)),  # its plan asks for no EMG
    ]
    c3, emg = channel_table(done)
    assert (c3.name, c3.values, c3.lacking, c3.ids) == ("C3", 4, 0, ())
    assert (emg.values, emg.invalid, emg.absent, emg.ids) == (1, 1, 2, ("b", "c", "d"))
    assert emg.reasons == (("is flat at …", 1),)


def test_stages_come_in_the_order_of_the_aasm_with_the_median_share_of_what_is_scored() -> None:
    done = [
        night("a", stages={"R": 10, "W": 30, "": 60}),
        night("b", stages={"N4": 10, "W": 10}),
        night("c", stages={"": 100}),
        night("d", stages={}),
    ]
    stages = stage_table(done)
    assert [(each.name, each.epochs, each.recordings) for each in stages] == [
        ("W", 40, 2), ("R", 10, 1), ("N4", 10, 1), ("", 160, 2)
    ]  # fmt: skip
    assert stages[0].median_share == (30 / 40 + 10 / 20) / 2


def test_coverage_is_told_by_node_with_the_recordings_that_have_least() -> None:
    found = coverage_table({"a": {"100Hz": 1.0, "1Hz": 1.0}, "b": {"100Hz": 0.5}, "c": {"100Hz": 0.9}})
    assert [(each.node, each.recordings, round(each.mean, 9)) for each in found] == [("100Hz", 3, 0.8), ("1Hz", 1, 1.0)]
    assert [each.least for each in found] == [(("b", 0.5), ("c", 0.9)), ()]


def test_remarks_that_differ_in_numbers_are_one_kind_and_count_a_recording_once() -> None:
    outcomes = [
        night(name, findings=(f"record {k}: is short", f"record {k + 7}: is short")) for k, name in enumerate("abc")
    ]
    [kind] = kinds(outcomes, lambda outcome: outcome.findings)
    assert (kind.count, kind.example, kind.ids) == (3, "record 0: is short", ("a", "b", "c"))


def test_quality_is_of_recordings_with_features_but_remarks_are_of_all() -> None:
    found = quality([night("a", hours=8.0, epochs=960), night("b", status="failed", hours=3.0, findings=("odd",))])
    assert (found.recordings, found.epochs, found.hours.total, found.findings[0].count) == (1, 960, 8.0, 1)


def test_a_partial_recording_says_why_by_channel_by_epochs_or_by_its_message() -> None:
    found = partial(
        [
            night("a", status="partial", missing_channels=("EMG",), message="no EMG"),
            night("b", status="partial", epochs_failed=3, epochs=100),
            night("c", status="partial", message="/x/c.edf: the scores end early"),
            night("d"),
        ]
    )
    assert (found.count, found.recordings_with_failed, found.epochs_failed, found.epochs) == (3, 1, 3, 100)
    assert [(lack.channel, lack.reason, lack.ids) for lack in found.lacks] == [("EMG", "not in the recording", ("a",))]
    assert [(cause.what, cause.count) for cause in found.others.listed] == [("the scores end early", 1)]


def test_times_are_of_recordings_with_features_and_the_work_is_of_all() -> None:
    found = effort([night("a", seconds=4.0, worker="x"), night("b", seconds=2.0, worker="x", attempts=2),
                    night("c", status="lost", seconds=9.0, attempts=3)])  # fmt: skip
    assert (found.seconds.median, found.seconds.largest, found.seconds_in_all) == (3.0, 4.0, 15.0)
    assert found.attempts == ((1, 1), (2, 1), (3, 1))
    assert [(each.name, each.recordings, each.median) for each in found.workers] == [
        ("x", 2, 3.0),
        ("not known", 1, 9.0),
    ]
    assert [each.recording_id for each in found.slowest] == ["a", "b"]


def test_the_example_adds_up() -> None:
    study = example(200)
    data = study.data()
    assert data.recordings == 200
    assert sum(sum(counts.values()) for counts in data.groups["group"].values()) == 200
    assert sum(each.epochs for each in data.quality.stages) == data.quality.epochs
