"""What a study writes names nobody: neither in the header, nor in the folders of the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from cohorts import Cohort, noise, part, run_study, tree, write_edf

from sleepdask.study import Entry
from sleepdask.study.saying import message_of, traceback_of, without_places
from sleepdask.study.task import Analysis

PERSON = "Erika Mustermann"
ABSOLUTE = re.compile(rb"(?<![\w.:/<])/(?:tmp|root|home|work|usr|private|Users|var)/[\w.-]+")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / f"{PERSON} 01.02.1960"


def test_no_name_and_no_folder_is_written(nights: Cohort, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import edfio

    cohort = nights.copy(folder / "nights")
    for night in cohort.nights.values():
        edf = edfio.read_edf(night)
        edf.patient = edfio.Patient(name="Erika_Mustermann", code="MRN-4711", sex="F")
        edf.recording = edfio.Recording(startdate=edf.recording.startdate, equipment_code="SN-0815")
        edf.write(night)
    cohort.nights["A1"].write_bytes(cohort.nights["A1"].read_bytes()[:-10_000])  # odd, and told
    cohort.nights["B 2"].write_bytes(b"nothing")  # fails with an error of ours
    table = cohort.table(folder / "recordings.csv")
    with table.open("a") as file:
        file.write("gone,nights/gone.edf,\n")
    features = Analysis._features

    def failing(self: Analysis, job: Any, *rest: Any) -> Any:
        if job.entry.recording_id == "c-3":  # fails with an error of others
            night = Path(job.entry.paths[0])
            raise ValueError(f"cannot read {night}, {night.parent}/x, {[str(night)]} or '{night}.tmp'")
        return features(self, job, *rest)

    monkeypatch.setattr(Analysis, "_features", failing)
    output = folder / "out"
    outcomes = run_study(table, output)
    assert outcomes["status"].tolist() == ["ok", "ok", "failed", "failed", "failed"]
    assert outcomes["message"][3] == "cannot read n3-PSG.edf, x, ['n3-PSG.edf'] or 'n3-PSG.edf.tmp'"
    assert 'File "sleepdask/study/task.py"' in outcomes["traceback"][3]
    files = {name: data for name, data in tree(output).items() if data is not None}
    assert {"study.json", "scans.json", "outcomes/c-3.json", "outcomes.parquet"} <= files.keys()
    for name, data in files.items():
        for secret in ("Mustermann", "Erika", "1960", "MRN-4711", "SN-0815", str(folder), "nights/"):
            assert secret.encode() not in data or name == "recordings.csv", (name, secret)
        if name != "recordings.csv":
            assert not ABSOLUTE.findall(data), name
    assert not Path(pd.read_csv(output / "recordings.csv")["path"][0]).is_absolute()
    for name in ("007", "A1"):
        description = str(pq.read_schema(part(output, name)).metadata)
        assert "Mustermann" not in description
        assert str(folder) not in description


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("/data/Ann/n.edf: is empty", "n.edf: is empty"),
        ("/data/Ann/n.edf, /data/Ann and /data/Annex/x", "n.edf, (folder) and Annex/x"),
        ("'/data/Ann/n.edf.part'", "'n.edf.part'"),
        ("in /data/Ann/more/x.json", "in more/x.json"),
        ("https://host/data/Ann/n.edf", "https://host/data/Ann/n.edf"),
        ("[Errno 2] No such file or directory: '/other/place/y.edf'", "[Errno 2] No such file or directory: 'y.edf'"),
        ('  File "/home/ann/venv/lib/site-packages/numpy/core/x.py", line 3', '  File "numpy/core/x.py", line 3'),
        ("3/4 of 1/2", "3/4 of 1/2"),
    ],
)
def test_places_are_left_out_of_texts(text: str, want: str) -> None:
    assert without_places(text, Entry("N1", ("/data/Ann/n.edf",))) == want


def test_a_link_hides_no_folder(tmp_path: Path) -> None:
    (tmp_path / "Ann").mkdir()
    write_edf(tmp_path / "Ann" / "n.edf", {"C3": noise(seconds=30)})
    (tmp_path / "link").symlink_to(tmp_path / "Ann", target_is_directory=True)
    entry = Entry("N1", (f"{tmp_path}/x/../link/n.edf",))
    real = (tmp_path / "link" / "n.edf").resolve()
    assert without_places(f"{real} and {tmp_path}/link/n.edf", entry) == "n.edf and n.edf"


def test_long_tracebacks_keep_both_ends() -> None:
    def deep(k: int) -> None:
        if not k:
            raise ValueError("at the bottom")
        locals()[f"x{k}"] = k
        (deep if k % 2 else other)(k - 1)

    def other(k: int) -> None:
        deep(k)

    with pytest.raises(ValueError, match="bottom") as caught:
        deep(400)
    text = traceback_of(caught.value)
    assert len(text) < 10_000
    assert text.startswith("Traceback")
    assert text.rstrip().endswith("ValueError: at the bottom")


def test_a_message_is_one_line() -> None:
    assert message_of(ValueError("a\nb\t\x1b[0m\u2028c")) == "a b [0m c"
    assert message_of(ValueError()) == "ValueError"
    assert message_of(None) == "None"
    assert len(message_of(ValueError("x" * 10_000))) == 2000
