"""Readers of EDF side by side: how each opens a file, and reads parts of it as physical values."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import sleepdask as sd
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import SIGNAL, signal_nodes

OPEN, ONE, HOUR, ALL = "open", "one channel", "one hour, all channels", "all channels"
WORKS = (OPEN, ONE, HOUR, ALL)


@dataclass(frozen=True)
class Reader:
    """How a package opens a file, and what it does with what it got.

    Parameters
    ----------
    open
        From the path to whatever the package reads from; no sample is asked for.
    read
        For each work: reads the samples, given that, and for a part of the recording its first second and length.
    close
        Gives back what was opened.
    """

    open: Callable[[Path], Any]
    read: dict[str, Callable[[Any, int, int], Any]]
    close: Callable[[Any], object] = id


def ours(dtype: str) -> Reader:
    """Read by sleepdask; opened without Dask, whose tasks are timed elsewhere."""

    def opened(path: Path) -> list[tuple[Any, Clock]]:
        recording = sd.open_recording(path, dtype=dtype, chunks=None)
        return [(node[SIGNAL].variable, clock_of(node)) for node in signal_nodes(recording).values()]

    def part(signals: list[tuple[Any, Clock]], first: int, length: int) -> list[Any]:
        parts = []
        for signal, clock in signals:
            start, stop = (int(second * clock.rate) for second in (first, first + length))
            parts.append(signal[:, start:stop].values)
        return parts

    return Reader(
        opened,
        {
            ONE: lambda signals, *_: signals[0][0][0].values,
            HOUR: part,
            ALL: lambda signals, *_: [signal.values for signal, _ in signals],
        },
    )


def edfio() -> Reader:
    """Read by edfio, which maps the file into memory."""
    import edfio

    return Reader(
        edfio.read_edf,
        {
            ONE: lambda file, *_: file.signals[0].data,
            HOUR: lambda file, first, length: [s.get_data_slice(first, first + length) for s in file.signals],
            ALL: lambda file, *_: [signal.data for signal in file.signals],
        },
    )


def pyedflib() -> Reader:
    """Read by pyedflib."""
    import pyedflib

    def part(file: Any, first: int, length: int) -> list[Any]:
        rates = [int(file.getSampleFrequency(k)) for k in range(file.signals_in_file)]
        return [file.readSignal(k, first * rate, length * rate) for k, rate in enumerate(rates)]

    return Reader(
        lambda path: pyedflib.EdfReader(str(path)),
        {
            ONE: lambda file, *_: file.readSignal(0),
            HOUR: part,
            ALL: lambda file, *_: [file.readSignal(k) for k in range(file.signals_in_file)],
        },
        close=lambda file: file.close(),
    )


def mne() -> Reader:
    """Read by MNE, which brings all channels to one rate."""
    import mne

    def part(raw: Any, first: int, length: int) -> Any:
        rate = int(raw.info["sfreq"])
        return raw.get_data(start=first * rate, stop=(first + length) * rate)

    return Reader(
        lambda path: mne.io.read_raw_edf(path, verbose="ERROR"),
        {ONE: lambda raw, *_: raw.get_data(picks=[0]), HOUR: part, ALL: lambda raw, *_: raw.get_data()},
    )


SINGLE, DOUBLE = "sleepdask, float32", "sleepdask, float64"
READERS: dict[str, Callable[[], Reader]] = {
    DOUBLE: lambda: ours("float64"),
    SINGLE: lambda: ours("float32"),
    "edfio": edfio,
    "pyedflib": pyedflib,
    "MNE": mne,
}


def seconds_of(name: str, work: str, path: Path, first: int, length: int) -> float:
    """Time one work of one reader, on a file that is opened anew, because some readers keep what they read.

    Opening counts where it is the work, and else not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MNE about mixed rates, each time
        reader = READERS[name]()
        gc.collect()
        began = perf_counter()
        opened = reader.open(path)
        samples = None
        if work != OPEN:
            began = perf_counter()
            samples = reader.read[work](opened, first, length)
        seconds = perf_counter() - began
        reader.close(opened)
        del samples
    return seconds
