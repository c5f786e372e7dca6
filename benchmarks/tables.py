"""A text table of 1.4 million rows into memory, against pandas and polars; as a program too, for the memory of each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.children import run_child
from benchmarks.peak import peak_above_idle
from benchmarks.table import Row, at_least, row
from benchmarks.timing import Case, Ratio, Series, take_turns

BASE = "sleepdask"
_RATE = 52  # Hz, of a wrist sensor
_START = np.datetime64("2024-03-11T22:47:30.000", "ms")
_COLUMNS = ("acc_x", "acc_y", "acc_z")


def table_rows(folder: Path, hours: float, repeats: int) -> list[Row]:
    """Time opening and loading, and measure the peak of memory, once all have given the same."""
    path = _written(folder / f"acc-{hours:g}h.csv", hours)
    ways = {name: way for name, way in WAYS.items() if name != "polars" or _has_polars()}
    want = ways[BASE](path)
    for name, way in ways.items():
        times, *values = way(path)
        late = np.abs(times - want[0]).max()  # ours are those of the rate that the times were shown to have
        if late > np.timedelta64(1, "ms"):
            raise AssertionError(f"times of {name} are {late} off")
        np.testing.assert_array_equal(values, want[1:], name)
    series = take_turns([Case(name, partial(_fresh, path, way)) for name, way in ways.items()], repeats)
    rows = _with_aim(series, "fastest other / ours", 1)
    memory = {name: Case(f"{name}: memory", partial(_peak, path, name), warm=False) for name in ways}
    measured = take_turns(list(memory.values()), min(repeats, 3))
    base = measured[memory[BASE].name]
    return rows + [row(one, base, unit="MB") for one in measured.values()]


def _with_aim(series: dict[str, Series], text: str, bound: float) -> list[Row]:
    base = series[BASE]
    others = [one for one in series.values() if one is not base and one.amounts]
    fastest = min(others, key=lambda one: one.middle) if others else None
    return [
        row(one, base, at_least(text, Ratio.of(one, base), bound) if one is fastest else None)
        for one in series.values()
    ]


def _written(path: Path, hours: float) -> Path:
    """Write the table: times to the millisecond, three whole numbers a row."""
    if not path.exists():
        size = int(hours * 3600 * _RATE)
        times = np.datetime_as_string(_START + (np.arange(size) * 1000 // _RATE).astype("timedelta64[ms]"), unit="ms")
        values = np.random.default_rng(0).integers(-1000, 1000, (size, 3))
        frame = pd.DataFrame({"time": times} | {name: values[:, k] for k, name in enumerate(_COLUMNS)})
        frame.to_csv(path, index=False)
    return path


def _fresh(path: Path, way: Callable[[Path], object]) -> None:
    """Read it as a file that nobody has read: ours remembers what it parsed of one."""
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000))
    way(path)


def _ours(path: Path) -> tuple[Any, ...]:
    import sleepdask as sd

    layout = {"time": "time", "time_format": "iso", "channels": list(_COLUMNS), "node": "acc"}
    node = sd.open_recording(path, layout=layout, chunks=None)["acc"]
    return node["time"].values, *node["signal"].values


def _by_pandas(path: Path, engine: str) -> tuple[Any, ...]:
    kinds = dict.fromkeys(_COLUMNS, "float32")
    frame = pd.read_csv(path, engine=engine, dtype=kinds)
    times = pd.to_datetime(frame["time"], format="ISO8601").to_numpy("datetime64[ns]")
    return times, *(frame[name].to_numpy() for name in _COLUMNS)


def _by_polars(path: Path) -> tuple[Any, ...]:
    import polars as pl

    kinds = dict.fromkeys(_COLUMNS, pl.Float32)
    frame = pl.read_csv(path, schema_overrides=kinds, try_parse_dates=True)
    times = frame["time"].dt.cast_time_unit("ns").to_numpy()
    return times, *(frame[name].to_numpy() for name in _COLUMNS)


WAYS: dict[str, Callable[[Path], tuple[Any, ...]]] = {
    BASE: _ours,
    "pandas": partial(_by_pandas, engine="c"),
    "pandas, pyarrow": partial(_by_pandas, engine="pyarrow"),
    "polars": _by_polars,
}


def _has_polars() -> bool:
    return find_spec("polars") is not None


def _peak(path: Path, name: str) -> float:
    printed = run_child([sys.executable, "-m", "benchmarks.tables", path, name])
    return float(json.loads(printed.strip().splitlines()[-1])["peak_mb"])


if __name__ == "__main__":
    table, chosen = Path(sys.argv[1]), sys.argv[2]
    few = table.with_suffix(f".few-{os.getpid()}.csv")  # what is imported, or compiled, at the first is not its memory
    with table.open() as lines:
        few.write_text("".join(next(lines) for _ in range(1000)))
    try:
        WAYS[chosen](few)
    finally:
        few.unlink()
    print(json.dumps(peak_above_idle(lambda: WAYS[chosen](table))))
