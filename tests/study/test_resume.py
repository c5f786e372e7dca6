"""What has changed is computed, and nothing else; the result is always that of a study that began today."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cohorts import (
    EOG,
    FEATURES,
    HOURS,
    SPO2,
    Cohort,
    analysed,
    counted,
    noise,
    outcome,
    part,
    parts,
    run_study,
    study_of,
    write_edf,
    written,
)

from sleepdask.simulate import simulate_night
from sleepdask.study import Study
from sleepdask.study import run as module
from sleepdask.study.files import Folder
from sleepdask.study.task import Analysis

ALL = ["007", "A1"]
OUTCOME = {"attempts", "worker", "seconds", "peak_memory"}  # of the run, not of the recording


@pytest.fixture
def table(cohort: Cohort, tmp_path: Path) -> Path:
    return cohort.table(tmp_path / "recordings.csv", ALL)


@pytest.fixture
def output(table: Path, tmp_path: Path) -> Path:
    """A study that is done."""
    run_study(table, tmp_path / "out")
    return tmp_path / "out"


def touched(path: Path, seconds: int = 100) -> None:
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + seconds * 10**9))


def truth(output: Path) -> dict[str, dict[str, Any]]:
    """Outcomes as far as they are of the recordings."""
    ids = [path.stem for path in (output / "outcomes").iterdir()]
    return {name: {k: v for k, v in outcome(output, name).items() if k not in OUTCOME} for name in sorted(ids)}


def assert_as_fresh(output: Path, table: Path, features: Any = FEATURES, **options: Any) -> None:
    """Check a study against one that begins now."""
    fresh = output.parent / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    run_study(table, fresh, features, **options)
    assert parts(output) == parts(fresh)
    assert truth(output) == truth(fresh)
    for name in ("study.json", "recordings.csv"):
        got, want = ((folder / name).read_text() for folder in (output, fresh))
        if name == "study.json":
            got, want = (json.loads(each) | {"created": ""} for each in (got, want))
        assert got == want
    compiled = [pd.read_parquet(folder / "outcomes.parquet").drop(columns=list(OUTCOME)) for folder in (output, fresh)]
    pd.testing.assert_frame_equal(*compiled)


# Nothing has changed


def test_there_is_nothing_to_do(table: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, created = written(output), json.loads((output / "study.json").read_bytes())["created"]
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output)) == []
        assert analysed(Study.open(output)) == []
        study_of(table, output).run(backend="sync")
    assert calls == []
    assert written(output) == before
    assert json.loads((output / "study.json").read_bytes())["created"] == created


def test_another_spelling_of_a_path_is_the_same_path(
    cohort: Cohort, table: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a file was read for its hash")

    monkeypatch.setattr("sleepdask.study.inputs._digest", refuse)
    (tmp_path / "link").symlink_to(cohort.folder, target_is_directory=True)
    rows = pd.read_csv(table, dtype="str", keep_default_na=False)
    for folder in ("nights/../nights", "link", str(cohort.folder)):
        for name in ("path", "hypnogram"):
            rows[name] = [text and f"{folder}/{text.rsplit('/', 1)[-1]}" for text in rows[name]]
        rows.to_csv(table, index=False)
        assert analysed(study_of(table, output)) == []


def test_covariates_and_the_order_of_rows_change_nothing(cohort: Cohort, output: Path, tmp_path: Path) -> None:
    before = written(output)
    table = cohort.table(tmp_path / "recordings.csv", ["A1", "007"], age={"007": 30, "A1": 41.5})
    study = study_of(table, output)
    assert analysed(study) == []
    assert written(output) == before
    assert study.outcomes()["recording_id"].tolist() == ["A1", "007"]
    assert "age" in (output / "recordings.csv").read_text()
    assert_as_fresh(output, table)


def test_touched_files_are_hashed_again_and_nothing_is_computed(
    cohort: Cohort, table: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, tables = outcome(output, "007"), {name: part(output, name).stat().st_mtime_ns for name in ALL}
    touched(cohort.nights["007"])
    touched(cohort.nights["A1"])
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output)) == ALL
        assert analysed(study_of(table, output)) == []
    assert calls == []
    assert {name: part(output, name).stat().st_mtime_ns for name in ALL} == tables
    after = outcome(output, "007")
    assert after.pop("inputs") != before.pop("inputs")
    assert after == before  # when and where it was computed included
    assert_as_fresh(output, table)


def test_a_moved_folder_is_hashed_again_and_nothing_is_computed(
    cohort: Cohort, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = cohort.copy(tmp_path / "elsewhere" / "nights")
    shutil.rmtree(cohort.folder)
    table = moved.table(tmp_path / "elsewhere" / "recordings.csv", ALL)
    tables = parts(output)
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output)) == ALL
        assert analysed(study_of(table, output)) == []
    assert calls == []
    assert parts(output) == tables
    assert_as_fresh(output, table)


def test_a_study_moves_with_its_recordings(table: Path, output: Path, tmp_path: Path) -> None:
    tables = parts(output)
    new = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert analysed(Study.open(new / "out")) == ALL  # looked at again: another folder may hold other files
    assert parts(new / "out") == tables
    assert analysed(Study.open(new / "out")) == []
    assert analysed(study_of(new / "recordings.csv", new / "out")) == []


def test_a_renamed_file_is_told_by_its_new_name_and_not_computed(
    cohort: Cohort, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = cohort.nights["007"].rename(cohort.folder / "another.edf")
    table = Cohort(cohort.folder, {**cohort.nights, "007": new}, cohort.hypnograms).table(
        tmp_path / "recordings.csv", ALL
    )
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output)) == ["007"]
    assert calls == []
    assert_as_fresh(output, table)


# Something has changed


def test_one_changed_recording_is_computed_alone(
    cohort: Cohort, table: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written(output)
    raw = bytearray(cohort.nights["007"].read_bytes())
    raw[-3000] ^= 1
    cohort.nights["007"].write_bytes(raw)
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output)) == ["007"]
    assert set(calls) == {"statistics", "hjorth"}
    changed = {name for name, when in written(output).items() if before[name] != when}
    assert changed == {"features/recording_id=007/part-0.parquet", "outcomes/007.json"}
    assert_as_fresh(output, table)


def test_changed_scores_are_a_change(cohort: Cohort, table: Path, output: Path) -> None:
    scores = cohort.hypnograms["007"]
    scores.write_bytes(scores.read_bytes().replace(b"Sleep stage W", b"Sleep stage R"))
    assert analysed(study_of(table, output)) == ["007"]
    assert "R" in outcome(output, "007")["stages"]
    assert_as_fresh(output, table)


def test_scores_that_go_are_a_change(cohort: Cohort, output: Path, tmp_path: Path) -> None:
    fewer = Cohort(cohort.folder, cohort.nights)
    table = fewer.table(tmp_path / "recordings.csv", ALL)
    assert analysed(study_of(table, output)) == ["007"]
    assert_as_fresh(output, table)


def test_marks_are_a_change_for_their_recording(cohort: Cohort, output: Path, tmp_path: Path) -> None:
    marks = {"lights_off": {"007": "22:49"}, "lights_on": {"007": "22:50:30"}}
    table = cohort.table(tmp_path / "recordings.csv", ALL, **marks)
    assert analysed(study_of(table, output)) == ["007"]
    assert outcome(output, "007")["epochs"] == 3
    assert_as_fresh(output, table)


@pytest.mark.parametrize(
    ("first", "then", "computed"),
    [
        ("bandpower,hjorth", "bandpower:average=median,hjorth", {"bandpower"}),
        ("hjorth", "bandpower,hjorth", {"bandpower"}),
        pytest.param("hjorth", "hjorth,statistics", {"statistics"}, marks=pytest.mark.slow),
        ("statistics,bandpower,hjorth", "statistics,hjorth", set()),
        ("statistics,hjorth", "hjorth,statistics", set()),
        ("statistics:aggregations=mean+std", "statistics:aggregations=mean", {"statistics"}),
        ("hjorth", "statistics", {"statistics"}),
    ],
)
def test_only_features_that_are_new_or_changed_are_computed(
    first: str, then: str, computed: set[str], nights: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second recording alone is fast enough for bandpower."""
    table, output = nights.table(tmp_path / "recordings.csv", ["007", "B 2"]), tmp_path / "out"
    run_study(table, output, first)
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output, then)) == ["007", "B 2"]
    assert set(calls) == computed
    assert_as_fresh(output, table, then)
    assert analysed(study_of(table, output, then)) == []


