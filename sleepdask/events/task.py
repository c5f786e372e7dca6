"""One task: the events of one channel of a night (of two for rapid eye movements), found by YASA."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.events.kinds import TIME, kind_of
from sleepdask.hypnogram import STAGES, UNSCORED
from sleepdask.signals.clock import Clock

if TYPE_CHECKING:
    import pandas as pd

SHORTEST = 30.0
"""Seconds of samples without a gap that YASA is asked about: its filters are up to 16.5 s long."""
_UNSCORED_CODE = -2
_SMALLEST, _LARGEST = 0.1, 1000.0  # trimmed standard deviation in uV beyond which YASA takes a channel for a wrong one

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Detected:
    """What was found in one channel.

    ``columns`` are those of the kind, and ``stage``, one value an event, in order of time; ``looked_at`` holds start
    and end of the times that were searched, ns, dims (stretch, 2); ``notes`` say what was not.
    """

    columns: dict[str, NDArray[Any]]
    looked_at: NDArray[np.int64]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Detection:
    """The work of one channel: a few kilobytes.

    ``scores`` are (first sample, sample after the last, stage), in order of time; None where there is no hypnogram.
    ``stages`` are those that are searched; None: all, and what is not scored. ``parameters`` are (name, value).
    """

    kind: str
    channel: str
    clock: Clock
    scores: tuple[tuple[int, int, str], ...] | None
    stages: tuple[str, ...] | None
    parameters: tuple[tuple[str, Any], ...]

    def __call__(self, block: NDArray[Any]) -> NDArray[Any]:
        """Find the events in all samples, dims (channel, time); gives a `Detected` in an array of one."""
        boxed = np.empty(1, object)
        boxed[0] = self.detect(np.asarray(block))
        return boxed

    def detect(self, samples: NDArray[Any]) -> Detected:
        """Find the events in each stretch of samples without a gap."""
        codes = self._codes()
        wanted = self._wanted(codes)
        tables, looked_at, notes = [], [], []
        skipped = 0
        for first, last in self._stretches(np.isfinite(samples).all(axis=0)):
            inside = wanted[first:last]
            if not inside.any():
                continue
            if last - first < SHORTEST * self.clock.rate:
                skipped += int(inside.sum())
                continue
            stretch = samples[:, first:last].astype(np.float64)
            if spread := _odd_spread(stretch):
                notes.append(
                    f"{self.channel}: {self._text(first)} to {self._text(last - 1)} was not searched: {spread}"
                )
                continue
            found = self._found(stretch, None if codes is None else codes[first:last])
            tables.append(self._columns(found, first))
            looked_at += [(first + a, first + b) for a, b in _runs(inside)]
        if skipped:
            seconds = skipped / float(self.clock.rate)
            notes.append(
                f"{self.channel}: {seconds:g} s were not searched: "
                f"they lie in stretches of less than {SHORTEST:g} s without a gap"
            )
        columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} if tables else None
        return Detected(self._columns(None, 0) if columns is None else columns, self._spans(looked_at), tuple(notes))

    def _found(self, samples: Samples, codes: NDArray[np.int8] | None) -> pd.DataFrame | None:
        kind = kind_of(self.kind)
        options = dict(self.parameters) | {"verbose": "critical"}
        if codes is not None:
            options["hypno"] = codes
            options["include"] = tuple(_code(stage) for stage in self.stages or (*STAGES, UNSCORED))
        detector = getattr(_yasa(), kind.function)
        rate = float(self.clock.rate)
        if len(samples) == 2:
            result = detector(samples[0], samples[1], rate, **options)
        else:
            result = detector(samples, rate, [self.channel], **options)
        return None if result is None else result.summary()

    def _columns(self, found: pd.DataFrame | None, first: int) -> dict[str, NDArray[Any]]:
        """Columns by our names; times are those of the samples that YASA counts from the first of the stretch."""
        size = 0 if found is None else len(found)
        columns: dict[str, NDArray[Any]] = {}
        for column in kind_of(self.kind).columns:
            values = np.full(size, np.nan)
            if found is not None and column.yasa in found:
                values = found[column.yasa].to_numpy(np.float64)
            columns[column.name] = self._times(values, first) if column.units == TIME else values
        stages = np.full(size, UNSCORED, "<U2")
        if found is not None and "Stage" in found:
            names = {_code(stage): stage for stage in STAGES}
            stages[:] = [names.get(int(code), UNSCORED) for code in found["Stage"]]
        return columns | {"stage": stages}

    def _times(self, seconds: Samples, first: int) -> NDArray[Any]:
        known = np.isfinite(seconds)
        times = np.full(seconds.shape, np.iinfo(np.int64).min).view(self.clock.dtype)  # NaT
        times[known] = self.clock.times(first + np.rint(seconds[known] * float(self.clock.rate)).astype(np.int64))
        return times

    def _codes(self) -> NDArray[np.int8] | None:
        """Stage of each sample as YASA numbers them."""
        if self.scores is None:
            return None
        codes = np.full(self.clock.size, _UNSCORED_CODE, np.int8)
        for first, last, stage in self.scores:
            codes[first:last] = _code(stage)
        return codes

    def _wanted(self, codes: NDArray[np.int8] | None) -> NDArray[np.bool_]:
        if codes is None or self.stages is None:
            return np.ones(self.clock.size, bool)
        return np.isin(codes, [_code(stage) for stage in self.stages])

    def _stretches(self, finite: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Half-open ranges of samples without a gap in time, and without a missing one."""
        edges = self.clock.first
        return [(int(a) + first, int(a) + last) for a, b in pairwise(edges) for first, last in _runs(finite[a:b])]

    def _spans(self, ranges: list[tuple[int, int]]) -> NDArray[np.int64]:
        bounds = np.array(ranges, np.int64).reshape(-1, 2)
        start = self.clock.times(bounds[:, 0]).astype(np.int64)
        last = self.clock.times(bounds[:, 1] - 1).astype(np.int64)
        return np.stack([start, last + self.clock.num // self.clock.den], axis=1)

    def _text(self, sample: int) -> str:
        return str(self.clock.times(sample).astype(self.clock.dtype).astype("M8[s]" if self.clock.dated else "m8[s]"))


def _yasa(module: str = "yasa") -> Any:
    return import_module(module)  # looked up by name because it ships no type information


def _code(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else _UNSCORED_CODE


def _odd_spread(samples: Samples) -> str:
    """Why YASA would take a channel for a wrong one, if it would."""
    for row in samples:
        spread = float(_yasa("yasa.others").trimbothstd(row, cut=0.05))
        if not _SMALLEST < spread < _LARGEST:
            limits = f"{_SMALLEST:g} to {_LARGEST:g} uV"
            return f"the trimmed standard deviation of the samples is {spread:.3g} uV, and YASA takes {limits} only"
    return ""


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges in which all flags are set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
