"""Faults of EDF files as data: how the bytes are made, what they mean, and whether a reader got it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path

import numpy as np
from edf_deviations import deviations, garbled, renamed, seconds
from edf_readings import Channel, Reading
from edf_recipes import Recipe, Signal

START = "1989-04-24T23:05:00"
_SPECIAL = ("EDF Annotations", "BDF Annotations", "Crc16")


@dataclass(frozen=True)
class Fault:
    """A file that is not as the specification has it, or that is and is often misread.

    Parameters
    ----------
    name, title
        Short name, and what is odd in words.
    file
        What is written.
    means
        The same recording as the specification would have it; None if nobody can tell.
    policy
        The strictest one that reads it; "none" if it is refused under all.
    codes
        Codes of the findings, in order.
    told
        Part of what is said: in the error where it is refused, else in a finding.
    start
        As the header means it; None if nobody knows.
    onsets
        Seconds from there on at which each data record begins, if not one after the other from 0 on.
    missing
        Labels of channels whose values nobody can tell.
    names
        Names of the channels, where these are not the labels of `means`.
    notes
        Onset in seconds after `start`, duration and text of each annotation.
    lost
        What nobody can read, and a reader must say so.
    suffix, pack
        End of the name of the file; and what is done to its bytes.
    """

    name: str
    title: str
    file: Recipe
    means: Recipe | None
    _: KW_ONLY
    policy: str = "warn"
    codes: tuple[str, ...] = ()
    told: str = ""
    start: str | None = START
    onsets: Sequence[float] = ()
    missing: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[tuple[float, float | None, str], ...] = ()
    lost: str = ""
    suffix: str = ".edf"
    pack: Callable[[bytes], bytes] = field(default=bytes)

    def write(self, folder: Path) -> Path:
        """Write the file into a folder."""
        path = folder / f"{self.name}{self.suffix}"
        path.write_bytes(self.pack(self.file.content()))
        return path

    def truth(self) -> Reading:
        """What a reader should say."""
        assert self.means is not None
        length = float(self.means.duration)
        onsets = np.array(self.onsets or np.arange(self.means.n_records) * length)
        chosen = [k for k, s in enumerate(self.means.signals) if s.label not in _SPECIAL and int(s.samples)]
        names = self.names or [str(self.means.signals[k].label) for k in chosen]
        channels = []
        for k, name in zip(chosen, names, strict=True):
            signal = self.means.signals[k]
            within = np.arange(int(signal.samples)) * length / int(signal.samples)
            times = (onsets[:, None] - onsets[0] + within).ravel()
            values = np.full(times.size, np.nan) if name in self.missing else physical(self.means, k)
            channels.append(Channel(name, values, times, str(signal.unit)))
        first = onsets[0] if chosen else 0.0
        start = None if self.start is None else np.datetime64(self.start, "ns") + seconds(first)
        return Reading("", start, channels, [(onset - first, length, text) for onset, length, text in self.notes])

    def verdict(self, reading: Reading) -> str:
        """Say in a few words what a reader made of it."""
        if reading.refused:
            return "refuses"
        how = "warns" if reading.warned else "**silent**"
        if self.means is None:
            total = sum(channel.values.size for channel in reading.channels)
            return f"{how}: reads {total} samples" if total else f"{how}: opens, without samples"
        labelled = replace(self, names=()).truth()
        wrong = deviations(reading, self.truth()) or garbled(reading, labelled)
        if wrong:
            return f"{how}: {'; '.join(wrong)}"
        if self.policy == "repair":
            return f"{how}: guesses"
        if self.lost and not reading.warned:
            return f"{how}: {self.lost} left out"
        return "right" + ", warns" * bool(reading.warned) + renamed(reading, labelled)


def physical(recipe: Recipe, signal: int) -> np.ndarray:
    """Physical values of a signal, straight from the definition of the format."""
    head: Signal = recipe.signals[signal]
    low, high, least, most = (float(text) for text in (head.pmin, head.pmax, head.dmin, head.dmax))
    return low + (recipe.numbers(signal) - least) * (high - low) / (most - least)