@pytest.mark.parametrize(
    "option",
    [{"epoch": "20s"}, {"min_coverage": 0.9}, {"timezone": "Europe/Berlin"}],
)
def test_what_all_features_share_computes_all(
    option: dict[str, Any], table: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output, **option)) == ALL
    assert set(calls) == {"statistics", "hjorth"}
    assert_as_fresh(output, table, **option)


def test_an_opened_study_goes_on_with_its_plan(table: Path, tmp_path: Path) -> None:
    plan: dict[str, Any] = {"epoch": "20s", "policy": "repair", "timezone": "Europe/Berlin"}
    features = "bandpower:average=median:bands=a@1-4+b@4-8,statistics:aggregations=mean"
    study_of(table, tmp_path / "out", features, **plan).run(backend="sync")
    again = Study.open(tmp_path / "out")
    assert again.plan.document() == study_of(table, tmp_path / "x", features, **plan).plan.document()
    assert again.plan.features == study_of(table, tmp_path / "x", features).plan.features
    assert analysed(again) == []


# Recordings come and go


def added(cohort: Cohort) -> Cohort:
    """The cohort with a recording of its own channels, which sorts before all others."""
    night, scores = simulate_night(HOURS, 9, (EOG, SPO2)).write(cohort.folder, stem="n9")
    return Cohort(cohort.folder, {"000": night, **cohort.nights}, {"000": scores, **cohort.hypnograms})


