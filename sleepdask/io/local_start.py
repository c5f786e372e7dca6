"""The local time at which a recording starts, put into its time zone: one instant, from which all else counts."""

from __future__ import annotations

import os

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.times import describe_time
from sleepdask.zones import Zone


def start_utc(local: int, zone: Zone, findings: Findings) -> int:
    """Instant of a local start, ns since 1970.

    One that came twice, or never was, as the clock was changed, is a guess: the clock is taken to have stood as before.

    Raises
    ------
    FileFormatError
        It is such a time, and the policy allows no guess.
    """
    if doubt := zone.doubt(local):
        clocks = f"timezone='{zone.name}{doubt.before}' or timezone='{zone.name}{doubt.after}'"
        refusal = FileFormatError(
            f"the start {doubt.what}",
            where=os.fspath(findings.path),
            found=describe_time(local),
            fix=f"say which clock it was with {clocks}",
        )
        findings.guess("clock-change", refusal, f"its clock is taken to stand at {doubt.before}")
    return int(zone.utc(local)[0])
