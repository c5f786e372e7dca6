"""Calls of other tools that give what sleepdask gives: epochs of one channel in, a row of values for each out."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.work import EPOCH_SECONDS

Rows = NDArray[np.float64]  # dims (epoch, sample), or (epoch, value)
Call = Callable[[Rows, float], Rows]
LUNA_PYTHON = "SLEEPDASK_LUNA_PYTHON"  # interpreter that has lunapi
LOW, HIGH = 0.3, 35.0
NOTCH = 25.0
BANDS = {"delta": (0.5, 4), "theta": (4, 8), "alpha": (8, 12), "sigma": (12, 16), "beta": (16, 30), "gamma": (30, 40)}

IRASA_BANDS = {name: BANDS[name] for name in ("delta", "theta", "alpha", "sigma")}
LUNA_BANDS = ("SLOW", "DELTA", "THETA", "ALPHA", "SIGMA", "BETA", "GAMMA")


def statistics(rows: Rows, _: float) -> Rows:
    """Statistics by NumPy and SciPy."""
    from scipy import stats

    quartiles = np.percentile(rows, [25, 50, 75], axis=1)
    columns = [rows.mean(1), rows.std(1, ddof=1), quartiles[1], quartiles[2] - quartiles[0]]
    return np.stack([*columns, stats.skew(rows, axis=1), stats.kurtosis(rows, axis=1)], axis=1)


def extremes(rows: Rows, _: float) -> Rows:
    """Other statistics by NumPy."""
    ends = [rows.min(1), rows.max(1), np.ptp(rows, axis=1)]
    return np.stack([*ends, rows.var(1, ddof=1), np.sqrt(np.mean(rows**2, axis=1))], axis=1)


def variance(rows: Rows, _: float) -> Rows:
    """Activity of Hjorth."""
    return rows.var(1)[:, None]


def hjorth(rows: Rows, _: float) -> Rows:
    """Mobility and complexity by antropy."""
    from antropy import hjorth_params

    return np.stack(hjorth_params(rows, axis=1), axis=1)


def line_length(rows: Rows, _: float) -> Rows:
    """Sum of absolute differences."""
    return np.abs(np.diff(rows)).sum(1)[:, None]


def steps(rows: Rows, rate: float) -> Rows:
    """Line length, its mean."""
    return np.concatenate([line_length(rows, rate), np.abs(np.diff(rows)).mean(1)[:, None]], axis=1)


def amplitude(rows: Rows, _: float) -> Rows:
    """Share of samples beyond 50 of their median, and the largest jump."""
    beyond = np.abs(rows - np.median(rows, axis=1)[:, None]) > 50
    return np.stack([beyond.mean(1), np.abs(np.diff(rows)).max(1)], axis=1)


def zero_crossings(rows: Rows, rate: float) -> Rows:
    """Crossings of the mean per second by antropy."""
    from antropy import num_zerocross

    return num_zerocross(rows - rows.mean(1)[:, None])[:, None] * rate / (rows.shape[1] - 1)


def _welch(rows: Rows, rate: float) -> tuple[Rows, Rows]:
    from scipy.signal import welch

    frequencies, power = welch(rows, rate, nperseg=int(4 * rate))
    return frequencies, power


def welch_bands(rows: Rows, rate: float) -> Rows:
    """Sums over the bins of SciPy's Welch, shares, edges and entropy."""
    from scipy.stats import entropy

    f, power = _welch(rows, rate)
    bands = np.stack([power[:, (f >= a) & (f < b)].sum(1) * f[1] for a, b in BANDS.values()], 1)
    inside = (f >= 0.5) & (f < 40)
    total = power[:, inside].sum(1)
    grown = power[:, inside].cumsum(1) / total[:, None]
    edges = [f[inside][(grown >= share).argmax(1)] for share in (0.95, 0.5)]
    spread = entropy(power[:, inside], base=2, axis=1) / np.log2(inside.sum())
    return np.column_stack([bands, bands / (total * f[1])[:, None], *edges, spread])


def line_noise(rows: Rows, rate: float) -> Rows:
    """Mean density at 50 Hz over that of the neighbours, by SciPy's Welch."""
    f, power = _welch(rows, rate)
    away = np.abs(f - 50)
    around = power[:, (away > 1) & (away <= 5)].mean(1)
    return (power[:, away <= 1].mean(1) / around)[:, None]


