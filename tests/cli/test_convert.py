"""The verb `convert`: one recording into a store, many into a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture
def store(short_psg: Path, tmp_path: Path) -> Path:
    path = tmp_path / "night.zarr"
    assert run("convert", short_psg, "-o", path, "--quiet") == 0
    return path


def test_one_recording(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "night.zarr"
    assert run("convert", short_psg, "-o", path) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{path}: 3 channels, 256Hz, 128Hz, 1Hz, 0.5 MB to ")
    assert printed.err == ""
    back = sd.open_recording(path)
    assert back.attrs.pop("provenance")["source"]["sha256"]
    xr.testing.assert_identical(back, sd.open_recording(short_psg))


def test_quiet_prints_nothing(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_options(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "night.zarr"
    words = ("--channels", "F*", "--channels", "SpO2", "--dtype", "float64", "--channel-table", "default")
    assert run("convert", short_psg, "-o", path, *words, "--backend", "threads", "--workers", 2, "--json") == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert (file["channels"], file["nodes"]) == (2, ["256Hz", "1Hz"])
    assert file["bytes_read"] == short_psg.stat().st_size
    assert file["bytes_written"] > 1000
    back = sd.open_recording(path)
    assert [str(name) for node in back.children.values() if "channel" in node for name in node["channel"].values] == [
        "F3-M2",
        "SpO2",
    ]
    assert back["256Hz/signal"].dtype == "float64"
    assert back["256Hz/label"].values.tolist() == ["F3-M2"]
    assert back["annotations"].sizes == sd.open_recording(short_psg)["annotations"].sizes


def test_many_recordings_into_a_folder(
    short_psg: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.edf"
    broken.write_bytes(short_psg.read_bytes()[:300])
    cut = tmp_path / "cut.edf"
    cut.write_bytes(short_psg.read_bytes()[:-10])
    out = tmp_path / "stores"
    assert run("convert", broken, cut, short_psg, store, "-o", out, "--json") == 3
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert [Path(file["output"]).name for file in document["files"]] == ["cut.zarr", "short-PSG.zarr", "night.zarr"]
    assert {path.name for path in out.iterdir()} == {"cut.zarr", "short-PSG.zarr", "night.zarr"}
    assert document["failed"][0].startswith(f"broken.edf: not converted: {broken}")
    assert "finding: cut.edf: " in printed.err
    assert sd.open_recording(out / "cut.zarr").attrs["findings"] == document["files"][0]["findings"]


def test_a_folder_for_one(short_psg: Path, tmp_path: Path) -> None:
    assert run("convert", short_psg, "-o", tmp_path / "out", "--quiet") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["short-PSG.zarr"]


def test_a_recording_without_signals(short_hypnogram: Path, tmp_path: Path) -> None:
    assert run("convert", short_hypnogram, "-o", tmp_path / "h.zarr", "--quiet") == 0
    assert sd.open_recording(tmp_path / "h.zarr")["annotations"].sizes["annotation"] > 0


def test_what_is_refused(short_psg: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other" / short_psg.name
    other.parent.mkdir()
    shutil.copy(short_psg, other)
    out = tmp_path / "out"
    for words, message in [
        ((short_psg, other, "-o", out), "several recordings would become one store; found short-PSG.zarr"),
        ((short_psg, short_psg, "-o", out), "several recordings would become one store"),
        ((short_psg, other, "-o", out / "a.zarr"), "2 recordings do not become one store: name a folder with -o"),
        ((short_psg, "-o", store), "results are already there; found night.zarr; use --force to replace them"),
        ((store, "-o", tmp_path), "results are already there; found night.zarr"),
        ((tmp_path / "no.edf", short_psg, "-o", out), "no such file"),
        ((short_psg, "-o", out, "--channels", "F9"), "no channel matches 'F9'"),
        ((store, "-o", out, "--dtype", "float64"), "samples are stored as another dtype"),
        ((short_psg,), "Missing option '-o'"),
    ]:
        assert run("convert", *words) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 1
        assert not out.exists()


def test_policy(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = tmp_path / "cut.edf"
    cut.write_bytes(short_psg.read_bytes()[:-10])
    assert run("convert", cut, "-o", tmp_path / "a.zarr", "--policy", "strict") == 2
    assert run("convert", cut, "-o", tmp_path / "a.zarr", "--quiet") == 3
    assert "finding: cut.edf" in capsys.readouterr().err


def test_a_store_is_replaced_by_a_part_of_itself(store: Path) -> None:
    before = sd.open_recording(store).attrs["provenance"]["source"]
    assert run("convert", store, "-o", store, "--channels", "SpO2", "--force", "--quiet") == 0
    back = sd.open_recording(store)
    assert [name for name in back.children if "signal" in back[name]] == ["1Hz"]
    assert back.attrs["provenance"]["source"] == before
    assert [path.name for path in store.parent.iterdir()] == ["night.zarr"]


def test_info_and_diagnose_take_a_store(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", store) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("short-PSG.edf  EDF+C  start 2024-03-11 22:47:30")
    assert run("info", store, "--json") == 0
    assert json.loads(capsys.readouterr().out)["provenance"]["source"]["name"] == "short-PSG.edf"
    assert run("diagnose", store, store.parent) == 0
    assert f"{store}  Zarr  nothing odd" in capsys.readouterr().out


def test_info_of_signals_that_come_from_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sd.save_recording(sd.recording_from_arrays({"C3": [0.0] * 100}, rate=100), tmp_path / "a.zarr")
    assert run("info", tmp_path / "a.zarr") == 0
    assert capsys.readouterr().out.startswith("memory  no file  start 2000-01-01")


def test_extract_gives_the_same_table(short_psg: Path, short_hypnogram: Path, store: Path, tmp_path: Path) -> None:
    tables = []
    for path in (short_psg, store):
        out = tmp_path / f"out of {path.name}"
        assert run("extract", path, "--hypnogram", short_hypnogram, "-o", out, "--quiet") == 0
        tables.append(pd.read_parquet(out / "features.parquet"))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    recording = json.loads((out / "provenance.json").read_text())["inputs"]["recording"]
    assert recording["name"] == "night.zarr"
    assert recording["size"] == sum(part.stat().st_size for part in store.rglob("*") if part.is_file())
