"""Writes the table of what features cost: ``python -m benchmarks.costs``; some minutes on a machine that is idle.

``--only NAME ...`` measures some features anew and keeps the rest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
from scipy.optimize import nnls

from sleepdask.cli.prediction import calibration
from sleepdask.features import Feature, Sampling, catalogue
from sleepdask.features.costs import CALIBRATION, TABLE

_SIZES = ((10, 100), (30, 100), (30, 256), (60, 256))  # seconds and Hz
_HOURS = (0.5, 8.0)
_LINEAR = 0.2  # share by which times may differ from a line
_CHEAP = "statistics:aggregations=mean"
_LOAD = """
from time import perf_counter
import numpy as np
from sleepdask.features import Sampling, create
def once(name):
    create(name).compute(np.zeros((1, 8000), "f4"), np.array([0]), np.array([8000]), Sampling(1000, 8000))
once("statistics")
began = perf_counter()
once({name!r})
first = perf_counter() - began
began = perf_counter()
once({name!r})
print(first - (perf_counter() - began))
"""
Costs = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the table, give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="features to measure; default all, and the rest too")
    parser.add_argument("--output", type=Path, default=TABLE, help="file to write")
    options = parser.parse_args(arguments)
    known = json.loads(TABLE.read_text("utf-8"))
    unit = min(calibration() for _ in range(5))
    speed = (
        unit / known[CALIBRATION] if options.only else 1.0
    )  # in seconds of the machine that the rest was measured on
    table = known if options.only else {CALIBRATION: unit, **_whole(), "features": {}}
    for name, kind in catalogue().items():
        if not options.only or name in options.only:
            table["features"][name] = {"version": kind.version, "load": _load(name) / speed, **fitted(kind(), speed)}
    options.output.write_text(text_of(table), "utf-8")
    return 0


def text_of(table: Costs) -> str:
    """Table as it is written: sorted, three digits, so that a change of one feature is a change of one line."""
    lines = [f' "{key}": {_number(value)}' for key, value in sorted(table.items()) if key != "features"]
    rows = [
        f'  "{name}": {{{", ".join(f"{key!r}: {_number(value)}" for key, value in sorted(row.items()))}}}'
        for name, row in sorted(table["features"].items())
    ]
    return "{\n" + ",\n".join([*lines, ' "features": {\n' + ",\n".join(rows).replace("'", '"') + "\n }"]) + "\n}\n"


def fitted(feature: Feature, speed: float = 1.0) -> Costs:
    """Nanoseconds for each epoch, sample and pair of samples that tell the times of all sizes best."""
    sizes = [(seconds, rate) for seconds, rate in _SIZES if seconds >= feature.minimal_window]
    sizes = sizes or [(round(feature.minimal_window), 100), (round(feature.minimal_window), 256)]
    sizes = [(seconds, max(rate, round(feature.minimal_rate))) for seconds, rate in sizes]
    samples = np.array([seconds * rate for seconds, rate in sizes], float)
    times = np.array([_nanoseconds(feature, seconds * rate, rate) for seconds, rate in sizes]) / speed
    terms = np.stack([np.ones_like(samples), samples, samples**2], axis=1) / times[:, np.newaxis]
    scale, ones = terms.max(axis=0), np.ones(len(times))
    (epoch, sample), misfit = nnls(terms[:, :2] / scale[:2], ones)
    squared = 0.0
    if misfit > _LINEAR * np.sqrt(len(times)):
        (epoch, sample, squared), _ = nnls(terms / scale, ones)
    return {"epoch": epoch / scale[0], "sample": sample / scale[1], "squared": squared / scale[2]}


def _nanoseconds(feature: Feature, samples: int, rate: float) -> float:
    """CPU time of an epoch, the least of some repeats of some epochs of noise."""
    white = np.random.default_rng(1).standard_normal((2, 16 * samples))
    noise = np.ascontiguousarray(20 * (white + np.cumsum(white, axis=1) / 20), np.float32)
    starts = np.arange(16) * samples
    count, best = 1, np.inf
    for _ in range(12):
        began = process_time()
        feature.compute(noise, starts[:count], starts[:count] + samples, Sampling(rate, samples))
        taken = process_time() - began
        if taken < 0.1 and count < 16:
            count, best = min(16, 2 * count), np.inf
            continue
        best = min(best, taken / (2 * count))
        if taken > 1:
            break
    return best * 1e9


def _load(name: str) -> float:
    """Seconds to load compiled kernels in a new process."""
    command = [sys.executable, "-c", _LOAD.format(name=name)]
    runs = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3)]
    return max(0.0, min(runs))


def _whole() -> Costs:
    """Seconds of a job that computes next to nothing, and nanoseconds more for each sample that is decoded."""
    from sleepdask.simulate import simulate_night

    seconds, samples = [], []
    with TemporaryDirectory() as folder:
        for hours in _HOURS:
            psg, _ = simulate_night(hours).write(Path(folder), f"night-{hours:g}h")
            runs = [_extracted(psg, "threads") for _ in range(3)]
            seconds.append(median(run["seconds"] for run in runs))
            samples.append(_decoded(psg))
        processes = median(_extracted(psg, "processes")["seconds"] for _ in range(3)) - seconds[-1]
    per_sample = (seconds[1] - seconds[0]) / (samples[1] - samples[0])
    return {
        "start": seconds[0] - per_sample * samples[0],
        "reading": per_sample * 1e9,
        "processes": max(0.0, processes),
    }


def _extracted(psg: Path, backend: str) -> Costs:
    words = ["--features", _CHEAP, "--backend", backend, "--workers", "1", "-o", f"{psg}.out", "--force", "--json"]
    return _told(["extract", str(psg), *words])


def _decoded(psg: Path) -> int:
    plan = _told(["extract", str(psg), "--features", _CHEAP, "-o", f"{psg}.out", "--dry-run", "--json"])
    return sum(node["decoded_bytes"] // 4 for node in plan["nodes"])


def _told(words: Sequence[str]) -> Costs:
    done = subprocess.run([sys.executable, "-m", "sleepdask", *words, "--quiet"], capture_output=True, text=True)
    told: Costs = json.loads(done.stdout)
    return told


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{float(f'{value:.3g}'):.10g}"


if __name__ == "__main__":
    sys.exit(main())
