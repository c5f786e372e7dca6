"""Labels as cells of a spreadsheet, where one that begins with ``=`` would be run as a formula.

Source: https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n]")


def escape(label: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula.

    Examples
    --------
    >>> escape("=1+1"), unescape(escape("=1+1")), escape("N2")
    ("'=1+1", '=1+1', 'N2')
    """
    return f"'{label}" if _FORMULA.match(label) else label


def unescape(cell: str) -> str:
    """Take away the apostrophe that `escape` put there."""
    return cell[1:] if _ESCAPED.match(cell) else cell
