"""Numbers of seconds, or of parts of one, since an origin: exact to the nanosecond where they are written as texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sleepdask.io.streams import NAT
from sleepdask.io.tabular.stamps import Stamps

_DIGITS = 9  # after the decimal point, of seconds in ns
_NUMBER = r"^[+-]?[0-9]{1,19}([.,][0-9]*)?$"
_LIMIT = 2**63


def epoch_texts(texts: Any, unit: int, origin: int) -> Stamps:
    """Stamps of decimal numbers, with a point or a comma; digits beyond nanoseconds are cut off.

    Parameters
    ----------
    texts
        Arrow strings.
    unit
        ns of one.
    origin
        ns since 1970.

    Examples
    --------
    >>> epoch_texts(pa.array(["1560279825.25", "x"]), 1_000_000_000, 0).stamps.tolist()[0]
    1560279825250000000
    """
    texts = pc.utf8_trim_whitespace(texts)
    good = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)  # noqa: FBT003
    texts = pc.replace_substring(pc.if_else(good, texts, None), ",", ".")
    places = len(str(unit)) - 1  # digits after the point that are whole ns
    point = pc.find_substring(texts, ".")
    digits = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(pc.utf8_length(texts), point), 1))
    finest = int(pc.max(digits).as_py() or 0)
    if finest > places:
        texts = pc.replace_substring_regex(texts, rf"^([+-]?[0-9]+\.[0-9]{{0,{places}}})[0-9]*$", r"\1")
    scaled = _integers(pc.cast(texts, pa.decimal128(38, places)))
    stamps, fits = scaled
    valid = np.asarray(pc.is_valid(texts).to_numpy(zero_copy_only=False), bool) & fits
    with np.errstate(over="ignore"):
        shifted = stamps + np.int64(origin)
    valid &= (shifted >= stamps) == (origin >= 0)
    shifted[~valid] = NAT
    count = int(valid.sum())
    return Stamps(shifted, count, 0, 10 ** (places - min(finest, places)) if count else 0)


def epoch_numbers(values: NDArray[Any], unit: int, origin: int) -> Stamps:
    """Stamps of numbers: integers are exact, floating ones as far as they tell a time.

    Examples
    --------
    >>> epoch_numbers(np.array([0.5, np.nan]), 1_000_000_000, 0).stamps.tolist()[0]
    500000000
    """
    if values.dtype.kind in "iu":
        low, high = (-_LIMIT - origin) // unit + 1, (_LIMIT - 1 - origin) // unit
        good = (values >= low) & (values <= high)
        stamps = np.where(good, values, 0).astype(np.int64) * unit + origin
        resolution = unit
    else:
        values = values.astype(np.float64)
        good = np.isfinite(values) & (np.abs(values) < (_LIMIT - abs(origin)) / unit - 1)
        whole = np.floor(np.where(good, values, 0))
        part = np.where(good, values, 0) - whole
        stamps = whole.astype(np.int64) * unit + np.rint(part * unit).astype(np.int64) + origin
        # What neighbouring numbers of this size differ by; whole ones are not known to be finer than that.
        step = float(np.spacing(np.abs(whole).max(initial=1.0))) * unit
        resolution = max(1, int(np.ceil(step)), 1 if part.any() else unit)
    stamps[~good] = NAT
    count = int(good.sum())
    return Stamps(stamps, count, 0, resolution if count else 0)


def _integers(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Unscaled integers of decimals, and whether 64 bits hold them; those of nulls mean nothing."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    words = np.frombuffer(column.buffers()[1], np.int64)[2 * column.offset : 2 * (column.offset + len(column))]
    low, high = words[::2].copy(), words[1::2]
    return low, high == low >> 63
