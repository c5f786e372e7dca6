"""Texts in cells of a table, where one that begins with ``=`` or the like would be run as a formula by a spreadsheet.

Source: https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n]")


def escaped(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula.

    Examples
    --------
    >>> escaped("=1+1"), unescaped(escaped("=1+1")), escaped("N2")
    ("'=1+1", '=1+1', 'N2')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unescaped(cell: str) -> str:
    """Take away the apostrophe that `escaped` put there."""
    return cell[1:] if _ESCAPED.match(cell) else cell