def aperiodic(rows: Rows, rate: float) -> Rows:
    """Straight line through SciPy's spectrum on logarithmic axes, 1 to 40 Hz."""
    from scipy.stats import linregress

    f, power = _welch(rows, rate)
    used = (f >= 1) & (f <= 40)
    lines = [linregress(np.log10(f[used]), np.log10(row[used])) for row in power]
    return np.array([[line.slope, line.intercept, line.rvalue**2] for line in lines])


def spectral_peaks(rows: Rows, rate: float) -> Rows:
    """Highest local maxima of SciPy's spectrum in two bands, and the parabola through three bins."""
    f, power = _welch(rows, rate)
    return np.array([[value for a, b in ((8, 12), (12, 16)) for value in _peak(f, row, a, b)] for row in power])


def _peak(f: Rows, power: Rows, low: float, high: float) -> tuple[float, float]:
    from scipy.signal import find_peaks

    peaks, _ = find_peaks(power)
    peaks = peaks[(f[peaks] >= low) & (f[peaks] < high)]
    if not peaks.size:
        return np.nan, np.nan
    best = peaks[power[peaks].argmax()]
    a, b, c = np.polyfit([-1, 0, 1], np.log(power[best - 1 : best + 2]), 2)
    return f[best] - b / (2 * a) * f[1], np.exp(c - b**2 / (4 * a))


def yasa_bands(rows: Rows, rate: float) -> Rows:
    """Band power by YASA, all epochs at once."""
    return _yasa_bands(rows, rate, relative=False)[:, :5]


def yasa_all_bands(rows: Rows, rate: float) -> Rows:
    """Band power and shares by YASA."""
    return np.concatenate([_yasa_bands(rows, rate, relative=share) for share in (False, True)], axis=1)


def _yasa_bands(rows: Rows, rate: float, *, relative: bool) -> Rows:
    import yasa

    table = yasa.bandpower(rows, rate, ch_names=[str(k) for k in range(len(rows))], relative=relative)
    return table[[name.capitalize() for name in BANDS]].to_numpy(np.float64)


def multitaper(rows: Rows, rate: float) -> Rows:
    """Theta and sigma by MNE's multitaper."""
    from mne.time_frequency import psd_array_multitaper

    power, frequencies = psd_array_multitaper(
        rows, rate, fmax=30, bandwidth=8 / EPOCH_SECONDS, adaptive=False, normalization="full", verbose="ERROR"
    )[:2]
    width = frequencies[1]
    bands = [power[:, (frequencies >= a) & (frequencies < b)].sum(1) * width for a, b in ((4, 8), (12, 16))]
    return np.stack(bands, 1) / _energy_of_tapers(rows.shape[1])


@lru_cache
def _energy_of_tapers(size: int) -> float:
    """By how much MNE's densities are larger: its periodic tapers do not have an energy of 1."""
    from scipy.signal.windows import dpss

    tapers, ratios = dpss(size, 4, 7, sym=False, return_ratios=True)
    return float(np.sum(ratios * np.sum(tapers**2, axis=1)) / ratios.sum())


def irasa(rows: Rows, rate: float) -> Rows:
    """Slope and R^2 of YASA's IRASA."""
    import yasa

    lines = [yasa.irasa(x[None], sf=rate, verbose=False)[3] for x in rows]
    return np.array([line[["Slope", "R^2"]].iloc[0] for line in lines], np.float64)


def irasa_powers(rows: Rows, rate: float) -> Rows:
    """Offset of the line at 1 Hz, and oscillatory power of the bands, by YASA's IRASA."""
    import yasa

    values = []
    for x in rows:
        f, _, above, line = yasa.irasa(x[None], sf=rate, verbose=False)
        sums = [above[0, (f >= a) & (f < b)].sum() * (f[1] - f[0]) for a, b in IRASA_BANDS.values()]
        values.append([line["Intercept"].iloc[0] / np.log(10), *sums])
    return np.array(values, np.float64)


def irasa_spectra(rows: Rows, rate: float) -> Rows:
    """Aperiodic part of the spectrum by YASA's IRASA."""
    import yasa

    return np.concatenate([yasa.irasa(x[None], sf=rate, return_fit=False, verbose=False)[1] for x in rows])


def of_antropy(name: str, **options: Any) -> Call:
    """Call a function of antropy for each epoch."""

    def values(rows: Rows, _: float) -> Rows:
        import antropy

        return np.array([[getattr(antropy, name)(x, **options)] for x in rows], np.float64)

    return values