def test_a_new_recording_lays_the_others_out_anew_without_computing_them(
    cohort: Cohort, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    alike = cohort.table(tmp_path / "alike.csv", ["007", "c-3"])
    run_study(alike, output)
    before = {name: outcome(output, name) for name in ("007", "c-3")}
    more = added(cohort).table(tmp_path / "more.csv", ["000", "007", "c-3"])
    with counted(monkeypatch) as calls:
        assert analysed(study_of(more, output)) == ["000", "007", "c-3"]
    assert len(calls) == 4  # two features, two nodes, of the new one
    for name, earlier in before.items():
        now = outcome(output, name)
        assert now["layout_key"] != earlier["layout_key"]
        assert {k: now[k] for k in OUTCOME} == {k: earlier[k] for k in OUTCOME}
    assert_as_fresh(output, more)


def test_a_new_recording_with_the_same_channels_leaves_the_others_alone(cohort: Cohort, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_study(cohort.table(tmp_path / "one.csv", ["007"]), output)
    before = written(output)
    two = cohort.table(tmp_path / "two.csv", ["c-3", "007"])
    assert analysed(study_of(two, output)) == ["c-3"]
    assert before.items() <= written(output).items()
    assert_as_fresh(output, two)


def test_a_removed_recording_is_set_aside(cohort: Cohort, output: Path, tmp_path: Path) -> None:
    aside = part(output, "A1").read_bytes()
    table = cohort.table(tmp_path / "recordings.csv", ["007"])
    assert analysed(study_of(table, output)) == ["007"]  # without its columns
    assert not (output / "outcomes" / "A1.json").exists()
    assert not (output / "features" / "recording_id=A1").exists()
    assert part(output / "removed", "A1").read_bytes() == aside
    assert_as_fresh(output, table)


def test_a_removed_recording_that_failed_leaves_nothing(cohort: Cohort, tmp_path: Path) -> None:
    output = tmp_path / "out"
    cohort.nights["A1"].write_bytes(b"nothing")
    run_study(cohort.table(tmp_path / "recordings.csv", ALL), output)
    assert outcome(output, "A1")["status"] == "failed"
    run_study(cohort.table(tmp_path / "recordings.csv", ["007"]), output)
    assert [path.name for path in (output / "outcomes").iterdir()] == ["007.json"]


# What is damaged is made anew


def test_what_is_damaged_is_made_anew(cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, output = cohort.table(tmp_path / "recordings.csv"), tmp_path / "out"
    run_study(table, output)
    whole = parts(output)
    part(output, "007").unlink()
    part(output, "A1").write_bytes(part(output, "A1").read_bytes()[:-100])
    (output / "outcomes" / "B 2.json").write_bytes(b"{")
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output)) == ["007", "A1", "B 2"]
    assert len(calls) == 12
    assert parts(output) == whole
    assert_as_fresh(output, table)


CHANGES: list[Callable[[Any], Any]] = [
    lambda known: [],
    lambda known: known | {"status": "fine"},
    lambda known: known | {"epochs": None},
    lambda known: known | {"epochs": "12"},
    lambda known: known | {"inputs": {"recording": "007.edf"}},
    lambda known: known | {"stages": []},
    lambda known: known | {"recording_id": "A1"},
    lambda known: {name: value for name, value in known.items() if name != "content_key"},
    lambda known: known | {"content_key": "0"},
    lambda known: known | {"table_size": 1},
]


def test_an_outcome_that_is_none_is_made_anew(cohort: Cohort, tmp_path: Path) -> None:
    table, output = cohort.table(tmp_path / "recordings.csv", ["007"]), tmp_path / "out"
    run_study(table, output, "hjorth")
    path = output / "outcomes" / "007.json"
    for change in CHANGES:
        path.write_text(json.dumps(change(json.loads(path.read_bytes()))))
        assert analysed(study_of(table, output, "hjorth")) == ["007"]
        assert analysed(study_of(table, output, "hjorth")) == []
    assert_as_fresh(output, table, "hjorth")


def test_a_whole_folder_that_is_gone_is_made_anew(table: Path, output: Path) -> None:
    for name in ("features", "scans.json", "outcomes.parquet"):
        path = output / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (output / "study.json").write_text("{")
    assert analysed(study_of(table, output)) == ALL
    assert_as_fresh(output, table)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"view": "", "layouts": [], "recordings": {}}', "null"])
