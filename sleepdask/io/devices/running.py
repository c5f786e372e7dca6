"""Clocks that run on while they record: set once, in local time, and not changed with those of the country."""

from __future__ import annotations

from sleepdask.findings import Findings
from sleepdask.io.local_start import start_utc
from sleepdask.zones import Zone


def shift_to_utc(start: int, timezone: str | None, findings: Findings) -> int | None:
    """What makes instants of the times of such a clock: what lies between its local start and that in UTC, in ns.

    None without a zone: its times are then local. In the night in which clocks are changed, it runs on.

    Raises
    ------
    FileFormatError
        The start came twice in the zone, or never was, and the policy allows no guess.
    """
    return None if timezone is None else start_utc(start, Zone.of(timezone), findings) - start
