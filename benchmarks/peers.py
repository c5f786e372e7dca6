"""What a user would pick instead, in this process: SciPy, MNE, YASA."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sleepdask as sd
from benchmarks.timing import Case
from benchmarks.work import BANDS, EPOCH_SECONDS, POWER, SEGMENT_SECONDS
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import SIGNAL, signal_nodes


@dataclass(frozen=True)
class Epochs:
    """Samples in memory that are fast enough for the bands, dims (channel, epoch, sample), float64."""

    samples: NDArray[np.float64]
    rate: float
    channels: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> Epochs:
        """Load the signals of the fastest rate."""
        node = next(iter(signal_nodes(sd.open_recording(path, dtype="float64", chunks=None)).values()))
        rate = float(clock_of(node).rate)
        if rate < POWER.minimal_rate:
            raise ValueError("no signal is fast enough for the bands")
        size = int(rate * EPOCH_SECONDS)
        whole = node[SIGNAL].variable[:, : node.sizes["time"] // size * size].values
        return cls(whole.reshape(len(whole), -1, size), rate, tuple(node["channel"].values.tolist()))


def scipy_cases(path: Path) -> list[Case]:
    """Welch's method by SciPy, alone and with what else the work asks for."""
    from scipy.signal import welch

    epochs = Epochs.of(path)
    segment = int(epochs.rate * SEGMENT_SECONDS)

    def power(samples: NDArray[np.float64]) -> tuple[Any, Any]:
        frequencies, density = welch(samples, epochs.rate, nperseg=segment)
        return frequencies, density

    def at_once() -> None:
        power(epochs.samples)

    def by_channel() -> None:
        for channel in epochs.samples:
            power(channel)

    def everything() -> None:
        for channel in epochs.samples:
            for reduce in (np.mean, np.std, np.min, np.max):
                reduce(channel, axis=-1)
            frequencies, density = power(channel)
            for low, high in BANDS.values():
                density[:, (frequencies >= low) & (frequencies < high)].sum(axis=-1)

    samples = "samples in memory, float64"
    return [
        Case(SCIPY, at_once, note=f"{samples}, (channel, epoch, sample) in one call"),
        Case("scipy.signal.welch, channel by channel", by_channel, note=f"{samples}; its temporaries stay small"),
        Case("NumPy and SciPy, channel by channel", everything, note=f"{samples}; statistics, welch, bands"),
    ]


SCIPY = "scipy.signal.welch"


def mne_cases(path: Path) -> list[Case]:
    """Welch's method by MNE, from the file."""
    import mne

    epochs = Epochs.of(path)
    segment = int(epochs.rate * SEGMENT_SECONDS)

    def run() -> None:
        raw = mne.io.read_raw_edf(path, include=list(epochs.channels), verbose="ERROR")
        windows = mne.make_fixed_length_epochs(raw, EPOCH_SECONDS, verbose="ERROR")
        windows.compute_psd(
            method="welch",
            picks="all",
            n_fft=segment,
            n_per_seg=segment,
            n_overlap=segment // 2,
            window="hann",
            verbose="ERROR",
        )

    return [Case("MNE: read_raw_edf, epochs, compute_psd", run, note="from the file, Welch alone")]


def yasa_cases(path: Path) -> list[Case]:
    """Band power by YASA, epoch by epoch."""
    import yasa

    epochs = Epochs.of(path)
    bands = [(low, high, name) for name, (low, high) in BANDS.items()]

    def run(count: int | None = None) -> None:
        for epoch in range(epochs.samples.shape[1] if count is None else count):
            yasa.bandpower(
                epochs.samples[:, epoch],
                sf=epochs.rate,
                ch_names=list(epochs.channels),
                win_sec=SEGMENT_SECONDS,
                relative=False,
                bands=bands,
            )

    run(1)
    return [Case("YASA: bandpower", run, warm=False, note="samples in memory, a call for each epoch, Welch alone")]