def test_remembered_looks_that_are_damaged_do_not_matter(text: str, nights: Cohort, tmp_path: Path) -> None:
    table, output = nights.table(tmp_path / "recordings.csv", ["007"]), tmp_path / "out"
    run_study(table, output, "hjorth")
    (output / "scans.json").write_text(text)
    assert analysed(study_of(table, output, "hjorth")) == []


def test_an_old_table_that_is_not_what_its_outcome_says_is_not_merged(cohort: Cohort, tmp_path: Path) -> None:
    """The table of another recording, of the same size, must not give its numbers."""
    table, output = cohort.table(tmp_path / "recordings.csv", ["007", "c-3"]), tmp_path / "out"
    run_study(table, output, "hjorth")
    other = part(output, "c-3").read_bytes()
    part(output, "007").write_bytes(other)
    path = output / "outcomes" / "007.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"table_size": len(other)}))
    run_study(table, output, "hjorth,bandpower")
    assert_as_fresh(output, table, "hjorth,bandpower")


# Failures stay, until something changes


def test_a_failure_stays_until_its_file_changes(
    cohort: Cohort, table: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cohort.nights["007"].read_bytes()
    cohort.nights["007"].write_bytes(whole[:300])
    run_study(table, output)
    assert outcome(output, "007")["status"] == "failed"
    assert not part(output, "007").exists()
    before = written(output)
    assert analysed(study_of(table, output)) == []
    assert written(output) == before
    touched(cohort.nights["007"])
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, output)) == ["007"]
        assert analysed(study_of(table, output)) == []
    assert calls == []
    cohort.nights["007"].write_bytes(whole)
    assert "007" in analysed(study_of(table, output))
    assert_as_fresh(output, table)


