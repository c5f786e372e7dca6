"""One task of the graph: all features of one node for one chunk of epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.features.base import Bounds, Feature, Samples, Sampling, Shared, Values
from sleepdask.features.windows import Windows
from sleepdask.parallel.light import light

STATUSES = ("ok", "partial", "missing", "failed")
STATUS_DTYPE = "<U7"
OK, PARTIAL, MISSING, FAILED = range(len(STATUSES))


@dataclass(frozen=True)
class ChunkResult:
    """What a task returns: a few kilobytes.

    ``values`` (output, epoch, channel); ``status`` (epoch,) indexes `STATUSES`; ``reasons`` maps each cause
    to the epochs it holds for.
    """

    values: Values
    status: NDArray[np.uint8]
    reasons: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class NodeTask:
    """One node's work, a few kilobytes; each task finds its own sample bounds from it.

    `version` is that of a file behind a URL: no value depends on it, but another one is another task to the cache.
    """

    windows: Windows
    edges: tuple[int, ...]
    features: tuple[Feature, ...]
    channels: tuple[str, ...]
    min_coverage: float
    version: str = ""

    @property
    def n_chunks(self) -> int:
        """Number of tasks."""
        return len(self.edges) - 1

    def chunk(self, k: int) -> tuple[tuple[int, int], Bounds, Bounds]:
        """Samples ``[a, b)`` that chunk k needs, and the bounds of its epochs counted from a."""
        starts, stops = self.windows.bounds(self.edges[k], self.edges[k + 1])
        first = min(int(starts.min()), self.windows.size - 1)
        after = max(int(stops.max()), first + 1)  # never none: Dask drops empty blocks
        return (first, after), starts - first, stops - first

    def __call__(self, block: Samples, block_id: tuple[int, ...]) -> NDArray[Any]:
        """Compute chunk ``block_id[1]`` from its samples; gives a `ChunkResult` in an array of one."""
        k = block_id[1]
        _, starts, stops = self.chunk(k)
        sampling = self.windows.sampling(self.edges[k], self.edges[k + 1])
        boxed = np.empty((1, 1), object)
        boxed[0, 0] = self.compute(as_samples(block), starts, stops, sampling)
        return boxed

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> ChunkResult:
        """Compute all features, and mark what is missing or has failed."""
        from sleepdask.features.kernels.counts import finite_counts

        counts = finite_counts(samples, starts, stops)
        too_few = self._too_few(counts, sampling)
        status, reasons = self._coverage(too_few, counts < sampling.expected)
        done = self._shared(samples, starts, stops, sampling)
        parts = [
            done[feature]
            if feature in done
            else self._feature(feature, samples, (starts, stops), sampling, status, reasons)
            for feature in self.features
        ]
        values = np.concatenate([part.transpose(2, 1, 0) for part in parts])
        values[:, too_few.T] = np.nan
        return ChunkResult(values, status, {cause: tuple(epochs) for cause, epochs in reasons.items()})

    def _too_few(self, counts: Bounds, sampling: Sampling) -> NDArray[np.bool_]:
        return counts < np.maximum(1, np.ceil(self.min_coverage * np.asarray(sampling.expected) - 1e-9))

    def _coverage(
        self, too_few: NDArray[np.bool_], short: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint8], dict[str, list[int]]]:
        """Status of each epoch as far as the number of its samples tells."""
        status = np.select([too_few.all(0), short.any(0)], [MISSING, PARTIAL], OK).astype(np.uint8)
        percent = f"fewer than {self.min_coverage:.0%} of the samples"
        reasons = {
            percent: np.flatnonzero(too_few.all(0)).tolist(),
            "some samples are missing": np.flatnonzero((status == PARTIAL) & ~too_few.any(0)).tolist(),
        }
        for channel, few in zip(self.channels, too_few & ~too_few.all(0), strict=True):
            reasons[f"{channel}: {percent}"] = np.flatnonzero(few).tolist()
        return status, {cause: epochs for cause, epochs in reasons.items() if epochs}

    def _shared(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> dict[Feature, Values]:
        """Compute features that have work in common together; without those of a group of which one fails."""
        groups: dict[Shared | None, list[Feature]] = {}
        for feature in self.features:
            groups.setdefault(feature.shared, []).append(feature)
        done: dict[Feature, Values] = {}
        for shared, features in groups.items():
            if shared is None or len(features) == 1:
                continue
            try:
                values = shared.values_of(features, samples, starts, stops, sampling)
            except MemoryError:
                raise
            except Exception:
                continue  # each is computed alone, and tells what is wrong
            wanted = [(len(samples), len(starts), len(feature.outputs)) for feature in features]
            if [part.shape for part in values] == wanted:
                done |= zip(features, values, strict=True)
        return done

    def _feature(
        self,
        feature: Feature,
        samples: Samples,
        bounds: tuple[Bounds, Bounds],
        sampling: Sampling,
        status: NDArray[np.uint8],
        reasons: dict[str, list[int]],
    ) -> Values:
        """Compute one feature; if it raises, epoch by epoch, so that only the bad ones are lost."""
        starts, stops = bounds
        shape = (len(samples), len(starts), len(feature.outputs))
        try:
            values = feature.compute(samples, starts, stops, sampling)
            if values.shape != shape:
                raise ValueError(f"gave values of shape {values.shape}, not (channel, epoch, output) = {shape}")
            return values
        except MemoryError:
            raise
        except Exception as error:
            if len(starts) == 1:
                cause = " ".join(f"{feature.name}: {type(error).__name__}: {error}".split())
                reasons.setdefault(cause, []).append(0)
                status[0] = FAILED
                return np.full(shape, np.nan)
        parts = []
        for i in range(len(starts)):
            one: dict[str, list[int]] = {}
            only = slice(i, i + 1)
            alone = (starts[only], stops[only]), sampling.of(only)
            parts.append(self._feature(feature, samples, *alone, status[only], one))
            for cause in one:
                reasons.setdefault(cause, []).append(i)
        return np.concatenate(parts, axis=1)


def as_samples(block: NDArray[Any]) -> Samples:
    """C-contiguous floating samples; integers become float64."""
    dtype = block.dtype if block.dtype in (np.float32, np.float64) else np.float64
    return np.ascontiguousarray(block, dtype)


@light
def gather(boxes: list[list[NDArray[Any]]]) -> tuple[Values, NDArray[np.str_], NDArray[Any]]:
    """Bring the results of all chunks together.

    Values have dims (output, epoch, channel), the status of each epoch and why it is not ``ok`` (its causes,
    joined by a semicolon) dims (epoch,).
    """
    results: list[ChunkResult] = [box.item() for row in boxes for box in row]
    values = np.concatenate([result.values for result in results], axis=1)
    status = np.array(STATUSES, STATUS_DTYPE).take(np.concatenate([result.status for result in results]))
    return values, status, np.concatenate([_reasons_of(result) for result in results])


def _reasons_of(result: ChunkResult) -> NDArray[Any]:
    texts = np.full(len(result.status), "", object)
    for cause, epochs in result.reasons.items():
        for epoch in epochs:
            texts[epoch] = f"{texts[epoch]}; {cause}" if texts[epoch] else cause
    return texts
