"""A pair of something here and a call elsewhere that gives the same, and how far they lie apart on a signal."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import sleepdask as sd
from benchmarks.oracle_calls import LUNA_PYTHON, Call, Rows
from benchmarks.work import EPOCH_SECONDS
from sleepdask.features import Feature, Sampling, parse_features

GENERATED_RATE = 128.0
EPOCHS = 40
ROUNDING = 1e-12
_REAL_FIRST = 1400  # in the fourth hour of sleep: N2 and N3
RELATIVE, ABSOLUTE, SPREADS, COUNT = "relative", "absolute", "of the SD", "epochs that differ"
_PACKAGES = {"NumPy": "numpy", "SciPy": "scipy", "antropy": "antropy", "MNE": "mne", "YASA": "yasa"}
LUNA = "Luna"
TOOLS = (*_PACKAGES, LUNA)
_NUMBERS = {0.0: "0", 1.0: "1", np.inf: "infinite"}


@dataclass(frozen=True)
class Oracle:
    """Something of sleepdask, and what gives the same elsewhere.

    Parameters
    ----------
    ours
        As the command line takes features, or the call in Python.
    tool
        One of `TOOLS`.
    call
        That gives the same, x being the samples of an epoch, in words of code.
    peer
        Makes that call: values of some epochs, dims (epoch, value).
    columns
        Outputs of the features that the peer has too.
    compute
        What is compared if `ours` is no feature.
    measure
        In which the deviation is stated: relative to the value of the peer, absolute, a share of the standard deviation
        of the values of the peer, or how many differ.
    epochs
        How many are tried.
    why
        They differ, in a few words.
    real
        Whether it is tried on the real night too.
    margin
        Seconds at both ends that are not compared.
    least
        Stated where the deviation is less, as that differs between processors.
    """

    ours: str
    tool: str
    call: str
    peer: Call
    columns: tuple[str, ...] = ()
    compute: Call | None = None
    measure: str = RELATIVE
    epochs: int = EPOCHS
    why: str = ""
    real: bool = True
    margin: float = 0
    least: float = ROUNDING

    @property
    def name(self) -> str:
        """Of the pair, unlike those of all others."""
        return f"{self.ours} | {self.call}"

    @property
    def features(self) -> tuple[Feature, ...]:
        """Those that are compared; none if it is something else."""
        return () if self.compute else tuple(parse_features(self.ours))

    def values(self, x: Rows, rate: float) -> Rows:
        """Values here, those of the columns."""
        if self.compute:
            return self.compute(x, rate)
        names = [output.name for feature in self.features for output in feature.outputs]
        return computed(self.features, x, rate)[:, [names.index(name) for name in self.columns]]

    def deviation(self, signal: Rows, rate: float) -> float:
        """Largest deviation in the epochs of a signal; `AssertionError` where only one of both has a value."""
        x = signal[: self.epochs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what others warn of is not ours to mend
            theirs = self.peer(x, rate)
        ours = self.values(x, rate)
        assert ours.shape == theirs.shape, f"{self.name}: {ours.shape} values here, {theirs.shape} there"
        edge = round(self.margin * rate)
        ours, theirs = (each[..., edge : each.shape[-1] - edge] for each in (ours, theirs))
        known = np.isfinite(ours)
        np.testing.assert_array_equal(known, np.isfinite(theirs), err_msg=f"{self.name}: where values are")
        assert known.any(), f"{self.name}: no value"
        apart, theirs = np.abs(ours[known] - theirs[known]), theirs[known]
        if self.measure == COUNT:
            return float((apart > 0).sum())
        if self.measure == RELATIVE:
            apart = np.divide(apart, np.abs(theirs), out=np.where(apart > 0, np.inf, 0.0), where=theirs != 0)
        return float(apart.max() / (theirs.std() if self.measure == SPREADS else 1))

    def flat(self) -> str:
        """What has no value here but one there if all samples of an epoch are equal, in words."""
        if self.compute or self.tool in ("NumPy", "SciPy"):  # what these give is the formula
            return ""
        x = np.full((1, int(GENERATED_RATE * EPOCH_SECONDS)), 5.0)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                theirs = self.peer(x, GENERATED_RATE)[0]
            except Exception as error:  # whatever it is: that is its answer
                return f"NaN, there {type(error).__name__}"
        ours = self.values(x, GENERATED_RATE)[0]
        odd = {
            name: f"NaN, there {_NUMBERS.get(there, 'a number')}"
            for name, here, there in zip(self.columns, ours, theirs, strict=True)
            if np.isnan(here) and not np.isnan(there)
        }
        said = set(odd.values())
        if len(said) == 1 and (len(odd) > 3 or len(self.columns) == 1):
            return said.pop()
        return "; ".join(f"`{name}` {both}" for name, both in odd.items())


def computed(features: Sequence[Feature], x: Rows, rate: float) -> Rows:
    """Values of the epochs, dims (epoch, value): as a task computes them."""
    size = x.shape[1]
    starts = np.arange(len(x)) * size
    sampling = Sampling(rate, size)
    row = np.ascontiguousarray(x.reshape(1, -1))
    return np.concatenate([each.compute(row, starts, starts + size, sampling)[0] for each in features], axis=1)


def generated() -> tuple[Rows, float]:
    """Brown noise in uV with slow waves, alpha and spindles, with a fixed seed: dims (epoch, sample), and the rate."""
    from scipy.signal import lfilter

    random = np.random.default_rng(7)
    size = int(GENERATED_RATE * EPOCH_SECONDS)
    t = np.arange(EPOCHS * size) / GENERATED_RATE
    x = lfilter([1], [1, -0.98], random.normal(0, 3, t.size)) + random.normal(0, 1, t.size)
    x += 8 * np.sin(2 * np.pi * 10.1 * t) * (np.sin(2 * np.pi * t / 97) > 0)
    x += 30 * np.sin(2 * np.pi * 13.2 * t) * np.exp(-((((t % 7) - 3.5) / 0.4) ** 2))
    x += 60 * np.sin(2 * np.pi * 0.8 * t) * (np.sin(2 * np.pi * t / 211) > 0.3)
    x *= np.exp(random.normal(0, 0.3, EPOCHS)).repeat(size)
    return x.reshape(EPOCHS, size), GENERATED_RATE


def real(folder: Path) -> tuple[Rows, float]:
    """Epochs of sleep of EEG Fpz-Cz of the real night sleep-edf-sc4001, and their rate."""
    night = sd.open_recording(folder / "sleep-edf-sc4001" / "SC4001E0-PSG.edf", dtype="float64", chunks=None)
    signal = night["100Hz"]["signal"].sel(channel="EEG Fpz-Cz")
    size = 100 * EPOCH_SECONDS
    first = _REAL_FIRST * size
    return signal.isel(time=slice(first, first + EPOCHS * size)).values.reshape(EPOCHS, size), 100.0


def version_of(tool: str) -> str | None:
    """Version of a tool; None if it is not installed."""
    if tool == LUNA:
        python = os.environ.get(LUNA_PYTHON)
        ask = "from importlib.metadata import version; print('lunapi', version('lunapi'))"
        return python and subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    try:
        return version(_PACKAGES[tool])
    except PackageNotFoundError:
        return None
