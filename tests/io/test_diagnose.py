"""What is odd about files is told before they are read, for all of them."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

import sleepdask as sd
from sleepdask.io.diagnose import summary
from sleepdask.io.edf.header import read_header


@pytest.fixture
def folder(scored_night: Path, tmp_path: Path) -> Path:
    """Write recordings of all kinds of health, and other files beside them."""
    raw = scored_night.read_bytes()
    header = read_header(scored_night)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "good.edf").write_bytes(raw)
    (tmp_path / "deep/cut.EDF").write_bytes(raw[:-1])
    (tmp_path / "deep/er/no_suffix").write_bytes(raw)
    (tmp_path / "deep/slow.rec").write_bytes(raw[:236] + b"-2      " + raw[244:])
    (tmp_path / "empty.edf").write_bytes(b"")
    (tmp_path / "short.edf").write_bytes(raw[: header.header_bytes - 1])
    (tmp_path / "text.edf").write_bytes(b"this is not a recording")
    (tmp_path / "packed.edf.gz").write_bytes(gzip.compress(raw))
    (tmp_path / "notes.txt").write_text("not looked at")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_a_folder_of_all_kinds(folder: Path) -> None:
    found = {str(file.path.relative_to(folder)): file for file in sd.diagnose(folder)}
    assert {name: file.policy for name, file in found.items()} == {
        "good.edf": "strict",
        "deep/cut.EDF": "warn",
        "deep/er/no_suffix": "strict",
        "deep/slow.rec": "repair",
        "empty.edf": "none",
        "short.edf": "none",
        "text.edf": "none",
        "packed.edf.gz": "none",
    }
    assert list(found) == sorted(found, key=Path)
    assert [finding.code for finding in found["deep/cut.EDF"].findings] == ["truncated"]
    (guess,) = found["deep/slow.rec"].findings
    assert (guess.severity, guess.code) == ("guess", "records-denied")
    assert "bytes 236 to 243" in guess.where
    (error,) = found["packed.edf.gz"].findings
    assert error.severity == "error"
    assert "unpack it first" in error.reading
    assert found["good.edf"].format == "EDF+C"
    counts = summary(list(found.values()))
    assert counts["files"] == 8
    assert counts["policies"] == {"strict": 2, "warn": 1, "repair": 1, "none": 4}
    assert counts["findings"]["refused"] == 4


def test_what_is_told_is_what_reading_does(folder: Path) -> None:
    for file in sd.diagnose(folder):
        for policy in ("strict", "warn", "repair"):
            allowed = ["strict", "warn", "repair", "none"].index(file.policy) <= ["strict", "warn", "repair"].index(
                policy
            )
            if allowed:
                told = sd.open_recording(file.path, policy=policy).attrs["findings"]
                if policy == file.policy:
                    assert told == [str(finding) for finding in file.findings]
            else:
                with pytest.raises(sd.SleepdaskError):
                    sd.open_recording(file.path, policy=policy)


@pytest.mark.parametrize("options", [{"backend": "sync"}, {"on_error": "return"}, {"timeout": 60.0}])
def test_it_is_the_same_wherever_it_runs(folder: Path, options: dict[str, object]) -> None:
    expected = sd.diagnose(folder)
    with sd.parallel_config(**options):
        assert sd.diagnose(folder) == expected


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_stops_nothing(folder: Path) -> None:
    (folder / "good.edf").chmod(0)
    found = {file.path.name: file for file in sd.diagnose(folder)}
    assert found["good.edf"].policy == "none"
    assert "Permission denied" in found["good.edf"].findings[0].message


def test_a_defect_of_the_disk_stops_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path, *_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("sleepdask.io.edf.reader.read_header", broken)
    assert {file.policy for file in sd.diagnose(folder)} == {"none"}


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(sd.ParameterError, match="no such file or folder"):
        sd.diagnose(tmp_path / "nowhere")
    assert sd.diagnose(tmp_path) == []


def test_documents_are_json(folder: Path) -> None:
    text = json.dumps([file.document() for file in sd.diagnose(folder)])
    assert "Harriet" not in text
    assert json.loads(text)[0]["findings"][0].keys() == {"severity", "code", "message", "reading", "where"}


def test_real_files(test_data: Path) -> None:
    found = {file.path.name: file for file in sd.diagnose(test_data) if file.path.suffix in (".edf", ".bdf")}
    assert len(found) == 20
    refused = {name for name, file in found.items() if file.policy == "none"}
    assert refused == {"invalid-date.edf", "zero-data-records.edf"}
    assert {name for name, file in found.items() if file.policy == "repair"} == set()
