"""Which channels of several recordings follow each other on one node, and which of them cannot be joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock
from sleepdask.signals.joined_array import Piece, Source
from sleepdask.signals.recording import SIGNAL
from sleepdask.signals.timestamps import AnyClock, Timestamps
from sleepdask.times import describe_span, describe_time
from sleepdask.zones import Zone

TOLERANCE_NS = 1_000_000  # as between the data records of EDF+D, whose writers round times


@dataclass(frozen=True, eq=False)
class Part:
    """A node of signals of one recording.

    Parameters
    ----------
    source
        Name of the recording, for messages.
    name
        Of the node.
    signals, clock
        What it holds.
    zone
        Time zone of its clock, for messages.
    """

    source: str
    name: str
    signals: xr.Dataset
    clock: AnyClock
    zone: Zone | None = None

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each channel.

        Raises
        ------
        ParameterError
            Two channels have one name.
        """
        names = self.signals["channel"].values.tolist()
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ParameterError(f"two channels are called {twice[0]!r}", where=self.source, fix="rename one of them")
        return {str(name): row for row, name in enumerate(names)}

    @cached_property
    def details(self) -> dict[str, list[Any]]:
        """What is said of each channel, by coordinate."""
        coords = self.signals.coords.items()
        return {str(name): c.values.tolist() for name, c in coords if c.dims == ("channel",) and name != "channel"}

    @cached_property
    def signal(self) -> xr.Variable:
        """Samples, dims (channel, time)."""
        return self.signals[SIGNAL].variable.transpose("channel", "time")


@dataclass(eq=False)
class Lane:
    """Channels that share a node, and the parts that hold some of them.

    Parameters
    ----------
    name
        Name of the node in the recordings.
    parts
        In order of time.
    channels
        Where each was met first: number of the part, and row.
    """

    name: str
    parts: dict[int, Part] = field(default_factory=dict)
    channels: dict[str, tuple[int, int]] = field(default_factory=dict)

    def takes(self, parts: dict[int, Part]) -> bool:
        """Whether other channels can share the node: they come from the same parts, or are on the same clocks."""
        mine = next(iter(self.parts.values()))
        theirs = next(iter(parts.values()))
        if (self.name, mine.clock.pace) != (theirs.name, theirs.clock.pace):
            return False
        ours, others = ({part.clock for part in each.values()} for each in (self.parts, parts))
        return (bool(self.parts.keys() & parts.keys()) or ours == others) and first_overlap(ours | others) is None

    def add(self, parts: dict[int, Part], channels: Iterable[str]) -> None:
        """Take channels that all these parts hold, and they alone."""
        self.parts = dict(sorted((self.parts | parts).items()))
        first = min(parts)
        self.channels |= {channel: (first, parts[first].rows[channel]) for channel in channels}
        self.channels = dict(sorted(self.channels.items(), key=lambda item: item[1]))

    @property
    def pieces(self) -> tuple[list[Piece], AnyClock]:
        """Samples in order of time, and their clock; what continues within the tolerance has no gap before it."""
        sources: dict[AnyClock, list[Source]] = {}
        to = {channel: k for k, channel in enumerate(self.channels)}
        for part in self.parts.values():
            taken = [(row, to[channel]) for channel, row in part.rows.items() if channel in to]
            source = Source(part.signal, tuple(row for row, _ in taken), tuple(place for _, place in taken))
            sources.setdefault(part.clock, []).append(source)
        runs = sorted(
            (start, n, k)
            for n, clock in enumerate(sources)
            for k, (start, size) in enumerate(zip(clock.spans[0].tolist(), np.diff(clock.first).tolist(), strict=True))
            if size
        )
        clocks = list(sources)
        pieces, each = [], []
        for n, group in groupby(runs, key=lambda run: run[1]):
            numbers = [k for _, _, k in group]
            first, after = (int(clocks[n].first[k]) for k in (numbers[0], numbers[-1] + 1))
            pieces.append(Piece(tuple(sources[clocks[n]]), first, after - first))
            each.append(clocks[n].isel(slice(first, after)))
        return pieces, _joined(each)

    def holders(self, channel: str) -> list[Part]:
        """Parts that hold a channel."""
        return [part for part in self.parts.values() if channel in part.rows]


