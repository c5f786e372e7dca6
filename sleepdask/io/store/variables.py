"""What a variable or an attribute is in Zarr, and back: texts, instants, lengths of time, numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError, ParameterError

OURS = "sleepdask"  # attribute with what only this package reads
NUMBERS = {
    "bool",
    "float16",
    "float32",
    "float64",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_NAT = np.iinfo(np.int64).min


def encode(values: NDArray[Any], where: str) -> tuple[NDArray[Any], dict[str, Any]]:
    """Values as Zarr holds them, and the attributes that say what they are, to this package and to others.

    Texts are Unicode of any length; times are integers with units as the CF conventions have them, NaT the smallest.

    Raises
    ------
    ParameterError
        They are none of texts, times and numbers.
    """
    kind = values.dtype.kind
    if values.dtype.name in NUMBERS:
        return values.astype(values.dtype.newbyteorder("=")), {}
    if kind in "OT" and all(isinstance(value, str) for value in values.flat):
        kind = "U"
    if kind == "U":
        try:
            "".join(values.ravel().tolist()).encode()
        except UnicodeEncodeError as error:
            raise ParameterError(
                "a text that is no Unicode cannot be stored", where=where, found=repr(error.object[error.start])
            ) from error
        return values.astype(object), {OURS: {"kind": "text"}}
    unit = np.datetime_data(values.dtype)[0] if kind in "mM" else ""
    if unit in _UNITS:
        stored, told = values.astype(f"{kind}8[{unit}]").astype(np.int64), {"kind": values.dtype.name}
        if kind == "m":
            return stored, {OURS: told, "units": _UNITS[unit], "dtype": f"timedelta64[{unit}]", "_FillValue": _NAT}
        calendar = {"units": f"{_UNITS[unit]} since 1970-01-01", "calendar": "proleptic_gregorian", "_FillValue": _NAT}
        return stored, {OURS: told} | calendar
    raise ParameterError(
        "values of this kind cannot be stored", where=where, expected="numbers, texts or times", found=str(values.dtype)
    )


def decode(stored: NDArray[Any], attributes: Mapping[str, Any], where: object) -> tuple[NDArray[Any], dict[str, Any]]:
    """Values and attributes as they were before `encode`.

    Raises
    ------
    FileFormatError
        The attributes say something that the stored values are not.
    """
    attrs = dict(attributes)
    told = attrs.pop(OURS, {})
    kind = str(told.get("kind", "") if isinstance(told, dict) else told)
    if not kind and stored.dtype.name in NUMBERS:
        return stored, attrs
    if kind == "text" and stored.dtype.kind in "OTU":
        return np.array(stored.tolist(), dtype=str).reshape(stored.shape), attrs
    if kind in _TIMES and stored.dtype == np.int64:
        return stored.astype(kind), {key: value for key, value in attrs.items() if key not in _TIME_KEYS}
    raise FileFormatError(
        "a variable is not of the kind that it says", where=where, expected=kind, found=str(stored.dtype)
    )


def storable(attrs: Mapping[Any, Any], where: str, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as JSON types, with those that the store needs itself.

    Raises
    ------
    ParameterError
        One has no equal in JSON, or a name that the store needs.
    """
    for key in attrs:
        if not isinstance(key, str) or key in {OURS, *taken}:
            problem = (
                "this name of an attribute is needed by the store"
                if isinstance(key, str)
                else "names of attributes are texts"
            )
            raise ParameterError(problem, where=where, found=repr(key), fix="rename it, or delete it before saving")
    return {key: _plain(value, f"{where}, attribute {key!r}") for key, value in attrs.items()} | dict(taken)


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biufU":
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list):
        return [_plain(each, where) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(each, where) for key, each in value.items()}
    raise ParameterError(
        "an attribute that has no equal in JSON cannot be stored",
        where=where,
        expected="a text, finite number, truth value, None, or lists and dictionaries of these",
        found=f"{type(value).__name__} {value!r:.60}",
        fix="turn it into a text, or delete it before saving",
    )


_TIMES = {f"{kind}[{unit}]" for kind in ("datetime64", "timedelta64") for unit in _UNITS}
_TIME_KEYS = ("units", "calendar", "dtype", "_FillValue")
