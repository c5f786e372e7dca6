"""The most memory of this process while it works, above what it had before; needs the standard library alone."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable
from pathlib import Path


def peak_above_idle(work: Callable[[], object]) -> dict[str, float | str]:
    """Do the work; say by how many MB memory rose at its peak, from where, and who counted it."""
    gc.collect()
    idle = _status("VmRSS")
    forgotten = _forget_peak()
    work()
    peak = _status("VmHWM") if forgotten else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {"peak_mb": peak - idle, "idle_mb": idle, "by": "VmHWM" if forgotten else "ru_maxrss"}


def _forget_peak() -> bool:
    """Let the kernel count the peak anew; where it may not, that of the imports is in the way."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _status(field: str) -> float:
    """Read a size of this process in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{field}:"))
