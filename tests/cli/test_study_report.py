"""The verb that writes the page of a study: what it takes, what it prints, and the page of a study that was run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pages import read_page
from study_folders import Night, write_study

from sleepdask.cli import main

NIGHTS = [
    Night("A1", covariates={"group": "x", "site": "north"}),
    Night("A2", covariates={"group": "y", "site": "north"}),
    Night("A3", covariates={"group": "y", "site": "south"}, status="failed"),
    Night("A4", covariates={"group": "x", "site": "south"}, status=""),
]


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(each) for each in arguments])
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Four recordings, of which one failed and one is not done; their columns have definitions."""
    folder = write_study(tmp_path / "study", NIGHTS)
    plan = json.loads((folder / "study.json").read_text("utf-8"))
    about = {"units": "uV", "definition": "arithmetic mean", "reference": ""}
    plan["columns"] = {
        name: about for name, kind in plan["schema"].items() if kind == "double" and "coverage" not in name
    }
    (folder / "study.json").write_text(json.dumps(plan), "utf-8")
    return folder


def test_the_page_is_written_and_its_place_is_told(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("study", "report", study, "--backend", "sync", "--quiet", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(study / "report.html")}
    page = read_page((study / "report.html").read_text("utf-8"))
    assert page.one("h1").text == "study"
    assert "2 of 4 recordings have features. 1 has none." in [each.text for each in page.all("p")]
    assert "1 recording is not yet done" in page.one("header").text
    assert "Recordings by group" in [each.text for each in page.all("h2")]


def test_groups_are_those_that_are_asked_for(study: Path) -> None:
    assert run("study", "report", study, "--by", "site", "--backend", "sync", "--quiet") == 0
    page = read_page((study / "report.html").read_text("utf-8"))
    assert "What became of the recordings of each site" in [each.text for each in page.all("caption")]
    assert "south" in [each.text for each in page.all("th")]


def test_a_second_page_replaces_the_first_and_has_the_same_content(study: Path) -> None:
    pages = []
    for _ in range(2):
        assert run("study", "report", study, "--backend", "sync", "--quiet") == 0
        text = (study / "report.html").read_text("utf-8")
        [dates] = [each.text for each in read_page(text).all("p") if each.attributes.get("class") == "dates"]
        pages.append(text.replace(dates.split("as of ")[1], "NOW"))
    assert pages[0] == pages[1]


def test_no_study_and_no_such_covariate_are_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("study", "report", tmp_path / "nowhere") == 2
    assert "there is no study" in capsys.readouterr().err
    assert run("study", "report", study, "--by", "sites", "--backend", "sync") == 2
    assert "'sites'" in capsys.readouterr().err
    assert not (study / "report.html").exists()


def test_the_page_of_a_study_that_was_run(short_night: tuple[Path, Path], tmp_path: Path) -> None:
    recording, hypnogram = short_night
    shutil.copy(recording, tmp_path / "good.edf")
    shutil.copy(hypnogram, tmp_path / "scores.edf")
    for name in ("one", "two"):
        (tmp_path / f"{name}.edf").touch()
    rows = ["recording_id,path,hypnogram,group", "S1,good.edf,scores.edf,a", "S2,one.edf,,b", "S3,two.edf,,b"]
    (tmp_path / "recordings.csv").write_text("\n".join(rows), "utf-8")
    out = tmp_path / "OUT"
    options = ["--features", "statistics", "--backend", "sync", "--quiet"]
    assert run("study", "run", tmp_path / "recordings.csv", "-o", out, *options) == 3
    page = read_page((out / "report.html").read_text("utf-8"))
    assert "1 of 3 recordings has features. 2 have none." in [each.text for each in page.all("p")]
    [cause] = [each for each in page.all("li") if each.attributes.get("class") == "cause"]
    assert cause.text.startswith("2 recordings the file is empty")
    assert cause.one("dd", **{"class": "example"}).text.startswith("one.edf: the file is empty; ")
    assert str(tmp_path) not in page.text
    assert any(each.text.startswith("F3-M2/") for each in page.all("caption"))
