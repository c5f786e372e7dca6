"""Zero-phase filters of whole signals, against MNE and SciPy."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sleepdask as sd
from benchmarks import oracle_calls as calls
from benchmarks.oracle_calls import HIGH, LOW, Call
from benchmarks.table import Row, at_least, row
from benchmarks.timing import Case, Ratio, explain, take_turns

_RATE, _CHANNELS = 100, 6
_CHUNK = 360_000
_AIM = 3


def filter_rows(hours: float, repeats: int) -> list[Row]:
    """Time FIR and IIR of some hours of six signals at 100 Hz, once all have given the same."""
    samples = np.random.default_rng(0).normal(0, 30, (_CHANNELS, int(hours * 3600 * _RATE)))
    night = sd.recording_from_arrays({f"EEG {k}": x for k, x in enumerate(samples)}, rate=_RATE, unit="uV")
    chunked = night.chunk({"time": _CHUNK})  # beforehand, as this copies what is in memory; files are read by chunks
    rows: list[Row] = []
    for method, peers in (
        ("fir", {"MNE": calls.mne_fir}),
        ("iir", {"MNE": calls.mne_iir, "SciPy, sosfiltfilt": calls.scipy_iir}),
    ):
        ours = f"{method}: sleepdask"
        both = f"{ours}, Dask, 2 threads"
        cases = [Case(ours, partial(_ours, night, method)), Case(both, partial(_ours, chunked, method, 2))]
        reference = _ours(night, method, keep=True)
        for name, peer in peers.items():
            try:
                inner = slice(120 * _RATE, -120 * _RATE)  # ends are mirrored in ways of their own
                np.testing.assert_allclose(peer(samples, _RATE)[:, inner], reference[:, inner], rtol=0, atol=30e-6)
            except ModuleNotFoundError as error:
                rows.append(Row(f"{method}: {name}", note=explain(error)))
                continue
            cases.append(Case(f"{method}: {name}", partial(_forget, peer, samples)))
        series = take_turns(cases, repeats)
        for name, one in series.items():
            aim = at_least("MNE / ours", Ratio.of(one, series[ours]), _AIM) if name.endswith("MNE") else None
            rows.append(row(one, series[ours], aim))
    return rows


def _ours(night: Any, method: str, workers: int = 0, *, keep: bool = False) -> Any:
    filtered = sd.filters.bandpass(night, LOW, HIGH, method=method)
    if workers:
        filtered = sd.compute(filtered, backend="threads", workers=workers, progress=False)
    values = filtered["100Hz"]["signal"].values
    return values if keep else None


def _forget(peer: Call, samples: NDArray[np.float64]) -> None:
    peer(samples, _RATE)
