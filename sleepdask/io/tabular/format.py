"""How a text table is cut into columns."""

from __future__ import annotations

from dataclasses import dataclass

from sleepdask.errors import ParameterError

_DECIMALS = (".", ",")


@dataclass(frozen=True)
class TableFormat:
    """How a text table is cut into columns.

    Parameters
    ----------
    delimiter
        One character between two cells.
    skip
        Lines before the names of the columns, or before the first row where `names` are given.
    names
        Of all columns, in their order. None: the line after those skipped has them; a name that is there before
        gets " #2".
    encoding
        Of the text, unless the file begins with the mark of another one.
    nulls
        Texts of a cell that has no value.
    columns
        Names of those that are needed; a table without one of them is refused. None named: all.
    quoted
        Whether quotation marks hold cells together that the delimiter would cut.
    decimal
        Decimal point of numbers, "." or ",".

    Raises
    ------
    ParameterError
        They do not go together.

    Examples
    --------
    >>> TableFormat(";", decimal=",").nulls
    ('',)
    """

    delimiter: str = ","
    skip: int = 0
    names: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ("",)
    columns: tuple[str, ...] = ()
    quoted: bool = True
    decimal: str = "."

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or ord(self.delimiter) > 127 or self.delimiter in '\r\n"':
            found = repr(self.delimiter)
            raise ParameterError("delimiter is not one ASCII character", expected="such as ',' or ';'", found=found)
        if self.decimal not in _DECIMALS:
            raise ParameterError("unknown decimal point", expected=" or ".join(_DECIMALS), found=repr(self.decimal))
        if self.decimal == self.delimiter and not self.quoted:
            raise ParameterError("delimiter and decimal point are the same", found=repr(self.decimal))
        if self.skip < 0:
            raise ParameterError("skip is below 0", found=self.skip)
        if self.names is not None and len(set(self.names)) < len(self.names):
            raise ParameterError("two columns have the same name", found=", ".join(self.names))


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Names of which those that were there before have their number at the end.

    Examples
    --------
    >>> unique_names(["contact", "hr", "contact"])
    ('contact', 'hr', 'contact #2')
    """
    unique: list[str] = []
    for name in names:
        number, made = 1, name
        while made in unique:
            number += 1
            made = f"{name} #{number}"
        unique.append(made)
    return tuple(unique)
