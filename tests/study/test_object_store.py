"""A study in an object store: the same bytes as in a folder, and recordings from one too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pyarrow.dataset as ds
import pytest
from cohorts import EEG, HOURS, Cohort, analysed, counted, outcome, parts, run_study, study_of

from sleepdask.errors import OutputError, ParameterError
from sleepdask.io.remote import file as remote
from sleepdask.parallel import close_pools
from sleepdask.simulate import simulate_night
from sleepdask.study import Study
from sleepdask.study import lock as module
from sleepdask.study.inputs import hashed


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()


def stored(memory: Any, url: str, below: str = "features") -> dict[str, bytes]:
    """All files of a store, by name."""
    root = url.removeprefix("memory:/")
    return {
        path.removeprefix(f"{root}/{below}/"): memory.cat_file(path)
        for path in sorted(memory.store)
        if path.startswith(f"{root}/{below}/")
    }


@pytest.mark.parametrize("backend", ["sync", "threads"])
def test_from_the_first_run_to_the_last(
    backend: str, nights: Cohort, tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SETTLE_SECONDS", 0)
    url = f"memory://{uuid4().hex}/a study"
    table = nights.table(tmp_path / "recordings.csv", ["007", "A1", "B 2"])
    run_study(table, tmp_path / "out")
    want = {f"recording_id={name}/part-0.parquet": data for name, data in parts(tmp_path / "out").items()}
    outcomes = study_of(table, url).run(backend=backend)
    assert outcomes["status"].tolist() == ["ok"] * 3
    assert stored(memory, url) == want
    assert not [path for path in memory.store if "/." in path], "nothing unfinished is left"

    with counted(monkeypatch) as calls:
        study = Study.open(url)
        assert study.recording_ids == ["007", "A1", "B 2"]
        assert analysed(study, backend=backend) == []
        assert analysed(study_of(table, url), backend=backend) == []
    assert calls == []
    assert study.standing()["statuses"]["ok"] == 3
    filesystem, root = study._files.arrow()
    dataset = ds.dataset(f"{root}/features", filesystem=filesystem, partitioning="hive")
    assert dataset.count_rows() == 36

    memory.store.pop(next(path for path in memory.store if path.endswith("recording_id=A1/part-0.parquet")))
    assert analysed(study, backend=backend) == ["A1"]
    assert stored(memory, url) == want
    one = nights.table(tmp_path / "one.csv", ["007"])
    assert analysed(study_of(one, url), backend=backend) == ["007"]  # without the columns of the others
    assert list(stored(memory, url)) == ["recording_id=007/part-0.parquet"]
    assert list(stored(memory, url, "outcomes")) == ["007.json"]
    assert len(stored(memory, url, "removed")) == 2


@pytest.mark.slow
def test_a_store_that_workers_do_not_share(nights: Cohort, tmp_path: Path, memory: Any) -> None:
    """Each process has a memory of its own."""
    study = study_of(nights.table(tmp_path / "recordings.csv", ["007"]), f"memory://{uuid4().hex}")
    with pytest.raises(OutputError, match="a worker does not see the files of the study"):
        study.run(backend="processes", workers=1)
    close_pools()


def test_there_is_no_study(memory: Any, tmp_path: Path) -> None:
    for location in (f"memory://{uuid4().hex}", str(tmp_path / "nothing")):
        with pytest.raises(ParameterError, match="there is no study"):
            Study.open(location)


# Recordings behind URLs


def put(memory: Any, url: str, night: Path) -> None:
    memory.pipe_file(url, night.read_bytes())


def test_recordings_from_a_store(nights: Cohort, tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"memory://{uuid4().hex}/n.edf"
    put(memory, url, nights.nights["007"])
    table = tmp_path / "recordings.csv"
    table.write_text(f"recording_id,path\nN1,{url}\n")
    assert run_study(table, tmp_path / "out", "hjorth")["status"].tolist() == ["ok"]
    assert outcome(tmp_path / "out", "N1")["inputs"]["recording"]["name"] == "n.edf"
    assert url in (tmp_path / "out" / "recordings.csv").read_text()
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, tmp_path / "out", "hjorth")) == []
    assert calls == []
    put(memory, url, nights.nights["c-3"])
    assert analysed(study_of(table, tmp_path / "out", "hjorth")) == ["N1"]
    run_study(table, tmp_path / "fresh", "hjorth")
    assert parts(tmp_path / "out") == parts(tmp_path / "fresh")


def test_a_server_that_tells_no_versions(tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and address are all there is: another size, or another address, is another file."""
    monkeypatch.setattr(remote, "_VERSIONS", ())
    one, other = (f"memory://{uuid4().hex}/n.edf" for _ in range(2))
    night, _ = simulate_night(HOURS, 1, (EEG,)).write(tmp_path)
    longer, _ = simulate_night(2 * HOURS, 1, (EEG,)).write(tmp_path, stem="longer")
    put(memory, one, night)
    put(memory, other, night)
    first = hashed(one)
    assert hashed(one, first) == first
    assert hashed(other)["hash"] != first["hash"]
    put(memory, one, longer)
    assert hashed(one, first)["hash"] != first["hash"]

    put(memory, one, night)
    table = tmp_path / "recordings.csv"
    table.write_text(f"recording_id,path\nN1,{one}\n")
    run_study(table, tmp_path / "out", "hjorth")
    put(memory, one, longer)
    assert analysed(study_of(table, tmp_path / "out", "hjorth")) == ["N1"]
    assert outcome(tmp_path / "out", "N1")["epochs"] == 24


def test_no_credential_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.study.task._BACKOFF_SECONDS", 0)
    table = tmp_path / "recordings.csv"
    table.write_text("recording_id,path\nN1,memory://ann:secret@host/John Smith/n.edf?token=hidden\n")
    outcomes = run_study(table, tmp_path / "out", "hjorth")
    assert outcomes["status"].tolist() == ["failed"]
    for name in ("outcomes/N1.json", "scans.json", "study.json"):
        text = (tmp_path / "out" / name).read_text()
        assert "secret" not in text
        assert "hidden" not in text
    assert json.loads((tmp_path / "out" / "outcomes" / "N1.json").read_bytes())["error_type"] == "RemoteFileError"