def test_retry_failed_tries_all_that_is_not_ok(cohort: Cohort, table: Path, output: Path) -> None:
    cohort.nights["007"].write_bytes(b"nothing")
    run_study(table, output)
    assert analysed(study_of(table, output), retry_failed=True) == ["007"]
    assert outcome(output, "007")["status"] == "failed"


def test_a_missing_file_is_looked_for_each_time(cohort: Cohort, table: Path, output: Path) -> None:
    whole = cohort.nights["007"].read_bytes()
    cohort.nights["007"].unlink()
    run_study(table, output)
    assert "no such file" in outcome(output, "007")["message"]
    assert analysed(study_of(table, output)) == []
    cohort.nights["007"].write_bytes(whole)
    assert "007" in analysed(study_of(table, output))
    assert outcome(output, "007")["status"] == "ok"


# Killed in between


def test_a_run_that_dies_between_a_table_and_its_outcome(
    table: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plan A is done; plan B writes a table and dies; back to plan A, the table of B must not be taken for A's."""
    plan_a = parts(output)
    settle = Analysis.settle

    class Killed(BaseException):
        pass

    def die(self: Analysis, outcome: Any, part: bytes | None = None) -> None:
        write = Folder.write

        def no_outcome(files: Any, name: str, data: bytes, **how: Any) -> None:
            if name.startswith("outcomes/"):
                raise Killed
            write(files, name, data, **how)

        with monkeypatch.context() as patch:
            patch.setattr(Folder, "write", no_outcome)
            settle(self, outcome, part)

    with monkeypatch.context() as patch:
        patch.setattr(Analysis, "settle", die)
        with pytest.raises(Killed):
            study_of(table, output, epoch="20s").run(backend="sync")
    assert parts(output) != plan_a
    assert not (output / "outcomes" / "007.json").exists()
    run_study(table, output)
    assert parts(output) == plan_a
    assert_as_fresh(output, table)


def test_a_file_that_changes_while_it_is_read_fails_and_is_read_again(
    cohort: Cohort, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = Analysis._features

    def meanwhile(self: Analysis, job: Any, *rest: Any) -> Any:
        done = features(self, job, *rest)
        if job.entry.recording_id == "007":
            touched(cohort.nights["007"])
        return done

    output = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Analysis, "_features", meanwhile)
        run_study(table, output)
    assert outcome(output, "007")["error_type"] == "ChangedFileError"
    assert not part(output, "007").exists()
    assert analysed(study_of(table, output)) == ["007"]
    assert_as_fresh(output, table)


def test_a_file_that_goes_away_while_it_is_read_is_tried_again_when_it_is_back(
    cohort: Cohort, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, aside = Analysis._features, cohort.folder / "aside"

    def meanwhile(self: Analysis, job: Any, *rest: Any) -> Any:
        if job.entry.recording_id == "007":
            cohort.nights["007"].rename(aside)
        return features(self, job, *rest)

    output = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Analysis, "_features", meanwhile)
        run_study(table, output)
    assert "no such file" in outcome(output, "007")["message"]
    aside.rename(cohort.nights["007"])
    assert analysed(study_of(table, output)) == ["007"]
    assert_as_fresh(output, table)


def test_a_recording_that_gets_channels_after_it_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its columns are not in the study: leaving them out without a word would lose data."""
    night = write_edf(tmp_path / "n.edf", {"C3": noise(1)})
    table = tmp_path / "recordings.csv"
    table.write_text("recording_id,path\nN1,n.edf\n")
    looked = module.prepare

    def then(*arguments: Any, **how: Any) -> Any:
        prepared = looked(*arguments, **how)
        write_edf(night, {"C3": noise(1), "C4": noise(2)})
        return prepared

    with monkeypatch.context() as patch:
        patch.setattr(module, "prepare", then)
        run_study(table, tmp_path / "out")
    assert outcome(tmp_path / "out", "N1")["status"] == "failed"
    assert "not as it was" in outcome(tmp_path / "out", "N1")["message"]
    run_study(table, tmp_path / "out")
    assert_as_fresh(tmp_path / "out", table)
