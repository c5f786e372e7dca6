"""Several devices in a study: the column `also`, sessions that are folders, and samples that come at any times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from cohorts import FEATURES, analysed, counted, noise, outcome, part, parts, run_study, study_of, write_edf
from devices import beats, know_sessions, write_session
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.beside import Beside
from sleepdask.study.inputs import hashed, looks_the_same, state_of
from sleepdask.study.table import Entry, read_table, table_bytes, table_entries

START = "2024-03-11T22:47:30"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two nights with a watch, the second also with an oximeter, and a third night alone."""
    know_sessions(monkeypatch)
    for k in (1, 2, 3):
        write_edf(tmp_path / f"P{k}.edf", {"C3": noise(k)})
    for k in (1, 2):
        streams = {"hr": beats("2024-03-11T20:00", 18_000, seed=k), "spo2": beats(START, 360, 2, seed=k)}
        write_session(tmp_path / f"watch{k}", streams)
    write_session(tmp_path / "oximeter", {"spo2": beats(START, 300, seed=9)})
    path = tmp_path / "recordings.csv"
    path.write_text(
        "recording_id,path,also\n"
        "P1,P1.edf,watch=watch1\n"
        "P2,P2.edf,watch=watch2;oximeter\n"
        "P3,P3.edf,\n"
    )  # fmt: skip
    return path


def truth(folder: Path, name: str, features: str = FEATURES, **also: Path) -> pd.DataFrame:
    """Table of one recording, as nobody would need a study for."""
    recording = sd.open_recording(folder / f"{name}.edf", also=also or None)
    return sd.to_dataframe(sd.extract(recording, features), flat=True, backend="sync")


def test_every_recording_has_what_its_devices_saw(table: Path, tmp_path: Path) -> None:
    outcomes = run_study(table, tmp_path / "out")
    assert outcomes["status"].tolist() == ["ok"] * 3
    assert list(outcome(tmp_path / "out", "P2")["inputs"]) == ["recording", "also watch", "also"]
    got = {name: pq.ParquetFile(part(tmp_path / "out", name)).read().to_pandas() for name in ("P1", "P2", "P3")}
    want = truth(tmp_path, "P1", watch=tmp_path / "watch1")
    assert {"watch hr/mean", "watch spo2/std", "watch hr/coverage", "C3/hjorth_mobility"} < set(want)
    assert "watch hr/hjorth_mobility" not in want
    for column in set(want) - {"start", "stage"}:
        pd.testing.assert_series_equal(got["P1"][column], want[column], check_dtype=False, check_exact=True)
    assert (got["P1"]["watch hr/coverage"] > 0.9).all()
    assert got["P1"]["spo2/mean"].isna().all(), "it has no oximeter"
    assert got["P2"]["spo2/mean"].notna().any()
    assert got["P3"].filter(like="watch").isna().to_numpy().all()
    assert {name: len(each) for name, each in got.items()} == dict.fromkeys(got, 12)


