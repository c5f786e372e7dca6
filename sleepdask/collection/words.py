"""Types of signals by the names that people know them by, and keys that belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.signals.recording import ANNOTATIONS
from sleepdask.signals.types import TYPES

STAGE = "sleep_stage"
MIXED = "mixed"
_FURTHER = ("magnitude", "angle", STAGE, MIXED)  # what a signal as a whole may be, beside what a channel may be
_ALSO = {"accelerometer": "acc", "heart_rate": "hr", "eeg_sleep_stage": STAGE}


def known_type(name: object) -> str:
    """Type of a signal by its name in upper or lower case, also that of the earlier enumerations.

    Examples
    --------
    >>> known_type("ACCELEROMETER"), known_type("hr"), known_type("EEG_SLEEP_STAGE")
    ('acc', 'hr', 'sleep_stage')

    Raises
    ------
    ParameterError
        There is no such type; the nearest is suggested.
    """
    text = (name.name if isinstance(name, Enum) else str(name)).lower()
    text = _ALSO.get(text, text)
    if text not in (known := (*TYPES, *_FURTHER)):
        raise ParameterError(
            f"unknown type of signal {name!r}",
            expected=f"one of {', '.join(known)}",
            fix=did_you_mean(text, [*known, *_ALSO]),
        )
    return text


def type_of(types: Iterable[str]) -> str:
    """Type of a signal whose channels have these types."""
    told = set(types) - {"unknown"}
    return "unknown" if not told else told.pop() if len(told) == 1 else MIXED


def check_key(key: object) -> str:
    """Key that can name a node of a tree.

    Raises
    ------
    ParameterError
        It cannot.
    """
    if not isinstance(key, str) or not key or "/" in key or key in (".", "..", ANNOTATIONS):
        raise ParameterError(
            "this cannot be a key", expected=f"a text without a slash, other than {ANNOTATIONS!r}", found=repr(key)
        )
    return key


def of_base(base: str, keys: Iterable[str]) -> list[str]:
    """Keys ``base_0``, ``base_1`` and so on among others, by their number.

    Examples
    --------
    >>> of_base("hr", ["hr_10", "hr_2", "hrv_0", "hr_x"])
    ['hr_2', 'hr_10']
    """
    pattern = re.compile(re.escape(base) + r"_(\d+)")
    found = [(int(match[1]), key) for key in keys if (match := pattern.fullmatch(key))]
    return [key for _, key in sorted(found)]


def unknown_key(key: object, keys: Iterable[str], what: str = "signal") -> ParameterError:
    """Error for a key that is not there; the nearest one is suggested."""
    known = list(keys)
    return ParameterError(
        f"no {what} {key!r}",
        where="collection",
        expected=f"one of {', '.join(known)}" if known else "a key, but there is none yet",
        fix=did_you_mean(str(key), known),
    )
