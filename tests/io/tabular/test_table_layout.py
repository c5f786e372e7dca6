"""Layouts of tables: what they may say, and how they are read from mappings and files."""

from __future__ import annotations

import json
import pickle
from fractions import Fraction
from pathlib import Path

import pytest

import sleepdask as sd
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.streams import Channel

TEXT = """\
time: [Date, Time]
time_format: "%d.%m.%Y %H:%M:%S"
channels:
  SpO2: {unit: "%", label: spo2, type: spo2}
  Puls: bpm
  no:
delimiter: ;
decimal: ","
skip: 2
nulls: ["--", ""]
quoted: no
node: watch
"""


def test_a_file_says_what_a_mapping_says(tmp_path: Path) -> None:
    path = tmp_path / "layout.yaml"
    path.write_text(TEXT)
    layout = sd.TableLayout.from_file(path)
    channels = {"SpO2": {"unit": "%", "label": "spo2", "type": "spo2"}, "Puls": "bpm", "no": None}
    fields = {"time": ["Date", "Time"], "time_format": "%d.%m.%Y %H:%M:%S", "channels": channels, "delimiter": ";",
              "decimal": ",", "skip": 2, "nulls": ["--", ""], "quoted": False, "node": "watch"}  # fmt: skip
    assert layout == sd.TableLayout.from_mapping(fields) == sd.TableLayout.of(path) == sd.TableLayout.of(fields)
    assert layout.columns == ("SpO2", "Puls", "no")
    assert layout.outputs == (Channel("spo2", "%", "spo2"), Channel("Puls", "bpm"), Channel("no"))
    assert pickle.loads(pickle.dumps(layout)) == layout
    assert hash(layout) == hash(sd.TableLayout.of(layout))


@pytest.mark.parametrize(
    "layout",
    [
        sd.TableLayout(["x"], rate="1/60", start="2024-03-11T23:00"),
        sd.TableLayout({"x": {"sensor": "wrist", "unit": "g"}, "y": "g"}, time=["Date", "Time"], nulls=["--"], skip=2),
        sd.TableLayout(["x"], time="t", time_format="seconds", time_origin="unknown", names=["t", "x"], quoted=False),
    ],
)
def test_its_document_says_all_of_it(layout: sd.TableLayout) -> None:
    document = json.loads(json.dumps(layout.document()))
    assert sd.TableLayout.from_mapping(document) == layout
    assert "encoding" not in document


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"channels": []}, "no channels"),
        ({"channels": "x"}, "no channels"),
        ({"channels": ["x"], "time": None}, "nothing tells the times"),
        ({"channels": {"x": {"units": "g"}}}, r"unknown key 'units'.*did you mean 'unit'"),
        ({"channels": {"x": {"type": "pulse"}}}, "unknown type 'pulse'"),
        ({"channels": {"x": 5}}, "not a channel"),
        ({"channels": {"x": {"label": "a"}, "y": {"label": "a"}}}, "same label"),
        ({"time_format": "sec"}, r"unknown time_format.*did you mean"),
        ({"time_format": "%H:%M"}, "needs a date"),
        ({"time_origin": "2000-01-01"}, "only numbers have an origin"),
        ({"time_format": "seconds", "time_origin": "01/02/2000"}, "time_origin is not a local time"),
        ({"start": "2024-03-11T23:00"}, "needs no start"),
        ({"rate": 0}, "no sampling rate"),
        ({"rate": "x"}, "no sampling rate"),
        ({"decimal": ";"}, "decimal point"),
        ({"delimiter": "::"}, "delimiter"),
        ({"node": "a/b"}, "no name for a node"),
        ({"node": "annotations"}, "no name for a node"),
        ({"names": [1, 2]}, "names is not a list"),
        ({"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_what_does_not_go_together_is_refused(wrong: dict[str, object], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        sd.TableLayout.from_mapping({"channels": ["x"], "time": "t"} | wrong)


def test_channels_are_needed() -> None:
    with pytest.raises(ParameterError, match="channels are missing"):
        sd.TableLayout.from_mapping({"time": "t"})


@pytest.mark.parametrize(
    ("rate", "want"), [(25, 25), (12.5, Fraction(25, 2)), ("1/60", Fraction(1, 60)), (0.1, Fraction(1, 10))]
)
def test_rates_are_exact(rate: float | str, want: Fraction) -> None:
    assert sd.TableLayout(["x"], rate=rate).rate == want


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("time: t\ntime: u\nchannels: [x]", "line 2: 'time' is there twice"),
        ("skip: many\nchannels: [x]", "line 1: skip is no number"),
        ("quoted: perhaps\nchannels: [x]", "line 1: quoted"),
        ("channels: {x: {unit: [g]}}", "line 1: not unit"),
        ("[x", "not YAML"),
    ],
)
def test_a_file_with_mistakes_is_refused_with_its_line(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "layout.yaml"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=match):
        sd.TableLayout.from_file(path)
    with pytest.raises(FileFormatError, match="no layout of a table"):
        sd.TableLayout.from_file(tmp_path / "none.yaml")
