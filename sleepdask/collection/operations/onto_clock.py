"""The operation that puts one signal onto a common clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from sleepdask.align import align_signals
from sleepdask.signals.clock import Clock
from sleepdask.signals.clock_json import clock_from_document
from sleepdask.times import Duration

_NODE = "signal"


def align_to_clock(
    signal: xr.Dataset,
    *,
    clock: Mapping[str, Any],
    method: str = "nearest",
    tolerance: Duration | None = None,
    limit: Duration | None = None,
) -> xr.Dataset:
    """Signal on the clock that a document tells, as `sleepdask.align.align_signals` puts it there."""
    tree = xr.DataTree.from_dict({_NODE: signal})
    target = clock_from_document(clock)
    assert isinstance(target, Clock)
    aligned = align_signals(tree, onto=target, method=method, tolerance=tolerance, limit=limit)
    return aligned.children[_NODE].to_dataset(inherit=False)
