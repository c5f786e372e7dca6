"""``sleepdask deidentify``: one copy, many copies, and what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sleepdask as sd
from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def named(path: Path, psg: Path) -> Path:
    """Copy of a recording whose header names somebody."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = psg.read_bytes()
    path.write_bytes(raw[:8] + b"MCH-1 F 16-SEP-1987 Haagse_Harry".ljust(80) + raw[88:])
    return path


def test_one_copy(short_psg: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = named(tmp_path / "in.edf", short_psg)
    assert run("deidentify", path, "-o", tmp_path / "clean.edf", "--id", "S017", "--json") == 0
    said = capfd.readouterr()
    (file,) = json.loads(said.out)["files"]
    assert (file["source"], file["output"], file["size"]) == (
        "in.edf",
        str(tmp_path / "clean.edf"),
        path.stat().st_size,
    )
    assert said.err == "note: in.edf: annotations are kept: their free text may hold names\n"
    kept = sd.open_recording(tmp_path / "clean.edf", keep_identity=True).attrs["identity"]
    assert kept["patient"] == "S017 X X X"


def test_a_folder_of_copies(short_psg: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("a.edf", "deep/b.edf"):
        named(tmp_path / "in" / name, short_psg)
    (tmp_path / "in" / "notes.txt").write_text("none")
    (tmp_path / "in" / "broken.edf").write_bytes(b"none at all")
    out = tmp_path / "out"
    options = ("--remove-date", "--remove-annotations", "--remove-sensors")
    assert run("deidentify", tmp_path / "in", "-o", out, *options) == 3
    said = capfd.readouterr()
    assert sorted(path.name for path in out.iterdir()) == ["a.edf", "b.edf"]
    assert said.out.startswith(f"a.edf -> {out / 'a.edf'}  ")
    assert "samples unchanged" in said.out
    assert "finding: " in said.err
    assert "broken.edf: header field 'version'" in said.err
    for path in out.iterdir():
        night = sd.open_recording(path)
        assert night.attrs["start"] == "NaT"
        assert night["annotations"].sizes["annotation"] == 0
        assert set(night["256Hz"]["sensor"].values) == {""}
    assert run("deidentify", tmp_path / "in" / "a.edf", "-o", out) == 2
    assert "use --force" in capfd.readouterr().err
    assert run("deidentify", tmp_path / "in" / "a.edf", "-o", out, "--force", "--quiet") == 0
    assert capfd.readouterr() == ("", "")


def test_the_code_names_the_copy_in_a_folder(short_psg: Path, tmp_path: Path) -> None:
    path = named(tmp_path / "Harry.edf", short_psg)
    assert run("deidentify", path, "-o", tmp_path / "out", "--id", "S017") == 0
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["S017.edf"]


def test_refusals(short_psg: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, other = named(tmp_path / "1" / "n.edf", short_psg), named(tmp_path / "2" / "n.edf", short_psg)
    out = tmp_path / "out"
    assert run("deidentify", one, other, "-o", out, "--id", "S017") == 2
    assert "--id belongs to one recording, and there are 2" in capfd.readouterr().err
    assert run("deidentify", one, other, "-o", out) == 2
    assert "1 names are those of several recordings" in capfd.readouterr().err
    assert run("deidentify", one, "-o", tmp_path / "1") == 2
    assert "would replace the recording itself" in capfd.readouterr().err
    assert run("deidentify", one, "-o", one, "--force") == 2
    assert run("deidentify", tmp_path / "none.edf", "-o", out) == 2
    assert run("deidentify", one, "-o", out, "--id", "../S017") == 2
    assert not out.exists()
    assert not (tmp_path / "S017.edf").exists()


def test_a_folder_without_recordings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("none")
    assert run("deidentify", tmp_path / "in", "-o", tmp_path / "out") == 2
    assert f"{tmp_path / 'in'}: no recordings there; expected EDF or BDF files" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
