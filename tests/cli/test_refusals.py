"""Bad input: one clear line on stderr, exit code 2, nothing half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sleepdask as sd
from sleepdask.cli import main

Edit = Callable[[bytes], bytes]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def put(raw: bytes, position: int, text: str) -> bytes:
    return raw[:position] + text.encode() + raw[position + len(text) :]


EDITS: dict[str, tuple[Edit, str]] = {
    "not an EDF": (lambda raw: b"\x89PNG\r\n\x1a\n" + raw[8:], "EDF"),
    "an empty file": (lambda raw: b"", "empty"),
    "a file shorter than its header": (lambda raw: raw[:300], "header"),
    "a gzipped file": (lambda raw: b"\x1f\x8b\x08\x00" + raw[4:], "gzip"),
    "zero records": (lambda raw: put(raw, 236, "0       "), "data record"),
    "records that overlap": (lambda raw: raw.replace(b"+60\x14", b"+59\x14"), "data record 60 begins before"),
}

ODDITIES: dict[str, tuple[Edit, str]] = {
    "a comma for a point": (lambda raw: put(raw, 244, "1,0     "), "1,0"),
    "no date": (lambda raw: put(raw, 168, "XX.XX.XX"), "date"),
    "a truncated file": (lambda raw: raw[:-10], "truncated"),
}


@pytest.mark.parametrize("case", EDITS)
@pytest.mark.parametrize("verb", ["info", "extract"])
def test_a_file_that_cannot_be_read_without_guessing(
    case: str, verb: str, short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit, told = EDITS[case]
    path, out = tmp_path / "bad.edf", tmp_path / "out"
    path.write_bytes(edit(short_psg.read_bytes()))
    assert run(verb, path, *(["-o", out] if verb == "extract" else [])) == 2
    assert_one_line(capsys, "bad.edf", told)
    assert not out.exists()


@pytest.mark.parametrize("case", ODDITIES)
@pytest.mark.parametrize("verb", ["info", "extract"])
def test_an_odd_file_is_read_and_told_or_refused_by_policy(
    case: str, verb: str, short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit, told = ODDITIES[case]
    path, out = tmp_path / "odd.edf", tmp_path / "out"
    path.write_bytes(edit(short_psg.read_bytes()))
    where = ["-o", out] if verb == "extract" else []
    assert run(verb, path, *where, "--policy", "strict") == 2
    assert_one_line(capsys, "odd.edf", told)
    assert not out.exists()
    assert run(verb, path, *where, "--quiet") == 3
    assert told in capsys.readouterr().err


def test_what_is_only_likely_needs_the_policy_repair(
    short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.edf"
    path.write_bytes(short_psg.read_bytes().replace(b"+60\x14", b"+59\x14"))
    assert run("info", path, "--policy", "repair", "--quiet") == 3
    assert "data record 60 begins before the one before it ends; it follows" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--features", "statistic"], "did you mean 'statistics'?"),
        (["--features", "bandpower:averag=median"], "did you mean 'average'?"),
        (["--features", "bandpower:average=mode"], "median"),
        (["--channels", "F3-M1"], "did you mean 'F3-M2'?"),
        (["--epoch", "9h"], "no whole epoch"),
        (["--epoch", "0s"], "longer than zero"),
        (["--epoch", "2s"], "too short for bandpower"),
        (["--epoch", "soon"], "not a duration"),
        (["--step", "0"], "step must be longer than zero"),
        (["--start", "25:99"], "not a local time"),
        (["--start", "2020-01-01T00:00", "--end", "2020-01-01T01:00"], "holds no signal"),
        (["--origin", "hypnogram"], "there is none"),
        (["--format", "parqet"], "did you mean 'parquet'?"),
        (["--features", "bandpower:bands=a/b@1-4"], "cannot give a column"),
        (["--workers", "0"], "--workers"),
        (["--backend", "cloud"], "--backend"),
        (["--min-coverage", "2"], "--min-coverage"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_an_option_that_does_not_fit(
    arguments: Sequence[str], told: str, short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("extract", short_psg, "-o", out, *arguments) == 2
    assert_one_line(capsys, told)
    assert not out.exists()


@pytest.mark.parametrize("verb", ["info", "extract", "demo"])
def test_a_path_that_is_missing_or_a_folder(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = [] if verb == "info" else ["-o", tmp_path / "out"]
    for path in (tmp_path / "nothing.edf", tmp_path):
        assert run(verb, path, *out) == 2
        assert_one_line(capsys, path.name)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_signals(short_hypnogram: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("extract", short_hypnogram, "-o", tmp_path / "out") == 2
    assert_one_line(capsys, "no signals")


def test_a_hypnogram_that_is_none(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("extract", short_psg, "--hypnogram", short_psg, "-o", tmp_path / "out") == 2
    assert_one_line(capsys, "sleep stage")


def test_an_output_that_cannot_be_written(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.touch()
    for out in (file, file / "below"):
        assert run("extract", short_psg, "-o", out) == 2
        assert_one_line(capsys, "file")
    if os.geteuid() != 0:  # permissions do not bind root
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        assert run("extract", short_psg, "-o", closed) == 2
        assert_one_line(capsys, "cannot be written")


def test_results_that_are_there_need_force(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    table = tmp_path / "features.parquet"
    arguments = ("extract", short_psg, "-o", tmp_path, "--features", "hjorth", "--quiet")
    assert run(*arguments) == 0
    before = table.read_bytes()
    assert run(*arguments, "--channels", "F3*") == 2
    assert_one_line(capsys, "--force")
    assert table.read_bytes() == before
    assert run(*arguments, "--channels", "F3*", "--force") == 0
    assert table.read_bytes() != before
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_truncated_file_is_read_as_far_as_it_is_whole(
    short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.edf"
    raw = short_psg.read_bytes()
    path.write_bytes(raw[: len(raw) * 2 // 3])
    assert run("extract", path, "-o", tmp_path / "out", "--json") == 3
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert 0 < document["epochs"] < 20
    assert any("whole" in finding for finding in document["findings"])
    assert printed.err.count("finding: ") == len(document["findings"])


def assert_one_line(capsys: pytest.CaptureFixture[str], *told: str) -> None:
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1, printed.err
    assert lines[0].startswith("sleepdask: error: ")
    for text in told:
        assert text in lines[0]


def test_other_formats_do_not_stay_behind(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("extract", short_psg, "-o", tmp_path, "--quiet", "--features")
    assert run(*arguments, "hjorth") == 0
    assert run(*arguments, "statistics", "--format", "csv") == 2
    assert_one_line(capsys, "features.parquet", "--force")
    assert run(*arguments, "statistics", "--format", "csv", "--force") == 0
    assert not (tmp_path / "features.parquet").exists()
    assert "mean" in sd.open_features(tmp_path)["256Hz"]


def test_demo_does_not_replace_other_results(
    short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("extract", short_psg, "-o", tmp_path, "--quiet") == 0
    for arguments in (["demo", "-o", tmp_path], ["demo", short_psg, "-o", tmp_path]):
        assert run(*arguments) == 2
        assert_one_line(capsys, "--force")
    assert not (tmp_path / "demo-PSG.edf").exists()


def test_an_unknown_verb_and_none_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("xtract") == 2
    assert_one_line(capsys, "did you mean 'extract'?")
    assert run() == 2
    assert "Verbs:" in capsys.readouterr().err


def test_a_path_inside_a_file(short_psg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", short_psg / "below") == 2
    assert_one_line(capsys, "cannot be opened")


def test_folders_stay_out_of_the_provenance(short_psg: Path, tmp_path: Path) -> None:
    out = tmp_path / "John Smith"
    assert run("extract", short_psg, "-o", out, "--features", "hjorth", "--quiet") == 0
    document = json.loads((out / "provenance.json").read_text())
    assert str(short_psg.parent) not in json.dumps(document)


def test_the_policy_holds_for_the_scores_too(scored_night: Path, tmp_path: Path, capfd: Any) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("onset,duration,stage\n" + "".join(f"{30 * k},30,{'N2' if k else 'XYZ'}\n" for k in range(12)))
    words = (
        "extract",
        scored_night,
        "--hypnogram",
        scores,
        "-o",
        tmp_path / "out",
        "--features",
        "hjorth",
        "--dry-run",
    )
    for policy, code in (("warn", 3), ("strict", 2)):
        with pytest.raises(SystemExit) as stop:
            main([*map(str, words), "--policy", policy])
        assert stop.value.code == code
        assert "labels that are no known stage: 'XYZ'" in capfd.readouterr().err


def test_units_stand_in_one_column_beside_a_long_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = sd.recording_from_arrays({"FlowLim.2s": np.ones(600), "Snore": np.ones(600)}, 1, unit="")
    sd.save_recording(night, tmp_path / "n.zarr")
    assert run("info", tmp_path / "n.zarr") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "no unit" in line]
    assert "flow_limitation" in lines[0]
    assert len({line.index("no unit") for line in lines}) == 1
