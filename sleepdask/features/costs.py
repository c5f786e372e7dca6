"""What features cost: a table that was measured with default parameters, and how it is read.

The times in it are those of one machine. They say what costs more than what; how fast another machine is shows when a
fixed piece of work is done there (`CALIBRATION`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sleepdask.features.base import Feature
from sleepdask.features.code import is_ours

TABLE = Path(__file__).with_name("costs.json")
CALIBRATION = "calibration"


@dataclass(frozen=True)
class Cost:
    """Time that one epoch of one channel takes, by the number of its samples.

    Parameters
    ----------
    epoch
        Nanoseconds whatever it holds.
    sample
        Nanoseconds for each sample.
    squared
        Nanoseconds for each pair of samples, for what grows so.
    """

    epoch: float
    sample: float
    squared: float = 0.0

    def seconds(self, samples: float) -> float:
        """Time of an epoch of so many samples, on the machine of the table."""
        return (self.epoch + samples * (self.sample + samples * self.squared)) / 1e9


def cost_of(feature: Feature) -> Cost | None:
    """Cost of a feature; None where the table has none for it: other parameters, another version, one of your own."""
    kind = type(feature)
    known = costs()["features"].get(kind.name)
    if known is None or not is_ours(kind) or known["version"] != kind.version or feature != kind():
        return None
    return Cost(known["epoch"], known["sample"], known["squared"])


@cache
def costs() -> Mapping[str, Any]:
    """The table: ``features`` by name, and the seconds of other work; see `TABLE`."""
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return table
