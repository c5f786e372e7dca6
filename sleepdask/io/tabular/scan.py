"""The one pass over a text table that opening it takes: blocks in parallel, of which little but numbers is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from dask.system import cpu_count

from sleepdask.errors import FileFormatError
from sleepdask.io.tabular.cells import Cells
from sleepdask.io.tabular.spec import CACHE, TextBlocks, kept
from sleepdask.io.tabular.times import BlockTimes, TimeFormat, Times, joined_times, times_of_block
from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.parallel.settings import get_parallel_config

_MOST = 0.5  # of the rows, or of the cells of a column


class Found(NamedTuple):
    """What a pass found.

    Parameters
    ----------
    blocks
        With the rows of each, and which columns are numbers.
    ragged, ragged_at_end, blank
        Rows with fewer or more cells than columns, those of them at the end of the file, and empty lines.
    good, bad
        Cells by column of numbers that are one, and that are neither a number nor empty.
    times
        Of the rows, if columns of them were named.
    """

    blocks: TextBlocks
    ragged: int
    ragged_at_end: int
    blank: int
    good: dict[str, int]
    bad: dict[str, int]
    times: Times | None


class _Part(NamedTuple):
    """What is kept of a block besides its numbers, which are in the cache."""

    rows: int
    ragged: int
    ragged_at_end: int
    blank: int
    good: dict[str, int]
    bad: dict[str, int]
    times: BlockTimes | None


@dataclass(frozen=True)
class Scan:
    """A pass over all blocks of a text table.

    Parameters
    ----------
    blocks
        Where they are, their rows not yet counted.
    time, time_format
        Columns of the times, and how they are written.
    """

    blocks: TextBlocks
    time: tuple[str, ...]
    time_format: TimeFormat

    def found(self) -> Found:
        """Read and parse every block once.

        Raises
        ------
        FileFormatError
            Most rows have another number of cells than there are columns; a block is no table; or most times cannot
            be read.
        """
        if not self.blocks.spans:
            return self._joined(self.blocks, [])
        columns = tuple(name for name in self.blocks.format.columns or self.blocks.names if name not in self.time)
        first = self.blocks.cells(0, columns, self.time)
        self._check_width(first)
        numbers = tuple(name for name in columns if first.bad[name] <= _MOST * first.rows)
        blocks = replace(self.blocks, numbers=numbers)
        mixed = frozenset(name for name in numbers if first.bad[name])
        if numbers != columns:
            first = blocks.cells(0, numbers, self.time, mixed)
        parts = [self._part(blocks, 0, first)]
        stamps = self._alike(parts[0].times)

        def part(number: int) -> _Part:
            found = self._part(blocks, number, blocks.cells(number, numbers, self.time, mixed, stamps))
            if stamps and _resolution(found) < _resolution(parts[0]):  # digits that only texts tell
                found = self._part(blocks, number, blocks.cells(number, numbers, self.time, mixed))
            return found

        config = replace(get_parallel_config(), max_workers_io=cpu_count(), enable_progress=False)
        config = replace(config, on_error="raise", retries=0, timeout=None)  # no block can be left out
        others = range(1, len(blocks.spans))
        return self._joined(blocks, parts + ParallelExecutor(config).map_threaded(part, others, chunksize=1))

    def _part(self, blocks: TextBlocks, number: int, found: Cells) -> _Part:
        if blocks.numbers:
            CACHE.set(blocks.key(number), kept(found.numbers))
        times = times_of_block([found.texts[name] for name in self.time], self.time_format) if self.time else None
        return _Part(found.rows, found.ragged, found.ragged_at_end, found.blank, found.good, found.bad, times)

    def _alike(self, first: BlockTimes | None) -> dict[str, Any]:
        """What the times of all blocks are likely to be, as those of the first: parsed as such they are no texts."""
        kind = None if first is None or first.lost else self.time_format.native(first.stamps)
        return {self.time[0]: kind} if kind is not None and len(self.time) == 1 else {}

    def _joined(self, blocks: TextBlocks, parts: list[_Part]) -> Found:
        good = {name: sum(part.good[name] for part in parts) for name in blocks.numbers}
        bad = {name: sum(part.bad[name] for part in parts) for name in blocks.numbers}
        mixed = frozenset(name for name, count in bad.items() if count)
        blocks = replace(blocks, sizes=tuple(part.rows for part in parts), mixed=mixed)
        times = None
        if self.time:
            found = [part.times for part in parts if part.times is not None]
            times = joined_times(found, self.time_format, str(blocks.state.path))
        ragged, blank = sum(part.ragged for part in parts), sum(part.blank for part in parts)
        return Found(blocks, ragged, parts[-1].ragged_at_end if parts else 0, blank, good, bad, times)

    def _check_width(self, found: Cells) -> None:
        """Refuse a table most rows of which have another number of cells than there are columns."""
        if found.ragged > _MOST * (found.rows + found.ragged):
            raise FileFormatError(
                "most of its rows have fewer or more cells than there are columns",
                where=self.blocks.state.path,
                expected=f"{len(self.blocks.names)} cells, cut at {self.blocks.format.delimiter!r}",
                found=f"{found.cells_of_ragged} in the first of them",
                fix="say which delimiter it has, or name all its columns",
            )


def _resolution(part: _Part) -> int:
    return 0 if part.times is None else part.times.stamps.resolution
