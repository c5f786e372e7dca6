"""The benchmarks still run, and compare what they say they compare; nothing here depends on how long it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import sleepdask as sd
from sleepdask.features import enable_feature_cache, get_cache_stats
from sleepdask.simulate import REFERENCE_MONTAGE, simulate_night

ROOT = Path(__file__).parents[1]
HOURS = 0.1


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: import_module(f"benchmarks.{name}")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a short reference night, named as the benchmarks name it."""
    folder = tmp_path_factory.mktemp("nights")
    simulate_night(HOURS, montage=REFERENCE_MONTAGE).write(folder, f"reference-{HOURS:g}h")
    return folder


def test_cases_take_turns_and_one_that_fails_drops_out(module: Any) -> None:
    timing, calls = module("timing"), []

    def record(name: str, amount: float) -> Any:
        def run() -> float:
            calls.append(name)
            return amount

        return run

    def broken() -> None:
        calls.append("broken")
        raise ValueError("first line\nlast line")

    def absent() -> None:
        import_module("no_such_module")

    series = timing.take_turns(
        [
            timing.Case("a", record("a", 2.0), warm=False),
            timing.Case("broken", broken, warm=False),
            timing.Case("absent", absent, warm=False),
            timing.Case("b", record("b", 4.0), warm=False, most=2),
        ],
        repeats=3,
    )
    assert calls == ["a", "broken", "b", "a", "b", "a"]
    assert series["broken"].problem == "failed: ValueError: last line"
    assert series["absent"].problem == "skipped: no_such_module is not installed"
    assert timing.Ratio.of(series["b"], series["a"]) == timing.Ratio(2.0, 2.0, 2.0)
    assert timing.Ratio.of(series["broken"], series["a"]) is None


def test_ratios_are_taken_turn_by_turn(module: Any) -> None:
    timing = module("timing")
    case = timing.Case("x", lambda: None)
    ratio = timing.Ratio.of(timing.Series(case, [1.0, 20.0, 3.0]), timing.Series(case, [1.0, 10.0, 1.0]))
    assert ratio == timing.Ratio(2.0, 1.0, 3.0)
    assert timing.Ratio.of(timing.Series(case, [1.0]), timing.Series(case, [0.0])) is None


def test_table_says_whether_aims_are_reached(module: Any) -> None:
    table, timing = module("table"), module("timing")
    ratio = timing.Ratio(1.5, 1.0, 2.0)
    rows = (
        table.Row("good", (3.0,), 3.0, ratio=ratio, aim=table.at_most("good / base", ratio, 1.6)),
        table.Row("bad", (3.0,), 3.0, ratio=ratio, aim=table.at_least("bad / base", ratio, 12)),
        *table.skipped(["absent"], "skipped: why"),
    )
    section = table.Section("title", "base", rows)
    assert section.markdown().splitlines()[4:] == [
        "| good | 3 s | 1.5 (1 to 2) | good / base ≤ 1.6 | 1.5 | yes |  |",
        "| bad | 3 s | 1.5 (1 to 2) | bad / base ≥ 12 | 1.5 | **no** |  |",
        "| absent |  |  |  |  |  | skipped: why |",
    ]
    assert [row.get("reached") for row in json.loads(json.dumps(section.document()))["rows"]] == [True, False, None]


def test_longer_night_repeats_the_samples(module: Any, folder: Path) -> None:
    nights = module("nights")
    night = nights.reference_night(folder, HOURS)
    longer = nights.longer_night(night, 3)
    once = sd.open_recording(night.path, chunks=None)["256Hz"]["signal"].values
    recording = sd.open_recording(longer.path, chunks=None)
    np.testing.assert_array_equal(recording["256Hz"]["signal"].values, np.tile(once, 3))
    assert recording.attrs["findings"] == []


def test_limit_decodes_every_sample_of_the_epochs(module: Any, folder: Path) -> None:
    path = module("nights").reference_night(folder, HOURS).path
    limit = module("limit").Limit.of(path)
    decoded = [limit.decode(chunk)[0] for chunk in limit.chunks]
    expected = sd.open_recording(path, chunks=None)["256Hz"]["signal"].values
    np.testing.assert_array_equal(np.concatenate(decoded, axis=1), expected)


def test_tasks_are_done_as_often_as_they_are_counted(module: Any) -> None:
    calls: list[str] = []
    tasks = module("overhead").Tasks("short", calls.append, "call", mapped=3, graphed=2)

    def loop(function: Any, items: Any) -> None:
        for item in items:
            function(item)

    for case, expected in zip(tasks.cases({"map": loop}, {"graph": loop}), (3, 2), strict=True):
        calls.clear()
        assert case.run() > 0
        assert len(calls) == expected
    assert [case.name for case in tasks.cases({"map": loop}, {"graph": loop})] == ["short: map", "short: graph"]


