"""Features out of functions: one decorated function of the samples of an epoch is a feature like any other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, make_dataclass
from types import NoneType, UnionType
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values
from sleepdask.features.registry import register

_KINDS = (str, int, float, bool)


class FunctionFeature(Feature):
    """Base of the features that `feature` makes of functions."""

    columns: ClassVar[tuple[Output, ...]]
    lowest_rate: ClassVar[float] = 0.0
    shortest_window: ClassVar[float] = 0.0
    kinds: ClassVar[Mapping[str, Any]] = {}

    @staticmethod
    def function(samples: Any, sampling_frequency: float, **parameters: Any) -> Any:
        """Value of one epoch of one channel, or several; of each feature its own."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        for name, kind in self.kinds.items():
            object.__setattr__(self, name, _checked(getattr(self, name), kind, f"{self.name}:{name}"))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Columns, their definitions with the values of the parameters."""
        return tuple(Output(o.name, o.units, self._told(o.definition), o.reference) for o in self.columns)

    @property
    def minimal_rate(self) -> float:
        """As it was told."""
        return self.lowest_rate

    @property
    def minimal_window(self) -> float:
        """As it was told."""
        return self.shortest_window

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Call the function once for each epoch of each channel, dims (channel, epoch, output)."""
        least = max(1.0, self.shortest_window * sampling.rate)
        function, rate, parameters = type(self).function, float(sampling.rate), self.parameters
        values = np.full((len(samples), len(starts), len(self.columns)), np.nan)
        for channel, row in enumerate(samples):
            for epoch, (start, stop) in enumerate(zip(starts, stops, strict=True)):
                inside = np.array(row[start:stop], np.float64)
                if inside.size >= least and (np.isfinite(inside[0]) or np.isfinite(inside).any()):
                    values[channel, epoch] = self._values(function(inside, rate, **parameters))
        return values

    def _values(self, given: Any) -> Values:
        if isinstance(given, float) and len(self.columns) == 1:
            return np.array([given])
        names = [output.name for output in self.columns]
        if isinstance(given, Mapping):
            if set(given) != set(names):
                raise ValueError(f"the function gave {', '.join(map(str, given))}, not {', '.join(names)}")
            given = [given[name] for name in names]
        made = np.asarray(given)
        if made.dtype.kind not in "buif" or made.size != len(names) or made.ndim > 1:
            raise ValueError(f"the function gave {_shown(given)}, not {_numbers(len(names))}")
        return made.astype(np.float64).reshape(len(names))

    def _told(self, definition: str) -> str:
        for name, value in self.parameters.items():
            text = f"{value:g}" if isinstance(value, float) else str(value)
            definition = definition.replace(f"{{{name}}}", text)
        return definition


