"""What a study knows of its recordings beside their signals, as columns of one type each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from sleepdask.errors import ParameterError
from sleepdask.study.results.columns import unknown

Covariates = Mapping[str, Mapping[str, Any]]  # by id


def covariate_names(covariates: Covariates) -> list[str]:
    """Names of all covariates, as they come."""
    return list(dict.fromkeys(name for values in covariates.values() for name in values))


def covariate_table(covariates: Covariates, ids: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """Covariates of recordings: a row for each of the ids, which are the index.

    A column is int64 or float64 if all that is not missing in the whole study is a number, else str; missing is NaN.

    Raises
    ------
    ParameterError
        There is no such covariate.

    Examples
    --------
    >>> known = {"P1": {"group": "control", "age": 41}, "P2": {"group": None, "age": 37}}
    >>> covariate_table(known, ["P2"], ["age", "group"]).dtypes.astype(str).to_dict()
    {'age': 'int64', 'group': 'str'}
    """
    known = covariate_names(covariates)
    for name in names:
        if name not in known:
            raise unknown("there is no covariate", name, known)
    everyone = list(dict.fromkeys([*covariates, *ids]))
    columns = {name: _column([covariates.get(key, {}).get(name) for key in everyone]) for name in names}
    return pd.DataFrame(columns, index=pd.Index(everyone, dtype="str", name="recording_id")).loc[list(ids)]


def check_names(names: Sequence[str], taken: Sequence[str]) -> None:
    """Refuse covariates that are called like a column of the tables."""
    for name in names:
        if name in taken:
            raise ParameterError(
                f"the covariate {name!r} has the name of a column", fix="rename it in the table of recordings"
            )


def _column(values: Sequence[Any]) -> Any:
    there = [value for value in values if not pd.isna(value)]
    if not there or not all(isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in there):
        return pd.array([None if pd.isna(value) else str(value) for value in values], dtype="str")
    if len(there) == len(values) and all(isinstance(value, Integral) for value in there):
        return np.array([int(value) for value in there], np.int64)
    return np.array([np.nan if pd.isna(value) else float(value) for value in values])
