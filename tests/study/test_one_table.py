"""Recordings in other units, zones, or without a date share the columns of one table, or are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cohorts import Cohort, alone, analysed, noise, outcome, part, parts, run_study, study_of, write_edf
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import ChangedFileError, ParameterError
from sleepdask.features import Hjorth, SampleEntropy, Statistics
from sleepdask.signals.recording import signal_nodes
from sleepdask.signals.units import ratio
from sleepdask.study.layout import ChannelLayout, Layout, NodeLayout, columns_of, common_units, common_zone
from sleepdask.study.parts import content_of, part_bytes, read_part
from sleepdask.study.plan import StudyPlan
from sleepdask.study.units import conversions, into_units


def write_table(folder: Path, *names: str) -> Path:
    table = folder / "recordings.csv"
    table.write_text("recording_id,path\n" + "".join(f"{name.rsplit('.', 1)[0]},{name}\n" for name in names))
    return table


# Units


def test_millivolts_become_microvolts(tmp_path: Path) -> None:
    samples = np.round(noise() / 8) * 8  # multiples that both scales hold exactly
    write_edf(tmp_path / "u1.edf", {"C3": samples, "C4": noise(1)})
    write_edf(tmp_path / "u2.edf", {"C3": noise(2), "C4": noise(1)})
    milli = write_edf(tmp_path / "m.edf", {"C3": samples, "C4": noise(1)}, unit={"C3": "mV", "C4": "uV"})
    outcomes = run_study(write_table(tmp_path, "u1.edf", "m.edf", "u2.edf"), tmp_path / "out")
    assert outcomes["status"].tolist() == ["ok"] * 3

    recording = sd.to_unit(sd.open_recording(milli), {"C3": "uV"})
    want = sd.to_dataframe(sd.extract(recording, "statistics,hjorth"), flat=True, backend="sync")
    got = pq.ParquetFile(part(tmp_path / "out", "m")).read().to_pandas()
    for column in want:
        if column not in ("start", "stage"):
            assert got[column].equals(want[column].astype(got[column].dtype)), column
    raw = alone(milli)
    assert np.allclose(got["C3/std"], 1000 * raw["C3/std"], rtol=1e-6)
    assert got["C4/std"].equals(raw["C4/std"])
    assert not outcome(tmp_path / "out", "m")["invalid_channels"]
    document = pd.read_json(tmp_path / "out" / "study.json", typ="series")
    assert document["columns"]["C3/std"]["units"] == "uV"


def test_a_unit_that_nothing_converts_takes_its_channel_out(tmp_path: Path) -> None:
    for name in ("a.edf", "b.edf"):
        write_edf(tmp_path / name, {"C3": noise(1), "X": noise(2)}, unit={"C3": "uV", "X": "uV"})
    write_edf(tmp_path / "c.edf", {"C3": noise(1), "X": noise(2)}, unit={"C3": "uV", "X": "%"})
    write_edf(tmp_path / "d.edf", {"C3": noise(1), "X": noise(2)}, unit={"C3": "uV", "X": ""})
    write_edf(tmp_path / "e.edf", {"X": noise(2)}, unit="%")
    names = ("a.edf", "b.edf", "c.edf", "d.edf", "e.edf")
    outcomes = run_study(write_table(tmp_path, *names), tmp_path / "out", "statistics").set_index("recording_id")
    assert outcomes["status"].tolist() == ["ok", "ok", "partial", "partial", "failed"]
    assert "is in %, which cannot be converted into uV, that of the study: X" in outcomes["message"]["c"]
    assert "is in no unit, which cannot be converted into uV" in outcomes["message"]["d"]
    assert outcomes["message"]["e"].startswith("no channel has a unit that fits the study; found X is in %")
    frame = pd.read_parquet(tmp_path / "out" / "features")
    assert frame.loc[frame["recording_id"] == "c", "X/mean"].isna().all()
    assert frame.loc[frame["recording_id"] == "c", "C3/mean"].notna().all()


def test_a_unit_that_becomes_the_common_one_is_a_change(tmp_path: Path) -> None:
    write_edf(tmp_path / "a.edf", {"C3": noise(1)}, unit="mV")
    write_edf(tmp_path / "b.edf", {"C3": noise(2)}, unit="uV")
    write_edf(tmp_path / "c.edf", {"C3": noise(3)}, unit="uV")
    output = tmp_path / "out"
    two = write_table(tmp_path, "a.edf", "b.edf")
    run_study(two, output, "hjorth")
    assert analysed(study_of(write_table(tmp_path, "a.edf", "b.edf", "c.edf"), output, "hjorth")) == ["a", "b", "c"]
    run_study(write_table(tmp_path, "a.edf", "b.edf", "c.edf"), tmp_path / "fresh", "hjorth")
    assert parts(output) == parts(tmp_path / "fresh")
    assert analysed(study_of(write_table(tmp_path, "c.edf", "b.edf", "a.edf"), output, "hjorth")) == []


NAMES = st.sampled_from(["C3", "*", "C[3]", "eeg", "a/b", "x?", "[", "]", "!", "[!a]", "spo2"])


@settings(max_examples=30)
@given(st.dictionaries(NAMES, st.sampled_from(["uV", "mV", "nV", "V"]), min_size=1), st.data())
def test_channels_are_converted_by_their_names_whatever_these_look_like(
    units: dict[str, str], data: st.DataObject
) -> None:
    recording = sd.recording_from_arrays({name: np.arange(4.0) for name in units}, 1, unit="uV")
    had = {channel.name: channel.unit for node in Layout.of(recording).nodes for channel in node.channels}
    chosen = {name: unit for name, unit in units.items() if data.draw(st.booleans())}
    converted, invalid = into_units(recording, chosen)
    assert invalid == {}
    [node] = signal_nodes(converted).values()
    for k, name in enumerate(node["channel"].values.tolist()):
        unit = chosen.get(name, had[name])
        assert node["unit"].values[k] == unit
        factor = ratio(had[name], unit)
        want = [float(Fraction(value) * factor) for value in range(4)]
        assert np.allclose(node["signal"].values[k], want, rtol=1e-7)


def test_the_commonest_unit_is_that_of_the_study() -> None:
    def layout(unit: str) -> Layout:
        return Layout((NodeLayout("64Hz", 64.0, (ChannelLayout("C3", unit, "eeg"),)),), "", dated=True)

    assert common_units(map(layout, ["mV", "uV", "uV"])) == {"C3": "uV"}
    assert common_units(map(layout, ["mV", "uV"])) == {"C3": "mV"}  # the first of two
    assert conversions(layout("mV"), {"C3": "uV"}) == {"C3": "uV"}
    assert conversions(layout("uV"), {"C3": "uV"}) == {}


# Zones and dates


def test_a_zone_that_is_given(nights: Cohort, tmp_path: Path) -> None:
    table = nights.table(tmp_path / "recordings.csv", ["007", "A1"])
    outcomes = run_study(table, tmp_path / "out", "hjorth", timezone="Europe/Berlin")
    assert outcomes["status"].tolist() == ["ok", "ok"]
    schema = pq.read_schema(part(tmp_path / "out", "007"))
    assert schema.field("start").type == pa.timestamp("ns", "Europe/Berlin")
    starts = pd.read_parquet(tmp_path / "out" / "features")["start"]
    assert starts[0] == pd.Timestamp("2024-03-11T22:47:30", tz="Europe/Berlin")


def stored(folder: Path, name: str, zone: str | None) -> None:
    night = write_edf(folder / f"{name}.edf", {"C3": noise(1)})
    sd.save_recording(sd.open_recording(night, chunks=None, timezone=zone), folder / f"{name}.zarr")


def test_zones_that_differ_are_told_in_one(tmp_path: Path) -> None:
    stored(tmp_path, "berlin", "Europe/Berlin")
    stored(tmp_path, "tokyo", "Asia/Tokyo")
    outcomes = run_study(write_table(tmp_path, "berlin.zarr", "tokyo.zarr"), tmp_path / "out", "hjorth")
    assert outcomes["status"].tolist() == ["ok", "ok"]
    frame = pd.read_parquet(tmp_path / "out" / "features")
    assert str(frame["start"].dtype) == "datetime64[ns, UTC]"
    first = frame.groupby("recording_id", observed=True)["start"].first()
    assert first["berlin"] == pd.Timestamp("2024-03-11T21:47:30Z")
    assert first["tokyo"] == pd.Timestamp("2024-03-11T13:47:30Z")
    back = read_part(part(tmp_path / "out", "tokyo").read_bytes())
    assert back["start"].values[0] == np.datetime64("2024-03-11T13:47:30")
    assert back.attrs["time_zone"] == "Asia/Tokyo"


def test_times_with_and_without_a_zone_are_refused(tmp_path: Path) -> None:
    stored(tmp_path, "berlin", "Europe/Berlin")
    stored(tmp_path, "local", None)
    table = write_table(tmp_path, "berlin.zarr", "local.zarr")
    with pytest.raises(ParameterError, match="some recordings have a time zone and some have none"):
        run_study(table, tmp_path / "out", "hjorth")
    assert not (tmp_path / "out" / "features").exists()
    assert not (tmp_path / "out" / ".lock").exists()


def undated(path: Path) -> Path:
    """Take the date out of a header."""
    raw = path.read_bytes().replace(b"11.03.24", b"XX.XX.XX")
    path.write_bytes(raw.replace(b"Startdate 11-MAR-2024", b"Startdate X          "))
    return path


def test_a_recording_without_a_date_has_no_instants_and_keeps_its_elapsed_times(
    tmp_path: Path, assert_same_bits: Any
) -> None:
    write_edf(tmp_path / "dated.edf", {"C3": noise(1)})
    undated(write_edf(tmp_path / "undated.edf", {"C3": noise(1)}))
    outcomes = run_study(write_table(tmp_path, "dated.edf", "undated.edf"), tmp_path / "out", "hjorth", step="20s")
    assert outcomes["status"].tolist() == ["ok", "ok"]
    frame = pd.read_parquet(tmp_path / "out" / "features")
    starts = frame.groupby("recording_id", observed=True)["start"]
    assert starts.apply(lambda each: each.isna().all()).to_dict() == {"dated": False, "undated": True}

    lazy = sd.extract(sd.open_recording(tmp_path / "undated.edf"), Hjorth(), step="20s")
    back = read_part(part(tmp_path / "out", "undated").read_bytes())
    assert_same_bits(back, sd.compute(lazy, backend="sync"))
    assert back["start"].values[:2].tolist() == np.array([0, 20_000_000_000], "timedelta64[ns]").tolist()
    assert analysed(study_of(tmp_path / "recordings.csv", tmp_path / "out", "hjorth,statistics", step="20s")) == [
        "dated",
        "undated",
    ]


def test_one_epoch_without_a_date(tmp_path: Path) -> None:
    night = undated(write_edf(tmp_path / "n.edf", {"C3": noise(seconds=30)}))
    recording = sd.open_recording(night, chunks=None)
    features = sd.compute(sd.extract(recording, Hjorth()), backend="sync")
    schema = columns_of([Layout.of(recording)], [Hjorth()], 30.0, {}, "").schema
    assert read_part(part_bytes(features, schema))["start"].values.tolist() == [0]


def test_zones_of_recordings_without_a_date_do_not_matter() -> None:
    def layout(zone: str, *, dated: bool = True) -> Layout:
        return Layout((), zone, dated)

    assert common_zone([]) == ""
    assert common_zone([layout("Europe/Berlin"), layout("", dated=False)]) == "Europe/Berlin"
    assert common_zone([layout("Europe/Berlin"), layout("Asia/Tokyo")]) == "UTC"
    with pytest.raises(ParameterError, match="zone"):
        common_zone([layout("Europe/Berlin"), layout("")])


# Tables and layouts


def test_a_layout_comes_back_from_json(nights: Cohort) -> None:
    for path in nights.nights.values():
        layout = Layout.of(sd.open_recording(path, chunks=None))
        assert Layout.from_document(layout.document()) == layout


def test_a_rate_at_which_an_epoch_has_just_one_sample() -> None:
    """A product of floats may fall short of 1: the columns must not."""
    for n in (7, 49, 103, 107, 161):
        recording = sd.recording_from_arrays({"x": np.arange(8.0)}, Fraction(1, n), unit="uV")
        plan = sd.extract(recording, Statistics(), epoch=f"{n}s")
        table = sd.to_dataframe(plan, flat=True, backend="sync")
        schema = columns_of([Layout.of(recording)], [Statistics()], float(n), {}, "").schema
        assert schema.names == table.columns.tolist()


@pytest.mark.parametrize("seconds", [65, 66])
def test_columns_are_those_of_features_that_take_so_many_samples(seconds: int) -> None:
    recording = sd.recording_from_arrays({"C3": np.zeros(70_000, np.float32)}, 1000, start="2024-03-11T22:47:30")
    features = (Statistics(("mean",)), SampleEntropy())
    table = sd.to_dataframe(sd.extract(recording, features, epoch=f"{seconds}s"), flat=True, backend="sync")
    schema = columns_of([Layout.of(recording)], features, float(seconds), {}, "").schema
    assert schema.names == table.columns.tolist()
    assert ("C3/sample_entropy" in schema.names) == (seconds == 65)


def test_features_with_a_column_of_their_own_are_no_part(nights: Cohort) -> None:
    recording = sd.open_recording(nights.nights["A1"], chunks=None)
    features = sd.compute(sd.extract(recording, Hjorth()), backend="sync")
    layout = Layout.of(recording)
    schema = columns_of([layout], [Hjorth()], 30.0, {}, "").schema
    data = part_bytes(features, schema, "some key")
    assert content_of(data) == "some key"
    assert pq.read_schema(pa.BufferReader(data)).equals(schema)
    fewer = pa.schema([field for field in schema if not field.name.startswith("E1")])
    with pytest.raises(ChangedFileError, match="3 columns more, such as E1-M2/hjorth_activity"):
        part_bytes(features, fewer)


# Plans


def keys(plan: StudyPlan, **rest: Any) -> Mapping[str, str]:
    from sleepdask.study import Entry

    entry = Entry("N1", ("/x/n.edf",), **rest)
    return plan.keys(entry, {"recording": "1"}, {})


def test_what_a_key_depends_on() -> None:
    plan = StudyPlan((Hjorth(), Statistics()))
    base = keys(plan)
    assert list(base) == ["", "hjorth", "statistics"]
    assert keys(plan, covariates={"age": 3}) == base
    assert keys(plan, marks={"lights_off": "23:00"}).items().isdisjoint(base.items())
    assert keys(StudyPlan((Statistics(), Hjorth()))) == base
    other = keys(StudyPlan((Hjorth(), Statistics(ddof=0))))
    assert other["hjorth"] == base["hjorth"]
    assert other["statistics"] != base["statistics"]
    for change in ({"policy": "repair"}, {"timezone": "UTC"}, {"dtype": "float64"}, {"options": {"epoch": "20s"}}):
        assert keys(StudyPlan((Hjorth(),), **change)).items().isdisjoint(base.items())


def test_two_features_of_a_kind_have_names_of_their_own() -> None:
    plan = StudyPlan((Statistics(aggregations=("mean",)), Statistics(aggregations=("std",))))
    assert list(plan.names) == ["statistics", "statistics #2"]


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"features": ()}, "no feature"),
        ({"features": (Hjorth(), Hjorth())}, "two features give the column"),
        ({"options": {"epoch": "0.001s"}}, "epoch"),
        ({"options": {"epoch": "soon"}}, "not a duration"),
        ({"options": {"hypnogram": 1}}, "no such option"),
        ({"policy": "lenient"}, "unknown policy"),
        ({"timezone": "Europe/Berlim"}, "unknown time zone"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_any_recording_is_read(plan: dict[str, Any], told: str) -> None:
    features = plan.pop("features", (Hjorth(),))
    if "epoch" in plan.get("options", {}):
        features = sd.features.parse_features("bandpower")
    with pytest.raises(ParameterError, match=told):
        StudyPlan(features, **plan)


LENGTHS = ["30s", 30, 30.0, "0.5min", timedelta(seconds=30), pd.Timedelta("30s"), np.timedelta64(30, "s")]


def test_a_length_of_any_kind_is_the_same(nights: Cohort, tmp_path: Path) -> None:
    table = nights.table(tmp_path / "recordings.csv", ["007"])
    run_study(table, tmp_path / "out", "hjorth")
    for epoch in LENGTHS:
        study = study_of(table, tmp_path / "out", "hjorth", epoch=epoch)
        assert analysed(study) == []
        again = sd.Study.open(tmp_path / "out")
        assert again.plan.window == 30
        assert analysed(again) == []
