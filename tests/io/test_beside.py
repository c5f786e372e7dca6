"""Opening a night with what other devices recorded: paths, folders, several files; and what is read of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from devices import beats, know_sessions, write_session

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.io.beside import Beside, by_role, by_source, sources
from sleepdask.io.provenance import describe_file
from sleepdask.io.readers import files_of
from sleepdask.signals.index import clock_of

START = "2024-03-11T22:47:30"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A day of a watch around the night."""
    know_sessions(monkeypatch)
    return write_session(tmp_path / "watch", {"hr": beats("2024-03-11T12:00", 86_400, 5), "spo2": beats(START, 300)})


@pytest.mark.parametrize("chunks", [None, "epochs", {"time": 500}])
def test_a_folder_beside_a_file(scored_night: Path, session: Path, chunks: Any) -> None:
    both = sd.open_recording(scored_night, also={"watch": session}, chunks=chunks)
    assert list(both.children) == ["100Hz", "1Hz", "annotations", "watch hr", "watch spo2"]
    assert both.attrs["source"] == "scored.edf, watch"
    features = sd.compute(sd.extract(both, "statistics"), backend="sync")
    alone = sd.compute(sd.extract(sd.open_recording(scored_night), "statistics"), backend="sync")
    assert features["stage"].equals(alone["stage"])
    for name in ("100Hz", "1Hz"):
        assert features[name].to_dataset().identical(alone[name].to_dataset())
    watch = sd.extract(sd.open_recording(session), "statistics", start=START, origin=START, end="2024-03-11T22:57:30")
    for name, values in sd.compute(watch, backend="sync")["hr"].data_vars.items():
        np.testing.assert_array_equal(features["watch hr"][name].values, values.values)


@pytest.mark.parametrize("chunks", [None, "epochs"])
def test_what_lies_outside_the_night_is_not_read(
    write_night: Callable[..., Path], bytes_read: list[tuple[int, int]], chunks: Any
) -> None:
    night = write_night({"C3": 100}, 600, start=datetime(2024, 3, 12, 2))
    watch = write_night({"acc": 32}, 12 * 3600, start=datetime(2024, 3, 11, 20), name="watch")
    both = sd.open_recording(night, also={"watch": watch}, chunks=chunks)
    lazy = sd.extract(both, "statistics")
    bytes_read.clear()
    features = sd.compute(lazy, backend="sync")
    assert features["watch 32Hz"]["coverage"].values.tolist() == [1.0] * 20
    samples = 600 * (2 * 100 + 2 * 32)
    assert sum(size for _, size in bytes_read) <= 1.1 * samples


def test_chunks_end_where_the_night_does(scored_night: Path, session: Path) -> None:
    both = sd.open_recording(scored_night, also={"watch": session}, workers=2)
    node = both["watch hr"].to_dataset()
    edges = np.cumsum([0, *node["signal"].chunks[1]])
    clock = clock_of(node)
    for moment in (START, "2024-03-11T22:57:30"):
        assert int(clock.searchsorted(np.datetime64(moment, "ns"))) in edges
    assert edges[-1] == clock.size


def test_several_files_of_one_source_are_joined(write_night: Callable[..., Path], scored_night: Path) -> None:
    parts = [
        write_night({"SpO2": 1}, 120, start=datetime(2024, 3, 11, 22, minute), name=f"oxi{minute}")
        for minute in (54, 48)
    ]
    both = sd.open_recording(scored_night, also={"oxi": parts})
    assert both["oxi 1Hz"].sizes["time"] == 240
    apart = sd.open_recording(scored_night, also=parts)
    assert [name for name in apart.children if "Hz" in name] == ["100Hz", "1Hz", "1Hz #2", "1Hz #3"]
    assert apart["1Hz #3"]["channel"].values.tolist() == ["SpO2 #3"]