def feature(
    *,
    name: str = "",
    units: str = "1",
    outputs: Mapping[str, str] | None = None,
    definition: str = "",
    reference: str = "",
    family: str = "own",
    version: int = 1,
    minimal_rate: float = 0.0,
    minimal_window: float = 0.0,
    needs_fixed_rate: bool = True,
) -> Callable[[Callable[..., Any]], type[Feature]]:
    """Make a feature of a function ``(samples, sampling_frequency, ...)`` of one epoch of one channel (a decorator).

    Parameters
    ----------
    name
        Of the feature, and of its column if it has one; default that of the function.
    units
        Of its one column; ``{unit}`` stands for the unit of the channel.
    outputs
        Units of several columns by name; the function then gives as many values in this order, or by name.
    definition
        What it is; default the first line of the function's text. ``{parameter}`` stands for the value of one.
    reference
        Where it comes from, best with a DOI.
    family
        What it can be chosen by together with others.
    version
        To be raised when it gives other values for a reason that its code does not show, such as a file that it reads.
    minimal_rate, minimal_window
        Lowest rate in Hz and shortest epoch in seconds on which it is defined.
    needs_fixed_rate
        Whether samples have to come at a fixed rate.

    Returns
    -------
    decorate
        Gives the class of the feature, registered by its name. Further parameters of the function are its parameters:
        each has an annotation (str, int, float, bool, a tuple of these, or one of them or None) and a default.

    Raises
    ------
    ParameterError
        The function, or what is said of it, does not fit.

    Notes
    -----
    The function gets a float64 copy, dims (sample,), of what an epoch holds: samples that are missing are NaN, an
    epoch across a gap is its longest part. It is not called, and the value is NaN, for an epoch without a finite sample
    or shorter than `minimal_window`; what it gives of one with less than ``min_coverage`` does not count. It must
    depend on nothing but its arguments. What it raises, or a result of another size or kind, marks the epoch as failed.

    It runs under Python's lock: several processes make it faster, several threads do not.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> @sd.features.feature(units="1", definition="share of samples above {level}")
    ... def share_above(samples, sampling_frequency, level: float = 0.0):
    ...     return np.nanmean(samples > level)
    >>> night = sd.recording_from_arrays({"C3": np.sin(np.arange(9000))}, rate=100)
    >>> made = sd.compute(sd.extract(night, "share_above:level=0.5"), backend="sync")
    >>> made["100Hz/share_above"].values.round(2).ravel().tolist()
    [0.33, 0.33, 0.33]
    """

    def decorate(function: Callable[..., Any]) -> type[Feature]:
        called = name or function.__name__
        text = definition or (inspect.getdoc(function) or called).splitlines()[0]
        parameters = _parameters(function, called)
        columns = {called: units} if outputs is None else dict(outputs)
        if not columns or (outputs is not None and units != "1"):
            raise ParameterError("say the units of each output", where=called, expected="units=..., or outputs={...}")
        members: dict[str, Any] = {
            "__doc__": inspect.getdoc(function) or text,
            "name": called,
            "family": family,
            "version": version,
            "needs_fixed_rate": needs_fixed_rate,
            "columns": tuple(Output(each, unit, text, reference) for each, unit in columns.items()),
            "lowest_rate": float(minimal_rate),
            "shortest_window": float(minimal_window),
            "kinds": {each: kind for each, (kind, _) in parameters.items()},
            "function": staticmethod(function),
        }
        fields = [(each, kind, field(default=default)) for each, (kind, default) in parameters.items()]
        made: type[Feature] = make_dataclass(
            function.__name__, fields, bases=(FunctionFeature,), namespace=members, frozen=True
        )
        made.__module__ = function.__module__ or "__main__"  # none where a text is executed
        made.__qualname__ = function.__qualname__
        return register(made)

    return decorate


def _parameters(function: Callable[..., Any], where: str) -> dict[str, tuple[Any, Any]]:
    """Kind and default of each parameter after the samples and their rate."""
    arguments = list(inspect.signature(function).parameters.values())
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(arguments) < 2 or any(each.kind not in by_position for each in arguments[:2]):
        expected = "function(samples, sampling_frequency, parameter: float = 1.0, ...)"
        raise ParameterError("the function does not fit", where=where, expected=expected)
    hints = get_type_hints(function)
    found = {}
    for each in arguments[2:]:
        kind = hints.get(each.name)
        if each.default is each.empty or kind is None or not _is_known(kind):
            raise ParameterError(
                f"parameter {each.name!r} needs a default, and an annotation of a known kind",
                where=where,
                expected="str, int, float, bool, a tuple of these, or one of them | None",
                fix=f"write such as '{each.name}: float = 1.0'",
            )
        found[each.name] = kind, _checked(each.default, kind, f"{where}:{each.name}")
    return found


def _is_known(kind: Any) -> bool:
    if get_origin(kind) is UnionType:
        return all(each is NoneType or _is_known(each) for each in get_args(kind))
    if get_origin(kind) is tuple:
        return all(each in _KINDS for each in get_args(kind) if each is not ...)
    return kind in _KINDS


def _checked(value: Any, kind: Any, where: str) -> Any:
    """Value of a parameter as its annotation has it; numbers that are whole are also floats."""
    options = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    for option in options:
        if get_origin(option) is tuple and isinstance(value, Sequence) and not isinstance(value, str):
            parts = get_args(option)
            each = parts[:1] * len(value) if parts[1:] == (...,) else parts
            if len(each) == len(value):
                return tuple(_checked(part, of, where) for part, of in zip(value, each, strict=True))
        elif option is float and type(value) in (int, float):
            return float(value)
        elif type(value) is option:
            return value
    expected = getattr(kind, "__name__", str(kind)) if kind in _KINDS else str(kind)
    raise ParameterError("value does not fit the parameter", where=where, expected=expected, found=repr(value))


def _shown(given: Any) -> str:
    made = np.asarray(given)
    return f"an array of shape {made.shape}" if made.ndim > 1 else " ".join(repr(given).split())[:60]


def _numbers(count: int) -> str:
    return "a number" if count == 1 else f"{count} numbers"
