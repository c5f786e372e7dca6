"""What a filter is: frozen parameters, and the symmetric response that they give at a rate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.filters.transform import Transform

Response = NDArray[np.float64]
CUT = 1e-10  # what is left out of a response that never ends, as a share of the sum of its magnitudes
_LARGEST = 1 << 18  # points of a transform
_COSTLIER = 1.1  # than the cheapest size, for blocks that are shorter


@dataclass(frozen=True)
class ZeroPhase(ABC):
    """Base of all filters. A subclass is a frozen dataclass: its fields are the parameters."""

    name: ClassVar[str]

    @abstractmethod
    def response(self, rate: float) -> Response:
        """Response to one sample at a rate in Hz: its middle, and then one side of it, which is also the other."""

    @property
    @abstractmethod
    def definition(self) -> str:
        """What it does, with its parameters."""

    @property
    def edge(self) -> float:
        """Frequency in Hz that must lie below half the rate."""
        return 0.0

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def reaches(self, rate: float | Fraction) -> bool:
        """Whether samples at a rate hold all frequencies that it is about."""
        return self.edge < rate / 2

    def document(self) -> dict[str, Any]:
        """Itself as JSON types."""
        parameters = {name: list(v) if isinstance(v, tuple) else v for name, v in self.parameters.items()}
        return {"name": self.name, "parameters": parameters, "definition": self.definition}


@lru_cache(maxsize=64)
def transform_of(design: ZeroPhase, rate: Fraction) -> Transform:
    """What blocks of samples at a rate are convolved with; worked out once.

    Raises
    ------
    ParameterError
        The response is too long.
    """
    response = design.response(float(rate))
    half = len(response) - 1
    sizes = [1 << k for k in range(8, _LARGEST.bit_length())]
    costs = {size: size * size.bit_length() / (size - 2 * half) for size in sizes if size >= 3 * half + 1}
    if not costs:
        raise too_long(design, rate)
    size = next(size for size, cost in costs.items() if cost <= _COSTLIER * min(costs.values()))
    return Transform.of(response, size)


def half_of(design: ZeroPhase, rate: Fraction) -> int:
    """Samples on either side that a value is made of."""
    return transform_of(design, rate).half


def decayed(power: Response) -> Response | None:
    """Response of a filter whose gain is given from 0 Hz to half the rate; None if it does not end on this grid."""
    whole = np.fft.irfft(power)
    side = whole[: len(whole) // 2]
    left = np.cumsum(np.abs(side[::-1]))[::-1]  # of the magnitudes, from each sample on
    small = np.flatnonzero(2 * left <= CUT * (2 * left[0] - abs(side[0])))
    # What lies beyond the grid falls back into it: its far half has to be empty.
    if not small.size or small[0] > len(side) // 2:
        return None
    return np.ascontiguousarray(side[: max(1, int(small[0]))])


def from_gain(design: ZeroPhase, gain: Any, rate: float) -> Response:
    """Response of a filter whose gain is a function of angles from 0 to pi, cut where it has decayed.

    Raises
    ------
    ParameterError
        It takes too long.
    """
    size = 1 << 10
    while size <= 4 * _LARGEST:
        response = decayed(gain(np.linspace(0.0, np.pi, size // 2 + 1)))
        if response is not None:
            return response
        size *= 2
    raise too_long(design, rate)


def too_long(design: ZeroPhase, rate: float | Fraction) -> ParameterError:
    """Refuse a filter that would need more samples on either side than a block has."""
    return ParameterError(
        "the filter is too long for this rate",
        where=design.name,
        expected=f"a response of at most {_LARGEST // 3 / float(rate):.4g} s on either side at {float(rate):g} Hz",
        found=design.definition,
        fix="use a higher or wider band, or resample first",
    )


def check_frequencies(name: str, *frequencies: float | None) -> None:
    """Raise `ParameterError` unless all that are given are finite numbers above 0."""
    for each in frequencies:
        if each is not None and (isinstance(each, bool) or not isinstance(each, int | float) or not 0 < each < np.inf):
            raise ParameterError("a frequency must be a finite number of Hz above 0", where=name, found=repr(each))
