"""Filters of an infinite response, forward and backward: Butterworth bands and notches.

Forward and backward, a filter has the square of its gain, and no phase. That square is known in closed form, also after
the bilinear transform: no coefficients are needed, and no rounding builds up in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.filters.base import CUT, Response, ZeroPhase, check_frequencies, from_gain
from sleepdask.filters.fir import band_text, check_band


@dataclass(frozen=True)
class Butterworth(ZeroPhase):
    """Butterworth filter, forward and backward.

    Parameters
    ----------
    low, high
        Edges in Hz, where its gain forward and backward is a half (-6 dB); None for none.
    order
        Of the filter that is run forward and backward, as `scipy.signal.butter` counts it: the gain of each pass falls
        by 6 dB an octave for each order, that of both by 12.

    References
    ----------
    Oppenheim AV, Schafer RW (2010). Discrete-Time Signal Processing, 3rd edition, chapter 7.
    """

    name: ClassVar[str] = "band_iir"

    low: float | None = None
    high: float | None = None
    order: int = 4

    def __post_init__(self) -> None:
        check_band(self.name, self.low, self.high)
        if isinstance(self.order, bool) or not isinstance(self.order, int) or not 1 <= self.order <= 12:
            raise ParameterError("an order is 1 to 12", where=self.name, found=repr(self.order))

    @property
    def edge(self) -> float:
        return max(self.low or 0.0, self.high or 0.0)

    @property
    def definition(self) -> str:
        return (
            f"{band_text(self.low, self.high)}, zero-phase IIR, Butterworth of order {self.order} forward and backward,"
            f" its response up to where {CUT:g} of it are left"
        )

    def response(self, rate: float) -> Response:
        def gain(angles: Response) -> Response:
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                ratio = self._distance(np.tan(angles / 2), rate) ** 2
                power = 1.0 / (1.0 + ratio**self.order)
            return np.asarray(power)

        return from_gain(self, gain, rate)

    def _distance(self, tangent: Response, rate: float) -> Response:
        """Distance from the middle of the band, 1 at its edges, of the frequency whose tangent is given."""
        if self.low is None:
            assert self.high is not None
            return tangent / _tangent(self.high, rate)
        low = _tangent(self.low, rate)
        if self.high is None:
            return low / tangent
        high = _tangent(self.high, rate)
        return (tangent - low * high / tangent) / (high - low)


def _tangent(frequency: float, rate: float) -> float:
    return float(np.tan(np.pi * frequency / rate))


@dataclass(frozen=True)
class IirNotch(ZeroPhase):
    """Notches of second order, forward and backward, one after the other.

    Parameters
    ----------
    frequencies
        In Hz.
    quality
        Frequency over the width of its notch, as `scipy.signal.iirnotch` counts it: at the ends of that width the gain
        forward and backward is a half (-6 dB).
    """

    name: ClassVar[str] = "notch_iir"

    frequencies: tuple[float, ...]
    quality: float = 30.0

    def __post_init__(self) -> None:
        check_frequencies(self.name, *self.frequencies)
        if not self.frequencies:
            raise ParameterError("no frequency is given", where=self.name)
        if isinstance(self.quality, bool) or not 0.5 < self.quality < np.inf:
            raise ParameterError("quality must be a finite number above 0.5", where=self.name, found=repr(self.quality))

    @property
    def edge(self) -> float:
        return max(self.frequencies) * (1 + 0.5 / self.quality)

    @property
    def definition(self) -> str:
        at = ", ".join(f"{each:g}" for each in self.frequencies)
        return (
            f"notch at {at} Hz, zero-phase IIR of second order forward and backward, quality {self.quality:g},"
            f" its response up to where {CUT:g} of it are left"
        )

    def response(self, rate: float) -> Response:
        def gain(angles: Response) -> Response:
            power = np.ones(len(angles))
            for frequency in self.frequencies:
                middle = 2 * np.pi * frequency / rate
                # cos a - cos b, without the difference of two numbers that are nearly the same
                away = 2 * np.sin((middle + angles) / 2) * np.sin((middle - angles) / 2)
                wide = np.tan(middle / self.quality / 2) * np.sin(angles)
                power *= away**2 / (away**2 + wide**2)
            return power

        return from_gain(self, gain, rate)
