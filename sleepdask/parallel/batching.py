"""Work cut into batches that stay views of it: as many items as a task should take, or a part for each worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar, overload

import numpy as np

from sleepdask.errors import ParameterError

Item = TypeVar("Item")
Batch = TypeVar("Batch")
Batch_co = TypeVar("Batch_co", covariant=True)


class Sliceable(Protocol[Batch_co]):
    """What is counted and gives a part of itself for a slice: a list, a range, an array, a table."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> Batch_co: ...


class Batches(Sequence[Batch_co]):
    """Slices of a sequence, each made when it is asked for.

    Parameters
    ----------
    items
        Sequence that is cut.
    starts, stops
        First item of each batch, and the item after its last one.

    Examples
    --------
    >>> batches = Batches("abcdefgh", starts=range(0, 8, 3), stops=range(3, 11, 3))
    >>> batches
    <3 batches of a str: 3, 3, 2 items>
    >>> batches[-1], list(batches[:2]), batches == ["abc", "def", "gh"]
    ('gh', ['abc', 'def'], True)
    """

    def __init__(self, items: Sliceable[Batch_co], starts: Sequence[int], stops: Sequence[int]) -> None:
        self._items = items
        self._starts = starts
        self._stops = stops

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Batch_co: ...
    @overload
    def __getitem__(self, index: slice) -> Batches[Batch_co]: ...
    def __getitem__(self, index: int | slice) -> Batch_co | Batches[Batch_co]:
        if isinstance(index, slice):
            return Batches(self._items, self._starts[index], self._stops[index])
        return self._items[self._starts[index] : self._stops[index]]

    def __iter__(self) -> Iterator[Batch_co]:
        for start, stop in zip(self._starts, self._stops, strict=True):
            yield self._items[start:stop]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(_equal, self, other))

    __hash__ = None  # type: ignore[assignment]  # the items may change

    def __repr__(self) -> str:
        counted = len(self._items)
        sizes = [str(min(stop, counted) - start) for start, stop in zip(self._starts[:6], self._stops[:6], strict=True)]
        if len(self) > len(sizes):
            sizes.append("...")
        return f"<{len(self)} batches of a {type(self._items).__name__}: {', '.join(sizes) or 'no'} items>"


def items_per_chunk(n: int, workers: int, minimum: int = 10) -> int:
    """Items that a task takes: two tasks for each worker, none of them too small to be worth it.

    Parameters
    ----------
    n
        Number of items.
    workers
        Number of workers that share them.
    minimum
        Fewest items worth a task.

    Raises
    ------
    ParameterError
        `n` is negative, or `workers` or `minimum` is less than one.

    Examples
    --------
    >>> items_per_chunk(960, workers=4), items_per_chunk(50, workers=4)
    (120, 10)
    """
    _require("n", n, at_least=0)
    _require("workers", workers, at_least=1)
    _require("minimum", minimum, at_least=1)
    return max(minimum, n // (workers * 2))


@overload
def batch_items(items: Sliceable[Batch], batch_size: int) -> Batches[Batch]: ...
@overload
def batch_items(items: Iterable[Item], batch_size: int) -> Iterator[list[Item]]: ...
def batch_items(items: Any, batch_size: int) -> Batches[Any] | Iterator[list[Any]]:
    """Cut items into batches of one size; the last one takes the rest.

    Parameters
    ----------
    items
        A sequence, cut into slices of itself, each when it is asked for; or any other iterable, cut into lists, of
        which one at a time is pulled from it.
    batch_size
        Number of items in a batch.

    Raises
    ------
    ParameterError
        `batch_size` is less than one.

    Examples
    --------
    >>> batch_items(range(25), 10)
    <3 batches of a range: 10, 10, 5 items>
    >>> list(batch_items(iter("sleep"), 2))
    [['s', 'l'], ['e', 'e'], ['p']]
    """
    _require("batch_size", batch_size, at_least=1)
    if not _can_be_sliced(items):
        return _lists(iter(items), batch_size)
    n = len(items)
    return Batches(items, starts=range(0, n, batch_size), stops=range(batch_size, n + batch_size, batch_size))


def chunk_for_workers(items: Sliceable[Batch], num_workers: int) -> Batches[Batch]:
    """Cut a sequence into a part for each worker, of sizes that differ by one at most; no part is empty.

    Parameters
    ----------
    items
        A sequence, cut into slices of itself, each when it is asked for.
    num_workers
        Number of parts, unless there are fewer items.

    Raises
    ------
    ParameterError
        `num_workers` is less than one, or `items` is not a sequence.

    Examples
    --------
    >>> list(chunk_for_workers("sleepdask", 4))
    ['sle', 'ep', 'da', 'sk']
    """
    _require("num_workers", num_workers, at_least=1)
    if not _can_be_sliced(items):
        raise ParameterError(
            "items cannot be shared out evenly", expected="a sequence", found=type(items).__name__, fix="make it a list"
        )
    n = len(items)
    count = min(n, num_workers)
    size, larger = divmod(n, count or 1)
    edges = [k * size + min(k, larger) for k in range(count + 1)]
    return Batches(items, starts=edges[:-1], stops=edges[1:])


def _require(name: str, value: int, *, at_least: int) -> None:
    if value < at_least:
        raise ParameterError(f"{name} is too small", expected=f"{at_least} or more", found=value)


def _can_be_sliced(items: object) -> bool:
    """Tell sequences from other iterables; mappings and deques have a length and square brackets, but no slices."""
    return hasattr(items, "__len__") and hasattr(items, "__getitem__") and not isinstance(items, Mapping | deque)


def _lists(iterator: Iterator[Item], batch_size: int) -> Iterator[list[Item]]:
    while batch := list(islice(iterator, batch_size)):
        yield batch


def _equal(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)  # type: ignore[arg-type]
    return bool(one == other)
