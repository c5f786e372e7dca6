"""Texts of any length as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALL = 1 << 16  # characters
_WASTE = 16


def text_array(texts: Sequence[str]) -> NDArray[Any]:
    """Array of texts, all of the width of the longest; of objects, where that would be a waste of memory.

    An annotation may hold a page of text: with ten thousand short ones beside it, an array of one width has gigabytes.
    """
    width = max(map(len, texts), default=0)
    wasteful = width * len(texts) > max(_SMALL, _WASTE * sum(map(len, texts)))
    return np.array(texts, dtype=object if wasteful else str)
