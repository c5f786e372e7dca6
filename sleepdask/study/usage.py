"""What a task costs: seconds, and the most memory of its process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from time import perf_counter


class Usage:
    """Counts from when it is made.

    The peak is that of the whole process, other threads included. Where the system cannot count it anew (anything but
    Linux), it is the highest since the process began.
    """

    def __init__(self) -> None:
        self._began = perf_counter()
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            self._anew = False
        else:
            self._anew = True

    @property
    def seconds(self) -> float:
        """Time since it was made."""
        return perf_counter() - self._began

    @property
    def peak_memory(self) -> int:
        """Bytes."""
        if self._anew:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
