"""A table as a rule: where its blocks are and how they are parsed, each of them when it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sleepdask.io.tabular.cells import cells
from sleepdask.io.tabular.format import TableFormat
from sleepdask.io.tabular.lines import Span, utf8
from sleepdask.io.tabular.state import FileState
from sleepdask.parallel.cache import ThreadSafeCache

CACHE = ThreadSafeCache(256 << 20, sizeof=lambda block: int(block.nbytes))
"""Parsed blocks of all tables of this process, the least recently used of which make room."""


class Blocks(Protocol):
    """What a lazy array needs of a table: numbers of rows of its blocks, and the numbers of one block."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Rows of each block."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of numbers."""

    def block(self, number: int) -> NDArray[np.float64]:
        """Numbers of a block, dims (column, row)."""

    def __dask_tokenize__(self) -> tuple[object, ...]:
        """Tell it from all others."""


@dataclass(frozen=True)
class TextBlocks:
    """Blocks of lines of a text table; picklable, with no handle in it.

    Parameters
    ----------
    state, format, encoding
        The file, how it is cut into columns, and the encoding it was found to have.
    names
        Of all columns.
    numbers
        Columns that are read as numbers.
    mixed
        Those of them that are known to have other texts too.
    spans, sizes
        Bytes and rows of each block.
    """

    state: FileState
    format: TableFormat
    encoding: str
    names: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    mixed: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = field(default=(), repr=False)
    sizes: tuple[int, ...] = field(default=(), repr=False)

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return *self.state.__dask_tokenize__(), self.format, self.encoding, self.names, self.numbers

    def block(self, number: int) -> NDArray[np.float64]:
        """Numbers of a block, dims (column, row), NaN where missing; from the cache if they are there.

        Raises
        ------
        ChangedFileError
            The file is not as it was when it was opened.
        """
        with self.state.opened() as source:  # looked at even where nothing is read, so that no old value passes
            span = self.spans[number]
            return CACHE.get_or_compute(
                self.key(number), lambda: self._parsed(source.read(span.begin, span.end - span.begin), number)
            )

    def key(self, number: int) -> tuple[object, ...]:
        """Of a block in the cache."""
        return *self.__dask_tokenize__(), number

    def _parsed(self, raw: bytes, number: int) -> NDArray[np.float64]:
        found = cells(
            utf8(raw, self.encoding, self.state.path),
            self.names,
            self.format,
            wanted=self.numbers,
            mixed=self.mixed,
            last=number == len(self.spans) - 1,
            where=self.state.path,
        )
        return stacked(found.numbers, self.numbers)


def stacked(columns: Any, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Columns as one array, dims (column, row)."""
    values = np.stack([columns[name] for name in names]) if names else np.empty((0, 0))
    values.flags.writeable = False
    return values
