"""A look at every recording: its header is read once, until something changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cohorts import Cohort, analysed, outcome, parts, run_study, study_of

from sleepdask.errors import BackendError
from sleepdask.features import parse_features
from sleepdask.features.plan import plan_extraction
from sleepdask.io.recordings import open_recording
from sleepdask.study import Study, budget, scan, usage
from sleepdask.study.budget import check_budget, predicted_peak
from sleepdask.study.usage import Usage


@contextmanager
def looks(monkeypatch: pytest.MonkeyPatch, fail: BaseException | None = None) -> Iterator[list[str]]:
    """Ids of the recordings that are looked at."""
    seen: list[str] = []
    opened = scan.opened

    def look(plan: Any, entry: Any, **how: Any) -> Any:
        seen.append(entry.recording_id)
        if fail is not None and entry.recording_id == "007":
            raise fail
        return opened(plan, entry, **how)

    with monkeypatch.context() as patch:
        patch.setattr(scan, "opened", look)
        yield seen


@pytest.fixture
def table(cohort: Cohort, tmp_path: Path) -> Path:
    return cohort.table(tmp_path / "recordings.csv", ["007", "A1"])


def test_it_is_remembered_until_files_or_the_way_to_read_them_change(
    cohort: Cohort, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with looks(monkeypatch) as seen:
        study_of(table, out, "hjorth").prepared(backend="sync")
        assert seen == ["007", "A1"]
        seen.clear()
        run_study(table, out, "hjorth")
        assert seen == ["007", "A1"]  # a look that leaves no trace is not remembered
        seen.clear()
        run_study(table, out, "hjorth")
        run_study(table, out, "statistics", epoch="20s")
        study_of(table, out, "hjorth").prepared(backend="sync")
        assert seen == []
        run_study(table, out, "statistics", policy="repair")
        assert seen == ["007", "A1"]
        seen.clear()
        night = cohort.nights["A1"]
        night.write_bytes(night.read_bytes())
        run_study(table, out, "statistics", policy="repair")
        assert seen == ["A1"]


def test_a_failure_of_the_machine_is_not_remembered(
    cohort: Cohort, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its columns would be missing from the study for ever, as the files do not change."""
    out = tmp_path / "out"
    with looks(monkeypatch, fail=OSError(5, "Input/output error")):
        run_study(table, out, "hjorth")
    assert outcome(out, "007")["status"] == "ok"  # all its columns are those of another recording too
    with looks(monkeypatch) as seen:
        run_study(table, out, "hjorth")
    assert seen == ["007"]
    run_study(table, tmp_path / "fresh", "hjorth")
    assert parts(out) == parts(tmp_path / "fresh")

    alone = cohort.table(tmp_path / "alone.csv", ["007"])
    with looks(monkeypatch, fail=OSError(5, "Input/output error")):
        run_study(alone, tmp_path / "alone", "hjorth")
    assert outcome(tmp_path / "alone", "007")["error_type"] == "ChangedFileError"
    assert analysed(study_of(alone, tmp_path / "alone", "hjorth")) == ["007"]
    assert outcome(tmp_path / "alone", "007")["status"] == "ok"


def test_a_failure_of_the_file_is_remembered(
    cohort: Cohort, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort.nights["007"].write_bytes(b"nothing")
    run_study(table, tmp_path / "out", "hjorth")
    with looks(monkeypatch) as seen:
        assert analysed(study_of(table, tmp_path / "out", "hjorth")) == []
    assert seen == []
    [known] = [each for each in Study.open(tmp_path / "out").prepared(backend="sync").scans.values() if each.error]
    assert known.error.startswith("FileFormatError: n0-PSG.edf: ")
    assert known.layout is None


def test_a_recording_that_needs_more_memory_than_there_is(
    nights: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_extraction(open_recording(nights.nights["007"], chunks=None), parse_features("hjorth"))
    needed = predicted_peak(plan)
    assert needed > 64 * 30 * 4
    monkeypatch.setattr(budget, "_left", lambda: needed)
    check_budget(plan)
    monkeypatch.setattr(budget, "_left", lambda: needed - 1)
    with pytest.raises(BackendError, match="the worker has too little memory"):
        check_budget(plan)
    table = nights.table(tmp_path / "recordings.csv", ["007"])
    assert run_study(table, tmp_path / "out", "hjorth")["error_type"].tolist() == ["BackendError"]
    monkeypatch.setattr(budget, "_left", lambda: 1 << 40)
    assert run_study(table, tmp_path / "out", "hjorth")["status"].tolist() == ["ok"]  # tried again unasked


def test_usage_counts_from_when_it_is_made() -> None:
    first = Usage()
    kept = bytearray(64 << 20)
    high = first.peak_memory
    size = len(kept)
    del kept
    again = Usage()
    assert again.peak_memory <= high - size // 2
    assert 0 <= again.seconds <= first.seconds


def test_usage_where_the_system_cannot_count(monkeypatch: pytest.MonkeyPatch) -> None:
    write, read = Path.write_text, Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *a: "Name: x\n" if path.name == "status" else read(path, *a))
    assert Usage().peak_memory > 1 << 20

    def closed(path: Path, *text: str) -> int:
        if path.name == "clear_refs":
            raise PermissionError
        return write(path, *text)

    monkeypatch.setattr(Path, "write_text", closed)
    monkeypatch.setattr(usage.sys, "platform", "darwin")
    assert Usage().peak_memory > 1 << 10
