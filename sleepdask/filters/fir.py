"""Filters of a finite response: windowed sincs in a Hamming window, and the trend in a moving window."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.filters.base import Response, ZeroPhase, check_frequencies

_LENGTH = 3.3  # of a Hamming window in units of one over the transition's width (Widmann et al. 2015)


@dataclass(frozen=True)
class FirBand(ZeroPhase):
    """Band, high or low pass: a windowed sinc for each edge.

    Parameters
    ----------
    low, high
        Edges of the pass band in Hz; None for none.
    low_transition, high_transition
        Widths in Hz over which the gain falls outside the edges. None: the rules below.

    Notes
    -----
    By default the low transition is ``min(max(low / 4, 2), low)`` Hz wide, the high one
    ``min(max(high / 4, 2), rate / 2 - high)``. The gain is a half in the middle of a transition.

    References
    ----------
    Widmann A, Schröger E, Maess B (2015). Digital filter design for electrophysiological data - a practical approach.
    J Neurosci Methods 250:34-46, doi:10.1016/j.jneumeth.2014.08.002.
    """

    name: ClassVar[str] = "band_fir"

    low: float | None = None
    high: float | None = None
    low_transition: float | None = None
    high_transition: float | None = None

    def __post_init__(self) -> None:
        check_band(self.name, self.low, self.high)
        check_frequencies(self.name, self.low_transition, self.high_transition)
        if self.low is not None and self.low_transition is not None and self.low_transition > self.low:
            found = f"{self.low_transition:g} Hz below {self.low:g} Hz"
            raise ParameterError("the low transition would end below 0 Hz", where=self.name, found=found)

    @property
    def edge(self) -> float:
        inner = 1 - 1e-12  # a transition may end at half the rate, a band may not
        return max(self.low or 0.0, (self.high or 0.0) + (self.high_transition or 0.0) * inner)

    @property
    def definition(self) -> str:
        wide = {"low": self.low_transition, "high": self.high_transition}
        given = "".join(f", {name} transition {width:g} Hz" for name, width in wide.items() if width is not None)
        return f"{band_text(self.low, self.high)}, zero-phase FIR, Hamming-windowed sincs{given}"

    def response(self, rate: float) -> Response:
        sides: list[Response] = []
        if self.high is not None:
            wide = self.high_transition or min(max(self.high / 4, 2.0), rate / 2 - self.high)
            sides.append(low_pass(self.high + wide / 2, wide, rate))
        else:
            sides.append(np.ones(1))
        if self.low is not None:
            wide = self.low_transition or min(max(self.low / 4, 2.0), self.low)
            sides.append(-low_pass(self.low - wide / 2, wide, rate))
        return added(*sides)


@dataclass(frozen=True)
class FirNotch(ZeroPhase):
    """Band stops around some frequencies.

    Parameters
    ----------
    frequencies
        In Hz.
    width
        Of each stop band in Hz; None: a 200th of its frequency.
    transition
        Width in Hz over which the gain rises on either side of a stop band.
    """

    name: ClassVar[str] = "notch_fir"

    frequencies: tuple[float, ...]
    width: float | None = None
    transition: float = 0.5

    def __post_init__(self) -> None:
        check_frequencies(self.name, *self.frequencies, self.width, self.transition)
        if not self.frequencies:
            raise ParameterError("no frequency is given", where=self.name)
        edges = sorted(self._stop(each) for each in self.frequencies)
        if edges[0][0] <= 0:
            raise ParameterError("the stop band would begin below 0 Hz", where=self.name, found=f"{edges[0][0]:g} Hz")
        if any(high >= low for (_, high), (low, _) in pairwise(edges)):
            raise ParameterError("two stop bands overlap", where=self.name, found=repr(self.frequencies))

    @property
    def edge(self) -> float:
        return max(high for _, high in map(self._stop, self.frequencies))

    @property
    def definition(self) -> str:
        at = ", ".join(f"{each:g}" for each in self.frequencies)
        wide = "a 200th of the frequency" if self.width is None else f"{self.width:g} Hz"
        return f"notch at {at} Hz, zero-phase FIR, stop band {wide} wide, transitions {self.transition:g} Hz"

    def response(self, rate: float) -> Response:
        sides = [np.ones(1)]
        for low, high in map(self._stop, self.frequencies):
            for sign, edge in ((1, low + self.transition / 2), (-1, high - self.transition / 2)):
                sides.append(sign * low_pass(edge, self.transition, rate))
        return added(*sides)

    def _stop(self, frequency: float) -> tuple[float, float]:
        """Where the gain begins to fall, and where it is one again."""
        half = (frequency / 200 if self.width is None else self.width) / 2 + self.transition
        return frequency - half, frequency + half


@dataclass(frozen=True)
class Trend(ZeroPhase):
    """Removal of the trend: each sample less the weighted mean of those around it.

    Parameters
    ----------
    window
        Length in seconds of the Hann window that gives the weights.
    """

    name: ClassVar[str] = "detrend"

    window: float = 60.0

    def __post_init__(self) -> None:
        if isinstance(self.window, bool) or not 0 < self.window < np.inf:
            raise ParameterError("a window must be a finite number of seconds above 0", found=repr(self.window))

    @property
    def definition(self) -> str:
        return f"sample - mean of the {self.window:g} s around it, weighted by a Hann window"

    @property
    def edge(self) -> float:
        return 1 / self.window  # at least two samples fit into it

    def response(self, rate: float) -> Response:
        half = int(self.window * rate / 2)
        weights = 0.5 + 0.5 * np.cos(np.pi * np.arange(half + 1) / (half + 1))
        weights /= whole(weights)
        weights *= -1.0
        weights[0] += 1.0
        return weights


def check_band(name: str, low: float | None, high: float | None) -> None:
    """Raise `ParameterError` unless two edges make a band, or one of them is given."""
    check_frequencies(name, low, high)
    if low is None and high is None:
        raise ParameterError("a band needs an edge", where=name, fix="give low, high or both")
    if low is not None and high is not None and low >= high:
        raise ParameterError("a band must begin below its end", where=name, found=f"{low:g} to {high:g} Hz")


def band_text(low: float | None, high: float | None) -> str:
    """Band in words."""
    if low is None:
        return f"low-pass {high:g} Hz"
    return f"high-pass {low:g} Hz" if high is None else f"band-pass {low:g}-{high:g} Hz"


def low_pass(middle: float, width: float, rate: float) -> Response:
    """Low-pass of gain 1 at 0 Hz, a half at `middle` Hz, over a transition of some width."""
    half = round(_LENGTH * rate / width) // 2
    n = np.arange(half + 1)
    window = 0.54 + 0.46 * np.cos(np.pi * n / max(half, 1))
    response = np.sinc(2 * middle / rate * n) * window
    return np.asarray(response / whole(response))


def added(*sides: Response) -> Response:
    """Sum of responses of any lengths."""
    total = np.zeros(max(map(len, sides)))
    for side in sides:
        total[: len(side)] += side
    return total


def whole(side: Response) -> float:
    """Sum of a response on both sides."""
    return float(side[0] + 2 * side[1:].sum())
