"""A disk that is full, or that nobody may write to any more: an error that says so, and nothing finished is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from disks import Disk, small_disk
from jobs import wait_until
from studies import Runner, check_whole, computed, finished, names
from watcher import watched

MakeDisk = Callable[[str], Disk]


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[MakeDisk]:
    """Mount a file system of some size: `make_disk("800k")`."""
    made: list[Any] = []

    def make(size: str) -> Disk:
        made.append(small_disk(tmp_path / "disk", size))
        disk: Disk = made[-1].__enter__()
        return disk

    yield make
    for each in made:
        each.__exit__(None, None, None)


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("where", [("--backend", "sync"), ("--backend", "processes", "--workers", "2")])
def test_full(cohort: Path, truth: Path, make_disk: MakeDisk, tmp_path: Path, where: tuple[str, ...]) -> None:
    disk, log, said = make_disk("800k"), tmp_path / "computed.txt", tmp_path / "said.txt"
    output = disk.folder / "study"
    who = {"client" if "sync" in where else "worker": {"log": str(log)}}
    with watched(output, tmp_path / "watched.json"):
        full = Runner(cohort, output, said, *where, **who)
        full.end(2)
        assert "error: " in full.said
        assert "cannot be written: No space left on device; what is finished is kept: make room" in full.said
        assert "Traceback" not in full.said
        done, begun = finished(output), len(computed(log))
        assert 10 < len(done) < len(finished(truth))
        assert ".lock" not in names(output)
        disk.resize("64m")
        Runner(cohort, output, said, *where, **who).end(3)
    check_whole(output, truth)
    assert not done & {name for name, _ in computed(log)[begun:]}


def test_full_from_the_beginning(few: Path, few_truth: Path, make_disk: MakeDisk, tmp_path: Path) -> None:
    disk, said = make_disk("64k"), tmp_path / "said.txt"
    output = disk.folder / "study"
    disk.fill("films")
    run = Runner(few, output, said, "--backend", "sync")
    run.end(2)
    assert run.said.count("No space left on device") == 1
    assert "Traceback" not in run.said
    (disk.folder / "films").unlink()
    disk.resize("64m")
    Runner(few, output, said, "--backend", "sync").end(0, 3)
    check_whole(output, few_truth)


def test_read_only(few: Path, few_truth: Path, make_disk: MakeDisk, tmp_path: Path) -> None:
    disk, said = make_disk("64m"), tmp_path / "said.txt"
    output = disk.folder / "study"
    run = Runner(few, output, said, "--backend", "sync", client={"seconds": 0.5})
    run.wait_for(lambda: len(finished(output)) > 2, "some outcomes")
    wait_until(lambda: disk.remount("ro"), "nobody to be writing")
    run.end(2)
    assert "cannot be written: Read-only file system; what is finished is kept" in run.said
    assert "Traceback" not in run.said
    assert 2 < len(finished(output)) < len(finished(few_truth))
    again = Runner(few, output, said, "--backend", "sync")
    again.end(2)
    assert "cannot be written: Read-only file system" in again.said
    assert "Traceback" not in again.said
    assert disk.remount("rw")
    Runner(few, output, said, "--backend", "sync").end(0, 3)
    check_whole(output, few_truth)
