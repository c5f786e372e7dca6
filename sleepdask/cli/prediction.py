"""How long an extraction will take: its plan, the table of costs, and a moment of work on this machine."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from dask.system import cpu_count
from numpy.typing import NDArray

from sleepdask.features.base import Feature, Sampling
from sleepdask.features.costs import CALIBRATION, cost_of, costs
from sleepdask.features.own import FunctionFeature
from sleepdask.features.plan import ExtractionPlan, NodePlan
from sleepdask.parallel.backends import backend_name, graph_workers
from sleepdask.parallel.config import ParallelConfig

_REPEATS = 40  # of which the least counts: what else runs here comes and goes
_LONG_ENOUGH = 0.02  # seconds for one feature that the table does not know
_MOST_EPOCHS = 64


def add_prediction(summary: dict[str, Any], plan: ExtractionPlan, config: ParallelConfig) -> None:
    """Put into the summary of a plan how many seconds it will take: of all, and of work of each feature of a node.

    ``predicted_seconds`` of the whole is what the verb tells at its end, with kernels that are compiled already.
    A feature that cannot even be computed on noise has none, and is noted.
    """
    table, speed = costs(), calibration() / costs()[CALIBRATION]
    in_turns = together = longest = 0.0
    for told, node in zip(summary["nodes"], plan.nodes.values(), strict=True):
        seconds = {feature.name: _node_seconds(feature, node, speed) for feature in node.task.features}
        told["predicted_seconds"] = {name: None if one is None else _short(one) for name, one in seconds.items()}
        summary["notes"] += [
            f"{told['node']}: no time is told for {name}, as it failed on noise"
            for name, one in seconds.items()
            if one is None
        ]
        turns = sum(seconds[each.name] or 0 for each in node.task.features if isinstance(each, FunctionFeature))
        node_seconds = sum(one or 0 for one in seconds.values()) - turns
        node_seconds += told["decoded_bytes"] / node.signals["signal"].dtype.itemsize * table["reading"] / 1e9 * speed
        in_turns, together = in_turns + turns, together + node_seconds
        longest = max(longest, (node_seconds + turns) / node.task.n_chunks)
    workers = max(1, min(graph_workers(config), cpu_count(), summary["tasks"]))
    processes = backend_name(config) not in ("threads", "sync")
    if processes:  # Python's lock is none between them
        in_turns, together = 0.0, together + in_turns
    loads = sum(costs()["features"].get(name, {}).get("load", 0.0) for name in _names(plan))
    start = (table["start"] + loads + (table["processes"] if processes else 0)) * speed
    summary["predicted_seconds"] = _short(start + max(longest, in_turns + together / workers))


def calibration() -> float:
    """Seconds that the fixed piece of work takes here and now: it compares a machine with that of the table."""
    rows = _noise(48_000).reshape(16, -1)
    times = []
    for _ in range(_REPEATS):
        began = perf_counter()
        for _ in range(4):
            np.sort(np.abs(np.fft.rfft(rows, axis=1)) ** 2, axis=1)
        times.append(perf_counter() - began)
    return min(times)


def measured(feature: Feature, samples: int, rate: float) -> float | None:
    """Seconds that one epoch of so many samples of noise takes here; None if it fails."""
    noise = _noise(samples * _MOST_EPOCHS)[np.newaxis]
    starts = np.arange(_MOST_EPOCHS) * samples
    sampling = Sampling(rate, samples)
    try:
        feature.compute(noise, starts[:1], starts[:1] + samples, sampling)
        count = 1
        while True:
            began = perf_counter()
            feature.compute(noise, starts[:count], starts[:count] + samples, sampling)
            taken = perf_counter() - began
            if taken >= _LONG_ENOUGH or count == _MOST_EPOCHS:
                return taken / count
            count = min(_MOST_EPOCHS, 4 * count)
    except Exception:
        return None


def _node_seconds(feature: Feature, node: NodePlan, speed: float) -> float | None:
    """Work for one feature of all epochs and channels of a node."""
    windows = node.task.windows
    samples = int(np.max(windows.sampling(0, windows.count).expected))
    cost = cost_of(feature)
    one = measured(feature, samples, windows.rate) if cost is None else cost.seconds(samples) * speed
    return None if one is None else one * windows.count * len(node.task.channels)


def _names(plan: ExtractionPlan) -> set[str]:
    return {feature.name for node in plan.nodes.values() for feature in node.task.features}


def _noise(count: int) -> NDArray[np.float32]:
    """Signal like an EEG: noise with less power at higher frequencies."""
    white = np.random.default_rng(1).standard_normal(count)
    return (20 * (white + np.convolve(white, np.hanning(32), "same"))).astype(np.float32)


def _short(seconds: float) -> float:
    """Two digits: no more is known."""
    return float(f"{seconds:.2g}")
