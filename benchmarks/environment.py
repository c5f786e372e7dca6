"""Where the numbers come from: processor, cores, load, versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from dask.system import CPU_COUNT

_PACKAGES = ("sleepdask", "numpy", "scipy", "numba", "dask", "xarray", "pandas")


def describe_environment() -> str:
    """Describe in one line what ran the benchmarks."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {CPU_COUNT} cores, load {load:.1f} at the start; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; {versions}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
