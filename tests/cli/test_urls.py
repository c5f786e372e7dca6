"""Verbs on URLs: the same as on files, and nothing that is secret in what they print or write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from range_server import Served, range_server

from sleepdask.cli import main
from sleepdask.cli.words import named_word

SECRETS = ("jane", "s3cret", "signature", "0123", "k3y")


@pytest.fixture
def server(short_psg: Path, short_hypnogram: Path) -> Iterator[Served]:
    files = {"night.edf": short_psg.read_bytes(), "a/scores.edf": short_hypnogram.read_bytes()}
    with range_server(files) as served:
        yield served


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def secret(url: str) -> str:
    return url.replace("http://", "http://jane:s3cret@")


def test_verbs(
    server: Served, short_psg: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    night = f"{secret(server.url)}/night.edf?signature=0123"
    scores = f"{secret(server.url)}/a/scores.edf?key=k3y"
    assert run("info", night, "--json") == 0
    said = capfd.readouterr()
    assert json.loads(said.out)["source"] == "night.edf"
    assert run("diagnose", night) == run("hypnogram", scores) == 0
    for name, path in (("url", night), ("path", str(short_psg))):
        arguments = ["extract", path, "-o", str(tmp_path / name), "--features", "hjorth", "--hypnogram", scores]
        monkeypatch.setattr("sys.argv", ["sleepdask", *arguments])
        assert run(*arguments) == 0
    tables = [pd.read_parquet(tmp_path / name / "features.parquet") for name in ("url", "path")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert (tables[0]["stage"] != "").any()
    provenance = (tmp_path / "url" / "provenance.json").read_text("utf-8")
    read = json.loads(provenance)["inputs"]["recording"]
    assert read["name"] == "night.edf"
    assert read["version"].startswith('"')
    assert "sha256" not in read
    assert json.loads(provenance)["command"][2] == "night.edf"
    after = capfd.readouterr()
    everything = "".join([*said, *after, provenance])
    assert f"{server.url}/night.edf" in everything  # diagnose tells which
    assert not [word for word in SECRETS if word in everything]


def test_a_server_that_cannot_is_one_line(server: Served, capfd: pytest.CaptureFixture[str]) -> None:
    server.mode = "whole"
    assert run("info", f"{secret(server.url)}/night.edf") == 2
    said = capfd.readouterr().err
    assert said.startswith(f"sleepdask: error: {server.url}/night.edf: the server ignores requests")
    assert run("info", "zip://a.edf::https://jane:s3cret@host/b.zip") == 2
    said += capfd.readouterr().err
    assert not [word for word in SECRETS if word in said]


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("https://u:p@host/a/night.edf?key=1", "night.edf"),
        ("--hypnogram=s3://bucket/jane/scores.xml#part", "scores.xml"),
        ("/home/jane/night.edf", "night.edf"),
        ("--features=hjorth", "--features=hjorth"),
    ],
)
def test_words_of_the_command_line_keep_names_only(word: str, kept: str) -> None:
    assert named_word(word) == kept
