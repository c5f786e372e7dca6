"""Lazy values that say what of them is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing


class Watched(BackendArray):
    """Values (channel, row) of memory that keep account of the numbers read at each call."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.shape = values.shape
        self.dtype = values.dtype
        self.read: list[int] = []

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        support = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def __reduce__(self) -> tuple[Any, ...]:
        return Watched, (self.values,)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        part = self.values[key]
        self.read.append(part.size)
        return part
