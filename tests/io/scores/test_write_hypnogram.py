"""Hypnograms written and read again, by us and by others."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import edfio
import numpy as np
import pyedflib
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.io.cells import escaped, unescaped

VARIABLES = ("onset", "duration", "stage", "label")


@pytest.fixture
def hypnogram(tmp_path: Path) -> xr.Dataset:
    path = tmp_path / "scores.csv"
    path.write_text(
        "onset,duration,stage,label\n2024-03-11T23:00:00.25,30,W,=1+1\n2024-03-11T23:00:30.25,30.5,N2,+x\n"
        "2024-03-11T23:01:30,30,,@home\n2024-03-11T23:02:00.000000001,30,R,N2\n"
    )
    return sd.read_hypnogram(path)


def assert_same(got: xr.Dataset, want: xr.Dataset, names: tuple[str, ...] = VARIABLES) -> None:
    for name in names:
        assert got[name].values.tolist() == want[name].values.tolist(), name


def test_csv(hypnogram: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    sd.write_hypnogram(hypnogram, path)
    lines = list(csv.reader(path.read_text("utf-8").splitlines()))
    assert lines[0] == ["onset", "duration", "stage", "label"]
    assert lines[1] == ["2024-03-11T23:00:00.25", "30", "W", "'=1+1"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)
    assert_same(sd.read_hypnogram(path), hypnogram)
    assert sd.read_hypnogram(path).attrs["findings"] == hypnogram.attrs["findings"]


@pytest.mark.parametrize("text", ["0\n1\n-1\n", "onset,duration,stage\n23:59:30,30,W\n00:00:00,30,R\n"])
def test_csv__without_dates(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scores.txt"
    path.write_text(text)
    hypnogram = sd.read_hypnogram(path)
    sd.write_hypnogram(hypnogram, tmp_path / "out.csv")
    again = sd.read_hypnogram(tmp_path / "out.csv")
    assert_same(again, hypnogram)
    assert again.attrs["relative_to"] == hypnogram.attrs["relative_to"]


def test_bids(hypnogram: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "sub-01_events.tsv"
    sd.write_hypnogram(hypnogram, path, start="2024-03-11T22:59:00")
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    assert rows[:2] == [["onset", "duration", "trial_type", "label"], ["60.25", "30", "W", "'=1+1"]]
    assert rows[3][2] == "unscored"
    sidecar = json.loads((tmp_path / "sub-01_events.json").read_text("utf-8"))
    assert set(sidecar) == set(rows[0])
    assert {row[2] for row in rows[1:]} <= set(sidecar["trial_type"]["Levels"])
    again = sd.read_hypnogram(path, start="2024-03-11T22:59:00")
    assert_same(again, hypnogram, ("onset", "duration", "stage"))
    with pytest.raises(sd.ParameterError, match="BIDS counts from the start"):
        sd.write_hypnogram(hypnogram, tmp_path / "other.tsv")


def test_edf(hypnogram: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "out.edf"
    sd.write_hypnogram(hypnogram, path)
    assert_same(sd.read_hypnogram(path), hypnogram, ("onset", "duration", "stage"))
    texts = ["Sleep stage W", "Sleep stage N2", "Sleep stage ?", "Sleep stage R"]
    edf = edfio.read_edf(path)
    assert [annotation.text for annotation in edf.annotations] == texts
    assert [annotation.onset for annotation in edf.annotations] == [0.25, 30.25, 90, pytest.approx(120, abs=1e-8)]
    assert [annotation.duration for annotation in edf.annotations] == [30, 30.5, 30, 30]
    assert (str(edf.startdate), str(edf.starttime)) == ("2024-03-11", "23:00:00")
    with pyedflib.EdfReader(str(path)) as reader:
        onsets, durations, found = reader.readAnnotations()
        assert found.tolist() == texts
        assert np.allclose(onsets, [0.25, 30.25, 90, 120])
        assert durations.tolist() == [30, 30.5, 30, 30]
        assert reader.getPatientName() == "X"  # EDF+ for unknown


def test_edf__of_many_scores(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("0\n1\n2\n3\n" * 5000)
    hypnogram = sd.read_hypnogram(path, start="2024-03-11T22:47:30")
    sd.write_hypnogram(hypnogram, tmp_path / "out.edf")
    assert_same(sd.read_hypnogram(tmp_path / "out.edf"), hypnogram, ("onset", "duration", "stage"))
    assert len(edfio.read_edf(tmp_path / "out.edf").annotations) == 20_000
    with pyedflib.EdfReader(str(tmp_path / "out.edf")) as reader:
        assert len(reader.readAnnotations()[0]) == 20_000


def test_edf__needs_dates_that_it_can_write(hypnogram: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("W\nN1\n")
    with pytest.raises(sd.ParameterError, match="EDF\\+ needs dates"):
        sd.write_hypnogram(sd.read_hypnogram(path), tmp_path / "out.edf")
    with pytest.raises(sd.ParameterError, match="no such year"):
        sd.write_hypnogram(sd.read_hypnogram(path, start="1984-12-31T23:00"), tmp_path / "out.edf")


def test_nothing_is_replaced_or_left_half(hypnogram: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.csv"
    sd.write_hypnogram(hypnogram, path)
    with pytest.raises(sd.OutputError, match="already there"):
        sd.write_hypnogram(hypnogram, path)
    sd.write_hypnogram(hypnogram, path, force=True)
    assert [one.name for one in path.parent.iterdir()] == ["out.csv"]
    with pytest.raises(sd.ParameterError, match=r"expected \.csv, \.tsv or \.edf"):
        sd.write_hypnogram(hypnogram, tmp_path / "out.xlsx")


def test_the_real_night_survives_all_formats(real_hypnogram: Path, tmp_path: Path) -> None:
    hypnogram = sd.read_hypnogram(real_hypnogram)
    start = "1989-04-24T16:13"
    for suffix in ("csv", "tsv", "edf"):
        sd.write_hypnogram(hypnogram, tmp_path / f"out.{suffix}", start=start)
        again = sd.read_hypnogram(tmp_path / f"out.{suffix}", start=start)
        assert_same(again, hypnogram, ("onset", "duration", "stage"))


@given(st.text(max_size=8) | st.text(alphabet="'=+-@a\t", max_size=6))
def test_escaping_is_undone_and_leaves_no_formula(label: str) -> None:
    assert unescaped(escaped(label)) == label
    assert not escaped(label).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