def lempel_ziv(rows: Rows, _: float) -> Rows:
    """Lempel-Ziv complexity by antropy."""
    from antropy import lziv_complexity

    return np.array([[lziv_complexity((x > np.median(x)).astype(int), normalize=True)] for x in rows])


def multiscale(rows: Rows, _: float) -> Rows:
    """Sample entropy by antropy of the means of 1 to 5 samples."""
    from antropy import sample_entropy

    def at(x: Rows, scale: int) -> float:
        means = x[: len(x) // scale * scale].reshape(-1, scale).mean(1)
        return float(sample_entropy(means, tolerance=0.15 * float(x.std())))

    return np.array([[at(x, scale) for scale in range(1, 6)] for x in rows])


def mne_fir(samples: Rows, rate: float) -> Rows:
    """MNE's band-pass of whole signals, FIR."""
    from mne.filter import filter_data

    return np.asarray(filter_data(samples, rate, LOW, HIGH, verbose="ERROR"))


def mne_iir(samples: Rows, rate: float) -> Rows:
    """MNE's band-pass of whole signals, IIR."""
    from mne.filter import filter_data

    settings = {"order": 4, "ftype": "butter", "output": "sos"}
    return np.asarray(filter_data(samples, rate, LOW, HIGH, method="iir", iir_params=settings, verbose="ERROR"))


def scipy_iir(samples: Rows, rate: float) -> Rows:
    """SciPy's band-pass of whole signals, forward and backward."""
    from scipy.signal import butter, sosfiltfilt

    return np.asarray(sosfiltfilt(butter(4, (LOW, HIGH), "bandpass", fs=rate, output="sos"), samples))


def mne_notch(samples: Rows, rate: float) -> Rows:
    """MNE's notch of whole signals, FIR."""
    from mne.filter import notch_filter

    return np.asarray(notch_filter(samples, rate, [NOTCH], verbose="ERROR"))


def scipy_notch(samples: Rows, rate: float) -> Rows:
    """SciPy's notch of whole signals, forward and backward."""
    from scipy.signal import iirnotch, sosfiltfilt, tf2sos

    return np.asarray(sosfiltfilt(tf2sos(*iirnotch(NOTCH, 30, rate)), samples))


def scipy_resampled(samples: Rows, rate: float) -> Rows:
    """SciPy's resampling to half of the rate."""
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(samples, 1, 2, axis=-1))


def yasa_artefacts(rows: Rows, rate: float) -> Rows:
    """YASA's verdict and z of each 5 s."""
    import yasa

    flags, z = yasa.art_detect(rows.reshape(1, -1), rate, 5, method="std")
    return np.column_stack([flags, z])


def yasa_events(function: str, columns: list[str]) -> Call:
    """Columns of YASA's summary, a row an event."""

    def values(rows: Rows, rate: float) -> Rows:
        import yasa

        found = getattr(yasa, function)(rows.ravel(), rate, verbose="critical")
        return np.empty((0, len(columns))) if found is None else found.summary()[columns].to_numpy(np.float64)

    return values


_LUNA = """
import sys
import lunapi
project = lunapi.proj()
project.silence(True)
night = project.inst("night")
night.attach_edf(sys.argv[1])
night.eval("EPOCH & " + sys.argv[2])
night.table(*sys.argv[3:5]).to_csv(sys.argv[5])
"""


def luna(path: Path, command: str, *table: str) -> Any:
    """Table of a command of Luna on a file, by an interpreter of its own."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "table.csv"
        line = [os.environ[LUNA_PYTHON], "-c", _LUNA, str(path), command, *table, str(out)]
        subprocess.run(line, check=True, capture_output=True, timeout=120)
        return pd.read_csv(out)


def luna_bands(path: Path) -> Rows:
    """Power and share of Luna's bands."""
    table = luna(path, "PSD sig=EEG epoch", "PSD", "B_CH_E")
    return np.concatenate(
        [table.pivot(index="E", columns="B", values=kind)[list(LUNA_BANDS)].to_numpy() for kind in ("PSD", "RELPSD")],
        axis=1,
    )


def luna_artefacts(path: Path) -> Rows:
    """Mask of Luna's ARTIFACTS."""
    return np.asarray(luna(path, "ARTIFACTS sig=EEG epoch no-mask", "ARTIFACTS", "CH_E")[["MASK"]].to_numpy(np.float64))
