"""Memory of a process and all that it started, together."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

_PSS = "Pss:"
_TELLS_PSS = Path("/proc/self/smaps_rollup").exists()


class Peak:
    """The most memory that a process and its children were seen to have at one time, in MB.

    What several of them share counts once (the proportional set size of Linux). Where the system does not tell that,
    it counts in each of them (resident size), and `by` says so.
    """

    def __init__(self) -> None:
        self.mb = 0.0
        self.by = "PSS" if _TELLS_PSS else "RSS"

    def look(self, pid: int) -> None:
        """Take note of what they have now."""
        total = 0
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.Error, OSError):  # it has ended between
                    total += _proportional(each.pid) if _TELLS_PSS else each.memory_info().rss
        self.mb = max(self.mb, total / 1e6)


def _proportional(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(_PSS)), 0)
