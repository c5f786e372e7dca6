"""Rules that tell artefact epochs from the others: each compares an epoch of a channel with the rest of its night."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features.base import Feature, check_positive
from sleepdask.features.spectral import BandPower
from sleepdask.features.statistics import Statistics
from sleepdask.quality.night import Values, local_mean, scores

ARTEFACT, CLEAN, UNKNOWN = 1.0, 0.0, np.nan


@dataclass(frozen=True)
class Rule(ABC):
    """Base of all rules. A subclass is a frozen dataclass: its fields are the parameters."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    reference: ClassVar[str] = ""

    @property
    @abstractmethod
    def features(self) -> tuple[Feature, ...]:
        """Features it is made of."""

    @abstractmethod
    def columns(self, there: frozenset[str]) -> tuple[str, ...]:
        """Columns that it takes of those that are there; none if it cannot be told."""

    @abstractmethod
    def definition(self, columns: tuple[str, ...], *, staged: bool) -> str:
        """What it says of these columns, in words."""

    @abstractmethod
    def flags(self, columns: Mapping[str, Values], stages: NDArray[np.str_]) -> Values:
        """Decide on each epoch of a channel: 1 artefact, 0 clean, NaN unknown; dims (epoch,).

        Parameters
        ----------
        columns
            Values of the features by column, dims (epoch,).
        stages
            Stage of each epoch, empty where not scored.
        """

    def by_stage(self, stages: NDArray[np.str_]) -> bool:
        """Whether epochs are compared with those of their stage only."""
        del stages
        return False

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Deviation(Rule):
    """An epoch is an artefact if its standard deviation is unlike that of the others.

    Parameters
    ----------
    threshold
        z beyond which, on either side, it is one: z = (log SD - mean) / SD of the log SD of the channel.
    stages
        Whether mean and SD are those of the epochs of the same stage. None: if any epoch is scored.
    least
        Epochs that a mean needs: with fewer (of a stage) all of them are unknown.
    offset
        Added to the SD before the logarithm, in the unit of the channel.

    Notes
    -----
    Needs the column ``std``. Where that is missing the epoch is unknown; so is one that is not scored, if stages count.
    A flat epoch (SD 0) is an artefact, and left out of mean and SD, if there is something to compare it with.

    With ``offset=1``, uV, epochs of 5 s and `Statistics` with ``ddof=0`` z is that of YASA's ``art_detect`` with
    ``method="std"``, which adds 1 uV so that flat epochs have a logarithm. That joins the channels of an epoch (any of
    them), keeps flat epochs unless half of the channels are flat, leaves out the wake, and calls clean what it
    cannot tell.

    References
    ----------
    Vallat & Walker 2021, doi:10.7554/eLife.70092 (YASA).
    """

    name: ClassVar[str] = "std"
    reference: ClassVar[str] = "Vallat & Walker 2021, doi:10.7554/eLife.70092"

    threshold: float = 3.0
    stages: bool | None = None
    least: int = 30
    offset: float = 0.0

    def __post_init__(self) -> None:
        check_positive(self.name, "threshold", self.threshold)
        if not np.isfinite(self.offset) or self.offset < 0:
            raise ParameterError("offset must be a finite number of 0 or more", where=self.name, found=self.offset)
        if isinstance(self.least, bool) or not isinstance(self.least, int) or self.least < 2:
            raise ParameterError("least must be a whole number of 2 or more", where=self.name, found=repr(self.least))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The standard deviation."""
        return (Statistics(("std",), ddof=0),)

    def columns(self, there: frozenset[str]) -> tuple[str, ...]:
        """``std``."""
        return ("std",) if "std" in there else ()

    def definition(self, columns: tuple[str, ...], *, staged: bool) -> str:
        """What it says, in words."""
        del columns
        plus = f" + {self.offset:g}" if self.offset else ""
        among = "the epochs of the same stage" if staged else "all epochs"
        return (
            f"1 if |z| > {self.threshold:g}, z of log(std{plus}) among {among} of the channel, or if std is 0; "
            f"0 if not; NaN if unknown (fewer than {self.least} such epochs, no value{', not scored' * staged})"
        )

    def by_stage(self, stages: NDArray[np.str_]) -> bool:
        """Whether epochs are compared with those of their stage only."""
        return bool((stages != "").any()) if self.stages is None else self.stages

    def flags(self, columns: Mapping[str, Values], stages: NDArray[np.str_]) -> Values:
        """Decide on each epoch of a channel."""
        spread = columns["std"]
        flags = np.full(spread.shape, UNKNOWN)
        staged = self.by_stage(stages)
        for stage in sorted(set(stages.tolist()) - {""}) if staged else [None]:
            among = stages == stage if staged else np.ones(spread.shape, bool)
            flags[among] = self._among(spread[among])
        return flags

    def _among(self, spread: Values) -> Values:
        """Decide on epochs that are compared with each other."""
        z = scores(np.log(np.where(spread > 0, spread, np.nan) + self.offset), self.least)
        flat = (spread == 0) & np.isfinite(z).any()
        return np.where(flat, ARTEFACT, np.where(np.isnan(z), UNKNOWN, np.abs(z) > self.threshold))


@dataclass(frozen=True)
class Buckelmueller(Rule):
    """An epoch is an artefact if its slow or its fast power is far above that of its neighbours.

    Parameters
    ----------
    delta, beta
        How many times the local mean the power at 0.6 to 4.6 Hz, or at 40 to 60 Hz, must be.
    window
        Epochs of the local mean, an odd number: the epoch itself and as many before as after.

    Notes
    -----
    Needs the column ``bandpower_artefact_delta``, and ``bandpower_artefact_beta`` where the sampling rate allows it
    (from 120 Hz on); without that the slow power alone decides, as `definition` tells.

    At both ends of the night the local mean is that of the first, or last, whole window. Epochs without a
    value are left out of it; with no more than half of the window there it is unknown. An epoch whose slow or fast
    power is unknown is an artefact if the other one says so, and else unknown.

    It finds what is brief: a lead that is bad for many minutes is its own neighbour.

    References
    ----------
    Buckelmueller et al. 2006, doi:10.1016/j.neuroscience.2005.11.005.
    """

    name: ClassVar[str] = "buckelmueller"
    reference: ClassVar[str] = "Buckelmueller et al. 2006, doi:10.1016/j.neuroscience.2005.11.005"

    delta: float = 2.5
    beta: float = 2.0
    window: int = 15

    def __post_init__(self) -> None:
        check_positive(self.name, "delta", self.delta)
        check_positive(self.name, "beta", self.beta)
        if isinstance(self.window, bool) or not isinstance(self.window, int) or self.window < 3 or self.window % 2 == 0:
            raise ParameterError("window must be an odd number from 3 on", where=self.name, found=repr(self.window))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The power of two bands, each of its own, as a slow channel has but one."""
        bands = (("artefact_delta", 0.6, 4.6), ("artefact_beta", 40.0, 60.0))
        return tuple(BandPower(bands=(band,), relative=False, edges=(), entropy=False) for band in bands)

    def columns(self, there: frozenset[str]) -> tuple[str, ...]:
        """The power of both bands, or of the slow one."""
        known = tuple(name for name in self._factors if name in there)
        return known if next(iter(self._factors)) in known else ()

    def definition(self, columns: tuple[str, ...], *, staged: bool) -> str:
        """What it says, in words."""
        del staged
        tests = [f"{name} > {self._factors[name]:g} x its mean over {self.window} epochs around" for name in columns]
        return f"1 if {' or '.join(tests)}; 0 if not; NaN if unknown"

    def flags(self, columns: Mapping[str, Values], stages: NDArray[np.str_]) -> Values:
        """Decide on each epoch of a channel."""
        del stages
        tests = []
        for name, power in columns.items():
            mean = local_mean(power, self.window)
            ratio = np.divide(power, mean, out=np.full(power.shape, np.nan), where=mean > 0)
            tests.append(np.where(np.isnan(ratio), UNKNOWN, ratio > self._factors[name]))
        together = np.stack(tests)
        known = ~np.isnan(together).any(axis=0)
        return np.where((together == ARTEFACT).any(axis=0), ARTEFACT, np.where(known, CLEAN, UNKNOWN))

    @property
    def _factors(self) -> dict[str, float]:
        return {"bandpower_artefact_delta": self.delta, "bandpower_artefact_beta": self.beta}


METHODS: dict[str, type[Rule]] = {rule.name: rule for rule in (Deviation, Buckelmueller)}


def rule_of(method: str | Rule) -> Rule:
    """Return a rule, or that of a name with its usual parameters.

    Raises
    ------
    ParameterError
        It is neither.
    """
    if isinstance(method, Rule):
        return method
    if method not in METHODS:
        raise ParameterError(
            f"unknown method {method!r}",
            where="artefacts",
            expected=f"one of {', '.join(METHODS)}, or a rule such as sleepdask.quality.Deviation(threshold=4)",
            fix=did_you_mean(str(method), METHODS),
        )
    return METHODS[method]()
