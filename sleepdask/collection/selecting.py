"""Which signals, features and columns of a collection are meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sleepdask.collection.metadata import FeatureMetadata, TimeSeriesMetadata
from sleepdask.collection.state import State
from sleepdask.collection.words import known_type, of_base, unknown_key
from sleepdask.errors import ParameterError, did_you_mean

_FIELDS = {each.name for kind in (TimeSeriesMetadata, FeatureMetadata) for each in fields(kind)}


def keys_meant(state: State, names: str | list[str] | tuple[str, ...], *, signals_only: bool = False) -> list[str]:
    """Keys that names mean, each once and in their order: keys themselves, or base names of several.

    Raises
    ------
    ParameterError
        There is neither; the nearest key is suggested.
    """
    known = list(state.signals) if signals_only else state.keys
    meant: dict[str, None] = {}
    for name in [names] if isinstance(names, str) else names:
        found = [name] if name in known else of_base(str(name), known)
        if not found:
            raise unknown_key(name, known, "signal" if signals_only else "signal or feature")
        meant |= dict.fromkeys(found)
    return list(meant)


def chosen(
    state: State,
    spec: str | list[str] | Mapping[str, Any] | None,
    signal_type: Any,
    feature_type: str | None,
    criteria: Mapping[str, Any] | None,
    base_name: str | None,
) -> list[str]:
    """Keys that are all of what `SignalCollection.get_signals` is asked for."""
    asked = dict(criteria or {})
    if isinstance(spec, Mapping):
        asked = {**spec, **asked}
        spec = None
    signal_type = asked.pop("signal_type", None) if signal_type is None else signal_type
    feature_type = asked.pop("feature_type", None) if feature_type is None else feature_type
    base_name = asked.pop("base_name", None) if base_name is None else base_name
    for name in asked:
        if name not in _FIELDS:
            fix = did_you_mean(name, _FIELDS)
            raise ParameterError(f"no field {name!r} of metadata", expected=", ".join(sorted(_FIELDS)), fix=fix)
    keys = state.keys if spec is None else keys_meant(state, spec)
    if base_name is not None:
        keys = [key for key in keys if key in {base_name, *of_base(base_name, state.keys)}]
    if signal_type is not None:
        kind = known_type(signal_type)
        keys = [key for key in keys if key in state.signals and state.signals[key].signal_type == kind]
    if feature_type is not None:
        kind = str(getattr(feature_type, "name", feature_type)).lower()
        keys = [key for key in keys if key in state.sets and state.sets[key].feature_type == kind]
    return [key for key in keys if _has(state, key, asked)]


def _has(state: State, key: str, asked: Mapping[str, Any]) -> bool:
    metadata = state.signals[key] if key in state.signals else state.sets[key]
    return all(hasattr(metadata, name) and getattr(metadata, name) == value for name, value in asked.items())


def columns_meant(table: pd.DataFrame, features: Sequence[str], signals: Sequence[str]) -> pd.DataFrame:
    """Columns of a table with the levels feature and signal_key, by names and globs of both.

    Raises
    ------
    ParameterError
        A name or glob means none.
    """
    meant = _means(table, "feature", features) & _means(table, "signal_key", signals)
    if not meant.any():
        found = f"{', '.join(features)} of {', '.join(signals)}"
        raise ParameterError("no such signal has such a feature", found=found)
    return table.loc[:, meant]


def _means(table: pd.DataFrame, level: str, wanted: Sequence[str]) -> NDArray[np.bool_]:
    names = [str(name) for name in table.columns.get_level_values(level)]
    found = np.zeros(len(names), bool)
    for each in wanted:
        means = np.array([fnmatchcase(name, each) for name in names], bool)
        if not means.any():
            known = list(dict.fromkeys(names))
            fix = did_you_mean(each, known)
            raise ParameterError(f"no {level} {each!r}", expected=f"some of {', '.join(known)}", fix=fix)
        found |= means
    return found
