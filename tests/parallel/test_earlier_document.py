"""The examples of the earlier document run as they are printed; only the package they import from has another name."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sleepdask.parallel import (
    ParallelConfig,
    close_pools,
    get_parallel_config,
    items_per_chunk,
    set_parallel_config,
)

TEXT = Path(__file__).with_name("earlier_document.md").read_text("utf-8")
PACKAGES = {
    "sleep_analysis.utils": "sleepdask.parallel",
    "sleep_analysis.operations.feature_extraction": "sleepdask.features",
    "sleep_analysis.core": "sleepdask",
}
ALONE = {"Adjust Worker Count", "Adjust Batch Size"}  # printed without the imports of the first block
IMPORTS = "# ... import signals ...\n"  # where a script puts its signals in
AFTER = {"Signal Alignment (Automatic)": "Feature Extraction (Automatic)"}  # goes on with the names of another block


def read_blocks() -> dict[str, str]:
    """Python blocks by the heading above them."""
    found = re.findall(r"^## ([^\n]+)\n\n *```python\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
    return {heading: textwrap.dedent(code) for heading, code in found}


BLOCKS = read_blocks()


class Shared:
    """Something that is read and written under a lock."""

    def __init__(self) -> None:
        self.written: list[Any] = []

    def read(self) -> str:
        return "read"

    def write(self, data: Any) -> None:
        self.written.append(data)


def make_names() -> dict[str, Any]:
    """Names that the blocks use and do not define; as in a script, nobody can import its functions."""
    value = 7

    def io_task(item: int) -> int:
        time.sleep(0.001)
        return item + 1

    def cpu_task(item: int) -> int:
        return item * item

    def func1(argument: str) -> str:
        return argument.upper()

    def func2(argument: int, kwarg: int = 0) -> int:
        return argument + kwarg

    return {
        "__name__": "__main__",
        "data_items": list(range(25)),
        "result": "computed",
        "file_paths": [f"night{k}.edf" for k in range(25)],
        "data": "loaded",
        "epochs": range(960),
        "workers": 4,
        "io_task": io_task,
        "items1": list(range(30)),
        "cpu_task": cpu_task,
        "items2": list(range(40)),
        "func1": func1,
        "arg1": "one",
        "func2": func2,
        "arg2": 2,
        "value": value,
        "items": list(range(25)),
        "shared_resource": Shared(),
        "key": "C3",
        "expensive_function": lambda: "spectrum",
        "add_signals": add_signals,
    }


def add_signals(collection: Any) -> None:
    """Add three signals of ten minutes, as a script would import them."""
    for seed, (name, seconds) in enumerate((("hr", 1.0), ("hrv", 1.0), ("acc", 0.2))):
        times = pd.date_range("2024-03-11T23:00", periods=int(600 / seconds), freq=pd.Timedelta(seconds, "s"))
        values = np.random.default_rng(seed).normal(60, 5, len(times))
        collection.add_time_series_signal(name, pd.DataFrame({name: values}, index=times))


def check_basic(names: dict[str, Any], printed: str) -> None:
    config = ParallelConfig(True, 4, 8, 10, True)
    assert names["config"] == get_parallel_config() == config


def check_disabled(names: dict[str, Any], printed: str) -> None:
    assert not get_parallel_config().enabled


def check_manual(names: dict[str, Any], printed: str) -> None:
    assert names["results"] == ["loaded"] * 25


def check_statistics(names: dict[str, Any], printed: str) -> None:
    stats = names["stats"]
    assert {"enabled", "size", "hit_rate", "hits", "misses", "sets"} <= set(stats)
    lines = printed.splitlines()
    assert lines[0] == f"Cache size: {stats['size']}"
    assert re.fullmatch(r"Hit rate: \d+\.\d%", lines[1])
    assert lines[2] == f"Hits: {stats['hits']}, Misses: {stats['misses']}"


def check_monitor(names: dict[str, Any], printed: str) -> None:
    assert re.fullmatch(r"Cache hit rate: \d+\.\d%\n", printed)


def check_logic(names: dict[str, Any], printed: str) -> None:
    assert names["batch_size"] == 120 == items_per_chunk(960, workers=4)
    for n in (0, 5, 100, 959, 10_000):
        assert items_per_chunk(n, workers=3) == max(10, n // (3 * 2))


def check_worker_count(names: dict[str, Any], printed: str) -> None:
    assert get_parallel_config() == ParallelConfig(max_workers_cpu=8)


def check_batch_size(names: dict[str, Any], printed: str) -> None:
    assert get_parallel_config() == ParallelConfig(chunk_size=50)


def check_executor(names: dict[str, Any], printed: str) -> None:
    assert names["results1"] == list(range(1, 31))
    assert names["results2"] == [k * k for k in range(40)]
    assert names["results3"] == ["ONE", 9]


def check_batches(names: dict[str, Any], printed: str) -> None:
    assert [len(batch) for batch in names["batches"]] == [10, 10, 5]
    assert [len(chunk) for chunk in names["chunks"]] == [7, 6, 6, 6]
    assert [k for chunk in names["chunks"] for k in chunk] == names["items"]


def check_structures(names: dict[str, Any], printed: str) -> None:
    assert names["shared_resource"].written == ["read"]
    assert names["value"] == names["cache"].get("C3") == "spectrum"
    assert names["counter"].value == 1


def check_features(names: dict[str, Any], printed: str) -> None:
    collection = names["collection"]
    table = collection.get_feature("hr_stats").get_data()
    assert len(table) == 20
    for key in ("hr", "hrv"):
        samples = collection.get_signal(key).get_data()[key].to_numpy().reshape(20, 30)
        want = np.stack([samples.mean(1), samples.std(1, ddof=1), samples.min(1), samples.max(1)], axis=1)
        assert table[key].columns.tolist() == [f"{key}_{name}" for name in ("mean", "std", "min", "max")]
        np.testing.assert_allclose(table[key], want, rtol=1e-9)


def check_alignment(names: dict[str, Any], printed: str) -> None:
    collection = names["collection"]
    assert len({each.clock for each in collection.time_series_signals.values()}) == 1
    combined = collection.combine_aligned_signals()
    assert combined.columns.tolist() == ["hr", "hrv", "acc"]
    assert combined.notna().sum().tolist() == [600, 600, 3000]


CHECKS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "Basic Configuration": check_basic,
    "Disable Parallel Processing": check_disabled,
    "Feature Extraction (Automatic)": check_features,
    "Signal Alignment (Automatic)": check_alignment,
    "Manual Parallel Processing": check_manual,
    "Thread-Safe Cache": check_statistics,
    "Batching Logic": check_logic,
    "Adjust Worker Count": check_worker_count,
    "Adjust Batch Size": check_batch_size,
    "Monitor Cache Performance": check_monitor,
    "Custom Parallel Executor": check_executor,
    "Batching Utilities": check_batches,
    "Thread-Safe Data Structures": check_structures,
}


@pytest.fixture(scope="module", autouse=True)
def pools() -> Iterator[None]:
    """Let all blocks share a cluster, which starts once."""
    yield
    set_parallel_config(None)
    close_pools()


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISABLE_PARALLEL", raising=False)
    set_parallel_config(ParallelConfig(max_workers_cpu=2, max_workers_io=2))


def test_every_block_is_run() -> None:
    assert len(BLOCKS) == TEXT.count("```python") == 13
    assert set(BLOCKS) == set(CHECKS)


@pytest.mark.parametrize("heading", CHECKS)
def test_it_runs_as_printed(heading: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = BLOCKS[heading]
    if heading in AFTER:
        code = BLOCKS[AFTER[heading]] + code
    code = code.replace(IMPORTS, f"{IMPORTS}add_signals(collection)\n")
    if heading in ALONE:
        code = "from sleep_analysis.utils import ParallelConfig, set_parallel_config\n" + code
    for earlier, here in PACKAGES.items():
        code = code.replace(f"from {earlier} import ", f"from {here} import ")
    assert "sleep_analysis" not in code
    names = make_names()
    exec(compile(code, heading, "exec"), names)
    printed = capsys.readouterr()
    assert printed.err == ""
    CHECKS[heading](names, printed.out)
