"""Looks at a study all the time: no reader may ever find anything but whole files in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAUSE = 0.005  # seconds; the tests have two CPUs


@contextmanager
def watched(output: Path, report: Path, least: int = 20) -> Iterator[None]:
    """Context in which another process watches a study; afterwards it has seen so many files, all whole."""
    command = [sys.executable, __file__, str(output), str(report)]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        watcher.communicate(timeout=60)  # the end of its input ends it
    seen = json.loads(report.read_text())
    assert not seen["wrong"], seen["wrong"]
    assert seen["whole"] >= least, seen["whole"]


def wrong(output: Path, seen: dict[str, object]) -> list[str]:
    """What is wrong with files that have come since they were looked at, `seen`."""
    found = []
    for path in sorted([*output.glob("features/**/*"), *output.glob("outcomes/**/*")]):
        try:
            state = path.stat()
            mark = state.st_ino, state.st_mtime_ns, state.st_size
            if path.is_dir() or seen.get(str(path)) == mark:
                continue
            problem = _problem(path)
        except FileNotFoundError:  # it has just been replaced, or removed
            continue
        seen[str(path)] = mark
        if problem:
            found.append(f"{path.relative_to(output)}: {problem}")
    return found


def _problem(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = path.read_bytes()
    try:
        if path.name == "part-0.parquet":
            return "" if len(pq.ParquetFile(pa.BufferReader(data)).read()) else "no rows"
        return "" if path.suffix == ".json" and json.loads(data)["recording_id"] == path.stem else "should not be here"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _watch(output: Path, report: Path) -> None:
    import threading

    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    seen: dict[str, object] = {}
    problems: list[str] = []
    whole: set[object] = set()
    last = False
    while not last:
        last = ended.wait(PAUSE)
        problems += wrong(output, seen)
        whole |= set(seen.items())
    report.write_text(json.dumps({"wrong": problems, "whole": len(whole)}))


if __name__ == "__main__":
    _watch(Path(sys.argv[1]), Path(sys.argv[2]))
