"""A study of the real nights: one command finds them, one computes them; one table and one report come of it."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.dataset as ds
import pytest
from cohorts import alone, part

import sleepdask as sd
from sleepdask.cli import main

NIGHTS = ("sleep-edf-sc4001", "resmed-night-a", "nox-a1-psg")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["study", *map(str, arguments)])
    return int(stop.value.code or 0)


def test_psg_and_cpap_nights(test_data: Path, tmp_path: Path) -> None:
    table, out = tmp_path / "recordings.csv", tmp_path / "out"
    assert run("find", *[test_data / name for name in NIGHTS], "-o", table, "--quiet") == 0
    assert run("run", table, "-o", out, "--features", "statistics,bandpower", "--backend", "threads", "--quiet") == 0
    frame = ds.dataset(out / "features", partitioning=ds.partitioning(flavor="hive")).to_table().to_pandas()
    counts = frame.groupby("recording_id").size().to_dict()
    assert counts == {"20260309": 902, "SC4001E0": 2650, "subject1": 4}
    assert frame.loc[frame["recording_id"] == "SC4001E0", "stage"].value_counts()["R"] == 125
    psg, hypnogram = (test_data / NIGHTS[0] / f"SC4001{kind}.edf" for kind in ("E0-PSG", "EC-Hypnogram"))
    own = alone(psg, "statistics,bandpower", hypnogram)
    columns = ["EEG Fpz-Cz/bandpower_delta", "Temp rectal/mean"]
    written = ds.dataset(part(out, "SC4001E0")).to_table().to_pandas()
    assert written[columns].equals(own[columns])
    therapy = frame[frame["recording_id"] == "20260309"]
    assert therapy["RespRate.2s/mean"].between(5, 40).mean() > 0.9
    assert therapy["EEG Fpz-Cz/mean"].isna().all()
    page = (out / "report.html").read_text("utf-8")
    assert all(word in page for word in (*counts, "EEG Fpz-Cz", "bandpower_delta"))
    assert not re.search(r"(src|href)=\"(https?:)?//", page.replace('href="https://doi.org', ""))
    assert sd.Study.open(out).outcomes()["status"].tolist() == ["ok"] * 3
