"""A recording that fails is a line in a table: it costs the others nothing, and says why."""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
from cohorts import (
    FEATURES,
    Cohort,
    alone,
    analysed,
    means,
    noise,
    outcome,
    part,
    parts,
    planted,
    run_study,
    study_of,
    write_edf,
)

import sleepdask as sd
from sleepdask.errors import FileFormatError, OutputError, StudyStoppedError
from sleepdask.features import Hjorth
from sleepdask.parallel import close_pools
from sleepdask.study.accounts import read_outcomes
from sleepdask.study.files import Folder
from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.task import Analysis


@pytest.fixture
def table(nights: Cohort, tmp_path: Path) -> Path:
    return nights.table(tmp_path / "recordings.csv", ["007", "A1"])


def statuses(outcomes: pd.DataFrame) -> list[str]:
    statuses: list[str] = outcomes["status"].tolist()
    return statuses


# Errors of every kind


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def recursion() -> None:
    recursion()


def raised(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


ERRORS: dict[str, tuple[Callable[[], None], str, str]] = {
    "ours": (raised(FileFormatError("is odd", where="x.edf", found="a")), "FileFormatError", "x.edf: is odd; found a"),
    "of Python": (raised(ValueError("so it is")), "ValueError", "so it is"),
    "without a text": (raised(ZeroDivisionError()), "ZeroDivisionError", "ZeroDivisionError"),
    "of a key": (raised(KeyError("x")), "KeyError", "'x'"),
    "without memory": (raised(MemoryError()), "MemoryError", "MemoryError"),
    "without end": (recursion, "RecursionError", "maximum recursion depth exceeded"),
    "of the end": (raised(SystemExit(3)), "SystemExit", "3"),
    "of iteration": (raised(StopIteration()), "StopIteration", "StopIteration"),
    "that nobody can say": (raised(SpeechlessError()), "SpeechlessError", "(its text cannot be made: RuntimeError)"),
    "of an output": (raised(OutputError("full")), "OutputError", "full"),
    "of the system": (raised(OSError(5, "Input/output error")), "OSError", "Input/output error"),
    "with half a character": (raised(ValueError("\udcff is none")), "ValueError", "is none"),
    "with control characters": (raised(ValueError("\x1b[31mred\x00\n\nline\x07")), "ValueError", "[31mred line"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_of_any_kind_is_an_outcome(
    kind: str, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail, error_type, message = ERRORS[kind]
    features = Analysis._features

    def failing(self: Analysis, job: Any, *rest: Any) -> Any:
        if job.entry.recording_id == "007":
            fail()
        return features(self, job, *rest)

    monkeypatch.setattr(Analysis, "_features", failing)
    outcomes = run_study(table, tmp_path / "out", "hjorth")
    assert statuses(outcomes) == ["failed", "ok"]
    row = outcomes.iloc[0]
    assert row["error_type"] == error_type
    assert message in row["message"]
    assert row["message"].isprintable()
    assert bool(row["traceback"]) == (error_type not in ("FileFormatError", "OutputError"))
    assert (row["attempts"], row["epochs"], row["epochs_failed"]) == (1, 0, 0)
    assert list(parts(tmp_path / "out")) == ["A1"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "outcomes.parquet"), outcomes)


def test_an_outcome_stays_small(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Analysis, job: Any, *rest: Any) -> Any:
        raise ValueError("much " * 20_000)

    monkeypatch.setattr(Analysis, "_features", failing)
    run_study(table, tmp_path / "out", "hjorth")
    assert (tmp_path / "out" / "outcomes" / "007.json").stat().st_size < 20_000
    assert outcome(tmp_path / "out", "007")["message"].startswith("much much")


def test_what_the_machine_is_to_blame_for_is_tried_again_next_time(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def failing(*_: Any, **__: Any) -> Any:
        tries.append(1)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("sleepdask.study.task.opened", failing)
        patch.setattr("sleepdask.study.task._BACKOFF_SECONDS", 0)
        run_study(table, tmp_path / "out", "hjorth", retries=3)
    assert len(tries) == 2 * 4
    assert statuses(run_study(table, tmp_path / "out", "hjorth")) == ["ok", "ok"]


def test_a_drive_that_fails_for_a_moment_costs_nothing(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sleepdask.study import inputs

    digest, tries = inputs._digest, []

    def shaky(path: Path) -> str:
        tries.append(path)
        if len(tries) in (1, 2):
            raise OSError(116, "Stale file handle")
        return digest(path)

    monkeypatch.setattr(inputs, "_digest", shaky)
    monkeypatch.setattr("sleepdask.study.task._BACKOFF_SECONDS", 0)
    assert statuses(run_study(table, tmp_path / "out", "hjorth")) == ["ok", "ok"]


# Files that cannot be read


def test_files_that_are_none_fail_each_for_itself(cohort: Cohort, tmp_path: Path) -> None:
    whole = cohort.nights["007"].read_bytes()
    cohort.nights["007"].write_bytes(b"")
    cohort.nights["A1"].unlink()
    cohort.nights["B 2"].write_bytes(b"\x89PNG\r\n\x1a\n" + whole[8:])
    table = cohort.table(tmp_path / "recordings.csv")
    outcomes = run_study(table, tmp_path / "out", "hjorth").set_index("recording_id")
    assert outcomes["status"].to_dict() == {"007": "failed", "A1": "failed", "B 2": "failed", "c-3": "ok"}
    assert outcomes["error_type"].to_dict() == {
        "007": "FileFormatError", "A1": "ParameterError", "B 2": "FileFormatError", "c-3": ""
    }  # fmt: skip
    assert "n0-PSG.edf: the file is empty" in outcomes["message"]["007"]
    assert "n1-PSG.edf: no such file" in outcomes["message"]["A1"]
    assert outcomes["traceback"].tolist() == [""] * 4
    frame = pd.read_parquet(tmp_path / "out" / "features")
    assert set(frame["recording_id"]) == {"c-3"}


def test_a_file_that_may_not_be_read(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sleepdask.study import inputs

    digest = inputs._digest

    def locked(path: Path) -> str:
        if path.name == "n0-PSG.edf":
            raise PermissionError(13, "Permission denied", str(path))
        return digest(path)

    with monkeypatch.context() as patch:
        patch.setattr(inputs, "_digest", locked)
        outcomes = run_study(table, tmp_path / "out", "hjorth")
        assert statuses(outcomes) == ["failed", "ok"]
        assert outcomes["message"][0] == "[Errno 13] Permission denied: 'n0-PSG.edf'"
    assert analysed(study_of(table, tmp_path / "out", "hjorth")) == ["007"]  # nothing tells that it may be read now
    assert outcome(tmp_path / "out", "007")["status"] == "ok"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda raw: raw.replace(b"11-MAR-2024", b"11-MAR-2023").replace(b"11.03.24", b"11.03.23"),
            "have no moment in common",
        ),
        (lambda raw: b"not a hypnogram", "n0-Hypnogram.edf"),
        (lambda raw: raw[:256], "n0-Hypnogram.edf"),
    ],
)
def test_scores_of_another_night_or_none_at_all(
    change: Callable[[bytes], bytes], told: str, cohort: Cohort, tmp_path: Path
) -> None:
    scores = cohort.hypnograms["007"]
    scores.write_bytes(change(scores.read_bytes()))
    outcomes = run_study(cohort.table(tmp_path / "recordings.csv", ["007", "A1"]), tmp_path / "out", "hjorth")
    assert statuses(outcomes) == ["failed", "ok"]
    assert told in outcomes["message"][0]


# Part of a recording


def test_epochs_in_which_a_feature_fails(table: Path, tmp_path: Path) -> None:
    def picky(samples: Any, starts: Any, stops: Any, sampling: Any) -> Any:
        if (starts == 0).any() or len(starts) > 1:
            raise LookupError("not this one")
        return means(samples, starts, stops, sampling)

    night = alone(Path(table.parent / pd.read_csv(table)["path"][0]), planted("picky", picky))
    failed = int((night["64Hz/status"] == "failed").sum())
    assert 0 < failed < 12
    outcomes = run_study(table, tmp_path / "out", (planted("picky", picky),))
    assert statuses(outcomes) == ["partial", "partial"]
    assert outcomes["error_type"].tolist() == ["FailedEpochs"] * 2
    assert "epochs failed: picky: LookupError: not this one" in outcomes["message"][0]
    assert outcomes["epochs_failed"][0] >= failed
    assert list(parts(tmp_path / "out")) == ["007", "A1"]


def test_a_feature_that_always_fails(table: Path, tmp_path: Path) -> None:
    def never(*_: Any) -> Any:
        raise LookupError("none")

    broken = planted("never", never)
    outcomes = run_study(table, tmp_path / "with", (broken, Hjorth()))
    assert statuses(outcomes) == ["partial", "partial"]
    assert outcomes["epochs_failed"].tolist() == [12, 12]
    frame = pd.read_parquet(tmp_path / "with" / "features")
    assert frame["F3-M2/hjorth_activity"].notna().all()
    assert frame["F3-M2/never"].isna().all()
    assert set(frame["64Hz/status"]) == {"failed"}

    outcomes = run_study(table, tmp_path / "alone", (broken,))
    assert statuses(outcomes) == ["failed", "failed"]
    assert "no channel has a value" in outcomes["message"][0]
    assert parts(tmp_path / "alone") == {}


def test_failed_epochs_are_computed_again_with_whatever_else_is(
    table: Path, tmp_path: Path, assert_same_bits: Any
) -> None:
    """Their statuses are of all features together: a part of them cannot be kept."""
    fails = [True]

    def moody(samples: Any, starts: Any, stops: Any, sampling: Any) -> Any:
        if fails[0]:
            raise LookupError("not now")
        return means(samples, starts, stops, sampling)

    run_study(table, tmp_path / "out", (planted("moody", moody), Hjorth()))
    fails.clear()
    fails.append(False)
    outcomes = run_study(table, tmp_path / "out", (planted("moody", moody), Hjorth(), planted("mean_too", means)))
    assert statuses(outcomes) == ["ok", "ok"]
    run_study(table, tmp_path / "new", (planted("moody", moody), Hjorth(), planted("mean_too", means)))
    assert parts(tmp_path / "out") == parts(tmp_path / "new")


def store(path: Path, signals: dict[str, Any], rate: float = 64) -> Path:
    sd.save_recording(sd.recording_from_arrays(signals, rate, unit="uV"), path)
    return path


def test_channels_without_a_value(tmp_path: Path) -> None:
    nothing = np.full(360 * 64, math.nan)
    store(tmp_path / "some.zarr", {"C3": noise(), "C4": nothing})
    store(tmp_path / "none.zarr", {"C3": nothing, "C4": nothing})
    store(tmp_path / "all.zarr", {"C3": noise(), "C4": noise(1)})
    table = tmp_path / "recordings.csv"
    table.write_text("recording_id,path\nsome,some.zarr\nnone,none.zarr\nall,all.zarr\n")
    outcomes = run_study(table, tmp_path / "out")
    assert statuses(outcomes) == ["partial", "failed", "ok"]
    some, none = (outcome(tmp_path / "out", name) for name in ("some", "none"))
    assert (some["channels"], list(some["invalid_channels"])) == (["C3"], ["C4"])
    assert some["message"].startswith("1 of 2 channels have no value; ")
    assert some["error_type"] == "InvalidChannels"
    assert (none["channels"], list(none["invalid_channels"])) == ([], ["C3", "C4"])
    assert none["message"].startswith("no channel has a value; ")
    assert not part(tmp_path / "out", "none").exists()
    frame = pd.read_parquet(tmp_path / "out" / "features")
    assert frame.loc[frame["recording_id"] == "some", "C4/mean"].isna().all()


def test_a_channel_whose_scale_nobody_knows(tmp_path: Path) -> None:
    whole = write_edf(tmp_path / "whole.edf", {"C3": noise(), "C4": noise(1)})
    raw = bytearray(whole.read_bytes())
    minima = 256 + 2 * (16 + 80 + 8)
    raw[minima + 8 : minima + 16] = raw[minima + 16 + 8 : minima + 16 + 16]  # of C4: both limits are one
    (tmp_path / "odd.edf").write_bytes(raw)
    table = tmp_path / "recordings.csv"
    table.write_text("recording_id,path\nwhole,whole.edf\nodd,odd.edf\n")
    outcomes = run_study(table, tmp_path / "out", "hjorth")
    assert statuses(outcomes) == ["ok", "partial"]
    odd = outcome(tmp_path / "out", "odd")
    assert odd["channels"] == ["C3"]
    assert "physical" in odd["invalid_channels"]["C4"]


# Workers that die


@pytest.fixture(scope="module")
def second_death_counts() -> Iterator[None]:
    """Give a task up when it has killed two workers, not four: the same ends, sooner."""
    importlib.import_module("distributed")  # or its section of the configuration would go with ours
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        close_pools()
        yield
        close_pools()


def deadly(folder: Path) -> Any:
    """A feature that kills the process of a recording that begins with 400 each time, and of one with 490 once."""

    def compute(samples: Any, starts: Any, stops: Any, sampling: Any) -> Any:
        if starts[0] == 0 and samples[0, 0] > 350:
            who, most = ("d", 1) if samples[0, 0] > 450 else ("b", 99)
            deaths = len(list(folder.glob(f"death of {who} *")))
            if deaths < most:
                (folder / f"death of {who} {deaths}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return means(samples, starts, stops, sampling)

    return planted("deadly", compute)


@pytest.mark.usefixtures("second_death_counts")
def test_recordings_that_kill_their_workers(tmp_path: Path) -> None:
    for name in "abcd":
        samples = noise(ord(name))
        samples[0] = {"b": 400, "d": 490}.get(name, 0)
        write_edf(tmp_path / f"{name}.edf", {"C3": samples})
    table = tmp_path / "recordings.csv"
    table.write_text("recording_id,path\n" + "".join(f"{name},{name}.edf\n" for name in "abcd"))

    feature = deadly(tmp_path)
    outcomes = study_of(table, tmp_path / "out", (feature,)).run(workers=2)
    assert statuses(outcomes) == ["ok", "lost", "ok", "ok"]
    lost = outcomes.iloc[1]
    assert (lost["error_type"], lost["message"]) == ("WorkerLostError", "each worker that ran this died")
    assert lost["attempts"] == len(list(tmp_path.glob("death of b *"))) > 1
    assert outcomes["attempts"][3] == 2  # it killed the first worker only
    assert not part(tmp_path / "out", "b").exists()
    assert not (tmp_path / "out" / ".begun").exists()
    assert analysed(study_of(table, tmp_path / "out", (feature,))) == []


# Limits


def cohort_of_failures(folder: Path, sound: int, broken: int) -> Path:
    """Broken recordings first."""
    write_edf(folder / "n.edf", {"C3": noise(seconds=60)})
    (folder / "broken.edf").write_bytes(b"nothing")
    rows = [f"b{k},broken.edf" for k in range(broken)] + [f"s{k},n.edf" for k in range(sound)]
    table = folder / "recordings.csv"
    table.write_text("recording_id,path\n" + "\n".join(rows))
    return table


@pytest.mark.parametrize(("limit", "most"), [(1, 1), ("20%", 2), ("29 %", 2)])
def test_too_many_failures_end_a_study(limit: int | str, most: int, tmp_path: Path) -> None:
    table = cohort_of_failures(tmp_path, 7, 3)
    study = study_of(table, tmp_path / "out", "hjorth")
    with pytest.raises(StudyStoppedError, match=f"expected at most {most}; found {most + 1}"):
        study.run(backend="sync", max_failures=limit)
    done = statuses(study.outcomes())
    assert done == ["failed"] * (most + 1)
    assert statuses(pd.read_parquet(tmp_path / "out" / "outcomes.parquet")) == done
    assert not (tmp_path / "out" / ".lock").exists()
    with pytest.raises(StudyStoppedError):  # those of before count, and nothing is begun
        study.run(backend="sync", max_failures=limit)
    assert statuses(study.outcomes()) == done


@pytest.mark.parametrize("limit", [3, "30%", "100%", None])
def test_as_many_failures_as_there_may_be(limit: int | str | None, tmp_path: Path) -> None:
    study = study_of(cohort_of_failures(tmp_path, 7, 3), tmp_path / "out", "hjorth")
    assert statuses(study.run(backend="sync", max_failures=limit)) == ["failed"] * 3 + ["ok"] * 7


def test_a_recording_that_takes_too_long(nights: Cohort, tmp_path: Path) -> None:
    def slow(samples: Any, starts: Any, stops: Any, sampling: Any) -> Any:
        if len(samples) == 2:  # of A1, which has two channels at 64 Hz
            time.sleep(1.5)
        return means(samples, starts, stops, sampling)

    table = nights.table(tmp_path / "recordings.csv", ["007", "A1"])
    feature = planted("slow", slow)
    study = study_of(table, tmp_path / "out", (feature,), timeout=0.7)
    outcomes = study.run(backend="threads", workers=2)
    assert statuses(outcomes) == ["ok", "failed"]
    assert (outcomes["error_type"][1], outcomes["message"][1]) == ("TooSlowError", "did not end within 0.7 s")
    time.sleep(1.5)  # what is left of it in a thread comes to its end, and writes nothing
    assert outcome(tmp_path / "out", "A1")["status"] == "failed"
    assert list(parts(tmp_path / "out")) == ["007"]
    assert analysed(study_of(table, tmp_path / "out", (feature,))) == []  # until somebody asks for it
    assert analysed(study_of(table, tmp_path / "out", (feature,)), retry_failed=True) == ["A1"]
    assert outcome(tmp_path / "out", "A1")["status"] == "ok"


# Outcomes themselves


def test_an_outcome_comes_back_from_its_file(nights: Cohort, tmp_path: Path) -> None:
    run_study(nights.table(tmp_path / "recordings.csv", ["007", "A1"]), tmp_path / "out", FEATURES)
    read = read_outcomes(Folder(tmp_path / "out"))
    assert list(read) == ["007", "A1"]
    for name, each in read.items():
        assert RecordingOutcome.from_json(each.to_json()) == each
        assert each.to_json() == (tmp_path / "out" / "outcomes" / f"{name}.json").read_bytes()
        assert each.has_features
        assert each.ok
        assert each.hours == 0.1
        assert sum(each.stages.values()) == (12 if name == "007" else 0)
        assert each.peak_memory > 1 << 20
        assert each.bytes_read == sum(state["size"] for state in each.inputs.values())
        assert each.table_size == part(tmp_path / "out", name).stat().st_size
    assert set(read["007"].inputs) == {"recording", "hypnogram"}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"recording_id": "x"}', "[" * 100_000])
def test_what_is_no_outcome_is_refused(text: str) -> None:
    with pytest.raises(FileFormatError, match="not an outcome"):
        RecordingOutcome.from_json(text.encode(), "x.json")


def test_a_status_that_is_none_is_refused() -> None:
    document = json.loads(RecordingOutcome("x").to_json()) | {"status": "well"}
    with pytest.raises(FileFormatError, match="the status 'well'"):
        RecordingOutcome.from_json(json.dumps(document).encode())
