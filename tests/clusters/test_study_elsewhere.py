"""A study on a cluster that somebody else started: the bytes of the calling thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cohorts import Cohort, analysed, parts, run_study, study_of, write_cohort


def test_the_same_bytes(plain_cluster: Any, tmp_path: Path) -> None:
    cohort: Cohort = write_cohort(tmp_path / "nights")
    table = cohort.table(tmp_path / "recordings.csv")
    run_study(table, tmp_path / "here")
    study = study_of(table, tmp_path / "there")
    outcomes = study.run(scheduler=plain_cluster.address)
    assert outcomes["status"].tolist() == ["ok"] * 4
    assert not outcomes["worker"].str.contains("MainThread").any()
    assert parts(tmp_path / "there") == parts(tmp_path / "here")
    assert analysed(study, backend=None, scheduler=plain_cluster.address) == []
    assert not [path for path in (tmp_path / "there").iterdir() if path.name.startswith(".")]
