"""A table as a rule: where its blocks are and how they are parsed, each of them when it is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sleepdask.io.file_state import FileState
from sleepdask.io.source import Source
from sleepdask.io.tabular.cells import Cells, cells
from sleepdask.io.tabular.format import TableFormat
from sleepdask.io.tabular.lines import Span, utf8
from sleepdask.parallel.cache import ThreadSafeCache

CACHE = ThreadSafeCache(256 << 20, sizeof=lambda block: int(block.nbytes))
"""Parsed blocks of all tables of this process, the least recently used of which make room."""


class Blocks(Protocol):
    """What a lazy array needs of a table: numbers of rows of its blocks, and the numbers of some."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Rows of each block."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of numbers."""

    def blocks(self, which: Iterable[int]) -> Iterator[NDArray[np.float64]]:
        """Numbers of some blocks, dims (column, row)."""

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

    def blocks(self, which: Iterable[int]) -> Iterator[NDArray[np.float64]]:
        """Numbers of some blocks, dims (column, row), NaN where missing; from the cache if they are there.

        Raises
        ------
        ChangedFileError
            The file is not as it was when it was opened.
        """
        with self.state.opened():  # looked at even where nothing is read, so that no old value passes
            for number in which:
                yield CACHE.get_or_compute(self.key(number), partial(self._parsed, number))

    def key(self, number: int) -> tuple[object, ...]:
        """Of a block in the cache."""
        return *self.__dask_tokenize__(), number

    def cells(
        self,
        number: int,
        numbers: Sequence[str],
        texts: Sequence[str],
        mixed: Collection[str] = (),
        stamps: Mapping[str, Any] | None = None,
    ) -> Cells:
        """Some columns of a block, read and parsed.

        Raises
        ------
        ChangedFileError
            The file is not as it was when it was opened.
        FileFormatError
            As `sleepdask.io.tabular.cells.cells`.
        """
        with self.state.opened() as source:
            return cells(
                self.text(source, number),
                self.names,
                self.format,
                wanted=numbers,
                texts=texts,
                mixed=mixed,
                stamps=stamps,
                last=number == len(self.spans) - 1,
                where=self.state.path,
            )

    def text(self, source: Source, number: int) -> bytes:
        """Lines of a block, in UTF-8."""
        span = self.spans[number]
        return utf8(source.read(span.begin, span.end - span.begin), self.encoding, self.state.path)

    def _parsed(self, number: int) -> NDArray[np.float64]:
        return kept(self.cells(number, self.numbers, (), self.mixed).numbers)


def kept(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of a block as the cache has them: nobody may write to them."""
    values.flags.writeable = False
    return values