def test_one_more_feature_is_put_to_those_that_are_there(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_study(table, tmp_path / "out", "statistics")
    with counted(monkeypatch) as calls:
        assert analysed(study_of(table, tmp_path / "out")) == ["P1", "P2", "P3"]
    assert set(calls) == {"hjorth"}
    run_study(table, tmp_path / "fresh")
    assert parts(tmp_path / "out") == parts(tmp_path / "fresh")


def test_another_state_of_a_session_is_another_recording(table: Path, tmp_path: Path) -> None:
    run_study(table, tmp_path / "out")
    assert analysed(study_of(table, tmp_path / "out")) == []
    (tmp_path / "watch2" / ".cache").write_text("not of it")
    assert analysed(study_of(table, tmp_path / "out")) == []
    (tmp_path / "watch2" / "hr.dat").write_text("1710197250000000000 60\n1710197251000000000 61\n")
    assert analysed(study_of(table, tmp_path / "out")) == ["P2"]
    table.write_text(table.read_text().replace("watch=watch1", "wrist=watch1").replace("P3.edf,", "P3.edf,oximeter"))
    assert analysed(study_of(table, tmp_path / "out")) == ["P1", "P2", "P3"]  # P2 is laid out anew: columns changed
    run_study(table, tmp_path / "fresh")
    assert parts(tmp_path / "out") == parts(tmp_path / "fresh")


def test_sessions_alone(tmp_path: Path, table: Path) -> None:
    table.write_text("recording_id,path\nW1,watch1\nO1,oximeter\n")
    assert run_study(table, tmp_path / "out")["status"].tolist() == ["ok", "ok"]
    got = pq.ParquetFile(part(tmp_path / "out", "W1")).read().to_pandas()
    want = sd.extract(sd.open_recording(tmp_path / "watch1"), "statistics")
    want = sd.to_dataframe(want, flat=True, backend="sync")
    pd.testing.assert_series_equal(got["hr/mean"], want["hr/mean"], check_exact=True)


def test_what_is_not_there_fails_alone(table: Path, tmp_path: Path) -> None:
    table.write_text(table.read_text().replace("watch=watch1", "watch=gone"))
    outcomes = run_study(table, tmp_path / "out").set_index("recording_id")
    assert outcomes["status"].to_dict() == {"P1": "failed", "P2": "ok", "P3": "ok"}
    assert "gone: no such file" in outcomes.loc["P1", "message"]


def test_a_watch_of_another_night_is_partial(table: Path, tmp_path: Path) -> None:
    write_session(tmp_path / "late", {"hr": beats("2024-03-13T20:00", 600)})
    table.write_text(table.read_text().replace("watch=watch1", "watch=late"))
    run_study(table, tmp_path / "out")
    told = outcome(tmp_path / "out", "P1")
    assert told["status"] == "partial"
    assert list(told["invalid_channels"]) == ["watch hr"]
    assert "holds nothing of the night" in told["findings"][0]


def test_a_check_sees_all_devices(table: Path) -> None:
    one, two, three = study_of(table, table.parent / "out").check(backend="threads")
    assert one.layout is not None
    assert one.problem is two.problem is three.problem is None
    assert list(one.layout.channels) == ["C3", "watch hr", "watch spo2"]
    assert one.epochs == 12
    assert one.seconds == 360


def test_names_of_channels_are_harmonised_behind_that_of_the_source(table: Path, tmp_path: Path) -> None:
    wanted = ["C3", "watch Heart rate", "watch SpO2", "SpO2"]
    run_study(table, tmp_path / "out", "statistics", channel_table="default", channels=wanted)
    columns = pq.ParquetFile(part(tmp_path / "out", "P2")).schema_arrow.names
    assert {"C3/mean", "watch Heart rate/mean", "watch SpO2/mean", "SpO2/mean"} < set(columns)
    assert outcome(tmp_path / "out", "P3")["missing_channels"] == wanted[1:]


# The table


def test_the_column(table: Path) -> None:
    first, second, third = read_table(table)
    folder = table.parent
    assert first.also == (Beside(str(folder / "watch1"), "watch"),)
    assert second.also == (Beside(str(folder / "watch2"), "watch"), Beside(str(folder / "oximeter")))
    assert third.also == ()
    assert second.inputs == {
        "recording": str(folder / "P2.edf"),
        "also watch": str(folder / "watch2"),
        "also": str(folder / "oximeter"),
    }
    assert first.covariates == {}


@pytest.mark.parametrize(("cell", "problem"), [("a.csv;", "a path is empty"), (";a.csv", "a path is empty")])
def test_cells_that_are_refused(table: Path, cell: str, problem: str) -> None:
    table.write_text(f'recording_id,path,also\nP1,P1.edf,"{cell}"\n')
    with pytest.raises(FileFormatError, match=problem):
        read_table(table)


PATHS = st.sampled_from(["w.csv", "a b/w.csv", "ünï/w.csv", "x=y.csv", "=w.csv", "https://host/w.csv?k=v"])


@given(st.lists(st.tuples(PATHS, st.sampled_from(["", "watch", "oxi-2"])), max_size=4))
def test_a_table_that_is_written_is_read_again(also: list[tuple[str, str]]) -> None:
    folder = Path("/study")
    others = tuple(Beside(path if "://" in path else str(folder / path), name) for path, name in also)
    entries = [Entry("P1", ("/study/P1.edf",), also=others), Entry("P2", ("/study/P2.edf",), covariates={"age": 3})]
    again = table_entries(table_bytes(entries, folder), folder, where="table")
    assert [entry.also for entry in again] == [others, ()]
    assert again[1].covariates == {"age": 3}


def test_a_table_without_other_devices_has_no_such_column() -> None:
    assert table_bytes([Entry("P1", ("/a.edf",))], "/").startswith(b"recording_id,path,hypnogram,")


def test_a_path_that_would_part_is_not_written() -> None:
    entry = Entry("P1", ("/a.edf",), also=(Beside("/x;y.csv"), Beside("/z.csv")))
    with pytest.raises(ParameterError, match="cannot hold a path"):
        table_bytes([entry], "/")


# States of folders


def test_a_session_is_told_by_its_files(table: Path, tmp_path: Path) -> None:
    watch = tmp_path / "watch1"
    state = hashed(str(watch))
    assert state["size"] == sum(path.stat().st_size for path in watch.iterdir())
    (watch / ".DS_Store").write_text("x")
    assert looks_the_same(state_of(str(watch)), state)
    assert hashed(str(watch))["hash"] == state["hash"]
    (watch / "spo2.dat").write_bytes((watch / "spo2.dat").read_bytes().replace(b"1", b"2", 1))
    assert hashed(str(watch))["hash"] != state["hash"]
    assert table.exists()


def test_rows_at_any_times_come_back_from_the_table(table: Path, tmp_path: Path) -> None:
    """A table of a recording without a zone, read again, has the values and reasons that were computed."""
    run_study(table, tmp_path / "out", arrays=True)
    for name in ("P1", "P2"):
        stored = sd.open_features(tmp_path / "out" / "arrays" / f"{name}.zarr")
        again = sd.open_features(part(tmp_path / "out", name))
        for node in ("64Hz", "watch hr", "watch spo2"):
            one, other = stored[node].to_dataset(), again[node].to_dataset()
            assert list(one.data_vars) == list(other.data_vars)
            for variable in one.data_vars:
                np.testing.assert_array_equal(one[variable].values, other[variable].values)


def test_what_is_said_has_no_folder(table: Path, tmp_path: Path) -> None:
    table.write_text(table.read_text().replace("watch=watch1", "watch=John Smith/gone"))
    run_study(table, tmp_path / "out")
    said = (tmp_path / "out" / "outcomes" / "P1.json").read_text()
    assert "Smith" not in said
