"""Texts of cells as numbers: exactly those that are one, all others missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NOT_A_NUMBER = ("nan", "NaN", "NAN", "NA", "N/A", "null", "NULL")  # what programs write for a missing number


def numbers(texts: Any, nulls: Sequence[str], decimal: str = ".") -> tuple[NDArray[np.float64], int]:
    """Numbers of cells, NaN where there is none, and how many cells are neither a number nor empty.

    Parameters
    ----------
    texts
        Arrow strings.
    nulls
        Texts that mean there is no value.
    decimal
        Decimal point.

    Examples
    --------
    >>> numbers(pa.array(["1.5", " -2", "--", "x"]), ["--"])
    (array([ 1.5, -2. ,  nan,  nan]), 1)
    """
    texts = pc.utf8_trim_whitespace(texts)
    missing = pc.or_kleene(pc.is_null(texts), pc.is_in(texts, pa.array([*nulls, "", *_NOT_A_NUMBER])))
    if decimal != ".":
        # A point would be one between thousands: such a cell is no number that means one thing only.
        texts = pc.if_else(pc.match_substring(texts, "."), None, texts)
        texts = pc.replace_substring(texts, decimal, ".")
    good = pc.and_(pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False), pc.invert(missing))  # noqa: FBT003
    found, infinite = finite(pc.cast(pc.if_else(good, texts, None), pa.float64()))
    return found, len(found) - int(pc.sum(pc.or_(good, missing)).as_py() or 0) + infinite


def finite(column: Any) -> tuple[NDArray[np.float64], int]:
    """Numbers of an Arrow column, NaN where it is null or infinite, and how many are infinite; perhaps not to write to.

    Examples
    --------
    >>> finite(pa.array([1.0, None, float("inf")]))
    (array([ 1., nan, nan]), 1)
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    found = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    infinite = np.isinf(found)
    count = int(np.count_nonzero(infinite))
    return (np.where(infinite, np.nan, found) if count else found), count
