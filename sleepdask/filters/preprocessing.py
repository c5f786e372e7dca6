"""What is done to signals before their features are computed, as people write it in a command or a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.filters.base import ZeroPhase
from sleepdask.filters.operations import band, filtered, mains
from sleepdask.filters.referencing import AVERAGE, references_of, rereference

VERSION = 1  # of what the texts mean: another one is computed anew
_HERTZ = r"\d+(?:\.\d+)?"
_BAND = re.compile(rf"({_HERTZ})?-({_HERTZ})?(?::(fir|iir))?", re.ASCII)
_NOTCH = re.compile(rf"({_HERTZ})(?::(fir|iir))?", re.ASCII)


@dataclass(frozen=True)
class Preprocessing:
    """A reference, a band and a notch, in this order; each is left out where its text is empty.

    Parameters
    ----------
    filter
        Band in Hz, such as ``"0.3-35"``, ``"0.3-"`` or ``"-35"``, as in `bandpass`; ``"0.3-35:iir"`` for that method.
    notch
        Frequency of the mains in Hz, such as ``"50"``, as in `notch`; ``"50:iir"`` for that method.
    reference
        ``"average"``, or channels joined by a plus, such as ``"M1+M2"``, as in `rereference`.

    Raises
    ------
    ParameterError
        A text is none of these.

    Examples
    --------
    >>> Preprocessing("0.30-35", "50", "M1 + M2")
    Preprocessing(filter='0.3-35', notch='50', reference='M1+M2')
    """

    filter: str = ""
    notch: str = ""
    reference: str = ""

    def __post_init__(self) -> None:
        texts = {"filter": _band_text, "notch": _notch_text, "reference": _reference_text}
        for name, normal in texts.items():
            given = getattr(self, name)
            if not isinstance(given, str):
                raise ParameterError(f"{name} is no text", found=repr(given))
            object.__setattr__(self, name, normal(given.strip()) if given.strip() else "")
        self._designs  # noqa: B018 - refuses frequencies that make no sense

    def __bool__(self) -> bool:
        return bool(self.filter or self.notch or self.reference)

    def apply(self, recording: xr.DataTree) -> xr.DataTree:
        """Recording with all of it; lazy, no sample is read."""
        return self.filtered(self.referenced(recording))

    def referenced(self, recording: xr.DataTree) -> xr.DataTree:
        """Recording with the reference alone."""
        return rereference(recording, self._references) if self.reference else recording

    def filtered(self, recording: xr.DataTree) -> xr.DataTree:
        """Recording with the band and the notch alone."""
        for design in self._designs:
            recording = filtered(recording, design)
        return recording

    def document(self) -> dict[str, Any]:
        """All that its result depends on, as JSON types; nothing if it does nothing."""
        given = {"filter": self.filter, "notch": self.notch, "reference": self.reference}
        return {name: text for name, text in given.items() if text} | {"version": VERSION} if self else {}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Preprocessing:
        """Make the one that `document` describes."""
        return cls(**{name: text for name, text in document.items() if name != "version"})

    @cached_property
    def _designs(self) -> list[ZeroPhase]:
        designs: list[ZeroPhase] = []
        if self.filter:
            low, high, method = _matched(_BAND, "filter", self.filter)
            designs.append(band(_number(low), _number(high), method or "fir"))
        if self.notch:
            frequency, method = _matched(_NOTCH, "notch", self.notch)
            designs.append(mains(float(frequency), method=method or "fir"))
        return designs

    @property
    def _references(self) -> str | Sequence[str]:
        return AVERAGE if self.reference == AVERAGE else self.reference.split("+")


def _band_text(text: str) -> str:
    low, high, method = _matched(_BAND, "filter", text.replace(" ", ""))
    return f"{_plain(low)}-{_plain(high)}" + (":iir" if method == "iir" else "")


def _notch_text(text: str) -> str:
    frequency, method = _matched(_NOTCH, "notch", text.replace(" ", ""))
    return _plain(frequency) + (":iir" if method == "iir" else "")


def _reference_text(text: str) -> str:
    names = [name.strip() for name in text.split("+")]
    return "+".join(references_of(names)) if text != AVERAGE else AVERAGE


_EXAMPLES = {"filter": "a band in Hz, such as 0.3-35, 0.3- or -35, or 0.3-35:iir", "notch": "Hz, such as 50 or 50:iir"}


def _matched(pattern: re.Pattern[str], name: str, text: str) -> tuple[Any, ...]:
    found = pattern.fullmatch(text)
    if found is None:
        raise ParameterError(f"{name} cannot be read", expected=_EXAMPLES[name], found=repr(text))
    return found.groups()


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _plain(text: str | None) -> str:
    return "" if text is None else repr(float(text)).removesuffix(".0")