def lanes(parts: Sequence[Part]) -> list[Lane]:
    """Put channels onto nodes.

    A channel follows itself in time. Channels of one rate share a node where none of their parts overlap, unless on
    the same clock, and where they share a recording, or all their clocks.

    Raises
    ------
    ParameterError
        A channel is in two recordings at one time.
    """
    numbered = dict(enumerate(parts))
    homes: dict[str, list[int]] = {}
    for n, part in numbered.items():
        for channel in part.rows:
            homes.setdefault(channel, []).append(n)
    for together, channels in _alike(homes).items():
        _check_times([parts[n] for n in together], channels)
    of_node: dict[tuple[str, Any, str], list[int]] = {}
    for channel, at in homes.items():
        for n in at:
            of_node.setdefault((parts[n].name, parts[n].clock.pace, channel), []).append(n)
    made: list[Lane] = []
    for (name, _, *numbers), keys in _alike({key: [*key[:2], *at] for key, at in of_node.items()}).items():
        chosen = {n: parts[n] for n in numbers}
        lane = next((lane for lane in made if lane.takes(chosen)), None)
        if lane is None:
            made.append(lane := Lane(name))
        lane.add(chosen, [channel for _, _, channel in keys])
    return made


def first_overlap(clocks: Iterable[AnyClock]) -> tuple[int, int, int, int] | None:
    """First two clocks that have samples at one time, by their numbers, and from when to when; None if none do."""
    clocks = list(clocks)
    spans = [_taken(clock) for clock in clocks]
    start, end = (np.concatenate([span[i] for span in spans]) for i in (0, 1))
    owner = np.repeat(np.arange(len(clocks)), [len(span[0]) for span in spans])
    order = np.lexsort((end, start))
    order = order[end[order] > start[order]]  # no runs without samples
    start, end, owner = start[order], end[order], owner[order]
    over = np.flatnonzero(start[1:] < np.maximum.accumulate(end)[:-1] - TOLERANCE_NS)
    if not over.size:
        return None
    k = int(over[0]) + 1
    j = int(np.argmax(end[:k]))
    return int(owner[j]), int(owner[k]), int(start[k]), int(min(end[j], end[k]))


def _taken(clock: AnyClock) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and end of each stretch of samples, as far as another one cannot begin there.

    After the last of timestamps one can at any time: they have no period to wait for.
    """
    start, end = clock.spans
    if isinstance(clock, Timestamps) and clock.size:
        end = clock.stamps[clock.first[1:] - 1] + 1 + TOLERANCE_NS
    return start, end


def _joined(clocks: Sequence[AnyClock]) -> AnyClock:
    """One clock of several that follow each other: all are rules of one rate, or all are timestamps."""
    rules = [clock for clock in clocks if isinstance(clock, Clock)]
    stamps = [clock for clock in clocks if isinstance(clock, Timestamps)]
    return Timestamps.joined(stamps) if stamps else Clock.joined(rules, tolerance=TOLERANCE_NS)


def _alike(groups: dict[Any, list[Any]]) -> dict[tuple[Any, ...], list[Any]]:
    """Keys by what they have in common."""
    alike: dict[tuple[Any, ...], list[Any]] = {}
    for key, values in groups.items():
        alike.setdefault(tuple(values), []).append(key)
    return alike


def _check_times(parts: Sequence[Part], channels: Sequence[str]) -> None:
    if len(parts) < 2 or not (overlap := first_overlap(part.clock for part in parts)):
        return
    one, other, start, end = overlap
    more = f" and {len(channels) - 1} more" if channels[1:] else ""
    low, high = (describe_time(moment, unit="ms", zone=parts[one].zone) for moment in (start, end))
    raise ParameterError(
        f"channel {channels[0]!r}{more} would have two values at one time",
        where=" and ".join(sorted({parts[one].source, parts[other].source})),
        expected="files that follow each other, or hold other channels",
        found=f"an overlap of {describe_span(end - start)}, from {low} to {high}",
        fix="leave one of them out, or open each, rename the channel or select the time to keep, and join_recordings",
    )
