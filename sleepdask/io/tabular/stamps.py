"""Stamps of some texts: what every way to read times gives, and the calendar behind it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sleepdask.io.streams import NAT

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_FIRST_DAY, _LAST_DAY = (-(2**63) // DAY) + 2, (2**63 - 1) // DAY - 2  # days within 64 bits, whatever the offset


class Stamps(NamedTuple):
    """Times of some rows.

    Parameters
    ----------
    stamps
        ns since 1970, `NAT` where nothing can be read.
    aware, naive
        How many of the others were written with an offset from UTC, and how many without.
    resolution
        Of the finest of them as it is written, in ns; 0 if there are none.
    """

    stamps: NDArray[np.int64]
    aware: int
    naive: int
    resolution: int


def days_since_1970(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days from 1970 to dates, and whether there are such dates, within what 64-bit nanoseconds hold.

    Examples
    --------
    >>> days_since_1970(np.array([2024, 2023]), np.array([2, 2]), np.array([29, 29]))
    (array([19782, 19417]), array([ True, False]))
    """
    months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    days = first + day - 1
    good = (month >= 1) & (month <= 12) & (day >= 1) & (days < after) & (days >= _FIRST_DAY) & (days <= _LAST_DAY)
    return days, good


def nothing(size: int) -> Stamps:
    """Stamps of which none can be read."""
    return Stamps(np.full(size, NAT, np.int64), 0, 0, 0)
