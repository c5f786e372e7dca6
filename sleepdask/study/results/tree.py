"""A merge of many things whose shape depends on their number alone, whoever merges what, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Generic, TypeVar

T = TypeVar("T")


class FixedTree(Generic[T]):
    """Merges neighbours by twos, then these by twos, as soon as both are there.

    A node is (level, index) and stands for the positions from ``index * 2**level`` to before
    ``(index + 1) * 2**level``. Any run of positions may be merged elsewhere, in a tree of its own, and its `nodes`
    added to this one: the same pairs are merged, so that sums of floats have the same bits. What comes in order leaves
    no more nodes waiting than their number has binary digits.

    Parameters
    ----------
    merge
        Of two neighbours, the one with lower positions first.

    Examples
    --------
    >>> whole, part = (FixedTree(lambda a, b: f"({a}{b})") for _ in range(2))
    >>> for position in (1, 2):
    ...     part.add(0, position, "abc"[position])
    >>> for node in (*part.nodes(), (0, 0, "a")):
    ...     whole.add(*node)
    >>> whole.result()
    '((ab)c)'
    """

    def __init__(self, merge: Callable[[T, T], T]) -> None:
        self._merge = merge
        self._nodes: dict[tuple[int, int], T] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def add(self, level: int, index: int, value: T) -> None:
        """Put a node into its place."""
        while (other := self._nodes.pop((level, index ^ 1), None)) is not None:
            value = self._merge(other, value) if index % 2 else self._merge(value, other)
            level, index = level + 1, index // 2
        self._nodes[level, index] = value

    def nodes(self) -> Iterator[tuple[int, int, T]]:
        """What waits for its neighbour, in order of position."""
        for level, index in sorted(self._nodes, key=lambda node: node[1] << node[0]):
            yield level, index, self._nodes[level, index]

    def result(self) -> T | None:
        """All that was added, merged; None if nothing was."""
        values = [value for _, _, value in self.nodes()]
        return reduce(self._merge, values) if values else None
