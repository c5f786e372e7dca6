"""What a user waits for before any work: imports, help, opening, compiling."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.children import run_python, run_sleepdask
from benchmarks.nights import NightFile
from benchmarks.table import Row, at_most, row
from benchmarks.timing import Case, Ratio, take_turns

BASE = "import xarray, dask.array"
_OURS = "import sleepdask"
_COLD, _CACHED = "all kernels: compiled", "all kernels: loaded from the cache"
_FIRST_USE = "import sleepdask as sd; sd.open_recording, sd.extract, sd.to_dataframe"
_KERNELS = """
import time, numba, numpy
from benchmarks.work import DEFAULTS
from sleepdask.features import BandPower, Sampling
samples = numpy.random.default_rng(0).standard_normal((2, 2000)).astype("float32")
starts, sampling = numpy.array([0, 1000]), Sampling(100.0, 1000)
began = time.perf_counter()
for feature in (*DEFAULTS, BandPower("yasa")):
    feature.compute(samples, starts, starts + 1000, sampling)
print(time.perf_counter() - began)
"""


def start_rows(repeats: int) -> list[Row]:
    """Time fresh processes, each as a whole."""
    cases = [
        Case(BASE, _silent(BASE)),
        Case(_OURS, _silent(_OURS)),
        Case("import sleepdask and its main functions", _silent(_FIRST_USE)),
        Case("sleepdask --help", _help),
        Case("python, nothing imported", _silent("pass")),
    ]
    series = take_turns(cases, repeats)
    aims = {_OURS: at_most(f"ours / {BASE}", Ratio.of(series[_OURS], series[BASE]), 1.2)}
    return [row(one, series[BASE], aims.get(name)) for name, one in series.items()]


def kernel_rows(repeats: int) -> list[Row]:
    """Time the first use of all kernels with an empty cache, and with the cache that it left."""
    with TemporaryDirectory() as folder:
        fresh = (str(Path(folder, str(turn))) for turn in range(repeats))
        caches: list[str] = []

        def compiled() -> float:
            caches.append(next(fresh))
            return _load_kernels(caches[-1])

        def loaded() -> float:
            return _load_kernels(caches[-1])

        note = "first call of all features in a fresh process, numba already imported"
        series = take_turns(
            [Case(_COLD, compiled, warm=False, note=note), Case(_CACHED, loaded, warm=False, note=note)], repeats
        )
    return [row(series[_COLD]), row(series[_CACHED])]


def extract_rows(night: NightFile, repeats: int) -> list[Row]:
    """Time the command as a user runs it."""
    case = Case("sleepdask extract", partial(_extract, night.path), note="all default features, table, picture")
    return [row(take_turns([case], repeats)[case.name])]


def _silent(code: str) -> Callable[[], None]:
    def run() -> None:
        run_python(code)

    return run


def _help() -> None:
    run_sleepdask("--help")


def _load_kernels(cache: str) -> float:
    return float(run_python(_KERNELS, more={"NUMBA_CACHE_DIR": cache}))


def _extract(path: Path) -> None:
    with TemporaryDirectory() as folder:
        # 3 is done, with findings.
        run_sleepdask("extract", str(path), "-o", folder, "--force", "--quiet", accepted=(0, 3))
