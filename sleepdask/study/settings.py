"""Settings of a study one by one: what each may be, checked by those who will use it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features import Feature, parse_features
from sleepdask.features.selection import Selection
from sleepdask.filters.preprocessing import Preprocessing
from sleepdask.findings import Findings
from sleepdask.io.edf.records import DTYPES
from sleepdask.io.tabular.layout import TableLayout
from sleepdask.parallel.config import ParallelConfig
from sleepdask.signals.channels import alias_names, load_channel_table
from sleepdask.signals.montage import Montage, Parts, check_montage
from sleepdask.study.harmonise import PACKAGED, check_unit, check_wanted
from sleepdask.times import duration_ns, instant_ns
from sleepdask.zones import Zone

EXTRACTION = ("epoch", "step", "start", "end", "lights_off", "lights_on", "origin", "min_coverage")
OPENING = ("policy", "timezone", "dtype", "layout")
PARALLEL = ("backend", "workers", "scheduler", "security", "require_tls", "memory_limit", "chunk_size", "retries",
            "timeout")  # fmt: skip
MAX_FAILURES = "max_failures"
RUN = (*PARALLEL, MAX_FAILURES)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%|(\d{1,9})", re.ASCII)


def check_setting(name: str, value: Any) -> Any:
    """Value of a setting in the form in which it is kept.

    Raises
    ------
    SleepdaskError
        It is none; what is said of it comes from the part of the package that takes it.
    """
    return _CHECKS[name](name, value)


def check_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of how a study is run, None left out; `ParameterError` if one is unknown or makes no sense."""
    given = {name: value for name, value in run.items() if value is not None}
    for name in given:
        if name not in RUN:
            fix = did_you_mean(name, RUN)
            raise ParameterError(f"no such setting {name!r}", where="run", expected=", ".join(RUN), fix=fix)
    ParallelConfig(**{name: value for name, value in given.items() if name != MAX_FAILURES})
    if MAX_FAILURES in given:
        given[MAX_FAILURES] = str(given[MAX_FAILURES])
        allowed_failures(given[MAX_FAILURES], 1)
    return given


def allowed_failures(limit: str | int, recordings: int) -> int:
    """Number of recordings of a study that may fail.

    Parameters
    ----------
    limit
        A number, or a share such as ``"5%"``, which is rounded down.
    recordings
        Number of all recordings.

    Raises
    ------
    ParameterError
        The limit is neither.

    Examples
    --------
    >>> allowed_failures("5%", 130), allowed_failures(3, 130)
    (6, 3)
    """
    found = None if isinstance(limit, bool) else _SHARE.fullmatch(str(limit).strip())
    if not found or (found[1] and Fraction(found[1]) > 100):
        expected = "a number of recordings, or a share such as '5%'"
        raise ParameterError("max_failures is no limit", expected=expected, found=repr(limit))
    return int(found[2]) if found[2] else int(Fraction(found[1]) * recordings / 100)


def _features(_: str, value: str | Feature | Sequence[Feature]) -> tuple[Feature, ...]:
    if isinstance(value, str):
        return parse_features(value)
    features = (value,) if isinstance(value, Feature) else value if isinstance(value, Selection) else tuple(value)
    if not features:
        raise ParameterError("no feature is given", fix="leave features out for those that a study has by default")
    for each in features:
        if not isinstance(each, Feature):
            raise ParameterError("not a feature", expected="such as sleepdask.features.Statistics()", found=repr(each))
    return features


def _length(name: str, value: Any) -> Any:
    if duration_ns(value, name) <= 0:
        raise ParameterError(f"{name} must be longer than zero", found=repr(value))
    return value


def _moment(name: str, value: Any) -> Any:
    """Time that can be one: with or without a zone, or within a recording without a date."""
    refusals = []
    for read in (instant_ns, lambda text, _, name: instant_ns(text, 0, name, Zone.of("UTC")), _elapsed):
        try:
            read(value, 0, name)
        except ParameterError as error:
            refusals.append(error)
        else:
            return value
    raise refusals[0]


def _elapsed(value: Any, _: int, name: str) -> int:
    return duration_ns(value, name)


def _origin(name: str, value: Any) -> Any:
    return value if isinstance(value, str) and value in ("recording", "hypnogram") else _moment(name, value)


def _coverage(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ParameterError(f"{name} must lie between 0 and 1", found=repr(value))
    return float(value)


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ParameterError(f"{name} is a switch", expected="True or False", found=repr(value))
    return value


def _preprocessing(name: str, value: str | float) -> str:
    text = f"{value:g}" if name == "notch" and isinstance(value, int | float) and not isinstance(value, bool) else value
    return str(getattr(Preprocessing(**{name: text}), name))  # type: ignore[arg-type]


def _policy(_: str, value: str) -> str:
    return Findings("", value).policy


def _timezone(_: str, value: str) -> str:
    Zone.of(value)
    return value


def _dtype(_: str, value: str) -> str:
    if value not in DTYPES:
        fix = did_you_mean(str(value), DTYPES)
        raise ParameterError("unknown dtype of samples", expected=" or ".join(DTYPES), found=repr(value), fix=fix)
    return value


def _layout(name: str, value: TableLayout | Mapping[str, Any] | str | os.PathLike[str]) -> TableLayout:
    if not isinstance(value, TableLayout | Mapping | str | os.PathLike):
        expected = "a TableLayout, a mapping of its fields, or the path of a YAML file of them"
        raise ParameterError(f"{name} is none", expected=expected, found=repr(value))
    return TableLayout.of(value)


def _channel_table(_: str, value: str | os.PathLike[str]) -> str:
    load_channel_table(None if value == PACKAGED else value)
    return os.fspath(value)


def _aliases(_: str, value: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    alias_names(value)
    return {name: tuple(labels) for name, labels in value.items()}


def _montage(_: str, value: Montage) -> dict[str, Parts]:
    return check_montage(value)


def _units(_: str, value: Mapping[str, str]) -> dict[str, str]:
    return {key: check_unit(key, unit) for key, unit in value.items()}


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "features": _features,
    **dict.fromkeys(("epoch", "step"), _length),
    **dict.fromkeys(("start", "end", "lights_off", "lights_on"), _moment),
    "origin": _origin,
    "min_coverage": _coverage,
    "channels": lambda _, value: check_wanted(value),
    **dict.fromkeys(("filter", "notch", "reference"), _preprocessing),
    "policy": _policy,
    "timezone": _timezone,
    "dtype": _dtype,
    "layout": _layout,
    "channel_table": _channel_table,
    "aliases": _aliases,
    "montage": _montage,
    "units": _units,
    "arrays": _switch,
    "run": lambda _, value: check_run(value),
}
SETTINGS = tuple(_CHECKS)