def test_backends_in_this_process_give_the_same(module: Any) -> None:
    backends, overhead = module("backends"), module("overhead")
    with backends.open_places([backends.SYNC, backends.THREADS, backends.AUTO]) as places:
        for place in places.values():
            assert list(overhead._graph(place, overhead.same, [1, 2, 3])) == [1, 2, 3]
            assert overhead._threaded(place, overhead.same, [1, 2, 3]) == [1, 2, 3]


def test_backend_that_cannot_be_started_says_so_in_its_row(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backends, timing = module("backends"), module("timing")
    monkeypatch.setitem(backends._STARTS, backends.RAY, lambda: import_module("no_such_module"))
    with backends.open_places([backends.RAY, backends.SYNC]) as places:
        series = timing.take_turns(
            [timing.Case(name, lambda place=place: place() and 1.0) for name, place in places.items()], 1
        )
    assert series[backends.RAY].problem == "skipped: no_such_module is not installed"
    assert series[backends.SYNC].amounts == [1.0]


def test_work_is_never_looked_up_in_the_feature_cache(module: Any, folder: Path) -> None:
    enable_feature_cache()
    hits = get_cache_stats()["hits"]
    for _ in range(2):
        module("work").file_to_table(module("nights").reference_night(folder, HOURS).path, backend="sync", workers=1)
    assert get_cache_stats()["hits"] == hits


def test_readers_read_the_same(module: Any, folder: Path) -> None:
    readers, path = module("readers"), module("nights").reference_night(folder, HOURS).path
    node = sd.open_recording(path, chunks=None, dtype="float64")["256Hz"]
    want = node["signal"].values
    volts = np.array([[{"uV": 1e6, "mV": 1e3}[unit]] for unit in node["unit"].values])
    for name, make in readers.READERS.items():
        if name.lower() in ("mne", "edfio", "pyedflib"):
            pytest.importorskip(name.lower())
        reader = make()
        opened = reader.open(path)
        for work, part in ((readers.ONE, want[:1]), (readers.HOUR, want[:, 2560:5120]), (readers.ALL, want)):
            found = np.reshape(reader.read[work](opened, 10, 10), part.shape)
            found = found * volts[: len(part)] if name == "MNE" else found
            np.testing.assert_allclose(
                found, part, rtol=0, atol=1e-3 if "32" in name else 1e-9, err_msg=f"{name} {work}"
            )
        reader.close(opened)
        assert readers.seconds_of(name, readers.OPEN, path, 0, 1) > 0


def test_reading_aims_at_the_fastest_other(module: Any) -> None:
    reading, timing, readers = module("reading"), module("timing"), module("readers")

    def series(name: str, *amounts: float) -> Any:
        return timing.Series(timing.Case(name, lambda: None), list(amounts))

    timed = {name: series(name, seconds) for name, seconds in ((readers.SINGLE, 0.1), ("edfio", 2.0), ("MNE", 3.0))}
    aim = reading._first({**timed, readers.DOUBLE: series(readers.DOUBLE, 1.0), "pyedflib": series("pyedflib")})
    assert (aim.text, aim.value, aim.reached) == ("ours / edfio ≤ 1", 0.5, True)
    assert not reading._soon_open(series(readers.DOUBLE, 0.021)).reached


def test_alignment_is_the_same_as_that_of_pandas(module: Any) -> None:
    rows = module("aligning").aligning_rows(0.02, 1)
    assert [line.note for line in rows if line.middle is None] == []
    assert [line.work for line in rows if line.aim] == ["nearest: pandas", "linear: pandas"]


def test_peak_of_memory_is_that_of_the_work(module: Any) -> None:
    """In a fresh process: one that did much else may have the memory already."""
    code = (
        "import json, numpy; from benchmarks.peak import peak_above_idle;"
        "print(json.dumps(peak_above_idle(lambda: numpy.ones(40_000_000, numpy.uint8))))"
    )
    said = json.loads(module("children").run_python(code))
    assert said["by"] != "VmHWM" or 35 < said["peak_mb"] < 80


def test_damaged_cohort_has_nights_that_differ_and_two_that_are_damaged(module: Any, tmp_path: Path) -> None:
    cohort = module("cohorts").damaged_cohort(tmp_path, 4, HOURS / 6)
    assert list(cohort.recordings) == ["n000", "n001", "cut", "garbled"]
    assert len({path.read_bytes() for path in cohort.recordings.values()}) == 4
    assert [entry.recording_id for entry in sd.study.read_table(cohort.table)] == list(cohort.recordings)
    assert [line.split("\t")[1] for line in cohort.sample_list.read_text().splitlines()] == [
        str(path) for path in cohort.recordings.values()
    ]
    garbled = sd.open_recording(cohort.recordings["garbled"], chunks=None)
    assert any("digital maximum" in finding for finding in garbled.attrs["findings"])
    with pytest.raises(sd.errors.FileFormatError, match="shorter than its header"):
        sd.open_recording(cohort.recordings["cut"])
    before = cohort.recordings["n000"].stat().st_mtime_ns
    assert module("cohorts").damaged_cohort(tmp_path, 4, HOURS / 6) == cohort
    assert cohort.recordings["n000"].stat().st_mtime_ns == before


def test_small_cohort_has_names_for_ten_files_and_one_can_be_exchanged(module: Any, tmp_path: Path) -> None:
    cohorts = module("cohorts")
    cohort = cohorts.small_cohort(tmp_path, 23)
    files = [path.stat().st_ino for path in cohort.recordings.values()]
    assert len(files) == 23
    assert len(set(files)) == 10
    cohorts.exchange(cohort, "r00001")
    changed = [path.stat().st_ino for path in cohort.recordings.values()]
    assert [k for k in range(23) if files[k] != changed[k]] == [1]
    assert len(set(changed)) == 10


def test_all_ways_through_many_nights_give_the_same_nights(module: Any, tmp_path: Path) -> None:
    cohort, child = module("cohorts").damaged_cohort(tmp_path, 4, HOURS / 6), module("study_child")
    results = {way: child.WAYS[way](cohort.table, child.PSD) for way in (child.ONE, child.LOOP)}
    for seconds, said in results.values():
        assert seconds > 0
        assert [name for name in cohort.recordings if not said[name] and name != "garbled"] == ["n000", "n001"]
    study = results[child.ONE][1]
    assert study["garbled"].startswith("InvalidChannels: no channel has a value")
    assert "cut" in results[child.LOOP][1]["cut"]


def test_survivors_are_counted_among_the_nights_that_can_be_read(module: Any, tmp_path: Path) -> None:
    study, cohorts = module("study"), module("cohorts")
    cohort = cohorts.Cohort("", tmp_path, dict.fromkeys(("a", "b", "cut", "garbled"), tmp_path), ("cut", "garbled"))
    said = {"a": "", "b": "no rows", "cut": "Error:\n is cut", "garbled": ""}
    row = study._survived("x", study._Trial([], [{"said": said}]), cohort)
    assert (row.middle, row.unit, row.note) == (1, "of 2 nights", "cut: Error: is cut; garbled: taken for good")


def test_peak_counts_the_children_of_a_process(module: Any) -> None:
    code = (
        "import subprocess, sys, time;"
        "child = [sys.executable, '-c', 'import time; kept = bytearray(b\"1\") * 80_000_000; time.sleep(1)'];"
        "subprocess.run(child, check=True); print('done')"
    )
    printed, peak = module("children").run_watched([sys.executable, "-c", code])
    assert printed.strip() == "done"
    assert 80 < peak.mb < 200


def test_process_that_is_watched_and_fails_says_why(module: Any) -> None:
    with pytest.raises(RuntimeError, match="ValueError: why"):
        module("children").run_watched([sys.executable, "-c", "raise ValueError('why')"])


def test_outcomes_of_nothing_are_compiled(module: Any, tmp_path: Path) -> None:
    assert module("many").compiled(7, str(tmp_path))["outcomes"] == 7
    table = pq.read_table(tmp_path / "outcomes.parquet")
    assert table["recording_id"].to_pylist() == [f"r{k:07}" for k in range(7)]
    assert set(table["status"].to_pylist()) == {"ok"}


@pytest.mark.slow
def test_everything_runs_on_a_short_night(folder: Path, tmp_path: Path) -> None:
    written = tmp_path / "out.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--hours", str(HOURS), "--repeats", "1"]
    done = subprocess.run(
        [*command, "--folder", str(folder), "--json", str(written)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout
    titles = [section["title"] for section in json.loads(written.read_text())["sections"]]
    assert len(titles) == 17 + 3 * any(title.startswith("Reading: Real night") for title in titles)
    assert all(f"## {title}" in done.stdout for title in titles)
