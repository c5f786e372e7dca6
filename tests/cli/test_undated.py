"""A recording whose date nobody knows: everything works in elapsed time, and nothing shows a made-up date."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd


@pytest.fixture
def dated(short_psg: Path) -> Path:
    return short_psg


@pytest.fixture
def undated(short_psg: Path, tmp_path: Path) -> Path:
    path = tmp_path / "undated.edf"
    raw = short_psg.read_bytes()
    path.write_bytes(raw[:88] + b"X".ljust(80) + b"XX.XX.XX" + raw[176:])
    return path


def test_features_are_those_of_the_dated_recording(dated: Path, undated: Path) -> None:
    one, other = (sd.compute(sd.extract(sd.open_recording(path), "statistics")) for path in (dated, undated))
    assert other["start"].dtype == np.dtype("timedelta64[ns]")
    assert other["start"].values[[0, 1]].tolist() == [0, 30_000_000_000]
    for name in one.children:
        assert np.array_equal(one[name]["mean"].values, other[name]["mean"].values)
    assert "1970" not in str(other.attrs)


def test_a_span_is_given_in_elapsed_time(undated: Path) -> None:
    recording = sd.open_recording(undated)
    features = sd.compute(sd.extract(recording, "statistics", start="1min", end="3min", lights_off="30s"))
    assert features["start"].values.tolist() == [60_000_000_000, 90_000_000_000, 120_000_000_000, 150_000_000_000]
    assert features.attrs["lights_off"] == "30 s after the start"
    for wrong in ("22:30", "2024-03-11T22:30"):
        with pytest.raises(sd.ParameterError, match="the recording has no date, and start is not a duration"):
            sd.extract(recording, "statistics", start=wrong)
    with pytest.raises(sd.ParameterError, match=r"holds no signal.*0 s after the start to 10 min after"):
        sd.extract(recording, "statistics", start="20min", end="25min")


@pytest.mark.parametrize("kind", ["parquet", "csv", "zarr", "netcdf"])
def test_results_are_read_back(undated: Path, tmp_path: Path, kind: str) -> None:
    from sleepdask.cli.job import Job, run

    out = tmp_path / "out"
    result = run(Job(undated, out, sd.features.parse_features("statistics"), formats=(kind,)), progress=False)
    back = sd.open_features(out / result.job.file_names[0])
    assert back["start"].dtype == np.dtype("timedelta64[ns]")
    assert np.array_equal(back["start"].values, result.features["start"].values)


def test_the_table_has_elapsed_time(undated: Path) -> None:
    table = sd.to_dataframe(sd.extract(sd.open_recording(undated), "statistics"), progress=False)
    assert table.reset_index()["start"].dt.total_seconds().tolist()[:3] == [0, 30, 60]


def test_the_picture_shows_no_date(undated: Path) -> None:
    features = sd.compute(sd.extract(sd.open_recording(undated), "statistics"))
    figure = sd.overview(features)
    figure.canvas.draw()
    texts = [text.get_text() for text in figure.texts] + [t.get_text() for t in figure.axes[-1].get_xticklabels()]
    assert any("unknown start" in text for text in texts)
    assert not any("1970" in text for text in texts)
    assert any(text.startswith("00:0") for text in texts)


def test_own_scores_count_from_the_start(dated: Path, undated: Path, tmp_path: Path) -> None:
    one, other = (sd.compute(sd.extract(sd.open_recording(path), "statistics")) for path in (dated, undated))
    assert np.array_equal(one["stage"].values, other["stage"].values)
    (tmp_path / "clock.csv").write_text("onset,duration,stage\n2024-03-11T22:00:00,30,W\n")
    scores = sd.read_hypnogram(tmp_path / "clock.csv")
    with pytest.raises(sd.ParameterError, match="the scores have clock times, but the recording has no date"):
        sd.extract(sd.open_recording(undated), "statistics", hypnogram=scores)
    (tmp_path / "stages.txt").write_text("W\n" * 10 + "N2\n" * 10)
    scored = sd.extract(sd.open_recording(undated), "statistics", hypnogram=sd.read_hypnogram(tmp_path / "stages.txt"))
    assert scored["stage"].values.tolist() == ["W"] * 10 + ["N2"] * 10


def test_info_tells_that_the_start_is_unknown(undated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sleepdask.cli import main

    with pytest.raises(SystemExit) as stop:
        main(["info", str(undated)])
    assert stop.value.code == 3
    printed = capsys.readouterr().out
    assert "start unknown" in printed
    assert "10 min" in printed
    assert "1970" not in printed


def test_it_is_not_joined_to_a_dated_one(dated: Path, undated: Path) -> None:
    other = sd.open_recording(dated)["1Hz"].to_dataset().assign_coords(channel=["other"])
    recording = sd.open_recording(undated).assign({"other": xr.DataTree(other)})
    with pytest.raises(sd.ParameterError, match="some nodes have a date and some have none"):
        sd.extract(recording, "statistics")
