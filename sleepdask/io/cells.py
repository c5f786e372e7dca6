"""Texts in cells of a CSV table, which a spreadsheet must not take for formulas."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")  # what a spreadsheet may take for one, and the apostrophe itself


def escaped(text: str) -> str:
    """Text with an apostrophe before it where a spreadsheet would run it.

    Examples
    --------
    >>> escaped("=1+1"), escaped("N2"), unescaped(escaped("'s"))
    ("'=1+1", 'N2', "'s")
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def unescaped(text: str) -> str:
    """Text that `escaped` got."""
    return text.removeprefix("'")
