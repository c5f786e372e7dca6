"""Operations by name: what they are called, what they may be told, and what does them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sleepdask.collection.metadata import Step, as_json
from sleepdask.errors import ParameterError, did_you_mean

Kind = Literal["time_series", "multi_signal"]
KINDS: tuple[str, ...] = get_args(Kind)
_AS_KIND = {"signal": "time_series", "feature": "multi_signal"}  # what workflows also called them
_BY_POSITION = {"time_series": 1, "multi_signal": 2}


@dataclass(frozen=True)
class Operation:
    """One operation.

    Parameters
    ----------
    name
        Of the operation.
    kind
        "time_series": ``function(signal, *, ...)`` makes a Dataset of one, which has ``signal (channel, time)`` on a
        clock. "multi_signal": ``function(signals, grid, *, ...)`` makes a tree of features, as `sleepdask.extract`
        does, of a tree with one node a signal, on an `EpochGrid`. Neither computes anything.
    function
        Does it; what follows by keyword are its parameters.
    gives
        Type of the signal, or of the feature, that comes out; empty: that of the signal that went in, or "custom".
    version
        To be raised when it gives other values.
    """

    name: str
    kind: Kind
    function: Callable[..., Any]
    gives: str = ""
    version: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ParameterError(f"unknown kind {self.kind!r}", where=self.name, expected=" or ".join(KINDS))
        parameters = list(inspect.signature(self.function).parameters.values())
        positional = parameters[: _BY_POSITION[self.kind]]
        if len(positional) < _BY_POSITION[self.kind] or any(
            each.kind is not inspect.Parameter.KEYWORD_ONLY for each in parameters[len(positional) :]
        ):
            first = "signal" if self.kind == "time_series" else "signals, grid"
            raise ParameterError(
                "the function does not fit", where=self.name, expected=f"function({first}, *, parameter=default, ...)"
            )

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """What it may be told, by name."""
        return dict(list(inspect.signature(self.function).parameters.items())[_BY_POSITION[self.kind] :])

    def step(self, given: Mapping[str, Any]) -> Step:
        """Check parameters, and put defaults to them.

        Raises
        ------
        ParameterError
            One is unknown, or is needed and not there, or has no equal in JSON.
        """
        known = self.parameters
        for name in given:
            if name not in known:
                raise ParameterError(
                    f"unknown parameter {name!r}",
                    where=self.name,
                    expected=f"one of {', '.join(known)}" if known else "none",
                    fix=did_you_mean(name, known),
                )
        for name, parameter in known.items():
            if parameter.default is parameter.empty and name not in given:
                raise ParameterError(f"parameter {name!r} is needed", where=self.name)
        defaults = {name: parameter.default for name, parameter in known.items()}
        return Step(self.name, as_json({**defaults, **given}, self.name), self.version)


_OPERATIONS: dict[str, Operation] = {}
_OURS = "sleepdask.collection.operations."

_NOT_THERE = {
    "compute_hrv_features": "heart rate variability is not computed yet",
    "compute_movement_features": "movement is not computed yet",
    "compute_correlation_features": "correlation of signals is not computed yet",
    "random_forest_sleep_staging": "sleep stages are not told from features yet",
    "evaluate_sleep_staging": "sleep staging is not evaluated yet",
    "normalize": "no normalisation is there yet (the earlier one gave back what it got)",
    "filter_lowpass": (
        "no filter is there yet; the earlier operation of this name was a moving mean of the last int(cutoff) samples:"
        " 'moving_mean' with window=int(cutoff) does that"
    ),
}


def register_operation(
    name: str,
    function: Callable[..., Any],
    *,
    kind: Kind = "time_series",
    gives: str = "",
    version: int = 1,
    replace: bool = False,
) -> None:
    """Make an operation available to all collections by its name.

    Parameters
    ----------
    name, function, kind, gives, version
        As `Operation` explains them. The function must be the same wherever and whenever something is computed again.
    replace
        Whether it may take the place of one that was registered before; never of one that comes with the package.

    Raises
    ------
    ParameterError
        There is an operation of this name, or the function takes other arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> from sleepdask.collection import register_operation
    >>> register_operation("times", lambda signal, *, factor: signal.assign(signal=signal["signal"] * factor))
    >>> night = sd.SignalCollection.from_recording(sd.recording_from_arrays({"C3": np.ones(300)}, rate=100))
    >>> doubled = night.get_signal("100Hz").apply_operation("times", factor=2)
    >>> doubled.get_data()["C3"].max()
    np.float64(2.0)
    """
    held = _OPERATIONS.get(name)
    ours = held is not None and held.function.__module__.startswith(_OURS)
    if name in _NOT_THERE or ours or (held is not None and not replace):
        fix = "choose another name" if held is None or ours else "choose another name, or give replace=True"
        raise ParameterError(f"there is an operation {name!r}", fix=fix)
    _OPERATIONS[name] = Operation(name, kind, function, gives, version)


def operations() -> dict[str, Operation]:
    """All operations by name."""
    return dict(sorted(_OPERATIONS.items()))


def operation_of(name: str, kind: str | None = None, *, others: Mapping[str, Any] | None = None) -> Operation:
    """Operation of a name.

    Parameters
    ----------
    name
        Of the operation.
    kind
        That it has to be of; None: any.
    others
        Further names that are known elsewhere, to suggest one of them.

    Raises
    ------
    ParameterError
        There is none, or not yet, or it is of another kind.
    """
    if name in _NOT_THERE:
        raise ParameterError(f"operation {name!r}: {_NOT_THERE[name]}", where="collection")
    if name not in _OPERATIONS:
        known = [*operations(), *(others or {})]
        raise ParameterError(
            f"unknown operation {name!r}", expected=f"one of {', '.join(known)}", fix=did_you_mean(name, known)
        )
    operation = _OPERATIONS[name]
    if kind is not None and operation.kind != _AS_KIND.get(kind, kind):
        raise ParameterError(f"operation {name!r} is of another kind", expected=operation.kind, found=repr(kind))
    return operation
