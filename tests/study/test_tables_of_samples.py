"""Recordings of a study that are tables: what their columns hold is said once for all, and belongs to the plan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from cohorts import part, run_study

import sleepdask as sd
from sleepdask.cli import main
from sleepdask.study.config import load_study_config

LAYOUT = "time: when\nchannels: {x: {unit: g, label: acc}}\nnode: watch\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two nights of a watch as tables, and how these are written."""
    rows = np.random.default_rng(3).normal(size=(2, 3000)).round(3)
    for name, values in zip("ab", rows, strict=True):
        times = pd.Timestamp("2024-03-11T23:00:00") + pd.to_timedelta(np.arange(len(values)) * 100, "ms")
        pd.DataFrame({"when": times.astype(str), "x": values}).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "watch.yaml").write_text(LAYOUT)
    path = tmp_path / "recordings.csv"
    path.write_text("recording_id,path\na,a.csv\nb,b.csv\n")
    return path


def values(output: Path, name: str) -> pd.DataFrame:
    return pq.ParquetFile(part(output, name)).read().to_pandas()


def test_a_layout_holds_for_all_tables(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = tmp_path / "watch.yaml"
    words = [
        str(table),
        "-o",
        str(tmp_path / "out"),
        "--layout",
        str(layout),
        "--features",
        "statistics",
        "--quiet",
        "--backend",
        "sync",
    ]
    with pytest.raises(SystemExit) as ended:
        main(["study", "run", *words])
    assert ended.value.code == 0, capsys.readouterr().err
    for name in "ab":
        night = sd.open_recording(tmp_path / f"{name}.csv", layout=layout)
        want = sd.to_dataframe(sd.extract(night, "statistics"), flat=True, backend="sync")
        pd.testing.assert_series_equal(
            values(tmp_path / "out", name)["acc/mean"], want["acc/mean"], check_exact=True, check_index=False
        )


def test_another_layout_is_another_plan(table: Path, tmp_path: Path) -> None:
    layout = tmp_path / "watch.yaml"
    run_study(table, tmp_path / "out", "statistics", layout=layout)
    plan = sd.Study.open(tmp_path / "out").plan
    assert plan.layout == sd.TableLayout.from_file(layout)
    layout.rename(tmp_path / "elsewhere.yaml")
    again = sd.Study.from_table(table, tmp_path / "out", features="statistics", layout=tmp_path / "elsewhere.yaml")
    assert len(again.prepared().done) == 2
    layout.write_text(LAYOUT.replace("unit: g", "unit: m/s^2"))
    other = sd.Study.from_table(table, tmp_path / "out", features="statistics", layout=layout)
    assert not other.prepared().done


def test_a_configuration_names_the_file_beside_it(table: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("layout: watch.yaml\nfeatures: statistics\n")
    config = load_study_config(tmp_path / "study.yaml")
    assert config.layout == sd.TableLayout.from_file(tmp_path / "watch.yaml")
    run_study(table, tmp_path / "out", config=config)
    assert json.loads((tmp_path / "out" / "study.json").read_text())["layout"]["time"] == ["when"]
