"""The verb that runs a study: exit codes, what it prints, what it leaves, and how it is interrupted."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from cohorts import Cohort, parts, run_study, tree, written
from jobs import wait_until
from studies import Runner, finished

from sleepdask.cli import main

FEATURES = ("--features", "hjorth")
HERE = ("--backend", "sync", "--no-report")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    return int(stop.value.code or 0)


def study(table: Path, output: object, *options: object) -> int:
    return run("study", "run", table, "-o", output, *FEATURES, *HERE, *options)


@pytest.fixture
def table(nights: Cohort, tmp_path: Path) -> Path:
    return nights.table(tmp_path / "recordings.csv", ["007", "A1"])


def with_failure(table: Path) -> Path:
    (table.parent / "broken.edf").write_bytes(b"")
    table.write_text(table.read_text() + "bad,broken.edf,\n")
    return table


def test_all_is_well(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert study(table, out) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out}: 2 recordings: 2 ok\n"
    assert printed.err == ""
    run_study(table, tmp_path / "same", "hjorth")
    assert parts(out) == parts(tmp_path / "same")

    before = written(out)
    assert study(table, out) == 0
    assert "nothing to do: files, features and parameters are those of the last run" in capsys.readouterr().out
    assert written(out) == before


def test_some_fail(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study(with_failure(table), tmp_path / "out") == 3
    printed = capsys.readouterr().out
    assert "3 recordings: 2 ok, 1 failed" in printed
    assert "      1  bad\n         FileFormatError: broken.edf: the file is empty" in printed
    assert study(table, tmp_path / "out") == 3  # it has not become better
    assert "nothing to do" in capsys.readouterr().out
    assert study(table, tmp_path / "out", "--retry-failed", "--json") == 3
    assert json.loads(capsys.readouterr().out)["analysed"] == 1


def test_the_document(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study(with_failure(table), tmp_path / "out", "--json", "--quiet") == 3
    printed = capsys.readouterr()
    assert printed.err == ""
    document = json.loads(printed.out)
    assert document["statuses"] == {"ok": 2, "partial": 0, "failed": 1, "lost": 0}
    assert {name: document[name] for name in ("recordings", "left", "running_by", "begun", "epochs", "analysed")} == {
        "recordings": 3, "left": 0, "running_by": None, "begun": [], "epochs": 24, "analysed": 3
    }  # fmt: skip
    assert [(cause["count"], cause["ids"]) for cause in document["causes"]] == [(1, ["bad"])]


def test_quiet(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study(table, tmp_path / "out", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_dry_run_writes_nothing_at_all(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_failure(table)
    before = tree(tmp_path)
    assert study(table, tmp_path / "out", "--dry-run") == 0
    assert capsys.readouterr().out == ("3 recordings: 0 done, 3 to analyse, 1 of all cannot be read; 16 columns\n")
    assert tree(tmp_path) == before
    assert study(table, tmp_path / "out", "--dry-run", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["to_analyse"] == ["007", "A1", "bad"]
    assert list(document["unreadable"]) == ["bad"]
    assert tree(tmp_path) == before

    assert study(table, tmp_path / "out") == 3
    capsys.readouterr()
    before = tree(tmp_path)
    times = written(tmp_path / "out")
    assert study(table, tmp_path / "out", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["to_analyse"] == []
    assert study(table, tmp_path / "out", "--dry-run", "--json", "--epoch", "20s") == 0
    assert json.loads(capsys.readouterr().out)["to_analyse"] == ["007", "A1", "bad"]
    assert study(table, tmp_path / "out", "--dry-run", "--json", "--retry-failed") == 0
    assert json.loads(capsys.readouterr().out)["to_analyse"] == ["bad"]
    assert (tree(tmp_path), written(tmp_path / "out")) == (before, times)


def test_too_many_failures(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table.read_text().splitlines()
    (tmp_path / "broken.edf").write_bytes(b"")
    table.write_text("\n".join([rows[0], "b1,broken.edf,", "b2,broken.edf,", *rows[1:]]) + "\n")
    for limit in ("1", "40%"):
        assert study(table, tmp_path / limit, "--max-failures", limit) == 3
        error = capsys.readouterr().err
        assert error.startswith("sleepdask: error: too many recordings failed; expected at most 1; found 2;")
        assert len(error.splitlines()) == 1
        assert finished(tmp_path / limit) == {"b1", "b2"}
    assert study(table, tmp_path / "1") == 3
    assert finished(tmp_path / "1") == {"b1", "b2", "007", "A1"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--max-failures", "many"), "max_failures is no limit"),
        (("--max-failures", "-1"), "max_failures"),
        (("--features", "hjort"), "did you mean 'hjorth'?"),
        (("--epoch", "soon"), "not a duration"),
        (("--epoch", "1s", "--features", "bandpower"), "too short for bandpower"),
        (("--timezone", "Europe/Berlim"), "did you mean 'Europe/Berlin'?"),
        (("--backend", "cloud"), "--backend"),
        (("--config", "none.yaml"), "none.yaml"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_options_that_make_no_sense(
    options: Sequence[str], told: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(table, tmp_path / "out", *options) == 2
    assert_one_line(capsys, told)
    assert not (tmp_path / "out").exists()


def assert_one_line(capsys: pytest.CaptureFixture[str], *told: str) -> None:
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1, printed.err
    for text in told:
        assert text in printed.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no such table"),
        ("", "recordings.csv"),
        ("recording_id,file\nx,y\n", "columns are missing"),
        ("recording_id,path\n", "no row"),
        ("recording_id,path\n../x,n.edf\n", "not safe"),
        ("recording_id,path\n.hidden,n.edf\n", "not safe"),
        ("recording_id,path\na/b,n.edf\n", "not safe"),
        ("recording_id,path\nx\x1b[31m,n.edf\n", "not safe"),
        ("recording_id,path\na,n.edf\nA,n.edf\n", "repeats"),
        ("recording_id,path\n,n.edf\n", "not safe"),
        ("recording_id,path\nx,\n", "a path is empty"),
        ("recording_id,path\nx,n.edf,extra\n", "recordings.csv"),
    ],
)
def test_a_table_that_is_none(text: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "recordings.csv"
    if text is not None:
        table.write_text(text)
    for verb in (("run", table, "-o", tmp_path / "out"), ("check", table)):
        assert run("study", *verb) == 2
        assert_one_line(capsys, told)
    assert sorted(path.name for path in tmp_path.iterdir()) == (["recordings.csv"] if text is not None else [])


def test_another_run_is_at_work(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sleepdask.study.files import Folder
    from sleepdask.study.lock import run_lock

    with run_lock(Folder(tmp_path / "out")):
        assert study(table, tmp_path / "out") == 2
    assert_one_line(capsys, "another run of this study is at work", f"process {os.getpid()}")


# What lies in the way


def test_files_of_others_stay(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine"
    for name in ("features/model.pkl", "features/v1/weights.bin", "outcomes/grades.json", "notes.txt"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
    mine = tree(out)
    assert study(table, out) == 0
    assert mine.items() <= tree(out).items()
    assert study(table, out, "--epoch", "20s") == 0
    assert mine.items() <= tree(out).items()


def test_a_folder_with_files_that_a_study_would_replace(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("recordings.csv", "report.html", "outcomes.parquet"):
        out = tmp_path / name.replace(".", "-")
        out.mkdir()
        (out / name).write_text("mine")
        assert study(table, out) == 2
        assert_one_line(capsys, "the folder is no study", name, "choose a new folder")
        assert {path: data for path, data in tree(out).items() if data is not None} == {name: b"mine"}


def test_the_table_itself_may_lie_there(nights: Cohort, tmp_path: Path) -> None:
    """And stays as somebody wrote it, if its rows are those of the study."""
    table = nights.table(tmp_path / "out" / "recordings.csv", ["007", "A1"], note={"007": "a, b"})
    text = table.read_text().replace("\n", "\r\n") + "\r\n"
    table.write_bytes(text.encode())
    assert study(table, tmp_path / "out") == 0
    assert table.read_bytes() == text.encode()
    assert study(table, tmp_path / "out") == 0


def test_an_output_that_cannot_be_written(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for out, told in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "below", "cannot be written")):
        assert study(table, out) == 2
        assert_one_line(capsys, told)


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_may_not_be_written(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert study(table, closed / "out") == 2
    assert_one_line(capsys, "cannot be written: Permission denied", "allow writing, and run the study again")


@pytest.mark.parametrize("name", ["007.json", "part-0.parquet", "study.json", "outcomes.parquet"])
def test_a_disk_that_is_full_at_any_moment(
    name: str, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    replace = Path.replace

    def full(path: Path, target: Path) -> Path:
        if target.name == name:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        assert study(table, out) == 2
    assert_one_line(capsys, f"{name}: cannot be written: No space left on device", "make room", "run the study again")
    assert not (out / ".lock").exists()
    assert study(table, out) == 0
    run_study(table, tmp_path / "fresh", "hjorth")
    assert parts(out) == parts(tmp_path / "fresh")
    assert [path for path in tree(out) if path.startswith(".")] == []
    assert pd.read_parquet(out / "outcomes.parquet")["status"].tolist() == ["ok", "ok"]


# Interrupts


@pytest.mark.parametrize(
    "backend", [*(pytest.param(x, marks=pytest.mark.slow) for x in ("sync", "threads")), "processes"]
)
def test_an_interrupt(backend: str, nights: Cohort, tmp_path: Path) -> None:
    table = nights.table(tmp_path / "recordings.csv")
    out, said = tmp_path / "out", tmp_path / "said.txt"
    who = "worker" if backend == "processes" else "client"
    runner = Runner(table, out, said, "--backend", backend, "--workers", "2", **{who: {"seconds": 1.0}})
    runner.wait_for(lambda: finished(out), "the first outcome")
    runner.kill(signal.SIGINT)
    runner.end(130)
    assert runner.said.strip() == "sleepdask: interrupted"
    done = finished(out)
    assert 0 < len(done) < 4
    assert not (out / ".lock").exists()
    assert set(pd.read_parquet(out / "outcomes.parquet")["recording_id"]) == done
    before = {path: when for path, when in written(out).items() if any(name in path for name in done)}
    run_study(table, out)
    run_study(table, tmp_path / "fresh")
    assert parts(out) == parts(tmp_path / "fresh")
    assert before.items() <= written(out).items()
    wait_until(lambda: not [path for path in tree(out) if path.startswith(".")], "hidden files to go", 5)


# Help


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("study", "--help") == 0
    listed = capsys.readouterr().out
    for verb in ("find", "check", "run", "status", "report", "export"):
        assert f"\n  {verb} " in listed
        assert run("study", verb, "--help") == 0
        assert len(capsys.readouterr().out) > 200
    assert run("study", "run", "--help") == 0
    text = capsys.readouterr().out
    for option in ("--features", "--config", "--dry-run", "--retry-failed", "--max-failures", "--scheduler", "--json"):
        assert option in text
    assert "Exit codes: 0 all ok, 3 some are not, 2 refused, 130 interrupted" in " ".join(text.split())
    assert run("study", "rum") == 2
    assert "did you mean 'run'?" in capsys.readouterr().err