def test_a_store_keeps_its_zone(scored_night: Path, session: Path, tmp_path: Path) -> None:
    zone = "Europe/Berlin"
    utc = write_session(tmp_path / "polar", {"hr": beats("2024-03-11T21:00", 7200)}, instants=True)
    sd.save_recording(sd.open_recording(utc, chunks=None), tmp_path / "polar.zarr", backend="sync")
    for source in (utc, tmp_path / "polar.zarr"):
        both = sd.open_recording(scored_night, also={"polar": source}, timezone=zone)
        assert both.attrs["time_zone"] == zone
        assert (sd.compute(sd.extract(both, "statistics"))["polar hr"]["coverage"].values > 0.9).all()
        with pytest.raises(ParameterError, match=r"some are UTC.*timezone="):
            sd.open_recording(scored_night, also={"polar": source})
    both = sd.open_recording(scored_night, also={"watch": session}, timezone=zone)
    assert clock_of(both["watch hr"].to_dataset()).size == 17_280


def test_a_recording_of_it_all_is_stored(scored_night: Path, session: Path, tmp_path: Path) -> None:
    both = sd.open_recording(scored_night, also={"watch": session}, chunks=None)
    sd.save_recording(both, tmp_path / "both.zarr", backend="sync")
    again = sd.open_recording(tmp_path / "both.zarr")
    for name, node in both.children.items():
        xr.testing.assert_identical(again[name].to_dataset().load(), node.to_dataset().load())
    first, second = (sd.to_dataframe(sd.extract(each, "statistics"), flat=True) for each in (both, again))
    assert first.equals(second)


def test_another_person_is_told(write_night: Callable[..., Path]) -> None:
    paths = [write_night({label: 1}, 60, name=label) for label in ("C3", "HR")]
    for path, name in zip(paths, (b"X X X Prudence", b"X X X Octavia"), strict=True):
        raw = bytearray(path.read_bytes())
        raw[8:88] = name.ljust(80)
        path.write_bytes(raw)
    (finding,) = sd.open_recording(paths[0], also=paths[1]).attrs["findings"]
    assert "do not name the same person" in finding
    assert "Octavia" not in finding


def test_sources_as_texts(tmp_path: Path) -> None:
    assert Beside.of("watch=a/b.csv") == Beside("a/b.csv", "watch")
    assert Beside.of("a/b=c.csv") == Beside("a/b=c.csv")
    assert Beside.of("https://host/x?y=z") == Beside("https://host/x?y=z")
    assert Beside.of("watch=https://host/x?y=z", tmp_path) == Beside("https://host/x?y=z", "watch")
    assert Beside.of("watch=b.csv", tmp_path) == Beside(str(tmp_path / "b.csv"), "watch")
    (tmp_path / "watch=b.csv").touch()
    assert Beside.of("watch=b.csv", tmp_path) == Beside(str(tmp_path / "watch=b.csv"))
    for one in (Beside("b.csv", "watch"), Beside("b.csv"), Beside("watch=b.csv"), Beside("a=/b.csv")):
        again = Beside.of(str(one))
        assert (Path(again.path), again.name) == (Path(one.path), one.name)
    with pytest.raises(ParameterError, match="cannot be called so"):
        Beside("b.csv", "a b")


def test_sources_by_name_and_role() -> None:
    given = [Beside("a"), Beside("b", "oxi"), Beside("c"), Beside("d", "oxi")]
    assert by_source(given) == [("", ["a"]), ("oxi", ["b", "d"]), ("", ["c"])]
    assert by_role(given) == {"also": "a", "also oxi": "b", "also #2": "c", "also oxi #2": "d"}
    assert sources("a") == sources(["a"]) == [Beside("a")]
    assert sources({"oxi": ["b", "d"], "w": "e"}) == [Beside("b", "oxi"), Beside("d", "oxi"), Beside("e", "w")]


def test_files_of_a_session(session: Path, tmp_path: Path) -> None:
    (session / ".hidden").write_text("x")
    (session / "more").mkdir()
    (session / "more" / "notes.txt").write_text("x")
    names = [path.relative_to(session).as_posix() for path in files_of(session)]
    assert names == ["hr.dat", "more/notes.txt", "session.txt", "spo2.dat"]
    before = describe_file(session)
    (session / ".hidden").write_text("y")
    assert describe_file(session)["sha256"] == before["sha256"]
    (session / "hr.dat").write_text("1 2\n")
    assert describe_file(session)["sha256"] != before["sha256"]
    assert files_of(session / "hr.dat") == [session / "hr.dat"]
    assert files_of(tmp_path) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
