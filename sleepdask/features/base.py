"""What a feature is: a frozen set of parameters that names its outputs and computes them on plain arrays."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from dask.base import normalize_token
from numpy.typing import NDArray

from sleepdask.errors import ParameterError

Samples = NDArray[np.floating[Any]]
Bounds = NDArray[np.int64]
Values = NDArray[np.float64]

_LATER = "later"


@dataclass(frozen=True)
class Output:
    """One column a feature gives.

    ``units`` may hold ``{unit}``, which stands for the unit of the channel it is computed on.
    """

    name: str
    units: str
    definition: str
    reference: str = ""


@dataclass(frozen=True)
class Sampling:
    """How the samples of a node lie in an epoch: their rate in Hz, and how many a whole epoch holds.

    Where they come at any times, the rate is the usual one, and `expected` has dims (epoch,): what each epoch would
    hold if it were recorded throughout as it is where it was.
    """

    rate: float
    expected: int | NDArray[np.int64]

    def of(self, epochs: slice) -> Sampling:
        """That of some of the epochs."""
        expected = self.expected
        return self if isinstance(expected, int) else Sampling(self.rate, expected[epochs])


class Shared(Protocol):
    """What features of a node may have in common: equal where it is the same work, which is then done once."""

    def __hash__(self) -> int:
        """Hash, equal for equal work."""

    def values_of(
        self, features: Sequence[Any], samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling
    ) -> list[Values]:
        """Compute each of the features that share it: the same bits as its own `compute` gives."""


@dataclass(frozen=True)
class Feature(ABC):
    """Base of all features. A subclass is a frozen dataclass: its fields are the parameters.

    Equal parameters make equal features with equal hashes, so a feature can be a key, travels to any
    worker as a few bytes, and is written into the provenance as it is.
    """

    name: ClassVar[str]
    family: ClassVar[str] = "own"
    """What it is chosen by together with others of its kind."""
    version: ClassVar[int] = 1
    needs_fixed_rate: ClassVar[bool] = True
    """Whether it is defined only for samples that come at a fixed rate."""

    def __dask_tokenize__(self) -> object:
        """Tell apart all that may give other values: class, version, parameters, and the state of its file."""
        return normalize_token((type(self), self.version, self.parameters, _changed(type(self).__module__)))

    @property
    @abstractmethod
    def outputs(self) -> tuple[Output, ...]:
        """Columns in the order in which `compute` gives them."""

    @abstractmethod
    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute every output of every epoch.

        Parameters
        ----------
        samples
            Physical values, dims (channel, time), C-contiguous, possibly read-only, NaN where missing.
        starts, stops
            Half-open sample bounds of each epoch; the samples between them are contiguous in time.
        sampling
            Rate, and the number of samples that a whole epoch holds.

        Returns
        -------
        values
            Dims (channel, epoch, output), float64, NaN where a value is undefined. The values of an
            epoch depend on nothing but its own samples.
        """

    @property
    def shared(self) -> Shared | None:
        """What it has in common with other features of a node, if anything."""
        return None

    @property
    def minimal_rate(self) -> float:
        """Lowest sampling rate in Hz at which the feature is defined."""
        return 0.0

    def lacks(self, rate: float | Fraction, *, fixed: bool) -> str:
        """What samples at a rate in Hz, fixed or about that one, lack for it; nothing if it can be computed."""
        if self.needs_fixed_rate and not fixed:
            return "samples at a fixed rate"
        return f"at least {self.minimal_rate:g} Hz" if self.minimal_rate > rate else ""

    @property
    def minimal_window(self) -> float:
        """Shortest epoch in seconds on which the feature is defined."""
        return 0.0

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by name; one that is `later` is left out at its default, so that keys of old results stay."""
        return {
            each.name: value
            for each in fields(self)
            if (value := getattr(self, each.name)) != each.default or _LATER not in each.metadata
        }


def later(default: Any) -> Any:
    """Return a parameter that a feature got after results were stored under a key without it."""
    return field(default=default, metadata={_LATER: True})


def _changed(module: str) -> int | None:
    """When the file of a module was changed, so that a feature under development is computed anew once reloaded."""
    try:
        return Path(str(sys.modules[module].__file__)).stat().st_mtime_ns
    except (AttributeError, KeyError, OSError):
        return None


def check_choice(feature: str, parameter: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise `ParameterError` unless the value is one of the choices."""
    if value not in choices:
        raise ParameterError(
            f"unknown {parameter}",
            where=feature,
            expected=f"one of {', '.join(choices)}",
            found=repr(value),
        )


def check_positive(feature: str, parameter: str, value: float) -> None:
    """Raise `ParameterError` unless the value is a finite number above zero."""
    if not np.isfinite(value) or value <= 0:
        raise ParameterError(f"{parameter} must be a finite number above 0", where=feature, found=repr(value))
