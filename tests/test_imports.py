"""What importing costs: nothing heavy is loaded before it is used, and nothing is printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = "{'distributed', 'numba', 'matplotlib', 'pyarrow.parquet', 'zarr', 'edfio', 'scipy.signal'}"


def python(code: str, **options: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("statement", ["import sleepdask", "import sleepdask.cli, sleepdask.cli.main"])
def test_import_adds_nothing_heavy_to_xarray_and_dask(statement: str) -> None:
    before = "import sys, xarray, dask.array; before = set(sys.modules)"
    assert python(f"{before}; {statement}; print(({HEAVY} & set(sys.modules)) - before)") == "set()\n"


def test_import_alone_loads_neither_xarray_nor_dask() -> None:
    assert python("import sys, sleepdask; print({'xarray', 'dask', 'numpy'} & set(sys.modules))") == "set()\n"


def test_building_a_graph_loads_no_compiler() -> None:
    code = """
import sys, numpy as np, sleepdask as sd
night = sd.recording_from_arrays({"C3": np.zeros(8_640_000, "f4")}, rate=100).chunk({"time": 1_000_001})
lazy = sd.extract(night, [sd.features.Statistics(), sd.features.BandPower(), sd.features.Hjorth()])
assert len(lazy["100Hz/mean"].data.dask) > 20
print({"numba", "distributed", "matplotlib"} & set(sys.modules))
"""
    assert python(code) == "set()\n"


def test_aligning_loads_no_compiler() -> None:
    code = """
import sys, numpy as np, sleepdask as sd
night = sd.recording_from_arrays({"C3": np.zeros(86_400, "f4")}, rate=100)
for method in ("nearest", "linear", "mean"):
    sd.align.combine_signals(sd.align.align_signals(night.chunk({"time": 10_000}), 64, method=method))
print({"numba", "distributed", "matplotlib", "scipy.signal"} & set(sys.modules))
"""
    assert python(code) == "set()\n"


def test_filtering_loads_no_compiler() -> None:
    code = """
import sys, numpy as np, sleepdask as sd
night = sd.recording_from_arrays({"C3": np.zeros(86_400, "f4"), "M1": np.zeros(86_400, "f4")}, rate=100)
for lazy in (night, night.chunk({"time": 10_000})):
    lazy = sd.filters.rereference(lazy, "M1")
    lazy = sd.filters.notch(sd.filters.bandpass(lazy, 0.3, 35, method="iir"), 40)
    sd.filters.detrend(sd.filters.resample(lazy, 64))
print({"numba", "distributed", "matplotlib", "scipy.signal"} & set(sys.modules))
"""
    assert python(code) == "set()\n"


def test_help_loads_no_array_library() -> None:
    code = """
import sys
from sleepdask.cli import main
try:
    main(["--help"])
except SystemExit as stop:
    assert stop.code == 0
print({"numpy", "xarray", "dask", "numba"} & set(sys.modules))
"""
    assert python(code).endswith("set()\n")


def test_kernels_are_cached_when_the_package_cannot_be_written(tmp_path: Path) -> None:
    """A copy of the package whose folders refuse files (root ignores modes, so a file takes the cache's place)."""
    import shutil

    import sleepdask

    package = Path(sleepdask.__file__).parent
    copy = tmp_path / "site" / "sleepdask"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "features" / "kernels" / "__pycache__").write_text("not a folder")
    home = tmp_path / "home"
    home.mkdir()
    code = """
import numpy as np, sleepdask
from sleepdask.features.kernels.counts import _count, finite_counts
finite_counts(np.zeros((1, 8), "f4"), np.array([0]), np.array([8]))
print(sleepdask.__file__)
"""
    environment = {"HOME": str(home), "PYTHONPATH": str(copy.parent), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    )
    assert done.stdout.startswith(str(copy))
    assert list(home.rglob("*.nbc")), "the user's cache holds no compiled kernel"
